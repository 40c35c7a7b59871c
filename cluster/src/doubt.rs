//! A replica whose log's last batch was bad, and how it is trusted again.
//!
//! The batch may have been torn by a crash, so nobody was told of it; or it was acknowledged and
//! damaged later. In the second case the replica must not help to elect a leader that lacks what it
//! acknowledged, and the leader must not be surprised that it lacks it. So, in doubt, a replica
//!
//! - accepts nothing from a leader before it has told that leader of the doubt, which may then find
//!   the log shorter than it was;
//! - gives no vote and stands in no election, unless it has heard from so many voters where their
//!   logs end that every entry it may have acknowledged is on one of them; then the highest of those
//!   ends is the *floor* that a candidate must reach;
//! - is trusted again when it has applied, and made durable, everything that the leader's log held
//!   when the leader was told.
//!
//! The vote itself is never in doubt: it is kept twice, see [`crate::log::vote_file`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use mpss_runtime::{Clock, Disk};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::Member;
use crate::log::doubt_mark;
use crate::log::store::LogStore;
use crate::network::link::Link;
use crate::network::wire::{DoubtAnswer, DoubtAsked, Kind, LogEndAnswer};
use crate::replica::{ReplicaStatus, Role};
use crate::stored::{LogIdRow, VoteRow};
use crate::types::{Raft, RaftVote};

/// Where the highest known log of the group ends; `None` inside when all logs are empty.
type Floor = Option<Option<LogIdRow>>;

/// The replicas as this one knows them.
pub(crate) struct Group {
    /// One set of voters; two while the group changes.
    pub(crate) voters: Vec<BTreeSet<u64>>,
    pub(crate) members: BTreeMap<u64, Member>,
}

/// What is let through while in doubt.
pub(crate) struct Gate {
    in_doubt: AtomicBool,
    known: Mutex<Known>,
    /// A leader came that has not been told.
    leader_seen: Notify,
}

#[derive(Default)]
struct Known {
    /// The leader that sent something last.
    seen: Option<VoteRow>,
    /// The leader that was told.
    told: Option<VoteRow>,
    floor: Floor,
}

impl Gate {
    pub(crate) fn new(in_doubt: bool) -> Arc<Self> {
        Arc::new(Self {
            in_doubt: AtomicBool::new(in_doubt),
            known: Mutex::new(Known::default()),
            leader_seen: Notify::new(),
        })
    }

    pub(crate) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Acquire)
    }

    /// May something from the leader of `vote` be accepted?
    pub(crate) fn admits_leader(&self, vote: VoteRow) -> bool {
        if !self.is_in_doubt() {
            return true;
        }
        let mut known = self.known.lock();
        if known.told == Some(vote) {
            return true;
        }
        known.seen = Some(vote);
        self.leader_seen.notify_one();
        false
    }

    /// May a candidate whose log ends at `last` be voted for?
    pub(crate) fn admits_candidate(&self, last: Option<LogIdRow>) -> bool {
        !self.is_in_doubt() || self.known.lock().floor.is_some_and(|floor| last >= floor)
    }
}

/// Enough answers that every entry this replica may have acknowledged is among them: the voters that
/// did not answer are fewer than it would take to commit an entry together with this one.
fn enough(voters: &[BTreeSet<u64>], this: u64, answered: &BTreeSet<u64>) -> bool {
    voters.iter().all(|set| {
        let quorum = set.len() / 2 + 1;
        let silent = set.iter().filter(|node| **node != this && !answered.contains(node)).count();
        let own = usize::from(set.contains(&this));
        silent + own < quorum
    })
}

/// Works until the doubt is over.
pub(crate) struct Resolver {
    pub(crate) gate: Arc<Gate>,
    pub(crate) raft: Raft,
    pub(crate) log: LogStore,
    pub(crate) log_disk: Arc<dyn Disk>,
    pub(crate) link: Arc<Link>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) status: watch::Receiver<ReplicaStatus>,
    pub(crate) applied: watch::Receiver<u64>,
    pub(crate) group: Arc<dyn Fn() -> Group + Send + Sync>,
    /// Time without a word from a leader before the others are asked where their logs end.
    pub(crate) patience: Duration,
    pub(crate) deadline: Duration,
}

impl Resolver {
    pub(crate) async fn run(mut self) {
        while self.gate.is_in_doubt() {
            let seen = self.gate.known.lock().seen;
            if let Some(vote) = seen
                && self.confirm_with(vote).await
            {
                self.settle(vote.node).await;
                return;
            }
            if self.status.borrow().role == Role::Leader && self.confirm_leading().await {
                self.settle(self.link.node).await;
                return;
            }
            tokio::select! {
                biased;
                () = self.gate.leader_seen.notified() => {}
                () = self.clock.sleep(self.patience) => self.ask_for_ends().await,
            }
        }
    }

    fn member(&self, node: u64) -> Option<Member> {
        (self.group)().members.remove(&node)
    }

    /// Tells the leader of `vote` and waits until its log as it is now is here; false when something
    /// changed on the way.
    async fn confirm_with(&mut self, vote: VoteRow) -> bool {
        let Some(member) = self.member(vote.node) else { return false };
        let asked = self.link.ask::<_, DoubtAnswer>(vote.node, &member, Kind::Doubt, &DoubtAsked::Begin, self.deadline);
        let Ok(DoubtAnswer::Leads { vote: leads, last }) = asked.await else { return false };
        // A leader of an older vote than this replica gave can not say what the newer one knew.
        let given = self.log.vote();
        if leads != vote || given.is_some_and(|given| given > RaftVote::from(vote)) {
            return false;
        }
        {
            let mut known = self.gate.known.lock();
            known.told = Some(vote);
            known.seen = None;
        }
        let caught_up = self.catch_up(vote, last.map_or(0, |last| last.index)).await;
        if !caught_up {
            // Whoever leads now is told anew.
            self.gate.known.lock().told = None;
        }
        caught_up && self.log.flush().await.is_ok()
    }

    /// Waits until entry `index` is applied; false when another leader comes or this one is lost.
    async fn catch_up(&mut self, vote: VoteRow, index: u64) -> bool {
        while *self.applied.borrow_and_update() < index {
            tokio::select! {
                biased;
                changed = self.applied.changed() => if changed.is_err() {
                    return false;
                },
                // A notice may be left over from before this leader was told.
                () = self.gate.leader_seen.notified() => if self.gate.known.lock().seen.is_some() {
                    return false;
                },
                () = self.clock.sleep(self.patience * 4) => if self.status.borrow().leader != Some(vote.node) {
                    return false;
                },
            }
        }
        true
    }

    /// Elected although in doubt, over the floor: what was acknowledged is here once an entry of this
    /// leadership is applied.
    async fn confirm_leading(&self) -> bool {
        self.raft.ensure_linearizable(openraft::ReadPolicy::ReadIndex).await.is_ok() && self.log.flush().await.is_ok()
    }

    /// Asks everyone where their logs end and sets the floor.
    async fn ask_for_ends(&self) {
        let Group { voters, members } = (self.group)();
        let this = self.link.node;
        let mut asking: FuturesUnordered<_> = members
            .iter()
            .filter(|(node, _)| **node != this)
            .map(|(node, member)| {
                let asked = self.link.ask::<_, LogEndAnswer>(*node, member, Kind::LogEnd, &(), self.deadline);
                let node = *node;
                async move { (node, asked.await) }
            })
            .collect();
        let mut answered = BTreeSet::new();
        let own = self.log.last_log_id().map(LogIdRow::from);
        let mut highest = own;
        while let Some((node, answer)) = asking.next().await {
            if let Ok(answer) = answer {
                answered.insert(node);
                highest = highest.max(answer.last);
            }
        }
        if enough(&voters, this, &answered) {
            self.gate.known.lock().floor = Some(highest);
            self.raft.runtime_config().elect(own >= highest);
        }
    }

    /// The doubt is over.
    async fn settle(&self, leader: u64) {
        if let Err(error) = doubt_mark::clear(&self.log_disk).await {
            self.link.fatal.report(format!("clearing the doubt of the log failed: {error}"));
            return;
        }
        self.gate.in_doubt.store(false, Ordering::Release);
        self.raft.runtime_config().elect(true);
        tracing::info!(leader, "the log is confirmed; this replica votes again");
        if let Some(member) = self.member(leader).filter(|_| leader != self.link.node) {
            // Only a courtesy: the leader need no longer expect the log to be shorter than it was.
            let ended = self.link.ask::<_, DoubtAnswer>(leader, &member, Kind::Doubt, &DoubtAsked::End, self.deadline);
            let _ = ended.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(term: u64, index: u64) -> LogIdRow {
        LogIdRow { term, node: 1, index }
    }

    #[test]
    fn a_candidate_must_reach_the_floor() {
        let gate = Gate::new(true);
        assert!(!gate.admits_candidate(Some(row(9, 9))), "no floor is known");
        gate.known.lock().floor = Some(Some(row(2, 7)));
        assert!(!gate.admits_candidate(Some(row(2, 6))) && !gate.admits_candidate(None));
        assert!(gate.admits_candidate(Some(row(2, 7))) && gate.admits_candidate(Some(row(3, 1))));
        assert!(Gate::new(false).admits_candidate(None));
    }

    #[test]
    fn a_leader_is_let_in_once_it_was_told() {
        let gate = Gate::new(true);
        let vote = VoteRow { term: 3, node: 2, committed: true };
        assert!(!gate.admits_leader(vote));
        gate.known.lock().told = Some(vote);
        assert!(gate.admits_leader(vote));
        assert!(!gate.admits_leader(VoteRow { term: 4, ..vote }), "each leader is told by itself");
    }

    #[test]
    fn of_three_both_others_must_answer_of_five_three_others() {
        let set = |nodes: &[u64]| nodes.iter().copied().collect::<BTreeSet<_>>();
        let three = [set(&[1, 2, 3])];
        assert!(!enough(&three, 1, &set(&[2])) && enough(&three, 1, &set(&[2, 3])));
        let five = [set(&[1, 2, 3, 4, 5])];
        assert!(!enough(&five, 1, &set(&[2, 3])) && enough(&five, 1, &set(&[2, 3, 4])));
        let joint = [set(&[1, 2, 3]), set(&[2, 3, 4])];
        assert!(enough(&joint, 1, &set(&[2, 3])));
        assert!(!enough(&joint, 1, &set(&[3, 4])));
        // A replica that is no voter in a set has acknowledged nothing there.
        assert!(enough(&[set(&[2, 3, 4])], 1, &set(&[2, 3])));
    }
}
