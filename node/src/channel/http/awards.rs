//! Awards (派奖): prize pools, awards one by one and as files, the second person's word, and the rules.
//!
//! An award is known by the SP and the SP's own number for it: the same award, sent again alone or in a
//! file, is the same award. A file is CSV and is not one change but many: each line comes to its own
//! end, and a file that broke off is sent again whole.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use futures::StreamExt as _;
use mpss_domain::award::{Award, AwardPolicy, AwardStatus, Prize, PrizeStatus};
use mpss_domain::ids::IssuedId;
use mpss_domain::{
    AccountKind, AwardId, Command, LogTime, Money, Msisdn, OrderId, Outcome, ProvinceId, Refusal, SpId, Verb,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::accounts::unexpected;
use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::amount::{Yuan, amount};
use crate::intake::field::{self, Shown};
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem, text};
use crate::not_done::{NotDone, accepted};

/// Lines of a file that are under way at once: they share log entries.
const LINES_AT_ONCE: usize = 256;
/// Lines of one file at most.
const LINES_MAX: usize = 5_000;
/// Prizes that are shown at once.
const PRIZES_MAX: usize = 100;
/// A line that can not be decided in this time is told to come again.
const LINE_PATIENCE: Duration = Duration::from_secs(5);

/// What moves money into or out of a prize pool.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MovePool)]
pub(crate) struct MovePoolAsk<'a> {
    /// How much, in yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "50000.00")]
    amount: Str<'a>,
    /// `in` or `out`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "in")]
    direction: Str<'a>,
    /// Who says that the money has come, or goes.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "finance-07")]
    by: Str<'a>,
}

/// A prize pool.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrizePool)]
pub(crate) struct PoolBody {
    /// Whose.
    #[schema(value_type = String, example = "S20260101120000000-44-00001")]
    sp_id: Shown<SpId>,
    /// What is in it, in yuan.
    #[schema(value_type = String, example = "50000.00")]
    balance: Yuan,
    /// Position in the province's log that this shows.
    log_index: u64,
}

/// Puts money into an SP's prize pool, or takes it out again.
#[utoipa::path(
    post, path = "/v1/sps/{id}/prize-pool", tag = "awards", operation_id = "move_prize_pool",
    params(("id" = String, Path, description = "The SP", example = "S20260101120000000-44-00001")),
    request_body = MovePoolAsk<'_>,
    responses((status = 200, description = "Moved", body = PoolBody)),
)]
pub(crate) async fn move_pool(State(door): State<Door>, call: Call) -> Answer {
    let (key, sp): (_, SpId) = (call.key()?, call.id()?);
    let ask: MovePoolAsk<'_> = call.json()?;
    let amount = amount("amount", ask.amount.as_str())?;
    let out = field::choice("direction", ask.direction.as_str(), &[("in", false), ("out", true)])?;
    let by = text::code("by", ask.by.as_str())?;
    if let Some(elsewhere) = door.elsewhere(sp.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let verb = Verb::FundPool { sp, amount, out, by };
    let reply = door.propose(call.request(key, &ask), verb).await.map_err(Problem::of_path)?;
    let Outcome::Pool { balance, .. } = reply.outcome else { return Err(unexpected(&reply)) };
    let body = PoolBody { sp_id: Shown(sp), balance: Yuan(balance), log_index: reply.index };
    Ok(answer::changed(StatusCode::OK, &body, &reply))
}

/// Shows what is in an SP's prize pool.
#[utoipa::path(
    get, path = "/v1/sps/{id}/prize-pool", tag = "awards", operation_id = "show_prize_pool",
    params(("id" = String, Path, description = "The SP", example = "S20260101120000000-44-00001")),
    responses((status = 200, description = "The pool", body = PoolBody)),
)]
pub(crate) async fn show_pool(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let sp: SpId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(sp.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let look = |state: &mpss_domain::State| {
        state.sp(sp).map(|_| PoolBody {
            sp_id: Shown(sp),
            balance: Yuan(state.prize_pool(sp)),
            log_index: state.index(),
        })
    };
    let found = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    Ok(answer::found(&found.ok_or_else(|| Problem::refused(Refusal::SpNotFound).of_path())?))
}

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
    fn as_of(award: &Award, index: u64) -> Self {
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
fn key_of(sp: SpId, reference: &str) -> u128 {
    let digest = Sha256::new()
        .chain_update(b"mpss-award")
        .chain_update(sp.bits().to_be_bytes())
        .chain_update(reference.as_bytes())
        .finalize();
    u128::from_be_bytes(digest[..16].try_into().expect("SHA-256 has 32 bytes"))
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

/// One line of an award file as it was sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLine {
    reference: String,
    order_id: String,
    msisdn: String,
    prize: String,
    account_kind: String,
}

/// What one line came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AwardLine)]
pub(crate) struct LineBody {
    /// The line in the file, counting from 1; the header is line 1.
    #[schema(example = 2)]
    line: u64,
    /// The SP's own number, when the line could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// The award, when it was taken now or before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "W20260101120000000-44-00001")]
    award_id: Option<Shown<AwardId>>,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "accepted")]
    status: Option<&'static str>,
    /// Why it was not taken: the stable name of a refusal, or of what is wrong with the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "already_awarded")]
    refused: Option<&'static str>,
    /// More about that, for a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// True when the same line may be taken later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    come_again: bool,
}

impl LineBody {
    const fn new(line: u64, reference: Option<String>) -> Self {
        Self { line, reference, award_id: None, status: None, refused: None, detail: None, come_again: false }
    }
}

/// What an award file came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AwardFileResult)]
pub(crate) struct FileBody {
    /// Lines whose awards stand.
    taken: usize,
    /// Lines that were refused.
    refused: usize,
    /// Each line, in the order of the file.
    lines: Vec<LineBody>,
}

/// Takes a file of awards of one SP: CSV with the header `reference,order_id,msisdn,prize,account_kind`.
/// Each line comes to its own end; the same file may be sent again without harm.
#[utoipa::path(
    post, path = "/v1/sps/{id}/award-files", tag = "awards", operation_id = "send_award_file",
    params(
        ("id" = String, Path, description = "The SP", example = "S20260101120000000-44-00001"),
        ("by" = String, Query, description = "Who asks for them", example = "lottery-clerk-3"),
    ),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, description = "A result for each line", body = FileBody)),
)]
pub(crate) async fn file(State(door): State<Door>, call: Call) -> Answer {
    // What is asked for twice is known by the lines themselves; the key is checked like any other.
    call.key()?;
    let sp: SpId = call.id()?;
    let query = call.query(&["by"])?;
    let by = query.get("by").ok_or_else(|| Problem::field(EdgeCode::MissingField, "by", "who asks for them"))?;
    let by = text::code("by", by)?;
    call.media_type("text/csv")?;
    if let Some(elsewhere) = door.elsewhere(sp.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let known = door.context.replica.read_linearizable(|state| state.sp(sp).is_some()).await.map_err(NotDone::from)?;
    if !known {
        return Err(Problem::refused(Refusal::SpNotFound).of_path());
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(&*call.body);
    let header = reader.headers().map_err(|error| unreadable(&error))?.clone();
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(&error))?;
        if lines.len() == LINES_MAX {
            return Err(Problem::field(EdgeCode::InvalidText, "body", format!("at most {LINES_MAX} lines")));
        }
        let at = record.position().map_or(0, csv::Position::line);
        lines.push((at, record.deserialize::<FileLine>(Some(&header)).map_err(|error| error.to_string())));
    }
    let done = futures::stream::iter(lines.into_iter().map(|(at, line)| door.take_line(sp, by.clone(), at, line)))
        .buffered(LINES_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let taken = done.iter().filter(|line| line.award_id.is_some()).count();
    Ok(answer::found(&FileBody { taken, refused: done.len() - taken, lines: done }))
}

fn unreadable(error: &csv::Error) -> Problem {
    let line = error.position().map_or(0, csv::Position::line);
    Problem::field(EdgeCode::InvalidText, "body", format!("line {line} is no CSV of this header"))
}

impl Door {
    async fn take_line(&self, sp: SpId, by: String, at: u64, line: Result<FileLine, String>) -> LineBody {
        let line = match line {
            Ok(line) => line,
            Err(what) => {
                let (refused, detail) = (Some(EdgeCode::InvalidText.code()), Some(what));
                return LineBody { refused, detail, ..LineBody::new(at, None) };
            }
        };
        let mut body = LineBody::new(at, Some(line.reference.clone()));
        let verb = match understood(sp, by, &line) {
            Ok(verb) => verb,
            Err(problem) => {
                body.refused = Some(problem.code());
                body.detail = problem.field_name().map(str::to_owned);
                return body;
            }
        };
        let proposed = self.context.replica.propose(Command::internal(verb));
        let reply = tokio::select! {
            biased;
            reply = proposed => reply.map_err(NotDone::from).and_then(accepted),
            () = self.context.seams.clock.sleep(LINE_PATIENCE) => Err(NotDone::Unknown),
        };
        match reply {
            Ok(reply) => {
                let Outcome::Award(id) = reply.outcome else { return body };
                let look = |state: &mpss_domain::State| state.award(id).map(|award| award.status_as_of(reply.index));
                body.award_id = Some(Shown(id));
                body.status =
                    self.context.replica.read_at(reply.index, look).await.ok().flatten().map(AwardStatus::name);
            }
            Err(NotDone::Refused { refusal, .. }) => {
                body.refused = Some(refusal.code());
                body.come_again = refusal.retryable();
            }
            Err(not_done) => {
                body.refused = Some(Problem::from(not_done).code());
                body.come_again = true;
            }
        }
        body
    }
}

fn understood(sp: SpId, by: String, line: &FileLine) -> Result<Verb, Problem> {
    let reference = text::code("reference", &line.reference)?;
    Ok(Verb::AskAward {
        sp,
        key: key_of(sp, &reference),
        reference,
        order: field::id("order_id", &line.order_id)?,
        msisdn: field::msisdn("msisdn", &line.msisdn)?,
        prize: amount("prize", &line.prize)?,
        wanted: field::account_kind("account_kind", &line.account_kind)?,
        by,
    })
}

/// A prize in the winner's home province.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Prize)]
pub(crate) struct PrizeBody {
    /// The award.
    #[schema(value_type = String, example = "W20260101120000000-44-00001")]
    award_id: Shown<AwardId>,
    /// The bet.
    #[schema(value_type = String, example = "O20260101120000000-44-00001")]
    order_id: Shown<OrderId>,
    /// How much, tax taken off, in yuan.
    #[schema(value_type = String, example = "20.00")]
    amount: Yuan,
    /// The kind of account that was wanted.
    #[schema(example = "virtual")]
    account_kind: &'static str,
    /// `waiting` or `paying`.
    #[schema(example = "waiting")]
    status: &'static str,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    at: Shown<LogTime>,
}

impl PrizeBody {
    fn new(prize: &Prize) -> Self {
        Self {
            award_id: Shown(prize.id),
            order_id: Shown(prize.order),
            amount: Yuan(prize.amount),
            account_kind: prize.wanted.name(),
            status: prize.status.name(),
            at: Shown(prize.at),
        }
    }
}

/// What waits for a winner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrizesWaiting)]
pub(crate) struct WaitingBody {
    /// Oldest first; a hundred at most.
    prizes: Vec<PrizeBody>,
    /// Position in the home province's log that this shows.
    log_index: u64,
}

/// Shows the prizes that wait for a subscriber: there is no account that could take them.
#[utoipa::path(
    get, path = "/v1/subscribers/{msisdn}/prizes", tag = "awards", operation_id = "show_prizes",
    params(("msisdn" = String, Path, description = "The subscriber", example = "18912345678")),
    responses((status = 200, description = "What waits", body = WaitingBody)),
)]
pub(crate) async fn waiting(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let msisdn = call.msisdn()?;
    if let Some(elsewhere) = door.home_elsewhere(msisdn)? {
        return door.pass_on(&call, elsewhere).await;
    }
    let look = |state: &mpss_domain::State| WaitingBody {
        prizes: state.prizes_waiting(msisdn).take(PRIZES_MAX).map(PrizeBody::new).collect(),
        log_index: state.index(),
    };
    let body = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    debug_assert!(body.prizes.iter().all(|prize| prize.status == PrizeStatus::Waiting.name()));
    Ok(answer::found(&body))
}

/// Rules for awards that are data.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AwardPolicy)]
pub(crate) struct AwardPolicyWire<'a> {
    /// Rises with each change; 0 is what comes with the program.
    version: u64,
    /// A prize up to this is free of tax; of a larger one the whole is taxed. In yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "10000.00")]
    tax_free_up_to: Str<'a>,
    /// The tax in parts of a million, at most a half.
    #[schema(maximum = 500_000, example = 200_000)]
    tax_ppm: u32,
    /// From this amount on a second person approves. In yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "10000.00")]
    approval_from: Str<'a>,
    /// Which accounts are tried, in this order, when the one that was wanted is not there.
    #[serde(borrow)]
    #[schema(value_type = Vec<String>, max_items = 3)]
    fallback: Vec<Str<'a>>,
}

/// Shows the rules for awards in force at the province whose node is asked.
#[utoipa::path(
    get, path = "/v1/award-policy", tag = "awards", operation_id = "show_award_policy",
    responses((status = 200, description = "The rules", body = AwardPolicyWire<'_>)),
)]
pub(crate) async fn show_policy(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let look = |state: &mpss_domain::State| state.award_policy().clone();
    let policy = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    Ok(answer::found(&AwardPolicyWire {
        version: policy.version,
        tax_free_up_to: Str::shown(&policy.tax_free_up_to),
        tax_ppm: policy.tax_ppm,
        approval_from: Str::shown(&policy.approval_from),
        fallback: policy.fallback.iter().map(|kind| Str::shown(&kind.name())).collect(),
    }))
}

/// Rules for awards that are in force now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AwardPolicySet)]
pub(crate) struct AwardPolicySet {
    /// Their version.
    version: u64,
    /// Position in the province's log.
    log_index: u64,
}

/// Puts newer rules for awards in force at the province whose node is asked. They are given whole.
#[utoipa::path(
    put, path = "/v1/award-policy", tag = "awards", operation_id = "set_award_policy",
    request_body = AwardPolicyWire<'_>,
    responses((status = 200, description = "In force", body = AwardPolicySet)),
)]
pub(crate) async fn set_policy(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let wire: AwardPolicyWire<'_> = call.json()?;
    let mut fallback = Vec::<AccountKind>::new();
    for kind in &wire.fallback {
        let kind = field::account_kind("fallback", kind.as_str())?;
        if fallback.contains(&kind) {
            return Err(Problem::field(EdgeCode::InvalidPolicy, "fallback", "a kind is named twice"));
        }
        fallback.push(kind);
    }
    let approval_from: Money = amount("approval_from", wire.approval_from.as_str())?;
    if !approval_from.is_positive() {
        return Err(Problem::field(EdgeCode::InvalidPolicy, "approval_from", "above nothing"));
    }
    let policy = AwardPolicy {
        version: field::within("version", wire.version, 1..=u64::MAX)?,
        tax_free_up_to: amount("tax_free_up_to", wire.tax_free_up_to.as_str())?,
        tax_ppm: field::within("tax_ppm", wire.tax_ppm, 0..=500_000)?,
        approval_from,
        fallback,
    };
    let version = policy.version;
    let reply = door.propose(call.request(key, &wire), Verb::SetAwardPolicy(Box::new(policy))).await?;
    Ok(answer::changed(StatusCode::OK, &AwardPolicySet { version, log_index: reply.index }, &reply))
}
