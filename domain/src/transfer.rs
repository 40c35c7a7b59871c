//! Phone-to-phone transfers (product §3). The payer's home province debits and drives; the payee's
//! home province credits.

use serde::{Deserialize, Serialize};

use crate::effect::EffectId;
use crate::ids::{AccountId, Msisdn, ProvinceId, TransferId};
use crate::money::Money;
use crate::refusal::Refusal;
use crate::time::LogTime;

/// Where a transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransferStatus {
    /// Debited; the payee's province is asked to credit.
    Crediting,
    /// Both sides done. Final.
    Completed,
    /// The payee's side refused; the payer has the money back. Final.
    Returned(Refusal),
}

impl TransferStatus {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crediting => "crediting",
            Self::Completed => "completed",
            Self::Returned(_) => "returned",
        }
    }
}

/// A transfer as the payer's home province keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its id; names the payer's home province.
    pub id: TransferId,
    /// Who pays.
    pub payer: Msisdn,
    /// From which account.
    pub payer_account: AccountId,
    /// Who is paid.
    pub payee: Msisdn,
    /// Where the payee's account is.
    pub payee_home: ProvinceId,
    /// How much.
    pub amount: Money,
    /// The status now.
    pub status: TransferStatus,
    /// When it was debited.
    pub at: LogTime,
    /// The log entry that debited it.
    pub index: u64,
    /// When it became final.
    pub final_at: Option<(LogTime, u64)>,
    /// The effect whose answer it waits for; 0 when none.
    pub waits_for: EffectId,
}

/// A transfer from another province as the payee's home province keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingTransfer {
    /// Its id; names the payer's home province.
    pub id: TransferId,
    /// Who is paid.
    pub payee: Msisdn,
    /// How much.
    pub amount: Money,
    /// Credited to this account, or why not. Never changes.
    pub result: Result<AccountId, Refusal>,
    /// When it was decided.
    pub at: LogTime,
    /// The log entry that decided it.
    pub index: u64,
}
