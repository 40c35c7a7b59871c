//! Answers: JSON written once, with the headers that say what it is an answer to.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use mpss_domain::Reply;
use serde::Serialize;

use crate::intake::problem::REPLAYED;

/// Position of the change in the province's log.
pub(crate) const LOG_INDEX: HeaderName = HeaderName::from_static("mpss-log-index");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Most answers fit into this, in bytes; a longer one grows once.
const USUAL_BYTES: usize = 1_536;

/// The answer to a question.
pub(crate) fn found(body: &impl Serialize) -> Response {
    json(StatusCode::OK, body)
}

/// The answer to a change.
pub(crate) fn changed(status: StatusCode, body: &impl Serialize, reply: &Reply) -> Response {
    let mut response = json(status, body);
    let headers = response.headers_mut();
    headers.insert(LOG_INDEX, HeaderValue::from(reply.index));
    if reply.replayed {
        headers.insert(REPLAYED, TRUE);
    }
    response
}

/// The answer to a change that made something, and where that is found.
pub(crate) fn created(body: &impl Serialize, reply: &Reply, location: &str) -> Response {
    let mut response = changed(StatusCode::CREATED, body, reply);
    let location = HeaderValue::from_str(location).expect("paths of ours are ASCII");
    response.headers_mut().insert(LOCATION, location);
    response
}

/// The answer to a change that is taken and goes on by itself, and where it is shown.
pub(crate) fn accepted(body: &impl Serialize, reply: &Reply, location: &str) -> Response {
    let mut response = created(body, reply, location);
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut bytes, body).expect("answers are structs of texts and numbers");
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}
