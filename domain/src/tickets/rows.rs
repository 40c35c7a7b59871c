//! What must hold between tickets and their orders.

use super::Ticket;
use crate::order::{OrderEvent, OrderStatus};
use crate::state::State;

impl State {
    /// See [`State::check_all`].
    pub(crate) fn check_tickets(&self) -> Result<(), String> {
        for (id, tickets) in self.outside.tickets.issued.iter() {
            let order = self.order(*id).ok_or_else(|| format!("{id} has tickets and is forgotten"))?;
            if tickets.len() != order.quantity as usize {
                return Err(format!("{id} is of {} and has {} tickets", order.quantity, tickets.len()));
            }
            let count = |is: fn(&Ticket) -> bool| tickets.iter().filter(|ticket| is(ticket)).count();
            let checked = count(|ticket| matches!(ticket, Ticket::Checked { .. }));
            let refunded = count(|ticket| matches!(ticket, Ticket::Refunded(_)));
            let reversed = count(|ticket| *ticket == Ticket::Reversed);
            let events = order.timeline.iter().filter(|entry| matches!(entry.event, OrderEvent::TicketChecked(_)));
            if checked != events.count() {
                return Err(format!("the timeline of {id} does not tell of {checked} checks"));
            }
            let price = order.amount.as_fen() / i64::from(order.quantity);
            let given = (order.refunded + order.refund_pending).as_fen();
            let as_it_stands = match order.status {
                OrderStatus::Delivered | OrderStatus::PartlyRefunded | OrderStatus::Refunded => {
                    reversed == 0 && refunded as i64 * price == given
                }
                OrderStatus::Reversing | OrderStatus::Reversed => reversed == tickets.len(),
                _ => false,
            };
            if !as_it_stands {
                return Err(format!("{id} is {:?} with {given} fen refunded and has {tickets:?}", order.status));
            }
        }
        Ok(())
    }
}
