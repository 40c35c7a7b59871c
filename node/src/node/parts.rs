//! From settings to the parts of a node: every setting that is not what it should be is named.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mpss_cluster::{Member, Replica, ReplicaOptions};
use mpss_config::Settings;
use mpss_domain::ProvinceId;
use mpss_routing::http::ProvinceUrls;
use mpss_routing::{Dispatch, DispatchOptions, HttpPeers, PeerTransport};
use mpss_runtime::Seams;
use zeroize::Zeroizing;

use super::{Context, NodeError};
use crate::gateway::smsc::{HttpSmsGateway, SmsGateway};
use crate::gateway::sp::{HttpSpGateway, SpGateway};
use crate::password::PasswordJudge;

/// What a node talks to besides its own replicas. Real in production, simulated in tests.
#[derive(Clone)]
pub struct Outside {
    /// Other provinces.
    pub peers: Arc<dyn PeerTransport>,
    /// The SMS centre; without one texts stay in the outbox.
    pub sms: Option<Arc<dyn SmsGateway>>,
    /// Service providers.
    pub sps: Arc<dyn SpGateway>,
}

impl Outside {
    /// The links that the settings name.
    ///
    /// # Errors
    /// [`NodeError::Setting`].
    pub fn real(settings: &Settings) -> Result<Self, NodeError> {
        let mut provinces = BTreeMap::new();
        for (code, urls) in &settings.provinces {
            let province = province(&format!("provinces.{code}"), code)?;
            let urls = ProvinceUrls { public: urls.public_urls.clone(), peer: urls.peer_urls.clone() };
            provinces.insert(province, urls);
        }
        let client = |source: reqwest::Error| NodeError::Io {
            what: "an HTTP client can not be made".into(),
            source: std::io::Error::other(source),
        };
        let outbox = &settings.outbox;
        let deadline = ms(outbox.request_deadline_ms);
        let mut sms: Option<Arc<dyn SmsGateway>> = None;
        if !outbox.sms_url.is_empty() {
            sms = Some(Arc::new(HttpSmsGateway::new(&outbox.sms_url, deadline).map_err(client)?));
        }
        let sps = Arc::new(HttpSpGateway::new(deadline).map_err(client)?);
        Ok(Self { peers: Arc::new(HttpPeers::new(provinces)), sms, sps })
    }
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outside")
    }
}

/// Starts the replica and puts the context together.
pub(super) async fn context(
    settings: Settings,
    seams: Seams,
    outside: &Outside,
    fatal: Arc<dyn Fn(String) + Send + Sync>,
) -> Result<Context, NodeError> {
    let province = province("node.province", &settings.node.province)?;
    let judge = PasswordJudge::new(peppers(&settings)?);
    let options = replica_options(&settings, province)?;
    let dispatch = Dispatch::new(
        outside.peers.clone(),
        seams.clock.clone(),
        seams.random.fork("dispatch"),
        dispatch_options(&settings, province),
    );
    let replica = Replica::start(options, seams.clone(), fatal).await?;
    let number = settings.node.number;
    Ok(Context { province, number, replica, dispatch, judge, seams, settings: Arc::new(settings) })
}

fn province(key: &str, code: &str) -> Result<ProvinceId, NodeError> {
    code.parse().map_err(|error: mpss_domain::ids::IdError| setting(key, error.to_string()))
}

fn peppers(settings: &Settings) -> Result<Vec<(u16, Zeroizing<Vec<u8>>)>, NodeError> {
    let mut peppers = Vec::new();
    for (version, digits) in &settings.password.peppers {
        let key = format!("password.peppers.{version}");
        let version: u16 = version.parse().map_err(|_| setting(&key, "a pepper's version is a number".into()))?;
        let bytes = unhex(digits).filter(|bytes| bytes.len() == 32);
        // The value itself must not end in an error message.
        peppers.push((version, bytes.ok_or_else(|| setting(&key, "a pepper is 64 hex digits".into()))?));
    }
    peppers.sort_by_key(|(version, _)| *version);
    if peppers.is_empty() {
        return Err(setting("password.peppers", "at least one pepper is needed".into()));
    }
    Ok(peppers)
}

fn unhex(digits: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digits = digits.as_bytes();
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => {
            let value = |digit: &u8| char::from(*digit).to_digit(16);
            u8::try_from(value(high)? * 16 + value(low)?).ok()
        }
        _ => None,
    });
    pairs.collect::<Option<Vec<u8>>>().map(Zeroizing::new)
}

fn replica_options(settings: &Settings, province: ProvinceId) -> Result<ReplicaOptions, NodeError> {
    let mut founders = BTreeMap::new();
    for (number, member) in &settings.founders {
        let number: u64 = number
            .parse()
            .map_err(|_| setting(&format!("founders.{number}"), "a founder is named by its node number".into()))?;
        let member = Member { raft_address: member.raft_address.clone(), http_url: member.public_url.clone() };
        founders.insert(number, member);
    }
    let replication = &settings.replication;
    Ok(ReplicaOptions {
        heartbeat: ms(replication.heartbeat_ms),
        election_min: ms(replication.election_min_ms),
        election_max: ms(replication.election_max_ms),
        batch_commands_max: replication.batch_commands_max,
        entries_in_flight_max: replication.entries_in_flight_max,
        queue_commands_max: replication.queue_commands_max,
        propose_deadline: ms(replication.propose_deadline_ms),
        segment_bytes: replication.segment_bytes,
        snapshot_log_bytes: replication.snapshot_log_bytes,
        snapshot_interval: ms(replication.snapshot_interval_ms),
        digest_interval_entries: replication.digest_interval_entries,
        ..ReplicaOptions::new(settings.node.number, province, founders)
    })
}

fn dispatch_options(settings: &Settings, here: ProvinceId) -> DispatchOptions {
    let dispatch = &settings.dispatch;
    DispatchOptions {
        here,
        try_deadline: ms(dispatch.try_deadline_ms),
        payment_deadline: ms(dispatch.payment_deadline_ms),
        pause_min: ms(dispatch.pause_min_ms),
        pause_max: ms(dispatch.pause_max_ms),
        circuit_failures: dispatch.circuit_failures,
        circuit_open: ms(dispatch.circuit_open_ms),
    }
}

fn setting(key: &str, what: String) -> NodeError {
    NodeError::Setting { key: key.to_owned(), what }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_digits_are_read_in_pairs_and_nothing_else_is() {
        assert_eq!(unhex("00ffA5").as_deref(), Some(&vec![0x00, 0xff, 0xa5]));
        for text in ["0", "0g", "zz", "０0", " 0"] {
            assert_eq!(unhex(text), None, "{text}");
        }
    }
}
