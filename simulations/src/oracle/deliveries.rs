//! An order is delivered only when its SP has said yes, and an SP that said yes to an order that was
//! given back was told to call it off.

use super::{AtRest, Property};

/// See the module.
#[derive(Default)]
pub(super) struct Deliveries;

impl Property for Deliveries {
    fn name(&self) -> &'static str {
        "SPs and orders agree"
    }

    fn clause(&self) -> &'static str {
        "product §5, 6.3.1 steps 3 and 4"
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let country = rest.country;
        let mut wrong = Vec::new();
        for province in &country.plan().provinces {
            let Some(leader) = country.leader(*province) else { continue };
            let orders = country.read(&leader, |state| {
                state.orders().map(|order| (order.id.to_string(), order.status.name())).collect::<Vec<_>>()
            });
            country.sps().look(|sps| {
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
}
