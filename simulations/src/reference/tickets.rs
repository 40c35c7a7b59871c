//! Tickets (product §3, ticketing): where one stands is read off what happened to its order.

use mpss_domain::order::OrderEvent;
use mpss_domain::tickets::{Ticket, TicketId};
use mpss_domain::{LogTime, Money, Outcome, Refusal, State};

use super::Reference;
use super::compare::same;
use super::orders::Sale;

/// A ticket that nobody used is good for so long after its order was taken.
const LIFE_MS: u64 = 400 * 86_400_000;

impl Sale {
    /// Each ticket, the first at place 1.
    pub(super) fn tickets(&self) -> Option<Vec<Ticket>> {
        if !self.has_tickets {
            return None;
        }
        let mut tickets = vec![Ticket::Valid; self.quantity as usize];
        for entry in &self.timeline {
            match entry.event {
                // The last ones that are good go first.
                OrderEvent::RefundAsked(refund, amount) => {
                    for _ in 0..amount.as_fen() / self.price() {
                        if let Some(last) = tickets.iter().rposition(|ticket| *ticket == Ticket::Valid) {
                            tickets[last] = Ticket::Refunded(refund);
                        }
                    }
                }
                OrderEvent::RefundDeclined(refund, _) => {
                    for ticket in &mut tickets {
                        if *ticket == Ticket::Refunded(refund) {
                            *ticket = Ticket::Valid;
                        }
                    }
                }
                OrderEvent::ReversalAsked(..) => tickets.fill(Ticket::Reversed),
                OrderEvent::TicketChecked(place) => {
                    tickets[place as usize - 1] = Ticket::Checked { at: entry.at, gate: self.gates[&place] };
                }
                _ => {}
            }
        }
        Some(tickets)
    }

    /// When the first of its tickets was used.
    fn used_at(&self) -> Option<LogTime> {
        let checks = self.timeline.iter().filter(|entry| matches!(entry.event, OrderEvent::TicketChecked(_)));
        checks.map(|entry| entry.at).min()
    }

    pub(super) fn check_not_used(&self) -> Result<(), Refusal> {
        self.used_at().map_or(Ok(()), |at| Err(Refusal::TicketUsed(at)))
    }

    /// So much is refunded in tickets that are good.
    pub(super) fn check_unused(&self, amount: Money) -> Result<(), Refusal> {
        let Some(tickets) = self.tickets() else { return Ok(()) };
        let good = tickets.iter().filter(|ticket| **ticket == Ticket::Valid).count();
        let enough = i64::try_from(good).expect("small") * self.price() >= amount.as_fen();
        if enough { Ok(()) } else { self.check_not_used() }
    }

    pub(super) fn has_tickets_to_check(&self, now: LogTime) -> bool {
        let taken = self.timeline.first().map_or(LogTime(0), |entry| entry.at);
        let good = self.tickets().is_some_and(|tickets| tickets.contains(&Ticket::Valid));
        good && now.0.saturating_sub(taken.0) <= LIFE_MS
    }
}

impl Reference {
    /// The ticket; refunded or reversed; used, unless it is the same gate's request again.
    pub(super) fn check_ticket(&mut self, id: TicketId, gate: u128) -> Result<Outcome, Refusal> {
        let tickets = self.orders.get(&id.order).and_then(Sale::tickets).unwrap_or_default();
        let place = (id.place as usize).checked_sub(1).ok_or(Refusal::TicketNotFound)?;
        match tickets.get(place) {
            None => Err(Refusal::TicketNotFound),
            Some(Ticket::Refunded(_) | Ticket::Reversed) => Err(Refusal::TicketVoid),
            Some(Ticket::Checked { at, gate: first }) if *first == gate => Ok(Outcome::TicketChecked(id, *at)),
            Some(Ticket::Checked { at, .. }) => Err(Refusal::TicketUsed(*at)),
            Some(Ticket::Valid) => {
                let order = self.orders.get_mut(&id.order).expect("it has tickets");
                order.gates.insert(id.place, gate);
                self.event(id.order, OrderEvent::TicketChecked(id.place));
                Ok(Outcome::TicketChecked(id, self.now))
            }
        }
    }

    /// Is there, or was there, such a ticket?
    pub(super) fn has_ticket(&self, id: TicketId) -> bool {
        let tickets = self.orders.get(&id.order).and_then(Sale::tickets).unwrap_or_default();
        (1..=tickets.len()).contains(&(id.place as usize))
    }

    pub(super) fn compare_tickets(&self, state: &State, out: &mut Vec<String>) {
        for (id, sale) in self.orders.iter().filter(|(id, _)| state.order(**id).is_some()) {
            same(out, format!("the tickets of {id}"), &sale.tickets().as_deref(), &state.tickets_of(*id));
        }
    }
}
