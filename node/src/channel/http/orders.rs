//! Orders: buy, look, reverse, refund, and the SP's own answer.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use mpss_domain::bills::Bill;
use mpss_domain::ids::IssuedId;
use mpss_domain::order::ReversalReason;
use mpss_domain::{AccountKind, AccountSelector, Channel, OrderId, Outcome, ProductId, Refusal, Reply, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::{of_path, unexpected};
use super::answer;
use super::call::{Answer, Call};
use super::door::{Door, DoorParts};
use super::order_body::{OrderBody, OrderFound, RefundPart};
use super::shipping;
use crate::channel::guard::{PREFER, WAIT_MAX};
use crate::intake::amount::amount;
use crate::intake::field;
use crate::intake::json::{Secret, Str};
use crate::intake::{EdgeCode, Problem, text};
use crate::not_done::NotDone;
use crate::password::PaymentPassword;
use crate::serving::{PlaceOrder, With};

/// Pieces in one order at most.
pub(crate) const QUANTITY_MAX: u32 = 1_000;

/// Says that the preference was understood (RFC 7240).
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// A purchase.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlaceOrder)]
pub(crate) struct PlaceOrderAsk<'a> {
    /// Who buys.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
    /// What.
    #[serde(borrow)]
    #[schema(value_type = String, example = "G20260101120000000-44-00001")]
    product_id: Str<'a>,
    /// How many.
    #[schema(minimum = 1, maximum = 1000, example = 1)]
    quantity: u32,
    /// The account to debit, by id, or
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "A20260101120000000-44-00001")]
    account_id: Option<Str<'a>>,
    /// by kind: `virtual` (when neither is given), `communication` or `bank`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "virtual")]
    account_kind: Option<Str<'a>>,
    /// Six digits. A bill goes without, up to a smaller amount, once one of the same customer was paid with it.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Password, pattern = "^[0-9]{6}$")]
    payment_password: Option<Secret<'a>>,
    /// Without the password: the buyer is sent a text with a code, and `POST /v1/confirmations`, or the answer by text,
    /// pays.
    #[serde(default, skip_serializing_if = "is_not_set")]
    #[schema(example = false)]
    confirm_by_sms: bool,
    /// The door it came through: `web`, `wap`, `sms`, `ivr` or `app`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "app")]
    channel: Str<'a>,
    /// The province the buyer is in now; the province of the node that is asked when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "44")]
    location: Option<Str<'a>>,
    /// The bill it pays, for a product of application `bill_payment`; with it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[!-~]{1,32}$", example = "E-2026-10-008650")]
    bill_number: Option<Str<'a>>,
    /// what the bill comes to, in yuan, as the payer was shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "86.50")]
    bill_amount: Option<Str<'a>>,
    /// To whom goods are sent, for a product of application `shopping`: name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64, example = "王芳")]
    recipient_name: Option<Str<'a>>,
    /// telephone number
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 20, example = "02088886666")]
    recipient_phone: Option<Str<'a>>,
    /// and address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200, example = "广州市天河区五山路381号")]
    recipient_address: Option<Str<'a>>,
}

impl PlaceOrderAsk<'_> {
    fn with(&self) -> Result<With, Problem> {
        let parts = [&self.recipient_name, &self.recipient_phone, &self.recipient_address].map(Option::as_ref);
        let [name, phone, address] = parts;
        match (self.bill()?, shipping::recipient(name, phone, address)?) {
            (None, None) if self.confirm_by_sms => Ok(With::Consent { reserve: false }),
            (_, _) if self.confirm_by_sms => {
                let what = "neither a bill nor a recipient goes with it";
                Err(Problem::field(EdgeCode::ConflictingFields, "confirm_by_sms", what))
            }
            (None, None) => Ok(With::Nothing),
            (Some(bill), None) => Ok(With::Bill(bill)),
            (None, Some(to)) => Ok(With::Recipient(to)),
            (Some(_), Some(_)) => {
                let what = "a bill is not sent to anybody";
                Err(Problem::field(EdgeCode::ConflictingFields, "recipient_name", what))
            }
        }
    }

    fn password(&self) -> Result<Option<PaymentPassword>, Problem> {
        match &self.payment_password {
            Some(_) if self.confirm_by_sms => {
                let what = "either payment_password or confirm_by_sms";
                Err(Problem::field(EdgeCode::ConflictingFields, "confirm_by_sms", what))
            }
            None if self.confirm_by_sms => Ok(None),
            Some(password) => field::password("payment_password", password.reveal()).map(Some),
            None if self.bill_number.is_some() => Ok(None),
            None => {
                let what = "only a bill goes without the payment password";
                Err(Problem::field(EdgeCode::MissingField, "payment_password", what))
            }
        }
    }

    fn bill(&self) -> Result<Option<Bill>, Problem> {
        let missing = |field| Problem::field(EdgeCode::MissingField, field, "a bill has a number and an amount");
        match (&self.bill_number, &self.bill_amount) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(missing("bill_amount")),
            (None, Some(_)) => Err(missing("bill_number")),
            (Some(number), Some(due)) => {
                let number = field::id("bill_number", number.as_str())?;
                // Whose it is, is for its SP to say.
                Ok(Some(Bill { number, amount: amount("bill_amount", due.as_str())?, customer: None }))
            }
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_not_set(flag: &bool) -> bool {
    !flag
}

const CHANNELS: [(&str, Channel); 5] = [
    (Channel::Web.name(), Channel::Web),
    (Channel::Wap.name(), Channel::Wap),
    (Channel::Sms.name(), Channel::Sms),
    (Channel::Ivr.name(), Channel::Ivr),
    (Channel::App.name(), Channel::App),
];

/// Takes an order and has the home province pay for it. The answer may come before delivery is final.
#[utoipa::path(
    post, path = "/v1/orders", tag = "orders", operation_id = "place_order",
    request_body = PlaceOrderAsk<'_>,
    responses((status = 201, description = "Taken", body = OrderBody<'_>)),
)]
pub(crate) async fn place(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let ask: PlaceOrderAsk<'_> = call.json()?;
    let account = match (&ask.account_id, &ask.account_kind) {
        (Some(_), Some(_)) => {
            let what = "name the account by account_id or by account_kind, not both";
            return Err(Problem::field(EdgeCode::ConflictingFields, "account_kind", what));
        }
        (Some(id), None) => AccountSelector::Id(field::id("account_id", id.as_str())?),
        (None, Some(kind)) => AccountSelector::Kind(field::account_kind("account_kind", kind.as_str())?),
        (None, None) => AccountSelector::Kind(AccountKind::StoredValue),
    };
    // A node that passes an order on says where it was asked; the body stays as it came, so that the
    // same request is the same wherever it is repeated.
    let asked_at = call.forwarded_by().unwrap_or_else(|| door.here());
    let order = PlaceOrder {
        msisdn: field::msisdn("msisdn", ask.msisdn.as_str())?,
        product: field::id::<ProductId>("product_id", ask.product_id.as_str())?,
        quantity: field::within("quantity", ask.quantity, 1..=QUANTITY_MAX)?,
        account,
        password: ask.password()?,
        channel: field::choice("channel", ask.channel.as_str(), &CHANNELS)?,
        location: (ask.location.as_ref())
            .map_or(Ok(asked_at), |province| field::province("location", province.as_str()))?,
        with: ask.with()?,
    };
    door.admit(order.msisdn.number())?;
    if let Some(elsewhere) = door.elsewhere(order.product.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.serving.place_order(call.request(key, &ask), order).await?;
    let Outcome::Order(id) = reply.outcome else { return Err(unexpected(&reply)) };
    let found = door.order_of(&reply, id).await?;
    Ok(answer::created(&found.as_of(reply.index), &reply, &format!("/v1/orders/{id}")))
}

/// Shows an order. With `Prefer: wait=N` the answer waits up to N seconds for a final status.
#[utoipa::path(
    get, path = "/v1/orders/{id}", tag = "orders", operation_id = "show_order",
    params(
        ("id" = String, Path, description = "The order", example = "O20260101120000000-44-00001"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: wait up to N (at most 60) seconds for a final status", example = "wait=10"),
    ),
    responses((status = 200, description = "The order", body = OrderBody<'_>)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let id: OrderId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let wait = wait_preferred(call.headers());
    let (found, index) = door.order_now(id, wait.unwrap_or_default()).await?;
    let mut response = answer::found(&found.now(index));
    if let Some(wait) = wait {
        preference_applied(&mut response, wait);
    }
    Ok(response)
}

/// Says that a wait was understood.
pub(super) fn preference_applied(response: &mut Response, wait: Duration) {
    let applied = HeaderValue::from_str(&format!("wait={}", wait.as_secs())).expect("digits are ASCII");
    response.headers_mut().insert(PREFERENCE_APPLIED, applied);
}

/// What reverses an order.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReverseOrder)]
pub(crate) struct ReversalAsk<'a> {
    /// Why, for the record.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 200, example = "the bus was cancelled")]
    reason: Str<'a>,
    /// Who asks: `customer_service` (when not given) or `sp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "customer_service")]
    asked_by: Option<Str<'a>>,
}

const REVERSAL_ASKERS: [(&str, ReversalReason); 2] =
    [("customer_service", ReversalReason::Requested), ("sp", ReversalReason::SpAsked)];

/// Reverses an order (冲正): the money goes back as if it had never been taken.
#[utoipa::path(
    post, path = "/v1/orders/{id}/reversal", tag = "orders", operation_id = "reverse_order",
    params(("id" = String, Path, description = "The order", example = "O20260101120000000-44-00001")),
    request_body = ReversalAsk<'_>,
    responses((status = 200, description = "Reversed, or on its way (`reversing`)", body = OrderBody<'_>)),
)]
pub(crate) async fn reverse(State(door): State<Door>, call: Call) -> Answer {
    let (key, id): (_, OrderId) = (call.key()?, call.id()?);
    let ask: ReversalAsk<'_> = call.json()?;
    let note = text::text("reason", ask.reason.as_str(), text::REASON_CHARS_MAX)?;
    let reason = (ask.asked_by.as_ref())
        .map_or(Ok(ReversalReason::Requested), |who| field::choice("asked_by", who.as_str(), &REVERSAL_ASKERS))?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.serving.reverse_order(call.request(key, &ask), id, reason, note).await.map_err(of_path)?;
    door.order_changed(&reply, id).await
}

/// What refunds an order.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefundOrder)]
pub(crate) struct RefundAsk<'a> {
    /// How much, in yuan; the whole or a part.
    #[serde(borrow)]
    #[schema(value_type = String, example = "2.00")]
    pub(super) amount: Str<'a>,
    /// Why, for the record.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 200, example = "one of three tickets was not used")]
    pub(super) reason: Str<'a>,
}

/// An order with the refund that was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
pub(crate) struct RefundBody<'a> {
    /// The refund.
    #[serde(flatten)]
    refund: RefundPart,
    /// The order.
    order: OrderBody<'a>,
    /// Position in the serving province's log.
    log_index: u64,
}

/// Refunds an order (退款), whole or in part, the way it was paid.
#[utoipa::path(
    post, path = "/v1/orders/{id}/refunds", tag = "orders", operation_id = "refund_order",
    params(("id" = String, Path, description = "The order", example = "O20260101120000000-44-00001")),
    request_body = RefundAsk<'_>,
    responses((status = 201, description = "Refunded, or on its way (`pending`)", body = RefundBody<'_>)),
)]
pub(crate) async fn refund(State(door): State<Door>, call: Call) -> Answer {
    let (key, id): (_, OrderId) = (call.key()?, call.id()?);
    let ask: RefundAsk<'_> = call.json()?;
    let money = amount("amount", ask.amount.as_str())?;
    let note = text::text("reason", ask.reason.as_str(), text::REASON_CHARS_MAX)?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.serving.refund_order(call.request(key, &ask), id, money, note).await.map_err(of_path)?;
    let Outcome::Refund(_, refund) = reply.outcome else { return Err(unexpected(&reply)) };
    let found = door.order_of(&reply, id).await?;
    let refund = found.refund(refund, reply.index).ok_or_else(|| unexpected(&reply))?;
    let body = RefundBody { refund, order: found.as_of(reply.index), log_index: reply.index };
    Ok(answer::changed(StatusCode::CREATED, &body, &reply))
}

/// What an SP says of a delivery.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecordDelivery)]
pub(crate) struct DeliveryAsk<'a> {
    /// `accepted` or `refused`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "accepted")]
    pub(super) result: Str<'a>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200)]
    pub(super) reason: Option<Str<'a>>,
}

/// Takes an SP's answer to a delivery notice that it gives by itself. A late one changes nothing.
#[utoipa::path(
    post, path = "/v1/orders/{id}/delivery", tag = "orders", operation_id = "record_delivery",
    params(("id" = String, Path, description = "The order", example = "O20260101120000000-44-00001")),
    request_body = DeliveryAsk<'_>,
    responses((status = 200, description = "Noted; the status tells what it came to", body = OrderBody<'_>)),
)]
pub(crate) async fn deliver(State(door): State<Door>, call: Call) -> Answer {
    let (key, id): (_, OrderId) = (call.key()?, call.id()?);
    let ask: DeliveryAsk<'_> = call.json()?;
    let accepted = field::choice("result", ask.result.as_str(), &[("accepted", true), ("refused", false)])?;
    if let Some(reason) = &ask.reason {
        text::text("reason", reason.as_str(), text::REASON_CHARS_MAX)?;
    }
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let answers = vec![(id, accepted)];
    let reply = door.propose(call.request(key, &ask), Verb::RecordDeliveries { answers }).await?;
    // An unknown order is no fault among many answers, but here it was asked for by name.
    door.order_changed(&reply, id).await
}

impl DoorParts {
    /// The order that a reply is about. The change has happened: when this replica can not show it in
    /// time, the caller has to ask again, not to believe that nothing was done.
    pub(super) async fn order_of(&self, reply: &Reply, id: OrderId) -> Result<OrderFound, Problem> {
        let found = self.context.replica.read_at(reply.index, |state| OrderFound::find(state, id)).await;
        let found = found.map_err(|_| Problem::edge(EdgeCode::OutcomeUnknown))?;
        found.ok_or_else(|| Problem::refused(Refusal::OrderNotFound).of_path())
    }

    /// The order that a reply has changed, as the answer to whoever asked for that.
    pub(super) async fn order_changed(&self, reply: &Reply, id: OrderId) -> Answer {
        let found = self.order_of(reply, id).await?;
        Ok(answer::changed(StatusCode::OK, &found.as_of(reply.index), reply))
    }

    /// The order now, or when it is final, whichever comes first within `wait`.
    async fn order_now(&self, id: OrderId, wait: Duration) -> Result<(OrderFound, u64), Problem> {
        let look = |state: &mpss_domain::State| OrderFound::find(state, id);
        let found = self.now_or_final(wait, look, OrderFound::is_final).await?;
        found.ok_or_else(|| Problem::refused(Refusal::OrderNotFound).of_path())
    }

    /// What `look` finds now, or when it is final, whichever comes first within `wait`; and the log entry it
    /// shows.
    pub(super) async fn now_or_final<F: Clone + Send>(
        &self,
        wait: Duration,
        look: impl Fn(&mpss_domain::State) -> Option<F> + Send + Sync,
        is_final: impl Fn(&F) -> bool,
    ) -> Result<Option<(F, u64)>, Problem> {
        let replica = &self.context.replica;
        let look = |state: &mpss_domain::State| look(state).map(|found| (found, state.index()));
        let found = replica.read_linearizable(look).await.map_err(NotDone::from)?;
        let Some((mut found, mut index)) = found else { return Ok(None) };
        if wait.is_zero() || is_final(&found) {
            return Ok(Some((found, index)));
        }
        // Without a place the question is answered at once: waiting is a wish, not a duty.
        let Some(_place) = self.waits.enter() else { return Ok(Some((found, index))) };
        let mut changes = replica.watch();
        let mut over = self.context.seams.clock.sleep(wait);
        loop {
            changes.borrow_and_update();
            match replica.read(look) {
                // Nobody waits for what is no longer kept.
                None => return Ok(Some((found, index))),
                Some(newer) => (found, index) = newer,
            }
            if is_final(&found) {
                return Ok(Some((found, index)));
            }
            tokio::select! {
                biased;
                changed = changes.changed() => if changed.is_err() { return Ok(Some((found, index))) },
                () = &mut over => return Ok(Some((found, index))),
            }
        }
    }
}

/// `Prefer: wait=N` (RFC 7240), N bounded; anything else in the header is not ours to understand.
pub(super) fn wait_preferred(headers: &HeaderMap) -> Option<Duration> {
    let mut preferences = headers
        .get_all(PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']));
    let seconds = preferences.find_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        let seconds = value.trim().trim_matches('"').parse::<u64>().ok()?;
        name.trim().eq_ignore_ascii_case("wait").then_some(seconds)
    })?;
    Some(Duration::from_secs(seconds).min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preference_to_wait_is_read_and_bounded() {
        for (text, seconds) in [
            ("wait=5", Some(5)),
            ("respond-async, wait=7", Some(7)),
            ("Wait = \"3\"; x", Some(3)),
            ("wait=0", Some(0)),
            ("wait=99999999", Some(60)),
            ("wait=-1", None),
            ("wait", None),
            ("return=minimal", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(PREFER, HeaderValue::from_static(text))]);
            assert_eq!(wait_preferred(&headers), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
