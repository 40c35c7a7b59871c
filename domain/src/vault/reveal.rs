//! The buyer looks at the cards.

use crate::ids::{Msisdn, OrderId};
use crate::order::{Order, OrderEvent, OrderStatus};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// Shows the cards of an order to its buyer. The first time is recorded; from then on the order can be
    /// neither reversed nor refunded, and the same cards are shown whenever they are asked for.
    ///
    /// While a refund is under way nothing is shown: which of the two was first is decided by the log.
    ///
    /// # Errors
    /// In this order: [`Refusal::OrderNotFound`], [`Refusal::NotTheBuyer`], [`Refusal::AlreadyReversed`],
    /// [`Refusal::WrongOrderStatus`] (not delivered, refunded whole, or while a refund is under way),
    /// [`Refusal::NotFromVault`].
    pub(crate) fn reveal_cards(&mut self, id: OrderId, buyer: Msisdn) -> Result<Outcome, Refusal> {
        let order = self.order(id).ok_or(Refusal::OrderNotFound)?;
        if order.msisdn != buyer {
            return Err(Refusal::NotTheBuyer);
        }
        match order.status {
            OrderStatus::Reversing | OrderStatus::Reversed => return Err(Refusal::AlreadyReversed),
            OrderStatus::Delivered | OrderStatus::PartlyRefunded if !order.refund_pending.is_positive() => {}
            _ => return Err(Refusal::WrongOrderStatus),
        }
        if !self.is_from_vault(id) {
            return Err(Refusal::NotFromVault);
        }

        // From here it must succeed.
        if order.shown_at().is_none() {
            self.change_order(id, |state, order| state.order_event(order, OrderEvent::CardsShown));
        }
        Ok(Outcome::CardsShown(id))
    }

    /// What was shown stays sold.
    ///
    /// # Errors
    /// [`Refusal::CardShown`].
    pub(crate) fn check_not_shown(&self, order: &Order) -> Result<(), Refusal> {
        if order.shown_at().is_some() && !self.forgets_what_was_shown() {
            return Err(Refusal::CardShown);
        }
        Ok(())
    }
}
