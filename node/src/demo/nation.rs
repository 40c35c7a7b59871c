//! A nation in one process: provinces, the national platform, and what stands outside.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use mpss_domain::ProvinceId;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::caller::Caller;
use super::node_threads::{Fatal, NodeThreads};
use super::place::{Map, OutsidePlaces, Place, SP_PROVINCE};
use crate::command_line::Failure;
use crate::gateway::bank::wire::Wire;
use crate::simulator::bank::BankSimulator;
use crate::simulator::ismp::IsmpSimulator;
use crate::simulator::sms::SmsSimulator;
use crate::simulator::sp::SpSimulator;
use crate::simulator::upp::UppSimulator;

/// Provinces of the demo, by code; the national platform first.
pub(crate) const PROVINCES: [u8; 4] = [0, 11, 44, 51];
/// How long all nodes may take until they are ready.
const READY_MAX: Duration = Duration::from_secs(90);
/// Pause between two looks at something that is awaited.
pub(crate) const LOOK_PAUSE: Duration = Duration::from_millis(50);
/// How long one look at a node may take.
pub(crate) const LOOK_MAX: Duration = Duration::from_secs(3);
/// Nodes that start at once.
const STARTS_AT_ONCE: usize = 4;

/// The provinces of the demo.
pub(crate) fn provinces() -> Vec<ProvinceId> {
    PROVINCES.map(|code| ProvinceId::new(code).expect("a province or the national platform")).to_vec()
}

/// A running nation.
pub(crate) struct Nation {
    folder: PathBuf,
    map: Map,
    nodes: BTreeMap<(u8, u64), NodeThreads>,
    fatal: Fatal,
    end_simulators: watch::Sender<bool>,
}

/// A moment in the start that is worth showing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Progress<'a> {
    /// A node's doors are open.
    Started(&'a Place),
    /// A node takes requests.
    Ready(&'a Place),
}

impl Nation {
    /// Starts nodes, this SMS centre and the other simulators; returns when every node takes requests.
    pub(crate) async fn start(
        folder: &Path,
        map: Map,
        sms: &SmsSimulator,
        settings: &[&str],
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<Self, Failure> {
        let (end_simulators, ended) = watch::channel(false);
        simulate(map.sp, SpSimulator::new().router(), &ended)?;
        simulate(map.sms, sms.router(), &ended)?;
        if let Some(outside) = map.outside {
            simulate(outside.ismp, IsmpSimulator::new(0).router(), &ended)?;
            simulate_bank(outside, &ended)?;
        }
        if let Some(upp) = map.upp {
            simulate_upp(&map, upp, &ended)?;
        }
        for place in &map.places {
            let outside = map.outside_settings(place);
            let all: Vec<_> = settings.iter().copied().chain(outside.iter().map(String::as_str)).collect();
            map.write_settings(folder, place, &all)?;
        }
        let (fatal, _) = watch::channel(None);
        let mut nodes = BTreeMap::new();
        {
            let starts = map.places.iter().map(|place| {
                let fatal = fatal.clone();
                async move { (NodeThreads::start(folder, place, fatal).await, place) }
            });
            let mut starts = futures::stream::iter(starts).buffer_unordered(STARTS_AT_ONCE);
            while let Some((started, place)) = starts.next().await {
                nodes.insert((place.province, place.number), started?);
                progress(Progress::Started(place));
            }
        }
        let nation = Self { folder: folder.to_owned(), map, nodes, fatal, end_simulators };
        let caller = Caller::new("ready")?;
        let give_up = Instant::now() + READY_MAX;
        for place in nation.map.places.clone() {
            nation.ready(&caller, &place, give_up).await?;
            progress(Progress::Ready(&place));
        }
        Ok(nation)
    }

    /// Where everything is.
    pub(crate) const fn map(&self) -> &Map {
        &self.map
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Notes that one more scripted day begins, and returns its number.
    pub(crate) fn begin_day(&mut self) -> Result<u64, Failure> {
        let day = self.map.days;
        self.map.days += 1;
        self.map.save(&self.folder)?;
        Ok(day)
    }

    /// What `--ready-file` says.
    pub(crate) fn urls(&self) -> Value {
        let all: BTreeMap<String, Vec<String>> = provinces()
            .into_iter()
            .filter(|province| !province.is_national())
            .map(|province| (province.to_string(), self.map.urls(province)))
            .collect();
        json!({
            "national": self.map.urls(ProvinceId::NATIONAL),
            "provinces": all,
            "portals": self.portals(),
            "portal_people": self.portal_people(),
            "simulators": self.simulators(),
        })
    }

    /// Who signs in to the portals by name.
    fn portal_people(&self) -> Vec<Value> {
        let people = self.map.people().into_iter();
        people.map(|(name, password, province)| {
            json!({ "name": name, "password": password, "province": province.map(|code| format!("{code:02}")) })
        }).collect()
    }

    /// The portals of the national platform and of each province, by code.
    fn portals(&self) -> BTreeMap<String, Vec<String>> {
        provinces().into_iter().map(|province| (province.to_string(), self.map.portals(province))).collect()
    }

    /// Where each simulator is set and looked at.
    pub(crate) fn simulators(&self) -> BTreeMap<&'static str, String> {
        let mut all = BTreeMap::from([("sp", self.map.sp_url()), ("sms", self.map.sms_url())]);
        if let Some(outside) = self.map.outside {
            all.insert("ismp", format!("http://{}", outside.ismp));
            all.insert("bank", format!("http://{}", outside.bank_testers));
        }
        if let Some(upp) = self.map.upp {
            all.insert("upp", format!("http://{upp}"));
        }
        all
    }

    /// Why a node must not go on, when one must not.
    pub(crate) fn fatal(&self) -> Option<String> {
        self.fatal.borrow().clone()
    }

    /// Completes when a node must not go on.
    pub(crate) fn wait_fatal(&self) -> impl Future<Output = String> + use<> {
        let mut fatal = self.fatal.subscribe();
        async move {
            match fatal.wait_for(Option::is_some).await {
                Ok(why) => why.clone().unwrap_or_default(),
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// Admits an SP whose person signs in to its portal, when there is none yet, and has its province's nodes take the
    /// settings that name it, one after the other.
    pub(crate) async fn admit_portal_sp(&mut self, settings: &[&str]) -> Result<(), Failure> {
        if self.map.portal_sp().is_some() {
            return Ok(());
        }
        let province = ProvinceId::new(SP_PROVINCE).expect("a province of the demo");
        let caller = Caller::new("portal")?;
        let body = json!({ "name": "珠江商户", "notice_url": format!("{}/sps/portal/notices", self.map.sp_url()) });
        let answer = caller.post(&self.map.urls(province), "/v1/sps", &body).await?;
        if !answer.is_done() {
            return Err(Failure::start(format!("the portal's SP is not admitted: {}", answer.told())));
        }
        self.map.set_portal_sp(answer.text("sp_id"));
        self.map.save(&self.folder)?;
        for place in self.map.of(province).cloned().collect::<Vec<_>>() {
            let outside = self.map.outside_settings(&place);
            let all: Vec<_> = settings.iter().copied().chain(outside.iter().map(String::as_str)).collect();
            self.map.write_settings(&self.folder, &place, &all)?;
            self.kill(&place);
            self.restart(&caller, &place).await?;
        }
        Ok(())
    }

    /// The replica that leads a province, as the nodes themselves say.
    pub(crate) async fn leader(&self, caller: &Caller, province: ProvinceId) -> Result<Place, Failure> {
        let give_up = Instant::now() + READY_MAX;
        loop {
            for place in self.map.of(province) {
                let Ok(answer) = caller.look(&place.url(), "/v1/cluster", LOOK_MAX).await else { continue };
                let named = answer.body["leader"].as_u64();
                let leader = self.map.of(province).find(|other| Some(other.number) == named);
                // A node that was killed can not lead; whoever names it has not noticed yet.
                if let Some(leader) = leader.filter(|leader| self.nodes.contains_key(&(leader.province, leader.number)))
                {
                    return Ok(leader.clone());
                }
            }
            if Instant::now() > give_up {
                return Err(Failure::check(format!("province {province} has no leader")));
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Kills a node as a crash would.
    pub(crate) fn kill(&mut self, place: &Place) {
        self.nodes.remove(&(place.province, place.number));
    }

    /// Starts a node again where it was, and waits until it takes requests.
    pub(crate) async fn restart(&mut self, caller: &Caller, place: &Place) -> Result<(), Failure> {
        let node = NodeThreads::start(&self.folder, place, self.fatal.clone()).await?;
        self.nodes.insert((place.province, place.number), node);
        self.ready(caller, place, Instant::now() + READY_MAX).await
    }

    async fn ready(&self, caller: &Caller, place: &Place, give_up: Instant) -> Result<(), Failure> {
        loop {
            let why = match caller.look(&place.url(), "/readyz", LOOK_MAX).await {
                Ok(answer) if answer.is_done() => return Ok(()),
                Ok(answer) => answer.told(),
                Err(why) => why,
            };
            if let Some(fatal) = self.fatal() {
                return Err(Failure::start(fatal));
            }
            if Instant::now() > give_up {
                return Err(Failure::start(format!("node {} is not ready: {why}", place.name())));
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Ends everything at once. What was acknowledged is on disk; and where a whole nation ends there
    /// is no one to hand leadership to.
    pub(crate) fn stop(self) {
        let _ = self.end_simulators.send(true);
    }
}

fn simulate_bank(outside: OutsidePlaces, ended: &watch::Receiver<bool>) -> Result<(), Failure> {
    let failed = |error: String| Failure::start(format!("simulated bank at {}: {error}", outside.bank));
    let wire = Wire::of(&mpss_config::RailSettings::defaults()).map_err(|error| failed(error.to_string()))?;
    let listener = TcpListener::bind(outside.bank).map_err(|error| failed(error.to_string()))?;
    let bank = BankSimulator::new(0);
    simulate(outside.bank_testers, bank.router(), ended)?;
    tokio::spawn(crate::simulator::bank::serve(listener, bank, Arc::new(wire), ended.clone()));
    Ok(())
}

/// A UPP that asks the national platform.
fn simulate_upp(map: &Map, address: SocketAddr, ended: &watch::Receiver<bool>) -> Result<(), Failure> {
    let failed = |error: String| Failure::start(format!("simulated UPP at {address}: {error}"));
    let key = hex::decode(map.upp_key()).map_err(|error| failed(error.to_string()))?;
    let upp = UppSimulator::new(0, &map.urls(ProvinceId::NATIONAL), key).map_err(|error| failed(error.to_string()))?;
    simulate(address, upp.router(), ended)
}

fn simulate(address: SocketAddr, router: axum::Router, ended: &watch::Receiver<bool>) -> Result<(), Failure> {
    let listener =
        TcpListener::bind(address).map_err(|error| Failure::start(format!("simulator at {address}: {error}")))?;
    tokio::spawn(crate::simulator::serve(listener, router, ended.clone()));
    Ok(())
}
