//! People: they open accounts, buy, send money, travel, forget passwords and change their minds, each
//! through the callers' interface as an integrator's program would, and write down what they were told.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::ProvinceId;

mod desk;
mod flows;
mod life;
mod mistakes;
mod scene;
mod street;

pub use flows::{Flow, Habits};
pub use life::{Rules, live};
pub use scene::{Goods, Person, Scene, move_in, set_out};
pub(crate) use street::STREET;
pub use street::{Answer, Body, Question, Street};

use crate::record::Operation;

/// An order somebody has an answer about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Who took it.
    pub serving: ProvinceId,
    /// The status that was told.
    pub status: String,
    /// The request id it was placed with.
    pub key: String,
}

/// A change that was acknowledged with its position in the province's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// Whose log.
    pub province: ProvinceId,
    /// The request id.
    pub key: String,
    /// The position.
    pub index: u64,
    /// When the answer came, in milliseconds since the run began.
    pub at_ms: u64,
}

/// A balance that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// To whom.
    pub who: String,
    /// Whose log.
    pub province: ProvinceId,
    /// Which account.
    pub account: String,
    /// What was shown, in yuan.
    pub balance: String,
    /// At which position.
    pub index: u64,
    /// When it was asked for, in milliseconds since the run began.
    pub sent_ms: u64,
    /// When it was shown.
    pub answered_ms: u64,
}

/// What people were told.
#[derive(Debug, Default)]
pub struct Told {
    /// By order id.
    pub orders: BTreeMap<String, Acknowledged>,
    /// By transfer id: the payer's home.
    pub transfers: BTreeMap<String, ProvinceId>,
    /// Acknowledged changes.
    pub acks: Vec<Ack>,
    /// Balances.
    pub reads: Vec<Read>,
    /// Two answers to one request that are not the same, and answers that nobody should get.
    pub contradictions: Vec<String>,
    /// Everything anybody asked for.
    pub operations: Vec<Operation>,
    /// The turns that were lived.
    pub turns: BTreeSet<String>,
}
