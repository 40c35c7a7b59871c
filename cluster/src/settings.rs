//! openraft's settings.

use openraft::{Config, SnapshotPolicy};

use crate::options::ReplicaOptions;
use crate::replica::StartError;

/// Distance, in entries, behind which a follower is sent a snapshot although the log is there: never.
/// Entries that are gone make a snapshot necessary by themselves.
const LAG_ENTRIES: u64 = 1 << 40;
/// Messages that wait for openraft's core, and commands that wait for the state machine.
const API_CHANNEL: u64 = 4_096;
const STATE_MACHINE_CHANNEL: u64 = 256;
/// Entries openraft hands to the log at once.
const APPEND_ENTRIES_MAX: u64 = 256;

/// What openraft is run with.
///
/// # Errors
/// When the times of the options do not fit together.
pub(crate) fn raft_config(options: &ReplicaOptions, in_doubt: bool) -> Result<Config, StartError> {
    let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (heartbeat, election_min, election_max) =
        (ms(options.heartbeat), ms(options.election_min), ms(options.election_max));
    if heartbeat == 0 || heartbeat >= election_min / 2 || election_min >= election_max {
        return Err(StartError::Raft(format!(
            "a heartbeat of {heartbeat} ms must be shorter than half of the shortest election time of {election_min} \
             ms, and that shorter than the longest of {election_max} ms"
        )));
    }
    let config = Config {
        cluster_name: format!("province {}", options.province.code()),
        heartbeat_interval: heartbeat,
        election_timeout_min: election_min,
        election_timeout_max: election_max,
        // With asynchronous append a restarted leader that goes on in its old term can give one log
        // position two meanings.
        enable_leader_restore: Some(false),
        // A log that is shorter than it was is a fault, but for one that said so first.
        allow_log_reversion: None,
        enable_pre_vote: Some(true),
        enable_elect: !in_doubt,
        // By bytes and time, not by counting entries.
        snapshot_policy: SnapshotPolicy::Never,
        // Purged by bytes, see the maintenance task.
        max_in_snapshot_log_to_keep: u64::MAX,
        replication_lag_threshold: LAG_ENTRIES,
        max_payload_entries: crate::network::wire::APPEND_ENTRIES_MAX as u64,
        max_append_entries: Some(APPEND_ENTRIES_MAX),
        api_channel_size: Some(API_CHANNEL),
        notification_channel_size: Some(API_CHANNEL),
        state_machine_channel_size: Some(STATE_MACHINE_CHANNEL),
        backoff: format!("{0}ms {0}ms {1}ms ...{2}ms", heartbeat / 2 + 1, heartbeat, election_max),
        install_snapshot_timeout: election_max.saturating_mul(30),
        ..Config::default()
    };
    #[cfg(feature = "mutants")]
    let config = Config { enable_leader_restore: Some(crate::mutant::Mutant::LeaderRestored.is_planted()), ..config };
    config.validate().map_err(|error| StartError::Raft(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use mpss_domain::ProvinceId;

    use super::*;

    fn options() -> ReplicaOptions {
        ReplicaOptions::new(1, ProvinceId::NATIONAL, BTreeMap::new())
    }

    #[test]
    fn the_settings_safety_rests_on_are_held() {
        let config = raft_config(&options(), false).expect("the usual options are valid");
        assert_eq!(config.enable_leader_restore, Some(false));
        assert_eq!(config.allow_log_reversion, None);
        assert_eq!(config.enable_pre_vote, Some(true));
        assert_eq!(config.snapshot_policy, SnapshotPolicy::Never);
        assert!(config.heartbeat_interval < config.election_timeout_min / 2);
        assert!(config.replication_lag_threshold > 1 << 32);
        assert_eq!(config.max_in_snapshot_log_to_keep, u64::MAX);
        assert!(config.api_channel_size.is_some_and(|size| size <= 4_096));
        assert!(config.notification_channel_size.is_some_and(|size| size <= 4_096));
        assert!(config.state_machine_channel_size.is_some_and(|size| size <= 1_024));
        assert!(config.enable_elect);
    }

    #[test]
    fn a_replica_in_doubt_does_not_stand_for_election() {
        assert!(!raft_config(&options(), true).expect("valid").enable_elect);
    }

    #[test]
    fn times_that_do_not_fit_together_are_refused() {
        let slow = ReplicaOptions { heartbeat: Duration::from_millis(300), ..options() };
        assert!(matches!(raft_config(&slow, false), Err(StartError::Raft(_))));
        let none = ReplicaOptions { election_max: Duration::from_millis(400), ..options() };
        assert!(matches!(raft_config(&none, false), Err(StartError::Raft(_))));
    }
}
