//! What damaged headers of a signature come to; for `tests/src/decoders.rs`.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::{CONTENT_DIGEST, Kind, Message, Presented, SIGNATURE, SIGNATURE_INPUT};

/// When the seeds were signed, in s since 1970.
const NOW_S: u64 = 1_795_399_200;

/// Are these bytes, a header a line (`Signature-Input`, `Signature`, `Content-Digest`), the signature of a change whose
/// body is `{}`? Whose, is not looked at.
#[must_use]
pub fn understands(bytes: &[u8]) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("idempotency-key", HeaderValue::from_static("k-1"));
    for (name, line) in [SIGNATURE_INPUT, SIGNATURE, CONTENT_DIGEST].into_iter().zip(bytes.split(|byte| *byte == b'\n'))
    {
        let Ok(value) = HeaderValue::from_bytes(line) else { return false };
        headers.insert(HeaderName::from_static(name), value);
    }
    let message = Message {
        method: "POST",
        scheme: "http",
        authority: "node-1.example:8080",
        path: "/v1/sp/charges",
        query: None,
        headers: &headers,
    };
    Presented::read(&message, b"{}", Kind::Change, NOW_S).is_ok()
}
