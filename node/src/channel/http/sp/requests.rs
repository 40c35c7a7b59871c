//! What became of a request of an SP's own: for one that asked and does not know whether it was heard.

use axum::extract::State;
use mpss_domain::{AwardId, OrderId, Outcome, RefundId, SpId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::channel::http::answer;
use crate::channel::http::call::{Answer, Call};
use crate::channel::http::door::Door;
use crate::intake::field::Shown;
use crate::intake::request_id::RequestKey;
use crate::intake::{EdgeCode, Problem};

/// What became of a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpRequest)]
pub(crate) struct SpRequestBody {
    /// The SP's request id.
    #[schema(example = "c2b7-0017")]
    request_id: String,
    /// `done` or `refused`; nothing is known of one that was not heard (404).
    #[schema(example = "done")]
    status: &'static str,
    /// Why it was refused: the name of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "refund_exceeds_paid")]
    refused_because: Option<&'static str>,
    /// The order that it made or changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "O20260101120000000-44-00001")]
    order_id: Option<Shown<OrderId>>,
    /// The refund that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "R20260101120000000-44-00001")]
    refund_id: Option<Shown<RefundId>>,
    /// The award that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "W20260101120000000-44-00001")]
    award_id: Option<Shown<AwardId>>,
    /// Where it was decided in the province's log.
    log_index: u64,
}

/// Shows an SP what became of a request of its own, for as long as requests are remembered. Signed.
#[utoipa::path(
    get, path = "/v1/sp/requests/{id}", tag = "sp", operation_id = "sp_show_request",
    params(("id" = String, Path, pattern = "^[!-~]{1,64}$", description = "The SP's request id, percent-encoded", example = "c2b7-0017")),
    responses((status = 200, description = "What became of it", body = SpRequestBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    let sp: SpId = door.signed_by(&call).await?;
    call.query(&[])?;
    let text = call.param("id");
    let key = RequestKey::parse(text.as_bytes())?.of_sp(sp);
    let reply = door.context.replica.read(|state| state.answer_to(key.number()));
    let reply = reply.ok_or_else(|| Problem::edge(EdgeCode::RequestNotFound))?;
    let mut body = SpRequestBody {
        request_id: text.to_owned(),
        status: "done",
        refused_because: None,
        order_id: None,
        refund_id: None,
        award_id: None,
        log_index: reply.index,
    };
    match reply.outcome {
        Outcome::Refused(refusal) => (body.status, body.refused_because) = ("refused", Some(refusal.code())),
        Outcome::OrderDeclined(order, refusal) => {
            (body.status, body.refused_because) = ("refused", Some(refusal.code()));
            body.order_id = Some(Shown(order));
        }
        Outcome::Order(order) => body.order_id = Some(Shown(order)),
        Outcome::Refund(order, refund) => {
            (body.order_id, body.refund_id) = (Some(Shown(order)), Some(Shown(refund)));
        }
        Outcome::Award(award) => body.award_id = Some(Shown(award)),
        _ => {}
    }
    Ok(answer::found(&body))
}
