//! The way of a simulated peer to the nodes that it asks, signed.

use std::sync::atomic::{AtomicUsize, Ordering};
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

impl Heard {
    /// It is an answer: not silence, not "not now" (429, 503), not "unknown" (504).
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        !matches!(self.status, 0 | 429 | 503 | 504)
    }
}

/// Nodes, any of which may be asked.
#[derive(Debug)]
pub(super) struct Nodes {
    client: reqwest::Client,
    urls: Vec<String>,
    /// Which of them has answered last.
    last: AtomicUsize,
    key: Vec<u8>,
}

impl Nodes {
    /// Those at `urls`; what is asked of them is signed with `key`.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub(super) fn new(urls: &[String], key: Vec<u8>) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).timeout(PATIENCE).build()?;
        let urls = urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        Ok(Self { client, urls, last: AtomicUsize::new(0), key })
    }

    /// What is signed with.
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// Asks one after the other, first the one that has answered last, until one answers; else what the last one
    /// said.
    pub(super) async fn ask(&self, method: &str, target: &str, key: &str, body: &[u8]) -> Heard {
        let (from, count) = (self.last.load(Ordering::Relaxed), self.urls.len());
        let mut heard = Heard { status: 0, body: Value::Null };
        for place in (from..from + count).map(|place| place % count) {
            heard = self.ask_one(&self.urls[place], method, target, key, body.to_vec()).await;
            if heard.is_answer() {
                self.last.store(place, Ordering::Relaxed);
                break;
            }
        }
        heard
    }

    async fn ask_one(&self, url: &str, method: &str, target: &str, key: &str, body: Vec<u8>) -> Heard {
        let signature = signed(&self.key, TokioClock::new().wall_ms(), method, target, &body);
        let url = format!("{url}{target}");
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

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;

    use super::*;

    /// A node that says this to whoever looks.
    fn node(status: StatusCode, end: &tokio::sync::watch::Receiver<bool>) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        let router = Router::new().route("/look", get(move || async move { status }));
        tokio::spawn(super::super::serve(listener, router, end.clone()));
        url
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_gives_no_answer_is_passed_over_until_it_is_needed_again() {
        let (end, ended) = tokio::sync::watch::channel(false);
        let (lame, last) = (node(StatusCode::SERVICE_UNAVAILABLE, &ended), node(StatusCode::IM_A_TEAPOT, &ended));
        let dead = "http://127.0.0.1:1".to_owned();
        let nodes = Nodes::new(&[dead.clone(), lame.clone(), last], vec![7; 32]).expect("a client");
        let heard = nodes.ask("GET", "/look", "", &[]).await;
        assert_eq!((heard.status, nodes.last.load(Ordering::Relaxed)), (418, 2), "the third answers");
        assert_eq!(nodes.ask("GET", "/look", "", &[]).await.status, 418);
        let none = Nodes::new(&[dead, lame], vec![7; 32]).expect("a client");
        assert_eq!(none.ask("GET", "/look", "", &[]).await.status, 503, "what the last one said");
        let _ = end.send(true);
    }
}
