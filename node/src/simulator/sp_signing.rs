//! Signatures at a simulated SP: it believes only what the platform has signed, once it was told the platform's keys,
//! and signs what it asks itself with a key that it was given.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use mpss_domain::sp_keys::SpKeyAlgorithm;
use mpss_runtime::Clock;
use mpss_runtime::real::{OsRandom, TokioClock};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::message_signature::{
    CONTENT_DIGEST, CheckKey, Fault, Kind, Message, Nonces, Presented, SignKey, Signature, Signer, content_digest,
};

/// Signatures that are remembered.
const NONCES_MAX: usize = 100_000;
/// How long the node may take for an answer, in ms.
const DEADLINE_MS: u64 = 70_000;

/// One of the keys that `GET /v1/keys` shows.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PlatformKey {
    key_id: String,
    algorithm: String,
    public_key: String,
}

/// What `GET /v1/keys` shows.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PlatformKeys {
    keys: Vec<PlatformKey>,
}

/// What notices are checked with.
pub(super) struct Checks {
    keys: Vec<(String, CheckKey)>,
    nonces: Nonces,
}

impl Checks {
    /// Believes these keys; nothing when one of them can not be read.
    pub(super) fn new(shown: &PlatformKeys) -> Option<Self> {
        let keys = shown.keys.iter().map(|key| {
            let check = CheckKey::new(algorithm(&key.algorithm)?, &hex::decode(&key.public_key).ok()?).ok()?;
            Some((key.key_id.clone(), check))
        });
        Some(Self { keys: keys.collect::<Option<_>>()?, nonces: Nonces::new(NONCES_MAX) })
    }

    /// Was this posted by the platform, now, and never before?
    pub(super) fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<(), Fault> {
        let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        let message = Message {
            method: method.as_str(),
            scheme: "http",
            authority: host,
            path: uri.path(),
            query: uri.query(),
            headers,
        };
        let now_s = TokioClock::new().wall_ms() / 1_000;
        let presented = Presented::read(&message, body, Kind::Notice, now_s)?;
        let key = self.keys.iter().find(|(id, _)| *id == presented.key_id).map(|(_, key)| key);
        presented.check(key.ok_or(Fault::UnknownKey)?)?;
        let taken = self.nonces.take(&presented.key_id, &presented.nonce, presented.created_s, now_s);
        taken.map_err(|_| Fault::Replayed)
    }
}

/// The key that a simulated SP signs with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnKey {
    /// What `keyid` says: `S…/…`.
    key_id: String,
    /// `hmac-sha256`, `ed25519` or `sm2-sm3`.
    algorithm: String,
    /// The secret, or the private key, in hex.
    secret: String,
}

/// What a simulated SP is to ask of a node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asking {
    /// `http://host:port`.
    node: String,
    method: String,
    /// Path and query.
    path: String,
    /// Of a change.
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    body: Value,
    /// `wait=N`, say.
    #[serde(default)]
    prefer: String,
}

impl OwnKey {
    /// The key itself; nothing when it is none.
    pub(super) fn signer(&self) -> Option<Signer> {
        let key = SignKey::new(algorithm(&self.algorithm)?, &hex::decode(&self.secret).ok()?).ok()?;
        Some(Signer { key_id: self.key_id.clone(), key })
    }
}

/// Asks a node, signed, and gives what it answered.
pub(super) async fn ask(signer: &Signer, asking: &Asking) -> Result<Value, String> {
    let url = reqwest::Url::parse(&format!("{}{}", asking.node, asking.path)).map_err(|error| error.to_string())?;
    let method = Method::from_bytes(asking.method.as_bytes()).map_err(|error| error.to_string())?;
    let changes = method != Method::GET;
    let body = if changes { Bytes::from(asking.body.to_string()) } else { Bytes::new() };
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: &str| {
        let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
        headers.insert(HeaderName::from_static(name), value);
        Ok::<_, String>(())
    };
    if changes {
        put("content-type", "application/json")?;
        put(CONTENT_DIGEST, &content_digest(&body))?;
        put("idempotency-key", &asking.request_id)?;
    }
    if !asking.prefer.is_empty() {
        put("prefer", &asking.prefer)?;
    }
    let host = url.host_str().unwrap_or_default();
    let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let message = Message {
        method: method.as_str(),
        scheme: url.scheme(),
        authority: &authority,
        path: url.path(),
        query: url.query(),
        headers: &headers,
    };
    let covered: &[&str] = if changes {
        &["@method", "@target-uri", "content-type", CONTENT_DIGEST, "idempotency-key"]
    } else {
        &["@method", "@target-uri"]
    };
    let signed = signer.sign(&message, covered, &Signature::draw(TokioClock::new().wall_ms() / 1_000, &OsRandom));
    headers.extend(signed);
    let client = crate::gateway::client(std::time::Duration::from_millis(DEADLINE_MS)).map_err(|e| e.to_string())?;
    let answer = client.request(method, url).headers(headers).body(body).send().await.map_err(|e| e.to_string())?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(json!({ "status": status, "body": body }))
}

fn algorithm(name: &str) -> Option<SpKeyAlgorithm> {
    SpKeyAlgorithm::ALL.into_iter().find(|known| known.name() == name)
}
