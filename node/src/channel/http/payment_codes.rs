//! One-time payment codes (product §3 付费): a subscriber asks for one at home; a machine pays by it wherever it stands.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::ids::IssuedId;
use mpss_domain::{AccountId, LogTime, Outcome, ProductId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::{of_path, unexpected};
use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use super::order_body::OrderBody;
use super::orders::QUANTITY_MAX;
use crate::code_digits::CodeDigits;
use crate::home::IssueCode;
use crate::intake::amount::{Yuan, amount};
use crate::intake::field::{self, Shown};
use crate::intake::json::{Secret, Str};
use crate::intake::{EdgeCode, Problem};
use crate::serving::OrderByCode;

/// What a code is asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IssuePaymentCode)]
pub(crate) struct CodeAsk<'a> {
    /// Six digits.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, pattern = "^[0-9]{6}$")]
    payment_password: Secret<'a>,
    /// The most that it pays, in yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "20.00")]
    amount: Str<'a>,
}

/// A code.
#[derive(Serialize, ToSchema)]
#[schema(as = PaymentCode)]
pub(crate) struct CodeBody {
    /// Sixteen digits, the first two of which name the home province.
    #[schema(value_type = String, format = Password, example = "4401234567890128")]
    payment_code: String,
    /// From which account it pays.
    #[schema(value_type = String, example = "A20260101120000000-44-00001")]
    account_id: Shown<AccountId>,
    /// The most that it pays, in yuan.
    #[schema(value_type = String, example = "20.00")]
    amount: Yuan,
    /// From then on it is not good.
    #[schema(value_type = String, format = DateTime)]
    until: Shown<LogTime>,
    /// Position in the home province's log.
    log_index: u64,
}

/// Issues a code that pays once, within a minute, for something of application `pay_per_use`.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/payment-codes", tag = "accounts", operation_id = "issue_payment_code",
    params(("id" = String, Path, description = "The account", example = "A20260101120000000-44-00001")),
    request_body = CodeAsk<'_>,
    responses((status = 201, description = "The code", body = CodeBody)),
)]
pub(crate) async fn issue(State(door): State<Door>, call: Call) -> Answer {
    let (key, account): (_, AccountId) = (call.key()?, call.id()?);
    let ask: CodeAsk<'_> = call.json()?;
    let issue = IssueCode {
        account,
        amount: amount("amount", ask.amount.as_str())?,
        password: field::password("payment_password", ask.payment_password.reveal())?,
    };
    door.admit(account.bits())?;
    if let Some(elsewhere) = door.elsewhere(account.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let safe = door.context.pins.as_ref().ok_or_else(|| Problem::edge(EdgeCode::VaultClosed))?;
    let reply = door.home.issue_code(call.request(key, &ask), safe, issue).await.map_err(of_path)?;
    let Outcome::PaymentCode(view) = &reply.outcome else { return Err(unexpected(&reply)) };
    // Sealed with a key that this node has not: it can not be shown here.
    let digits = safe.open_code(view.account, &view.sealed).map_err(|_| Problem::edge(EdgeCode::OutcomeUnknown))?;
    let body = CodeBody {
        payment_code: digits.reveal().to_owned(),
        account_id: Shown(view.account),
        amount: Yuan(view.amount),
        until: Shown(view.until),
        log_index: reply.index,
    };
    Ok(answer::changed(StatusCode::CREATED, &body, &reply))
}

/// What is bought by a code.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlaceOrderByCode)]
pub(crate) struct OrderAsk<'a> {
    /// What; a product of application `pay_per_use`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "G20260101120000000-44-00001")]
    product_id: Str<'a>,
    /// How many.
    #[schema(minimum = 1, maximum = 1000, example = 1)]
    quantity: u32,
    /// The buyer's code: sixteen digits, the last of which checks the others.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, pattern = "^[0-9]{16}$")]
    payment_code: Secret<'a>,
    /// The province the machine is in; the province of the node that is asked when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "44")]
    location: Option<Str<'a>>,
}

/// Takes an order of a machine that is paid by a one-time code, instead of a number and a password.
#[utoipa::path(
    post, path = "/v1/pay-per-use/orders", tag = "orders", operation_id = "place_order_by_code",
    request_body = OrderAsk<'_>,
    responses((status = 201, description = "Taken", body = OrderBody<'_>)),
)]
pub(crate) async fn place(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let ask: OrderAsk<'_> = call.json()?;
    let asked_at = call.forwarded_by().unwrap_or_else(|| door.here());
    let malformed = || Problem::field(EdgeCode::InvalidValue, "payment_code", "no payment code has these digits");
    let order = OrderByCode {
        product: field::id::<ProductId>("product_id", ask.product_id.as_str())?,
        quantity: field::within("quantity", ask.quantity, 1..=QUANTITY_MAX)?,
        code: CodeDigits::parse(ask.payment_code.reveal()).ok_or_else(malformed)?,
        location: (ask.location.as_ref())
            .map_or(Ok(asked_at), |province| field::province("location", province.as_str()))?,
    };
    if let Some(elsewhere) = door.elsewhere(order.product.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    // Another code under the same request id is another request; the digits are not written.
    let safe = door.context.pins.as_ref().ok_or_else(|| Problem::edge(EdgeCode::VaultClosed))?;
    let request = call.request(key, &(&ask, safe.digest([order.code.reveal()])));
    let reply = door.serving.place_by_code(request, order).await?;
    let Outcome::Order(id) = reply.outcome else { return Err(unexpected(&reply)) };
    let found = door.order_of(&reply, id).await?;
    Ok(answer::created(&found.as_of(reply.index), &reply, &format!("/v1/orders/{id}")))
}
