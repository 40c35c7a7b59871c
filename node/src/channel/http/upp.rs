//! The door of the unified payment platform (统一支付平台, UPP; product §5, 6.3.4 and 6.5.4): the payer's home pays
//! for its orders, reverses and refunds them, and hears that they were delivered. Every request is signed with
//! the key agreed with it; whoever is asked passes it on to the home of the payer's number.
//!
//! ```text
//!  UPP ─signed─▶ any node ─by the number plan─▶ home: 201 paid, 202 pending, 422 refused
//!  home ─▶ notice, once a pending payment has ended ─▶ UPP
//! ```
//!
//! An order is known by the UPP's own number, and each of its reversals and refunds by theirs. Amounts are
//! integer fen, as the UPP counts.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::upp::{PayUpp, UppView};
use mpss_domain::{
    LogTime, Money, Msisdn, OrderId, Outcome, PasswordVerdict, PaymentId, PaymentStatus, Refusal, Reply, Request,
    State as ProvinceState, UppNumber, Verb,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::unexpected;
use super::answer;
use super::call::{Answer, Call};
use super::door::{Door, DoorParts};
use crate::intake::field::{self, Shown};
use crate::intake::json::{Secret, Str};
use crate::intake::{EdgeCode, Problem, text};
use crate::not_done::NotDone;

impl DoorParts {
    /// Is this request the UPP's?
    fn is_from_upp(&self, call: &Call) -> Result<(), Problem> {
        self.is_signed(call, self.context.rails.upp_door_key.as_deref(), "no UPP is known here")
    }

    /// Has an order changed at its payer's home, and shows what that came to.
    async fn change_upp(
        &self,
        call: &Call,
        request: Request,
        (number, msisdn): (UppNumber, Msisdn),
        verb: Verb,
    ) -> Answer {
        if let Some(answer) = self.upp_elsewhere(call, number, msisdn).await? {
            return Ok(answer);
        }
        let reply = self.propose(request, verb).await.map_err(Problem::of_path)?;
        let body = UppOrderBody::new(view_of(&reply)?, reply.index);
        Ok(answer::changed(StatusCode::OK, &body, &reply))
    }
}

/// A number of the UPP. It stands in paths, so it is made of what needs no escaping there.
fn number(name: &'static str, text: &str) -> Result<UppNumber, Problem> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let number = text.parse().ok().filter(|_| plain);
    number.ok_or_else(|| Problem::field(EdgeCode::InvalidId, name, "1 to 32 letters, digits, '-', '_' or '.'"))
}

fn fen(name: &'static str, amount: i64) -> Result<Money, Problem> {
    field::within(name, amount, 1..=Money::REQUEST_MAX.as_fen()).map(Money::fen)
}

/// What the UPP asks to be paid.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PayUppOrder)]
pub(crate) struct PayAsk<'a> {
    /// The UPP's number of the order: the same however often it is asked for.
    #[serde(borrow)]
    #[schema(value_type = String, pattern = "^[A-Za-z0-9._-]{1,32}$", example = "UPP202601010000001")]
    order_number: Str<'a>,
    /// Who pays.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
    /// From which account: `virtual`, `communication` or `bank`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "virtual")]
    account_kind: Str<'a>,
    /// How much, in fen.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 2000)]
    amount_fen: i64,
    /// What is bought, for the subscriber's text.
    #[serde(borrow)]
    #[schema(value_type = String, example = "机票")]
    title: Str<'a>,
    /// The payer's payment password.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, pattern = "^[0-9]{6}$")]
    payment_password: Secret<'a>,
}

/// An order of the UPP.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UppOrder)]
pub(crate) struct UppOrderBody {
    /// The UPP's number of it.
    #[schema(value_type = String, example = "UPP202601010000001")]
    order_number: Shown<UppNumber>,
    /// Its payment; what the UPP is told later is known by it.
    #[schema(value_type = String, example = "P20260101120000000-44-00001")]
    payment_id: Shown<PaymentId>,
    /// `pending`, `reserved` or `captured` (paid, both), `declined`, `reversing`, `reversed` or `released` (the
    /// money is back, or on its way), `partly_refunded`, `refunded`.
    #[schema(example = "captured")]
    status: &'static str,
    /// Why it was declined, when it was: the name of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "insufficient_funds")]
    declined_because: Option<&'static str>,
    /// The order as the subscriber was told of it; not when a reversal came first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "O20260101120000000-44-00001")]
    order_id: Option<Shown<OrderId>>,
    /// Who pays.
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Shown<Msisdn>,
    /// How much, in fen; zero when a reversal came first.
    #[schema(example = 2000)]
    amount_fen: i64,
    /// What was given back by refunds, in fen.
    #[schema(example = 0)]
    refunded_fen: i64,
    /// The UPP's number of its reversal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "REV202601010000001")]
    reversal_number: Option<Shown<UppNumber>>,
    /// When the UPP first said that it was delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    confirmed_at: Option<Shown<LogTime>>,
    /// Position in the home province's log that this shows.
    log_index: u64,
}

impl UppOrderBody {
    fn new(view: &UppView, log_index: u64) -> Self {
        Self {
            order_number: Shown(view.number),
            payment_id: Shown(view.payment),
            status: view.status.name(),
            declined_because: match view.status {
                PaymentStatus::Declined(refusal) => Some(refusal.code()),
                _ => None,
            },
            order_id: view.order.map(Shown),
            msisdn: Shown(view.msisdn),
            amount_fen: view.amount.as_fen(),
            refunded_fen: view.refunded.as_fen(),
            reversal_number: view.reversal.map(Shown),
            confirmed_at: view.confirmed_at.map(Shown),
            log_index,
        }
    }
}

/// What a change came to: made of the reply alone, so that it is the same for ever.
fn view_of(reply: &Reply) -> Result<&UppView, Problem> {
    match &reply.outcome {
        Outcome::Upp(view) => Ok(view),
        _ => Err(unexpected(reply)),
    }
}

fn paid(reply: &Reply) -> Answer {
    let view = view_of(reply)?;
    let body = UppOrderBody::new(view, reply.index);
    let location = format!("/v1/upp/payments/{}?msisdn={}", view.number, view.msisdn);
    Ok(match view.status {
        PaymentStatus::Pending => answer::accepted(&body, reply, &location),
        _ => answer::created(&body, reply, &location),
    })
}

/// Pays for an order of the UPP. 202 means that whoever has the money has not answered yet: the UPP is told how
/// it ends, or asks. Asked by the UPP.
#[utoipa::path(
    post, path = "/v1/upp/payments", tag = "upp", operation_id = "pay_upp_order",
    params(("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`")),
    request_body = PayAsk<'_>,
    responses(
        (status = 201, description = "Paid: deliver", body = UppOrderBody),
        (status = 202, description = "Pending: nobody knows yet; do not deliver", body = UppOrderBody),
    ),
)]
pub(crate) async fn pay(State(door): State<Door>, call: Call) -> Answer {
    door.is_from_upp(&call)?;
    let key = call.key()?;
    let ask: PayAsk<'_> = call.json()?;
    let order = PayUpp {
        number: number("order_number", ask.order_number.as_str())?,
        msisdn: field::msisdn("msisdn", ask.msisdn.as_str())?,
        kind: field::account_kind("account_kind", ask.account_kind.as_str())?,
        amount: fen("amount_fen", ask.amount_fen)?,
        title: text::text("title", ask.title.as_str(), text::TITLE_CHARS_MAX)?,
        // Reached at home, where the password is judged.
        verdict: PasswordVerdict { verifier_version: 0, matches: false },
    };
    let password = field::password("payment_password", ask.payment_password.reveal())?;
    door.admit(order.msisdn.number())?;
    if let Some(answer) = door.upp_elsewhere(&call, order.number, order.msisdn).await? {
        return Ok(answer);
    }
    let reply = door.home.pay_upp(call.request(key, &ask), order, password).await?;
    paid(&reply)
}

/// Shows an order of the UPP as it is now. Asked by the UPP.
#[utoipa::path(
    get, path = "/v1/upp/payments/{id}", tag = "upp", operation_id = "show_upp_order",
    params(
        ("id" = String, Path, pattern = "^[A-Za-z0-9._-]{1,32}$", description = "The UPP's number of the order", example = "UPP202601010000001"),
        ("msisdn" = String, Query, description = "Who pays: whose home is asked", example = "18912345678"),
        ("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`"),
    ),
    responses((status = 200, description = "The order", body = UppOrderBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    door.is_from_upp(&call)?;
    let query = call.query(&["msisdn"])?;
    let number = number("id", call.param("id"))?;
    let msisdn = field::msisdn("msisdn", query.required("msisdn")?)?;
    if let Some(answer) = door.upp_elsewhere(&call, number, msisdn).await? {
        return Ok(answer);
    }
    let look = |state: &ProvinceState| state.upp_view(number).map(|view| (view, state.index()));
    let found = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    let found = found.filter(|(view, _)| view.msisdn == msisdn);
    let (view, index) = found.ok_or_else(|| Problem::refused(Refusal::UppOrderNotFound).of_path())?;
    Ok(answer::found(&UppOrderBody::new(&view, index)))
}

/// What reverses an order of the UPP.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReverseUppOrder)]
pub(crate) struct ReverseAsk<'a> {
    /// Who pays: whose home is asked.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
    /// The UPP's number of the reversal: the same however often it is asked for.
    #[serde(borrow)]
    #[schema(value_type = String, pattern = "^[A-Za-z0-9._-]{1,32}$", example = "REV202601010000001")]
    reversal_number: Str<'a>,
    /// Why.
    #[serde(borrow)]
    #[schema(value_type = String, example = "SP refused")]
    reason: Str<'a>,
}

/// Reverses an order of the UPP (冲正), even one that has not come yet: it can then never be paid. Asked by the
/// UPP.
#[utoipa::path(
    post, path = "/v1/upp/payments/{id}/reversal", tag = "upp", operation_id = "reverse_upp_order",
    params(
        ("id" = String, Path, pattern = "^[A-Za-z0-9._-]{1,32}$", description = "The UPP's number of the order", example = "UPP202601010000001"),
        ("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`"),
    ),
    request_body = ReverseAsk<'_>,
    responses((status = 200, description = "Reversed, or the money is on its way back", body = UppOrderBody)),
)]
pub(crate) async fn reverse(State(door): State<Door>, call: Call) -> Answer {
    door.is_from_upp(&call)?;
    let key = call.key()?;
    let ask: ReverseAsk<'_> = call.json()?;
    let msisdn = field::msisdn("msisdn", ask.msisdn.as_str())?;
    let order = number("id", call.param("id"))?;
    let verb = Verb::ReverseUpp {
        number: order,
        msisdn,
        reversal: number("reversal_number", ask.reversal_number.as_str())?,
        note: text::text("reason", ask.reason.as_str(), text::REASON_CHARS_MAX)?,
    };
    door.change_upp(&call, call.request(key, &ask), (order, msisdn), verb).await
}

/// What refunds an order of the UPP.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefundUppOrder)]
pub(crate) struct RefundAsk<'a> {
    /// Who pays: whose home is asked.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
    /// The UPP's number of the refund: the same however often it is asked for.
    #[serde(borrow)]
    #[schema(value_type = String, pattern = "^[A-Za-z0-9._-]{1,32}$", example = "REF202601010000001")]
    refund_number: Str<'a>,
    /// How much, in fen.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 500)]
    amount_fen: i64,
}

/// Refunds part or all of an order of the UPP (退款). Asked by the UPP.
#[utoipa::path(
    post, path = "/v1/upp/payments/{id}/refunds", tag = "upp", operation_id = "refund_upp_order",
    params(
        ("id" = String, Path, pattern = "^[A-Za-z0-9._-]{1,32}$", description = "The UPP's number of the order", example = "UPP202601010000001"),
        ("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`"),
    ),
    request_body = RefundAsk<'_>,
    responses((status = 200, description = "Refunded, or the money is on its way back", body = UppOrderBody)),
)]
pub(crate) async fn refund(State(door): State<Door>, call: Call) -> Answer {
    door.is_from_upp(&call)?;
    let key = call.key()?;
    let ask: RefundAsk<'_> = call.json()?;
    let msisdn = field::msisdn("msisdn", ask.msisdn.as_str())?;
    let order = number("id", call.param("id"))?;
    let verb = Verb::RefundUpp {
        number: order,
        msisdn,
        refund: number("refund_number", ask.refund_number.as_str())?,
        amount: fen("amount_fen", ask.amount_fen)?,
    };
    door.change_upp(&call, call.request(key, &ask), (order, msisdn), verb).await
}

/// What confirms an order of the UPP.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConfirmUppOrder)]
pub(crate) struct ConfirmAsk<'a> {
    /// Who pays: whose home is asked.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
}

/// Takes the UPP's word that an order was delivered; what a bank or the phone bill holds for it is taken. Asked
/// by the UPP.
#[utoipa::path(
    post, path = "/v1/upp/payments/{id}/confirmation", tag = "upp", operation_id = "confirm_upp_order",
    params(
        ("id" = String, Path, pattern = "^[A-Za-z0-9._-]{1,32}$", description = "The UPP's number of the order", example = "UPP202601010000001"),
        ("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`"),
    ),
    request_body = ConfirmAsk<'_>,
    responses((status = 200, description = "Recorded; `status` says whether it is paid still", body = UppOrderBody)),
)]
pub(crate) async fn confirm(State(door): State<Door>, call: Call) -> Answer {
    door.is_from_upp(&call)?;
    let key = call.key()?;
    let ask: ConfirmAsk<'_> = call.json()?;
    let msisdn = field::msisdn("msisdn", ask.msisdn.as_str())?;
    let order = number("id", call.param("id"))?;
    let verb = Verb::ConfirmUpp { number: order, msisdn };
    door.change_upp(&call, call.request(key, &ask), (order, msisdn), verb).await
}
