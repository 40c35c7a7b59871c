//! National goods in the provinces: reviewed at the national platform, distributed to every province (product §3).
//!
//! ```text
//!  national platform                                    every province
//!  publish, change, withdraw, suspend ─▶ changes 1 2 3 …  ──asked for by the leader──▶  copies, as far as change n
//!                                     (one for each thing,                             (shown while the national
//!                                      the newest)                                      platform is down)
//! ```
//!
//! Each change of what is on sale there has a number. What is known of a thing is its newest change, so that there are
//! never more of them than things, and a province that was away for long catches up without a history. The copies are
//! for showing: a national product is sold by the national platform alone, which asks its own rows.

use serde::{Deserialize, Serialize};

use crate::catalogue::Terms;
use crate::ids::{ProductId, SpId};
use crate::table::Table;

mod changes;
mod check;
mod copies;

/// Changes that one [`crate::Verb::TakeNationalGoods`] may bring.
pub const CHANGES_PER_TAKE_MAX: usize = 500;

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Changed {
    /// An SP: its name, whether it is suspended.
    Sp(SpId),
    /// A product: whether it is on sale, and its terms.
    Product(ProductId),
}

/// The national platform's changes, by number.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Changes {
    /// The newest number.
    pub(crate) last: u64,
    /// What each number is about.
    pub(crate) by_number: Table<u64, Changed, 64>,
    /// The newest number of each thing.
    pub(crate) of: Table<Changed, u64, 64>,
}

/// An SP of the national platform, as provinces know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NationalSp {
    /// Its id.
    pub id: SpId,
    /// Its name.
    pub name: String,
    /// None of its goods is shown.
    pub suspended: bool,
}

/// A product that is on sale at the national platform, as provinces know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NationalProduct {
    /// Its id.
    pub id: ProductId,
    /// The version of its terms, counting from 1.
    pub version: u32,
    /// The terms.
    pub terms: Terms,
}

/// One change as it is told to a province.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GoodsChange {
    /// An SP is there, or is not what it was.
    Sp(NationalSp),
    /// A product is on sale, in this version.
    OnSale(NationalProduct),
    /// A product is not on sale any more.
    Gone(ProductId),
}

/// Changes in the order of their numbers, as they are taken by a province.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeGoods {
    /// They follow this number.
    pub after: u64,
    /// With them everything up to this number is known.
    pub upto: u64,
    /// Forget what was known: the national platform has begun to count anew.
    pub anew: bool,
    /// At most [`CHANGES_PER_TAKE_MAX`].
    pub changes: Vec<GoodsChange>,
}

/// What a province knows of national goods.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Copies {
    /// Everything up to this number is known; 0 when nothing was ever taken.
    pub(crate) upto: u64,
    pub(crate) sps: Table<SpId, NationalSp, 32>,
    pub(crate) products: Table<ProductId, NationalProduct, 32>,
}

/// The rows of distribution: changes at the national platform, copies in a province.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Distribution {
    pub(crate) changes: Changes,
    pub(crate) copies: Copies,
}
