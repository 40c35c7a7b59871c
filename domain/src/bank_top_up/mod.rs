//! 银行卡充值, topping a stored-value account up from the subscriber's own bank account (product §2): the bank takes
//! the money, then it lands.
//!
//! ```text
//!  asked ─▶ pending ──real-time: take (0200)──────────────────────────────▶ credited
//!              │ └──pre-freeze: hold (0100)──▶ capturing ──completion──────▶ credited
//!              │ refused, or nobody answers        │ refused
//!              ▼                                   ▼
//!           refused; what was not answered is undone (0420), what is held is released
//! ```
//!
//! | step | debit | credit |
//! |---|---|---|
//! | the bank has taken the money | `rail_clearing` of the bank | the wallet |
//! | it holds the money, and nobody knows past the bound whether it has taken it | `suspense` | the wallet |
//!
//! Money that is only held can be given up again by either side, and the wallet can be spent at once: so nothing is
//! credited, and nothing is booked, before the money is taken. Both accounts count a top-up as open from when it is
//! asked for to its end, so that neither is closed meanwhile. It was held to the ceiling, the limits and the
//! password when it was asked for; from then on the money lands whatever becomes of the account.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, CallId, Msisdn, TopUpId};
use crate::money::Money;
use crate::password::PasswordVerdict;
use crate::rail::RailName;
use crate::refusal::Refusal;
use crate::state::State;
use crate::table::Table;
use crate::time::{BusinessDay, LogTime};

mod ask;
mod check;

/// What [`crate::Verb::TopUpByBank`] says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopUpByBank {
    /// Into which account.
    pub account: AccountId,
    /// How much.
    pub amount: Money,
    /// The present password.
    pub verdict: PasswordVerdict,
}

/// Where a top-up by bank card stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BankTopUpStatus {
    /// The bank is asked to take the money, or to set it aside.
    Pending,
    /// The money is set aside at the bank, and is being taken.
    Capturing,
    /// The money is in the account. Final.
    Credited,
    /// Nothing was credited, and nothing will be. Final.
    Refused(Refusal),
}

impl BankTopUpStatus {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Capturing => "capturing",
            Self::Credited => "credited",
            Self::Refused(_) => "refused",
        }
    }

    /// True when nothing is credited any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Credited | Self::Refused(_))
    }
}

/// A top-up by bank card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankTopUp {
    /// Its id.
    pub id: TopUpId,
    /// Into which account.
    pub account: AccountId,
    /// From which account.
    pub bank: AccountId,
    /// Whose both are.
    pub msisdn: Msisdn,
    /// How the bank is asked.
    pub rail: RailName,
    /// How much.
    pub amount: Money,
    /// The day on which the bank account's use was counted.
    pub day: BusinessDay,
    /// Where it stands.
    pub status: BankTopUpStatus,
    /// The available balance when it was credited; zero before.
    pub balance: Money,
    /// When it was asked for.
    pub at: LogTime,
    /// The log entry that took it.
    pub index: u64,
    /// When it came to its end, and by which log entry.
    pub final_at: Option<(LogTime, u64)>,
    /// What was asked of the bank, oldest first.
    pub calls: Vec<CallId>,
}

/// The rows of top-ups by bank card.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BankTopUps {
    pub(crate) rows: Table<TopUpId, BankTopUp, 32>,
    /// Those that are pending or capturing, by the account they come into.
    pub(crate) open: Table<(AccountId, TopUpId), (), 64>,
}

impl State {
    /// A top-up by bank card.
    #[must_use]
    pub fn bank_top_up(&self, id: TopUpId) -> Option<&BankTopUp> {
        self.outside.bank_top_ups.rows.get(&id)
    }

    /// All top-ups by bank card that are kept, oldest first.
    pub fn bank_top_ups(&self) -> impl Iterator<Item = &BankTopUp> {
        self.outside.bank_top_ups.rows.iter().map(|(_, row)| row)
    }

    /// What top-ups by bank card that are not over may bring into an account.
    pub(crate) fn coming_from_bank(&self, account: AccountId) -> Money {
        use crate::ids::IssuedId;
        let first = (account, TopUpId::from_bits(0));
        let open = self.outside.bank_top_ups.open.iter_from(first).take_while(|((whose, _), ())| *whose == account);
        open.filter_map(|((_, id), ())| self.bank_top_up(*id)).map(|row| row.amount).sum()
    }
}
