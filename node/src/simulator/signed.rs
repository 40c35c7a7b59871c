//! What a simulated peer looks at to know that a request is from us.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use mpss_runtime::Clock;
use mpss_runtime::real::TokioClock;

use crate::channel::http::verify;

/// What a signature is about, besides the body.
pub(super) struct Signed {
    method: Method,
    target: String,
    header: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Signed {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get("mpss-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        Ok(Self { method: parts.method.clone(), target, header: header.to_owned() })
    }
}

impl Signed {
    /// Was it signed with this key, now and with this body?
    pub(super) fn is_with(&self, key: &[u8], body: &[u8]) -> bool {
        verify(key, &self.header, TokioClock::new().wall_ms(), self.method.as_str(), &self.target, body).is_ok()
    }
}
