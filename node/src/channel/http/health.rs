//! Whether this node lives, can work, and how it does.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use mpss_cluster::Role;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer;
use super::call::Answer;
use super::cluster::role_name;
use super::door::Door;
use crate::intake::{EdgeCode, Problem};

/// A node that lives.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthBody {
    /// `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// What the node's replica is in its group.
    #[schema(example = "follower")]
    role: &'static str,
}

/// Answers as long as the node's replica goes on.
#[utoipa::path(
    get, path = "/healthz", tag = "operation", operation_id = "health",
    responses((status = 200, description = "The node lives", body = HealthBody)),
)]
pub(crate) async fn live(State(door): State<Door>) -> Answer {
    let role = door.context.replica.watch().borrow().role;
    if role == Role::Stopped {
        return Err(Problem::detailed(EdgeCode::NotReady, "the replica has stopped"));
    }
    Ok(answer::found(&HealthBody { status: "ok", role: role_name(role) }))
}

/// Answers when the node can work: its province has a leader and a number plan.
#[utoipa::path(
    get, path = "/readyz", tag = "operation", operation_id = "ready",
    responses((status = 200, description = "The node can work", body = HealthBody)),
)]
pub(crate) async fn ready(State(door): State<Door>) -> Answer {
    let (role, leader) = {
        let changes = door.context.replica.watch();
        let status = changes.borrow();
        (status.role, status.leader)
    };
    let not_ready = |why: &'static str| Err(Problem::detailed(EdgeCode::NotReady, why));
    if role == Role::Stopped {
        return not_ready("the replica has stopped");
    }
    if leader.is_none() {
        return not_ready("the province has no leader now");
    }
    if door.context.replica.read(|state| state.plan().epoch) == 0 {
        return not_ready("no number plan is in force yet");
    }
    Ok(answer::found(&HealthBody { status: "ready", role: role_name(role) }))
}

/// Metrics in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "operation", operation_id = "metrics",
    responses((status = 200, description = "Metrics", body = String, content_type = "text/plain")),
)]
pub(crate) async fn metrics(State(door): State<Door>) -> Response {
    let mut response = Response::new(Body::from((door.options.metrics_text)()));
    let media = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}
