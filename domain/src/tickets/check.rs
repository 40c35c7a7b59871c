//! A gate checks a ticket.

use super::{Ticket, TicketId};
use crate::order::OrderEvent;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// Checks a ticket at a gate. The first check stands; the same gate request is answered the same as
    /// long as the ticket is kept.
    ///
    /// # Errors
    /// In this order: [`Refusal::TicketNotFound`]; [`Refusal::TicketVoid`] for one that was refunded, or is
    /// about to be, or whose order was reversed; [`Refusal::TicketUsed`], with the time of the first check.
    pub(crate) fn check_ticket(&mut self, id: TicketId, gate: u128) -> Result<Outcome, Refusal> {
        match self.ticket(id).ok_or(Refusal::TicketNotFound)? {
            Ticket::Refunded(_) | Ticket::Reversed => return Err(Refusal::TicketVoid),
            Ticket::Checked { at, gate: first } if first == gate => return Ok(Outcome::TicketChecked(id, at)),
            #[cfg(feature = "mutants")]
            Ticket::Checked { .. } if self.is_mutant(crate::mutant::Mutant::TicketCheckedTwice) => {}
            Ticket::Checked { at, .. } => return Err(Refusal::TicketUsed(at)),
            Ticket::Valid => {}
        }

        // From here it must succeed.
        let at = self.now;
        self.change_tickets(id.order, |tickets| tickets[id.place as usize - 1] = Ticket::Checked { at, gate });
        self.change_order(id.order, |state, order| state.order_event(order, OrderEvent::TicketChecked(id.place)));
        Ok(Outcome::TicketChecked(id, at))
    }
}
