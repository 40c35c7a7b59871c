//! A province's group is the machines it has: each with a vote, and nobody else (product §8: replace a
//! dead node). A replica that is gone and still counts as one of the group is sent everything for ever.

use super::{AtRest, Property};

/// See the module.
#[derive(Default)]
pub(super) struct Group;

impl Property for Group {
    fn name(&self) -> &'static str {
        "the group is the machines there are"
    }

    fn clause(&self) -> &'static str {
        "product §8: replace a dead node"
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let country = rest.country;
        let mut wrong = Vec::new();
        for province in &country.plan().provinces {
            let names = country.names_of(*province);
            let mut machines: Vec<u64> = names.iter().map(|name| country.number_of(name)).collect();
            machines.sort_unstable();
            let leader = country.leader(*province).and_then(|leader| country.context(&leader));
            let Some(leader) = leader else { continue };
            let status = leader.replica.watch().borrow().clone();
            let voters: Vec<u64> = status.voters.keys().copied().collect();
            let learners: Vec<u64> = status.learners.keys().copied().collect();
            if voters != machines || !learners.is_empty() {
                wrong.push(format!("{province}: replicas {machines:?}, voters {voters:?}, learners {learners:?}"));
            }
        }
        wrong
    }
}
