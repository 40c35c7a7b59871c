//! What is kept how long: orders, payments and transfers that reached their end are kept for the
//! policy's retention and then forgotten; their records stay on the read side.

use serde::{Deserialize, Serialize};

use crate::effect::EffectId;
use crate::ids::{BindingId, IssuedId};
use crate::order::Order;
use crate::payment::PaymentStatus;
use crate::rail::BindingStatus;
use crate::state::State;
use crate::table::Table;
use crate::time::LogTime;
use crate::version::EXACT_FORGETTING;

/// What other provinces may still ask about is kept this much longer than the order it belongs to,
/// so that a refund that was stored and forwarded finds its payment.
const FORWARDING_MS: u64 = 30 * 86_400_000;

/// Rows of one table that one tick looks at.
const ROWS_PER_TICK_MAX: usize = 512;

/// Time between two walks through the tables.
const WALK_EVERY_MS: u64 = 60_000;

/// How far forgetting has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Retention {
    /// Payments and transfers issued before this may have been forgotten.
    forgotten_before: LogTime,
    /// Not to be walked before this.
    due: LogTime,
    /// Where the walk through each table goes on: bits of an id.
    orders: u64,
    payments: u64,
    transfers: u64,
    incoming: u64,
}

impl State {
    /// Is an identity so old that nothing may be known of it any more, so that a repetition could
    /// not be told from a first request?
    pub(crate) fn is_too_old(&self, issued_at: LogTime) -> bool {
        self.now.ms_since(issued_at) > self.policy.retention_ms || issued_at < self.retention.forgotten_before
    }

    /// Can anything that was known of an identity have been forgotten here? When not, and nothing is
    /// known of it, then nothing ever happened under it, and what is kept from now on is its first
    /// decision: rows go only with identities issued before `forgotten_before`, which never falls.
    ///
    /// Version 1 took everything older than the retention for forgotten, although rows stay
    /// [`FORWARDING_MS`] longer: what another province forwarded that late was refused each time and
    /// asked again for ever.
    pub(crate) fn can_be_forgotten(&self, issued_at: LogTime) -> bool {
        if self.version >= EXACT_FORGETTING {
            issued_at < self.retention.forgotten_before
        } else {
            self.is_too_old(issued_at)
        }
    }

    /// When [`State::prune`] has something to do next.
    pub(crate) fn prune_due(&self) -> Option<LogTime> {
        let (keep, longer) = (self.policy.retention_ms, self.policy.retention_ms.saturating_add(FORWARDING_MS));
        let oldest = [
            self.orders.first().map(|(id, _)| id.issued_at().plus_ms(keep)),
            self.payments.first().map(|(id, _)| id.issued_at().plus_ms(longer)),
            self.transfers.first().map(|(id, _)| id.issued_at().plus_ms(longer)),
            self.incoming.first().map(|(id, _)| id.issued_at().plus_ms(longer)),
            self.outside.vault.batches.first().map(|(_, batch)| batch.at.plus_ms(keep)),
            self.prune_recharges_due(longer),
            self.prune_bank_top_ups_due(longer),
            self.prune_codes_due(),
            self.prune_texts_due(),
        ];
        let first = oldest.into_iter().flatten().min()?;
        Some(first.plus_ms(1).max(self.retention.due))
    }

    /// Forgets what was kept long enough, a bounded number of rows at a time.
    pub(crate) fn prune(&mut self) {
        if self.prune_due().is_none_or(|due| due > self.now) {
            return;
        }
        let keep = self.policy.retention_ms;
        let orders_before = LogTime(self.now.0.saturating_sub(keep));
        let before = LogTime(orders_before.0.saturating_sub(FORWARDING_MS));
        // Raised first: from here on nothing older is taken for new.
        self.retention.forgotten_before = self.retention.forgotten_before.max(before);

        let mut walk = Retention { due: self.now.plus_ms(WALK_EVERY_MS), ..self.retention.clone() };
        let ended_before = |at: LogTime, before: LogTime| at < before;
        let orders = walk_on(&self.orders, &mut walk.orders, orders_before, |order: &Order| {
            let last = order.timeline.last().expect("an order has a beginning").at;
            let captured = self.outside.holds.get(&order.id).is_none_or(|effect| *effect == EffectId(0));
            order.status.is_final()
                && !order.refund_pending.is_positive()
                && captured
                && !self.has_cards_to_show(order.id)
                && !self.has_tickets_to_check(order)
                && !self.is_on_its_way(order)
                && ended_before(last, orders_before)
        });
        let payments = walk_on(&self.payments, &mut walk.payments, before, |payment| {
            let order_kept =
                payment.serving == self.province && payment.order.is_some_and(|id| self.order(id).is_some());
            let open = self.calls_of(payment.id).any(|call| !call.phase.is_final());
            // One that was asked for long ago and is held only since is not over.
            let held = payment.status == PaymentStatus::Reserved;
            ended_before(payment.at, before) && !order_kept && !open && !held
        });
        let transfers = walk_on(&self.transfers, &mut walk.transfers, before, |transfer| {
            transfer.final_at.is_some_and(|(at, _)| ended_before(at, before))
        });
        let incoming =
            walk_on(&self.incoming, &mut walk.incoming, before, |transfer| ended_before(transfer.at, before));
        if [walk.orders, walk.payments, walk.transfers, walk.incoming] != [0; 4] {
            walk.due = self.now;
        }
        self.retention = walk;

        for id in orders {
            if let Some(order) = self.orders.remove(&id) {
                self.forget_bill(&order);
            }
            self.outside.holds.remove(&id);
            self.doors.reservations.remove(&id);
            self.forget_cards_of(id);
            self.outside.tickets.issued.remove(&id);
            self.outside.shipping.rows.remove(&id);
            self.outside.draws.of_order.remove(&id);
            self.requests.forget_order(id);
        }
        for id in payments {
            if let Some(payment) = self.payments.remove(&id) {
                self.forget_upp(&payment);
                self.forget_bill_payment(id);
            }
            if let Some(outside) = self.outside.payments.remove(&id) {
                for call in outside.calls {
                    self.outside.calls.remove(&call);
                }
            }
        }
        // Few, and each looked at once a walk.
        let over: Vec<BindingId> = self
            .outside
            .bindings
            .iter()
            .take_while(|(id, _)| id.issued_at() < before)
            .filter(|(_, binding)| !matches!(binding.status, BindingStatus::Waiting | BindingStatus::Active(_)))
            .map(|(id, _)| *id)
            .take(ROWS_PER_TICK_MAX)
            .collect();
        for id in over {
            self.outside.bindings.remove(&id);
        }
        self.prune_awards(before, ROWS_PER_TICK_MAX);
        self.prune_recharges(before, ROWS_PER_TICK_MAX);
        self.prune_bank_top_ups(before, ROWS_PER_TICK_MAX);
        self.prune_wishes(before, ROWS_PER_TICK_MAX);
        self.prune_codes(ROWS_PER_TICK_MAX);
        self.prune_texts(ROWS_PER_TICK_MAX);
        self.prune_admissions(before, ROWS_PER_TICK_MAX);
        self.forget_batches();
        for id in transfers {
            self.transfers.remove(&id);
        }
        for id in incoming {
            self.incoming.remove(&id);
        }
    }
}

/// Looks at some rows issued before `before`, from `cursor` on; gives those that are to be
/// forgotten, and sets the cursor to go on there, or to 0 when the walk is over.
fn walk_on<I: IssuedId, V: Clone, const LEAF: usize>(
    table: &Table<I, V, LEAF>,
    cursor: &mut u64,
    before: LogTime,
    forget: impl Fn(&V) -> bool,
) -> Vec<I> {
    let mut forgotten = Vec::new();
    let mut rows = table.iter_from(I::from_bits(*cursor)).take_while(|(id, _)| id.issued_at() < before);
    for _ in 0..ROWS_PER_TICK_MAX {
        let Some((&id, row)) = rows.next() else {
            *cursor = 0;
            return forgotten;
        };
        if forget(row) {
            forgotten.push(id);
        }
        *cursor = id.bits() + 1;
    }
    forgotten
}
