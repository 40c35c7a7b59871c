//! Tickets follow their order: issued when it is delivered, void when it comes to nothing.

use super::Ticket;
use crate::catalogue::Application;
use crate::ids::OrderId;
use crate::money::Money;
use crate::order::{Order, OrderEvent};
use crate::refusal::Refusal;
use crate::state::State;

/// A ticket that nobody has used is kept this long after its order was taken, though the order could be
/// forgotten earlier: a season and a little more. Terms do not say when a ticket ends.
const TICKET_LIFE_MS: u64 = 400 * 86_400_000;

impl State {
    /// Something happened to an order: its tickets go with it.
    pub(crate) fn tickets_follow(&mut self, order: &Order, event: OrderEvent) {
        match event {
            OrderEvent::Delivered if self.has_tickets(order) => {
                let tickets = vec![Ticket::Valid; order.quantity as usize];
                self.entry.digest.feed(&(order.id, &tickets));
                self.outside.tickets.issued.insert(order.id, tickets);
            }
            // The last ones go first, so that those that are kept are the first of the order.
            OrderEvent::RefundAsked(refund, amount) => {
                let many = self.tickets_in(order, amount);
                self.change_tickets(order.id, |tickets| {
                    let valid = tickets.iter_mut().rev().filter(|ticket| **ticket == Ticket::Valid);
                    valid.take(many).for_each(|ticket| *ticket = Ticket::Refunded(refund));
                });
            }
            OrderEvent::RefundDeclined(refund, _) => self.change_tickets(order.id, |tickets| {
                let back = tickets.iter_mut().filter(|ticket| **ticket == Ticket::Refunded(refund));
                back.for_each(|ticket| *ticket = Ticket::Valid);
            }),
            OrderEvent::ReversalAsked(..) => {
                self.change_tickets(order.id, |tickets| tickets.fill(Ticket::Reversed));
            }
            _ => {}
        }
    }

    /// Does the order come with tickets of ours?
    fn has_tickets(&self, order: &Order) -> bool {
        let is_ticketing =
            |order| self.terms_of(order).is_some_and(|terms| terms.application == Application::Ticketing);
        self.version.has_outside_rails() && is_ticketing(order)
    }

    /// How many tickets an amount stands for.
    fn tickets_in(&self, order: &Order, amount: Money) -> usize {
        let price = order.amount.as_fen() / i64::from(order.quantity);
        usize::try_from(amount.as_fen() / price).expect("no refund is above its order")
    }

    pub(super) fn change_tickets(&mut self, order: OrderId, change: impl FnOnce(&mut [Ticket])) {
        if let Some(tickets) = self.outside.tickets.issued.get_mut(&order) {
            change(tickets);
            self.entry.digest.feed(&(order, &*tickets));
        }
    }

    /// An order is reversed whole, so none of its tickets may have been used.
    ///
    /// # Errors
    /// [`Refusal::TicketUsed`], with the time of the first check.
    pub(crate) fn check_no_ticket_used(&self, order: OrderId) -> Result<(), Refusal> {
        #[cfg(feature = "mutants")]
        if self.is_mutant(crate::mutant::Mutant::UsedTicketGivenBack) {
            return Ok(());
        }
        let used = self.tickets_of(order).unwrap_or_default().iter().filter_map(|ticket| match ticket {
            Ticket::Checked { at, .. } => Some(*at),
            _ => None,
        });
        used.min().map_or(Ok(()), |at| Err(Refusal::TicketUsed(at)))
    }

    /// A refund is of whole tickets, and only of those that are still good.
    ///
    /// # Errors
    /// In this order: [`Refusal::WholePiecesOnly`]; [`Refusal::TicketUsed`], with the time of the first
    /// check.
    pub(crate) fn check_tickets_to_refund(&self, order: &Order, amount: Money) -> Result<(), Refusal> {
        let Some(tickets) = self.tickets_of(order.id) else { return Ok(()) };
        let price = order.amount.as_fen() / i64::from(order.quantity);
        if amount.as_fen() % price != 0 {
            return Err(Refusal::WholePiecesOnly);
        }
        let valid = tickets.iter().filter(|ticket| **ticket == Ticket::Valid).count();
        // What is neither good nor used was refunded before, and is no part of what can be.
        if self.tickets_in(order, amount) > valid { self.check_no_ticket_used(order.id) } else { Ok(()) }
    }

    /// Does the order have tickets that may still be used? It is kept for them.
    pub(crate) fn has_tickets_to_check(&self, order: &Order) -> bool {
        let taken = order.timeline.first().expect("an order has a beginning").at;
        self.now.ms_since(taken) <= TICKET_LIFE_MS
            && self.tickets_of(order.id).is_some_and(|tickets| tickets.contains(&Ticket::Valid))
    }
}
