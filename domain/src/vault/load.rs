//! A batch of cards comes in.

use serde::{Deserialize, Serialize};

use super::card::{CardSerial, CardState, NewCard, PinCard};
use super::{Batch, Stock};
use crate::catalogue::Application;
use crate::ids::{BatchId, ProductId};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;
use crate::timer::{Timer, TimerKind};

/// Cards in one batch at most: one command, one log entry, and no long one.
pub const CARDS_PER_BATCH_MAX: usize = 500;

/// A card that is said to be good for longer than this, in days, has a misprinted date.
const CARD_LIFE_DAYS_MAX: u32 = 36_525;

/// Batches of which one tick forgets what was answered.
const BATCHES_PER_TICK_MAX: usize = 64;

/// One line of a batch, as whoever read it understood it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CardLine {
    /// A card.
    Card(NewCard),
    /// No card can be read there. What it is is not told: it may hold a PIN.
    Malformed,
}

/// What became of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CardResult {
    /// It is in stock.
    Loaded,
    /// Its SP has a card with this number already, of whatever product and wherever it is now.
    Duplicate,
    /// Its last day is over.
    Expired,
    /// It is no card.
    Malformed,
}

impl CardResult {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Duplicate => "duplicate",
            Self::Expired => "expired",
            Self::Malformed => "malformed",
        }
    }
}

/// What [`crate::Verb::LoadCards`] says.
pub(crate) struct Load<'a> {
    pub(crate) product: ProductId,
    pub(crate) batch: BatchId,
    pub(crate) content: u64,
    pub(crate) lines: &'a [CardLine],
}

impl State {
    /// Loads a batch: one result for each line. The same batch again changes nothing and is answered the
    /// same.
    ///
    /// # Errors
    /// In this order: [`Refusal::ProductNotFound`]; [`Refusal::BatchMismatch`] when the batch was loaded
    /// with other content; [`Refusal::NotFromVault`] for a product that is no card sale;
    /// [`Refusal::SpSuspended`]; [`Refusal::BatchSize`].
    pub(crate) fn load_cards(&mut self, load: &Load<'_>) -> Result<Outcome, Refusal> {
        let terms = self.listed_product(load.product).ok_or(Refusal::ProductNotFound)?.terms();
        let vault = &self.outside.vault;
        if let Some(number) = vault.batch_numbers.get(&(load.product, load.batch)) {
            let known = vault.batches.get(number).expect("a batch goes together with its name");
            if known.content != load.content || known.results.len() != load.lines.len() {
                return Err(Refusal::BatchMismatch);
            }
            return Ok(Outcome::CardsLoaded(known.results.clone()));
        }
        if terms.application != Application::CardSale {
            return Err(Refusal::NotFromVault);
        }
        let sp = terms.sp;
        if self.sp(sp).is_none_or(|sp| sp.suspended) {
            return Err(Refusal::SpSuspended);
        }
        if load.lines.is_empty() || load.lines.len() > CARDS_PER_BATCH_MAX {
            return Err(Refusal::BatchSize);
        }

        // From here it must succeed.
        let today = self.now.business_day();
        let mut results = Vec::with_capacity(load.lines.len());
        for line in load.lines {
            results.push(match line {
                CardLine::Malformed => CardResult::Malformed,
                CardLine::Card(card) if !card.pin.is_well_formed() => CardResult::Malformed,
                CardLine::Card(card) if card.expires.0 > today.0 + CARD_LIFE_DAYS_MAX => CardResult::Malformed,
                CardLine::Card(card) if card.expires < today => CardResult::Expired,
                CardLine::Card(card) if self.outside.vault.numbers.get(&(sp, card.number)).is_some() => {
                    CardResult::Duplicate
                }
                CardLine::Card(card) => {
                    self.put_in(load, sp, card);
                    CardResult::Loaded
                }
            });
        }
        let vault = &mut self.outside.vault;
        vault.last_batch += 1;
        vault.batch_numbers.insert((load.product, load.batch), vault.last_batch);
        let (product, name, content, at) = (load.product, load.batch, load.content, self.now);
        vault.batches.insert(vault.last_batch, Batch { product, name, content, at, results: results.clone() });
        Ok(Outcome::CardsLoaded(results))
    }

    fn put_in(&mut self, load: &Load<'_>, sp: crate::ids::SpId, card: &NewCard) {
        let vault = &mut self.outside.vault;
        let serial = CardSerial(vault.last_card.0 + 1);
        vault.last_card = serial;
        let row = PinCard {
            product: load.product,
            number: card.number,
            pin: card.pin.clone(),
            expires: card.expires,
            batch: load.batch,
            state: CardState::InStock,
        };
        self.entry.digest.feed(&row);
        vault.numbers.insert((sp, card.number), serial);
        vault.shelf.insert((load.product, card.expires, serial), ());
        vault.cards.insert(serial, row);
        if vault.stocks.get(&load.product).is_none() {
            vault.stocks.insert(load.product, Stock::default());
        }
        let stock = vault.stocks.get_mut(&load.product).expect("just made");
        stock.loaded += 1;
        stock.in_stock += 1;
        self.timers.insert(Timer::new(card.expires.next().start(), TimerKind::CardEnds(serial)), ());
    }

    /// Forgets what was answered to batches that are older than the retention. Their cards stay, so that
    /// the same batch would find each of them loaded already.
    pub(crate) fn forget_batches(&mut self) {
        let keep = self.policy.retention_ms;
        let vault = &mut self.outside.vault;
        for _ in 0..BATCHES_PER_TICK_MAX {
            let Some((&number, batch)) = vault.batches.first() else { return };
            if self.now.ms_since(batch.at) <= keep {
                return;
            }
            let name = (batch.product, batch.name);
            vault.batches.remove(&number);
            vault.batch_numbers.remove(&name);
        }
    }
}
