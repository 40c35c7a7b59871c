//! What an SP asks about its own orders: look, answer a delivery, reverse, refund.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::order::ReversalReason;
use mpss_domain::{Outcome, Refusal, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::order_body::{SpOrderBody, SpOrderFound};
use super::own_key;
use crate::channel::http::accounts::{of_path, unexpected};
use crate::channel::http::answer;
use crate::channel::http::call::{Answer, Call};
use crate::channel::http::door::{Door, DoorParts};
use crate::channel::http::order_body::RefundPart;
use crate::channel::http::orders::{DeliveryAsk, RefundAsk, preference_applied, wait_preferred};
use crate::intake::amount::amount;
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem, field, text};
use mpss_domain::{OrderId, Reply};

impl DoorParts {
    /// The order that a reply is about, as its SP sees it.
    pub(super) async fn sp_order_of(&self, reply: &Reply, id: OrderId) -> Result<SpOrderFound, Problem> {
        let found = self.context.replica.read_at(reply.index, |state| SpOrderFound::find(state, id)).await;
        let found = found.map_err(|_| Problem::edge(EdgeCode::OutcomeUnknown))?;
        found.ok_or_else(|| Problem::refused(Refusal::OrderNotFound).of_path())
    }

    async fn sp_order_changed(&self, reply: &Reply, id: OrderId) -> Answer {
        let found = self.sp_order_of(reply, id).await?;
        Ok(answer::changed(StatusCode::OK, &found.as_of(reply.index), reply))
    }
}

/// Shows an SP its order. With `Prefer: wait=N` the answer waits up to N seconds for a final status. Signed.
#[utoipa::path(
    get, path = "/v1/sp/orders/{id}", tag = "sp", operation_id = "sp_show_order",
    params(
        ("id" = String, Path, description = "The order", example = "O20260101120000000-44-00001"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: wait up to N (at most 60) seconds for a final status", example = "wait=10"),
    ),
    responses((status = 200, description = "The order", body = SpOrderBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    let sp = door.signed_by(&call).await?;
    call.query(&[])?;
    let id = door.own_order(sp, &call).await?;
    let wait = wait_preferred(call.headers());
    let look = |state: &mpss_domain::State| SpOrderFound::find(state, id);
    let found = door.now_or_final(wait.unwrap_or_default(), look, SpOrderFound::is_final).await?;
    let (found, index) = found.ok_or_else(|| Problem::refused(Refusal::OrderNotFound).of_path())?;
    let mut response = answer::found(&found.now(index));
    if let Some(wait) = wait {
        preference_applied(&mut response, wait);
    }
    Ok(response)
}

/// Why an SP wants an order to be reversed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SpReverseOrder)]
pub(crate) struct SpReversalAsk<'a> {
    /// For the record.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 200, example = "sold out")]
    reason: Str<'a>,
}

/// Reverses an order of the SP's own (冲正). Signed.
#[utoipa::path(
    post, path = "/v1/sp/orders/{id}/reversal", tag = "sp", operation_id = "sp_reverse_order",
    params(("id" = String, Path, description = "The order", example = "O20260101120000000-44-00001")),
    request_body = SpReversalAsk<'_>,
    responses((status = 200, description = "Reversed, or on its way (`reversing`)", body = SpOrderBody)),
)]
pub(crate) async fn reverse(State(door): State<Door>, call: Call) -> Answer {
    let sp = door.signed_by(&call).await?;
    let key = own_key(sp, &call)?;
    let ask: SpReversalAsk<'_> = call.json()?;
    let note = text::text("reason", ask.reason.as_str(), text::REASON_CHARS_MAX)?;
    let id = door.own_order(sp, &call).await?;
    let request = call.request(key, &ask);
    let reply = door.serving.reverse_order(request, id, ReversalReason::SpAsked, note).await.map_err(of_path)?;
    door.sp_order_changed(&reply, id).await
}

/// An order with the refund that its SP asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpRefund)]
pub(crate) struct SpRefundBody {
    /// The refund.
    #[serde(flatten)]
    refund: RefundPart,
    /// The order.
    order: SpOrderBody,
    /// Position in the serving province's log.
    log_index: u64,
}

/// Refunds an order of the SP's own (退款), whole or in part, the way it was paid. Signed.
#[utoipa::path(
    post, path = "/v1/sp/orders/{id}/refunds", tag = "sp", operation_id = "sp_refund_order",
    params(("id" = String, Path, description = "The order", example = "O20260101120000000-44-00001")),
    request_body = RefundAsk<'_>,
    responses((status = 201, description = "Refunded, or on its way (`pending`)", body = SpRefundBody)),
)]
pub(crate) async fn refund(State(door): State<Door>, call: Call) -> Answer {
    let sp = door.signed_by(&call).await?;
    let key = own_key(sp, &call)?;
    let ask: RefundAsk<'_> = call.json()?;
    let money = amount("amount", ask.amount.as_str())?;
    let note = text::text("reason", ask.reason.as_str(), text::REASON_CHARS_MAX)?;
    let id = door.own_order(sp, &call).await?;
    let reply = door.serving.refund_order(call.request(key, &ask), id, money, note).await.map_err(of_path)?;
    let Outcome::Refund(_, refund) = reply.outcome else { return Err(unexpected(&reply)) };
    let refund = door.order_of(&reply, id).await?.refund(refund, reply.index).ok_or_else(|| unexpected(&reply))?;
    let order = door.sp_order_of(&reply, id).await?.as_of(reply.index);
    Ok(answer::changed(StatusCode::CREATED, &SpRefundBody { refund, order, log_index: reply.index }, &reply))
}

/// Takes an SP's answer to a delivery that it was told or has read of. A late one changes nothing. Signed.
#[utoipa::path(
    post, path = "/v1/sp/orders/{id}/delivery", tag = "sp", operation_id = "sp_record_delivery",
    params(("id" = String, Path, description = "The order", example = "O20260101120000000-44-00001")),
    request_body = DeliveryAsk<'_>,
    responses((status = 200, description = "Noted; the status tells what it came to", body = SpOrderBody)),
)]
pub(crate) async fn deliver(State(door): State<Door>, call: Call) -> Answer {
    let sp = door.signed_by(&call).await?;
    let key = own_key(sp, &call)?;
    let ask: DeliveryAsk<'_> = call.json()?;
    let accepted = field::choice("result", ask.result.as_str(), &[("accepted", true), ("refused", false)])?;
    if let Some(reason) = &ask.reason {
        text::text("reason", reason.as_str(), text::REASON_CHARS_MAX)?;
    }
    let id = door.own_order(sp, &call).await?;
    let answers = vec![(id, accepted)];
    let reply = door.propose(call.request(key, &ask), Verb::RecordDeliveries { answers }).await?;
    door.sp_order_changed(&reply, id).await
}
