//! Which state versions the replicas of a group execute, and the raising of the one in force.
//!
//! ```text
//!  leader ─ what do you execute? ─▶ every voter and learner          in every round anew
//!         ◀─ 1 to 2 ───────────────  (one that does not know the question: 1 to 1)
//!         └─ all of them, and more than is in force ─▶ RaiseVersion in the log
//! ```
//!
//! Only a round in which every replica answered counts: one that is down may come back as an older
//! program. One that falls back between its answer and the entry stops at the entry; it never goes on
//! by rules that are not the group's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use mpss_domain::{Command, State, StateVersion, Verb, VersionRange};
use mpss_runtime::Clock;
use tokio::sync::watch;

use crate::Member;
use crate::codec;
use crate::machine::Shared;
use crate::network::link::{Link, LinkError};
use crate::network::wire::{Kind, Refusal, VersionsAnswer, VersionsAsked};
use crate::proposer::Queue;
use crate::replica::{ReplicaStatus, Role};

/// How often the leader asks while there is something to raise to.
const ASK_INTERVAL: Duration = Duration::from_secs(1);
/// Rounds it leaves out when there is not: then it asks only for whoever looks at the group.
const ROUNDS_LEFT_OUT: u32 = 9;

/// A program that does not know the question is from before there was a second version.
const BEFORE_VERSIONS: VersionRange = VersionRange { oldest: StateVersion::FIRST, newest: StateVersion::FIRST };

/// The versions this replica executes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Executes {
    pub(crate) range: VersionRange,
}

impl Executes {
    /// What the program executes, but nothing above `max`.
    pub(crate) fn up_to(max: StateVersion) -> Self {
        let program = VersionRange::THIS_PROGRAM;
        Self { range: VersionRange { newest: program.newest.min(max), ..program } }
    }

    /// All that the program executes.
    pub(crate) fn everything() -> Self {
        Self::up_to(StateVersion::NEWEST)
    }

    /// What is said when `what` asks for `version`, which is not executed here, and what helps.
    pub(crate) fn objection(self, what: &str, version: StateVersion) -> String {
        let (here, program) = (self.range, VersionRange::THIS_PROGRAM);
        if program.contains(version) {
            return format!(
                "this replica executes state versions {here}; {what}: raise its state_version_max, the program \
                 executes {program}"
            );
        }
        let which = if version > program.newest { "the newer" } else { "an older" };
        format!("this program executes state versions {here}; {what}: install {which} program")
    }
}

/// What is known of the versions of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// The version in force in this replica's state.
    pub in_force: StateVersion,
    /// What each replica said it executes, as far as it is known here; the leader asks, and tells the
    /// others what it heard.
    pub executed: BTreeMap<u64, VersionRange>,
}

/// What was heard last, for whoever looks.
pub(crate) struct Heard {
    node: u64,
    executes: Executes,
    others: watch::Sender<BTreeMap<u64, VersionRange>>,
    /// Held while the group is asked and raised, and while a replica is added, so that neither goes by
    /// what the other is about to change.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

impl Heard {
    pub(crate) fn new(node: u64, executes: Executes) -> Arc<Self> {
        Arc::new(Self { node, executes, others: watch::Sender::default(), changing: tokio::sync::Mutex::new(()) })
    }

    /// Everyone's, this replica's own with them.
    pub(crate) fn all(&self) -> BTreeMap<u64, VersionRange> {
        let mut all = self.others.borrow().clone();
        all.insert(self.node, self.executes.range);
        all
    }

    fn replace(&self, heard: BTreeMap<u64, VersionRange>) {
        self.others.send_replace(heard);
    }

    /// Changes with whatever is heard of the others.
    pub(crate) fn watch(&self) -> watch::Receiver<BTreeMap<u64, VersionRange>> {
        self.others.subscribe()
    }

    /// The leader tells what it knows and wants to know what is executed here.
    pub(crate) fn answer(&self, asked: VersionsAsked) -> VersionsAnswer {
        self.replace(asked.known);
        VersionsAnswer { executes: self.executes.range }
    }
}

/// Asks one replica.
///
/// # Errors
/// When it gives no answer now.
pub(crate) async fn ask(
    link: &Arc<Link>,
    node: u64,
    member: &Member,
    known: BTreeMap<u64, VersionRange>,
    deadline: Duration,
) -> Result<VersionRange, LinkError> {
    let asked = VersionsAsked { known };
    match link.ask::<_, VersionsAnswer>(node, member, Kind::Versions, &asked, deadline).await {
        Ok(answer) => Ok(answer.executes),
        Err(LinkError::Refused(Refusal::Malformed(_))) => Ok(BEFORE_VERSIONS),
        Err(error) => Err(error),
    }
}

/// The leader's part: learns what everyone executes, and raises what is in force.
pub(crate) struct Raiser {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) link: Arc<Link>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) status: watch::Receiver<ReplicaStatus>,
    pub(crate) heard: Arc<Heard>,
    pub(crate) ask_deadline: Duration,
    pub(crate) propose_deadline: Duration,
}

impl Raiser {
    pub(crate) async fn run(self) {
        // None is left out after leadership came here.
        let mut leave_out = 0;
        loop {
            self.clock.sleep(ASK_INTERVAL).await;
            match self.status.borrow().role {
                Role::Leader => {}
                Role::Stopped => return,
                Role::Follower | Role::Candidate | Role::Learner => {
                    leave_out = 0;
                    continue;
                }
            }
            if leave_out > 0 {
                leave_out -= 1;
                continue;
            }
            self.round().await;
            let in_force = self.shared.state.read().version();
            leave_out = if in_force < self.heard.executes.range.newest { 0 } else { ROUNDS_LEFT_OUT };
        }
    }

    async fn round(&self) {
        let _changing = self.heard.changing.lock().await;
        let others: BTreeMap<u64, Member> = {
            let status = self.status.borrow();
            let all = status.voters.iter().chain(&status.learners);
            all.filter(|(node, _)| **node != status.node).map(|(node, member)| (*node, member.clone())).collect()
        };
        let known = self.heard.all();
        let asking = others.iter().map(|(node, member)| {
            let known = known.clone();
            async move { (*node, ask(&self.link, *node, member, known, self.ask_deadline).await) }
        });
        let answers = join_all(asking).await;
        let heard: BTreeMap<u64, VersionRange> =
            answers.into_iter().filter_map(|(node, answer)| Some((node, answer.ok()?))).collect();
        let everyone = heard.len() == others.len();
        self.heard.replace(heard);
        let agreed = self.heard.all().values().map(|range| range.newest).min();
        let in_force = self.shared.state.read().version();
        if let Some(to) = agreed.filter(|to| everyone && *to > in_force) {
            tracing::info!(%in_force, %to, "every replica executes a newer state version; it is raised");
            self.propose(to).await;
        }
    }

    async fn propose(&self, to: StateVersion) {
        let command = codec::encode_command(&Command::internal(Verb::RaiseVersion { to }));
        let deadline = self.clock.monotonic() + self.propose_deadline;
        // When it is not taken now, the next round proposes it again.
        if let Ok(waiting) = self.queue.push(command.into(), deadline, true) {
            let _ = waiting.await;
        }
    }
}

/// Why a replica that executes `offered` (`None` when it does not say) can not join a group that is
/// decided by `in_force`.
pub(crate) fn why_not(node: u64, offered: Option<VersionRange>, in_force: StateVersion) -> Option<String> {
    match offered {
        Some(range) if range.contains(in_force) => None,
        Some(range) => Some(format!(
            "replica {node} executes state versions {range} and the group is at {in_force}: install a program that \
             executes it"
        )),
        // Programs from before there were versions execute the first.
        None if in_force == StateVersion::FIRST => None,
        None => Some(format!(
            "replica {node} does not say which state versions it executes, and the group is at {in_force}: start it \
             before it is added"
        )),
    }
}

impl Versions {
    pub(crate) fn of(state: &State, heard: &Heard) -> Self {
        Self { in_force: state.version(), executed: heard.all() }
    }
}
