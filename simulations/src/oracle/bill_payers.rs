//! A bill goes without the password only for a customer whose bill the same subscriber has paid with the password in
//! force, and only up to what may go without.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::bills::{BillCustomer, BillPolicy};
use mpss_domain::{Command, LogTime, Money, Msisdn, Outcome, PaymentId, ProvinceId, Verb};

use super::{Property, Seen};

/// Who pays a bill at home.
#[derive(Debug, Clone, Copy)]
struct Paying {
    msisdn: Msisdn,
    customer: Option<BillCustomer>,
    amount: Money,
    /// The version of the password that was given.
    password: Option<u32>,
}

/// See the module.
#[derive(Default)]
pub(super) struct BillPayers {
    /// When a subscriber of a province last paid for a customer with the password, and with which.
    known: BTreeMap<(ProvinceId, Msisdn, BillCustomer), (LogTime, u32)>,
    /// Payments that were asked for: asked for again, they are only answered again.
    asked: BTreeSet<PaymentId>,
}

/// A bill that is paid at `home`, or asked of whoever has the money.
fn paying(home: ProvinceId, command: &Command, outcome: &Outcome) -> Option<Paying> {
    match (&command.verb, outcome) {
        (Verb::PayBill(ask), Outcome::Order(_)) if ask.purchase.home == home => {
            let password = if ask.without_password { None } else { ask.purchase.verdict };
            let password = password.map(|verdict| verdict.verifier_version);
            Some(Paying { msisdn: ask.purchase.msisdn, customer: ask.bill.customer, amount: ask.bill.amount, password })
        }
        (Verb::PayForBill(ask), Outcome::Paid(_) | Outcome::PaymentPending(_) | Outcome::Held(_)) => Some(Paying {
            msisdn: ask.request.msisdn,
            customer: ask.customer,
            amount: ask.request.amount,
            password: (!ask.without_password).then_some(ask.request.verdict.verifier_version),
        }),
        _ => None,
    }
}

impl BillPayers {
    fn check(
        &self,
        home: ProvinceId,
        paying: Paying,
        (policy, now): (&BillPolicy, LogTime),
        version: Option<u32>,
    ) -> Option<String> {
        let Paying { msisdn, customer, amount, .. } = paying;
        let known = customer.and_then(|customer| self.known.get(&(home, msisdn, customer)));
        let Some((at, with)) = known else {
            return Some(format!("{msisdn} pays without the password for {customer:?}, and never did with it"));
        };
        if now.ms_since(*at) >= policy.known_for_ms || version.is_some_and(|version| version != *with) {
            return Some(format!("{msisdn} pays without the password, and gave password {with} at {at:?}"));
        }
        let most = policy.without_password.per_payment;
        (amount > most).then(|| format!("{msisdn} pays {amount} without the password, more than {most}"))
    }
}

impl Property for BillPayers {
    fn name(&self) -> &'static str {
        "a bill goes without the password only where it may"
    }

    fn clause(&self) -> &'static str {
        "product §3: bill payment, lighter authentication"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let (mut wrong, now) = (Vec::new(), entry.state.now());
        let commands = entry.batch.commands.iter();
        // The same entry may have changed it, before or behind the payment.
        let changed = commands.clone().any(|command| matches!(command.verb, Verb::ChangeAccount { .. }));
        for (command, reply) in commands.zip(entry.replies).filter(|(_, reply)| !reply.replayed) {
            let Some(paying) = paying(*province, command, &reply.outcome) else { continue };
            if let Verb::PayForBill(ask) = &command.verb
                && !self.asked.insert(ask.request.payment)
            {
                continue;
            }
            match (paying.password, paying.customer) {
                (Some(version), Some(customer)) => {
                    self.known.insert((*province, paying.msisdn, customer), (now, version));
                }
                (Some(_), None) => {}
                (None, _) => {
                    let subscriber = entry.state.subscriber(paying.msisdn).filter(|_| !changed);
                    let version = subscriber.map(|subscriber| subscriber.credential.version);
                    wrong.extend(self.check(*province, paying, (entry.state.bill_policy(), now), version));
                }
            }
        }
        wrong.into_iter().map(|what| format!("entry {} of {province}: {what}", entry.index)).collect()
    }
}
