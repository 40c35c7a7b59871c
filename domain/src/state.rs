//! The state of one province: everything its replicas agree on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::account::{Account, AccountSelector, Subscriber};
use crate::books::Books;
use crate::catalogue::{Product, ProductStatus, Sp, Terms};
use crate::command::Request;
use crate::digest::{DigestRing, digest_of};
use crate::doors::Doors;
use crate::effect::{EffectId, EffectRow};
use crate::entry::Entry;
use crate::id_source::IdSource;
use crate::ids::{AccountId, Msisdn, OrderId, PaymentId, ProductId, ProvinceId, RefundId, SpId, TransferId};
use crate::ledger::TrialBalance;
use crate::number_plan::NumberPlan;
use crate::order::Order;
use crate::outcome::{Outcome, Reply};
use crate::outside::Outside;
use crate::payment::Payment;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::requests::{Known, Requests};
use crate::retention::Retention;
use crate::table::Table;
use crate::time::LogTime;
use crate::timer::Timers;
use crate::transfer::{IncomingTransfer, Transfer};
use crate::version::StateVersion;
use crate::visibility::{HiddenBecause, visible};

/// Everything the replicas of one province agree on. Cloning it is cheap: big tables are
/// copy-on-write, so a clone is a consistent view that never stops `apply`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    pub(crate) province: ProvinceId,
    pub(crate) now: LogTime,
    pub(crate) index: u64,
    pub(crate) digest: u128,
    pub(crate) digests: DigestRing,
    pub(crate) policy: Arc<Policy>,
    pub(crate) plan: Arc<NumberPlan>,
    pub(crate) ids: IdSource,
    pub(crate) customers: u64,
    pub(crate) subscribers: Table<Msisdn, Subscriber, 64>,
    pub(crate) accounts: Table<AccountId, Account, 32>,
    pub(crate) sps: Table<SpId, Sp, 32>,
    pub(crate) products: Table<ProductId, Product, 32>,
    pub(crate) orders: Table<OrderId, Order, 64>,
    pub(crate) payments: Table<PaymentId, Payment, 64>,
    pub(crate) transfers: Table<TransferId, Transfer, 64>,
    pub(crate) incoming: Table<TransferId, IncomingTransfer, 64>,
    pub(crate) effects: Table<EffectId, EffectRow, 64>,
    pub(crate) last_effect: EffectId,
    /// The effect that forwards each refund under way.
    pub(crate) refund_effects: Table<RefundId, EffectId, 64>,
    pub(crate) timers: Timers,
    pub(crate) requests: Requests,
    pub(crate) books: Books,
    pub(crate) retention: Retention,
    /// By which rules the next command is decided; see [`State::under`].
    #[serde(skip, default = "first_version")]
    pub(crate) version: StateVersion,
    /// What came with version 3, written apart.
    #[serde(skip)]
    pub(crate) outside: Outside,
    /// What came with version 4, written apart.
    #[serde(skip)]
    pub(crate) doors: Doors,
    #[serde(skip)]
    pub(crate) entry: Entry,
    #[cfg(feature = "mutants")]
    #[serde(skip, default = "crate::mutant::planted")]
    pub(crate) mutant: Option<crate::mutant::Mutant>,
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
            digests: DigestRing::default(),
            policy: Arc::default(),
            plan: Arc::default(),
            ids: IdSource::default(),
            customers: 0,
            subscribers: Table::default(),
            accounts: Table::default(),
            sps: Table::default(),
            products: Table::default(),
            orders: Table::default(),
            payments: Table::default(),
            transfers: Table::default(),
            incoming: Table::default(),
            effects: Table::default(),
            last_effect: EffectId(0),
            refund_effects: Table::default(),
            timers: Timers::default(),
            requests: Requests::default(),
            books: Books::default(),
            retention: Retention::default(),
            version: StateVersion::FIRST,
            outside: Outside::default(),
            doors: Doors::default(),
            entry: Entry::default(),
            #[cfg(feature = "mutants")]
            mutant: crate::mutant::planted(),
        }
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

    /// The digest of every row, in one fixed order, and of the version: what a snapshot is verified
    /// with. It walks the whole state; take it on a clone.
    #[must_use]
    pub fn content_digest(&self) -> u128 {
        match self.version {
            StateVersion::FIRST => digest_of(self),
            version if version.has_doors() => digest_of(&(self, version, &self.outside, &self.doors)),
            version if version.has_outside_rails() => digest_of(&(self, version, &self.outside)),
            version => digest_of(&(self, version)),
        }
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The number plan in force; epoch 0 before the first was installed.
    #[must_use]
    pub fn plan(&self) -> &Arc<NumberPlan> {
        &self.plan
    }

    /// A subscriber of this province.
    #[must_use]
    pub fn subscriber(&self, msisdn: Msisdn) -> Option<&Subscriber> {
        self.subscribers.get(&msisdn)
    }

    /// An account.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    /// All accounts, closed ones included, by id.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().map(|(_, account)| account)
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
        self.orders.get(&id)
    }

    /// All orders kept, oldest first.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().map(|(_, order)| order)
    }

    /// All payments kept, oldest first.
    pub fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.iter().map(|(_, payment)| payment)
    }

    /// All transfers that left here and are kept, oldest first.
    pub fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.transfers.iter().map(|(_, transfer)| transfer)
    }

    /// A payment made here.
    #[must_use]
    pub fn payment(&self, id: PaymentId) -> Option<&Payment> {
        self.payments.get(&id)
    }

    /// A transfer that left here.
    #[must_use]
    pub fn transfer(&self, id: TransferId) -> Option<&Transfer> {
        self.transfers.get(&id)
    }

    /// A transfer that came from another province.
    #[must_use]
    pub fn incoming_transfer(&self, id: TransferId) -> Option<&IncomingTransfer> {
        self.incoming.get(&id)
    }

    /// An SP admitted here.
    #[must_use]
    pub fn sp(&self, id: SpId) -> Option<&Sp> {
        self.sps.get(&id)
    }

    /// All SPs admitted here, by id.
    pub fn sps(&self) -> impl Iterator<Item = &Sp> {
        self.sps.iter().map(|(_, sp)| sp)
    }

    /// A product uploaded here.
    #[must_use]
    pub fn product(&self, id: ProductId) -> Option<&Product> {
        self.products.get(&id)
    }

    /// A product uploaded here that was not deleted.
    #[must_use]
    pub fn listed_product(&self, id: ProductId) -> Option<&Product> {
        self.product(id).filter(|product| product.status != ProductStatus::Deleted)
    }

    /// All products uploaded here, by id, deleted ones included.
    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.products.iter().map(|(_, product)| product)
    }

    /// What is on sale here, with what a subscriber of `home` who is in `location` would be told of
    /// each product: visible, or why not. Products of suspended SPs are not on sale.
    pub fn catalogue(
        &self,
        home: ProvinceId,
        location: ProvinceId,
    ) -> impl Iterator<Item = (&Product, Result<(), HiddenBecause>)> {
        let on_sale = self.products().filter(|product| {
            product.status == ProductStatus::Published && self.sp(product.terms().sp).is_some_and(|sp| !sp.suspended)
        });
        on_sale.map(move |product| (product, visible(product.terms().scope, self.province, home, location)))
    }

    /// The terms an order bought.
    #[must_use]
    pub fn terms_of(&self, order: &Order) -> Option<&Terms> {
        let product = self.product(order.product.id)?;
        product.versions.get(usize::try_from(order.product.version).ok()?.checked_sub(1)?)
    }

    /// Effects that are not done, from `from` on, ascending.
    pub fn effects_from(&self, from: EffectId) -> impl Iterator<Item = &EffectRow> {
        self.effects.iter_from(from).map(|(_, row)| row)
    }

    /// One effect that is not done.
    #[must_use]
    pub fn effect(&self, id: EffectId) -> Option<&EffectRow> {
        self.effects.get(&id)
    }

    /// The earliest moment at which a [`crate::Verb::Tick`] has something to do.
    #[must_use]
    pub fn next_timer(&self) -> Option<LogTime> {
        let first = self.timers.first().map(|(timer, ())| timer.due);
        [first, self.prune_due()].into_iter().flatten().min()
    }

    /// Is a request id that names no order remembered with its answer?
    #[must_use]
    pub fn knows_request(&self, request: Request) -> bool {
        self.requests.knows(request.key)
    }

    /// The answer that was given under a request id, whatever it was asked with; while it is remembered.
    #[must_use]
    pub fn answer_to(&self, key: u128) -> Option<Reply> {
        let first = self.requests.answer_to(key)?;
        Some(Reply { outcome: first.outcome.clone(), index: first.index, replayed: true })
    }

    /// The answer that a request would get which was asked before; `None` for a new one.
    #[must_use]
    pub fn first_answer(&self, request: Request) -> Option<Reply> {
        let known = self.requests.first_answer(request)?;
        Some(match known {
            Known::Same(first) => Reply { outcome: first.outcome, index: first.index, replayed: true },
            _ => Reply { outcome: Outcome::Refused(Refusal::DuplicateRequest), index: self.index, replayed: false },
        })
    }

    /// What a request came to that names no order, as long as its answer is remembered.
    pub(crate) fn outcome_of_request(&self, key: u128) -> Option<&Outcome> {
        self.requests.outcome_of(key)
    }

    /// The order that a request has made, as long as its answer is remembered; its content is not looked at.
    #[must_use]
    pub fn order_of_request(&self, key: u128) -> Option<OrderId> {
        match self.requests.outcome_of(key)? {
            Outcome::Order(order) | Outcome::OrderDeclined(order, _) => Some(*order),
            _ => None,
        }
    }

    /// The books.
    #[must_use]
    pub fn trial_balance(&self) -> TrialBalance {
        let all = self.books.all();
        TrialBalance {
            lines: self.books.lines(),
            debits: all.debit,
            credits: all.credit,
            index: self.index,
            digest: self.digest,
        }
    }

    /// How many rows the big tables hold: accounts, orders, payments, effects.
    #[must_use]
    pub fn row_counts(&self) -> RowCounts {
        RowCounts {
            accounts: self.accounts.len(),
            orders: self.orders.len(),
            payments: self.payments.len(),
            effects: self.effects.len(),
            requests: self.requests.len(),
        }
    }
}

/// Rows alone say nothing of their version.
const fn first_version() -> StateVersion {
    StateVersion::FIRST
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
