//! What concerns an SP, read on from any number, from any node.
//!
//! ```text
//!  GET ?after=N ─▶ anything behind N? ─no─▶ wait, as long as the SP would ─▶ none
//!                       │yes
//!                       ▼
//!                   this node's history, which may be a moment behind: that moment is waited for
//! ```

use std::time::Duration;

use axum::extract::State;
use mpss_cluster::history::HistoryError;
use mpss_domain::ids::IssuedId;
use mpss_domain::journal::JournalBody;
use mpss_domain::order::OrderEvent;
use mpss_domain::sp_events::SpEvent;
use mpss_domain::{AwardId, JournalRecord, LogTime, OrderId, OrderStatus, RefundId, Refusal, SpId};
use serde::Serialize;
use utoipa::ToSchema;

use super::number;
use crate::channel::http::answer;
use crate::channel::http::call::{Answer, Call};
use crate::channel::http::door::{Door, DoorParts};
use crate::channel::http::orders::{preference_applied, wait_preferred};
use crate::intake::amount::Yuan;
use crate::intake::field::Shown;
use crate::intake::{EdgeCode, Problem};

/// Events in one answer at most.
const EVENTS_MAX: usize = 1_000;
/// Events in one answer when nothing is said.
const EVENTS_USUAL: usize = 100;
/// How long is waited for events that are decided but not in this node's history yet.
const HISTORY_WAIT: Duration = Duration::from_secs(3);

/// Events of an SP.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpEvents)]
pub(crate) struct SpEventsBody {
    /// Those behind `after`, in the order of their numbers, without a gap.
    events: Vec<SpEventBody>,
    /// The number of the SP's last event.
    #[schema(example = 4711)]
    last_number: u64,
}

/// One event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpEvent)]
pub(crate) struct SpEventBody {
    /// One more than that of the event before.
    #[schema(example = 4711)]
    number: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Shown<LogTime>,
    /// Of an order whose subscriber was asked `reserved`, `declined` or `expired`; of any `deliver`, `delivered`, `cancelled` (do not deliver, or take back), `reversed` (the money is back), `refunded`,
    /// `refund_declined`, `cards_shown`, `ticket_checked`, `received`, `award_awaiting_approval`, `award_crediting`,
    /// `award_accepted`, `award_rejected`, `award_returned`.
    #[schema(example = "deliver")]
    kind: String,
    /// The order, or the bet.
    #[schema(value_type = String, example = "O20260101120000000-44-00001")]
    order_id: Shown<OrderId>,
    /// With `cancelled` and `declined`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "delivery_timed_out")]
    reason: Option<&'static str>,
    /// With `cancelled`: whether it had been delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    was_delivered: Option<bool>,
    /// With `refunded` and `refund_declined`: which.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "R20260101120000000-44-00001")]
    refund_id: Option<Shown<RefundId>>,
    /// With `refunded`: how much, in yuan.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "2.00")]
    amount: Option<Yuan>,
    /// With awards: which.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "W20260101120000000-44-00001")]
    award_id: Option<Shown<AwardId>>,
    /// The entry of the province's log in which it happened.
    log_index: u64,
}

impl SpEventBody {
    fn of(record: &JournalRecord) -> Option<Self> {
        let JournalBody::SpTold { number, event, .. } = record.body else { return None };
        let (order, award) = match event {
            SpEvent::Order { order, .. } => (order, None),
            SpEvent::Award { order, award, .. } => (order, Some(award)),
        };
        let mut body = Self {
            number,
            at: Shown(record.at),
            kind: String::new(),
            order_id: Shown(order),
            reason: None,
            was_delivered: None,
            refund_id: None,
            amount: None,
            award_id: award.map(Shown),
            log_index: record.position.index(),
        };
        body.kind = match event {
            SpEvent::Award { status, .. } => format!("award_{}", status.name()),
            SpEvent::Order { event, before, .. } => match event {
                OrderEvent::DeliveryAsked => "deliver".to_owned(),
                OrderEvent::ReversalAsked(_, reason) => {
                    body.reason = Some(reason.name());
                    body.was_delivered = Some(before == OrderStatus::Delivered);
                    "cancelled".to_owned()
                }
                OrderEvent::Refunded(refund, amount) => {
                    (body.refund_id, body.amount) = (Some(Shown(refund)), Some(Yuan(amount)));
                    event.name().to_owned()
                }
                OrderEvent::RefundDeclined(refund, _) => {
                    body.refund_id = Some(Shown(refund));
                    event.name().to_owned()
                }
                OrderEvent::Declined(Refusal::ConfirmationExpired) => "expired".to_owned(),
                OrderEvent::Declined(refusal) => {
                    body.reason = Some(refusal.code());
                    event.name().to_owned()
                }
                other => other.name().to_owned(),
            },
        };
        Some(body)
    }
}

/// Reads what concerns the SP, on from the last number it knows, from any node of its province. With
/// `Prefer: wait=N` the answer waits up to N seconds for the next event. Signed.
#[utoipa::path(
    get, path = "/v1/sp/events", tag = "sp", operation_id = "sp_read_events",
    params(
        ("after" = Option<u64>, Query, description = "The last number that is known, 0 to 9223372036854775807; 0, or nothing, for the first"),
        ("limit" = Option<u32>, Query, description = "Events in the answer, 1 to 1000; 100 when not given"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: wait up to N (at most 60) seconds for the next event", example = "wait=30"),
    ),
    responses((status = 200, description = "Events", body = SpEventsBody)),
)]
pub(crate) async fn list(State(door): State<Door>, call: Call) -> Answer {
    let sp = door.signed_by(&call).await?;
    let query = call.query(&["after", "limit"])?;
    let after = number("after", query.get("after"))?;
    let limit = query.limit("limit", EVENTS_USUAL, EVENTS_MAX)?;
    let wait = wait_preferred(call.headers());
    let last_number = door.last_event(sp, after, wait.unwrap_or_default()).await;
    if after > last_number {
        return Err(Problem::field(EdgeCode::InvalidCursor, "after", format!("the last event is {last_number}")));
    }
    let records = door.sp_events(sp, after, limit, last_number).await?;
    let events = records.iter().filter_map(SpEventBody::of).collect();
    let mut response = answer::found(&SpEventsBody { events, last_number });
    if let Some(wait) = wait {
        preference_applied(&mut response, wait);
    }
    Ok(response)
}

impl DoorParts {
    /// The SP's last event now, or once there is one behind `after`, whichever comes first within `wait`. The state is
    /// at least as new as the one in which the signature was checked.
    async fn last_event(&self, sp: SpId, after: u64, wait: Duration) -> u64 {
        let replica = &self.context.replica;
        let last = || replica.read(|state| state.last_sp_event(sp));
        let now = last();
        if now != after || wait.is_zero() {
            return now;
        }
        // Without a place the question is answered at once: waiting is a wish, not a duty.
        let Some(_place) = self.waits.enter() else { return now };
        let mut changes = replica.watch();
        let mut over = self.context.seams.clock.sleep(wait);
        loop {
            changes.borrow_and_update();
            let now = last();
            if now != after {
                return now;
            }
            tokio::select! {
                biased;
                changed = changes.changed() => if changed.is_err() { return now },
                () = &mut over => return now,
            }
        }
    }

    /// Events behind `after` as this node's history has them. What is decided reaches it a moment later: that moment is
    /// waited for, but not for more than the first of them.
    async fn sp_events(&self, sp: SpId, after: u64, limit: usize, last: u64) -> Result<Vec<JournalRecord>, Problem> {
        let history = self.context.replica.history();
        let mut fed = history.watch();
        let mut over = self.context.seams.clock.sleep(HISTORY_WAIT);
        loop {
            fed.borrow_and_update();
            match history.stream(sp.bits(), after, limit) {
                Ok(records) if !records.is_empty() || after >= last => return Ok(records),
                Ok(_) | Err(HistoryError::Missing(_)) => {}
                Err(error) => {
                    tracing::error!(%error, "the history can not be read");
                    return Err(Problem::detailed(EdgeCode::Unavailable, "the history can not be read here"));
                }
            }
            let later = || Problem::detailed(EdgeCode::Unavailable, "this node's history is being rebuilt");
            tokio::select! {
                biased;
                changed = fed.changed() => changed.map_err(|_| later())?,
                () = &mut over => return Err(later()),
            }
        }
    }
}
