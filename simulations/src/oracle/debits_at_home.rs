//! A subscriber is debited in the home province only, by the number plan that the debit names or the
//! newer one that the province knows; and nobody who is another operator's subscriber is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mpss_domain::journal::{JournalBody, PostingReason};
use mpss_domain::{LogTime, Msisdn, NumberPlan, Operator, OrderId, Outcome, ProvinceId, TransferId, Verb};

use super::{Property, Seen};

/// See the module.
#[derive(Default)]
pub(super) struct DebitsAtHome {
    plans: BTreeMap<u64, Arc<NumberPlan>>,
    /// The epoch in force in each province.
    epochs: BTreeMap<ProvinceId, u64>,
    /// The plan of each province after the entry before.
    before: BTreeMap<ProvinceId, Arc<NumberPlan>>,
}

/// The number belongs to another operator by a plan.
fn is_foreign(plan: &NumberPlan, msisdn: Msisdn, now: LogTime) -> bool {
    let ported = plan.ported.get(&msisdn).filter(|ported| ported.from <= now);
    ported.is_some_and(|ported| ported.operator != Operator::ChinaTelecom)
}

/// Home by a plan: the range that holds the first seven digits.
fn home_in(plan: &NumberPlan, msisdn: Msisdn) -> Option<ProvinceId> {
    let prefix = u32::try_from(msisdn.number() / 10_000).ok()?;
    let (mut low, mut high) = (0, plan.ranges.len());
    while low < high {
        let middle = low.midpoint(high);
        let range = &plan.ranges[middle];
        if prefix < range.first {
            high = middle;
        } else if prefix > range.last {
            low = middle + 1;
        } else {
            return Some(range.province);
        }
    }
    None
}

impl DebitsAtHome {
    fn check(&self, province: ProvinceId, msisdn: Msisdn, epoch: u64) -> Option<String> {
        let own = self.epochs.get(&province).copied().unwrap_or_default();
        let plan = self.plans.get(&own.max(epoch))?;
        let home = home_in(plan, msisdn);
        (home != Some(province)).then(|| {
            let home = home.map_or("nowhere".to_owned(), |home| home.to_string());
            format!("{province} debited {msisdn}, who is at home in {home} by plan {}", plan.epoch)
        })
    }
}

impl Property for DebitsAtHome {
    fn name(&self) -> &'static str {
        "debits are made at home"
    }

    fn clause(&self) -> &'static str {
        "product §1: the home province debits"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let (province, entry) = match seen {
            Seen::Applied { province, entry, first: true, .. } => (*province, entry),
            _ => return Vec::new(),
        };
        let (mut orders, mut transfers) = (BTreeSet::<OrderId>::new(), BTreeSet::<TransferId>::new());
        for record in entry.journal {
            let JournalBody::Posted { reason, statement: Some(line), .. } = &record.body else { continue };
            match *reason {
                PostingReason::Purchase(order) => drop(orders.insert(order)),
                PostingReason::Transfer(transfer) if line.amount.is_negative() => drop(transfers.insert(transfer)),
                _ => {}
            }
        }
        let mut wrong = Vec::new();
        // What has debited is looked at once: asked for again, behind a new plan in the same entry, it only tells its answer.
        for (command, reply) in entry.batch.commands.iter().zip(entry.replies) {
            // An answer that is given again says nothing of what is in force now.
            if reply.replayed {
                continue;
            }
            let debit = match (&command.verb, &reply.outcome) {
                (Verb::InstallNumberPlan(plan), Outcome::Done) => {
                    self.epochs.insert(province, plan.epoch);
                    self.plans.entry(plan.epoch).or_insert_with(|| Arc::new((**plan).clone()));
                    None
                }
                (Verb::PlaceOrder { msisdn, epoch, .. }, Outcome::Order(order)) if orders.remove(order) => {
                    Some((*msisdn, *epoch))
                }
                (verb @ (Verb::PayBill(_) | Verb::BuyShipped(_) | Verb::BuyByCode(_)), Outcome::Order(order))
                    if orders.remove(order) =>
                {
                    verb.purchase().map(|purchase| (purchase.msisdn, purchase.epoch))
                }
                (Verb::PayByCode(ask), Outcome::Paid(_)) if orders.remove(&ask.request.order) => {
                    Some((ask.request.msisdn, ask.request.epoch))
                }
                (Verb::PayForBill(ask), Outcome::Paid(_)) if orders.remove(&ask.request.order) => {
                    Some((ask.request.msisdn, ask.request.epoch))
                }
                (Verb::Pay(request), Outcome::Paid(_)) if orders.remove(&request.order) => {
                    Some((request.msisdn, request.epoch))
                }
                (Verb::Transfer { payer, epoch, .. }, Outcome::Transfer(transfer)) if transfers.remove(transfer) => {
                    Some((*payer, *epoch))
                }
                _ => None,
            };
            let Some((msisdn, epoch)) = debit else { continue };
            wrong.extend(self.check(province, msisdn, epoch));
            // The number may have been carried away by the same entry, before or behind the debit.
            let (after, now) = (entry.state.plan(), entry.state.now());
            let was_foreign = self.before.get(&province).is_none_or(|before| is_foreign(before, msisdn, now));
            if was_foreign && is_foreign(after, msisdn, now) && epoch <= after.epoch {
                wrong.push(format!("{province} debited {msisdn}, who is another operator's subscriber"));
            }
        }
        self.before.insert(province, entry.state.plan().clone());
        wrong
    }
}
