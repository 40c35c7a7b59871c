//! HTTP/1.1 over the simulated network: what a caller's program and a province's link are made of.

use std::time::Duration;

use axum::http::{Method, Request};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use mpss_routing::http::{NoReply, NodeLink, REPLY_BYTES_MAX};
use mpss_routing::{PeerCall, PeerReply};
use mpss_runtime::BoxFuture;
use serde_json::Value;

use super::scene::Scene;
use super::tcp::Connector;

/// How long an unused connection is kept, as the product's own link does.
const IDLE_MAX: Duration = Duration::from_secs(3);

/// A client with connections of its own, for the host that runs at the moment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client<Connector, Full<Bytes>>,
    scene: Scene,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl Http {
    /// A client without connections yet. To be made on its host.
    #[must_use]
    pub fn new(scene: Scene) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.timer(TokioTimer::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_MAX);
        Self { client: builder.build(Connector(scene.clone())), scene }
    }

    /// Asks `url`, for `deadline` at most.
    ///
    /// # Errors
    /// When there was no whole answer.
    pub async fn ask(
        &self,
        url: &str,
        method: &str,
        headers: &[(String, String)],
        body: Bytes,
        deadline: Duration,
    ) -> Result<Reply, NoReply> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| NoReply::NotSent)?;
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).map_err(|_| NoReply::NotSent)?;
        let asked = async {
            let response = self.client.request(request).await;
            let response =
                response.map_err(|error| if error.is_connect() { NoReply::NotSent } else { NoReply::Unknown })?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, REPLY_BYTES_MAX).collect().await.map_err(|_| NoReply::Unknown)?;
            let headers = parts.headers.iter();
            let headers = headers
                .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect();
            Ok(Reply { status: parts.status.as_u16(), headers, body: body.to_bytes() })
        };
        tokio::time::timeout(deadline, asked).await.unwrap_or_else(|_| {
            self.scene.count("requests given up by their caller");
            Err(NoReply::Unknown)
        })
    }
}

/// The link of one province to the others.
#[derive(Debug)]
pub struct Link(pub Http);

impl NodeLink for Link {
    fn ask<'a>(
        &'a self,
        url: &'a str,
        call: &'a PeerCall,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<PeerReply, NoReply>> {
        Box::pin(async move {
            let url = format!("{}{}", url.trim_end_matches('/'), call.path);
            let reply = self.0.ask(&url, &call.method, &call.headers, call.body.clone(), deadline).await?;
            self.0.scene.count("calls between provinces");
            Ok(PeerReply { status: reply.status, headers: reply.headers, body: reply.body })
        })
    }
}
