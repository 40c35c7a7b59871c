//! What was used is not given back: an order is neither reversed nor refunded once its cards were shown,
//! not reversed once one of its tickets was checked, and no more of its tickets are refunded than are left;
//! nor is anything used once it was given back. Read off the events of the log alone.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::journal::JournalBody;
use mpss_domain::order::OrderEvent;
use mpss_domain::{Money, OrderId, RefundId};

use super::{Property, Seen};

/// What was used of an order, and what was given back.
#[derive(Debug, Default)]
struct Used {
    shown: bool,
    checked: BTreeSet<u32>,
    reversed: bool,
    /// Refunds that stand, or may yet; whether they are answered.
    refunds: BTreeMap<RefundId, (Money, bool)>,
}

impl Used {
    /// Another event of an order of so much in so many pieces; gives what is wrong with it.
    fn happens(&mut self, event: OrderEvent, amount: Money, pieces: i64) -> Option<&'static str> {
        let under_way = self.refunds.values().any(|(_, answered)| !answered);
        let wrong = match event {
            OrderEvent::CardsShown if self.reversed => Some("its cards are shown after it was reversed"),
            OrderEvent::CardsShown if under_way => Some("its cards are shown while they are refunded"),
            OrderEvent::TicketChecked(_) if self.reversed => Some("a ticket of it is checked after it was reversed"),
            OrderEvent::ReversalAsked(..) if self.shown => Some("it is reversed after its cards were shown"),
            OrderEvent::ReversalAsked(..) if !self.checked.is_empty() => Some("it is reversed after a check"),
            OrderEvent::RefundAsked(..) if self.shown => Some("it is refunded after its cards were shown"),
            _ => None,
        };
        match event {
            OrderEvent::CardsShown => self.shown = true,
            OrderEvent::TicketChecked(place) => drop(self.checked.insert(place)),
            OrderEvent::ReversalAsked(..) => self.reversed = true,
            OrderEvent::RefundAsked(refund, amount) => drop(self.refunds.insert(refund, (amount, false))),
            OrderEvent::Refunded(refund, amount) => drop(self.refunds.insert(refund, (amount, true))),
            OrderEvent::RefundDeclined(refund, _) => drop(self.refunds.remove(&refund)),
            _ => {}
        }
        let given: i64 = self.refunds.values().map(|(amount, _)| amount.as_fen()).sum();
        let used = i64::try_from(self.checked.len()).unwrap_or(i64::MAX).saturating_mul(amount.as_fen() / pieces);
        let too_much = used > 0 && given.saturating_add(used) > amount.as_fen();
        wrong.or_else(|| too_much.then_some("more of it is used and given back than was bought"))
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct UsedStays {
    orders: BTreeMap<OrderId, Used>,
}

impl Property for UsedStays {
    fn name(&self) -> &'static str {
        "what was used is not given back"
    }

    fn clause(&self) -> &'static str {
        "product §3: card sale, ticketing"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let mut wrong = Vec::new();
        for record in entry.journal {
            let JournalBody::OrderMoved { order: id, event } = record.body else { continue };
            let Some(order) = entry.state.order(id) else { continue };
            let used = self.orders.entry(id).or_default();
            if let Some(what) = used.happens(event, order.amount, i64::from(order.quantity)) {
                wrong.push(format!("entry {} of {province}: {id}: {what}", entry.index));
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use mpss_domain::ids::IssuedId;
    use mpss_domain::order::ReversalReason;
    use mpss_domain::{LogTime, ProvinceId, ReversalId};

    use super::*;

    fn id<I: IssuedId>(serial: u16) -> I {
        I::issue(LogTime(1_795_399_200_000), ProvinceId::new(44).expect("Guangdong"), serial)
    }

    /// How many of these events of an order of three pieces are wrong.
    fn wrong(events: &[OrderEvent]) -> usize {
        let mut used = Used::default();
        events.iter().filter_map(|event| used.happens(*event, Money::fen(600), 3)).count()
    }

    #[test]
    fn what_is_given_back_after_it_was_used_is_seen() {
        let reversal = OrderEvent::ReversalAsked(id::<ReversalId>(1), ReversalReason::Requested);
        let asked = |serial, fen| OrderEvent::RefundAsked(id(serial), Money::fen(fen));
        let done = |serial, fen| OrderEvent::Refunded(id(serial), Money::fen(fen));
        let declined = OrderEvent::RefundDeclined(id(1), mpss_domain::Refusal::RefundExceedsPaid);
        let (shown, checked) = (OrderEvent::CardsShown, OrderEvent::TicketChecked);
        assert_eq!(wrong(&[asked(1, 200), done(1, 200), shown]), 0);
        assert_eq!(wrong(&[asked(1, 200), shown]), 1);
        assert_eq!(wrong(&[shown, asked(1, 200)]), 1);
        assert_eq!(wrong(&[shown, reversal]), 1);
        assert_eq!(wrong(&[reversal, shown]), 1);
        assert_eq!(wrong(&[checked(1), reversal]), 1);
        assert_eq!(wrong(&[reversal, checked(1)]), 1);
        assert_eq!(wrong(&[checked(1), asked(1, 400), done(1, 400)]), 0);
        assert_eq!(wrong(&[checked(1), asked(1, 600)]), 1);
        assert_eq!(wrong(&[asked(1, 600), declined, checked(1), asked(2, 400)]), 0);
        assert_eq!(wrong(&[asked(1, 400), checked(1), checked(2)]), 1);
    }
}
