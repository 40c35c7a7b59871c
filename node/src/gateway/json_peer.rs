//! A peer that is asked in JSON over HTTP and answers in JSON. What is said is in each peer's own file.

use std::sync::Arc;
use std::time::Duration;

use mpss_runtime::Clock;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::rail::Lost;

/// A peer at one address.
#[derive(Clone)]
pub(super) struct JsonPeer {
    client: reqwest::Client,
    url: String,
    pen: Option<Pen>,
}

/// What requests are signed with.
#[derive(Clone)]
struct Pen {
    key: Vec<u8>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for JsonPeer {
    /// Without the key: debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsonPeer").field("url", &self.url).finish_non_exhaustive()
    }
}

impl JsonPeer {
    /// The peer at `url`, such as `http://ismp.example:8080`.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub(super) fn new(url: &str) -> Result<Self, reqwest::Error> {
        // Each request brings its own deadline.
        let client = super::client(Duration::from_secs(60))?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), pen: None })
    }

    /// The same peer, when requests to it are signed as [`crate::channel::http::signed`] says.
    pub(super) fn signed_with(self, key: Vec<u8>, clock: Arc<dyn Clock>) -> Self {
        Self { pen: Some(Pen { key, clock }), ..self }
    }

    /// What it answers to a `POST`.
    pub(super) async fn post<A: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        patience: Duration,
    ) -> Result<A, Lost> {
        let body = serde_json::to_vec(body).expect("a struct of texts and numbers can be written as JSON");
        self.ask(Method::POST, path, Some(body), patience).await
    }

    /// What it answers to a `GET`.
    pub(super) async fn get<A: DeserializeOwned>(&self, path: &str, patience: Duration) -> Result<A, Lost> {
        self.ask(Method::GET, path, None, patience).await
    }

    async fn ask<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        patience: Duration,
    ) -> Result<A, Lost> {
        let url = format!("{}{path}", self.url);
        let signature = self.pen.as_ref().map(|pen| {
            let text = body.as_deref().unwrap_or_default();
            crate::channel::http::signed(&pen.key, pen.clock.wall_ms(), method.as_str(), &super::target_of(&url), text)
        });
        let mut request = self.client.request(method, url).timeout(patience);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        if let Some(signature) = signature {
            request = request.header("mpss-signature", signature);
        }
        let bytes = super::whole_answer(request).await?;
        serde_json::from_slice(&bytes).map_err(|_| Lost::Unknown)
    }
}
