//! An order of the UPP is paid once, under one number; and when it is quiet the UPP knows of each how it has
//! ended, and is owed what it was told.

use std::collections::BTreeMap;
use std::sync::Arc;

use mpss_domain::{
    LogTime, Money, NumberPlan, Outcome, PaymentId, PaymentStatus, ProvinceId, StateVersion, UppNumber, Verb,
};

use super::{AtRest, Property, Seen};
use crate::outside::{Heard, UppOrder};

/// See the module.
#[derive(Default)]
pub(super) struct Upp {
    /// By which payment an order is paid, and where.
    paid_by: BTreeMap<UppNumber, (ProvinceId, PaymentId)>,
    /// The plan of each province after the entry before.
    plans: BTreeMap<ProvinceId, Arc<NumberPlan>>,
    /// Plans that took numbers to a province which decided by older rules, and the ones before: nobody remembers
    /// where those were at home, so operators raise a nation first.
    unnoticed: Vec<(ProvinceId, Arc<NumberPlan>, Arc<NumberPlan>)>,
}

impl Upp {
    /// Nobody can know where the payer was at home before.
    fn is_lost(&self, msisdn: &str, now: LogTime) -> bool {
        let Ok(msisdn) = msisdn.parse() else { return false };
        let home = |plan: &NumberPlan| plan.lookup(msisdn, now).map(|belonging| belonging.home);
        self.unnoticed.iter().any(|(to, older, newer)| home(newer) == Some(*to) && home(older) != Some(*to))
    }
}

impl Property for Upp {
    fn name(&self) -> &'static str {
        "an order of the UPP is paid once, and it knows"
    }

    fn clause(&self) -> &'static str {
        "product §5, 6.3.4 and 6.5.4: payment for the UPP, and its reversal"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let mut wrong = Vec::new();
        let plan = entry.state.plan().clone();
        if let Some(older) = self.plans.insert(*province, plan.clone())
            && older.epoch > 0
            && older.epoch < plan.epoch
            && entry.state.version() < StateVersion::NEWEST
        {
            self.unnoticed.push((*province, older, plan));
        }
        for (command, reply) in entry.batch.commands.iter().zip(entry.replies) {
            let Outcome::Upp(view) = &reply.outcome else { continue };
            // What was forbidden before it came may be forbidden at two homes; it is paid at one.
            if view.order.is_none() {
                continue;
            }
            let here = (*province, view.payment);
            let known = *self.paid_by.entry(view.number).or_insert(here);
            if known != here && !self.is_lost(&view.msisdn.to_string(), entry.state.now()) {
                wrong.push(format!("entry {}: {} is {here:?}, and was {known:?}", entry.index, view.number));
            }
            if matches!(command.verb, Verb::PayUpp(_)) && view.reversal.is_some() && !reply.replayed {
                wrong.push(format!(
                    "entry {} of {province}: {} is paid though it was reversed",
                    entry.index, view.number
                ));
            }
        }
        wrong
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let country = rest.country;
        let orders = country.rails().upp().orders();
        let mut wrong = country.rails().upp().contradictions();
        let mut kept = BTreeMap::new();
        for province in &country.plan().provinces {
            let Some(leader) = country.leader(*province) else { continue };
            let seen = country.read(&leader, |state| {
                let views = state.upp_orders().filter_map(|order| state.upp_view(order.number));
                let books = state.trial_balance().lines.into_iter().find(|line| line.name == "due_to:upp");
                (views.collect::<Vec<_>>(), books.map_or(0, |line| line.credit - line.debit))
            });
            let Some((views, due)) = seen else { continue };
            let owed: Money = views.iter().map(|view| owed_by(view.status, view.amount, view.refunded)).sum();
            if i128::from(owed.as_fen()) != due {
                wrong.push(format!("{leader}: the UPP is owed {owed} for orders, the books say {due} fen"));
            }
            for view in views {
                // The home of before has it, and the home of now has forbidden it.
                let known = kept.entry(view.number.to_string()).or_insert_with(|| view.clone());
                if known.order.is_none() {
                    *known = view;
                }
            }
        }
        for (number, order) in orders {
            let view = kept.remove(&number);
            if self.is_lost(&order.msisdn, LogTime(u64::MAX)) {
                continue;
            }
            let status = view.as_ref().map(|view| view.status);
            if !agrees(order.heard, status) {
                wrong.push(format!("{number}: the UPP has heard {:?}, and it is {status:?}", order.heard));
            }
            let owed = view.map_or(Money::ZERO, |view| owed_by(view.status, view.amount, view.refunded));
            if owed != believed(&order) {
                wrong.push(format!("{number}: the UPP believes in {}, its home in {owed}", believed(&order)));
            }
        }
        wrong.extend(kept.into_keys().map(|number| format!("{number} is kept, and the UPP never took it")));
        wrong
    }
}

/// What a home owes the UPP for an order.
fn owed_by(status: PaymentStatus, amount: Money, refunded: Money) -> Money {
    match status {
        PaymentStatus::Captured | PaymentStatus::Reserved | PaymentStatus::PartlyRefunded | PaymentStatus::Refunded => {
            amount - refunded
        }
        _ => Money::ZERO,
    }
}

/// What the UPP believes it is owed.
fn believed(order: &UppOrder) -> Money {
    if order.heard == Heard::Paid { order.amount - order.refunded } else { Money::ZERO }
}

/// Is it true what the UPP has heard?
fn agrees(heard: Heard, status: Option<PaymentStatus>) -> bool {
    use PaymentStatus as S;
    match heard {
        // It asks until it is answered, and is told.
        Heard::Nothing | Heard::Pending => false,
        Heard::Paid => matches!(status, Some(S::Captured | S::Reserved | S::PartlyRefunded | S::Refunded)),
        Heard::Declined => matches!(status, None | Some(S::Declined(_))),
        // Refused is as good: it never will be paid. A home that learned of a move by older rules does not know of
        // the one before, which has forbidden it.
        Heard::Reversed => matches!(status, Some(S::Reversed | S::Released | S::Declined(_))),
    }
}
