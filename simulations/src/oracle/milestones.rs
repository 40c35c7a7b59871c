//! No property: it watches for the rare moments that a sweep must have seen, see
//! [`crate::tally::MUST_BE_SEEN`], and counts what really happened.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::journal::{AccountChange, JournalBody, PostingReason};
use mpss_domain::order::{OrderEvent, ReversalReason};
use mpss_domain::{LogTime, OrderId, Outcome, ProvinceId, Refusal, Verb};

use super::{Property, Seen};
use crate::tally::Tally;

/// See the module.
pub(super) struct Milestones {
    tally: Tally,
    /// The last event of each order, and when it was taken.
    orders: BTreeMap<OrderId, (OrderEvent, LogTime)>,
    /// The last entry that each machine has applied.
    applied: BTreeMap<String, u64>,
    /// The last entry of each province when one of its machines crashed last.
    crashed_at: BTreeMap<ProvinceId, u64>,
    last: BTreeMap<ProvinceId, u64>,
    /// Provinces in which somebody has bought something.
    open: BTreeSet<ProvinceId>,
    terms: BTreeMap<ProvinceId, u64>,
}

impl Milestones {
    pub(super) fn new(tally: Tally) -> Self {
        Self {
            tally,
            orders: BTreeMap::new(),
            applied: BTreeMap::new(),
            crashed_at: BTreeMap::new(),
            last: BTreeMap::new(),
            open: BTreeSet::new(),
            terms: BTreeMap::new(),
        }
    }

    fn order_moved(&mut self, order: OrderId, event: OrderEvent, at: LogTime, takeover_ms: u64) {
        let before = self.orders.get(&order).copied();
        match event {
            OrderEvent::ReversalAsked(_, reason) => {
                self.tally.count(&format!("reversals: {}", reason.name()));
                match reason {
                    ReversalReason::PaymentUnknown => self.tally.see("payment given up at its bound"),
                    ReversalReason::DeliveryTimedOut => self.tally.see("delivery deadline passed"),
                    _ => {}
                }
                if before.is_some_and(|(event, _)| event == OrderEvent::PaymentAsked) {
                    self.tally.see("reversal while the payment was under way");
                }
            }
            OrderEvent::LatePayment => self.tally.see("late payment revived nothing"),
            OrderEvent::LateAcceptance => self.tally.see("late acceptance changed nothing"),
            OrderEvent::Paid if before.is_some_and(|(_, taken)| at.ms_since(taken) > takeover_ms) => {
                self.tally.see("payment taken over from a dead asker");
            }
            _ => {}
        }
        let taken = before.map_or(at, |(_, taken)| taken);
        self.orders.insert(order, (event, taken));
    }

    fn refused(&self, refusal: Refusal) {
        match refusal {
            Refusal::NotHome => self.tally.see("refused as not home under a newer plan"),
            Refusal::ForeignOperator => self.tally.see("ported number refused"),
            Refusal::DailyLimitExceeded => self.tally.see("daily limit reached"),
            _ => {}
        }
    }
}

impl Property for Milestones {
    fn name(&self) -> &'static str {
        "milestones"
    }

    fn clause(&self) -> &'static str {
        "what a sweep must have seen"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        match seen {
            Seen::Crashed { machine, led, unsynced } => {
                if *led && *unsynced > 0 {
                    self.tally.see("leader died with unsynced tail");
                }
                if let Some(province) = crate::country::province_of(machine) {
                    let last = self.last.get(&province).copied().unwrap_or_default();
                    self.crashed_at.insert(province, last);
                }
            }
            Seen::Installed { machine, state, .. } => {
                let applied = self.applied.entry((*machine).to_owned()).or_default();
                if state.index() > *applied {
                    self.tally.see("snapshot installed on a laggard");
                    self.tally.count("snapshots installed from a leader");
                }
                *applied = state.index().max(*applied);
            }
            Seen::Applied { machine, province, entry, first } => {
                let applied = self.applied.entry((*machine).to_owned()).or_default();
                *applied = entry.index.max(*applied);
                if *first {
                    self.last.insert(*province, entry.index);
                    if self.terms.insert(*province, entry.term).is_some_and(|term| term != entry.term) {
                        self.tally.count("elections that led to entries");
                    }
                    self.count(*province, entry);
                }
            }
            _ => {}
        }
        Vec::new()
    }
}

impl Milestones {
    fn count(&mut self, province: ProvinceId, entry: &mpss_cluster::AppliedEntry<'_>) {
        let takeover_ms = entry.state.policy().payment_takeover_ms;
        for record in entry.journal {
            match &record.body {
                JournalBody::OrderMoved { order, event } => {
                    self.open.insert(province);
                    self.order_moved(*order, *event, record.at, takeover_ms);
                }
                JournalBody::Posted { reason: PostingReason::TransferReturned(_), .. } => {
                    self.tally.see("transfer came back");
                }
                JournalBody::AccountChanged { change: AccountChange::PasswordLocked { .. }, .. } => {
                    self.tally.see("password locked");
                }
                JournalBody::AccountChanged { change: AccountChange::Thawed, .. }
                    if entry.batch.commands.iter().any(|command| command.verb == Verb::Tick) =>
                {
                    self.tally.see("account thawed on its date");
                }
                _ => {}
            }
        }
        if entry.batch.raises_to().is_some() && self.open.contains(&province) {
            self.tally.see("newer rules in force in mid-operation");
        }
        for (command, reply) in entry.batch.commands.iter().zip(entry.replies) {
            if reply.replayed {
                self.tally.see("request came twice and had one answer");
                if self.crashed_at.get(&province).is_some_and(|crashed| reply.index <= *crashed) {
                    self.tally.see("request came again after a restart");
                }
            }
            match (&command.verb, &reply.outcome) {
                (_, Outcome::Refused(refusal) | Outcome::OrderDeclined(_, refusal)) => self.refused(*refusal),
                (Verb::ReversePayment { payment, .. }, Outcome::Reversed)
                    if entry.state.payment(*payment).is_some_and(|payment| payment.order.is_none()) =>
                {
                    self.tally.see("reversal came before its payment");
                }
                (Verb::RecordRefund { result: Ok(()), .. }, Outcome::Refund(..)) => {
                    self.tally.see("refund across provinces");
                }
                _ => {}
            }
        }
    }
}
