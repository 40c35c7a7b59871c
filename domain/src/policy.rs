//! Policy: ceilings and windows that are data, replicated, with a version (product §2, §4).

use serde::{Deserialize, Serialize};

use crate::account::{AccountKind, Tier};
use crate::money::Money;

/// Ceilings for sums over many requests, far from the ends of 64 bits: 10 thousand million yuan.
pub(crate) const AMOUNT_SUM_MAX: Money = Money::yuan(10_000_000_000);

/// Ceilings for one account kind and one real-name tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceilings {
    /// Highest limit per payment a subscriber may set, and the default.
    pub per_payment: Money,
    /// Highest limit per day a subscriber may set, and the default.
    pub daily: Money,
    /// Highest balance; for stored value only.
    pub balance: Money,
}

/// Replicated, versioned rules that are data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Rises with each policy; decisions name it.
    pub version: u32,
    /// By account kind (communication, stored value, bank) and tier (anonymous, basic, full).
    pub ceilings: [[Ceilings; 3]; 3],
    /// Wrong passwords in a day that lock.
    pub password_failures_max: u8,
    /// A reversal is possible for this long after the payment, in ms; after that only a refund.
    pub reversal_window_ms: u64,
    /// Answers are repeated for the same request id for this long, in ms of log time.
    pub duplicate_window_ms: u64,
    /// Orders, payments and transfers that reached their end are kept this long, in ms.
    pub retention_ms: u64,
    /// An order whose payment is not answered after this is taken over by the order driver, in ms.
    pub payment_takeover_ms: u64,
    /// An order whose payment is still unknown after this is reversed, in ms.
    pub payment_bound_ms: u64,
}

impl Policy {
    /// The ceilings for an account.
    #[must_use]
    pub fn ceilings(&self, kind: AccountKind, tier: Tier) -> &Ceilings {
        &self.ceilings[kind as usize][tier as usize]
    }

    /// Does the policy make sense in itself? Ceilings are positive amounts that one request may
    /// name, the one per payment not above the one per day; windows nest; something locks.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        let ceilings = self.ceilings.iter().flatten().all(|ceilings| {
            ceilings.per_payment.is_positive()
                && ceilings.per_payment <= ceilings.daily
                && ceilings.per_payment <= Money::REQUEST_MAX
                && ceilings.daily <= AMOUNT_SUM_MAX
                && !ceilings.balance.is_negative()
                && ceilings.balance <= AMOUNT_SUM_MAX
        });
        ceilings
            && self.password_failures_max > 0
            && self.duplicate_window_ms > 0
            && self.reversal_window_ms <= self.retention_ms
            && self.duplicate_window_ms <= self.retention_ms
            && self.payment_takeover_ms <= self.payment_bound_ms
            && self.payment_bound_ms <= self.reversal_window_ms
    }
}

impl Default for Policy {
    fn default() -> Self {
        let row = |per_payment, daily, balance| Ceilings {
            per_payment: Money::yuan(per_payment),
            daily: Money::yuan(daily),
            balance: Money::yuan(balance),
        };
        Self {
            version: 1,
            ceilings: [
                [row(50, 100, 0), row(200, 500, 0), row(500, 1_000, 0)],
                [row(200, 1_000, 1_000), row(1_000, 5_000, 10_000), row(5_000, 20_000, 100_000)],
                [row(1_000, 2_000, 0), row(5_000, 20_000, 0), row(50_000, 200_000, 0)],
            ],
            password_failures_max: 5,
            reversal_window_ms: 24 * 3_600_000,
            duplicate_window_ms: 72 * 3_600_000,
            retention_ms: 90 * 86_400_000,
            payment_takeover_ms: 5_000,
            payment_bound_ms: 30_000,
        }
    }
}
