//! The country: every replica of every province on a machine of its own, started, crashed, held,
//! replaced and started again with the product's own code.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::{NumberPlan, ProvinceId, State, StateVersion};
use mpss_node::node::{Context, Node, Outside};
use mpss_routing::HttpPeers;
use mpss_runtime::memory::{Crash, Device, Pace};
use mpss_runtime::{Clock, Random, Seams};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::oracle::{Listener, Oracles, Seen};
use crate::outside::{SimRails, SimSmsc, SimSps};
use crate::tally::Tally;
use crate::world::{Exchanges, Network, SeededRandom, SimClock, SimSpawner, Trace};

mod disks;
mod settings;

pub(crate) use disks::{Disks, LOG, SNAPSHOTS};

/// How big the country is.
#[derive(Debug, Clone)]
pub struct CountryPlan {
    /// The provinces; the national platform (`00`) is one of them.
    pub provinces: Vec<ProvinceId>,
    /// Replicas of each.
    pub replicas: u64,
    /// Those that begin with a program that decides by the oldest rules alone.
    pub upgraded: BTreeSet<ProvinceId>,
    /// Those whose virtual accounts the platform of unified payments keeps.
    pub upp_accounts: BTreeSet<ProvinceId>,
    /// Keep what a report needs.
    pub recorded: bool,
    /// Print what happens as it happens.
    pub echo: bool,
}

/// Whether a machine's process runs.
enum Process {
    Off,
    Starting {
        spawner: SimSpawner,
        /// Ends the start.
        stop: oneshot::Sender<()>,
    },
    On {
        node: Box<Node>,
        spawner: SimSpawner,
    },
    /// Ends in good order.
    Stopping(SimSpawner),
}

/// One replica's machine. The disk outlives the process.
struct Machine {
    province: ProvinceId,
    /// The replica's number; rises when the machine is replaced.
    number: u64,
    /// It was there when the province was founded.
    founder: bool,
    device: Device,
    /// The newest rules its program decides by, from its next start on.
    program: StateVersion,
    /// What the program decides by that runs now, or ran last.
    started: StateVersion,
    clock: SimClock,
    process: Process,
    starts: u64,
    /// Rises with every end of the process.
    generation: u64,
    /// How much slower its disk is, in milliseconds for each sync.
    slow_sync_ms: Arc<Mutex<(u64, u64)>>,
}

/// Why a process did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotStarted {
    /// It was crashed while it started, or runs already.
    Ended,
    /// The node says why.
    Refused(String),
}

/// A process that was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// It led, as far as it knew.
    pub led: bool,
    /// Bytes that were not synced.
    pub unsynced: u64,
    /// Which end of this machine's processes this was.
    pub generation: u64,
}

/// The country. Cheap to clone.
#[derive(Clone)]
pub struct Country {
    parts: Arc<Parts>,
}

struct Parts {
    plan: CountryPlan,
    clock: SimClock,
    random: Arc<SeededRandom>,
    network: Network,
    sps: Arc<SimSps>,
    smsc: Arc<SimSmsc>,
    rails: Arc<SimRails>,
    trace: Trace,
    tally: Tally,
    oracles: Oracles,
    exchanges: Exchanges,
    disks: Disks,
    machines: Mutex<BTreeMap<String, Machine>>,
}

/// `44-1`.
#[must_use]
pub fn name_of(province: ProvinceId, place: u64) -> String {
    format!("{province}-{place}")
}

/// The province of a machine's name.
pub(crate) fn province_of(machine: &str) -> Option<ProvinceId> {
    machine.split('-').next()?.parse().ok()
}

impl Country {
    /// A country whose machines are off. To be made inside the run's runtime.
    #[must_use]
    pub fn new(plan: CountryPlan, random: Arc<SeededRandom>) -> Self {
        let clock = SimClock::new();
        let trace = Trace::new(clock.clone(), plan.echo, plan.recorded);
        let tally = Tally::new();
        let oracles = Oracles::new(clock.clone(), trace.clone(), &tally);
        let exchanges = Exchanges::new(plan.recorded);
        let disks = Disks::default();
        let listener = Arc::new(Listener { oracles: oracles.clone(), disks: disks.clone() });
        let network = Network::new(clock.clone(), random.named("network"), trace.clone(), exchanges.clone(), listener);
        let sps = SimSps::new(clock.clone(), random.named("sps"), trace.clone(), oracles.clone(), exchanges.clone());
        let smsc = SimSmsc::new(clock.clone(), random.named("smsc"), trace.clone(), oracles.clone());
        let rails = SimRails::new(clock.clone(), random.named("rails"), trace.clone());
        let parts = Parts {
            plan,
            clock,
            random,
            network,
            sps,
            smsc,
            rails,
            trace,
            tally,
            oracles,
            exchanges,
            disks,
            machines: Mutex::new(BTreeMap::new()),
        };
        let country = Self { parts: Arc::new(parts) };
        for province in country.plan().provinces.clone() {
            for place in 1..=country.plan().replicas {
                let name = name_of(province, place);
                let machine = Machine {
                    province,
                    number: place,
                    founder: true,
                    device: Device::default(),
                    program: if country.plan().upgraded.contains(&province) {
                        StateVersion::OLDEST
                    } else {
                        StateVersion::NEWEST
                    },
                    started: StateVersion::OLDEST,
                    clock: country.clock().of_another(),
                    process: Process::Off,
                    starts: 0,
                    generation: 0,
                    slow_sync_ms: Arc::default(),
                };
                country.equip(&name, &machine);
                country.parts.machines.lock().insert(name, machine);
            }
        }
        country
    }

    /// Gives a machine's disk its pace and its onlooker.
    fn equip(&self, name: &str, machine: &Machine) {
        let random = self.random().named(&format!("disk {name} {}", machine.number));
        machine.device.set_pace(pace(self.clock(), random, machine.slow_sync_ms.clone()));
        let (disks, oracles, name, province) =
            (self.parts.disks.clone(), self.parts.oracles.clone(), name.to_owned(), machine.province);
        machine.device.set_onlooker(Arc::new(move |folder, file, bytes| {
            let entries = disks.written(&name, folder, file, bytes);
            if !entries.is_empty() {
                oracles.see(&Seen::Durable { province, entries: &entries });
            }
        }));
    }

    /// Its plan.
    #[must_use]
    pub fn plan(&self) -> &CountryPlan {
        &self.parts.plan
    }

    /// Everybody's clock.
    #[must_use]
    pub fn clock(&self) -> &SimClock {
        &self.parts.clock
    }

    /// The source of everything by chance.
    #[must_use]
    pub fn random(&self) -> &Arc<SeededRandom> {
        &self.parts.random
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.parts.network
    }

    /// Service providers.
    #[must_use]
    pub fn sps(&self) -> &Arc<SimSps> {
        &self.parts.sps
    }

    /// The SMS centre.
    #[must_use]
    pub fn smsc(&self) -> &Arc<SimSmsc> {
        &self.parts.smsc
    }

    /// Whoever has the money of accounts outside.
    #[must_use]
    pub fn rails(&self) -> &Arc<SimRails> {
        &self.parts.rails
    }

    /// What happens.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.parts.trace
    }

    /// How often what happened.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.parts.tally
    }

    /// What must be true.
    #[must_use]
    pub fn oracles(&self) -> &Oracles {
        &self.parts.oracles
    }

    /// Who asked whom, when it is recorded.
    #[must_use]
    pub fn exchanges(&self) -> &Exchanges {
        &self.parts.exchanges
    }

    /// All machines' names.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.parts.machines.lock().keys().cloned().collect()
    }

    /// Machines of one province.
    #[must_use]
    pub fn names_of(&self, province: ProvinceId) -> Vec<String> {
        (1..=self.plan().replicas).map(|place| name_of(province, place)).collect()
    }

    /// True while the machine's process runs.
    #[must_use]
    pub fn runs(&self, name: &str) -> bool {
        matches!(self.parts.machines.lock()[name].process, Process::On { .. })
    }

    /// True when the machine's process neither runs nor starts nor ends.
    #[must_use]
    pub fn is_off(&self, name: &str) -> bool {
        matches!(self.parts.machines.lock()[name].process, Process::Off)
    }

    /// What the node on a machine works with, while it runs.
    #[must_use]
    pub fn context(&self, name: &str) -> Option<Context> {
        match &self.parts.machines.lock()[name].process {
            Process::On { node, .. } => Some(node.context().clone()),
            _ => None,
        }
    }

    /// A machine's disk.
    #[must_use]
    pub fn device(&self, name: &str) -> Device {
        self.parts.machines.lock()[name].device.clone()
    }

    /// A machine's clock.
    #[must_use]
    pub fn clock_of(&self, name: &str) -> SimClock {
        self.parts.machines.lock()[name].clock.clone()
    }

    /// The number of the replica on a machine.
    #[must_use]
    pub fn number_of(&self, name: &str) -> u64 {
        self.parts.machines.lock()[name].number
    }

    /// Every sync on a machine takes this much longer, shortest and longest, in milliseconds.
    pub fn slow_disk(&self, name: &str, ms: (u64, u64)) {
        *self.parts.machines.lock()[name].slow_sync_ms.lock() = ms;
    }

    /// What one replica's state shows, while it runs.
    pub fn read<R>(&self, name: &str, look: impl FnOnce(&State) -> R) -> Option<R> {
        self.context(name).map(|context| context.replica.read(look))
    }

    /// The machine that leads a province: of those that think so, the one that was elected last.
    #[must_use]
    pub fn leader(&self, province: ProvinceId) -> Option<String> {
        let term = |name: &String| {
            let watch = self.context(name)?.replica.watch();
            let status = watch.borrow();
            (status.leader == Some(status.node)).then_some(status.term)
        };
        let leaders = self.names_of(province).into_iter().filter_map(|name| Some((term(&name)?, name)));
        leaders.max().map(|(_, name)| name)
    }

    /// The process of a machine stands still, or goes on.
    pub fn hold(&self, name: &str, held: bool) {
        let machines = self.parts.machines.lock();
        // A process that is asked to end while it stands still ends when it goes on.
        if let Process::On { spawner, .. } | Process::Stopping(spawner) = &machines[name].process {
            let gate = spawner.gate().clone();
            drop(machines);
            if held { gate.hold() } else { gate.release() }
        }
    }

    /// True while the process of a machine stands still.
    #[must_use]
    pub fn is_held(&self, name: &str) -> bool {
        match &self.parts.machines.lock()[name].process {
            Process::On { spawner, .. } => spawner.gate().is_held(),
            _ => false,
        }
    }

    /// Starts the process of a machine.
    ///
    /// # Errors
    /// See [`NotStarted`].
    pub async fn start(&self, name: &str) -> Result<(), NotStarted> {
        let (settings, seams, outside, spawner, stopped) = {
            let mut machines = self.parts.machines.lock();
            let machine = machines.get_mut(name).expect("a machine of this country");
            if !matches!(machine.process, Process::Off) {
                return Err(NotStarted::Ended);
            }
            let spawner = SimSpawner::default();
            let random = self.random().named(&format!("{name} {}", machine.starts));
            machine.starts += 1;
            machine.started = machine.program;
            let clock: Arc<dyn Clock> = Arc::new(machine.clock.seen_by(spawner.gate()));
            self.parts.disks.read(name, &machine.device);
            let seams = Seams {
                clock: clock.clone(),
                random: random as Arc<dyn Random>,
                spawner: Arc::new(spawner.clone()),
                disk: machine.device.open(),
                transport: self.network().transport(&format!("{name}:82"), spawner.clone()),
            };
            let provinces = self.plan().provinces.iter().filter(|other| **other != machine.province);
            let urls = provinces.map(|other| (*other, settings::urls(self, *other))).collect();
            let link = self.network().link(name);
            let outside = Outside {
                peers: Arc::new(HttpPeers::over(link.clone(), clock, urls)),
                nodes: link,
                sms: Some(self.smsc().gateway()),
                centre: None,
                sps: self.sps().gateway(name),
                rails: self.rails().ways(machine.province, &spawner),
                witness: Some(self.oracles().witness(name, machine.province)),
            };
            let (stop, stopped) = oneshot::channel();
            let settings = settings::of(self, name, machine);
            machine.process = Process::Starting { spawner: spawner.clone(), stop };
            (settings, seams, outside, spawner, stopped)
        };
        let started = tokio::select! {
            biased;
            _ = stopped => return Err(NotStarted::Ended),
            started = Node::start_inside(settings, seams, outside) => started,
        };
        match started {
            Ok((node, services)) => {
                self.network().open_site(&format!("{name}:80"), spawner.clone(), services.public);
                self.network().open_site(&format!("{name}:81"), spawner.clone(), services.peer);
                self.set(name, Process::On { node: Box::new(node), spawner });
                Ok(())
            }
            Err(error) => {
                self.network().shut(name);
                spawner.kill();
                self.device(name).crash(Crash::Kept);
                self.set(name, Process::Off);
                Err(NotStarted::Refused(told(&error)))
            }
        }
    }

    fn set(&self, name: &str, process: Process) {
        self.parts.machines.lock().get_mut(name).expect("a machine of this country").process = process;
    }

    /// Ends the process of a machine in the middle of whatever it does. Bytes that were not synced are
    /// lost, kept or torn. Nothing when there is no process.
    pub fn crash(&self, name: &str, crash: Crash) -> Option<Ended> {
        let led = province_of(name).and_then(|province| self.leader(province)).as_deref() == Some(name);
        let (process, device, generation) = {
            let mut machines = self.parts.machines.lock();
            let machine = machines.get_mut(name).expect("a machine of this country");
            if matches!(machine.process, Process::Off) {
                return None;
            }
            machine.generation += 1;
            (std::mem::replace(&mut machine.process, Process::Off), machine.device.clone(), machine.generation)
        };
        let unsynced = device.unsynced_bytes();
        self.network().shut(name);
        match process {
            Process::Off => {}
            Process::Starting { spawner, stop } => {
                // Whoever started it hears that it was ended.
                let _ = stop.send(());
                spawner.kill();
            }
            Process::On { node, spawner } => {
                node.kill();
                spawner.kill();
            }
            Process::Stopping(spawner) => spawner.kill(),
        }
        device.crash(crash);
        self.oracles().see(&Seen::Crashed { machine: name, led, unsynced });
        Some(Ended { led, unsynced, generation })
    }

    /// Stops the process of a machine in good order; false when it did not run, or was crashed
    /// meanwhile.
    pub async fn stop(&self, name: &str) -> bool {
        let (node, spawner, generation) = {
            let mut machines = self.parts.machines.lock();
            let machine = machines.get_mut(name).expect("a machine of this country");
            match std::mem::replace(&mut machine.process, Process::Off) {
                Process::On { node, spawner } => {
                    machine.process = Process::Stopping(spawner.clone());
                    (node, spawner, machine.generation)
                }
                other => {
                    machine.process = other;
                    return false;
                }
            }
        };
        node.shutdown().await;
        let mut machines = self.parts.machines.lock();
        let machine = machines.get_mut(name).expect("a machine of this country");
        if machine.generation != generation {
            return false;
        }
        machine.generation += 1;
        machine.process = Process::Off;
        let device = machine.device.clone();
        drop(machines);
        self.network().shut(name);
        spawner.kill();
        device.crash(Crash::Kept);
        self.oracles().see(&Seen::Stopped { machine: name });
        true
    }

    /// Puts another machine in the place of one whose process is off: an empty disk, and a replica
    /// number that was never used. Gives that number.
    pub fn replace(&self, name: &str) -> u64 {
        let mut machines = self.parts.machines.lock();
        let province = machines[name].province;
        let highest = machines.values().filter(|other| other.province == province).map(|other| other.number).max();
        let machine = machines.get_mut(name).expect("a machine of this country");
        machine.number = highest.unwrap_or_default() + 1;
        machine.founder = false;
        machine.device = Device::default();
        machine.program = StateVersion::NEWEST;
        machine.clock = self.parts.clock.of_another();
        machine.generation += 1;
        self.equip(name, machine);
        machine.number
    }

    /// The program of a machine, from its next start on, decides by the newest rules.
    pub fn install_newest_program(&self, name: &str) {
        self.parts.machines.lock().get_mut(name).expect("a machine of this country").program = StateVersion::NEWEST;
    }

    /// The program of a machine decides by the newest rules, or will when it starts next.
    #[must_use]
    pub fn has_newest_program(&self, name: &str) -> bool {
        self.parts.machines.lock()[name].program == StateVersion::NEWEST
    }

    /// The process of a machine is of an older program than the one that is installed.
    #[must_use]
    pub fn runs_older_program(&self, name: &str) -> bool {
        let machine = &self.parts.machines.lock()[name];
        !matches!(machine.process, Process::Off) && machine.started < machine.program
    }

    /// Which end of its processes was a machine's last.
    #[must_use]
    pub fn generation(&self, name: &str) -> u64 {
        self.parts.machines.lock()[name].generation
    }

    /// Why a running node must not go on, when it must not.
    #[must_use]
    pub fn fatal(&self, name: &str) -> Option<String> {
        match &self.parts.machines.lock()[name].process {
            Process::On { node, .. } => node.fatal(),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Country {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Country").field("plan", &self.parts.plan).finish_non_exhaustive()
    }
}

/// A sync takes a millisecond to three, now and then much longer, and longer still while the disk is
/// slow.
fn pace(clock: &SimClock, random: Arc<SeededRandom>, slow: Arc<Mutex<(u64, u64)>>) -> Pace {
    let clock = clock.clone();
    Arc::new(move || {
        let ms = if random.happens(10_000) { random.between(20, 200) } else { random.between(1, 3) };
        let (low, high) = *slow.lock();
        let more = if high > 0 { random.between(low, high) } else { 0 };
        clock.sleep(Duration::from_millis(ms + more))
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
