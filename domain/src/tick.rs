//! Time passes: what is due fires (product §4: no order stays open for ever).

use crate::account::AccountStatus;
use crate::ids::OrderId;
use crate::order::{OrderStatus, ReversalReason};
use crate::outcome::Outcome;
use crate::state::State;
use crate::timer::{Timer, TimerKind};

/// Timers one tick fires at most; the rest wait for the next.
const TIMERS_PER_TICK_MAX: usize = 1_024;

impl State {
    /// Fires what is due, oldest first, and forgets what has been kept long enough.
    pub(crate) fn tick(&mut self) -> Outcome {
        for _ in 0..TIMERS_PER_TICK_MAX {
            let Some((&timer, ())) = self.timers.first().filter(|(timer, ())| timer.due <= self.now) else { break };
            if !self.entry.has_room() {
                break;
            }
            self.fire(timer);
        }
        self.prune();
        Outcome::Done
    }

    fn fire(&mut self, timer: Timer) {
        match timer.what {
            TimerKind::DeliveryDeadline(order) => {
                self.overdue(order, &[OrderStatus::Delivering], ReversalReason::DeliveryTimedOut);
            }
            TimerKind::PaymentBound(order) => {
                let waiting = [OrderStatus::Paying, OrderStatus::AwaitingConfirmation];
                self.overdue(order, &waiting, ReversalReason::PaymentUnknown);
            }
            TimerKind::HoldBound(payment) => {
                self.timers.remove(&timer);
                if let Some(held) = self.payment(payment).map(|payment| payment.amount) {
                    self.capture_held(payment, held);
                }
            }
            TimerKind::BindingLapses(binding) => self.binding_lapses(binding),
            TimerKind::WishLapses(wish) => self.wish_lapses(wish),
            TimerKind::ConfirmationLapses(payment) => self.confirmation_lapses(payment),
            TimerKind::ReservationLapses(order) => self.reservation_lapses(order),
            TimerKind::PrizeDue(award) => self.prize_due(award),
            TimerKind::ReceiptDue(order) => self.receipt_due(order),
            TimerKind::CardEnds(card) => self.card_ends(timer, card),
            TimerKind::Thaw(account) => {
                let row = self.account(account).expect("an account is kept for ever");
                assert!(
                    row.status == AccountStatus::Frozen { until: Some(timer.due) },
                    "a thawed account has no timer"
                );
                self.timers.remove(&timer);
                #[cfg(feature = "mutants")]
                if self.is_mutant(crate::mutant::Mutant::ThawForgotten) {
                    return;
                }
                self.thaw(account);
            }
        }
    }

    fn overdue(&mut self, id: OrderId, waiting: &[OrderStatus], reason: ReversalReason) {
        let order = self.order(id).expect("an order that waits is kept");
        assert!(waiting.contains(&order.status), "an order that is {:?} has no timer for {waiting:?}", order.status);
        self.begin_reversal(id, reason);
    }
}
