//! What the state holds of the doors that came with state version 4: who asks, how, and what is told to whom.
//!
//! It stands apart from the other rows, as those of version 3 do (`outside.rs`): a snapshot of a lower version ends
//! before it.

use serde::{Deserialize, Serialize};

use crate::confirmation::Confirmations;
use crate::distribution::Distribution;
use crate::goods_reference::GoodsReferences;
use crate::ids::OrderId;
use crate::sp_admission::Admissions;
use crate::sp_events::SpEvents;
use crate::sp_keys::SpKeys;
use crate::state::State;
use crate::table::Table;
use crate::texts::Texts;

/// The rows of state version 4.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Doors {
    /// What subscribers are asked.
    pub(crate) confirmations: Confirmations,
    /// Orders taken here for whose money home is to set it aside, until it is charged or free.
    pub(crate) reservations: Table<OrderId, (), 64>,
    /// What SPs sign with.
    pub(crate) sp_keys: SpKeys,
    /// How far the numbers are by which SPs are told.
    pub(crate) sp_events: SpEvents,
    /// What became of texts to subscribers, and what subscribers have sent.
    pub(crate) texts: Texts,
    /// Goods that SPs uploaded under numbers of their own.
    pub(crate) references: GoodsReferences,
    /// National goods on their way to the provinces, and there.
    pub(crate) distribution: Distribution,
    /// SPs that are to be admitted, or were.
    pub(crate) admissions: Admissions,
}

impl State {
    /// The rows that came with version 4.
    #[must_use]
    pub fn doors(&self) -> &Doors {
        &self.doors
    }

    /// The same state with other rows of version 4, for whoever reads a state back.
    #[must_use]
    pub fn with_doors(mut self, doors: Doors) -> Self {
        self.doors = doors;
        self
    }
}
