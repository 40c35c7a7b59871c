//! Somebody who is told things as JSON over HTTP, signed as they sign to us; any answer of 2xx is their word
//! that they know.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use serde::Serialize;

use super::NoAnswer;

/// One address that is told things.
pub(super) struct SignedNotices {
    client: reqwest::Client,
    url: String,
    key: Vec<u8>,
}

impl SignedNotices {
    /// Whoever listens at `url`; notices are signed with `key`, as [`crate::channel::http::signed`] says.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub(super) fn new(url: &str, key: Vec<u8>, deadline: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self { client: super::client(deadline)?, url: url.to_owned(), key })
    }

    /// Tells it once; `at_ms` is the time of the signature, in ms since 1970.
    pub(super) async fn tell(&self, notice: &impl Serialize, at_ms: u64) -> Result<(), NoAnswer> {
        let body = serde_json::to_vec(notice).expect("a struct of texts can be written as JSON");
        let signature = crate::channel::http::signed(&self.key, at_ms, "POST", &super::target_of(&self.url), &body);
        let request = self.client.post(&self.url).header(CONTENT_TYPE, "application/json");
        let request = request.header("mpss-signature", signature).body(body);
        let status = request.send().await.map_err(NoAnswer::Silent)?.status();
        if status.is_success() { Ok(()) } else { Err(NoAnswer::Status(status.as_u16())) }
    }
}
