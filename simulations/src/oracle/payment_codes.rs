//! A payment code pays one order, no more than it is good for, and none when its minute is over.

use std::collections::BTreeMap;

use mpss_domain::payment_codes::{GOOD_MS, PaymentCode};
use mpss_domain::{LogTime, Money, OrderId, Outcome, Verb};

use super::{Property, Seen};
use crate::tally::Tally;

/// See the module.
pub(super) struct PaymentCodes {
    tally: Tally,
    /// When it was issued, and for how much.
    issued: BTreeMap<PaymentCode, (LogTime, Money)>,
    paid: BTreeMap<PaymentCode, OrderId>,
}

impl PaymentCodes {
    pub(super) fn new(tally: Tally) -> Self {
        Self { tally, issued: BTreeMap::new(), paid: BTreeMap::new() }
    }

    fn pays(&mut self, code: PaymentCode, order: OrderId, amount: Money, now: LogTime) -> Option<String> {
        let known = *self.paid.entry(code).or_insert(order);
        if known != order {
            return Some(format!("{code:?} pays {order}, and has paid {known}"));
        }
        self.tally.count("payment codes used");
        let Some((at, good_for)) = self.issued.get(&code).copied() else {
            return Some(format!("{code:?} pays {order}, and nobody was given it"));
        };
        let wrong = amount > good_for || now >= at.plus_ms(GOOD_MS);
        wrong.then(|| format!("{code:?} of {good_for}, issued at {at:?}, pays {amount} for {order} at {now:?}"))
    }
}

impl Property for PaymentCodes {
    fn name(&self) -> &'static str {
        "a payment code pays once"
    }

    fn clause(&self) -> &'static str {
        "product §3: one-time payment code"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let (mut wrong, now) = (Vec::new(), entry.state.now());
        for (command, reply) in entry.batch.commands.iter().zip(entry.replies).filter(|(_, reply)| !reply.replayed) {
            let found = match (&command.verb, &reply.outcome) {
                (Verb::IssueCode(ask), Outcome::PaymentCode(_)) => {
                    self.issued.insert(ask.code, (now, ask.amount));
                    None
                }
                (Verb::BuyByCode(ask), Outcome::Order(order)) => {
                    let amount = entry.state.order(*order).map(|order| order.amount).unwrap_or_default();
                    ask.code.and_then(|code| self.pays(code, *order, amount, now))
                }
                (Verb::PayByCode(ask), Outcome::Paid(_) | Outcome::PaymentPending(_)) => {
                    // The same payment asked for again is answered again, however late.
                    let again = self.paid.get(&ask.code) == Some(&ask.request.order);
                    if again { None } else { self.pays(ask.code, ask.request.order, ask.request.amount, now) }
                }
                _ => None,
            };
            wrong.extend(found.map(|what| format!("entry {} of {province}: {what}", entry.index)));
        }
        wrong
    }
}
