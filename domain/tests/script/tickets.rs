//! Words for tickets.
//!
//! ```text
//! check o1 2 gate=G1 -> ok 0s ago       a gate checks the second ticket of an order; its own request id
//! see-tickets o1 valid,checked          where the tickets of an order stand
//! ```

use mpss_domain::Verb;
use mpss_domain::tickets::TicketId;

use super::Stage;
use super::words::{Words, same};

impl Stage {
    pub(super) fn check(&self, words: &Words<'_>) -> Result<Verb, String> {
        let place = words.name(1)?.parse().map_err(|_| "a place is a number")?;
        let gate = words.need("gate")?.bytes().fold(7, |sum: u128, byte| sum * 256 + u128::from(byte));
        Ok(Verb::CheckTicket { ticket: TicketId { order: self.order(words.name(0)?), place }, gate })
    }

    pub(super) fn see_tickets(&self, words: &Words<'_>) -> Result<(), String> {
        let tickets = self.state.tickets_of(self.order(words.name(0)?));
        let tickets = tickets.map(|tickets| tickets.iter().map(|ticket| ticket.name()).collect::<Vec<_>>().join(","));
        same("its tickets", tickets.as_deref().unwrap_or("none"), words.name(1)?)
    }
}
