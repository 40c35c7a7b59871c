//! State versions: by which rules an entry of the log is decided.
//!
//! ```text
//!  log   … v1 │ v1 │ RaiseVersion{2} │ v2 │ v2 …     one position, the same on every replica
//! ```
//!
//! A log begins with [`StateVersion::FIRST`]. The version in force is part of the state; it rises by
//! [`crate::Verb::RaiseVersion`] alone and never falls. A program decides by the rules of every
//! version from [`StateVersion::OLDEST`] to [`StateVersion::NEWEST`], so that programs of two ages can
//! run side by side in one group: the newer one keeps to the old rules until the entry that raises.
//! What the log asks for beyond that a program must not touch: whoever applies entries looks at
//! [`Batch::raises_to`] before.
//!
//! A rule that changes with a version asks `self.version >= …` in one place:
//!
//! | version | rule | where |
//! |---|---|---|
//! | 2 | an identity is refused as too old only when it can have been forgotten here | `retention.rs` |
//! | 3 | accounts may have their money outside: the phone bill, a bank card | `open_account.rs`, `outside.rs` |
//! | 3 | stored value is topped up by recharge cards | `recharge/`, `outside.rs` |
//! | 3 | stored value is topped up from the subscriber's own bank account | `bank_top_up/`, `outside.rs` |
//! | 3 | subscribers ask for cards to be bound | `wish/`, `outside.rs` |
//! | 3 | what is paid per use is paid by one-time codes | `payment_codes/`, `outside.rs` |
//! | 3 | orders of the UPP are paid; it may keep virtual accounts | `upp/`, `outside.rs` |
//! | 4 | subscribers are asked whether to pay; money is reserved for SPs | `confirmation/`, `reservation.rs`, `doors.rs` |
//! | 4 | SPs have keys, and are told by number | `sp_keys/`, `sp_events/`, `doors.rs` |
//! | 4 | what became of each text, and what subscribers have sent | `texts/` |
//! | 4 | goods are deleted, uploaded under an SP's own number, and change their delivery deadline without a review | `product_review.rs`, `goods_reference.rs` |
//! | 4 | national goods are distributed to the provinces | `distribution/`, `doors.rs` |
//! | 4 | SPs are admitted with documents and a risk grade | `sp_admission/`, `doors.rs` |

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::command::{Batch, Verb};
use crate::outcome::Outcome;
use crate::state::State;

/// A set of rules, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateVersion(pub u16);

/// What may have been forgotten is told exactly.
pub(crate) const EXACT_FORGETTING: StateVersion = StateVersion(2);

/// There are accounts whose money is outside.
pub(crate) const OUTSIDE_RAILS: StateVersion = StateVersion(3);

/// SPs sign, and read what happened by number; subscribers confirm; texts are accounted for.
pub(crate) const DOORS: StateVersion = StateVersion(4);

impl StateVersion {
    /// What every log begins with.
    pub const FIRST: Self = Self(1);
    /// The oldest rules this program still decides by.
    pub const OLDEST: Self = Self::FIRST;
    /// The newest rules this program decides by.
    pub const NEWEST: Self = DOORS;
    /// The one with which accounts outside, cards, tickets, bills and awards came.
    pub const OUTSIDE_RAILS: Self = OUTSIDE_RAILS;
    /// The one with which the rows of `doors.rs` came.
    pub const DOORS: Self = DOORS;

    /// Are there accounts whose money is outside, and rows of them?
    #[must_use]
    pub fn has_outside_rails(self) -> bool {
        self >= OUTSIDE_RAILS
    }

    /// Are there rows of the doors?
    #[must_use]
    pub fn has_doors(self) -> bool {
        self >= DOORS
    }
}

impl fmt::Display for StateVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The versions a program decides by, both ends inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRange {
    /// The oldest.
    pub oldest: StateVersion,
    /// The newest.
    pub newest: StateVersion,
}

impl VersionRange {
    /// What this program decides by.
    pub const THIS_PROGRAM: Self = Self { oldest: StateVersion::OLDEST, newest: StateVersion::NEWEST };

    /// Is `version` one of them?
    #[must_use]
    pub fn contains(self, version: StateVersion) -> bool {
        (self.oldest..=self.newest).contains(&version)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.oldest, self.newest)
    }
}

impl Batch {
    /// The highest version this entry raises the state to, when it does.
    #[must_use]
    pub fn raises_to(&self) -> Option<StateVersion> {
        let raises = self.commands.iter().filter_map(|command| match command.verb {
            Verb::RaiseVersion { to } => Some(to),
            _ => None,
        });
        raises.max()
    }
}

impl State {
    /// The version in force.
    #[must_use]
    pub fn version(&self) -> StateVersion {
        self.version
    }

    /// The same rows under another version, for whoever reads a state back that was written down. Rows
    /// do not say by which rules they were made, so that those of version 1 are the bytes they were
    /// before there were versions: what holds them names the version beside them.
    #[must_use]
    pub fn under(mut self, version: StateVersion) -> Self {
        self.version = version;
        self
    }

    /// Puts newer rules in force, from the next command on. A lower or equal version changes nothing.
    pub(crate) fn raise_version(&mut self, to: StateVersion) -> Outcome {
        let before = self.version;
        self.version = before.max(to);
        if !before.has_doors() && self.version.has_doors() {
            self.begin_distribution();
        }
        Outcome::Done
    }
}
