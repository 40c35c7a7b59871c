//! What must hold between the rows of the vault and their orders.

use std::collections::{BTreeMap, BTreeSet};

use super::Stock;
use super::card::CardState;
use crate::ids::ProductId;
use crate::order::OrderStatus;
use crate::state::State;
use crate::timer::{Timer, TimerKind};

impl State {
    /// See [`State::check_all`].
    pub(crate) fn check_vault(&self) -> Result<(), String> {
        let vault = &self.outside.vault;
        let mut counted = BTreeMap::<ProductId, Stock>::new();
        let mut with_orders = BTreeSet::new();
        for (order, cards) in vault.dealt.iter() {
            for serial in cards {
                if !with_orders.insert(*serial) {
                    return Err(format!("{serial:?} is with {order} and with another order"));
                }
            }
        }
        for (serial, card) in vault.cards.iter() {
            let here = || format!("{serial:?} is {:?}", card.state);
            let counted = counted.entry(card.product).or_default();
            *counted.place_of(card.state) += 1;
            counted.loaded += 1;
            let on_shelf = vault.shelf.get(&(card.product, card.expires, *serial)).is_some();
            if on_shelf != (card.state == CardState::InStock) {
                return Err(format!("{} and on the shelf: {on_shelf}", here()));
            }
            let sp = self.product(card.product).ok_or_else(|| format!("{} of no product", here()))?.terms().sp;
            if vault.numbers.get(&(sp, card.number)) != Some(serial) {
                return Err(format!("{} and not found by its number", here()));
            }
            let dealt_to = match card.state {
                CardState::InStock | CardState::Expired => None,
                CardState::Reserved(order) | CardState::Sold(order) | CardState::Shown(order) => Some(order),
            };
            // A card whose order is forgotten is remembered for its number alone.
            let expected = dealt_to.is_some_and(|order| self.order(order).is_some());
            if with_orders.contains(serial) != expected {
                return Err(format!("{} and no order has it, or another one", here()));
            }
            let ends =
                self.timers.get(&Timer::new(card.expires.next().start(), TimerKind::CardEnds(*serial))).is_some();
            if card.state == CardState::InStock && !ends {
                return Err(format!("{} and stays so for ever", here()));
            }
        }
        for (id, cards) in vault.dealt.iter() {
            let order = self.order(*id).ok_or_else(|| format!("{id} has cards and is forgotten"))?;
            let expected = match (order.status, order.shown_at()) {
                (OrderStatus::AwaitingConfirmation | OrderStatus::Paying | OrderStatus::Reserved, None) => {
                    CardState::Reserved(*id)
                }
                (OrderStatus::Delivered | OrderStatus::PartlyRefunded | OrderStatus::Refunded, None) => {
                    CardState::Sold(*id)
                }
                (OrderStatus::Delivered | OrderStatus::PartlyRefunded, Some(_)) => CardState::Shown(*id),
                (status, _) => return Err(format!("{id} is {status:?} and has cards")),
            };
            let price = order.amount.as_fen() / i64::from(order.quantity);
            let kept = i64::from(order.quantity) - order.refunded.as_fen() / price;
            if cards.len() as i64 != kept {
                return Err(format!("{id} is to have {kept} cards and has {}", cards.len()));
            }
            for serial in cards {
                let state = vault.cards.get(serial).map(|card| card.state);
                if state != Some(expected) {
                    return Err(format!("{serial:?} of {id} is {state:?}, expected {expected:?}"));
                }
            }
        }
        for (product, stock) in vault.stocks.iter() {
            let kept = counted.get(product).copied().unwrap_or_default();
            let sum = stock.in_stock + stock.reserved + stock.sold + stock.shown + stock.expired;
            let exact = (kept.in_stock, kept.reserved) == (stock.in_stock, stock.reserved);
            let rows_less = kept.sold <= stock.sold && kept.shown <= stock.shown && kept.expired <= stock.expired;
            if sum != stock.loaded || !exact || !rows_less || kept.loaded + stock.forgotten != stock.loaded {
                return Err(format!("{product} counts {stock:?}, its cards {kept:?}"));
            }
        }
        if counted.keys().any(|product| vault.stocks.get(product).is_none())
            || vault.numbers.len() != vault.cards.len()
            || vault.batches.len() != vault.batch_numbers.len()
        {
            return Err("cards without a stock, or numbers or batches without a row".into());
        }
        Ok(())
    }
}
