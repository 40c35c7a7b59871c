//! What is sold from stock was there: cards that were loaded are each in one place, a batch that comes
//! again changes nothing, and nobody has paid for an order of cards that has fewer than were bought.

use std::collections::BTreeMap;

use mpss_domain::catalogue::Application;
use mpss_domain::journal::JournalBody;
use mpss_domain::order::OrderEvent;
use mpss_domain::vault::{BatchId, CardResult, CardState, Stock as Counts};
use mpss_domain::{OrderId, OrderStatus, Outcome, ProductId, State, Verb};

use super::{AtRest, Property, Seen};

/// See the module.
#[derive(Default)]
pub(super) struct Stock {
    /// What became of each batch.
    batches: BTreeMap<(ProductId, BatchId), Vec<CardResult>>,
    loaded: BTreeMap<ProductId, u64>,
    /// The entry with which a product came to be sold from stock.
    since: BTreeMap<ProductId, u64>,
    /// The entry that took an order.
    taken: BTreeMap<OrderId, u64>,
}

impl Stock {
    fn batch(&mut self, (product, batch): (ProductId, BatchId), results: &[CardResult], index: u64) -> Option<String> {
        if let Some(before) = self.batches.get(&(product, batch)) {
            let what = || format!("batch {batch} of {product} came to {before:?}, then to {results:?}");
            return (before != results).then(what);
        }
        self.batches.insert((product, batch), results.to_vec());
        let loaded = results.iter().filter(|result| **result == CardResult::Loaded).count() as u64;
        if loaded > 0 {
            *self.loaded.entry(product).or_default() += loaded;
            self.since.entry(product).or_insert(index);
        }
        None
    }

    fn counts(&self, state: &State) -> Vec<String> {
        let mut kept = BTreeMap::<ProductId, Counts>::new();
        for card in state.cards() {
            let kept = kept.entry(card.product).or_default();
            kept.loaded += 1;
            *match card.state {
                CardState::InStock => &mut kept.in_stock,
                CardState::Reserved(_) => &mut kept.reserved,
                CardState::Sold(_) => &mut kept.sold,
                CardState::Shown(_) => &mut kept.shown,
                CardState::Expired => &mut kept.expired,
            } += 1;
        }
        let mut wrong = Vec::new();
        for (product, loaded) in self.loaded.iter().filter(|(product, _)| state.product(**product).is_some()) {
            // No run is long enough for a card to be forgotten.
            let (told, kept) = (state.stock(*product), kept.get(product).copied().unwrap_or_default());
            if told != Some(kept) || kept.loaded != *loaded {
                wrong.push(format!("{loaded} cards of {product} were loaded, {kept:?} are there, {told:?} is told"));
            }
        }
        wrong
    }

    /// Orders of cards, from when on there was stock, have as many as were paid for.
    fn fewer_than_paid(&self, state: &State, id: OrderId) -> Option<String> {
        let order = state.order(id)?;
        let terms = state.product(order.product.id)?.terms();
        let since = *self.since.get(&order.product.id)?;
        // In the very entry of the first batch an order may be before or behind it.
        if terms.application != Application::CardSale || self.taken.get(&id).is_none_or(|taken| *taken <= since) {
            return None;
        }
        let price = order.amount.as_fen() / i64::from(order.quantity);
        let pieces = i64::from(order.quantity) - order.refunded.as_fen() / price;
        let cards = state.cards_of(id).map(|cards| i64::try_from(cards.len()).unwrap_or(i64::MAX));
        let right = match order.status {
            OrderStatus::Delivered | OrderStatus::PartlyRefunded | OrderStatus::Refunded => cards == Some(pieces),
            OrderStatus::Declined | OrderStatus::Reversing | OrderStatus::Reversed => cards.is_none(),
            _ => cards == Some(i64::from(order.quantity)),
        };
        (!right).then(|| format!("{id} is {} with {pieces} cards to have and has {cards:?}", order.status.name()))
    }
}

impl Property for Stock {
    fn name(&self) -> &'static str {
        "what is sold from stock was there"
    }

    fn clause(&self) -> &'static str {
        "product §3: out of stock is a refusal before any debit; §4: bounds are accounts"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let mut wrong = Vec::new();
        let mut loads = false;
        for (command, reply) in entry.batch.commands.iter().zip(entry.replies) {
            if let (Verb::LoadCards { product, batch, .. }, Outcome::CardsLoaded(results)) =
                (&command.verb, &reply.outcome)
            {
                loads = true;
                wrong.extend(self.batch((*product, *batch), results, entry.index));
            }
        }
        let mut moved = Vec::new();
        for record in entry.journal {
            let JournalBody::OrderMoved { order, event } = record.body else { continue };
            if event == OrderEvent::Created {
                self.taken.insert(order, entry.index);
            }
            moved.push(order);
        }
        moved.dedup();
        if loads || !moved.is_empty() {
            wrong.extend(self.counts(entry.state));
        }
        wrong.extend(moved.into_iter().filter_map(|order| self.fewer_than_paid(entry.state, order)));
        wrong.into_iter().map(|what| format!("entry {} of {province}: {what}", entry.index)).collect()
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let country = rest.country;
        let mut wrong = Vec::new();
        for province in &country.plan().provinces {
            let here = |what: String| format!("{province}: {what}");
            let judged = country.leader(*province).and_then(|leader| {
                country.read(&leader, |state| {
                    let ids = state.orders().map(|order| order.id);
                    let orders = ids.filter_map(|order| self.fewer_than_paid(state, order));
                    self.counts(state).into_iter().chain(orders).collect::<Vec<_>>()
                })
            });
            wrong.extend(judged.unwrap_or_default().into_iter().map(here));
        }
        wrong
    }
}
