//! Replication inside the province.

use std::time::Duration;

use mpss_domain::StateVersion;
use serde::Deserialize;

use crate::check::number;
use crate::key::Key;

pub(crate) const KEYS: &[Key] = &[
    number("replication.heartbeat_ms", 5, 10_000, "ms"),
    number("replication.election_min_ms", 20, 60_000, "ms"),
    number("replication.election_max_ms", 20, 120_000, "ms"),
    number("replication.batch_commands_max", 1, 65_536, "commands"),
    number("replication.entries_in_flight_max", 1, 256, "entries"),
    number("replication.queue_commands_max", 1, 1_048_576, "commands"),
    number("replication.propose_deadline_ms", 50, 600_000, "ms"),
    number("replication.segment_bytes", 65_536, 4_294_967_296, "bytes"),
    number("replication.snapshot_log_bytes", 65_536, 1_099_511_627_776, "bytes"),
    number("replication.snapshot_interval_ms", 1_000, 604_800_000, "ms"),
    number("replication.digest_interval_entries", 1, 1_000_000_000, "entries"),
    number("replication.state_version_max", StateVersion::OLDEST.0 as u64, StateVersion::NEWEST.0 as u64, ""),
];

/// Replication.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplicationSettings {
    /// Time between heartbeats.
    pub heartbeat_ms: u64,
    /// Shortest time without a leader before an election.
    pub election_min_ms: u64,
    /// Longest.
    pub election_max_ms: u64,
    /// Commands in one log entry at most.
    pub batch_commands_max: usize,
    /// Log entries under way at most.
    pub entries_in_flight_max: usize,
    /// Commands waiting at most.
    pub queue_commands_max: usize,
    /// How long a caller waits for the log.
    pub propose_deadline_ms: u64,
    /// Log segment size.
    pub segment_bytes: u64,
    /// Snapshot after this much log,
    pub snapshot_log_bytes: u64,
    /// or after this time.
    pub snapshot_interval_ms: u64,
    /// Digests are compared every so many entries.
    pub digest_interval_entries: u64,
    /// The newest state version this node executes.
    pub state_version_max: u16,
}

impl ReplicationSettings {
    /// Time between heartbeats.
    #[must_use]
    pub const fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat_ms)
    }

    /// Shortest time without a leader before an election.
    #[must_use]
    pub const fn election_min(&self) -> Duration {
        Duration::from_millis(self.election_min_ms)
    }

    /// Longest time without a leader before an election.
    #[must_use]
    pub const fn election_max(&self) -> Duration {
        Duration::from_millis(self.election_max_ms)
    }

    /// How long a caller waits for the log.
    #[must_use]
    pub const fn propose_deadline(&self) -> Duration {
        Duration::from_millis(self.propose_deadline_ms)
    }

    /// Longest time between snapshots when anything was applied.
    #[must_use]
    pub const fn snapshot_interval(&self) -> Duration {
        Duration::from_millis(self.snapshot_interval_ms)
    }
}
