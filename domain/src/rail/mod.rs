//! The contract of an account's rail: where its money is and how it is taken and given back
//! (product §2). Every movement of a subscriber's money goes through these six verbs:
//!
//! ```text
//!  verb      stored value   communication        bank, real-time     bank, pre-freeze
//!  reserve   in its row     reserve              ─ (takes at once)   pre-authorisation
//!  capture   in its row     confirm, also less   refund of the rest  completion, also less
//!  release   in its row     cancel               as reverse          pre-authorisation void
//!  reverse   in its row     credit               void                completion void
//!  credit    in its row     credit               refund, payout      refund, payout
//!  query     in its row     ask by key           ─ (undo instead)    ─ (undo instead)
//! ```
//!
//! Stored value is kept here in the replicated ledger, so its verbs are done at once
//! (`stored_value.rs`). The other three ask somebody outside: each verb leaves a row, a [`call`], and
//! what is unknown about it is brought to its end by one engine (`engine.rs`). What a peer lacks is
//! said by its [`Habits`]; the engine supplies what makes up for it.
//!
//! A virtual account may also be kept by the UPP (统一支付平台); its rail has all six verbs: reserve, capture (also
//! less), release, reverse, credit, query.
//!
//! The recharge platform is asked by the same engine: hold a card, capture it, release it, query it;
//! what that means for an account is in [`crate::recharge`].

use serde::{Deserialize, Serialize};

pub mod binding;
pub mod call;
mod card_change;
mod engine;
mod payments;
pub(crate) mod stored_value;

pub use binding::{Binding, BindingStatus};
pub use call::{Answer, Call, CallAnswer, CallStep, Keys, Original, Phase, Subject};

/// A rail whose money is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RailName {
    /// 通信账户: the phone bill, by the ISMP.
    Communication,
    /// 银行账户, real-time: a purchase (0200) takes the money at once.
    BankRealTime,
    /// 银行账户, pre-freeze: a hold (0100), completed after the delivery.
    BankPreFreeze,
    /// 充值卡平台: recharge cards, whose money comes in. No account stands on it.
    Recharge,
    /// 虚拟账户 that the UPP keeps: reserved, then captured.
    Upp,
}

/// How a peer can be asked what became of a call that it did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// It tells what became of a key.
    ByQuery,
    /// It can not be asked; what may have happened is undone.
    Never,
}

/// What a peer can do and how it wants to be treated. Times in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habits {
    /// It sets money aside and takes it later. If not, setting aside takes.
    pub holds: bool,
    /// It takes less than was set aside and gives up the rest in the same step.
    pub captures_less: bool,
    /// It takes back what was confirmed as if it had never been. If not, the money is credited.
    pub voids: bool,
    /// How it is asked.
    pub asking: Asking,
    /// How long one answer is waited for.
    pub answer_ms: u64,
    /// The first question comes so long after the call; each later one ten times as long.
    pub first_ask_ms: u64,
    /// Questions about one call at most.
    pub asks_max: u8,
    /// No question later than this after the call.
    pub asks_within_ms: u64,
    /// Pause before something that has to be done is sent again: the first, doubling up to the longest.
    pub again_ms: (u64, u64),
    /// After this nothing is sent any more, and reconciliation decides.
    pub bound_ms: u64,
}

/// A peer that has no faster rule is asked first after 90 s, and at most three times in two hours.
const USUAL: Habits = Habits {
    holds: true,
    captures_less: true,
    voids: true,
    asking: Asking::Never,
    answer_ms: 20_000,
    first_ask_ms: 90_000,
    asks_max: 3,
    asks_within_ms: 2 * 3_600_000,
    again_ms: (20_000, 30 * 60_000),
    bound_ms: 24 * 3_600_000,
};

impl RailName {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Communication, Self::BankRealTime, Self::BankPreFreeze, Self::Recharge, Self::Upp];

    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Communication => "communication",
            Self::BankRealTime => "bank_real_time",
            Self::BankPreFreeze => "bank_pre_freeze",
            Self::Recharge => "recharge",
            Self::Upp => "upp",
        }
    }

    /// What is known of the peer behind it.
    #[must_use]
    pub const fn habits(self) -> Habits {
        match self {
            // The ISMP is the operator's own: it answers quickly, and can be asked quickly.
            Self::Communication => Habits {
                voids: false,
                asking: Asking::ByQuery,
                answer_ms: 3_000,
                first_ask_ms: 5_000,
                again_ms: (5_000, 10 * 60_000),
                ..USUAL
            },
            // So is the recharge platform. A card is used whole, and for good.
            Self::Recharge => Habits {
                captures_less: false,
                voids: false,
                asking: Asking::ByQuery,
                answer_ms: 3_000,
                first_ask_ms: 5_000,
                again_ms: (5_000, 10 * 60_000),
                ..USUAL
            },
            // And the UPP, which can do all that the contract asks.
            Self::Upp => Habits {
                asking: Asking::ByQuery,
                answer_ms: 3_000,
                first_ask_ms: 5_000,
                again_ms: (5_000, 10 * 60_000),
                ..USUAL
            },
            Self::BankRealTime => Habits { holds: false, captures_less: false, ..USUAL },
            Self::BankPreFreeze => USUAL,
        }
    }
}

impl Habits {
    /// When question `number` (0 is the first) comes, in ms after the call; `None` past the budget.
    #[must_use]
    pub fn ask_after_ms(&self, number: u8) -> Option<u64> {
        if self.asking == Asking::Never || number >= self.asks_max {
            return None;
        }
        let after = self.first_ask_ms.saturating_mul(10_u64.saturating_pow(u32::from(number)));
        Some(after.min(self.asks_within_ms))
    }

    /// The pause before the `number`-th repetition (1 is the first), in ms.
    #[must_use]
    pub fn again_after_ms(&self, number: u16) -> u64 {
        let (first, longest) = self.again_ms;
        let doublings = u32::from(number.saturating_sub(1)).min(32);
        first.saturating_mul(1 << doublings).min(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_peer_is_asked_more_than_three_times_in_two_hours() {
        for rail in RailName::ALL {
            let habits = rail.habits();
            let asks: Vec<_> = (0..=u8::MAX).map_while(|number| habits.ask_after_ms(number)).collect();
            assert!(asks.len() <= 3 && asks.windows(2).all(|pair| pair[0] < pair[1]), "{rail:?}: {asks:?}");
            assert!(asks.last().is_none_or(|last| *last <= 2 * 3_600_000), "{rail:?}: {asks:?}");
        }
        let usual = Habits { asking: Asking::ByQuery, ..USUAL };
        assert_eq!(
            (0..4).map(|number| usual.ask_after_ms(number)).collect::<Vec<_>>(),
            [Some(90_000), Some(900_000), Some(7_200_000), None]
        );
    }

    #[test]
    fn what_has_to_be_done_is_repeated_ever_more_slowly() {
        assert_eq!(
            [1, 2, 3, 8, 40].map(|number| USUAL.again_after_ms(number)),
            [20_000, 40_000, 80_000, 1_800_000, 1_800_000]
        );
    }
}
