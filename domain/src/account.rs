//! Subscribers and their accounts (product §2, source §4.4, §5.1).

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, CustomerCode, Msisdn};
use crate::journal::RecordPosition;
use crate::money::Money;
use crate::password::Credential;
use crate::policy::Ceilings;
use crate::refusal::Refusal;
use crate::time::{BusinessDay, LogTime};

/// The three kinds of account. They stand behind one contract: reserve, capture, release, reverse,
/// credit, query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AccountKind {
    /// 通信账户: the phone bill, debited by the ISMP.
    Communication = 0,
    /// 虚拟账户: stored value, kept in the replicated ledger.
    StoredValue = 1,
    /// 银行账户: a bound bank card.
    Bank = 2,
}

impl AccountKind {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Communication => "communication",
            Self::StoredValue => "virtual",
            Self::Bank => "bank",
        }
    }
}

/// How well the subscriber's identity is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// Number only.
    Anonymous = 0,
    /// Real name known to the operator.
    #[default]
    Basic = 1,
    /// Checked in person.
    Full = 2,
}

/// The language a subscriber is told things in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Language {
    /// 中文.
    #[default]
    Chinese,
    /// English.
    English,
}

/// The account's life cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AccountStatus {
    /// Waits for the subscriber's confirmation.
    Pending,
    /// In use.
    Active,
    /// 账户冻结; thaws by itself when a time is given. Money that must come back still lands.
    Frozen {
        /// When it thaws by itself.
        until: Option<LogTime>,
    },
    /// Closed for good.
    Closed,
}

impl AccountStatus {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Frozen { .. } => "frozen",
            Self::Closed => "closed",
        }
    }
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id; names the home province.
    pub id: AccountId,
    /// Whose it is.
    pub msisdn: Msisdn,
    /// Its kind.
    pub kind: AccountKind,
    /// Its status.
    pub status: AccountStatus,
    /// Money that can be spent; stored value only.
    pub available: Money,
    /// Money reserved by holds; stored value only.
    pub held: Money,
    /// Limit for one payment.
    pub per_payment_limit: Money,
    /// Limit for one business day.
    pub daily_limit: Money,
    /// Used on `used_day`.
    pub used: Money,
    /// The day `used` counts for.
    pub used_day: BusinessDay,
    /// Orders and transfers that are not final yet and use this account.
    pub open_orders: u32,
    /// When it was opened.
    pub opened_at: LogTime,
    /// The newest record of this account in the journal; each record names the one before.
    pub last_record: Option<RecordPosition>,
}

impl Account {
    /// What was used of the daily limit on `today`.
    #[must_use]
    pub fn used_on(&self, today: BusinessDay) -> Money {
        if self.used_day == today { self.used } else { Money::ZERO }
    }

    /// May the account take part in a new transaction?
    ///
    /// # Errors
    /// [`Refusal::AccountPending`], [`Refusal::AccountFrozen`] or [`Refusal::AccountClosed`].
    pub const fn check_active(&self) -> Result<(), Refusal> {
        match self.status {
            AccountStatus::Active => Ok(()),
            AccountStatus::Pending => Err(Refusal::AccountPending),
            AccountStatus::Frozen { .. } => Err(Refusal::AccountFrozen),
            AccountStatus::Closed => Err(Refusal::AccountClosed),
        }
    }

    /// May `amount` be taken today? Status, then limit per payment, then limit per day, then funds, when they
    /// are kept here.
    /// A ceiling that policy has lowered binds at once, whatever limit the subscriber has set.
    ///
    /// # Errors
    /// The first of these that refuses.
    pub(crate) fn check_debit(
        &self,
        amount: Money,
        today: BusinessDay,
        ceilings: &Ceilings,
        is_here: bool,
    ) -> Result<(), Refusal> {
        self.check_active()?;
        if amount > self.per_payment_limit.min(ceilings.per_payment) {
            return Err(Refusal::PerPaymentLimitExceeded);
        }
        #[cfg(feature = "mutants")]
        if crate::mutant::Mutant::LimitOutsideApply.is_planted() {
            return if amount > self.available { Err(Refusal::InsufficientFunds) } else { Ok(()) };
        }
        if self.used_on(today) + amount > self.daily_limit.min(ceilings.daily) {
            return Err(Refusal::DailyLimitExceeded);
        }
        self.check_funds(amount, is_here)
    }

    /// Is there so much? Whoever has the money of the others is asked.
    ///
    /// # Errors
    /// [`Refusal::InsufficientFunds`].
    pub(crate) fn check_funds(&self, amount: Money, is_here: bool) -> Result<(), Refusal> {
        if is_here && amount > self.available { Err(Refusal::InsufficientFunds) } else { Ok(()) }
    }

    /// Counts `amount` as used today.
    pub(crate) fn count_use(&mut self, amount: Money, today: BusinessDay) {
        self.used = self.used_on(today) + amount;
        self.used_day = today;
        #[cfg(feature = "mutants")]
        if crate::mutant::Mutant::LimitOutsideApply.is_planted() {
            return;
        }
        assert!(self.used <= self.daily_limit, "broken invariant: more is used than the day's limit");
    }
}

/// One subscriber of this province.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscriber {
    /// The number.
    pub msisdn: Msisdn,
    /// Unique in the nation.
    pub customer_code: CustomerCode,
    /// Real-name tier.
    pub tier: Tier,
    /// The language of messages.
    pub language: Language,
    /// The payment password's verifier, one for all accounts of the subscriber.
    pub credential: Credential,
    /// The account of each kind, in the order of [`AccountKind`]; the newest when one was closed.
    pub accounts: [Option<AccountId>; 3],
}

/// How a request names the account to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AccountSelector {
    /// By id.
    Id(AccountId),
    /// The subscriber's account of this kind.
    Kind(AccountKind),
}
