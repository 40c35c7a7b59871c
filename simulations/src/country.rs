//! The country: every replica of every province on a machine of its own, started, crashed and
//! started again with the product's own code.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use mpss_config::Settings;
use mpss_domain::{NumberPlan, ProvinceId, State};
use mpss_node::node::{Node, Outside};
use mpss_routing::HttpPeers;
use mpss_routing::http::ProvinceUrls;
use mpss_runtime::memory::{Crash, Device, Pace};
use mpss_runtime::{Clock, Random, Seams};

use crate::outside::{SimSmsc, SimSps};
use crate::world::network::{HttpAsk, HttpReply};
use crate::world::{Network, SeededRandom, SimClock, SimSpawner, Trace};

/// Where callers come from.
const STREET: &str = "street";

/// How big the country is.
#[derive(Debug, Clone)]
pub struct CountryPlan {
    /// The provinces; the national platform (`00`) is one of them.
    pub provinces: Vec<ProvinceId>,
    /// Replicas of each.
    pub replicas: u64,
}

/// One replica's machine. The disk outlives the process.
struct Machine {
    province: ProvinceId,
    number: u64,
    device: Device,
    clock: SimClock,
    running: Option<(Node, SimSpawner)>,
    starts: u64,
}

/// The country.
pub struct Country {
    /// Its plan.
    pub plan: CountryPlan,
    /// Everybody's clock.
    pub clock: SimClock,
    /// The source of everything by chance.
    pub random: Arc<SeededRandom>,
    /// The network.
    pub network: Network,
    /// Service providers.
    pub sps: Arc<SimSps>,
    /// The SMS centre.
    pub smsc: Arc<SimSmsc>,
    /// What happens.
    pub trace: Trace,
    machines: BTreeMap<String, Machine>,
}

/// `44-1`.
#[must_use]
pub fn name_of(province: ProvinceId, number: u64) -> String {
    format!("{province}-{number}")
}

impl Country {
    /// A country whose machines are off. To be made inside the run's runtime.
    #[must_use]
    pub fn new(plan: CountryPlan, random: Arc<SeededRandom>, echo: bool) -> Self {
        let clock = SimClock::new();
        let trace = Trace::new(clock.clone(), echo);
        let network = Network::new(clock.clone(), random.named("network"), trace.clone());
        let sps = SimSps::new(clock.clone(), random.named("sps"), trace.clone());
        let smsc = SimSmsc::new(clock.clone(), random.named("smsc"), trace.clone());
        let mut machines = BTreeMap::new();
        for province in &plan.provinces {
            for number in 1..=plan.replicas {
                let name = name_of(*province, number);
                let device = Device::default();
                device.set_pace(pace(&clock, random.named(&format!("disk {name}"))));
                let machine = Machine {
                    province: *province,
                    number,
                    device,
                    clock: clock.of_another(),
                    running: None,
                    starts: 0,
                };
                machines.insert(name, machine);
            }
        }
        Self { plan, clock, random, network, sps, smsc, trace, machines }
    }

    /// All machines' names.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.machines.keys().cloned().collect()
    }

    /// Machines of one province.
    #[must_use]
    pub fn names_of(&self, province: ProvinceId) -> Vec<String> {
        (1..=self.plan.replicas).map(|number| name_of(province, number)).collect()
    }

    /// True while the machine's process runs.
    #[must_use]
    pub fn runs(&self, name: &str) -> bool {
        self.machines[name].running.is_some()
    }

    /// The node on a machine, while it runs.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.machines[name].running.as_ref().map(|(node, _)| node)
    }

    /// A machine's disk.
    #[must_use]
    pub fn device(&self, name: &str) -> &Device {
        &self.machines[name].device
    }

    /// A machine's clock.
    #[must_use]
    pub fn clock_of(&self, name: &str) -> &SimClock {
        &self.machines[name].clock
    }

    /// What one replica's state shows, while it runs.
    pub fn read<R>(&self, name: &str, look: impl FnOnce(&State) -> R) -> Option<R> {
        self.node(name).map(|node| node.context().replica.read(look))
    }

    /// The machine that leads a province, as far as it knows itself.
    #[must_use]
    pub fn leader(&self, province: ProvinceId) -> Option<String> {
        self.names_of(province).into_iter().find(|name| {
            let node = self.node(name);
            node.is_some_and(|node| {
                let status = node.context().replica.watch().borrow().clone();
                status.leader == Some(status.node)
            })
        })
    }

    /// Starts the process of a machine.
    ///
    /// # Errors
    /// Why the node does not start.
    pub async fn start(&mut self, name: &str) -> Result<(), String> {
        let settings = self.settings(&self.machines[name]);
        let machine = &self.machines[name];
        let spawner = SimSpawner::default();
        let random = self.random.named(&format!("{name} {}", machine.starts));
        let seams = Seams {
            clock: Arc::new(machine.clock.clone()),
            random: random.clone() as Arc<dyn Random>,
            spawner: Arc::new(spawner.clone()),
            disk: machine.device.open(),
            transport: self.network.transport(&format!("{name}:82"), spawner.clone()),
        };
        let provinces = self.plan.provinces.iter().filter(|other| **other != machine.province);
        let urls = provinces.map(|other| (*other, self.urls(*other))).collect();
        let outside = Outside {
            peers: Arc::new(HttpPeers::over(self.network.link(name), Arc::new(machine.clock.clone()), urls)),
            sms: Some(self.smsc.clone()),
            sps: self.sps.clone(),
        };
        let started = Node::start_inside(settings, seams, outside).await;
        let (node, services) = started.map_err(|error| told(&error))?;
        self.network.open_site(&format!("{name}:80"), spawner.clone(), services.public);
        self.network.open_site(&format!("{name}:81"), spawner.clone(), services.peer);
        let machine = self.machines.get_mut(name).expect("looked up above");
        machine.starts += 1;
        machine.running = Some((node, spawner));
        Ok(())
    }

    /// Ends the process of a machine in the middle of whatever it does. Bytes that were not synced are
    /// lost, kept or torn; returns how many there were.
    pub fn crash(&mut self, name: &str, crash: Crash) -> u64 {
        let machine = self.machines.get_mut(name).expect("a machine of this country");
        let unsynced = machine.device.unsynced_bytes();
        self.network.shut(name);
        if let Some((node, spawner)) = machine.running.take() {
            node.kill();
            spawner.kill();
        }
        machine.device.crash(crash);
        unsynced
    }

    /// Why a running node must not go on, when it must not.
    pub async fn fatal(&self, name: &str) -> Option<String> {
        let node = self.node(name)?;
        tokio::time::timeout(Duration::ZERO, node.wait_fatal()).await.ok()
    }

    /// One request from the street to a machine.
    ///
    /// # Errors
    /// True when the request may have been taken, false when surely not.
    pub async fn ask(&self, name: &str, ask: HttpAsk, deadline: Duration) -> Result<HttpReply, bool> {
        let address = format!("{name}:80");
        let asked = self.network.ask(STREET, &address, ask, deadline).await;
        asked.map_err(|why| why == mpss_routing::http::NoReply::Unknown)
    }

    fn urls(&self, province: ProvinceId) -> ProvinceUrls {
        let urls = |port: u16| self.names_of(province).iter().map(|name| format!("http://{name}:{port}")).collect();
        ProvinceUrls { public: urls(80), peer: urls(81) }
    }

    fn settings(&self, machine: &Machine) -> Settings {
        let mut text = String::new();
        let mut line = |what: String| {
            let _ = writeln!(text, "{what}");
        };
        line(format!("node.province = \"{}\"", machine.province));
        line(format!("node.number = {}", machine.number));
        line(format!("node.data_dir = \"/{}\"", name_of(machine.province, machine.number)));
        line("replication.segment_bytes = 1048576".to_owned());
        line("replication.snapshot_log_bytes = 1048576".to_owned());
        line("replication.digest_interval_entries = 50".to_owned());
        line(format!("password.peppers.1 = \"{}\"", "5a".repeat(32)));
        for number in 1..=self.plan.replicas {
            let name = name_of(machine.province, number);
            line(format!("founders.{number}.raft_address = \"{name}:82\""));
            line(format!("founders.{number}.public_url = \"http://{name}:80\""));
        }
        let others: BTreeSet<_> = self.plan.provinces.iter().filter(|other| **other != machine.province).collect();
        for province in others {
            let urls = self.urls(*province);
            line(format!("provinces.{province}.public_urls = {:?}", urls.public));
            line(format!("provinces.{province}.peer_urls = {:?}", urls.peer));
        }
        Settings::parse(&text, "simulation", []).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }
}

impl std::fmt::Debug for Country {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Country").field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// A sync takes a millisecond or two, and now and then much longer.
fn pace(clock: &SimClock, random: Arc<SeededRandom>) -> Pace {
    let clock = clock.clone();
    Arc::new(move || {
        let ms = if random.happens(10_000) { random.between(20, 200) } else { random.between(0, 2) };
        clock.sleep(Duration::from_millis(ms))
    })
}

/// The national number plan.
#[must_use]
pub fn number_plan() -> NumberPlan {
    mpss_routing::national_plan()
}

fn told(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", told(source)),
        None => error.to_string(),
    }
}
