//! What somebody was told happened has happened, and stays so: every acknowledged change is in its
//! province's log, every acknowledged order and transfer is there, and none that was told to be paid
//! is declined.

use mpss_domain::{OrderId, TransferId};

use super::{AtRest, Property};

/// See the module.
#[derive(Default)]
pub(super) struct Acknowledged;

impl Property for Acknowledged {
    fn name(&self) -> &'static str {
        "what was acknowledged is there"
    }

    fn clause(&self) -> &'static str {
        "product §8: an acknowledged purchase survives any one machine"
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let AtRest { country, told } = rest;
        let mut wrong = Vec::new();
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
        for ack in &told.acks {
            let Some(leader) = country.leader(ack.province) else { continue };
            let index = country.read(&leader, mpss_domain::State::index).unwrap_or_default();
            if ack.index > index {
                let (key, at) = (&ack.key, ack.index);
                wrong.push(format!("request {key} was acknowledged with entry {at}, {leader} ends with {index}"));
            }
        }
        wrong
    }
}
