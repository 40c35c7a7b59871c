//! An order is delivered only when its SP has said yes, and an SP that said yes to an order that was
//! given back was told to call it off. Of an order that is delivered from the vault no SP is asked.

use mpss_domain::Order;

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
                let from_vault = |order| state.cards_of(order).is_some();
                let order = |order: &Order| (order.id.to_string(), order.status.name(), from_vault(order.id));
                state.orders().map(order).collect::<Vec<_>>()
            });
            country.sps().look(|sps| {
                for (id, status, from_vault) in orders.unwrap_or_default() {
                    let (accepted, cancelled) = (sps.accepted.contains(&id), sps.cancelled.contains(&id));
                    if from_vault && accepted {
                        wrong.push(format!("{leader}: order {id} is {status} from the vault, and its SP was asked"));
                    }
                    if matches!(status, "delivered" | "partly_refunded") && !accepted && !from_vault {
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
