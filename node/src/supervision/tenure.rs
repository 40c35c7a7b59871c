//! The time in which this replica leads. Whoever drives something outside does it in a tenure, and
//! proposes nothing after it: the next leader finds the same rows and goes on.

use mpss_cluster::{ProposeError, ReadError, Replica, ReplicaStatus, Role};
use mpss_domain::{Command, Reply, State, Verb};
use tokio::sync::watch;

/// One term of leadership of this replica. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tenure {
    replica: Replica,
    status: watch::Receiver<ReplicaStatus>,
    term: u64,
}

/// Why something was not recorded; it is still open, and whoever leads finds it again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRecorded {
    /// This replica does not lead any more.
    #[error("this replica does not lead any more")]
    TenureOver,
    /// Not every replica can read it yet.
    #[error("a newer program is being installed")]
    TooEarly,
    /// The log did not take it, or did not answer.
    #[error(transparent)]
    Propose(#[from] ProposeError),
    /// The state could not be read after it.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Tenure {
    /// The tenure that a status speaks of, when this replica leads by it.
    pub(crate) fn of(replica: &Replica, status: &ReplicaStatus) -> Option<Self> {
        let leads = status.role == Role::Leader;
        leads.then(|| Self { replica: replica.clone(), status: replica.watch(), term: status.term })
    }

    /// True while this replica leads in the same term, as far as it knows.
    pub(crate) fn holds(&self) -> bool {
        let status = self.status.borrow();
        status.role == Role::Leader && status.term == self.term
    }

    /// The term.
    pub(crate) const fn term(&self) -> u64 {
        self.term
    }

    /// Proposes something that is idempotent by what it names.
    pub(crate) async fn record(&self, verb: Verb) -> Result<Reply, NotRecorded> {
        if !self.holds() {
            return Err(NotRecorded::TenureOver);
        }
        Ok(self.replica.propose(Command::internal(verb)).await?)
    }

    /// Reads the state as of a reply.
    pub(crate) async fn after<R>(&self, reply: &Reply, look: impl FnOnce(&State) -> R) -> Result<R, NotRecorded> {
        Ok(self.replica.read_at(reply.index, look).await?)
    }
}

impl std::fmt::Debug for Tenure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tenure").field("term", &self.term).finish_non_exhaustive()
    }
}
