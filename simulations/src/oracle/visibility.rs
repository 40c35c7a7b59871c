//! Nothing is sold to whom it is not for: local goods to a province's own subscribers, roaming goods
//! to visitors who are there now, national goods to everybody.

use mpss_domain::{Outcome, ProvinceId, Scope, Verb};

use super::{Property, Seen};

/// See the module.
#[derive(Default)]
pub(super) struct Visibility;

fn is_for(scope: Scope, seller: ProvinceId, home: ProvinceId, location: ProvinceId) -> bool {
    match scope {
        Scope::National => true,
        Scope::Local => home == seller,
        Scope::Roaming => home != seller && location == seller,
    }
}

impl Property for Visibility {
    fn name(&self) -> &'static str {
        "goods are sold to whom they are for"
    }

    fn clause(&self) -> &'static str {
        "product §1: who may see and buy"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let mut wrong = Vec::new();
        for (command, reply) in entry.batch.commands.iter().zip(entry.replies) {
            if reply.replayed {
                continue;
            }
            let (scope, seller, home, location) = match (&command.verb, &reply.outcome) {
                (Verb::PlaceOrder { home, location, product, .. }, Outcome::Order(_)) => {
                    let Some(product) = entry.state.product(*product) else { continue };
                    (product.terms().scope, *province, *home, *location)
                }
                (verb @ (Verb::PayBill(_) | Verb::BuyShipped(_)), Outcome::Order(_)) => {
                    let Some(purchase) = verb.purchase() else { continue };
                    let Some(product) = entry.state.product(purchase.product) else { continue };
                    (product.terms().scope, *province, purchase.home, purchase.location)
                }
                (Verb::Pay(request), Outcome::Paid(_)) => (request.scope, request.serving, *province, request.location),
                (Verb::PayForBill(ask), Outcome::Paid(_)) => {
                    let request = &ask.request;
                    (request.scope, request.serving, *province, request.location)
                }
                _ => continue,
            };
            if !is_for(scope, seller, home, location) {
                wrong.push(format!(
                    "{province}: {scope:?} goods of {seller} were sold to a subscriber of {home} in {location}: {:?}",
                    reply.outcome
                ));
            }
        }
        wrong
    }
}
