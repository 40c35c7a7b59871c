//! People: they open accounts, buy, send money, travel, forget passwords and change their minds, each
//! through the callers' interface as an integrator's program would, and write down what they were told.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::tickets::TicketId;
use mpss_domain::{LogTime, ProvinceId};

mod bets;
mod bills;
mod cards;
mod clerk;
mod codes;
mod desk;
mod flows;
mod gate;
mod life;
mod mistakes;
mod outside;
mod recharge;
mod scene;
mod shopping;
mod street;
mod tickets;
mod upp;

pub use clerk::{first_batch, load_cards, pin_of};
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

/// Cards that were shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reveal {
    /// Of which order.
    pub order: String,
    /// Who asked to see them.
    pub by: String,
    /// When they were shown first, as it was told.
    pub shown_at: String,
    /// Number, PIN and last day of each.
    pub cards: Vec<[String; 3]>,
}

/// What a gate was told of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Checked by this gate's request, at that time.
    Checked(LogTime),
    /// Another one had checked it, at that time.
    Used(LogTime),
    /// Refunded, reversed, or no ticket.
    NoGood,
}

/// A ticket that a gate had an answer about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which.
    pub ticket: TicketId,
    /// The gate's request id.
    pub gate: u128,
    /// What it was told.
    pub verdict: Verdict,
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
    /// Cards.
    pub reveals: Vec<Reveal>,
    /// Tickets.
    pub checks: Vec<Check>,
    /// Two answers to one request that are not the same, and answers that nobody should get.
    pub contradictions: Vec<String>,
    /// Everything anybody asked for.
    pub operations: Vec<Operation>,
    /// The turns that were lived.
    pub turns: BTreeSet<String>,
}
