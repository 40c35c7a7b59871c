//! The caller's request id: what makes a request the same request.

use axum::http::{HeaderMap, HeaderName};
use mpss_domain::ids::IssuedId;
use mpss_domain::{Request, SpId};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{EdgeCode, Problem};

/// The header that carries the caller's request id.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The same for problems, as HTTP/2 and logs spell headers.
const HEADER_NAME: &str = "idempotency-key";
/// Characters of a request id at most.
const KEY_CHARS_MAX: usize = 64;
/// What one is.
const WHAT: &str = "1 to 64 visible ASCII characters, once";

/// The caller's request id, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestKey(u128);

impl RequestKey {
    /// Reads the header: 1 to 64 visible ASCII characters, exactly once.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = given.next() else {
            let what = "every change carries the caller's request id in this header";
            return Err(Problem::field(EdgeCode::MissingIdempotencyKey, HEADER_NAME, what));
        };
        if given.next().is_some() {
            return Err(Problem::field(EdgeCode::InvalidIdempotencyKey, HEADER_NAME, WHAT));
        }
        Self::parse(value.as_bytes())
    }

    /// A request id, wherever it stands.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.is_empty() || bytes.len() > KEY_CHARS_MAX || !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(Problem::field(EdgeCode::InvalidIdempotencyKey, HEADER_NAME, WHAT));
        }
        let digest = Sha256::new().chain_update(b"mpss-request").chain_update(bytes).finalize();
        Ok(Self(u128::from_be_bytes(digest[..16].try_into().expect("SHA-256 has 32 bytes"))))
    }

    /// The same id as an SP's own, which no other SP's and nobody else's is.
    pub(crate) fn of_sp(self, sp: SpId) -> Self {
        let digest = Sha256::new().chain_update(b"mpss-sp-request").chain_update(sp.bits().to_be_bytes());
        let digest = digest.chain_update(self.0.to_be_bytes()).finalize();
        Self(u128::from_be_bytes(digest[..16].try_into().expect("SHA-256 has 32 bytes")))
    }

    /// As it is remembered.
    pub(crate) const fn number(self) -> u128 {
        self.0
    }

    /// The request id of one line of a file that was sent under this one.
    pub(crate) fn of_line(self, line: u64) -> Self {
        let digest = Sha256::new().chain_update(b"mpss-request-line").chain_update(self.0.to_be_bytes());
        let digest = digest.chain_update(line.to_be_bytes()).finalize();
        Self(u128::from_be_bytes(digest[..16].try_into().expect("SHA-256 has 32 bytes")))
    }

    /// The request: this id and what it was sent with. `body` is the request as it was understood, in
    /// the order of its type and **without** passwords (they are never serialised), so that white
    /// space and the order of fields do not matter and no digest of a six-digit secret is kept.
    pub(crate) fn with_content(self, method: &str, target: &str, body: &impl Serialize) -> Request {
        let mut digest = Sha256::new();
        // Lengths in front: nothing of one part can be taken for a piece of the next.
        for part in [method, target] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        let mut writer = DigestWriter(digest);
        serde_json::to_writer(&mut writer, body).expect("a request's struct can be written as JSON");
        let digest = writer.0.finalize();
        Request { key: self.0, content: u64::from_be_bytes(digest[..8].try_into().expect("SHA-256 has 32 bytes")) }
    }
}

/// Digests what is written to it.
struct DigestWriter(Sha256);

impl std::io::Write for DigestWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).expect("a header value"));
        }
        headers
    }

    #[test]
    fn keys_are_1_to_64_visible_ascii_characters() {
        assert_eq!(RequestKey::read(&HeaderMap::new()).expect_err("none").code(), "missing_idempotency_key");
        let long = [b'k'; 65];
        for values in
            [&[b"".as_slice()][..], &[b"a b"], &[b"a\tb"], &["键".as_bytes()], &[b"\xff"], &[&long], &[b"a", b"a"]]
        {
            let problem = RequestKey::read(&headers(values)).expect_err("refused");
            assert_eq!((problem.code(), problem.field_name()), ("invalid_idempotency_key", Some("idempotency-key")));
        }
        for value in [b"k".as_slice(), &[b'~'; 64], b"9f8c-{}\"'\\"] {
            assert!(RequestKey::read(&headers(&[value])).is_ok());
        }
    }

    #[test]
    fn the_digests_are_the_ones_that_are_in_the_log() {
        // Golden: a change here would make every repetition after an upgrade a new request.
        let key = RequestKey::read(&headers(&[b"key-1"])).expect("valid");
        assert_eq!(key.0, 0xb6c83304dfb35549a75112c3bd6f2897);
        assert_eq!(key.with_content("POST", "/v1/orders", &serde_json::json!({"a": 1})).content, 0xf7b53fabc1b477e3);
    }

    #[test]
    fn another_path_is_another_request() {
        let key = RequestKey::read(&headers(&[b"key-1"])).expect("valid");
        let one = key.with_content("POST", "/v1/orders", &1);
        assert_ne!(one, key.with_content("PUT", "/v1/orders", &1));
        assert_ne!(one, key.with_content("POST", "/v1/order", &1));
        assert_ne!(one, key.with_content("POST", "/v1/orders", &11));
        assert_eq!(one, key.with_content("POST", "/v1/orders", &1));
    }
}
