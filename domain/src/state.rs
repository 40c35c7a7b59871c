//! The state of one province: everything its replicas agree on.

use serde::{Deserialize, Serialize};

use crate::account::{Account, AccountSelector, Subscriber};
use crate::catalogue::{Product, Sp, Terms};
use crate::command::Batch;
use crate::effect::{EffectId, EffectRow};
use crate::ids::{AccountId, Msisdn, OrderId, PaymentId, ProductId, ProvinceId, SpId, TransferId};
use crate::ledger::TrialBalance;
use crate::number_plan::NumberPlan;
use crate::order::Order;
use crate::outcome::Applied;
use crate::payment::Payment;
use crate::policy::Policy;
use crate::time::LogTime;
use crate::transfer::{IncomingTransfer, Transfer};

/// Everything the replicas of one province agree on. Cloning it is cheap: big tables are
/// copy-on-write, so a clone is a consistent view that never stops `apply`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    province: ProvinceId,
    now: LogTime,
    index: u64,
    digest: u128,
    policy: Policy,
    plan: std::sync::Arc<NumberPlan>,
}

impl State {
    /// The state before the first log entry of `province`.
    #[must_use]
    pub fn new(province: ProvinceId) -> Self {
        Self {
            province,
            now: LogTime(0),
            index: 0,
            digest: 0,
            policy: Policy::default(),
            plan: std::sync::Arc::new(NumberPlan::default()),
        }
    }

    /// Applies log entry `index`. Total: whatever the commands say, each gets a reply, and a
    /// refusal is a reply.
    ///
    /// # Panics
    /// When a money invariant does not hold afterwards: the replica must not go on.
    pub fn apply(&mut self, index: u64, batch: &Batch) -> Applied {
        let _ = (index, batch);
        Applied::default()
    }

    /// Whose state this is.
    #[must_use]
    pub fn province(&self) -> ProvinceId {
        self.province
    }

    /// Log time: the time of the last entry.
    #[must_use]
    pub fn now(&self) -> LogTime {
        self.now
    }

    /// The last log entry applied.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The running digest: equal on all replicas at equal index.
    #[must_use]
    pub fn digest(&self) -> u128 {
        self.digest
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The number plan in force; epoch 0 before the first was installed.
    #[must_use]
    pub fn plan(&self) -> &std::sync::Arc<NumberPlan> {
        &self.plan
    }

    /// A subscriber of this province.
    #[must_use]
    pub fn subscriber(&self, msisdn: Msisdn) -> Option<&Subscriber> {
        let _ = msisdn;
        None
    }

    /// An account.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        let _ = id;
        None
    }

    /// The account a subscriber's request names.
    #[must_use]
    pub fn select_account(&self, msisdn: Msisdn, selector: AccountSelector) -> Option<&Account> {
        match selector {
            AccountSelector::Id(id) => self.account(id).filter(|account| account.msisdn == msisdn),
            AccountSelector::Kind(kind) => self.account(self.subscriber(msisdn)?.accounts[kind as usize]?),
        }
    }

    /// An order taken here.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        let _ = id;
        None
    }

    /// A payment made here.
    #[must_use]
    pub fn payment(&self, id: PaymentId) -> Option<&Payment> {
        let _ = id;
        None
    }

    /// A transfer that left here.
    #[must_use]
    pub fn transfer(&self, id: TransferId) -> Option<&Transfer> {
        let _ = id;
        None
    }

    /// A transfer that came from another province.
    #[must_use]
    pub fn incoming_transfer(&self, id: TransferId) -> Option<&IncomingTransfer> {
        let _ = id;
        None
    }

    /// An SP admitted here.
    #[must_use]
    pub fn sp(&self, id: SpId) -> Option<&Sp> {
        let _ = id;
        None
    }

    /// All SPs admitted here, by id.
    pub fn sps(&self) -> impl Iterator<Item = &Sp> {
        std::iter::empty()
    }

    /// A product uploaded here.
    #[must_use]
    pub fn product(&self, id: ProductId) -> Option<&Product> {
        let _ = id;
        None
    }

    /// All products uploaded here, by id.
    pub fn products(&self) -> impl Iterator<Item = &Product> {
        std::iter::empty()
    }

    /// The terms an order bought.
    #[must_use]
    pub fn terms_of(&self, order: &Order) -> Option<&Terms> {
        let product = self.product(order.product.id)?;
        product.versions.get(usize::try_from(order.product.version).ok()?.checked_sub(1)?)
    }

    /// Effects that are not done, from `from` on, ascending.
    pub fn effects_from(&self, from: EffectId) -> impl Iterator<Item = &EffectRow> {
        let _ = from;
        std::iter::empty()
    }

    /// One effect that is not done.
    #[must_use]
    pub fn effect(&self, id: EffectId) -> Option<&EffectRow> {
        let _ = id;
        None
    }

    /// The earliest moment at which a [`crate::Verb::Tick`] has something to do.
    #[must_use]
    pub fn next_timer(&self) -> Option<LogTime> {
        None
    }

    /// The books.
    #[must_use]
    pub fn trial_balance(&self) -> TrialBalance {
        TrialBalance { lines: Vec::new(), debits: 0, credits: 0, index: self.index, digest: self.digest }
    }

    /// How many rows the big tables hold: accounts, orders, payments, effects.
    #[must_use]
    pub fn row_counts(&self) -> RowCounts {
        RowCounts::default()
    }
}

/// Sizes of the big tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Accounts, closed ones included.
    pub accounts: usize,
    /// Orders kept.
    pub orders: usize,
    /// Payments kept.
    pub payments: usize,
    /// Effects not done.
    pub effects: usize,
    /// Remembered request ids.
    pub requests: usize,
}
