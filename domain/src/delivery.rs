//! What SPs answer to delivery notices, and what happens when they do not (product §5, 6.3.1
//! steps 3 and 4). Cards of the vault we deliver ourselves.

use crate::ids::OrderId;
use crate::order::{Order, OrderEvent, OrderStatus, ReversalReason};
use crate::outcome::Outcome;
use crate::state::State;

impl State {
    /// Records answers: accepted is delivered, refused is reversed. Harmless when repeated; an order
    /// that is not known or waits for no answer is passed over. When one entry can not take all
    /// answers, the rest keep their delivery notices and are answered again.
    pub(crate) fn record_deliveries(&mut self, answers: &[(OrderId, bool)]) -> Outcome {
        #[cfg(feature = "mutants")]
        let shuffled = self.is_mutant(crate::mutant::Mutant::DigestByMapOrder).then(|| in_map_order(answers));
        #[cfg(feature = "mutants")]
        let answers = shuffled.as_deref().unwrap_or(answers);
        for &(id, accepted) in answers {
            if !self.entry.has_room() {
                break;
            }
            let Some(order) = self.order(id) else { continue };
            match (order.status, accepted) {
                (OrderStatus::Delivering, true) => self.change_order(id, Self::delivered),
                (OrderStatus::Delivering, false) => self.begin_reversal(id, ReversalReason::SpRefused),
                (OrderStatus::Reversing | OrderStatus::Reversed, true) => {
                    let known =
                        |event: &OrderEvent| matches!(event, OrderEvent::Delivered | OrderEvent::LateAcceptance);
                    if !order.timeline.iter().any(|entry| known(&entry.event)) {
                        self.change_order(id, |state, order| state.order_event(order, OrderEvent::LateAcceptance));
                    }
                }
                _ => {}
            }
        }
        Outcome::Done
    }

    /// The order is delivered: what is held for it is taken.
    pub(crate) fn delivered(&mut self, order: &mut Order) {
        self.end_wait(order);
        self.order_event(order, OrderEvent::Delivered);
        if order.home == self.province {
            let payment = self.payments.get(&order.payment).expect("a payment is kept with its order");
            let account = payment.account.expect("what was captured has an account");
            let (payment, amount) = (payment.id, order.amount);
            let account = self.accounts.get_mut(&account).expect("an account is kept for ever");
            account.open_orders = account.open_orders.checked_sub(1).expect("every closed order was opened");
            self.capture_held(payment, amount);
        } else {
            self.have_captured(order);
        }
    }
}

#[cfg(feature = "mutants")]
#[expect(clippy::disallowed_types, reason = "that is the fault")]
fn in_map_order(answers: &[(OrderId, bool)]) -> Vec<(OrderId, bool)> {
    answers.iter().copied().collect::<std::collections::HashMap<_, _>>().into_iter().collect()
}
