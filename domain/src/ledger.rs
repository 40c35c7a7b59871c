//! The books: double entry in integer fen (product §7). Debits equal credits after every command;
//! history is never edited.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, ProvinceId, SpId};
use crate::rail::RailName;

/// An account of the books. Debit balances are positive, credit balances negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LedgerAccount {
    /// What we owe a subscriber; its balance is the account's `available + held`.
    Wallet(AccountId),
    /// What we owe an SP.
    SpPayable(SpId),
    /// What we owe another province for purchases our subscribers made there, or transfers to it.
    DueTo(ProvinceId),
    /// What another province owes us.
    DueFrom(ProvinceId),
    /// Cash that agents took or gave for us.
    AgentCash,
    /// What a rail holds for us and has not taken yet.
    RailHeld(RailName),
    /// What whoever is behind a rail owes us: money taken from subscribers.
    RailClearing(RailName),
    /// What is to go back to subscribers by a rail and is not acknowledged yet.
    RailReturning(RailName),
    /// What nobody could say where it belongs: reconciliation decides.
    Suspense,
    /// What an SP has put in for prizes.
    PrizePool(SpId),
    /// Our account at the settlement bank, where SPs pay in.
    SettlementAccount,
    /// Debited from prize pools and not yet with the winner's home province.
    AwardsPending,
    /// What we owe winners and no account could take yet.
    AwardsWaiting,
    /// Tax withheld from prizes.
    TaxPayable,
    /// What we owe the UPP for its orders that our subscribers paid.
    DueToUpp,
}

impl std::fmt::Display for LedgerAccount {
    /// The name in the trial balance; every wallet is `wallets`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wallet(_) => f.write_str("wallets"),
            Self::SpPayable(sp) => write!(f, "sp_payable:{sp}"),
            Self::DueTo(province) => write!(f, "due_to:{province}"),
            Self::DueFrom(province) => write!(f, "due_from:{province}"),
            Self::AgentCash => f.write_str("agent_cash"),
            Self::RailHeld(rail) => write!(f, "rail_held:{}", rail.name()),
            Self::RailClearing(rail) => write!(f, "rail_clearing:{}", rail.name()),
            Self::RailReturning(rail) => write!(f, "rail_returning:{}", rail.name()),
            Self::Suspense => f.write_str("suspense"),
            Self::PrizePool(sp) => write!(f, "prize_pool:{sp}"),
            Self::SettlementAccount => f.write_str("settlement_account"),
            Self::AwardsPending => f.write_str("awards_pending"),
            Self::AwardsWaiting => f.write_str("awards_waiting"),
            Self::TaxPayable => f.write_str("tax_payable"),
            Self::DueToUpp => f.write_str("due_to:upp"),
        }
    }
}

/// One line of the trial balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialBalanceLine {
    /// The account's name: `wallets`, `sp_payable:S…`, `due_to:51`, `due_from:51`, `agent_cash`,
    /// `rail_held:…`, `rail_clearing:…`, `rail_returning:…`, `suspense`, `prize_pool:S…`,
    /// `settlement_account`, `awards_pending`, `awards_waiting`, `tax_payable`, `due_to:upp`.
    pub name: String,
    /// Debit turnover in fen since the beginning.
    pub debit: i128,
    /// Credit turnover in fen since the beginning.
    pub credit: i128,
}

/// All books of one province at one log position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialBalance {
    /// By name; subscriber wallets are one line.
    pub lines: Vec<TrialBalanceLine>,
    /// Sum of debits in fen.
    pub debits: i128,
    /// Sum of credits in fen.
    pub credits: i128,
    /// The log entry it stands at.
    pub index: u64,
    /// The state's running digest there.
    pub digest: u128,
}
