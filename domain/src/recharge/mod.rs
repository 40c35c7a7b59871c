//! 充值卡充值, topping a stored-value account up by a recharge card (product §2): the PIN is checked and used
//! at the recharge platform (充值卡平台), each card once.
//!
//! ```text
//!  asked ─▶ checking ──hold: what is it worth?──▶ using ──capture: use it──▶ credited
//!              │ refused, or nobody answers          │ refused
//!              ▼                                     ▼
//!           refused ◀─ does not fit, frozen ─ the card is released, and good as before
//! ```
//!
//! | step | debit | credit |
//! |---|---|---|
//! | the platform has used the card | `rail_clearing:recharge` | the wallet |
//! | nobody knows whether it has, past the bound | `suspense` | the wallet |
//!
//! A card is set aside first, because only the platform knows what it is worth: whether that much fits
//! is decided before the card is used. From then on the money lands whatever becomes of the account,
//! which can not be closed while a top-up of it is open. A card is known by a keyed digest of its PIN;
//! the PIN itself is kept sealed, and only until the platform has been asked for the card.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, CallId, Msisdn, TopUpId};
use crate::money::Money;
use crate::refusal::Refusal;
use crate::state::State;
use crate::table::Table;
use crate::time::{BusinessDay, LogTime};
use crate::vault::SealedPin;

mod ask;
mod check;

/// Wrong PINs in a day that lock topping up by card until the next.
pub const WRONG_PINS_MAX: u8 = 5;

/// A recharge card: the first 16 bytes of a keyed digest of its PIN, made at the edge. Without the key
/// PINs can not be searched by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RechargeCard(u128);

impl RechargeCard {
    /// The card with this digest.
    #[must_use]
    pub const fn new(digest: u128) -> Self {
        Self(digest)
    }
}

impl fmt::Debug for RechargeCard {
    /// Eight digits, to tell cards apart by in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "card {:08x}", self.0 >> 96)
    }
}

/// Where a top-up by card stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RechargeStatus {
    /// The platform is asked to set the card aside.
    Checking,
    /// The card is set aside and will be used: the money lands.
    Using,
    /// The money is in the account. Final.
    Credited,
    /// The card was not used here. Final.
    Refused(Refusal),
}

impl RechargeStatus {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Using => "using",
            Self::Credited => "credited",
            Self::Refused(_) => "refused",
        }
    }

    /// True when no money moves any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Credited | Self::Refused(_))
    }
}

/// A top-up by card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recharge {
    /// Its id.
    pub id: TopUpId,
    /// Into which account.
    pub account: AccountId,
    /// Whose.
    pub msisdn: Msisdn,
    /// By which card.
    pub card: RechargeCard,
    /// Its PIN, sealed for the account; empty once the platform need not be told it any more.
    pub pin: SealedPin,
    /// Where it stands.
    pub status: RechargeStatus,
    /// What the card is worth; zero before the platform has said so.
    pub amount: Money,
    /// The available balance when it was credited; zero before.
    pub balance: Money,
    /// When it was asked for.
    pub at: LogTime,
    /// The log entry that took it.
    pub index: u64,
    /// When it came to its end, and by which log entry.
    pub final_at: Option<(LogTime, u64)>,
    /// What was asked of the platform, oldest first.
    pub calls: Vec<CallId>,
}

/// The rows of top-ups by card.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Recharges {
    pub(crate) rows: Table<TopUpId, Recharge, 32>,
    /// The top-up that has a card: it was credited, or something about it is still open.
    pub(crate) cards: Table<RechargeCard, TopUpId, 64>,
    /// Those that are checking or using, by their account.
    pub(crate) open: Table<(AccountId, TopUpId), (), 64>,
    /// Wrong PINs of a day.
    pub(crate) wrong: Table<(BusinessDay, Msisdn), u8, 64>,
    /// What was credited against the platform by rows that are forgotten.
    pub(crate) forgotten: Money,
}

impl State {
    /// A top-up by card.
    #[must_use]
    pub fn recharge(&self, id: TopUpId) -> Option<&Recharge> {
        self.outside.recharges.rows.get(&id)
    }

    /// All top-ups by card that are kept, oldest first.
    pub fn recharges(&self) -> impl Iterator<Item = &Recharge> {
        self.outside.recharges.rows.iter().map(|(_, row)| row)
    }

    /// The top-ups by card of an account that are checking or using, oldest first.
    pub fn recharges_open(&self, account: AccountId) -> impl Iterator<Item = &Recharge> {
        use crate::ids::IssuedId;
        let first = (account, TopUpId::from_bits(0));
        let open = self.outside.recharges.open.iter_from(first).take_while(move |((whose, _), ())| *whose == account);
        open.filter_map(|((_, id), ())| self.recharge(*id))
    }

    /// What cards that will surely be used are about to bring into an account.
    pub(crate) fn coming_by_card(&self, account: AccountId) -> Money {
        self.recharges_open(account).filter(|row| row.status == RechargeStatus::Using).map(|row| row.amount).sum()
    }
}
