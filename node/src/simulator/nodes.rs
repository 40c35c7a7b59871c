//! The way of a simulated peer to the nodes that it asks, signed.

use std::time::Duration;

use mpss_runtime::Clock;
use mpss_runtime::real::TokioClock;
use serde::Serialize;
use serde_json::Value;

use crate::channel::http::signed;

/// How long an answer of a node is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Heard {
    /// The HTTP status; 0 without an answer.
    pub status: u16,
    /// What it said.
    pub body: Value,
}

/// Nodes behind one address.
#[derive(Debug)]
pub(super) struct Nodes {
    client: reqwest::Client,
    url: String,
    key: Vec<u8>,
}

impl Nodes {
    /// Those at `url`; what is asked of them is signed with `key`.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub(super) fn new(url: &str, key: Vec<u8>) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).timeout(PATIENCE).build()?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), key })
    }

    /// What is signed with.
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// Asks once.
    pub(super) async fn ask(&self, method: &str, target: &str, key: &str, body: Vec<u8>) -> Heard {
        let signature = signed(&self.key, TokioClock::new().wall_ms(), method, target, &body);
        let url = format!("{}{target}", self.url);
        let request = if method == "GET" {
            self.client.get(url)
        } else {
            let post = self.client.post(url).header("content-type", "application/json");
            post.header("idempotency-key", key).body(body)
        };
        let Ok(response) = request.header("mpss-signature", signature).send().await else {
            return Heard { status: 0, body: Value::Null };
        };
        let status = response.status().as_u16();
        Heard { status, body: response.json().await.unwrap_or(Value::Null) }
    }
}
