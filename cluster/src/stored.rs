//! What is written to disk, in structures of our own: openraft's change between releases.

use std::collections::BTreeMap;

use mpss_domain::{ProvinceId, StateVersion};
use serde::{Deserialize, Serialize};

use crate::Member;
use crate::types::{RaftLogId, RaftMembership, RaftVote, StoredMembership, log_id};

/// Where an entry stands and who led when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct LogIdRow {
    pub(crate) term: u64,
    pub(crate) node: u64,
    pub(crate) index: u64,
}

impl From<RaftLogId> for LogIdRow {
    fn from(id: RaftLogId) -> Self {
        Self { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
    }
}

impl From<LogIdRow> for RaftLogId {
    fn from(row: LogIdRow) -> Self {
        log_id(row.term, row.node, row.index)
    }
}

/// Whom a replica follows or would elect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VoteRow {
    pub(crate) term: u64,
    pub(crate) node: u64,
    /// A quorum has elected it.
    pub(crate) committed: bool,
}

impl From<&RaftVote> for VoteRow {
    fn from(vote: &RaftVote) -> Self {
        Self { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
    }
}

impl From<VoteRow> for RaftVote {
    fn from(row: VoteRow) -> Self {
        let leader_id = crate::types::RaftLeader { term: row.term, node_id: row.node };
        Self { leader_id, committed: row.committed }
    }
}

/// The replicas of the group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MembershipRow {
    /// One set of voters; two while the group changes.
    pub(crate) voters: Vec<Vec<u64>>,
    /// Everyone, learners too.
    pub(crate) members: BTreeMap<u64, Member>,
}

impl From<&RaftMembership> for MembershipRow {
    fn from(membership: &RaftMembership) -> Self {
        Self {
            voters: membership.get_joint_config().iter().map(|set| set.iter().copied().collect()).collect(),
            members: membership.nodes().map(|(node, member)| (*node, member.clone())).collect(),
        }
    }
}

impl MembershipRow {
    /// As openraft has it; `None` when a voter is no member.
    pub(crate) fn to_raft(&self) -> Option<RaftMembership> {
        let voters = self.voters.iter().map(|set| set.iter().copied().collect()).collect();
        if self.members.is_empty() && self.voters.iter().all(Vec::is_empty) {
            return Some(RaftMembership::default());
        }
        RaftMembership::new(voters, self.members.clone()).ok()
    }
}

/// The membership in force and the entry that put it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredMembershipRow {
    pub(crate) log_id: Option<LogIdRow>,
    pub(crate) membership: MembershipRow,
}

impl From<&StoredMembership> for StoredMembershipRow {
    fn from(stored: &StoredMembership) -> Self {
        Self { log_id: stored.log_id().map(Into::into), membership: stored.membership().into() }
    }
}

impl StoredMembershipRow {
    /// As openraft has it; `None` when a voter is no member.
    pub(crate) fn to_raft(&self) -> Option<StoredMembership> {
        Some(StoredMembership::new(self.log_id.map(Into::into), self.membership.to_raft()?))
    }
}

/// The first record of a log segment: what the log stood at when the segment was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentStart {
    pub(crate) purged: Option<LogIdRow>,
    pub(crate) committed: Option<LogIdRow>,
}

/// Head of a snapshot file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotHead {
    /// The version in force; stands in front of the head, see [`crate::snapshot::head`].
    #[serde(skip, default = "first_version")]
    pub(crate) state_version: StateVersion,
    pub(crate) province: ProvinceId,
    pub(crate) last_log_id: Option<LogIdRow>,
    pub(crate) membership: StoredMembershipRow,
    /// Bytes of encoded state, without the framing of chunks.
    pub(crate) content_bytes: u64,
    /// xxh3-128 of the encoded state.
    pub(crate) content_digest: u128,
    /// The state's own running digest.
    pub(crate) state_digest: u128,
}

const fn first_version() -> StateVersion {
    StateVersion::FIRST
}

/// Whose folder this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) province: ProvinceId,
    pub(crate) node: u64,
    /// Drawn when the folder was first used: a wiped disk has another one.
    pub(crate) disk: u64,
}

/// The group, and the disk each other replica was first met with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownDisks {
    /// Told by its founders; 0 when not known yet.
    pub(crate) group: u64,
    pub(crate) disks: BTreeMap<u64, u64>,
}

/// The log's last batch was bad: acknowledged entries up to anywhere may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DoubtMark {
    pub(crate) segment: String,
    pub(crate) offset: u64,
    /// The last entry that could be read.
    pub(crate) last_log_id: Option<LogIdRow>,
}
