//! Awards (派奖): one by one and the second person's word; prize pools, files, what waits for a winner and the
//! rules have files of their own.
//!
//! An award is known by the SP and the SP's own number for it: the same award, sent again alone or in a
//! file, is the same award. A file is CSV and is not one change but many: each line comes to its own
//! end, and a file that broke off is sent again whole.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::award::{Award, AwardStatus};
use mpss_domain::ids::IssuedId;
use mpss_domain::{AwardId, LogTime, Msisdn, OrderId, Outcome, ProvinceId, Refusal, SpId, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::unexpected;
use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::amount::{Yuan, amount};
use crate::intake::field::{self, Shown};
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem, text};
use crate::not_done::NotDone;
use crate::sp_digest::sp_digest;

pub(super) mod file;
pub(super) mod policy;
pub(super) mod pool;
pub(super) mod prizes;

/// An award that an SP asks for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AskAward)]
pub(crate) struct AwardAsk<'a> {
    /// Who gives.
    #[serde(borrow)]
    #[schema(value_type = String, example = "S20260101120000000-44-00001")]
    sp_id: Str<'a>,
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
    /// Who asks for it.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "lottery-clerk-3")]
    by: Str<'a>,
}

/// An award.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Award)]
pub(crate) struct AwardBody {
    /// Its id; names the province that serves the SP.
    #[schema(value_type = String, example = "W20260101120000000-44-00001")]
    award_id: Shown<AwardId>,
    /// `awaiting_approval`, `crediting`, `accepted`, `rejected` or `returned`.
    #[schema(example = "accepted")]
    status: &'static str,
    /// Who gives.
    #[schema(value_type = String, example = "S20260101120000000-44-00001")]
    sp_id: Shown<SpId>,
    /// The SP's own number for it.
    reference: String,
    /// The bet.
    #[schema(value_type = String, example = "O20260101120000000-44-00001")]
    order_id: Shown<OrderId>,
    /// Who has won.
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Shown<Msisdn>,
    /// The winner's home province, which pays it out.
    #[schema(value_type = String, example = "51")]
    home: Shown<ProvinceId>,
    /// The prize before tax, in yuan.
    #[schema(value_type = String, example = "20000.00")]
    prize: Yuan,
    /// What is withheld, in yuan.
    #[schema(value_type = String, example = "4000.00")]
    tax: Yuan,
    /// The kind of account that was wanted.
    #[schema(example = "virtual")]
    account_kind: &'static str,
    /// Why the money went back to the pool, when the home province would not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "unknown_number")]
    returned_because: Option<&'static str>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    at: Shown<LogTime>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

impl AwardBody {
    /// `award` as it was after log entry `index`.
    pub(super) fn as_of(award: &Award, index: u64) -> Self {
        let status = award.status_as_of(index);
        Self {
            award_id: Shown(award.id),
            status: status.name(),
            sp_id: Shown(award.sp),
            reference: award.reference.clone(),
            order_id: Shown(award.order),
            msisdn: Shown(award.msisdn),
            home: Shown(award.home),
            prize: Yuan(award.prize),
            tax: Yuan(award.tax),
            account_kind: award.wanted.name(),
            returned_because: match status {
                AwardStatus::Returned(refusal) => Some(refusal.code()),
                _ => None,
            },
            at: Shown(award.at),
            log_index: index,
        }
    }
}

/// By what an award is known, whoever sends it: SP and the SP's own number.
pub(super) fn key_of(sp: SpId, reference: &str) -> u128 {
    sp_digest("mpss-award", sp, reference)
}

/// Asks for a prize to be paid for a bet. The prize pool is debited; from an amount on a second person
/// approves.
#[utoipa::path(
    post, path = "/v1/awards", tag = "awards", operation_id = "ask_award",
    request_body = AwardAsk<'_>,
    responses((status = 201, description = "Taken; the winner's home pays it out", body = AwardBody)),
)]
pub(crate) async fn ask(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let ask: AwardAsk<'_> = call.json()?;
    let sp: SpId = field::id("sp_id", ask.sp_id.as_str())?;
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
    if let Some(elsewhere) = door.elsewhere(sp.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.propose(call.request(key, &ask), verb).await?;
    let Outcome::Award(id) = reply.outcome else { return Err(unexpected(&reply)) };
    let look = |state: &mpss_domain::State| state.award(id).map(|award| AwardBody::as_of(award, reply.index));
    let body = door.context.replica.read_at(reply.index, look).await;
    // The award is taken: what can not be shown in time has to be asked for again.
    let body = body.map_err(|_| Problem::edge(EdgeCode::OutcomeUnknown))?.ok_or_else(|| unexpected(&reply))?;
    Ok(answer::created(&body, &reply, &format!("/v1/awards/{id}")))
}

/// Shows an award.
#[utoipa::path(
    get, path = "/v1/awards/{id}", tag = "awards", operation_id = "show_award",
    params(("id" = String, Path, description = "The award", example = "W20260101120000000-44-00001")),
    responses((status = 200, description = "The award", body = AwardBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let id: AwardId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let look = |state: &mpss_domain::State| state.award(id).map(|award| AwardBody::as_of(award, state.index()));
    let body = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    Ok(answer::found(&body.ok_or_else(|| Problem::refused(Refusal::AwardNotFound).of_path())?))
}

/// The second person's word.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DecideAward)]
pub(crate) struct DecideAsk<'a> {
    /// Approved, or rejected.
    approved: bool,
    /// Who; not the one who asked.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "lottery-head")]
    by: Str<'a>,
}

/// An award that was approved or rejected.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AwardDecided)]
pub(crate) struct DecidedBody {
    /// Its id.
    #[schema(value_type = String, example = "W20260101120000000-44-00001")]
    award_id: Shown<AwardId>,
    /// Approved, or rejected.
    approved: bool,
    /// Position in the province's log.
    log_index: u64,
}

/// Approves or rejects an award that waits for a second person.
#[utoipa::path(
    post, path = "/v1/awards/{id}/decision", tag = "awards", operation_id = "decide_award",
    params(("id" = String, Path, description = "The award", example = "W20260101120000000-44-00001")),
    request_body = DecideAsk<'_>,
    responses((status = 200, description = "Decided", body = DecidedBody)),
)]
pub(crate) async fn decide(State(door): State<Door>, call: Call) -> Answer {
    let (key, award): (_, AwardId) = (call.key()?, call.id()?);
    let ask: DecideAsk<'_> = call.json()?;
    let by = text::code("by", ask.by.as_str())?;
    if let Some(elsewhere) = door.elsewhere(award.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let verb = Verb::DecideAward { award, approved: ask.approved, by };
    let reply = door.propose(call.request(key, &ask), verb).await.map_err(Problem::of_path)?;
    let body = DecidedBody { award_id: Shown(award), approved: ask.approved, log_index: reply.index };
    Ok(answer::changed(StatusCode::OK, &body, &reply))
}
