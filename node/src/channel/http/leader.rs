//! Asking the leader of this province what only the leader knows or does: its group.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use mpss_cluster::Member;

use super::call::{Answer, Call};
use crate::intake::request_id::IDEMPOTENCY_KEY;
use crate::intake::{EdgeCode, Problem};

/// Marks a request that a node of the same province passed to the leader; it goes no further.
pub(crate) const TO_LEADER: HeaderName = HeaderName::from_static("mpss-to-leader");

/// The link to whichever node leads.
pub(crate) struct LeaderLink {
    client: Option<reqwest::Client>,
}

impl LeaderLink {
    pub(crate) fn new(deadline: Duration) -> Self {
        // Without a client only the passing on is lost, not the node.
        let client = reqwest::Client::builder().timeout(deadline).no_proxy().build().ok();
        Self { client }
    }

    /// Passes the request to `leader` and brings the answer back.
    pub(crate) async fn pass(&self, call: &Call, leader: &Member) -> Answer {
        let none = || Problem::detailed(EdgeCode::Unavailable, "the leader of this province can not be reached");
        if call.headers().contains_key(TO_LEADER) {
            return Err(none());
        }
        let client = self.client.as_ref().ok_or_else(none)?;
        let url = format!("{}{}", leader.http_url.trim_end_matches('/'), call.target());
        let mut request = client.request(call.method().clone(), url).header(TO_LEADER, "1").body(call.body.clone());
        for name in [CONTENT_TYPE, IDEMPOTENCY_KEY] {
            if let Some(value) = call.headers().get(&name) {
                request = request.header(name, value);
            }
        }
        let reply = match request.send().await {
            Ok(reply) => reply,
            Err(error) if error.is_connect() => return Err(none()),
            Err(_) => return Err(EdgeCode::OutcomeUnknown.into()),
        };
        let status = StatusCode::from_u16(reply.status().as_u16()).map_err(|_| none())?;
        let media = reply.headers().get(CONTENT_TYPE).cloned();
        let body = reply.bytes().await.map_err(|_| Problem::edge(EdgeCode::OutcomeUnknown))?;
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let media = media.unwrap_or(HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CONTENT_TYPE, media);
        Ok(response)
    }
}
