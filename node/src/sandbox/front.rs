//! What the SP asks: passed on to a node, unless something is played. Everything that is not of SPs is passed on as it
//! is, so that the front is the platform to whoever tries it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::Sandbox;
use super::seen::{Direction, Exchange, answer_of};
use crate::command_line::Failure;
use crate::intake::{EdgeCode, Problem};
use crate::message_signature::SIGNATURE_INPUT;

/// Largest request, in bytes; nodes have narrower bounds of their own.
const BODY_BYTES_MAX: usize = 64 << 20;
/// How long a node may take, longer than anything that can be waited for there.
const PATIENCE: Duration = Duration::from_secs(90);
/// The doors at which faults are played.
const SP_DOORS: &str = "/v1/sp/";
/// What belongs to one connection and is not passed on.
const HOP_BY_HOP: [HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    // It is written anew.
    header::CONTENT_LENGTH,
];

/// The nodes, any of which may be asked.
pub(super) struct Nodes {
    client: reqwest::Client,
    urls: Vec<String>,
    /// Which of them has answered last.
    last: AtomicUsize,
}

/// An answer, whole.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Nodes {
    pub(super) fn new(urls: &[String]) -> Result<Self, Failure> {
        let client = crate::gateway::client(PATIENCE).map_err(|error| Failure::start(error.to_string()))?;
        Ok(Self { client, urls: urls.to_vec(), last: AtomicUsize::new(0) })
    }

    /// Asks the node that has answered last; the next one when nobody is there.
    async fn ask(&self, parts: &Parts, body: &Bytes) -> Result<Answered, Problem> {
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let headers = passed_on(&parts.headers);
        for _ in 0..self.urls.len() {
            let place = self.last.load(Ordering::Relaxed) % self.urls.len();
            let url = format!("{}{target}", self.urls[place]);
            let request = self.client.request(parts.method.clone(), url).headers(headers.clone()).body(body.clone());
            let unknown = |_| Problem::edge(EdgeCode::OutcomeUnknown);
            match request.send().await {
                Ok(answer) => {
                    let (status, headers) = (answer.status(), passed_on(answer.headers()));
                    let body = answer.bytes().await.map_err(unknown)?;
                    return Ok(Answered { status, headers, body });
                }
                Err(error) if error.is_connect() => {
                    self.last.store(place + 1, Ordering::Relaxed);
                }
                Err(error) => {
                    self.last.store(place + 1, Ordering::Relaxed);
                    return Err(unknown(error));
                }
            }
        }
        Err(Problem::edge(EdgeCode::Unavailable))
    }
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers
}

impl Answered {
    fn response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Everything that is not the sandbox's own.
pub(super) async fn pass(State(sandbox): State<Sandbox>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if !parts.uri.path().starts_with(SP_DOORS) {
        return sandbox.front.ask(&parts, &body).await.map_or_else(IntoResponse::into_response, Answered::response);
    }
    let begun = Instant::now();
    let (answered, played) = sandbox.play(&parts, &body).await;
    let answered = match answered {
        Ok(answered) => answered,
        Err(problem) => whole(problem.into_response()).await,
    };
    sandbox.seen.note(Exchange {
        number: 0,
        at_ms: 0,
        direction: Direction::Asked,
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        request_id: text(&parts.headers, "idempotency-key"),
        key_id: parameter(&parts.headers, "keyid"),
        nonce: parameter(&parts.headers, "nonce"),
        digest: hex::encode(Sha256::digest(&body)),
        notices: Vec::new(),
        played: played.to_owned(),
        status: answered.status.as_u16(),
        answer: answer_of(&answered.body),
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    answered.response()
}

impl Sandbox {
    /// What comes of a request of the SP's, and what was played: in the words that nodes have for it.
    async fn play(&self, parts: &Parts, body: &Bytes) -> (Result<Answered, Problem>, &'static str) {
        let fate = self.asking.fate();
        if fate.lost {
            return (Err(Problem::detailed(EdgeCode::Unavailable, "lost, by the sandbox")), "lost");
        }
        if fate.refused.is_some() {
            return (Err(Problem::detailed(EdgeCode::TooManyRequests, "refused, by the sandbox")), "refused");
        }
        let answered = self.front.ask(parts, body).await;
        if fate.after_ms > 0 {
            tokio::time::sleep(Duration::from_millis(fate.after_ms)).await;
        }
        if fate.crash {
            // The receiver is gone only when the sandbox ends.
            let _ = self.crash.send(());
        }
        match fate {
            _ if fate.crash => (Err(Problem::detailed(EdgeCode::OutcomeUnknown, "a crash, by the sandbox")), "crash"),
            _ if fate.answer_lost => {
                (Err(Problem::detailed(EdgeCode::OutcomeUnknown, "the answer lost, by the sandbox")), "answer_lost")
            }
            _ if fate.after_ms > 0 => (answered, "late"),
            _ => (answered, ""),
        }
    }
}

async fn whole(response: Response) -> Answered {
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    Answered { status: parts.status, headers: passed_on(&parts.headers), body }
}

fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// A parameter of the signature as it is written, whether or not the signature is right.
fn parameter(headers: &HeaderMap, name: &str) -> String {
    let input = text(headers, SIGNATURE_INPUT);
    let behind = input.split_once(&format!(";{name}=\"")).map(|(_, behind)| behind);
    behind.and_then(|behind| behind.split('"').next()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn parameters_are_read_of_whatever_is_signed() {
        let mut headers = HeaderMap::new();
        assert_eq!(parameter(&headers, "nonce"), "");
        let input = r#"sig=("@method" "@path");created=1;keyid="S1/a";alg="ed25519";nonce="n-1""#;
        headers.insert(SIGNATURE_INPUT, HeaderValue::from_static(input));
        assert_eq!((parameter(&headers, "keyid").as_str(), parameter(&headers, "nonce").as_str()), ("S1/a", "n-1"));
        assert_eq!(parameter(&headers, "tag"), "");
    }

    #[test]
    fn what_belongs_to_one_connection_is_not_passed_on() {
        let mut headers = HeaderMap::new();
        for name in [header::CONNECTION, header::CONTENT_LENGTH, header::HOST] {
            headers.insert(name, HeaderValue::from_static("1"));
        }
        assert_eq!(
            passed_on(&headers).into_iter().collect::<Vec<_>>(),
            [(Some(header::HOST), HeaderValue::from_static("1"))]
        );
    }
}
