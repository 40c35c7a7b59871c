//! What a replica is started with.

use std::collections::BTreeMap;
use std::time::Duration;

use mpss_domain::{ProvinceId, StateVersion, VersionRange};
use serde::{Deserialize, Serialize};

use crate::replica::StartError;
use crate::versions::Executes;

/// A replica as the others know it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where replication reaches it: `host:port`.
    pub raft_address: String,
    /// Where callers reach it: `http://host:port`.
    pub http_url: String,
}

/// What a replica is started with. Every figure names its unit.
#[derive(Debug, Clone)]
pub struct ReplicaOptions {
    /// This replica's number, never used again after its disk is lost.
    pub node: u64,
    /// Whose replica it is.
    pub province: ProvinceId,
    /// The replicas that form the group when it is first started; empty for one that will be added.
    pub founders: BTreeMap<u64, Member>,
    /// Time between two heartbeats.
    pub heartbeat: Duration,
    /// Shortest time without a leader before an election.
    pub election_min: Duration,
    /// Longest.
    pub election_max: Duration,
    /// Commands in one log entry at most.
    pub batch_commands_max: usize,
    /// Log entries on their way at most.
    pub entries_in_flight_max: usize,
    /// Commands waiting at most; more are refused as busy.
    pub queue_commands_max: usize,
    /// How long a caller waits for its reply before the outcome is unknown.
    pub propose_deadline: Duration,
    /// Size of one log segment in bytes.
    pub segment_bytes: u64,
    /// A snapshot is taken after this many bytes of log,
    pub snapshot_log_bytes: u64,
    /// and at the latest after this time, when anything was applied.
    pub snapshot_interval: Duration,
    /// Digests are compared every so many log entries.
    pub digest_interval_entries: u64,
    /// The newest state version this replica executes and offers to its group; what the program knows
    /// above it stays unused.
    pub state_version_max: StateVersion,
}

impl ReplicaOptions {
    /// The state versions a replica with these options executes.
    ///
    /// # Errors
    /// [`StartError::Foreign`] when there are none.
    pub(crate) fn executes(&self) -> Result<Executes, StartError> {
        let executes = Executes::up_to(self.state_version_max);
        if executes.range.newest < executes.range.oldest {
            let program = VersionRange::THIS_PROGRAM;
            let what = format!("state_version_max is {}, and the program executes {program}", self.state_version_max);
            return Err(StartError::Foreign(what));
        }
        Ok(executes)
    }

    /// Usual figures for a replica of `province` on a local network.
    #[must_use]
    pub fn new(node: u64, province: ProvinceId, founders: BTreeMap<u64, Member>) -> Self {
        Self {
            node,
            province,
            founders,
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(400),
            election_max: Duration::from_millis(800),
            batch_commands_max: 1_024,
            entries_in_flight_max: 4,
            queue_commands_max: 16_384,
            propose_deadline: Duration::from_secs(5),
            segment_bytes: 64 << 20,
            snapshot_log_bytes: 256 << 20,
            snapshot_interval: Duration::from_secs(3_600),
            digest_interval_entries: 1_000,
            state_version_max: StateVersion::NEWEST,
        }
    }
}
