//! A card has one buyer: it is with at most one order, nobody but the buyer of that order is shown it, and
//! what was shown is shown the same for ever, with the PIN that its SP printed on it.

use std::collections::BTreeMap;

use mpss_domain::journal::JournalBody;
use mpss_domain::vault::{CardNumber, CardState, PinCard};
use mpss_domain::{OrderId, ProductId, State};

use super::{AtRest, Property, Seen};
use crate::people::{Reveal, pin_of};

/// See the module.
#[derive(Default)]
pub(super) struct CardBuyers {
    /// Cards that were shown, and with which order.
    shown: BTreeMap<(ProductId, CardNumber), OrderId>,
}

fn order_of(card: &PinCard) -> Option<OrderId> {
    match card.state {
        CardState::InStock | CardState::Expired => None,
        CardState::Reserved(order) | CardState::Sold(order) | CardState::Shown(order) => Some(order),
    }
}

/// What is wrong with the cards of an order: each must say that it is with it, and with no other.
fn with_another(state: &State, order: OrderId) -> Option<String> {
    let cards = state.cards_of(order)?;
    let other = cards.into_iter().find(|card| order_of(card) != Some(order))?;
    Some(format!("card {} is among those of {order} and is {:?}", other.number.masked(), other.state))
}

impl CardBuyers {
    fn see_shown(&mut self, card: &PinCard) -> Option<String> {
        let place = (card.product, card.number);
        match (self.shown.get(&place), card.state) {
            (Some(before), CardState::Shown(now)) if *before == now => None,
            (Some(before), now) => Some(format!("card {} was shown with {before} and is {now:?}", place.1.masked())),
            (None, CardState::Shown(now)) => {
                self.shown.insert(place, now);
                None
            }
            (None, _) => None,
        }
    }
}

/// What is wrong with what people were shown, by itself: the same cards for ever, and no card twice.
fn shown_otherwise(reveals: &[Reveal]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut first: BTreeMap<&str, &Reveal> = BTreeMap::new();
    let mut orders: BTreeMap<&str, &str> = BTreeMap::new();
    for reveal in reveals {
        let order = reveal.order.as_str();
        let before = *first.entry(order).or_insert(reveal);
        if (&before.cards, &before.shown_at) != (&reveal.cards, &reveal.shown_at) {
            wrong.push(format!("{order} was shown as {before:?}, then as {reveal:?}"));
        }
        if reveal.cards.is_empty() {
            wrong.push(format!("{order} was shown without a card"));
        }
        for [number, pin, _] in &reveal.cards {
            let with = *orders.entry(number).or_insert(order);
            if with != order {
                wrong.push(format!("card {number} was shown with {with} and with {order}"));
            }
            if *pin != pin_of(number) {
                wrong.push(format!("card {number} of {order} was shown with a PIN that is not printed on it"));
            }
        }
    }
    wrong
}

impl Property for CardBuyers {
    fn name(&self) -> &'static str {
        "a card has one buyer"
    }

    fn clause(&self) -> &'static str {
        "product §3: card sale"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let moved = entry.journal.iter().filter_map(|record| match record.body {
            JournalBody::OrderMoved { order, .. } => Some(order),
            _ => None,
        });
        let moved: Vec<_> = moved.collect();
        if moved.is_empty() {
            return Vec::new();
        }
        let mut wrong: Vec<String> = moved.iter().filter_map(|order| with_another(entry.state, *order)).collect();
        wrong.extend(entry.state.cards().filter_map(|card| self.see_shown(card)));
        wrong.into_iter().map(|what| format!("entry {} of {province}: {what}", entry.index)).collect()
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let AtRest { country, told } = rest;
        let mut wrong = shown_otherwise(&told.reveals);
        for reveal in &told.reveals {
            let Ok(id) = reveal.order.parse::<OrderId>() else { continue };
            let served = told.orders.get(&reveal.order).map(|order| order.serving);
            let Some(leader) = served.and_then(|province| country.leader(province)) else { continue };
            let found = country.read(&leader, |state| {
                let card = |card: &PinCard| (card.number.to_string(), card.expires, card.state);
                let cards: Vec<_> = state.cards_of(id).unwrap_or_default().into_iter().map(card).collect();
                (state.order(id).map(|order| order.msisdn.to_string()), cards)
            });
            let Some((buyer, cards)) = found else { continue };
            if buyer.as_ref() != Some(&reveal.by) {
                wrong.push(format!("{id} was shown to {}; its buyer is {buyer:?}", reveal.by));
            }
            let told: Vec<_> = reveal.cards.iter().map(|[number, _, last_day]| (number, last_day.parse())).collect();
            let kept: Vec<_> = cards.iter().map(|(number, last_day, _)| (number, Ok(*last_day))).collect();
            let stay = cards.iter().all(|(.., state)| *state == CardState::Shown(id));
            if told != kept || !stay {
                wrong.push(format!("{id} was shown with {told:?} and has {cards:?}"));
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reveal(order: &str, number: &str) -> Reveal {
        let cards = vec![[number.to_owned(), pin_of(number), "2027-12-31".to_owned()]];
        Reveal { order: order.to_owned(), by: "a".to_owned(), shown_at: "now".to_owned(), cards }
    }

    #[test]
    fn cards_that_change_or_go_to_two_orders_are_seen() {
        assert!(shown_otherwise(&[reveal("O1", "1"), reveal("O1", "1"), reveal("O2", "2")]).is_empty());
        assert_eq!(shown_otherwise(&[reveal("O1", "1"), reveal("O1", "2")]).len(), 1, "another card");
        assert_eq!(shown_otherwise(&[reveal("O1", "1"), reveal("O2", "1")]).len(), 1, "one card, two orders");
        let later = Reveal { shown_at: "later".to_owned(), ..reveal("O1", "1") };
        assert_eq!(shown_otherwise(&[reveal("O1", "1"), later]).len(), 1, "another first time");
        let mut other_pin = reveal("O1", "1");
        other_pin.cards[0][1] = pin_of("2");
        assert_eq!(shown_otherwise(&[other_pin]).len(), 1, "another card's PIN");
        assert_eq!(shown_otherwise(&[Reveal { cards: Vec::new(), ..reveal("O1", "1") }]).len(), 1, "none");
    }
}
