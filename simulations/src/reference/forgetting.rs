//! What is kept how long: what has ended is kept for the retention, and what other provinces may
//! still ask about thirty days more (product §7).
//!
//! The specification does not say at which tick a row goes. So a row that *may* have been forgotten is
//! forgotten here when the real one shows that it has none, and not before; what *must* have been
//! forgotten goes at the end of a sweep. What is forgotten must never be taken for new: whatever is
//! as old as that is refused as too old.

use std::collections::BTreeSet;

use mpss_domain::ids::IssuedId;
use mpss_domain::journal::JournalBody;
use mpss_domain::order::OrderEvent;
use mpss_domain::{
    JournalRecord, LogTime, OrderId, OrderStatus, Outcome, PaymentId, Refusal, Reply, StateVersion, TransferId, Verb,
};

use super::Reference;

/// Since this version what may have been forgotten is told exactly.
const EXACT_FORGETTING: StateVersion = StateVersion(2);

/// A refund or reversal that was stored and forwarded finds its payment for so much longer.
const FORWARDING_MS: u64 = 30 * 86_400_000;

/// The real one looks for what is old once a minute.
const LOOKS_EVERY_MS: u64 = 60_000;

/// And at so many rows of each kind at a time.
const LOOKS_AT: usize = 512;

/// How far forgetting may have come, and how far it must have come.
#[derive(Debug, Default)]
pub(super) struct Forgetting {
    /// Orders that ended before this may be gone.
    orders_before: LogTime,
    /// Payments and transfers before this may be gone.
    others_before: LogTime,
    /// The newest payment or transfer that is known to be gone.
    newest_gone: Option<LogTime>,
    /// Whether the last answer that hung on it was that the identity is too old.
    told_too_old: bool,
    sweep: Option<Sweep>,
}

/// The time in which the real one must come across everything that was old when it began.
#[derive(Debug)]
struct Sweep {
    began_at: LogTime,
    orders_before: LogTime,
    others_before: LogTime,
    looks: usize,
    looked_at: LogTime,
    /// Orders that were seen to be gone since it began: their payments may have been passed by.
    orders_gone: BTreeSet<OrderId>,
}

impl Forgetting {
    /// What was old under the rules before may be kept under those now.
    pub(super) fn rules_changed(&mut self) {
        self.sweep = None;
    }
}

impl Reference {
    /// Follows the real one where it has forgotten what it may forget.
    pub(super) fn settle_what_was_forgotten(&mut self, verb: &Verb, found: &Reply, journal: &[JournalRecord]) {
        let refused = |refusal| !found.replayed && found.outcome == Outcome::Refused(refusal);
        self.forgetting.told_too_old = refused(Refusal::RequestTooOld);
        match *verb {
            Verb::RecordPayment { order, .. }
            | Verb::GiveUpPayment { order }
            | Verb::ReverseOrder { order, .. }
            | Verb::RefundOrder { order, .. }
            | Verb::RecordReversal { order }
            | Verb::RecordRefund { order, .. }
            | Verb::RevealCards { order, .. }
            | Verb::RecordShipment { order, .. }
            | Verb::RecordReceipt { order, .. }
                if refused(Refusal::OrderNotFound) && self.order_may_be_gone(order) =>
            {
                self.forget_order(order);
            }
            Verb::CheckTicket { ticket, .. }
                if refused(Refusal::TicketNotFound)
                    && self.has_ticket(ticket)
                    && self.order_may_be_gone(ticket.order) =>
            {
                self.forget_order(ticket.order);
            }
            Verb::LoadCards { product, batch, content, ref lines } if !found.replayed => {
                self.settle_forgotten_cards((product, batch), content, lines, &found.outcome);
            }
            Verb::PayBill(ref ask) if !found.replayed => {
                self.settle_forgotten_bill(&ask.purchase, ask.bill, &found.outcome);
            }
            Verb::RecordDeliveries { ref answers } => self.settle_late_acceptances(answers, journal),
            Verb::Pay(ref request) if refused(Refusal::RequestTooOld) => self.payment_seems_gone(request.payment),
            Verb::PayForBill(ref ask) if refused(Refusal::RequestTooOld) => {
                self.payment_seems_gone(ask.request.payment);
            }
            Verb::ReversePayment { payment, .. } if refused(Refusal::RequestTooOld) => self.payment_seems_gone(payment),
            Verb::RefundPayment { payment, .. } if refused(Refusal::PaymentNotFound) => {
                self.payment_seems_gone(payment);
            }
            Verb::CreditTransfer { transfer, .. }
                if refused(Refusal::RequestTooOld) && self.incoming_may_be_gone(transfer) =>
            {
                self.incoming.remove(&transfer);
                self.gone(transfer.issued_at());
            }
            Verb::RecordTransferCredit { transfer, .. }
                if refused(Refusal::TransferNotFound) && self.transfer_may_be_gone(transfer) =>
            {
                self.transfers.remove(&transfer);
            }
            _ => {}
        }
    }

    /// An acceptance of a reversed order that is still kept leaves a line, the first time.
    fn settle_late_acceptances(&mut self, answers: &[(OrderId, bool)], journal: &[JournalRecord]) {
        for &(id, accepted) in answers {
            if !accepted || !self.order_may_be_gone(id) || !self.orders[&id].may_be_accepted_late() {
                continue;
            }
            let line = JournalBody::OrderMoved { order: id, event: OrderEvent::LateAcceptance };
            if journal.iter().all(|record| record.body != line) {
                self.forget_order(id);
            }
        }
    }

    fn payment_seems_gone(&mut self, id: PaymentId) {
        if self.payment_may_be_gone(id) {
            self.payments.remove(&id);
            self.gone(id.issued_at());
        }
    }

    pub(super) fn forget_order(&mut self, id: OrderId) {
        self.orders.remove(&id);
        self.on_the_way.remove(&id);
        self.answers.forget_order(id);
        self.forget_cards_of(id);
        if let Some(sweep) = &mut self.forgetting.sweep {
            sweep.orders_gone.insert(id);
        }
    }

    fn gone(&mut self, issued_at: LogTime) {
        self.forgetting.newest_gone = self.forgetting.newest_gone.max(Some(issued_at));
    }

    /// Is an identity so old that a repetition could not be told from a first request? Too old for
    /// sure is what is older than the retention, or as old as something that is gone. In between, what
    /// may be gone, the real one decides.
    pub(super) fn check_age(&self, issued_at: LogTime) -> Result<(), Refusal> {
        let Forgetting { newest_gone, others_before, told_too_old, .. } = self.forgetting;
        let too_old = issued_at.0.saturating_add(self.policy.retention_ms) < self.now.0
            || newest_gone.is_some_and(|gone| issued_at <= gone)
            || (issued_at < others_before && told_too_old);
        if too_old { Err(Refusal::RequestTooOld) } else { Ok(()) }
    }

    /// Can an identity of which nothing is known have been known once? Under the first rules whatever
    /// is older than the retention; since version 2 only what may really be gone.
    pub(super) fn check_forgotten(&self, issued_at: LogTime) -> Result<(), Refusal> {
        if self.version < EXACT_FORGETTING {
            return self.check_age(issued_at);
        }
        let Forgetting { newest_gone, others_before, told_too_old, .. } = self.forgetting;
        let may_be_gone =
            newest_gone.is_some_and(|gone| issued_at <= gone) || (issued_at < others_before && told_too_old);
        if may_be_gone { Err(Refusal::RequestTooOld) } else { Ok(()) }
    }

    /// Older than the retention: nobody counts on it any more.
    pub(super) fn is_past_retention(&self, issued_at: LogTime) -> bool {
        self.check_age(issued_at).is_err()
    }

    /// It ended, nothing of it is under way, that is long ago, and at `now` nobody may still want to see its
    /// cards or use its tickets.
    fn order_ended_before(&self, id: OrderId, before: LogTime, now: LogTime) -> bool {
        let Some(order) = self.orders.get(&id) else { return false };
        let last = order.timeline.iter().map(|entry| entry.at).max().unwrap_or_default();
        let ended = !matches!(order.status(), OrderStatus::Paying | OrderStatus::Delivering | OrderStatus::Reversing);
        let old = ended && order.refunds_under_way().next().is_none() && last < before && id.issued_at() < before;
        old && !self.has_cards_to_show(id, now) && !order.has_tickets_to_check(now) && !order.is_on_its_way()
    }

    /// A batch whose answer may be gone.
    pub(super) fn batch_may_be_gone(&self, loaded_at: LogTime) -> bool {
        loaded_at < self.forgetting.orders_before
    }

    pub(super) fn order_may_be_gone(&self, id: OrderId) -> bool {
        self.order_ended_before(id, self.forgetting.orders_before, self.now)
    }

    /// A payment of our own order is kept as long as the order.
    pub(super) fn payment_may_be_gone(&self, id: PaymentId) -> bool {
        let before = self.forgetting.others_before;
        let Some(payment) = self.payments.get(&id) else { return false };
        let order = payment.order.filter(|order| payment.serving == self.province && self.orders.contains_key(order));
        payment.at < before && id.issued_at() < before && order.is_none_or(|order| self.order_may_be_gone(order))
    }

    pub(super) fn transfer_may_be_gone(&self, id: TransferId) -> bool {
        let before = self.forgetting.others_before;
        let final_at = self.transfers.get(&id).and_then(|row| row.final_at);
        final_at.is_some_and(|(at, _)| at < before) && id.issued_at() < before
    }

    pub(super) fn incoming_may_be_gone(&self, id: TransferId) -> bool {
        let before = self.forgetting.others_before;
        self.incoming.get(&id).is_some_and(|row| row.at < before) && id.issued_at() < before
    }

    /// A tick may forget whatever is old enough by now.
    pub(super) fn tick_may_forget(&mut self) {
        let orders_before = LogTime(self.now.0.saturating_sub(self.policy.retention_ms));
        let others_before = LogTime(orders_before.0.saturating_sub(FORWARDING_MS));
        let rows = self.orders.len().max(self.payments.len()).max(self.transfers.len()).max(self.incoming.len());
        let now = self.now;
        let known = &mut self.forgetting;
        known.orders_before = known.orders_before.max(orders_before);
        known.others_before = known.others_before.max(others_before);
        let begins = || Sweep {
            began_at: now,
            orders_before,
            others_before,
            looks: 0,
            looked_at: now,
            orders_gone: BTreeSet::new(),
        };
        let sweep = known.sweep.get_or_insert_with(begins);
        if now.0 > sweep.looked_at.0 + LOOKS_EVERY_MS {
            (sweep.looks, sweep.looked_at) = (sweep.looks + 1, now);
        }
        // One walk may have passed the row by when it grew old; the next one comes across it.
        if sweep.looks > 2 * (rows / LOOKS_AT + 1)
            && let Some(over) = known.sweep.take()
        {
            self.end_sweep(&over);
        }
    }

    fn end_sweep(&mut self, sweep: &Sweep) {
        let before = sweep.others_before;
        let payments = self.payments.iter().filter(|(id, payment)| {
            // A payment of ours goes after its order.
            let of_ours = payment.order.filter(|_| payment.serving == self.province);
            let order_went = |order| !self.orders.contains_key(&order) && !sweep.orders_gone.contains(&order);
            payment.at < before && id.issued_at() < before && of_ours.is_none_or(order_went)
        });
        for id in payments.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.payments.remove(&id);
            self.gone(id.issued_at());
        }
        let transfers = self
            .transfers
            .iter()
            .filter(|(id, row)| row.final_at.is_some_and(|(at, _)| at < before) && id.issued_at() < before);
        for id in transfers.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.transfers.remove(&id);
        }
        let incoming = self.incoming.iter().filter(|(id, row)| row.at < before && id.issued_at() < before);
        for id in incoming.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.incoming.remove(&id);
            self.gone(id.issued_at());
        }
        let orders = self.orders.keys().filter(|id| self.order_ended_before(**id, sweep.orders_before, sweep.began_at));
        for id in orders.copied().collect::<Vec<_>>() {
            self.forget_order(id);
        }
    }
}
