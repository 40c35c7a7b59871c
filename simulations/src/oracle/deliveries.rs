//! An order is delivered only when its SP has said yes, and an SP that said yes to an order that was
//! given back was told to call it off.

use crate::country::Country;
use crate::people::Told;

/// Orders whose SP knows something else.
#[must_use]
pub fn check(country: &Country, _: &Told) -> Vec<String> {
    let mut wrong = Vec::new();
    for province in &country.plan.provinces {
        let Some(leader) = country.leader(*province) else { continue };
        let orders = country.read(&leader, |state| {
            state.orders().map(|order| (order.id.to_string(), order.status.name())).collect::<Vec<_>>()
        });
        country.sps.look(|sps| {
            for (id, status) in orders.unwrap_or_default() {
                let (accepted, cancelled) = (sps.accepted.contains(&id), sps.cancelled.contains(&id));
                if matches!(status, "delivered" | "partly_refunded") && !accepted {
                    wrong.push(format!("{leader}: order {id} is {status}, and its SP never said yes"));
                }
                if status == "reversed" && accepted && !cancelled {
                    wrong.push(format!("{leader}: order {id} is reversed, and its SP was not told to call it off"));
                }
            }
        });
    }
    wrong
}
