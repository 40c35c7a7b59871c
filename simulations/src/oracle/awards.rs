//! Awards: when it is quiet, each award that stands has reached the winner's home exactly once, nothing
//! else has, and every bet is either awarded or undone.

use std::collections::BTreeMap;

use mpss_domain::award::{AwardStatus, PrizeStatus};
use mpss_domain::{AwardId, Money, Msisdn, OrderId, OrderStatus, State};

use super::{AtRest, Property};

/// See the module.
#[derive(Default)]
pub(super) struct Awards;

/// What a serving province says it gave, and a home province says it took.
type Given = BTreeMap<AwardId, (Msisdn, Money)>;

fn given(state: &State, wrong: &mut Vec<String>) -> Given {
    let mut bets = BTreeMap::<OrderId, AwardId>::new();
    for award in state.awards().filter(|award| award.status.stands()) {
        if let Some(other) = bets.insert(award.order, award.id) {
            wrong.push(format!("the bet {} was awarded by {other} and by {}", award.order, award.id));
        }
        let undone = state.order(award.order).filter(|order| {
            order.status != OrderStatus::Delivered || order.refunded.is_positive() || order.refund_pending.is_positive()
        });
        if let Some(order) = undone {
            wrong.push(format!("{} was given for the bet {}, which is {}", award.id, order.id, order.status.name()));
        }
    }
    let accepted = state.awards().filter(|award| award.status == AwardStatus::Accepted);
    accepted.map(|award| (award.id, (award.msisdn, award.net()))).collect()
}

fn taken(state: &State) -> Given {
    let taken = state.prizes().filter(|prize| !matches!(prize.status, PrizeStatus::Refused(_)));
    taken.map(|prize| (prize.id, (prize.msisdn, prize.amount))).collect()
}

impl Property for Awards {
    fn name(&self) -> &'static str {
        "awards reach their winners once"
    }

    fn clause(&self) -> &'static str {
        "product §5, 6.4: one award per award id and per winning bet"
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let country = rest.country;
        let (mut all_given, mut all_taken, mut wrong) = (Given::new(), Given::new(), Vec::new());
        for province in &country.plan().provinces {
            let Some(leader) = country.leader(*province) else { continue };
            let seen = country.read(&leader, |state| {
                let mut wrong = Vec::new();
                (given(state, &mut wrong), taken(state), wrong)
            });
            let Some((given, taken, here)) = seen else { continue };
            all_given.extend(given);
            all_taken.extend(taken);
            wrong.extend(here);
        }
        for (award, what) in &all_given {
            if all_taken.get(award) != Some(what) {
                wrong.push(format!("{award}: {what:?} was given, and {:?} taken at home", all_taken.get(award)));
            }
        }
        for award in all_taken.keys().filter(|award| !all_given.contains_key(award)) {
            wrong.push(format!("{award}: {:?} was taken at home and does not stand", all_taken[award]));
        }
        wrong
    }
}
