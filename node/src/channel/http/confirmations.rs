//! A subscriber's word for a purchase that somebody else began (product §5, 6.3.1): the code of the text, on a page, in a
//! client or by voice. By text it comes through the SMS door.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::{OrderId, Outcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::unexpected;
use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::amount::Yuan;
use crate::intake::field::{self, Shown};
use crate::intake::json::{Secret, Str};
use crate::intake::{EdgeCode, Problem};

/// A subscriber's word.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Confirm)]
pub(crate) struct ConfirmAsk<'a> {
    /// Whose.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
    /// The six digits of the text.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, pattern = "^[0-9]{6}$")]
    code: Secret<'a>,
    /// `agree` or `refuse`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "agree")]
    decision: Str<'a>,
}

/// What it came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Confirmed)]
pub(crate) struct ConfirmedBody {
    /// The order it was about.
    #[schema(value_type = String, example = "O20260101120000000-44-00001")]
    order_id: Shown<OrderId>,
    /// What is bought.
    #[schema(example = "双色球")]
    title: String,
    /// How much, in yuan.
    #[schema(value_type = String, example = "12.30")]
    amount: Yuan,
    /// `agree`: it is paid, set aside, or being asked of whoever has the money; `refuse`: it is declined.
    #[schema(example = "agree")]
    decision: &'static str,
    /// Position in the home province's log.
    log_index: u64,
}

const DECISIONS: [(&str, bool); 2] = [("agree", true), ("refuse", false)];

/// Says yes or no to a purchase, by the code of the text that asked. Three wrong codes refuse everything the subscriber
/// is asked.
#[utoipa::path(
    post, path = "/v1/confirmations", tag = "orders", operation_id = "confirm_purchase",
    request_body = ConfirmAsk<'_>,
    responses((status = 201, description = "Noted", body = ConfirmedBody)),
)]
pub(crate) async fn confirm(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let ask: ConfirmAsk<'_> = call.json()?;
    let msisdn = field::msisdn("msisdn", ask.msisdn.as_str())?;
    let code = code_of(ask.code.reveal())?;
    let agreed = field::choice("decision", ask.decision.as_str(), &DECISIONS)?;
    door.admit(msisdn.number())?;
    if let Some(elsewhere) = door.home_elsewhere(msisdn)? {
        return door.pass_on(&call, elsewhere).await;
    }
    // Another code under the same request id is another request.
    let reply = door.home.confirm(call.request(key, &(&ask, code)), msisdn, code, agreed).await?;
    let Outcome::Word(word) = &reply.outcome else { return Err(unexpected(&reply)) };
    let body = ConfirmedBody {
        order_id: Shown(word.order),
        title: word.title.clone(),
        amount: Yuan(word.amount),
        decision: if word.agreed { "agree" } else { "refuse" },
        log_index: reply.index,
    };
    Ok(answer::changed(StatusCode::CREATED, &body, &reply))
}

fn code_of(digits: &str) -> Result<u32, Problem> {
    let six = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let code = six.then(|| digits.parse().ok()).flatten();
    code.ok_or_else(|| Problem::field(EdgeCode::InvalidValue, "code", "six digits"))
}
