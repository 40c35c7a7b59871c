//! A bill is paid once: no two orders that stand have the same one, each is of the amount that is due, and
//! when it is quiet its SP has been told so.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::bills::BillNumber;
use mpss_domain::catalogue::Application;
use mpss_domain::journal::JournalBody;
use mpss_domain::order::OrderEvent;
use mpss_domain::{Money, OrderId, OrderStatus, Outcome, ProvinceId, SpId, State, Verb};

use super::{AtRest, Property, Seen};
use crate::outside::due_on;

type Whose = (ProvinceId, SpId, BillNumber);

/// See the module.
#[derive(Default)]
pub(super) struct Bills {
    of_order: BTreeMap<OrderId, Whose>,
    /// Orders that stand, by their bill.
    standing: BTreeMap<Whose, BTreeSet<OrderId>>,
}

impl Bills {
    fn taken(&mut self, province: ProvinceId, state: &State, id: OrderId) -> Option<String> {
        let (order, bill) = (state.order(id)?, state.bill_of(id)?);
        let whose = (province, order.sp, bill.number);
        self.of_order.insert(id, whose);
        self.standing.entry(whose).or_default().insert(id);
        let due = due_on(&bill.number.to_string()).map(Money::fen);
        (due != Some(order.amount)).then(|| format!("{id} pays {} for bill {}", order.amount, bill.number))
    }
}

impl Property for Bills {
    fn name(&self) -> &'static str {
        "a bill is paid once"
    }

    fn clause(&self) -> &'static str {
        "product §3: bill query and payment"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let mut wrong = Vec::new();
        for (command, reply) in entry.batch.commands.iter().zip(entry.replies) {
            if let (Verb::PayBill(_), Outcome::Order(order), false) = (&command.verb, &reply.outcome, reply.replayed) {
                wrong.extend(self.taken(*province, entry.state, *order));
            }
        }
        for record in entry.journal {
            let JournalBody::OrderMoved { order, event } = record.body else { continue };
            let Some(whose) = self.of_order.get(&order) else { continue };
            // A bill goes back whole.
            if matches!(event, OrderEvent::Declined(_) | OrderEvent::Reversed | OrderEvent::Refunded(..))
                && let Some(standing) = self.standing.get_mut(whose)
            {
                standing.remove(&order);
            }
        }
        let twice = self.standing.iter().filter(|(_, orders)| orders.len() > 1);
        wrong.extend(twice.map(|((_, _, number), orders)| format!("bill {number} is with {orders:?}")));
        wrong.into_iter().map(|what| format!("entry {} of {province}: {what}", entry.index)).collect()
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let country = rest.country;
        let mut wrong = Vec::new();
        for province in &country.plan().provinces {
            let Some(leader) = country.leader(*province) else { continue };
            let of_bills = |state: &State| {
                let orders = state.orders().filter(|order| order.status == OrderStatus::Delivered);
                let of_bills = orders.filter(|order| {
                    let terms = state.product(order.product.id).map(mpss_domain::catalogue::Product::terms);
                    terms.is_some_and(|terms| terms.application == Application::BillPayment)
                });
                let paid = of_bills.map(|order| (order.id, order.sp, state.bill_of(order.id)));
                paid.collect::<Vec<_>>()
            };
            for (order, sp, bill) in country.read(&leader, of_bills).unwrap_or_default() {
                // Before a province knew bills, what is for bills was sold like anything else.
                let Some(bill) = bill else { continue };
                let key = (sp.to_string(), bill.number.to_string());
                let payer = country.sps().look(|done| done.bills.get(&key).cloned());
                if payer.as_ref() != Some(&order.to_string()) {
                    wrong.push(format!("{order} has paid bill {}, and its SP says {payer:?} has", bill.number));
                }
            }
        }
        wrong
    }
}
