//! Prizes that an SP gives for bets of its own.

use axum::extract::State;
use mpss_domain::{AwardId, Outcome, Refusal, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::own_key;
use crate::channel::http::accounts::unexpected;
use crate::channel::http::answer;
use crate::channel::http::awards::{AwardBody, key_of};
use crate::channel::http::call::{Answer, Call};
use crate::channel::http::door::Door;
use crate::intake::amount::amount;
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem, field, text};

/// An award that an SP asks for; who gives it is who has signed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SpAskAward)]
pub(crate) struct SpAwardAsk<'a> {
    /// The SP's own number for it.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "26330-000017")]
    reference: Str<'a>,
    /// The bet.
    #[serde(borrow)]
    #[schema(value_type = String, example = "O20260101120000000-44-00001")]
    order_id: Str<'a>,
    /// Who has won.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
    /// The prize before tax, in yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "20.00")]
    prize: Str<'a>,
    /// Into which account: `virtual`, `communication` or `bank`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "virtual")]
    account_kind: Str<'a>,
    /// Who at the SP asks for it; another one approves, from an amount on.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "lottery-clerk-3")]
    by: Str<'a>,
}

/// Asks for a prize to be paid for a bet with the SP. Signed.
#[utoipa::path(
    post, path = "/v1/sp/awards", tag = "sp", operation_id = "sp_ask_award",
    request_body = SpAwardAsk<'_>,
    responses((status = 201, description = "Taken; the winner's home pays it out", body = AwardBody)),
)]
pub(crate) async fn ask(State(door): State<Door>, call: Call) -> Answer {
    let sp = door.signed_by(&call).await?;
    let key = own_key(sp, &call)?;
    let ask: SpAwardAsk<'_> = call.json()?;
    let reference = text::code("reference", ask.reference.as_str())?;
    let verb = Verb::AskAward {
        sp,
        key: key_of(sp, &reference),
        reference,
        order: field::id("order_id", ask.order_id.as_str())?,
        msisdn: field::msisdn("msisdn", ask.msisdn.as_str())?,
        prize: amount("prize", ask.prize.as_str())?,
        wanted: field::account_kind("account_kind", ask.account_kind.as_str())?,
        by: text::code("by", ask.by.as_str())?,
    };
    let reply = door.propose(call.request(key, &ask), verb).await?;
    let Outcome::Award(id) = reply.outcome else { return Err(unexpected(&reply)) };
    let look = |state: &mpss_domain::State| state.award(id).map(|award| AwardBody::as_of(award, reply.index));
    let body = door.context.replica.read_at(reply.index, look).await;
    // The award is taken: what can not be shown in time has to be asked for again.
    let body = body.map_err(|_| Problem::edge(EdgeCode::OutcomeUnknown))?.ok_or_else(|| unexpected(&reply))?;
    Ok(answer::created(&body, &reply, &format!("/v1/sp/awards/{id}")))
}

/// Shows an award that the SP gives. Signed.
#[utoipa::path(
    get, path = "/v1/sp/awards/{id}", tag = "sp", operation_id = "sp_show_award",
    params(("id" = String, Path, description = "The award", example = "W20260101120000000-44-00001")),
    responses((status = 200, description = "The award", body = AwardBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    let sp = door.signed_by(&call).await?;
    call.query(&[])?;
    let id: AwardId = call.id()?;
    let look = |state: &mpss_domain::State| {
        state.award(id).filter(|award| award.sp == sp).map(|award| AwardBody::as_of(award, state.index()))
    };
    let body = door.context.replica.read(look);
    Ok(answer::found(&body.ok_or_else(|| Problem::refused(Refusal::AwardNotFound).of_path())?))
}
