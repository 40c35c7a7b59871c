//! Payments: the debit at home (product §4).

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, Msisdn, OrderId, PaymentId, ProvinceId, RefundId, ReversalId};
use crate::money::Money;
use crate::refusal::Refusal;
use crate::state::State;
use crate::time::{BusinessDay, LogTime};

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentStatus {
    /// Money is held.
    Reserved,
    /// Money is taken.
    Captured,
    /// The hold was given up. Final.
    Released,
    /// Never taken, and never will be. Final.
    Declined(Refusal),
    /// Taken and given back as if it had never been, or cancelled before it came. Final.
    Reversed,
    /// Partly refunded.
    PartlyRefunded,
    /// Wholly refunded. Final.
    Refunded,
    /// A rail outside is asked; nobody knows yet.
    Pending,
    /// Taken, and on its way back as if it had never been.
    Reversing,
}

impl PaymentStatus {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Captured => "captured",
            Self::Released => "released",
            Self::Declined(_) => "declined",
            Self::Reversed => "reversed",
            Self::PartlyRefunded => "partly_refunded",
            Self::Refunded => "refunded",
            Self::Pending => "pending",
            Self::Reversing => "reversing",
        }
    }
}

/// A payment, kept in the home province.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id; names the serving province.
    pub id: PaymentId,
    /// What it pays for. `None` when a reversal came before the payment.
    pub order: Option<OrderId>,
    /// Who pays. `None` when a reversal came before the payment.
    pub msisdn: Option<Msisdn>,
    /// From which account. `None` when it was never found.
    pub account: Option<AccountId>,
    /// Whom we owe for it.
    pub serving: ProvinceId,
    /// How much.
    pub amount: Money,
    /// What was given back by refunds.
    pub refunded: Money,
    /// The status now.
    pub status: PaymentStatus,
    /// The number plan epoch it was decided under.
    pub epoch: u64,
    /// The day it was counted on.
    pub day: BusinessDay,
    /// When it was decided.
    pub at: LogTime,
    /// The log entry that decided it.
    pub index: u64,
    /// The reversal that undid it or forbade it.
    pub reversal: Option<ReversalId>,
    /// Refunds by id, so that a repeated one is known.
    pub refunds: Vec<(RefundId, Money)>,
}

impl State {
    /// A payment decided now, and nothing but that.
    pub(crate) fn decided(&self, id: PaymentId, serving: ProvinceId, status: PaymentStatus) -> Payment {
        Payment {
            id,
            order: None,
            msisdn: None,
            account: None,
            serving,
            amount: Money::ZERO,
            refunded: Money::ZERO,
            status,
            epoch: 0,
            day: self.now.business_day(),
            at: self.now,
            index: self.index,
            reversal: None,
            refunds: Vec::new(),
        }
    }
}

impl Payment {
    /// What can still be refunded: nothing unless money was taken.
    #[must_use]
    pub fn refundable(&self) -> Money {
        match self.status {
            PaymentStatus::Captured | PaymentStatus::PartlyRefunded => self.amount - self.refunded,
            _ => Money::ZERO,
        }
    }
}
