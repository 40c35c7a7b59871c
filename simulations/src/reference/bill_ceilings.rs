//! What bills may come to, and which go without the password (product §3): sums over all payments for bills that stand.

use std::collections::BTreeMap;

use mpss_domain::bills::{BillCeilings, BillCustomer, BillPolicy, BillUse, CUSTOMERS_MAX};
use mpss_domain::{AccountKind, LogTime, Money, Msisdn, Outcome, PasswordVerdict, Refusal, State};

use super::Reference;
use super::compare::same;
use super::days::day_of;
use super::payments::Decision;

/// By what a payment is approved.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    Password(PasswordVerdict),
    /// It is a customer's bill; the password may be missing.
    Bill(Option<BillCustomer>, Option<PasswordVerdict>),
}

/// What is known of a payment for a bill.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfBill {
    kind: AccountKind,
    customer: Option<BillCustomer>,
    /// The version of the password that was given.
    password: Option<u32>,
}

/// The rules, and when a subscriber last paid for a customer with which password.
#[derive(Debug, Default)]
pub(super) struct BillRules {
    policy: BillPolicy,
    known: BTreeMap<Msisdn, BTreeMap<BillCustomer, (LogTime, u32)>>,
}

impl Reference {
    pub(super) fn set_bill_policy(&mut self, policy: &BillPolicy) -> Result<Outcome, Refusal> {
        if policy.version <= self.bills.policy.version || !policy.is_consistent() {
            return Err(Refusal::PolicyNotNewer);
        }
        self.bills.policy = policy.clone();
        Ok(Outcome::Done)
    }

    /// Bills of today that stand, as far as they are wanted.
    fn bills_today(&self, wanted: impl Fn(&Decision, OfBill) -> bool) -> Money {
        let today = day_of(self.now);
        let stand = self
            .payments
            .values()
            .filter(|payment| payment.day == today && payment.reversal.is_none() && payment.declined.is_none());
        stand
            .filter(|payment| payment.bill.is_some_and(|bill| wanted(payment, bill)))
            .map(|payment| payment.amount)
            .sum()
    }

    pub(super) fn check_no_password(
        &self,
        msisdn: Msisdn,
        customer: Option<BillCustomer>,
        (amount, limit): (Money, Money),
    ) -> Result<(), Refusal> {
        let person = &self.people[&msisdn];
        if self.now < person.locked_until {
            return Err(Refusal::PasswordLocked(person.locked_until));
        }
        let BillCeilings { per_payment, daily } = self.bills.policy.without_password;
        let known = customer.and_then(|customer| self.bills.known.get(&msisdn)?.get(&customer));
        let known = known.is_some_and(|(at, version)| {
            *version == person.version && self.now.ms_since(*at) < self.bills.policy.known_for_ms
        });
        let used = self.bills_today(|payment, bill| payment.msisdn == Some(msisdn) && bill.password.is_none());
        let fits = amount <= per_payment && amount <= limit && used + amount <= daily;
        if known && fits { Ok(()) } else { Err(Refusal::PasswordNeeded) }
    }

    pub(super) fn check_bill_ceilings(&self, msisdn: Msisdn, kind: AccountKind, amount: Money) -> Result<(), Refusal> {
        let ceilings = self.bills.policy.ceilings(kind, self.people[&msisdn].tier);
        if amount > ceilings.per_payment {
            return Err(Refusal::PerPaymentLimitExceeded);
        }
        let used = self.bills_today(|payment, bill| payment.msisdn == Some(msisdn) && bill.kind == kind);
        if used + amount > ceilings.daily { Err(Refusal::DailyLimitExceeded) } else { Ok(()) }
    }

    pub(super) fn of_bill(kind: AccountKind, by: By) -> Option<OfBill> {
        match by {
            By::Password(_) => None,
            By::Bill(customer, verdict) => {
                Some(OfBill { kind, customer, password: verdict.map(|verdict| verdict.verifier_version) })
            }
        }
    }

    /// Whoever has paid with the password is known for this customer.
    pub(super) fn know_customer(&mut self, msisdn: Msisdn, bill: OfBill) {
        let (Some(customer), Some(version)) = (bill.customer, bill.password) else { return };
        let known = self.bills.known.entry(msisdn).or_default();
        known.insert(customer, (self.now, version));
        if known.len() > CUSTOMERS_MAX {
            let others = known.iter().filter(|(other, _)| **other != customer);
            let oldest = others.min_by_key(|(other, (at, _))| (*at, **other)).map(|(other, _)| *other);
            known.remove(&oldest.expect("there are others"));
        }
    }

    pub(super) fn compare_bill_use(&self, state: &State, out: &mut Vec<String>) {
        for msisdn in self.people.keys() {
            let kind = AccountKind::StoredValue;
            let of = |payment: &Decision, bill: OfBill| payment.msisdn == Some(*msisdn) && bill.kind == kind;
            let all = self.bills_today(of);
            let without_password = self.bills_today(|payment, bill| of(payment, bill) && bill.password.is_none());
            let found = state.bill_use(*msisdn, kind, day_of(self.now));
            same(out, format!("what bills of {msisdn} use"), &BillUse { all, without_password }, &found);
        }
        same(out, "the rules for bills".to_owned(), &self.bills.policy, state.bill_policy());
    }
}
