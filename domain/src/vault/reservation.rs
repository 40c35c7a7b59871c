//! Cards follow their order: reserved when it is taken, sold when it is delivered, back in stock when it
//! comes to nothing; and what becomes of cards when their last day is over.

use super::card::{CardSerial, CardState};
use crate::catalogue::{Application, Terms};
use crate::ids::{OrderId, ProductId};
use crate::order::{Order, OrderEvent};
use crate::state::State;
use crate::timer::{Timer, TimerKind};

/// Cards in one order at most.
pub const CARDS_PER_ORDER_MAX: u32 = 100;

impl State {
    /// Is the product sold from the vault? One that never had stock is delivered by its SP.
    pub(crate) fn sells_from_vault(&self, product: ProductId, terms: &Terms) -> bool {
        terms.application == Application::CardSale && self.outside.vault.stocks.get(&product).is_some()
    }

    /// Was the order taken from the vault, and is it not given up?
    pub(crate) fn is_from_vault(&self, order: OrderId) -> bool {
        self.outside.vault.dealt.get(&order).is_some()
    }

    /// Are there as many cards for sale as an order asks for?
    pub(crate) fn has_in_stock(&self, product: ProductId, quantity: u32) -> bool {
        self.takes_stock_for_granted() || self.for_sale(product, quantity).len() == quantity as usize
    }

    /// The cards that are sold next: those that end first, in the order of loading, and none that has
    /// ended, though nobody may have taken it off the shelf yet.
    fn for_sale(&self, product: ProductId, quantity: u32) -> Vec<CardSerial> {
        let first = (product, self.now.business_day(), CardSerial(0));
        let shelf = self.outside.vault.shelf.iter_from(first).take_while(|((of, ..), ())| *of == product);
        shelf.take(quantity as usize).map(|((.., serial), ())| *serial).collect()
    }

    /// Reserves the cards of an order. The verb has checked that they are there.
    pub(crate) fn reserve_cards(&mut self, order: &Order) {
        let cards = self.for_sale(order.product.id, order.quantity);
        let enough = cards.len() == order.quantity as usize;
        assert!(enough || self.takes_stock_for_granted(), "broken invariant: more cards are sold than there are");
        for &serial in &cards {
            self.move_card(serial, CardState::Reserved(order.id));
        }
        self.outside.vault.dealt.insert(order.id, cards);
    }

    /// Something happened to an order: its cards go with it.
    pub(crate) fn cards_follow(&mut self, order: &Order, event: OrderEvent) {
        match event {
            OrderEvent::Delivered => self.move_cards(order.id, CardState::Sold(order.id)),
            OrderEvent::CardsShown => self.move_cards(order.id, CardState::Shown(order.id)),
            // From here on nothing revives the order, so the cards need not wait for the money.
            OrderEvent::Declined(_) | OrderEvent::ReversalAsked(..) => {
                if let Some(cards) = self.outside.vault.dealt.remove(&order.id) {
                    self.take_back(&cards);
                }
            }
            OrderEvent::Refunded(_, amount) => {
                let price = order.amount.as_fen() / i64::from(order.quantity);
                let vault = &mut self.outside.vault;
                if let Some(cards) = vault.dealt.get_mut(&order.id) {
                    // The refund was checked to be of whole cards; the last ones go first.
                    let back = usize::try_from(amount.as_fen() / price).expect("no refund is above its order");
                    let kept = cards.len().checked_sub(back).expect("no more cards are refunded than were sold");
                    let cards = cards.split_off(kept);
                    self.take_back(&cards);
                }
            }
            _ => {}
        }
    }

    fn move_cards(&mut self, order: OrderId, to: CardState) {
        for serial in self.outside.vault.dealt.get(&order).cloned().unwrap_or_default() {
            self.move_card(serial, to);
        }
    }

    /// Cards come back from an order that came to nothing: for sale again, unless their time is over.
    fn take_back(&mut self, cards: &[CardSerial]) {
        for &serial in cards {
            let card = self.outside.vault.cards.get(&serial).expect("a card is kept as long as its order");
            let (shown, over) = (matches!(card.state, CardState::Shown(_)), card.expires < self.now.business_day());
            assert!(!shown || self.forgets_what_was_shown(), "broken invariant: a card that was shown comes back");
            if over {
                self.move_card(serial, CardState::Expired);
                // The timer of its last day may be still to fire: it goes on from there.
                self.card_row_ends_later(serial);
            } else {
                self.move_card(serial, CardState::InStock);
            }
        }
    }

    /// True with a deliberate fault.
    fn takes_stock_for_granted(&self) -> bool {
        #[cfg(feature = "mutants")]
        return self.is_mutant(crate::mutant::Mutant::StockOutsideApply);
        #[cfg(not(feature = "mutants"))]
        false
    }

    /// True with a deliberate fault.
    pub(crate) fn forgets_what_was_shown(&self) -> bool {
        #[cfg(feature = "mutants")]
        return self.is_mutant(crate::mutant::Mutant::CardReturnedThoughShown);
        #[cfg(not(feature = "mutants"))]
        false
    }

    /// The one place where a card goes from one place to another.
    fn move_card(&mut self, serial: CardSerial, to: CardState) {
        let vault = &mut self.outside.vault;
        let card = vault.cards.get_mut(&serial).expect("the caller has found the card");
        let from = std::mem::replace(&mut card.state, to);
        let place = (card.product, card.expires, serial);
        let stock = vault.stocks.get_mut(&card.product).expect("a product with cards has a stock");
        let left = stock.place_of(from);
        *left = left.checked_sub(1).expect("every card that leaves a place had come there");
        *stock.place_of(to) += 1;
        if from == CardState::InStock {
            vault.shelf.remove(&place);
        }
        if to == CardState::InStock {
            vault.shelf.insert(place, ());
        }
        self.entry.digest.feed(&(serial, to));
    }

    /// The last day of a card is over, or what is remembered of it has been kept long enough.
    pub(crate) fn card_ends(&mut self, timer: Timer, serial: CardSerial) {
        self.timers.remove(&timer);
        let state = self.outside.vault.cards.get(&serial).expect("a card with a timer is kept").state;
        match state {
            CardState::InStock => {
                self.move_card(serial, CardState::Expired);
                self.card_row_ends_later(serial);
            }
            CardState::Expired => self.forget_card(serial),
            CardState::Reserved(order) | CardState::Sold(order) | CardState::Shown(order) => {
                // What is with an order that is kept goes with the order.
                if self.order(order).is_none() {
                    self.forget_card(serial);
                }
            }
        }
    }

    /// A card that nobody bought is remembered for the retention.
    fn card_row_ends_later(&mut self, serial: CardSerial) {
        let card = self.outside.vault.cards.get(&serial).expect("the caller has found the card");
        self.timers.remove(&Timer::new(card.expires.next().start(), TimerKind::CardEnds(serial)));
        let due = self.now.plus_ms(self.policy.retention_ms);
        self.timers.insert(Timer::new(due, TimerKind::CardEnds(serial)), ());
    }

    /// Does the order have cards that the buyer may still want to see? It is kept as long as one of them
    /// is good: they are paid for.
    pub(crate) fn has_cards_to_show(&self, order: OrderId) -> bool {
        let today = self.now.business_day();
        self.cards_of(order).is_some_and(|cards| {
            cards.iter().any(|card| matches!(card.state, CardState::Sold(_)) && card.expires >= today)
        })
    }

    /// The order of these cards is forgotten. A number is remembered to its card's last day, so that the
    /// same card can not be loaded and sold a second time; its PIN is not needed for that.
    pub(crate) fn forget_cards_of(&mut self, order: OrderId) {
        for serial in self.outside.vault.dealt.remove(&order).unwrap_or_default() {
            let card = self.outside.vault.cards.get_mut(&serial).expect("a card is kept as long as its order");
            if self.timers.get(&Timer::new(card.expires.next().start(), TimerKind::CardEnds(serial))).is_some() {
                card.pin.wipe();
            } else {
                self.forget_card(serial);
            }
        }
    }

    fn forget_card(&mut self, serial: CardSerial) {
        let vault = &mut self.outside.vault;
        let card = vault.cards.remove(&serial).expect("the caller has found the card");
        let sp = self.products.get(&card.product).expect("a product is kept").terms().sp;
        vault.numbers.remove(&(sp, card.number));
        vault.stocks.get_mut(&card.product).expect("a product with cards has a stock").forgotten += 1;
    }
}
