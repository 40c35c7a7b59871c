//! HTTP between everybody: from the street to a province, and from province to province.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use mpss_routing::http::{NoReply, NodeLink};
use mpss_routing::{PeerCall, PeerReply};
use mpss_runtime::{BoxFuture, Clock, Spawner};
use tokio::sync::oneshot;
use tower::ServiceExt;

use super::{Fate, Network, Way, machine};
use crate::record::Hop;
use crate::world::SimSpawner;

/// A request over HTTP.
#[derive(Debug, Clone)]
pub struct HttpAsk {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl HttpAsk {
    fn request(&self) -> Request<Body> {
        let mut request = Request::builder().method(self.method.as_str()).uri(self.path.as_str());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Body::from(self.body.clone())).expect("a request of our own is one")
    }

    fn key(&self) -> &str {
        let key = self.headers.iter().find(|(name, _)| name == "idempotency-key");
        key.map_or("", |(_, value)| value.as_str())
    }
}

/// What was answered over HTTP.
#[derive(Debug, Clone)]
pub struct HttpReply {
    /// The status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl HttpReply {
    async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let headers = parts.headers.iter();
        let headers = headers
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Self { status: parts.status.as_u16(), headers, body }
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn words(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let word =
            ["code", "status", "fate", "answer"].iter().find_map(|name| body[*name].as_str()).unwrap_or_default();
        format!("{} {word}", self.status).trim_end().to_owned()
    }
}

impl Network {
    /// One HTTP request from a machine to a site.
    ///
    /// # Errors
    /// [`NoReply`].
    pub async fn ask(
        &self,
        from: &str,
        address: &str,
        request: HttpAsk,
        deadline: Duration,
    ) -> Result<HttpReply, NoReply> {
        let answered = self.ask_whole(from, address, request);
        match tokio::time::timeout(deadline, answered).await {
            Ok(result) => result,
            Err(_) => Err(NoReply::Unknown),
        }
    }

    async fn ask_whole(&self, from: &str, address: &str, request: HttpAsk) -> Result<HttpReply, NoReply> {
        let clock = &self.inner.clock;
        let exchanges = &self.inner.exchanges;
        let number = if exchanges.are_kept() {
            let path = request.path.split('?').next().unwrap_or_default();
            let what = format!("{} {path}", request.method);
            let asked = Hop {
                at_ms: clock.elapsed_ms(),
                arrived_ms: None,
                from: from.to_owned(),
                to: machine(address).to_owned(),
                what,
            };
            exchanges.asked(asked, request.key(), &[request.path.as_bytes(), &request.body])
        } else {
            0
        };
        let to = machine(address).to_owned();
        self.inner.eavesdropper.over_http(from, &to, &request.path, &request.body, false);
        let way = match self.fate(from, address) {
            Fate::Arrives(way) => {
                clock.sleep(way.after).await;
                way
            }
            Fate::Cut if self.inner.random.happens(500_000) => return Err(NoReply::NotSent),
            Fate::Cut | Fate::Lost => return std::future::pending().await,
        };
        let Some((spawner, router)) = self.site(address) else { return Err(NoReply::NotSent) };
        // What is sent to a process that stands still waits in its machine's buffers.
        spawner.gate().open().await;
        exchanges.arrived(number, clock.elapsed_ms());
        if way.doubled {
            drop(self.serve(&spawner, router.clone(), &request));
        }
        let reply = self.serve(&spawner, router, &request).await.map_err(|_| NoReply::Unknown)?;
        let sent_ms = clock.elapsed_ms();
        let back = self.fate(address, from);
        if let Fate::Arrives(Way { after, .. }) = back {
            clock.sleep(after).await;
        }
        if exchanges.are_kept() {
            let arrived_ms = matches!(back, Fate::Arrives(_)).then(|| clock.elapsed_ms());
            let (by, to) = (machine(address).to_owned(), from.to_owned());
            let hop = Hop { at_ms: sent_ms, arrived_ms, from: by, to, what: reply.words() };
            exchanges.answered(number, hop, &reply.body);
        }
        match back {
            Fate::Arrives(_) => {
                self.inner.eavesdropper.over_http(from, &to, &request.path, &reply.body, true);
                Ok(reply)
            }
            Fate::Lost | Fate::Cut => std::future::pending().await,
        }
    }

    fn site(&self, address: &str) -> Option<(SimSpawner, Router)> {
        self.inner.state.lock().sites.get(address).cloned()
    }

    fn serve(&self, spawner: &SimSpawner, router: Router, ask: &HttpAsk) -> oneshot::Receiver<HttpReply> {
        let (sender, reply) = oneshot::channel();
        self.inner.trace.mark(2, ask.path.as_bytes());
        self.inner.trace.mark(2, &ask.body);
        let request = ask.request();
        let trace = self.inner.trace.clone();
        spawner.spawn(
            "request",
            Box::pin(async move {
                let Ok(response) = router.oneshot(request).await;
                let reply = HttpReply::read(response).await;
                trace.mark(3, &reply.body);
                // Whoever asked may have given up.
                let _ = sender.send(reply);
            }),
        );
        reply
    }
}

pub(super) fn link(network: &Network, machine: &str) -> Arc<dyn NodeLink> {
    Arc::new(SimLink { network: network.clone(), machine: machine.to_owned() })
}

struct SimLink {
    network: Network,
    machine: String,
}

impl NodeLink for SimLink {
    fn ask<'a>(
        &'a self,
        url: &'a str,
        call: &'a PeerCall,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<PeerReply, NoReply>> {
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        let ask = HttpAsk {
            method: call.method.clone(),
            path: call.path.clone(),
            headers: call.headers.clone(),
            body: call.body.clone(),
        };
        Box::pin(async move {
            let reply = self.network.ask(&self.machine, address, ask, deadline).await?;
            Ok(PeerReply { status: reply.status, headers: reply.headers, body: reply.body })
        })
    }
}
