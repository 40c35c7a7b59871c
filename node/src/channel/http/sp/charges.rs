//! Purchases that an SP begins (product §5, 6.3.2 with step 1 of 6.3.1): the subscriber is asked by text, and what comes of
//! it is seen by the order's status or read by number. Money may also be set aside first, and charged later.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::{AccountKind, AccountSelector, Channel, Outcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::order_body::SpOrderBody;
use super::own_key;
use crate::channel::http::accounts::{of_path, unexpected};
use crate::channel::http::answer;
use crate::channel::http::call::{Answer, Call};
use crate::channel::http::door::Door;
use crate::channel::http::orders::QUANTITY_MAX;
use crate::intake::field;
use crate::intake::json::Str;
use crate::serving::AskCharge;

/// A purchase that an SP begins for a subscriber, of a product of its own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SpAskCharge)]
pub(crate) struct ChargeAsk<'a> {
    /// Who is to pay.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
    /// What for.
    #[serde(borrow)]
    #[schema(value_type = String, example = "G20260101120000000-44-00001")]
    product_id: Str<'a>,
    /// How many.
    #[schema(minimum = 1, maximum = 1000, example = 1)]
    quantity: u32,
    /// From which kind of account: `virtual` (when not given), `communication` or `bank`.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "virtual")]
    account_kind: Option<Str<'a>>,
    /// The province the subscriber is in now; the one that is asked when not given.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "44")]
    location: Option<Str<'a>>,
    /// The money is only set aside, until the SP charges what it has used of it.
    #[serde(default)]
    reserve: bool,
}

/// Has a subscriber asked, by text, to pay for a product of the SP's. The order is `awaiting_confirmation`; its end is
/// seen with `Prefer: wait=N` at the order, or read by number. Signed.
#[utoipa::path(
    post, path = "/v1/sp/charges", tag = "sp", operation_id = "sp_ask_charge",
    request_body = ChargeAsk<'_>,
    responses((status = 201, description = "The subscriber is being asked", body = SpOrderBody)),
)]
pub(crate) async fn ask(State(door): State<Door>, call: Call) -> Answer {
    let sp = door.signed_by(&call).await?;
    let key = own_key(sp, &call)?;
    let ask: ChargeAsk<'_> = call.json()?;
    let kind = ask
        .account_kind
        .as_ref()
        .map_or(Ok(AccountKind::StoredValue), |kind| field::account_kind("account_kind", kind.as_str()))?;
    let location =
        (ask.location.as_ref()).map_or(Ok(door.here()), |province| field::province("location", province.as_str()))?;
    let charge = AskCharge {
        sp,
        product: field::id("product_id", ask.product_id.as_str())?,
        msisdn: field::msisdn("msisdn", ask.msisdn.as_str())?,
        quantity: field::within("quantity", ask.quantity, 1..=QUANTITY_MAX)?,
        account: AccountSelector::Kind(kind),
        channel: Channel::Web,
        location,
        reserve: ask.reserve,
    };
    door.admit(charge.msisdn.number())?;
    let reply = door.serving.ask_charge(call.request(key, &ask), charge).await?;
    let Outcome::Order(id) = reply.outcome else { return Err(unexpected(&reply)) };
    let found = door.sp_order_of(&reply, id).await?;
    Ok(answer::created(&found.as_asked(reply.index, ask.quantity), &reply, &format!("/v1/sp/orders/{id}")))
}

/// What an SP has used of what is set aside for it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SpChargeReservation)]
pub(crate) struct ChargeReservationAsk {
    /// How many pieces; the others are free again.
    #[schema(minimum = 1, maximum = 1000, example = 1)]
    quantity: u32,
}

/// Charges what was set aside for an order of the SP's own, or a part of it. Signed.
#[utoipa::path(
    post, path = "/v1/sp/orders/{id}/charge", tag = "sp", operation_id = "sp_charge_reservation",
    params(("id" = String, Path, description = "The order", example = "O20260101120000000-44-00001")),
    request_body = ChargeReservationAsk,
    responses((status = 200, description = "Charged, or on its way", body = SpOrderBody)),
)]
pub(crate) async fn charge(State(door): State<Door>, call: Call) -> Answer {
    let sp = door.signed_by(&call).await?;
    let key = own_key(sp, &call)?;
    let ask: ChargeReservationAsk = call.json()?;
    let quantity = field::within("quantity", ask.quantity, 1..=QUANTITY_MAX)?;
    let id = door.own_order(sp, &call).await?;
    let reply = door.serving.charge_reservation(call.request(key, &ask), id, quantity).await.map_err(of_path)?;
    let found = door.sp_order_of(&reply, id).await?;
    Ok(answer::changed(StatusCode::OK, &found.as_of(reply.index), &reply))
}
