//! The types openraft works with here.

use std::fmt;

use bytes::Bytes;
use mpss_domain::Reply;
use openraft::impls::leader_id_adv::LeaderId;
use openraft::{EntryPayload, LogId, Vote};

use crate::Member;
use crate::machine::Machine;
use crate::raft_runtime::NodeRuntime;

openraft::declare_raft_types!(
    /// One province's replication.
    pub(crate) Types:
        D = Payload,
        R = Replies,
        NodeId = u64,
        Node = Member,
        AsyncRuntime = NodeRuntime,
);

/// Who led when an entry was made. Ordered by term, then by number, so that two candidates of one
/// term never block each other.
pub(crate) type RaftLeader = LeaderId<u64, u64>;
pub(crate) type RaftLogId = LogId<RaftLeader>;
pub(crate) type RaftVote = Vote<RaftLeader>;
pub(crate) type RaftPayload = EntryPayload<Payload, u64, Member>;
pub(crate) type RaftEntry = openraft::Entry<RaftLeader, RaftPayload>;
pub(crate) type RaftMembership = openraft::Membership<u64, Member>;
pub(crate) type StoredMembership = openraft::StoredMembership<RaftLeader, u64, Member>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<RaftLeader, u64, Member>;
pub(crate) type Raft = openraft::Raft<Types, Machine>;

/// One log entry's commands as they were encoded by whoever proposed them: encoded once, shared by
/// log, network and state machine.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Payload(pub(crate) Bytes);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Commands name subscribers; logs of replication never show them.
        write!(f, "{} bytes", self.0.len())
    }
}

/// One reply for each command of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Replies(pub(crate) Vec<Reply>);

/// A log id from its parts.
pub(crate) fn log_id(term: u64, node: u64, index: u64) -> RaftLogId {
    RaftLogId::new(RaftLeader { term, node_id: node }, index)
}
