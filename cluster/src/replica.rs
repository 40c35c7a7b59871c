//! One replica of a province: the only door to the log and to the state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::{Command, Reply, State};
use mpss_runtime::Seams;
use tokio::sync::watch;

use crate::history::History;
use crate::options::{Member, ReplicaOptions};

/// One replica. Cheap to clone.
#[derive(Clone)]
pub struct Replica {
    inner: Arc<()>,
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
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        options: ReplicaOptions,
        seams: Seams,
        fatal: Arc<dyn Fn(String) + Send + Sync>,
    ) -> Result<Self, StartError> {
        let _ = (options, seams, fatal);
        Ok(Self { inner: Arc::new(()) })
    }

    /// Proposes a command and waits for its reply. On a follower the command is passed to the
    /// leader. Many commands that wait share one log entry.
    ///
    /// # Errors
    /// See [`ProposeError`]; only `Unknown` may have happened.
    pub async fn propose(&self, command: Command) -> Result<Reply, ProposeError> {
        let _ = (command, &self.inner);
        Err(ProposeError::Unavailable)
    }

    /// Reads this replica's state as it is, which on a follower may be behind.
    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&State::new(mpss_domain::ProvinceId::NATIONAL))
    }

    /// Waits until this replica has applied log entry `index`, then reads. For showing what a
    /// command forwarded to the leader did.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] when the entry does not arrive in time.
    pub async fn read_at<R>(&self, index: u64, look: impl FnOnce(&State) -> R) -> Result<R, ReadError> {
        let _ = index;
        Ok(self.read(look))
    }

    /// Reads a state that holds everything acknowledged before this call, on any replica.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read_linearizable<R>(&self, look: impl FnOnce(&State) -> R) -> Result<R, ReadError> {
        Ok(self.read(look))
    }

    /// A clone of the state at one log position, for long looks. Cheap; never stops `apply`.
    #[must_use]
    pub fn view(&self) -> State {
        self.read(State::clone)
    }

    /// Changes of role, leader, positions and membership.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<ReplicaStatus> {
        unreachable!("stub")
    }

    /// Rises when effects were added by an applied entry; holds the log index.
    #[must_use]
    pub fn effects(&self) -> watch::Receiver<u64> {
        unreachable!("stub")
    }

    /// The read side of this replica.
    #[must_use]
    pub fn history(&self) -> &History {
        unreachable!("stub")
    }

    /// Adds a replica without a vote and waits until it has caught up. Leader only.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn add_learner(&self, node: u64, member: Member) -> Result<(), MembershipError> {
        let _ = (node, member);
        Ok(())
    }

    /// Makes exactly these replicas the voters; each must be a voter or a learner already. Leader only.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn change_voters(&self, voters: Vec<u64>) -> Result<(), MembershipError> {
        let _ = voters;
        Ok(())
    }

    /// Hands leadership to another voter, for a planned stop. Leader only.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn transfer_leadership(&self, to: u64) -> Result<(), MembershipError> {
        let _ = to;
        Ok(())
    }

    /// Takes a snapshot now and waits for it.
    ///
    /// # Errors
    /// [`ReadError::Stopped`] when the replica has stopped.
    pub async fn snapshot_now(&self) -> Result<(), ReadError> {
        Ok(())
    }

    /// Stops cleanly: no more proposals, what is accepted is finished, files are closed.
    pub async fn shutdown(&self) {}
}
