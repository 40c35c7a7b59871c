//! Settings: defaults, then a file, then the environment (`MPSS__SECTION__KEY`). Every error names
//! the key and where its value came from.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// Everything one node is started with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who the node is.
    pub node: NodeSettings,
    /// Its doors.
    pub listen: ListenSettings,
    /// The replicas that found the province's group: number → addresses.
    pub founders: BTreeMap<String, MemberSettings>,
    /// Other provinces (and `00`): code → addresses.
    #[serde(default)]
    pub provinces: BTreeMap<String, ProvinceSettings>,
    /// Replication.
    pub replication: ReplicationSettings,
    /// The callers' door.
    pub door: DoorSettings,
    /// The payment password.
    pub password: PasswordSettings,
    /// Sending home.
    pub dispatch: DispatchSettings,
    /// Telling SPs and subscribers.
    pub outbox: OutboxSettings,
    /// Number plan file put in force when the state has none.
    pub number_plan: NumberPlanSettings,
    /// Logs.
    pub telemetry: TelemetrySettings,
}

/// Who the node is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSettings {
    /// Province code, `00` for the national platform.
    pub province: String,
    /// Number of this replica inside its province; never used again after its disk is lost.
    pub number: u64,
    /// Folder for log, snapshots and history.
    pub data_dir: PathBuf,
}

/// The node's doors.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenSettings {
    /// Callers: `/v1`, health, metrics.
    pub public: SocketAddr,
    /// Other provinces: `/peer/v1`.
    pub peer: SocketAddr,
    /// The province's own replicas.
    pub raft: SocketAddr,
}

/// Where a replica is reached by its own group.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberSettings {
    /// `host:port` of replication.
    pub raft_address: String,
    /// `http://host:port` of the callers' door.
    pub public_url: String,
}

/// Where another province is reached.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvinceSettings {
    /// Callers' door of each node.
    pub public_urls: Vec<String>,
    /// Provinces' door of each node.
    pub peer_urls: Vec<String>,
}

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
}

/// The callers' door.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoorSettings {
    /// Connections at most.
    pub connections_max: usize,
    /// Requests being worked on at most; more are answered 503 at once.
    pub requests_in_flight_max: usize,
    /// Largest body.
    pub body_bytes_max: usize,
    /// A request's headers must have come within this time.
    pub header_deadline_ms: u64,
    /// A request must have been answered within this time.
    pub request_deadline_ms: u64,
    /// Requests a second one subscriber may make, on average; 0 for no bound.
    pub subscriber_requests_per_second: u32,
}

/// The payment password.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordSettings {
    /// Pepper version → 64 hex digits; the highest is used for new passwords. In a file only when the
    /// file is readable by its owner alone; better from the environment.
    pub peppers: BTreeMap<String, String>,
}

impl std::fmt::Debug for PasswordSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordSettings").field("peppers", &self.peppers.len()).finish()
    }
}

/// Sending home.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispatchSettings {
    /// How long one try may take.
    pub try_deadline_ms: u64,
    /// How long a buyer waits for all tries.
    pub payment_deadline_ms: u64,
    /// Pause before the first retry.
    pub pause_min_ms: u64,
    /// Longest pause between retries.
    pub pause_max_ms: u64,
    /// Failures in a row that open a province's circuit.
    pub circuit_failures: u32,
    /// How long an open circuit refuses.
    pub circuit_open_ms: u64,
}

/// Telling SPs and subscribers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxSettings {
    /// Where texts are sent: `http://host:port/…`; empty keeps them in the outbox.
    pub sms_url: String,
    /// Texts in one request at most.
    pub sms_batch_max: usize,
    /// Notices in one request to an SP at most.
    pub notice_batch_max: usize,
    /// How long one request to an SP or the SMS gateway may take.
    pub request_deadline_ms: u64,
    /// Pause before a request is tried again; doubles up to the longest.
    pub pause_min_ms: u64,
    /// Longest pause.
    pub pause_max_ms: u64,
}

/// The number plan.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberPlanSettings {
    /// A CSV file; empty for the one the program carries.
    pub file: String,
    /// Its epoch.
    pub epoch: u64,
}

/// Logs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// A filter such as `info,mpss_cluster=debug`.
    pub log: String,
    /// `text` or `json`.
    pub format: String,
}
