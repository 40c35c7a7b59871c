//! From settings to the parts of a node. Settings are checked when they are loaded.

use std::sync::Arc;
use std::time::Duration;

use mpss_cluster::{Member, Replica, ReplicaOptions, Witness};
use mpss_config::Settings;
use mpss_domain::{ProvinceId, RailName, StateVersion};
use mpss_routing::http::{NodeLink, ProvinceUrls};
use mpss_routing::{Dispatch, DispatchOptions, HttpPeers, PeerTransport};
use mpss_runtime::Seams;
use mpss_runtime::real::TokioClock;

use super::{Context, NodeError};
use crate::card_pin::PinSafe;
use crate::gateway::bank::link::{LineOptions, TcpBankLine};
use crate::gateway::bank::notices::{BankNotices, HttpBankNotices};
use crate::gateway::bank::rail::{Acquirer, BankRail};
use crate::gateway::bank::wire::Wire;
use crate::gateway::isag::IsagSpGateway;
use crate::gateway::isag_texts::{self, IsagTextOptions, IsagTexts};
use crate::gateway::ismp::{HttpIsmp, IsmpRail};
use crate::gateway::message_centre::OpenCentre;
use crate::gateway::notice_signing::NoticeSigning;
use crate::gateway::rail::RailGateway;
use crate::gateway::recharge::{HttpRecharge, RechargeRail};
use crate::gateway::smpp::link::{LinkOptions, SmppLink};
use crate::gateway::smpp::wire::Identity;
use crate::gateway::smsc::{HttpSmsGateway, SmsGateway};
use crate::gateway::sp::{HttpSpGateway, SpGateway};
use crate::gateway::upp::{HttpUppNotices, UppNotices};
use crate::gateway::upp_account::{HttpUppAccounts, UppRail};
use crate::home_keys::HomeKeys;
use crate::isag_sps::KeyedSps;
use crate::password::PasswordJudge;
use crate::seal::SealKeys;
use crate::ticket_code::TicketPen;

/// The ways to whoever has the money of accounts outside.
#[derive(Clone, Default)]
pub struct Rails {
    /// The ISMP; without it no account of that kind can be opened.
    pub ismp: Option<Arc<IsmpRail>>,
    /// The bank.
    pub bank: Option<Arc<BankRail>>,
    /// The recharge platform; without it nothing is topped up by card.
    pub recharge: Option<Arc<RechargeRail>>,
    /// What the bank signs its requests with; without one it may ask nothing.
    pub bank_door_key: Option<Arc<[u8]>>,
    /// Tells the bank how bindings stand; without one it has to ask.
    pub bank_notices: Option<Arc<dyn BankNotices>>,
    /// What the UPP signs its requests with; without one it may ask nothing.
    pub upp_door_key: Option<Arc<[u8]>>,
    /// Virtual accounts that the UPP keeps; without it none can be opened there.
    pub upp: Option<Arc<UppRail>>,
    /// Tells the UPP how pending payments have ended; without one it has to ask.
    pub upp_notices: Option<Arc<dyn UppNotices>>,
}

impl Rails {
    /// The ways that the settings name.
    fn real(settings: &Settings, seams: &Seams) -> Result<Self, NodeError> {
        let rails = &settings.rails;
        let mut made = Self::default();
        if !rails.ismp_url.is_empty() {
            let http = HttpIsmp::new(&rails.ismp_url).map_err(no_client)?;
            made.ismp = Some(Arc::new(IsmpRail::new(Arc::new(http))));
        }
        if let (false, Some(key)) = (settings.recharge.url.is_empty(), settings.vault.key_bytes()) {
            let http = HttpRecharge::new(&settings.recharge.url).map_err(no_client)?;
            made.recharge = Some(Arc::new(RechargeRail::new(Arc::new(http), PinSafe::new(&key))));
        }
        if !rails.bank_address.is_empty() {
            let acquirer = Acquirer::of(rails)?;
            let options = LineOptions {
                address: rails.bank_address.clone(),
                institution: acquirer.institution.clone(),
                in_flight_max: rails.bank_in_flight_max,
                connect_deadline: ms(rails.bank_connect_deadline_ms),
                line_test: ms(rails.bank_line_test_ms),
                reconnect_min: ms(rails.bank_reconnect_min_ms),
                reconnect_max: ms(rails.bank_reconnect_max_ms),
            };
            let line = TcpBankLine::keep(options, Arc::new(Wire::of(rails)?), seams);
            made.bank = Some(Arc::new(BankRail::new(Arc::new(line), acquirer)));
        }
        if !rails.bank_door_key.is_empty() {
            let key = hex::decode(&rails.bank_door_key).expect("loaded settings have a key in hex");
            if !rails.bank_notice_url.is_empty() {
                let deadline = ms(settings.outbox.request_deadline_ms);
                let notices = HttpBankNotices::new(&rails.bank_notice_url, key.clone(), deadline);
                made.bank_notices = Some(Arc::new(notices.map_err(no_client)?));
            }
            made.bank_door_key = Some(key.into());
        }
        if let Some(key) = settings.upp.door_key_bytes() {
            if !settings.upp.notice_url.is_empty() {
                let deadline = ms(settings.outbox.request_deadline_ms);
                let notices = HttpUppNotices::new(&settings.upp.notice_url, key.to_vec(), deadline);
                made.upp_notices = Some(Arc::new(notices.map_err(no_client)?));
            }
            if !settings.upp.account_url.is_empty() {
                let http = HttpUppAccounts::new(&settings.upp.account_url, key.to_vec(), seams.clock.clone());
                made.upp = Some(Arc::new(UppRail::new(Arc::new(http.map_err(no_client)?))));
            }
            made.upp_door_key = Some(key.as_slice().into());
        }
        Ok(made)
    }

    /// The way by which a rail's calls go.
    #[must_use]
    pub fn of(&self, rail: RailName) -> Option<Arc<dyn RailGateway>> {
        match rail {
            RailName::Communication => self.ismp.clone().map(|ismp| ismp as Arc<dyn RailGateway>),
            RailName::BankRealTime | RailName::BankPreFreeze => {
                self.bank.clone().map(|bank| bank as Arc<dyn RailGateway>)
            }
            RailName::Upp => self.upp.clone().map(|upp| upp as Arc<dyn RailGateway>),
            RailName::Recharge => self.recharge.clone().map(|recharge| recharge as Arc<dyn RailGateway>),
        }
    }
}

fn no_client(source: reqwest::Error) -> NodeError {
    NodeError::Io { what: "an HTTP client can not be made".into(), source: std::io::Error::other(source) }
}

/// What a node talks to besides its own replicas. Real in production, simulated in tests.
#[derive(Clone)]
pub struct Outside {
    /// Other provinces.
    pub peers: Arc<dyn PeerTransport>,
    /// This province's other nodes.
    pub nodes: Arc<dyn NodeLink>,
    /// The SMS centre; without one texts stay in the outbox.
    pub sms: Option<Arc<dyn SmsGateway>>,
    /// An SMS centre that tells what becomes of each text, instead of the other.
    pub centre: Option<OpenCentre>,
    /// Service providers.
    pub sps: Arc<dyn SpGateway>,
    /// Whoever has the money of accounts outside.
    pub rails: Rails,
    /// Looks on while the log is applied; nobody in production.
    pub witness: Option<Arc<dyn Witness>>,
}

impl Outside {
    /// The links that the settings name.
    ///
    /// # Errors
    /// [`NodeError::Io`] when the machine can not make an HTTP client.
    pub fn real(settings: &Settings, seams: &Seams) -> Result<Self, NodeError> {
        let provinces = settings.other_provinces().into_iter().map(|(province, urls)| {
            (province, ProvinceUrls { public: urls.public_urls.clone(), peer: urls.peer_urls.clone() })
        });
        let outbox = &settings.outbox;
        let deadline = ms(outbox.request_deadline_ms);
        let mut sms: Option<Arc<dyn SmsGateway>> = None;
        if !outbox.sms_url.is_empty() {
            sms = Some(Arc::new(HttpSmsGateway::new(&outbox.sms_url, deadline).map_err(no_client)?));
        }
        let signer = crate::platform_keys::signer(&settings.sp).map_err(|error| NodeError::Io {
            what: "setting sp.notice_key".into(),
            source: std::io::Error::other(error),
        })?;
        let signing = signer.map(|signer| NoticeSigning::new(signer, seams.clone()));
        let sps = Arc::new(HttpSpGateway::new(deadline, signing).map_err(no_client)?);
        let nodes = mpss_routing::http::sockets();
        let peers = HttpPeers::over(nodes.clone(), Arc::new(TokioClock::new()), provinces.collect());
        let rails = Rails::real(settings, seams)?;
        let centre = centre_of(settings).map_err(no_client)?;
        Ok(Self { peers: Arc::new(peers), nodes, sms, centre, sps, rails, witness: None })
    }
}

/// Whoever takes texts and tells what becomes of each, when the settings name somebody: an SMS centre that speaks
/// SMPP, or the ISAG.
fn centre_of(settings: &Settings) -> Result<Option<OpenCentre>, reqwest::Error> {
    if settings.isag_texts.is_used() {
        let options = IsagTextOptions::of(&settings.isag_texts);
        let client = isag_texts::client(ms(settings.isag_texts.answer_deadline_ms))?;
        return Ok(Some(Arc::new(move |seams: &Seams| {
            Arc::new(IsagTexts::new(client.clone(), options.clone(), Arc::clone(&seams.clock)))
        })));
    }
    let smpp = &settings.smpp;
    if smpp.address.is_empty() {
        return Ok(None);
    }
    let options = LinkOptions {
        address: smpp.address.clone(),
        identity: Identity {
            system_id: smpp.system_id.clone(),
            password: smpp.password(),
            system_type: smpp.system_type.clone(),
            service_type: smpp.service_type.clone(),
            source: (smpp.source_ton, smpp.source_npi),
            destination: (smpp.destination_ton, smpp.destination_npi),
            prefix: smpp.destination_prefix.clone(),
            validity_s: smpp.validity_s,
        },
        window: smpp.window,
        answer_deadline: ms(smpp.answer_deadline_ms),
        connect_deadline: ms(smpp.connect_deadline_ms),
        enquire: ms(smpp.enquire_link_ms),
        reconnect_min: ms(smpp.reconnect_min_ms),
        reconnect_max: ms(smpp.reconnect_max_ms),
    };
    Ok(Some(Arc::new(move |seams: &Seams| Arc::new(SmppLink::keep(options.clone(), seams)))))
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
    let province = settings.node.province_id();
    let judge = PasswordJudge::new(settings.password.pepper_keys());
    let seal = SealKeys::new(&settings.seal);
    if seal.given_out().is_none() {
        tracing::warn!("without seal.keys other provinces send payment passwords in the clear");
    }
    let options = replica_options(&settings, province);
    let dispatch = Dispatch::new(
        outside.peers.clone(),
        seams.clock.clone(),
        seams.random.fork("dispatch"),
        dispatch_options(&settings, province),
    );
    let replica = match outside.witness.clone() {
        Some(witness) => Replica::start_witnessed(options, seams.clone(), fatal, witness).await?,
        None => Replica::start(options, seams.clone(), fatal).await?,
    };
    let number = settings.node.number;
    let nodes = outside.nodes.clone();
    let rails = outside.rails.clone();
    let pins = settings.vault.key_bytes().map(|key| PinSafe::new(&key));
    let mut sps = outside.sps.clone();
    if !settings.isag_sps.is_empty() {
        let known = KeyedSps::new(&settings, replica.clone(), pins.clone(), Arc::clone(&seams.clock));
        let deadline = settings.outbox.request_deadline();
        sps = Arc::new(IsagSpGateway::new(Arc::new(known), sps, deadline).map_err(no_client)?);
    }
    let tickets = settings.tickets.key_bytes().map(|key| TicketPen::new(&key));
    let home_keys = HomeKeys::default();
    let settings = Arc::new(settings);
    Ok(Context {
        province,
        number,
        replica,
        dispatch,
        nodes,
        rails,
        sps,
        judge,
        seal,
        home_keys,
        pins,
        tickets,
        seams,
        settings,
    })
}

fn replica_options(settings: &Settings, province: ProvinceId) -> ReplicaOptions {
    let founders = settings.founders_by_number().into_iter().map(|(number, member)| {
        (number, Member { raft_address: member.raft_address.clone(), http_url: member.public_url.clone() })
    });
    let replication = &settings.replication;
    ReplicaOptions {
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
        state_version_max: StateVersion(replication.state_version_max),
        ..ReplicaOptions::new(settings.node.number, province, founders.collect())
    }
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

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
