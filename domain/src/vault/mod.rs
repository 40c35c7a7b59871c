//! 购卡, card sale: a vault of PIN cards (product §3).
//!
//! ```text
//!  load ─▶ in stock ─▶ reserved for an order ─▶ sold ─▶ shown to the buyer, for ever
//!            │  ▲          declined, reversed │   │ reversed, refunded
//!            │  └──────────────────────────────┴───┘
//!            └─▶ expired
//! ```
//!
//! Stock is an account, not a check: a card is taken off its shelf by the command that takes the order,
//! before any debit, so that what is not there is not sold however many ask at once. The vault of a
//! product is where the product is sold; its rows came with state version 3.
//!
//! It never holds a PIN that can be read: PINs are sealed where they come in, and opened where they are
//! shown. What may be shown, and whether it was, is decided here, by the order of the log.

mod card;
mod check;
mod load;
mod reservation;
mod reveal;

use serde::{Deserialize, Serialize};

pub use crate::sealed::SealedPin;
pub use card::{CardNumber, CardSerial, CardState, NewCard, PinCard};
pub(crate) use load::Load;
pub use load::{CARDS_PER_BATCH_MAX, CardLine, CardResult};
pub use reservation::CARDS_PER_ORDER_MAX;

pub use crate::ids::BatchId;
use crate::ids::{OrderId, ProductId, SpId};
use crate::state::State;
use crate::table::Table;
use crate::time::{BusinessDay, LogTime};

/// How many cards of one product are where. At any time `loaded` is the sum of the five below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Ever loaded.
    pub loaded: u64,
    /// For sale.
    pub in_stock: u64,
    /// With an order that is not paid yet.
    pub reserved: u64,
    /// Sold, and not shown yet.
    pub sold: u64,
    /// Sold and shown to the buyer.
    pub shown: u64,
    /// Past their last day before they were sold.
    pub expired: u64,
    /// Of all these, how many rows are no longer kept.
    pub(crate) forgotten: u64,
}

impl Stock {
    const fn place_of(&mut self, state: CardState) -> &mut u64 {
        match state {
            CardState::InStock => &mut self.in_stock,
            CardState::Reserved(_) => &mut self.reserved,
            CardState::Sold(_) => &mut self.sold,
            CardState::Shown(_) => &mut self.shown,
            CardState::Expired => &mut self.expired,
        }
    }
}

/// A batch that was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Batch {
    product: ProductId,
    name: BatchId,
    /// What tells the same batch from another one under its name.
    content: u64,
    pub(crate) at: LogTime,
    results: Vec<CardResult>,
}

/// The vaults of all products sold here.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Vault {
    pub(crate) cards: Table<CardSerial, PinCard, 32>,
    pub(crate) last_card: CardSerial,
    /// No number comes twice within an SP's stock.
    pub(crate) numbers: Table<(SpId, CardNumber), CardSerial, 64>,
    /// What is for sale, in the order in which it is sold: the card that ends first goes first.
    pub(crate) shelf: Table<(ProductId, BusinessDay, CardSerial), (), 64>,
    /// The cards of each order taken from the vault; without a row the order has none, or none any more.
    pub(crate) dealt: Table<OrderId, Vec<CardSerial>, 64>,
    pub(crate) stocks: Table<ProductId, Stock, 32>,
    pub(crate) batches: Table<u64, Batch, 32>,
    pub(crate) last_batch: u64,
    pub(crate) batch_numbers: Table<(ProductId, BatchId), u64, 64>,
}

impl State {
    /// How many cards of a product are where; `None` when none was ever loaded.
    #[must_use]
    pub fn stock(&self, product: ProductId) -> Option<Stock> {
        self.outside.vault.stocks.get(&product).copied()
    }

    /// The cards that go with an order, in the order in which they are shown; `None` when it was not
    /// taken from the vault, or came to nothing.
    #[must_use]
    pub fn cards_of(&self, order: OrderId) -> Option<Vec<&PinCard>> {
        let vault = &self.outside.vault;
        let card = |serial| vault.cards.get(serial).expect("a card is kept as long as its order");
        vault.dealt.get(&order).map(|cards| cards.iter().map(card).collect())
    }

    /// Every card kept, in the order of loading.
    pub fn cards(&self) -> impl Iterator<Item = &PinCard> {
        self.outside.vault.cards.iter().map(|(_, card)| card)
    }
}
