//! Deliberate faults of a node, compiled in only with the feature `mutants`: what a simulation must
//! find.

use std::sync::OnceLock;

/// One deliberate fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Texts are taken for sent before the SMS centre has them.
    SmsDroppedOnCrash,
    /// A new leader does not look for reversals that its predecessor had begun to forward.
    ReversalLostOnLeaderChange,
    /// A payment password travels to the home province in the clear, once in a while, although its key is known.
    PasswordInTheClear,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SmsDroppedOnCrash, Self::ReversalLostOnLeaderChange, Self::PasswordInTheClear];

    /// The word for it on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SmsDroppedOnCrash => "sms-dropped-on-crash",
            Self::ReversalLostOnLeaderChange => "reversal-lost-on-leader-change",
            Self::PasswordInTheClear => "password-in-the-clear",
        }
    }

    /// True when this fault is planted.
    #[must_use]
    pub fn is_planted(self) -> bool {
        PLANTED.get() == Some(&self)
    }
}

static PLANTED: OnceLock<Mutant> = OnceLock::new();

/// Plants a fault in every node of this process. The first call decides.
pub fn plant(mutant: Mutant) {
    let _ = PLANTED.set(mutant);
}
