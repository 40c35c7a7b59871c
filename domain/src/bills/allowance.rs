//! What bills may come to, and when one is paid without the password (product §3: larger ceilings, lighter
//! authentication).
//!
//! A bill is held to ceilings of its own and not to the account's limits, and what bills use of a day is counted by
//! itself: rent is paid though a day's purchases have used the limit up, and the other way round.
//!
//! Without the password goes the bill of a customer for whom the same subscriber has paid with the password in force,
//! not too long ago, and up to a smaller amount: whoever has no password pays nobody's bills but those. A new password
//! forgets all of them.

use serde::{Deserialize, Serialize};

use crate::account::{AccountKind, Subscriber, Tier};
use crate::ids::{Msisdn, PaymentId};
use crate::money::Money;
use crate::outcome::Outcome;
use crate::payment::PaymentStatus;
use crate::policy::AMOUNT_SUM_MAX;
use crate::refusal::Refusal;
use crate::state::State;
use crate::table::Table;
use crate::time::{BusinessDay, LogTime};

/// Customers that one subscriber pays bills for without the password; of more, the one paid for longest ago is forgotten.
pub const CUSTOMERS_MAX: usize = 20;

/// Whose bills they are, as their SP sees it: the first 16 bytes of a digest of the SP and its number of the customer,
/// made at the edge. It stays the same from bill to bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BillCustomer(u128);

impl BillCustomer {
    /// The least of all.
    const FIRST: Self = Self(0);

    /// The customer with this digest.
    #[must_use]
    pub const fn new(digest: u128) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub const fn digest(self) -> u128 {
        self.0
    }
}

/// How much at once, and how much a business day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillCeilings {
    /// For one bill, in fen.
    pub per_payment: Money,
    /// For all bills of a day, in fen.
    pub daily: Money,
}

/// What is data of the rules for bills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillPolicy {
    /// Rises with every change.
    pub version: u64,
    /// By account kind (communication, stored value, bank) and tier (anonymous, basic, full).
    pub ceilings: [[BillCeilings; 3]; 3],
    /// What goes without the password, of all accounts of a subscriber together.
    pub without_password: BillCeilings,
    /// For so long after a customer's bill was paid with the password, in ms.
    pub known_for_ms: u64,
}

const fn yuan(per_payment: i64, daily: i64) -> BillCeilings {
    BillCeilings { per_payment: Money::yuan(per_payment), daily: Money::yuan(daily) }
}

impl Default for BillPolicy {
    /// Twice and more what purchases may come to; 200 yuan without the password, for 400 days.
    fn default() -> Self {
        Self {
            version: 0,
            ceilings: [
                [yuan(200, 400), yuan(500, 1_000), yuan(1_000, 2_000)],
                [yuan(500, 2_000), yuan(3_000, 10_000), yuan(10_000, 40_000)],
                [yuan(2_000, 5_000), yuan(10_000, 50_000), yuan(100_000, 400_000)],
            ],
            without_password: yuan(200, 500),
            known_for_ms: 400 * 86_400_000,
        }
    }
}

impl BillPolicy {
    /// The ceilings for an account.
    #[must_use]
    pub fn ceilings(&self, kind: AccountKind, tier: Tier) -> &BillCeilings {
        &self.ceilings[kind as usize][tier as usize]
    }

    /// Does it make sense in itself? Ceilings are positive amounts that one request may name, the one per payment not
    /// above the one per day; nothing at all may go without the password.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        let nests = |ceilings: &BillCeilings| {
            ceilings.per_payment <= ceilings.daily
                && ceilings.per_payment <= Money::REQUEST_MAX
                && ceilings.daily <= AMOUNT_SUM_MAX
        };
        let positive = self.ceilings.iter().flatten().all(|ceilings| ceilings.per_payment.is_positive());
        positive
            && !self.without_password.per_payment.is_negative()
            && self.ceilings.iter().flatten().chain([&self.without_password]).all(nests)
    }
}

/// What bills have used of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillUse {
    /// In all, in fen.
    pub all: Money,
    /// Of that without the password, in fen.
    pub without_password: Money,
}

/// A bill's payment, beside its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct BillPayment {
    kind: AccountKind,
    without_password: bool,
}

/// A customer whose bills a subscriber pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct KnownCustomer {
    /// When the last bill was paid with the password.
    paid_at: LogTime,
    /// With which.
    verifier_version: u32,
}

/// The rows of what bills may come to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Allowances {
    policy: BillPolicy,
    /// Payments for bills, for as long as the payment is kept.
    payments: Table<PaymentId, BillPayment, 64>,
    /// What bills have used of the newest day on which there was one.
    used: Table<(Msisdn, AccountKind), (BusinessDay, BillUse), 64>,
    known: Table<(Msisdn, BillCustomer), KnownCustomer, 64>,
}

/// How the payer of a bill is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BillPayer {
    /// Whose bill it is; `None` when its SP does not say.
    pub(crate) customer: Option<BillCustomer>,
    /// The password's version; `None` without the password.
    pub(crate) verifier_version: Option<u32>,
}

impl State {
    /// The rules for bills that are data.
    #[must_use]
    pub fn bill_policy(&self) -> &BillPolicy {
        &self.outside.bills.allowances.policy
    }

    /// Puts newer rules for bills in force.
    ///
    /// # Errors
    /// [`Refusal::PolicyNotNewer`], also for one that makes no sense in itself.
    pub(crate) fn set_bill_policy(&mut self, policy: &BillPolicy) -> Result<Outcome, Refusal> {
        if policy.version <= self.bill_policy().version || !policy.is_consistent() {
            return Err(Refusal::PolicyNotNewer);
        }
        self.entry.digest.feed(policy);
        self.outside.bills.allowances.policy = policy.clone();
        Ok(Outcome::Done)
    }

    /// What a subscriber's bills have used of a day by one kind of account.
    #[must_use]
    pub fn bill_use(&self, msisdn: Msisdn, kind: AccountKind, day: BusinessDay) -> BillUse {
        let used = self.outside.bills.allowances.used.get(&(msisdn, kind));
        used.filter(|(of, _)| *of == day).map(|(_, used)| *used).unwrap_or_default()
    }

    /// Is a payment one for a bill?
    #[must_use]
    pub fn is_for_bill(&self, payment: PaymentId) -> bool {
        self.outside.bills.allowances.payments.get(&payment).is_some()
    }

    /// May a bill be paid without the password?
    ///
    /// # Errors
    /// [`Refusal::PasswordLocked`], then [`Refusal::PasswordNeeded`].
    pub(crate) fn check_without_password(
        &self,
        subscriber: &Subscriber,
        limit: Money,
        customer: Option<BillCustomer>,
        amount: Money,
    ) -> Result<(), Refusal> {
        let &Subscriber { msisdn, ref credential, .. } = subscriber;
        if credential.locked_until > self.now {
            return Err(Refusal::PasswordLocked(credential.locked_until));
        }
        let Allowances { policy, known, .. } = &self.outside.bills.allowances;
        let known = customer.and_then(|customer| known.get(&(msisdn, customer))).is_some_and(|known| {
            known.verifier_version == credential.version && self.now < known.paid_at.plus_ms(policy.known_for_ms)
        });
        #[cfg(feature = "mutants")]
        let known = known || self.is_mutant(crate::mutant::Mutant::AnyBillWithoutPassword);
        let today = self.now.business_day();
        let kinds = [AccountKind::Communication, AccountKind::StoredValue, AccountKind::Bank];
        let used = kinds.iter().map(|kind| self.bill_use(msisdn, *kind, today).without_password);
        let used = used.fold(Money::ZERO, |sum, used| sum + used);
        let BillCeilings { per_payment, daily } = policy.without_password;
        if known && amount <= per_payment.min(limit) && used + amount <= daily {
            Ok(())
        } else {
            Err(Refusal::PasswordNeeded)
        }
    }

    /// May a bill of this amount be paid today?
    ///
    /// # Errors
    /// [`Refusal::PerPaymentLimitExceeded`], then [`Refusal::DailyLimitExceeded`].
    pub(crate) fn check_bill_ceilings(
        &self,
        subscriber: &Subscriber,
        kind: AccountKind,
        amount: Money,
    ) -> Result<(), Refusal> {
        let ceilings = self.bill_policy().ceilings(kind, subscriber.tier);
        if amount > ceilings.per_payment {
            return Err(Refusal::PerPaymentLimitExceeded);
        }
        let used = self.bill_use(subscriber.msisdn, kind, self.now.business_day()).all;
        if used + amount > ceilings.daily { Err(Refusal::DailyLimitExceeded) } else { Ok(()) }
    }

    /// A bill is paid, or asked of whoever has the money: it is counted, and its customer is known from here on when
    /// the password was given.
    pub(crate) fn count_bill(
        &mut self,
        payment: PaymentId,
        (msisdn, kind): (Msisdn, AccountKind),
        payer: BillPayer,
        amount: Money,
    ) {
        let today = self.now.business_day();
        let without_password = payer.verifier_version.is_none();
        let mut used = self.bill_use(msisdn, kind, today);
        used.all += amount;
        if without_password {
            used.without_password += amount;
        }
        self.entry.digest.feed(&(payment, msisdn, kind, today, used));
        let rows = &mut self.outside.bills.allowances;
        rows.payments.insert(payment, BillPayment { kind, without_password });
        rows.used.insert((msisdn, kind), (today, used));
        if let (Some(customer), Some(verifier_version)) = (payer.customer, payer.verifier_version) {
            self.know_customer((msisdn, customer), KnownCustomer { paid_at: self.now, verifier_version });
        }
    }

    fn know_customer(&mut self, key: (Msisdn, BillCustomer), row: KnownCustomer) {
        self.entry.digest.feed(&(key, row));
        let known = &mut self.outside.bills.allowances.known;
        known.insert(key, row);
        let of = known.iter_from((key.0, BillCustomer::FIRST)).take_while(|((msisdn, _), _)| *msisdn == key.0);
        let all: Vec<_> = of.map(|(other, row)| (row.paid_at, *other)).collect();
        if all.len() > CUSTOMERS_MAX {
            let oldest = all.iter().filter(|(_, other)| *other != key).min().expect("more than one is known");
            known.remove(&oldest.1);
        }
    }

    /// The day on whose limits of its account a payment counts; `None` for a bill, which counts by itself.
    pub(crate) fn counted_day(&self, payment: PaymentId) -> Option<BusinessDay> {
        if self.is_for_bill(payment) { None } else { self.payment(payment).map(|payment| payment.day) }
    }

    /// Gives the use of a day back that a bill had, when it is still that day. Nothing for other payments.
    pub(crate) fn uncount_bill(&mut self, id: PaymentId, amount: Money) {
        #[cfg(feature = "mutants")]
        if self.is_mutant(crate::mutant::Mutant::BillUseKept) {
            return;
        }
        let rows = &mut self.outside.bills.allowances;
        let Some(&BillPayment { kind, without_password }) = rows.payments.get(&id) else { return };
        let payment = self.payments.get(&id).expect("a bill's payment is kept as long as its mark");
        let msisdn = payment.msisdn.expect("a bill has a payer");
        let Some((day, used)) = rows.used.get_mut(&(msisdn, kind)) else { return };
        if *day != payment.day || *day != self.now.business_day() {
            return;
        }
        used.all -= amount;
        if without_password {
            used.without_password -= amount;
        }
        assert!(
            !used.all.is_negative() && !used.without_password.is_negative(),
            "broken invariant: bills have used less of the day than what is given back"
        );
        self.entry.digest.feed(&(id, used));
    }

    /// The payment is forgotten.
    pub(crate) fn forget_bill_payment(&mut self, payment: PaymentId) {
        self.outside.bills.allowances.payments.remove(&payment);
    }

    /// See [`State::check_all`].
    pub(super) fn check_bill_use(&self) -> Result<(), String> {
        let Allowances { payments, used, .. } = &self.outside.bills.allowances;
        let mut counted = Table::<(Msisdn, AccountKind), BillUse, 64>::default();
        for (id, row) in payments.iter() {
            let payment = self.payment(*id).ok_or_else(|| format!("{id} is for a bill and is forgotten"))?;
            let key = (payment.msisdn.ok_or_else(|| format!("{id} is for a bill and has no payer"))?, row.kind);
            let stands = !matches!(
                payment.status,
                PaymentStatus::Declined(_)
                    | PaymentStatus::Reversed
                    | PaymentStatus::Reversing
                    | PaymentStatus::Released
            );
            if stands && used.get(&key).is_some_and(|(day, _)| *day == payment.day) {
                let mut sum = counted.get(&key).copied().unwrap_or_default();
                sum.all += payment.amount;
                if row.without_password {
                    sum.without_password += payment.amount;
                }
                counted.insert(key, sum);
            }
        }
        for ((msisdn, kind), (day, told)) in used.iter() {
            let sum = counted.get(&(*msisdn, *kind)).copied().unwrap_or_default();
            // What was taken back after its day leaves its use to that day.
            if *day == self.now.business_day() && sum != *told {
                return Err(format!("bills of {msisdn} by {} use {sum:?} and are told {told:?}", kind.name()));
            }
        }
        Ok(())
    }
}
