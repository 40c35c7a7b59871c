//! Deliberate faults, compiled in only with the feature `mutants`: what a proof must find.

use std::sync::OnceLock;

use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::movement::Step;
use crate::state::State;

/// One deliberate fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// The serving side forgets to book what a home province paid: clearing does not net to zero.
    ClearingOneSide,
    /// A repeated request is taken for a new one: it debits twice.
    DoubleDebitOnRetry,
    /// Money is credited and nothing debited for it: the replica stops.
    CreditWithoutDebit,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ClearingOneSide, Self::DoubleDebitOnRetry, Self::CreditWithoutDebit];

    /// The word for it on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClearingOneSide => "clearing-one-side",
            Self::DoubleDebitOnRetry => "double-debit-on-retry",
            Self::CreditWithoutDebit => "credit-without-debit",
        }
    }

    /// The fault of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutant| mutant.name() == name)
    }
}

static EVERYWHERE: OnceLock<Mutant> = OnceLock::new();

/// Plants a fault in every state this process makes or reads from now on, for a demonstration whose
/// states are made deep inside replicas. The first call decides.
pub fn plant_everywhere(mutant: Mutant) {
    let _ = EVERYWHERE.set(mutant);
}

/// What a new state begins with.
pub(crate) fn planted() -> Option<Mutant> {
    EVERYWHERE.get().copied()
}

impl State {
    /// Plants a fault, or takes it out again. It is no part of what replicas agree on.
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.mutant = mutant;
    }
}

impl Mutant {
    /// What this fault makes of a balanced set of postings.
    pub(crate) fn post(self, step: Step, mut postings: Vec<(LedgerAccount, Money)>) -> Vec<(LedgerAccount, Money)> {
        if self == Self::CreditWithoutDebit && step == Step::Credit {
            postings.truncate(1);
        }
        postings
    }
}
