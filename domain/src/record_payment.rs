//! What the home province answered for an order that was taken here (product §5, 6.3.3 steps 3 to 5).

use crate::effect::{Effect, EffectId};
use crate::ids::OrderId;
use crate::journal::PostingReason;
use crate::ledger::LedgerAccount;
use crate::order::{Order, OrderEvent, OrderStatus, ReversalReason};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// Records home's answer. Harmless when repeated, and when it comes after the reversal has begun:
    /// the debit is then undone at home by that reversal, so nothing is booked here.
    ///
    /// A transient refusal is no answer that home keeps under the payment id: the same payment might
    /// still debit when a copy of the request arrives late. So it ends in a reversal, after which
    /// it can not, and never in `declined`.
    ///
    /// # Errors
    /// [`Refusal::OrderNotFound`].
    pub(crate) fn record_payment(&mut self, id: OrderId, result: Result<(), Refusal>) -> Result<Outcome, Refusal> {
        let order = self.order(id).ok_or(Refusal::OrderNotFound)?;
        match (order.status, result) {
            (OrderStatus::Paying | OrderStatus::AwaitingConfirmation, Ok(())) => {
                self.change_order(id, Self::book_payment);
            }
            (OrderStatus::Paying | OrderStatus::AwaitingConfirmation, Err(refusal)) if refusal.is_transient() => {
                self.begin_reversal(id, ReversalReason::PaymentUnknown);
            }
            (OrderStatus::Paying | OrderStatus::AwaitingConfirmation, Err(refusal)) => {
                self.change_order(id, |state, order| {
                    state.end_wait(order);
                    state.order_event(order, OrderEvent::Declined(refusal));
                });
            }
            (OrderStatus::Reversing | OrderStatus::Reversed, Ok(())) if order.home != self.province => {
                let known = |event: &OrderEvent| matches!(event, OrderEvent::Paid | OrderEvent::LatePayment);
                if !order.timeline.iter().any(|entry| known(&entry.event)) {
                    self.change_order(id, |state, order| state.order_event(order, OrderEvent::LatePayment));
                }
            }
            _ => {}
        }
        Ok(self.outcome_of(id))
    }

    /// The home province holds the money: the order is paid, and the money is taken once it is
    /// delivered. Harmless as [`State::record_payment`] is.
    ///
    /// # Errors
    /// [`Refusal::OrderNotFound`].
    pub(crate) fn record_hold(&mut self, id: OrderId) -> Result<Outcome, Refusal> {
        let order = self.order(id).ok_or(Refusal::OrderNotFound)?;
        if order.status == OrderStatus::AwaitingConfirmation && self.is_reservation(id) {
            self.change_order(id, |state, order| {
                state.end_wait(order);
                state.order_reserved(order);
            });
            return Ok(Outcome::Order(id));
        }
        if matches!(order.status, OrderStatus::Paying | OrderStatus::AwaitingConfirmation) {
            self.outside.holds.insert(id, EffectId(0));
        }
        self.record_payment(id, Ok(()))
    }

    /// An order that the home province holds the money for was delivered: have it taken.
    pub(crate) fn have_captured(&mut self, order: &Order) {
        if self.outside.holds.get(&order.id).is_some_and(|effect| *effect == EffectId(0)) {
            let effect = self.add_effect(Effect::CapturePayment { order: order.id, home: order.home });
            self.outside.holds.insert(order.id, effect);
        }
    }

    /// The home province has acknowledged a capture, or has nothing more to take. Harmless when
    /// repeated.
    ///
    /// # Errors
    /// [`Refusal::OrderNotFound`].
    pub(crate) fn record_capture(&mut self, id: OrderId) -> Result<Outcome, Refusal> {
        self.order(id).ok_or(Refusal::OrderNotFound)?;
        if let Some(effect) = self.outside.holds.get(&id).copied().filter(|effect| *effect != EffectId(0)) {
            self.outside.holds.remove(&id);
            self.end_effect(effect);
        }
        Ok(Outcome::Order(id))
    }

    /// The home province has debited, or holds: the sale is in our books, and the SP is told.
    pub(crate) fn book_payment(&mut self, order: &mut Order) {
        self.end_wait(order);
        #[cfg(feature = "mutants")]
        let both_sides = self.mutant != Some(crate::mutant::Mutant::ClearingOneSide);
        #[cfg(not(feature = "mutants"))]
        let both_sides = true;
        if both_sides {
            let (home, sp) = (LedgerAccount::DueFrom(order.home), LedgerAccount::SpPayable(order.sp));
            self.post(PostingReason::Clearing(order.id), home, sp, order.amount);
            order.booked = true;
        }
        let product = self.product(order.product.id).expect("a product that was sold is kept");
        let terms = &product.versions[order.product.version as usize - 1];
        let deadline_ms = terms.delivery_deadline_ms;
        self.order_paid(order, deadline_ms);
    }

    /// An order as a command answers with it: declined ones name their refusal.
    fn outcome_of(&self, id: OrderId) -> Outcome {
        let order = self.order(id).expect("the verb has found the order");
        match order.timeline.last().map(|entry| entry.event) {
            Some(OrderEvent::Declined(refusal)) => Outcome::OrderDeclined(id, refusal),
            _ => Outcome::Order(id),
        }
    }
}
