//! Goods that are sent (购物): to whom is said with the order, that they are on their way by the SP, that they
//! are there by the buyer (product specification §3).

use axum::extract::State;
use mpss_domain::ids::IssuedId;
use mpss_domain::shipping::{self, Recipient, Sent, Shipment, TrackingNumber};
use mpss_domain::{LogTime, OrderId, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::call::{Answer, Call};
use super::door::Door;
use super::order_body::OrderBody;
use crate::intake::field::{self, Shown};
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem, text};

/// The goods of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Shipment)]
pub(crate) struct ShipmentPart {
    /// `not_shipped`, `shipped` or `received`.
    #[schema(example = "shipped")]
    status: &'static str,
    /// Who carries them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "顺丰")]
    carrier: Option<String>,
    /// What the carrier calls them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "SF1020304050607")]
    tracking_number: Option<Shown<TrackingNumber>>,
    /// Since when they are on their way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    shipped_at: Option<Shown<LogTime>>,
    /// When they were there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    received_at: Option<Shown<LogTime>>,
}

impl ShipmentPart {
    pub(super) fn of(row: &Shipment) -> Self {
        let sent = row.sent.as_ref();
        Self {
            status: row.name(),
            carrier: sent.map(|sent| sent.carrier.clone()),
            tracking_number: sent.map(|sent: &Sent| Shown(sent.tracking)),
            shipped_at: sent.map(|sent| Shown(sent.at)),
            received_at: row.received_at.map(Shown),
        }
    }
}

/// The recipient that an order names: whole, or not at all.
pub(super) fn recipient(
    name: Option<&Str<'_>>,
    phone: Option<&Str<'_>>,
    address: Option<&Str<'_>>,
) -> Result<Option<Recipient>, Problem> {
    if [name, phone, address].iter().all(Option::is_none) {
        return Ok(None);
    }
    let part = |field, given: Option<&Str<'_>>, most| {
        let missing = || Problem::field(EdgeCode::MissingField, field, "a recipient has name, phone and address");
        text::text(field, given.ok_or_else(missing)?.as_str(), most)
    };
    Ok(Some(Recipient {
        name: part("recipient_name", name, shipping::NAME_CHARS_MAX)?,
        phone: part("recipient_phone", phone, shipping::PHONE_CHARS_MAX)?,
        address: part("recipient_address", address, shipping::ADDRESS_CHARS_MAX)?,
    }))
}

/// How goods were sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecordShipment)]
pub(crate) struct ShipmentAsk<'a> {
    /// Who carries them.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "顺丰")]
    carrier: Str<'a>,
    /// What the carrier calls them.
    #[serde(borrow)]
    #[schema(value_type = String, pattern = "^[!-~]{1,32}$", example = "SF1020304050607")]
    tracking_number: Str<'a>,
}

/// The SP says that the goods of an order are on their way; the buyer is told by a text.
#[utoipa::path(
    post, path = "/v1/orders/{id}/shipment", tag = "orders", operation_id = "record_shipment",
    params(("id" = String, Path, description = "The order", example = "O20260101120000000-44-00001")),
    request_body = ShipmentAsk<'_>,
    responses((status = 200, description = "On their way", body = OrderBody<'_>)),
)]
pub(crate) async fn ship(State(door): State<Door>, call: Call) -> Answer {
    let (key, id): (_, OrderId) = (call.key()?, call.id()?);
    let ask: ShipmentAsk<'_> = call.json()?;
    let carrier = text::text("carrier", ask.carrier.as_str(), shipping::NAME_CHARS_MAX)?;
    let tracking: TrackingNumber = field::id("tracking_number", ask.tracking_number.as_str())?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let verb = Verb::RecordShipment { order: id, carrier, tracking };
    let reply = door.propose(call.request(key, &ask), verb).await.map_err(Problem::of_path)?;
    door.order_changed(&reply, id).await
}

/// Who has received goods.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecordReceipt)]
pub(crate) struct ReceiptAsk<'a> {
    /// The buyer.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
}

/// The buyer says that the goods of an order are there. When nobody does for 15 days they are taken for received.
#[utoipa::path(
    post, path = "/v1/orders/{id}/receipt", tag = "orders", operation_id = "record_receipt",
    params(("id" = String, Path, description = "The order", example = "O20260101120000000-44-00001")),
    request_body = ReceiptAsk<'_>,
    responses((status = 200, description = "Received", body = OrderBody<'_>)),
)]
pub(crate) async fn receive(State(door): State<Door>, call: Call) -> Answer {
    let (key, id): (_, OrderId) = (call.key()?, call.id()?);
    let ask: ReceiptAsk<'_> = call.json()?;
    let buyer = field::msisdn("msisdn", ask.msisdn.as_str())?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let verb = Verb::RecordReceipt { order: id, buyer };
    let reply = door.propose(call.request(key, &ask), verb).await.map_err(Problem::of_path)?;
    door.order_changed(&reply, id).await
}
