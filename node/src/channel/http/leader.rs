//! Asking the leader of this province what only the leader knows or does: its group.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use mpss_cluster::Member;
use mpss_routing::PeerCall;
use mpss_routing::http::{NoReply, NodeLink};

use super::call::{Answer, Call};
use crate::intake::request_id::IDEMPOTENCY_KEY;
use crate::intake::{EdgeCode, Problem};

/// Marks a request that a node of the same province passed to the leader; it goes no further.
pub(crate) const TO_LEADER: HeaderName = HeaderName::from_static("mpss-to-leader");

/// The link to whichever node leads.
pub(crate) struct LeaderLink {
    link: Arc<dyn NodeLink>,
    deadline: Duration,
}

impl LeaderLink {
    pub(crate) fn new(link: Arc<dyn NodeLink>, deadline: Duration) -> Self {
        Self { link, deadline }
    }

    /// Passes the request to `leader` and brings the answer back.
    pub(crate) async fn pass(&self, call: &Call, leader: &Member) -> Answer {
        let none = || Problem::detailed(EdgeCode::Unavailable, "the leader of this province can not be reached");
        if call.headers().contains_key(TO_LEADER) {
            return Err(none());
        }
        let mut headers = vec![(TO_LEADER.as_str().to_owned(), "1".to_owned())];
        for name in [CONTENT_TYPE, IDEMPOTENCY_KEY] {
            if let Some(Ok(value)) = call.headers().get(&name).map(HeaderValue::to_str) {
                headers.push((name.as_str().to_owned(), value.to_owned()));
            }
        }
        let passed = PeerCall {
            method: call.method().as_str().to_owned(),
            path: call.target().to_owned(),
            headers,
            body: call.body.clone(),
        };
        let reply = match self.link.ask(&leader.http_url, &passed, self.deadline).await {
            Ok(reply) => reply,
            Err(NoReply::NotSent) => return Err(none()),
            Err(NoReply::Unknown) => return Err(EdgeCode::OutcomeUnknown.into()),
        };
        let status = StatusCode::from_u16(reply.status).map_err(|_| none())?;
        let media = reply.header(CONTENT_TYPE.as_str()).and_then(|media| HeaderValue::from_str(media).ok());
        let mut response = Response::new(Body::from(reply.body));
        *response.status_mut() = status;
        let media = media.unwrap_or(HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CONTENT_TYPE, media);
        Ok(response)
    }
}
