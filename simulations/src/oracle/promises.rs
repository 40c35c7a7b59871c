//! What a replica says is durable is on its disk in the moment it says so: entries it confirms, the
//! vote it gives, the leader it follows. A crash may come right behind the word.

use mpss_cluster::inspect::{self, Ballot, DurableLog, Place, Promise};

use super::{Property, Seen};

/// See the module.
#[derive(Default)]
pub(super) struct Promises;

fn has_voted(durable: &DurableLog, ballot: Ballot) -> bool {
    durable.vote.is_some_and(|vote| (vote.term, vote.node) >= (ballot.term, ballot.node))
}

fn broken(asked: &bytes::Bytes, answer: &[u8], durable: &DurableLog, snapshot: Option<Place>) -> Option<String> {
    let question = inspect::question(asked)?;
    match inspect::promise(&question, answer) {
        Promise::Nothing => None,
        Promise::Holds(end, leader) => {
            let holds = |end: Place| snapshot.is_some_and(|at| at.index >= end.index) || durable.holds(end);
            if let Some(end) = end.filter(|end| !holds(*end)) {
                let there = durable.entries.get(&end.index);
                return Some(format!("confirmed {end:?}; at that index its disk has {there:?}, snapshot {snapshot:?}"));
            }
            (!has_voted(durable, leader))
                .then(|| format!("follows {leader:?}, and the vote on its disk is {:?}", durable.vote))
        }
        Promise::Voted(ballot) => (!has_voted(durable, ballot))
            .then(|| format!("voted for {ballot:?}, and the vote on its disk is {:?}", durable.vote)),
        Promise::Installed(_) => snapshot.is_none().then(|| "took a snapshot, and none is on its disk".to_owned()),
    }
}

impl Property for Promises {
    fn name(&self) -> &'static str {
        "promises are kept on disk"
    }

    fn clause(&self) -> &'static str {
        "product §4: an answered purchase survives any one machine"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Answering { machine, request, answer, durable, snapshot } = seen else { return Vec::new() };
        let wrong = broken(request, answer, durable, *snapshot);
        wrong.map(|what| format!("{machine} {what}")).into_iter().collect()
    }
}
