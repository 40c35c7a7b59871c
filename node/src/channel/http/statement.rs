//! An account's statement: the walk back along its chain of records.

use axum::extract::State;
use mpss_domain::ids::IssuedId;
use mpss_domain::journal::{JournalBody, PostingReason, StatementLine};
use mpss_domain::{AccountId, JournalRecord, LogTime, Money, Msisdn, ProvinceId, RecordPosition, Refusal, SpId};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::{Door, DoorParts};
use crate::intake::amount::Yuan;
use crate::intake::field::{self, Shown};
use crate::intake::{EdgeCode, Problem};
use crate::not_done::NotDone;

/// Entries on one page at most.
const PAGE_MAX: usize = 500;
/// Entries on one page when nothing is said.
const PAGE_USUAL: usize = 100;
/// Records looked at for one page at most; a page that is not full by then says where to go on.
const RECORDS_MAX: usize = 5_000;
/// Records read at once.
const RECORDS_AT_ONCE: usize = 128;

/// A page of a statement.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Statement)]
pub(crate) struct StatementBody {
    /// Whose.
    #[schema(value_type = String, example = "A20260101120000000-44-00001")]
    account_id: Shown<AccountId>,
    /// The newest entries of the period that are not on a page before, the newest last.
    entries: Vec<StatementEntry>,
    /// Leads to the entries before these; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "82031")]
    next_cursor: Option<String>,
    /// Position in the home province's log that this shows.
    log_index: u64,
}

/// One line of a statement.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatementEntry)]
pub(crate) struct StatementEntry {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Shown<LogTime>,
    /// `purchase`, `reversal`, `refund`, `top_up`, `pay_out`, `transfer`, `transfer_returned`, `returned` or
    /// `award`.
    #[schema(example = "purchase")]
    kind: &'static str,
    /// What changed, in yuan; negative when money left.
    #[schema(value_type = String, example = "-12.30")]
    amount: Yuan,
    /// The balance after it, in yuan.
    #[schema(value_type = String, example = "87.70")]
    balance: Yuan,
    /// The order, top-up or transfer it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "O20260101120000000-44-00001")]
    reference: Option<String>,
    /// The refund, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "R20260101120000000-44-00001")]
    refund_id: Option<String>,
    /// The other side, when it is a subscriber.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "18987654321")]
    counterparty: Option<Shown<Msisdn>>,
    /// The SP, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "S20260101120000000-44-00001")]
    sp_id: Option<Shown<SpId>>,
    /// The other province, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "51")]
    province: Option<Shown<ProvinceId>>,
    /// The log entry that moved the money.
    log_index: u64,
}

impl StatementEntry {
    /// The line a record has for `account`, when it has one.
    fn of(record: &JournalRecord, account: AccountId) -> Option<Self> {
        let JournalBody::Posted { reason, statement: Some(line), .. } = &record.body else { return None };
        let StatementLine { amount, balance, counterparty, sp, province, .. } = *line;
        if line.account != account {
            return None;
        }
        let (kind, reference, refund_id) = match reason {
            PostingReason::Purchase(order) => ("purchase", Some(order.to_string()), None),
            PostingReason::Clearing(order) => ("clearing", Some(order.to_string()), None),
            PostingReason::Reversal(order) => ("reversal", Some(order.to_string()), None),
            PostingReason::Refund(order, refund) => ("refund", Some(order.to_string()), Some(refund.to_string())),
            PostingReason::TopUp(top_up) => ("top_up", Some(top_up.to_string()), None),
            PostingReason::PayOut(_) => ("pay_out", None, None),
            PostingReason::Transfer(transfer) => ("transfer", Some(transfer.to_string()), None),
            PostingReason::TransferReturned(transfer) => ("transfer_returned", Some(transfer.to_string()), None),
            PostingReason::Settled(call) => ("returned", Some(call.to_string()), None),
            PostingReason::Award(award) => ("award", Some(award.to_string()), None),
            // No account of a subscriber moves with it.
            PostingReason::PoolFunded(_) => return None,
        };
        let amount: Money = amount;
        Some(Self {
            at: Shown(record.at),
            kind,
            amount: Yuan(amount),
            balance: Yuan(balance),
            reference,
            refund_id,
            counterparty: counterparty.map(Shown),
            sp_id: sp.map(Shown),
            province: province.map(Shown),
            log_index: record.position.index(),
        })
    }
}

/// What part of a chain is asked for.
struct Period {
    from: Option<LogTime>,
    to: Option<LogTime>,
    limit: usize,
}

/// Shows what moved on an account: a page of the newest entries, then by cursor the ones before.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/statement", tag = "accounts", operation_id = "show_statement",
    params(
        ("id" = String, Path, description = "The account", example = "A20260101120000000-44-00001"),
        ("from" = Option<String>, Query, format = DateTime, description = "Not before this time (RFC 3339)", example = "2026-01-01T00:00:00+08:00"),
        ("to" = Option<String>, Query, format = DateTime, description = "Before this time (RFC 3339)", example = "2026-02-01T00:00:00+08:00"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, description = "Entries on the page, 1 to 500; 100 when not given"),
    ),
    responses((status = 200, description = "A page", body = StatementBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    let query = call.query(&["from", "to", "cursor", "limit"])?;
    let account: AccountId = call.id()?;
    let time = |name: &'static str| query.get(name).map(|text| field::time(name, text)).transpose();
    let period = Period { from: time("from")?, to: time("to")?, limit: query.limit("limit", PAGE_USUAL, PAGE_MAX)? };
    let cursor = query.get("cursor").map(|text| {
        let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        let what = "take next_cursor of the page before";
        number.map(RecordPosition::from_number).ok_or_else(|| Problem::field(EdgeCode::InvalidCursor, "cursor", what))
    });
    let cursor = cursor.transpose()?;
    if let Some(elsewhere) = door.elsewhere(account.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let look = |state: &mpss_domain::State| state.account(account).map(|found| (found.last_record, state.index()));
    let found = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    let (newest, log_index) = found.ok_or_else(|| Problem::refused(Refusal::AccountNotFound).of_path())?;
    if cursor.is_some_and(|cursor| newest.is_none_or(|newest| cursor > newest)) {
        return Err(Problem::field(EdgeCode::InvalidCursor, "cursor", "this account has no such record"));
    }
    let (entries, next) = door.statement(account, cursor.or(newest), &period).await?;
    let next_cursor = next.map(|next| next.number().to_string());
    Ok(answer::found(&StatementBody { account_id: Shown(account), entries, next_cursor, log_index }))
}

impl DoorParts {
    /// Entries of the period from `newest` back, oldest first, and where to go on.
    async fn statement(
        &self,
        account: AccountId,
        newest: Option<RecordPosition>,
        period: &Period,
    ) -> Result<(Vec<StatementEntry>, Option<RecordPosition>), Problem> {
        let (mut entries, mut looked_at, mut next) = (Vec::new(), 0, newest);
        'pages: while let Some(position) = next {
            let records = self.home.records_back_from(position, RECORDS_AT_ONCE).await?;
            for record in records {
                if entries.len() == period.limit || looked_at == RECORDS_MAX {
                    break 'pages;
                }
                if !belongs_to(&record, account) {
                    // Only a cursor that was not given out for this account leads here.
                    return Err(Problem::field(EdgeCode::InvalidCursor, "cursor", "this account has no such record"));
                }
                looked_at += 1;
                next = record.previous;
                if period.from.is_some_and(|from| record.at < from) {
                    next = None;
                    break 'pages;
                }
                if period.to.is_none_or(|to| record.at < to) {
                    entries.extend(StatementEntry::of(&record, account));
                }
            }
        }
        entries.reverse();
        Ok((entries, next))
    }
}

/// True for a record that stands in the account's chain.
fn belongs_to(record: &JournalRecord, account: AccountId) -> bool {
    match &record.body {
        JournalBody::Posted { statement, .. } => statement.as_ref().is_some_and(|line| line.account == account),
        JournalBody::AccountChanged { account: changed, .. } => *changed == account,
        JournalBody::OrderMoved { .. } | JournalBody::CallMoved { .. } | JournalBody::SpTold { .. } => false,
    }
}
