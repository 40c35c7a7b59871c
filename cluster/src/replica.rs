//! One replica of a province: the only door to the log and to the state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::{Command, Reply, State, StateVersion, VersionRange};
use mpss_runtime::Seams;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, RaftError};
use openraft::{ChangeMembers, ReadPolicy};
use tokio::sync::watch;

use crate::codec;
use crate::history::History;
use crate::network::link::LinkError;
use crate::network::wire::{Kind, ReadIndexAnswer};
use crate::options::{Member, ReplicaOptions};
use crate::running::Running;
use crate::types::Types;
use crate::versions::{self, Versions};
use crate::witness::Witness;

/// Pause before a read or a wait is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(10);
/// Time for a new replica to catch up.
const CATCH_UP_DEADLINE: Duration = Duration::from_secs(10);
/// Time for a snapshot that is asked for.
const SNAPSHOT_DEADLINE: Duration = Duration::from_secs(600);

/// One replica. Cheap to clone.
#[derive(Clone)]
pub struct Replica {
    inner: Arc<Running>,
}

/// What a replica is in its group now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Orders the log.
    Leader,
    /// Follows.
    Follower,
    /// Asks to lead.
    Candidate,
    /// Follows without a vote.
    Learner,
    /// Has stopped.
    Stopped,
}

/// A replica's view of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// Its number.
    pub node: u64,
    /// Its role.
    pub role: Role,
    /// The election it knows of.
    pub term: u64,
    /// Who leads, as far as it knows.
    pub leader: Option<u64>,
    /// Last log entry it has.
    pub last_log: u64,
    /// Last log entry known to be on a quorum.
    pub committed: u64,
    /// Last log entry applied.
    pub applied: u64,
    /// Last log entry in its newest snapshot.
    pub snapshot: u64,
    /// Oldest log entry it still has.
    pub first_log: u64,
    /// The voters, and the learners.
    pub voters: BTreeMap<u64, Member>,
    /// Replicas that follow without a vote.
    pub learners: BTreeMap<u64, Member>,
    /// On the leader: last log entry each replica is known to have.
    pub replicated: BTreeMap<u64, u64>,
}

/// A proposal without a reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Too much is waiting; nothing happened.
    #[error("too many commands are waiting; try again in {retry_after:?}")]
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// There is no leader to ask; nothing happened.
    #[error("the province has no leader now; nothing was done")]
    Unavailable,
    /// The command is too large for the log; nothing happened.
    #[error("the command is {bytes} bytes; the log takes {max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest taken.
        max: usize,
    },
    /// No answer in time: it may or may not have happened. Ask again with the same request id.
    #[error("no answer in time; the outcome is unknown")]
    Unknown,
    /// This replica has stopped for good.
    #[error("this replica has stopped")]
    Stopped,
}

/// A read that can not be answered with certainty now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No leader confirmed the read.
    #[error("the province has no leader to confirm the read")]
    Unavailable,
    /// This replica has stopped for good.
    #[error("this replica has stopped")]
    Stopped,
}

/// A change of the group that did not happen, or may not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    /// Only the leader changes the group; ask it.
    #[error("only the leader changes the group")]
    NotLeader(Option<Member>),
    /// The change is refused; the sentence says why.
    #[error("{0}")]
    Refused(String),
    /// No answer in time.
    #[error("no answer in time; look at the membership before trying again")]
    Unknown,
}

/// A replica that can not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The disk failed.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A durable record is damaged. The replica must not go on with it.
    #[error("{file} is damaged at byte {offset}: {what}")]
    Damaged {
        /// Which file.
        file: String,
        /// Where.
        offset: u64,
        /// How.
        what: String,
    },
    /// The folder belongs to another replica or a newer version.
    #[error("{0}")]
    Foreign(String),
    /// Replication could not be started.
    #[error("replication could not be started: {0}")]
    Raft(String),
}

impl Replica {
    /// Starts a replica from what its disk holds; founds the group when the disk is empty and the
    /// options name founders. `fatal` is called once when the replica must not go on (disk error,
    /// damage, divergence, broken money invariant); the process then ends.
    ///
    /// When this returns the replica serves the others, and its state is what its own disk knows to
    /// be committed. [`Self::wait_recovered`] waits until it is what the group has committed.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        options: ReplicaOptions,
        seams: Seams,
        fatal: Arc<dyn Fn(String) + Send + Sync>,
    ) -> Result<Self, StartError> {
        Ok(Self { inner: Running::start(options, seams, fatal, None).await? })
    }

    /// The same, with someone who looks on while entries are applied.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_witnessed(
        options: ReplicaOptions,
        seams: Seams,
        fatal: Arc<dyn Fn(String) + Send + Sync>,
        witness: Arc<dyn Witness>,
    ) -> Result<Self, StartError> {
        Ok(Self { inner: Running::start(options, seams, fatal, Some(witness)).await? })
    }

    /// Proposes a command and waits for its reply. On a follower the command is passed to the
    /// leader. Many commands that wait share one log entry.
    ///
    /// # Errors
    /// See [`ProposeError`]; only `Unknown` may have happened.
    pub async fn propose(&self, command: Command) -> Result<Reply, ProposeError> {
        let inner = &self.inner;
        let encoded = codec::encode_command(&command);
        let deadline = inner.clock.monotonic() + inner.options.propose_deadline;
        inner.queue.push(encoded.into(), deadline, false)?.await
    }

    /// Reads this replica's state as it is, which on a follower may be behind.
    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.inner.shared.state.read())
    }

    /// Waits until this replica has applied log entry `index`, then reads. For showing what a
    /// command forwarded to the leader did.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] when the entry does not arrive in time.
    pub async fn read_at<R>(&self, index: u64, look: impl FnOnce(&State) -> R) -> Result<R, ReadError> {
        let deadline = self.inner.clock.monotonic() + self.inner.options.propose_deadline;
        self.wait_applied(index, deadline).await?;
        Ok(self.read(look))
    }

    /// Reads a state that holds everything acknowledged before this call, on any replica.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read_linearizable<R>(&self, look: impl FnOnce(&State) -> R) -> Result<R, ReadError> {
        let deadline = self.inner.clock.monotonic() + self.inner.options.propose_deadline;
        loop {
            if let Some(index) = self.read_index(deadline).await? {
                self.wait_applied(index, deadline).await?;
                return Ok(self.read(look));
            }
            if self.inner.clock.monotonic() >= deadline {
                return Err(ReadError::Unavailable);
            }
            self.inner.clock.sleep(RETRY_PAUSE).await;
        }
    }

    /// A position that holds everything acknowledged before this call, confirmed by the leader;
    /// `None` when there is none to confirm it now.
    async fn read_index(&self, deadline: Duration) -> Result<Option<u64>, ReadError> {
        let inner = &self.inner;
        let (role, leader) = {
            let status = inner.status.borrow();
            (status.role, status.leader.and_then(|node| Some((node, status.member(node)?.clone()))))
        };
        let left = deadline.saturating_sub(inner.clock.monotonic());
        match (role, leader) {
            (Role::Stopped, _) => Err(ReadError::Stopped),
            #[cfg(feature = "mutants")]
            (Role::Leader, _) if crate::mutant::Mutant::LeaseReadByDeposedLeader.is_planted() => {
                Ok(Some(*inner.shared.applied.subscribe().borrow()))
            }
            (Role::Leader, _) => {
                // Confirmed by a quorum each time (many reads share a round): the lease alone does not
                // hold against a voter that was restarted.
                let confirmed = tokio::select! {
                    biased;
                    confirmed = inner.raft.get_read_linearizer(ReadPolicy::ReadIndex) => confirmed,
                    () = inner.clock.sleep(left) => return Ok(None),
                };
                match confirmed {
                    Ok(linearizer) => Ok(Some(linearizer.read_log_id().index())),
                    Err(RaftError::Fatal(_)) => Err(ReadError::Stopped),
                    Err(RaftError::APIError(_)) => Ok(None),
                }
            }
            (_, Some((node, member))) if node != inner.options.node => {
                let asked = inner.link.ask::<_, ReadIndexAnswer>(node, &member, Kind::ReadIndex, &(), left);
                match asked.await {
                    Ok(ReadIndexAnswer::Index(index)) => Ok(Some(index)),
                    Ok(ReadIndexAnswer::NotLeader) | Err(_) => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    async fn wait_applied(&self, index: u64, deadline: Duration) -> Result<(), ReadError> {
        let inner = &self.inner;
        let mut applied = inner.shared.applied.subscribe();
        let mut status = inner.status.clone();
        loop {
            if *applied.borrow_and_update() >= index {
                return Ok(());
            }
            if status.borrow_and_update().role == Role::Stopped {
                return Err(ReadError::Stopped);
            }
            tokio::select! {
                biased;
                _ = applied.changed() => {}
                () = inner.clock.sleep_until(deadline) => return Err(ReadError::Unavailable),
                changed = status.changed() => if changed.is_err() {
                    return Err(ReadError::Stopped);
                },
            }
        }
    }

    /// Waits until this replica's state holds everything the group had committed when this was
    /// called. For a replica that has just been started.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] when `deadline` passes first.
    pub async fn wait_recovered(&self, deadline: Duration) -> Result<(), ReadError> {
        let end = self.inner.clock.monotonic() + deadline;
        loop {
            match self.read_index(end).await? {
                Some(index) => return self.wait_applied(index, end).await,
                None if self.inner.clock.monotonic() >= end => return Err(ReadError::Unavailable),
                None => self.inner.clock.sleep(RETRY_PAUSE).await,
            }
        }
    }

    /// A clone of the state at one log position, for long looks. Cheap; never stops `apply`.
    #[must_use]
    pub fn view(&self) -> State {
        self.read(State::clone)
    }

    /// Changes of role, leader, positions and membership.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<ReplicaStatus> {
        self.inner.status.clone()
    }

    /// Rises when effects were added by an applied entry; holds the log index.
    #[must_use]
    pub fn effects(&self) -> watch::Receiver<u64> {
        self.inner.shared.effects.subscribe()
    }

    /// The read side of this replica.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.inner.history
    }

    /// The state version in force here, and what is known of the versions each replica executes.
    #[must_use]
    pub fn versions(&self) -> Versions {
        self.read(|state| Versions::of(state, &self.inner.heard))
    }

    /// Changes whenever something is heard of the versions that the other replicas execute; what is known
    /// then, [`Replica::versions`] tells.
    #[must_use]
    pub fn versions_heard(&self) -> watch::Receiver<BTreeMap<u64, VersionRange>> {
        self.inner.heard.watch()
    }

    /// Adds a replica without a vote and waits until it has caught up. Leader only. One that does not
    /// execute the state version in force is refused.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn add_learner(&self, node: u64, member: Member) -> Result<(), MembershipError> {
        let inner = &self.inner;
        // Until it is there, so that nothing is raised that it was not asked about.
        let _changing = inner.heard.changing.lock().await;
        self.check_versions_of(node, &member).await?;
        self.end_interrupted_change().await?;
        let added = self.change(inner.raft.add_learner(node, member, false)).await?;
        let deadline = inner.clock.monotonic() + CATCH_UP_DEADLINE;
        let mut status = inner.status.clone();
        loop {
            {
                let seen = status.borrow_and_update();
                if seen.role != Role::Leader {
                    return Err(MembershipError::Unknown);
                }
                if seen.replicated.get(&node).is_some_and(|index| *index >= added) {
                    return Ok(());
                }
            }
            tokio::select! {
                biased;
                changed = status.changed() => if changed.is_err() {
                    return Err(MembershipError::Unknown);
                },
                () = inner.clock.sleep_until(deadline) => return Err(MembershipError::Unknown),
            }
        }
    }

    /// Does a replica that is to be added execute the version in force?
    async fn check_versions_of(&self, node: u64, member: &Member) -> Result<(), MembershipError> {
        let inner = &self.inner;
        {
            let status = inner.status.borrow();
            if status.role != Role::Leader || status.member(node).is_some() {
                // Whoever leads is asked, or it is one of us already.
                return Ok(());
            }
        }
        // Confirmed: an entry that raises may be committed and not be applied here yet.
        let in_force = match self.read_linearizable(State::version).await {
            Ok(version) => version,
            Err(_) => return Err(MembershipError::NotLeader(None)),
        };
        let deadline = inner.clock.monotonic() + CATCH_UP_DEADLINE;
        let offered = loop {
            let left = deadline.saturating_sub(inner.clock.monotonic());
            match versions::ask(&inner.link, node, member, inner.heard.all(), left).await {
                Ok(range) => break Some(range),
                Err(LinkError::Refused(_)) => break None,
                // It may be starting. Of the first version nothing has to be known.
                Err(_) if in_force > StateVersion::FIRST && inner.clock.monotonic() + RETRY_PAUSE < deadline => {
                    inner.clock.sleep(RETRY_PAUSE).await;
                }
                Err(_) => break None,
            }
        };
        versions::why_not(node, offered, in_force).map_or(Ok(()), |why| Err(MembershipError::Refused(why)))
    }

    /// Makes exactly these replicas the voters; each must be a voter or a learner already. Leader only.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn change_voters(&self, voters: Vec<u64>) -> Result<(), MembershipError> {
        let voters: BTreeSet<u64> = voters.into_iter().collect();
        let _changing = self.inner.heard.changing.lock().await;
        self.change(self.inner.raft.change_membership(voters, false)).await.map(|_| ())
    }

    /// Takes a replica without a vote out of the group; nothing happens when it is not in it. Leader
    /// only.
    ///
    /// # Errors
    /// See [`MembershipError`]; refused for one that votes.
    pub async fn remove_learner(&self, node: u64) -> Result<(), MembershipError> {
        let _changing = self.inner.heard.changing.lock().await;
        self.end_interrupted_change().await?;
        {
            let status = self.inner.status.borrow();
            if status.role == Role::Leader && status.voters.contains_key(&node) {
                return Err(MembershipError::Refused(format!("replica {node} votes: say first who votes without it")));
            }
        }
        let removed = ChangeMembers::RemoveNodes(BTreeSet::from([node]));
        self.change(self.inner.raft.change_membership(removed, false)).await.map(|_| ())
    }

    /// Ends a change of voters that was begun and not ended, because its leader died in the middle or
    /// gave up waiting, as it was meant: those who lost their vote leave the group. Adding a learner
    /// would end it, too, and keep them for ever.
    async fn end_interrupted_change(&self) -> Result<(), MembershipError> {
        let meant = {
            let metrics = self.inner.raft.metrics();
            let metrics = metrics.borrow_watched();
            match metrics.membership_config.membership().get_joint_config().as_slice() {
                [_, .., meant] => meant.clone(),
                _ => return Ok(()),
            }
        };
        self.change(self.inner.raft.change_membership(meant, false)).await.map(|_| ())
    }

    async fn change(
        &self,
        change: impl Future<
            Output = Result<openraft::raft::ClientWriteResponse<Types>, RaftError<Types, ClientWriteError<Types>>>,
        >,
    ) -> Result<u64, MembershipError> {
        let deadline = self.inner.clock.sleep(self.inner.options.propose_deadline * 2);
        let changed = tokio::select! {
            biased;
            changed = change => changed,
            () = deadline => return Err(MembershipError::Unknown),
        };
        match changed {
            Ok(response) => Ok(response.log_id.index),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => {
                Err(MembershipError::NotLeader(forward.leader_node))
            }
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(refused))) => {
                Err(MembershipError::Refused(refused.to_string()))
            }
            Err(RaftError::APIError(_) | RaftError::Fatal(_)) => Err(MembershipError::Unknown),
        }
    }

    /// Hands leadership to another voter, for a planned stop. Leader only.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn transfer_leadership(&self, to: u64) -> Result<(), MembershipError> {
        let inner = &self.inner;
        let mut status = inner.status.clone();
        {
            let seen = status.borrow_and_update();
            if seen.role != Role::Leader {
                let leader = seen.leader.and_then(|node| seen.member(node).cloned());
                return Err(MembershipError::NotLeader(leader));
            }
            if !seen.voters.contains_key(&to) {
                return Err(MembershipError::Refused(format!("replica {to} has no vote")));
            }
        }
        if to == inner.options.node {
            return Ok(());
        }
        inner.raft.trigger().transfer_leader(to).await.map_err(|_| MembershipError::Unknown)?;
        let deadline = inner.clock.monotonic() + inner.options.propose_deadline;
        loop {
            if status.borrow_and_update().leader == Some(to) {
                return Ok(());
            }
            tokio::select! {
                biased;
                changed = status.changed() => if changed.is_err() {
                    return Err(MembershipError::Unknown);
                },
                () = inner.clock.sleep_until(deadline) => return Err(MembershipError::Unknown),
            }
        }
    }

    /// Takes a snapshot now and waits for it.
    ///
    /// # Errors
    /// [`ReadError::Stopped`] when the replica has stopped, [`ReadError::Unavailable`] when it takes
    /// too long.
    pub async fn snapshot_now(&self) -> Result<(), ReadError> {
        let inner = &self.inner;
        let target = *inner.shared.applied.borrow();
        let deadline = inner.clock.monotonic() + SNAPSHOT_DEADLINE;
        let mut status = inner.status.clone();
        loop {
            {
                let seen = status.borrow_and_update();
                if seen.role == Role::Stopped {
                    return Err(ReadError::Stopped);
                }
                if seen.snapshot >= target {
                    return Ok(());
                }
            }
            // One that was begun before may end below the target; then this begins the next.
            inner.raft.trigger().snapshot().await.map_err(|_| ReadError::Stopped)?;
            tokio::select! {
                biased;
                changed = status.changed() => if changed.is_err() {
                    return Err(ReadError::Stopped);
                },
                () = inner.clock.sleep(RETRY_PAUSE * 10) => if inner.clock.monotonic() >= deadline {
                    return Err(ReadError::Unavailable);
                },
            }
        }
    }

    /// Stops cleanly: no more proposals, what is accepted is finished, files are closed.
    pub async fn shutdown(&self) {
        self.inner.shutdown().await;
    }
}

impl ReplicaStatus {
    /// A replica of the group.
    #[must_use]
    pub fn member(&self, node: u64) -> Option<&Member> {
        self.voters.get(&node).or_else(|| self.learners.get(&node))
    }
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica").field("node", &self.inner.options.node).finish_non_exhaustive()
    }
}
