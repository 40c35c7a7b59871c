//! How what we tell SPs is signed: each request anew, with the platform's own key (`platform_keys.rs`).

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use mpss_runtime::Seams;
use reqwest::Url;

use crate::message_signature::{CONTENT_DIGEST, Message, Signature, Signer, content_digest};

/// What is signed of each request.
const COVERED: [&str; 4] = ["@method", "@target-uri", "content-type", CONTENT_DIGEST];

/// Signs what is posted to SPs.
#[derive(Clone)]
pub struct NoticeSigning {
    signer: Arc<Signer>,
    seams: Seams,
}

impl std::fmt::Debug for NoticeSigning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NoticeSigning").field("key_id", &self.signer.key_id).finish_non_exhaustive()
    }
}

impl NoticeSigning {
    /// Signs with this key, at the time of these seams.
    #[must_use]
    pub fn new(signer: Signer, seams: Seams) -> Self {
        Self { signer: Arc::new(signer), seams }
    }

    /// The headers of JSON that is posted to this address; none for one that can not be posted to anyway.
    pub(super) fn headers(&self, url: &str, body: &[u8]) -> HeaderMap {
        let Ok(url) = Url::parse(url) else { return HeaderMap::new() };
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let digest = HeaderValue::from_str(&content_digest(body)).expect("a digest is written in ASCII");
        headers.insert(CONTENT_DIGEST, digest);
        let host = url.host_str().unwrap_or_default();
        // As it goes into the header Host: without the scheme's own port.
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let message = Message {
            method: "POST",
            scheme: url.scheme(),
            authority: &authority,
            path: url.path(),
            query: url.query(),
            headers: &headers,
        };
        let signature = Signature::draw(self.seams.clock.wall_ms() / 1_000, &*self.seams.random);
        let signed = self.signer.sign(&message, &COVERED, &signature);
        headers.extend(signed);
        headers
    }
}
