//! What somebody was told happened has happened: every acknowledged order and transfer is there, paid
//! at most once, and a request has one answer.

use std::collections::BTreeMap;

use mpss_domain::{OrderId, TransferId};

use crate::country::Country;
use crate::people::Told;

/// Everything that was told and is not so.
#[must_use]
pub fn check(country: &Country, told: &Told) -> Vec<String> {
    let mut wrong = told.contradictions.clone();
    for (id, acknowledged) in &told.orders {
        let Ok(order) = id.parse::<OrderId>() else {
            wrong.push(format!("{id} is no order id"));
            continue;
        };
        let Some(leader) = country.leader(acknowledged.serving) else { continue };
        let found = country.read(&leader, |state| state.order(order).map(|order| order.status.name()));
        match found.flatten() {
            None => wrong.push(format!("order {id} was acknowledged as {} and is not there", acknowledged.status)),
            Some("declined") if acknowledged.status != "declined" && acknowledged.status != "paying" => {
                wrong.push(format!("order {id} was acknowledged as {} and is declined", acknowledged.status));
            }
            Some(_) => {}
        }
    }
    for (id, home) in &told.transfers {
        let Some(leader) = country.leader(*home) else { continue };
        let found = id.parse::<TransferId>().ok();
        let found = found.and_then(|id| country.read(&leader, |state| state.transfer(id).is_some()));
        if found != Some(true) {
            wrong.push(format!("transfer {id} was acknowledged and is not there"));
        }
    }
    for province in &country.plan.provinces {
        let Some(leader) = country.leader(*province) else { continue };
        let mut payments: BTreeMap<OrderId, u32> = BTreeMap::new();
        country.read(&leader, |state| {
            for order in state.payments().filter_map(|payment| payment.order) {
                *payments.entry(order).or_default() += 1;
            }
        });
        wrong.extend(
            payments
                .iter()
                .filter(|(_, times)| **times > 1)
                .map(|(order, times)| format!("{leader}: order {order} was paid {times} times")),
        );
    }
    wrong
}
