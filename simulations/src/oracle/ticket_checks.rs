//! A ticket is checked at most once, and never once it was refunded or its order reversed; what a gate was
//! told stays so.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::ids::IssuedId;
use mpss_domain::journal::JournalBody;
use mpss_domain::order::OrderEvent;
use mpss_domain::tickets::{Ticket, TicketId};
use mpss_domain::{OrderId, RefundId};

use super::{AtRest, Property, Seen};
use crate::people::{Check, Verdict};

/// See the module.
#[derive(Default)]
pub(super) struct TicketChecks {
    /// The tickets of each order as they were last seen.
    tickets: BTreeMap<OrderId, Vec<Ticket>>,
    checked: BTreeSet<(OrderId, u32)>,
}

/// May a ticket that stood so stand so now, with these refunds declined meanwhile?
fn may_become(before: Ticket, now: Ticket, declined: &BTreeSet<RefundId>) -> bool {
    match before {
        Ticket::Valid => true,
        Ticket::Checked { .. } | Ticket::Reversed => now == before,
        Ticket::Refunded(refund) => now == before || declined.contains(&refund),
    }
}

/// What is wrong with what gates were told: one request lets a ticket through, at one time.
fn let_through_twice(checks: &[Check]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut first: BTreeMap<TicketId, &Check> = BTreeMap::new();
    for check in checks.iter().filter(|check| matches!(check.verdict, Verdict::Checked(_))) {
        let before = *first.entry(check.ticket).or_insert(check);
        if before != check {
            wrong.push(format!("{} was let through by {before:?} and by {check:?}", check.ticket));
        }
    }
    wrong
}

impl TicketChecks {
    fn see_tickets(&mut self, order: OrderId, now: &[Ticket], declined: &BTreeSet<RefundId>) -> Option<String> {
        let before = self.tickets.insert(order, now.to_vec());
        let before = before.unwrap_or_else(|| vec![Ticket::Valid; now.len()]);
        let right = before.len() == now.len()
            && before.iter().zip(now).all(|(before, now)| may_become(*before, *now, declined));
        (!right).then(|| format!("the tickets of {order} were {before:?} and are {now:?}"))
    }
}

impl Property for TicketChecks {
    fn name(&self) -> &'static str {
        "a ticket is checked once"
    }

    fn clause(&self) -> &'static str {
        "product §3: ticketing"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let (mut wrong, mut moved, mut declined) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for record in entry.journal {
            let JournalBody::OrderMoved { order, event } = record.body else { continue };
            moved.insert(order);
            match event {
                OrderEvent::TicketChecked(place) if !self.checked.insert((order, place)) => {
                    wrong.push(format!("ticket {place} of {order} is checked a second time"));
                }
                OrderEvent::RefundDeclined(refund, _) => drop(declined.insert(refund)),
                _ => {}
            }
        }
        for order in moved {
            let Some(now) = entry.state.tickets_of(order) else { continue };
            wrong.extend(self.see_tickets(order, now, &declined));
            let in_rows = now.iter().filter(|ticket| matches!(ticket, Ticket::Checked { .. })).count();
            let in_log = self.checked.range((order, 0)..=(order, u32::MAX)).count();
            if in_rows != in_log {
                wrong.push(format!("{in_log} tickets of {order} were checked, {in_rows} are told to be"));
            }
        }
        wrong.into_iter().map(|what| format!("entry {} of {province}: {what}", entry.index)).collect()
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let AtRest { country, told } = rest;
        let mut wrong = let_through_twice(&told.checks);
        for check in &told.checks {
            let Some(leader) = check.ticket.order.province().and_then(|province| country.leader(province)) else {
                continue;
            };
            let now = country.read(&leader, |state| state.ticket(check.ticket)).flatten();
            let right = match (check.verdict, now) {
                (Verdict::Checked(at), Some(Ticket::Checked { at: kept, gate })) => at == kept && gate == check.gate,
                (Verdict::Used(at), Some(Ticket::Checked { at: kept, gate })) => at == kept && gate != check.gate,
                (Verdict::Checked(_) | Verdict::Used(_), _) => false,
                // What was refused may have been good later: a refund can be declined, an order delivered.
                (Verdict::NoGood, _) => true,
            };
            if !right {
                wrong.push(format!("a gate was told {check:?}, and the ticket is {now:?}"));
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use mpss_domain::{LogTime, ProvinceId};

    use super::*;

    fn order() -> OrderId {
        OrderId::issue(LogTime(1_795_399_200_000), ProvinceId::new(44).expect("Guangdong"), 1)
    }

    fn check(gate: u128, verdict: Verdict) -> Check {
        Check { ticket: TicketId { order: order(), place: 1 }, gate, verdict }
    }

    #[test]
    fn two_gates_that_let_one_ticket_through_are_seen() {
        let (now, later) = (Verdict::Checked(LogTime(5)), Verdict::Checked(LogTime(6)));
        assert!(let_through_twice(&[check(1, now), check(1, now), check(2, Verdict::Used(LogTime(5)))]).is_empty());
        assert_eq!(let_through_twice(&[check(1, now), check(2, now)]).len(), 1, "another gate");
        assert_eq!(let_through_twice(&[check(1, now), check(1, later)]).len(), 1, "another time");
    }

    #[test]
    fn what_is_void_or_used_stays_so() {
        let refund = RefundId::issue(LogTime(1_795_399_200_000), ProvinceId::new(44).expect("Guangdong"), 1);
        let used = |at| Ticket::Checked { at: LogTime(at), gate: 1 };
        let mut seen = TicketChecks::default();
        let (none, declined) = (BTreeSet::new(), BTreeSet::from([refund]));
        let mut step = |now: Ticket, declined| seen.see_tickets(order(), &[now], declined).is_none();
        assert!(step(Ticket::Refunded(refund), &none));
        assert!(!step(used(5), &none), "it was refunded");
        assert!(step(used(5), &none));
        assert!(!step(used(6), &none), "it was checked at another time");
        let mut step = |now: Ticket, declined| seen.see_tickets(order(), &[now], declined).is_none();
        assert!(!step(Ticket::Reversed, &none), "it was used");
        assert!(!step(Ticket::Valid, &declined), "it was reversed");
        assert!(step(Ticket::Refunded(refund), &none) && step(Ticket::Valid, &declined) && step(used(7), &none));
    }
}
