//! Deliberate faults of replication, compiled in only with the feature `mutants`: what a simulation
//! must find.

use std::sync::OnceLock;

/// One deliberate fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// The log tells that entries are durable before they are synced.
    AckBeforeSync,
    /// A vote is written and not synced.
    VoteNotSynced,
    /// A tail that can not be read is cut off and forgotten, although a watermark vouches for it or it
    /// may have been acknowledged.
    TornTailTruncated,
    /// A restarted leader goes on in its old term, without an election.
    LeaderRestored,
    /// A leader reads without asking whether it still leads.
    LeaseReadByDeposedLeader,
    /// A state that comes from a snapshot has forgotten which requests it has answered.
    SnapshotForgetsRequests,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::AckBeforeSync,
        Self::VoteNotSynced,
        Self::TornTailTruncated,
        Self::LeaderRestored,
        Self::LeaseReadByDeposedLeader,
        Self::SnapshotForgetsRequests,
    ];

    /// The word for it on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AckBeforeSync => "ack-before-sync",
            Self::VoteNotSynced => "vote-not-synced",
            Self::TornTailTruncated => "torn-tail-truncated",
            Self::LeaderRestored => "leader-restored",
            Self::LeaseReadByDeposedLeader => "lease-read-by-deposed-leader",
            Self::SnapshotForgetsRequests => "snapshot-forgets-requests",
        }
    }

    /// True when this fault is planted.
    #[must_use]
    pub fn is_planted(self) -> bool {
        PLANTED.get() == Some(&self)
    }
}

static PLANTED: OnceLock<Mutant> = OnceLock::new();

/// Plants a fault in every replica of this process. The first call decides.
pub fn plant(mutant: Mutant) {
    let _ = PLANTED.set(mutant);
}
