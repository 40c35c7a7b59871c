//! What the SP is told: signed anew for its own address, since what the nodes have signed was for the sandbox; and, when
//! a tester wants it, signed as nobody must believe it.

use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mpss_runtime::real::{OsRandom, TokioClock};
use mpss_runtime::{Clock, Random};
use parking_lot::Mutex;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Sandbox;
use super::seen::{Direction, Exchange, Seen, answer_of};
use crate::command_line::Failure;
use crate::message_signature::{CONTENT_DIGEST, Message, SignKey, Signature, Signer, WINDOW_S, content_digest};
use crate::simulator::remembered::Remembered;

/// Orders whose last notice is remembered.
const NOTICES_MAX: usize = 10_000;
/// How long the SP may take, as nodes have it by default.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is signed of each request.
const COVERED: [&str; 4] = ["@method", "@target-uri", "content-type", CONTENT_DIGEST];
/// Another address, that nothing is ever sent to.
const ELSEWHERE: &str = "https://elsewhere.example/notices";
/// A key that the platform does not have.
const UNKNOWN_KEY: &str = "mpss-0000000000000000";

/// How something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Manner {
    /// As it was told before, with a new signature.
    Again,
    /// With a member that no notice has today.
    MoreMembers,
    /// Signed with the key that is published and does not sign yet.
    NextKey,
    /// Not signed.
    Unsigned,
    /// Another body than the one that was signed.
    OtherBody,
    /// Signed with another key under the name of the platform's.
    OtherKey,
    /// Signed with another key under its own name.
    UnknownKey,
    /// Signed long ago.
    Old,
    /// Signed for another address.
    OtherTarget,
    /// The digest is there and not signed.
    DigestNotCovered,
    /// There is no digest.
    NoDigest,
    /// The very same request twice; the second is shown.
    Replayed,
}

/// How the SP answered.
struct Told {
    status: u16,
    body: Bytes,
}

/// Tells the SP.
pub(super) struct Teller {
    client: reqwest::Client,
    notice_url: Mutex<String>,
    signs: Signer,
    published: Signer,
    seen: Seen,
    /// The last notice of each order.
    notices: Mutex<Remembered<Value>>,
}

impl Teller {
    pub(super) fn new(notice_url: &str, [signs, published]: [Signer; 2], seen: Seen) -> Result<Self, Failure> {
        let refused = |why: String| Failure::usage(format!("--notice-url {notice_url}: {why}"));
        let url = Url::parse(notice_url).map_err(|error| refused(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(refused("http://host:port/path, or https".to_owned()));
        }
        let client = crate::gateway::client(PATIENCE).map_err(|error| Failure::start(error.to_string()))?;
        let notices = Mutex::new(Remembered::new(NOTICES_MAX));
        Ok(Self { client, notice_url: Mutex::new(notice_url.to_owned()), signs, published, seen, notices })
    }

    /// Where the SP is told from now on.
    pub(super) fn tell_at(&self, notice_url: &str) {
        notice_url.clone_into(&mut self.notice_url.lock());
    }

    /// Tells the SP what is in this body, and notes how that went.
    async fn tell(&self, body: &Bytes, manner: Manner, played: &str) -> Told {
        let url = self.notice_url.lock().clone();
        let Ok(parsed) = Url::parse(&url) else {
            return Told { status: 0, body: Bytes::from_static(b"notice_url is none") };
        };
        let (headers, sent) = self.dressed(&parsed, body, manner);
        let mut told = self.post(&parsed, &headers, &sent, played).await;
        if manner == Manner::Replayed {
            told = self.post(&parsed, &headers, &sent, "replayed").await;
        }
        told
    }

    async fn post(&self, url: &Url, headers: &HeaderMap, body: &Bytes, played: &str) -> Told {
        let begun = Instant::now();
        let request = self.client.post(url.clone()).headers(headers.clone()).body(body.clone());
        let told = match request.send().await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                let body = answer.bytes().await;
                body.map_or_else(|error| silent(&error), |body| Told { status, body })
            }
            Err(error) => silent(&error),
        };
        self.seen.note(Exchange {
            number: 0,
            at_ms: 0,
            direction: Direction::Told,
            method: "POST".to_owned(),
            target: url.to_string(),
            request_id: String::new(),
            key_id: String::new(),
            nonce: String::new(),
            digest: hex::encode(Sha256::digest(body)),
            notices: notices_in(body),
            played: played.to_owned(),
            status: told.status,
            answer: answer_of(&told.body),
            took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        told
    }

    /// The headers and the body that go out in this manner.
    fn dressed(&self, url: &Url, body: &Bytes, manner: Manner) -> (HeaderMap, Bytes) {
        let now_s = TokioClock::new().wall_ms() / 1_000;
        let mut signature = Signature::draw(now_s, &OsRandom);
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if manner != Manner::NoDigest {
            let digest = HeaderValue::from_str(&content_digest(body)).expect("a digest is written in ASCII");
            headers.insert(CONTENT_DIGEST, digest);
        }
        if manner == Manner::Unsigned {
            return (headers, body.clone());
        }
        if manner == Manner::Old {
            signature.created_s = now_s - 2 * WINDOW_S;
        }
        let elsewhere = Url::parse(ELSEWHERE).expect("an address");
        let target = if manner == Manner::OtherTarget { &elsewhere } else { url };
        let host = target.host_str().unwrap_or_default();
        let authority = target.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let message = Message {
            method: "POST",
            scheme: target.scheme(),
            authority: &authority,
            path: target.path(),
            query: target.query(),
            headers: &headers,
        };
        let covered: &[&str] = match manner {
            Manner::DigestNotCovered | Manner::NoDigest => &COVERED[..3],
            _ => &COVERED,
        };
        let signed = match manner {
            Manner::NextKey => self.published.sign(&message, covered, &signature),
            Manner::OtherKey => stranger(&self.signs.key_id).sign(&message, covered, &signature),
            Manner::UnknownKey => stranger(UNKNOWN_KEY).sign(&message, covered, &signature),
            _ => self.signs.sign(&message, covered, &signature),
        };
        headers.extend(signed);
        let mut sent = body.to_vec();
        if manner == Manner::OtherBody {
            // Still the same JSON to whoever does not look at the bytes.
            sent.push(b' ');
        }
        (headers, Bytes::from(sent))
    }
}

fn silent(error: &reqwest::Error) -> Told {
    let why = json!({ "no_answer": crate::demo::told(error) });
    Told { status: 0, body: Bytes::from(why.to_string()) }
}

/// Somebody with a key of the right kind, who is not the platform.
fn stranger(key_id: &str) -> Signer {
    let mut bytes = [0; 32];
    OsRandom.fill(&mut bytes);
    let key = SignKey::new(mpss_domain::sp_keys::SpKeyAlgorithm::Ed25519, &bytes);
    Signer { key_id: key_id.to_owned(), key: key.expect("any 32 bytes are a key of Ed25519") }
}

/// Kinds and orders of the notices in a body.
fn notices_in(body: &[u8]) -> Vec<(String, String)> {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let notices = parsed["notices"].as_array().cloned().unwrap_or_default();
    notices.iter().map(|notice| (text(&notice["kind"]), text(&notice["order_id"]))).collect()
}

/// What nodes bring. To them the sandbox is the SP, so they hear what it answers, or that nobody has answered.
pub(super) async fn take(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    let fate = sandbox.telling.fate();
    if fate.lost || fate.refused.is_some() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let teller = &sandbox.teller;
    let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
    for notice in parsed["notices"].as_array().into_iter().flatten() {
        let order = notice["order_id"].as_str().unwrap_or_default();
        *teller.notices.lock().entry(order, || Value::Null) = notice.clone();
    }
    let no_answer = fate.answer_lost || fate.crash;
    let played = if no_answer {
        "answer_lost"
    } else if fate.times > 1 {
        "twice"
    } else {
        ""
    };
    let mut told = teller.tell(&body, Manner::Again, played).await;
    for _ in 1..fate.times {
        told = teller.tell(&body, Manner::Again, played).await;
    }
    if fate.crash {
        let _ = sandbox.crash.send(());
    }
    if fate.after_ms > 0 {
        tokio::time::sleep(Duration::from_millis(fate.after_ms)).await;
    }
    let status = StatusCode::from_u16(told.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    if no_answer {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    (status, [(header::CONTENT_TYPE, "application/json")], told.body).into_response()
}

/// What is to be told once more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Errand {
    orders: Vec<String>,
    #[serde(rename = "as")]
    manner: Manner,
}

/// Tells the SP the last notices of these orders in some manner, and shows what it answered.
pub(super) async fn tell_again(State(sandbox): State<Sandbox>, Json(errand): Json<Errand>) -> Response {
    let teller = &sandbox.teller;
    let mut notices = Vec::new();
    for order in &errand.orders {
        let Some(mut notice) = teller.notices.lock().get(order).cloned() else {
            return (StatusCode::NOT_FOUND, format!("the SP was told nothing of {order}")).into_response();
        };
        if errand.manner == Manner::MoreMembers {
            notice["of_a_later_version"] = json!({ "what": ["nobody", "knows", 1] });
        }
        notices.push(notice);
    }
    let body = Bytes::from(json!({ "notices": notices }).to_string());
    let played = serde_json::to_value(errand.manner).unwrap_or_default();
    let told = teller.tell(&body, errand.manner, played.as_str().unwrap_or_default()).await;
    Json(json!({ "status": told.status, "answer": answer_of(&told.body) })).into_response()
}

#[cfg(test)]
mod tests;
