//! Passing a request on to the province it belongs to, as it came, once.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use mpss_domain::{ProvinceId, Refusal};
use mpss_routing::{PeerCall, PeerReply};

use super::answer::LOG_INDEX;
use super::call::{Answer, Call};
use super::door::DoorParts;
use crate::channel::guard::{PREFER, is_change};
use crate::intake::problem::{NOT_DONE, REPLAYED};
use crate::intake::request_id::IDEMPOTENCY_KEY;
use crate::intake::trace::TRACEPARENT;
use crate::intake::{EdgeCode, Problem};
use crate::not_done::NotDone;

/// Headers of a request that mean something to the other province.
static REQUEST_HEADERS: [HeaderName; 5] =
    [CONTENT_TYPE, IDEMPOTENCY_KEY, PREFER, TRACEPARENT, HeaderName::from_static("mpss-signature")];
/// Headers of its answer that mean something to the caller.
static ANSWER_HEADERS: [HeaderName; 6] = [CONTENT_TYPE, LOG_INDEX, REPLAYED, RETRY_AFTER, NOT_DONE, LOCATION];

impl DoorParts {
    /// Passes the request on and brings the answer back.
    pub(crate) async fn pass_on(&self, call: &Call, to: ProvinceId) -> Answer {
        if call.is_forwarded() {
            // Two provinces disagree about the number plan: whoever asked looks it up again.
            return Err(Refusal::NotHome.into());
        }
        answer(self.reply_of(call, to, None).await?)
    }

    /// What another province answers to the request, with one more header when given.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) async fn reply_of(
        &self,
        call: &Call,
        to: ProvinceId,
        more: Option<(&str, &str)>,
    ) -> Result<PeerReply, Problem> {
        let headers = REQUEST_HEADERS.iter().filter_map(|name| {
            let value = call.headers().get(name)?.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        let more = more.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let peer_call = PeerCall {
            method: call.method().as_str().to_owned(),
            path: call.target().to_owned(),
            headers: headers.chain(more).collect(),
            body: call.body.clone(),
        };
        match self.context.dispatch.forward(to, peer_call).await {
            Ok(reply) => Ok(reply),
            Err(error) if is_change(call.method()) => Err(NotDone::from(error).into()),
            Err(error) => Err(Problem::unanswered(error.into())),
        }
    }
}

pub(super) fn answer(reply: PeerReply) -> Answer {
    let mut response = Response::new(Body::from(reply.body));
    // A status that is none came from something that is not one of our nodes.
    *response.status_mut() = StatusCode::from_u16(reply.status)
        .map_err(|_| Problem::detailed(EdgeCode::OutcomeUnknown, "the other province's answer was not understood"))?;
    for (name, value) in reply.headers {
        let known = ANSWER_HEADERS.iter().find(|known| known.as_str() == name);
        if let (Some(name), Ok(value)) = (known, HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}
