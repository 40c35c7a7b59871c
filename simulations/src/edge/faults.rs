//! What goes wrong on the network and at the machines, storm after storm, with calm between them.

use std::collections::BTreeSet;
use std::time::Duration;

use mpss_runtime::Random as _;
use mpss_runtime::memory::Crash;
use turmoil::Sim;

use super::machine::Machine;
use super::rude;
use super::scene::Scene;

/// A storm, and the calm after it.
const STORM: Duration = Duration::from_secs(10);
const CYCLE: Duration = Duration::from_secs(30);
/// The longest way of a message in calm and in storms, in ms.
const WAY_MAX_MS: u64 = 10;
const STORM_WAYS_MAX_MS: &[u64] = &[10, 40, 150, 400];
/// Connections that break in a storm, in parts of a million.
const BREAKS: &[u32] = &[0, 100_000, 400_000];
/// How long a process that stops in order may take.
const STOP_MAX: Duration = Duration::from_secs(30);

/// How often what is struck, in parts of a million for each look (every 250 ms of a storm).
const CRASH: u32 = 40_000;
const STOP: u32 = 25_000;
const PARTITION: u32 = 60_000;
const ONE_WAY: u32 = 40_000;
const HOLD: u32 = 60_000;
const STALL: u32 = 40_000;
const WEATHER: u32 = 150_000;

/// A fault that will end.
enum Pending {
    /// A process starts again.
    Start(usize),
    /// A process that was told to stop has stopped.
    Stopped(usize, Duration),
    /// Two hosts reach each other again.
    Repair(String, String),
    RepairOneWay(String, String),
    Release(String, String),
}

/// Strikes, and ends what it struck.
pub struct Faults {
    scene: Scene,
    machines: Vec<Machine>,
    hosts: Vec<String>,
    pending: Vec<(Duration, Pending)>,
    apart: BTreeSet<(String, String)>,
    looks: u64,
}

impl Faults {
    /// Faults at these machines, and between them and those who call them.
    #[must_use]
    pub fn new(scene: Scene, machines: Vec<Machine>, callers: &[String]) -> Self {
        let hosts = machines.iter().map(|machine| machine.name.clone()).chain(callers.iter().cloned()).collect();
        Self { scene, machines, hosts, pending: Vec::new(), apart: BTreeSet::new(), looks: 0 }
    }

    /// Ends what has lasted long enough.
    pub fn end_due(&mut self, sim: &mut Sim<'_>) {
        let now = sim.elapsed();
        let (due, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().partition(|(at, _)| *at <= now);
        self.pending = rest;
        for (_, what) in due {
            self.end(sim, what);
        }
    }

    /// True when nothing is struck any more.
    #[must_use]
    pub fn are_over(&self) -> bool {
        self.pending.is_empty()
    }

    /// Looks once while people live.
    pub fn look(&mut self, sim: &mut Sim<'_>, since_begin: Duration) {
        let stormy = since_begin.as_millis() % CYCLE.as_millis() < STORM.as_millis();
        if self.scene.stormy() && !stormy {
            self.fair(sim);
        }
        self.scene.set_stormy(stormy);
        self.looks += 1;
        if !stormy {
            return;
        }
        let now = sim.elapsed();
        let random = self.scene.random.named(&format!("faults {}", self.looks));
        let machine = usize::try_from(random.below(self.machines.len() as u64)).unwrap_or(0);
        if random.happens(CRASH) {
            self.crash(sim, machine, Duration::from_millis(random.between(200, 4_000)));
        }
        if random.happens(STOP) && self.machines[machine].is_up() {
            self.strike(now, "processes stopped in order", &self.machines[machine].name.clone(), STORM);
            self.machines[machine].stop();
            self.pending.push((now, Pending::Stopped(machine, now + STOP_MAX)));
        }
        let (one, other) = (random.pick(&self.hosts).clone(), random.pick(&self.hosts).clone());
        let until = now + Duration::from_millis(random.between(200, 4_000));
        let pair = (one.clone().min(other.clone()), one.clone().max(other.clone()));
        if one != other && !self.apart.contains(&pair) {
            let who = format!("{one} and {other}");
            if random.happens(PARTITION) {
                self.strike(now, "partitions", &who, until - now);
                sim.partition(one.as_str(), other.as_str());
                self.pending.push((until, Pending::Repair(one, other)));
                self.apart.insert(pair);
            } else if random.happens(ONE_WAY) {
                self.strike(now, "partitions one way", &who, until - now);
                sim.partition_oneway(one.as_str(), other.as_str());
                self.pending.push((until, Pending::RepairOneWay(one, other)));
                self.apart.insert(pair);
            } else if random.happens(HOLD) {
                self.strike(now, "messages held and released", &who, until - now);
                sim.hold(one.as_str(), other.as_str());
                self.pending.push((until, Pending::Release(one, other)));
                self.apart.insert(pair);
            }
        }
        if random.happens(STALL) {
            let until = now + Duration::from_millis(random.between(300, 5_000));
            self.strike(now, "disks that stand still", &self.machines[machine].name.clone(), until - now);
            self.machines[machine].stall(until);
        }
        if random.happens(WEATHER) {
            let way = *random.pick(STORM_WAYS_MAX_MS);
            let breaks = *random.pick(BREAKS);
            let what = format!("ways up to {way} ms, {breaks} of a million connections break");
            self.strike(now, "changes of the weather", &what, STORM);
            sim.set_max_message_latency(Duration::from_millis(way));
            self.scene.set_breaks(breaks);
        }
    }

    /// Nothing new goes wrong from now on; what was struck ends in its time.
    pub fn fair(&mut self, sim: &Sim<'_>) {
        sim.set_max_message_latency(Duration::from_millis(WAY_MAX_MS));
        self.scene.set_breaks(0);
        self.scene.set_stormy(false);
        // Connections made in the storm may still break.
        self.scene.trouble(sim.elapsed());
        self.scene.tell(sim.elapsed(), "the storm is over");
    }

    /// The rude caller's ways are always the same, so that what it waits for is exact.
    pub fn steady(&self, sim: &Sim<'_>, host: &str) {
        for machine in &self.machines {
            sim.set_link_latency(host, machine.name.as_str(), rude::LATENCY);
        }
    }

    fn strike(&self, now: Duration, what: &'static str, who: &str, lasts: Duration) {
        self.scene.count(what);
        self.scene.trouble(now + lasts);
        self.scene.tell(now, &format!("{what}: {who}, {} ms", lasts.as_millis()));
    }

    fn crash(&mut self, sim: &mut Sim<'_>, at: usize, dark: Duration) {
        let machine = self.machines[at].clone();
        if !machine.is_up() {
            return;
        }
        let random = self.scene.random.named(&format!("crash {}", self.looks));
        let torn = Crash::Torn(usize::try_from(random.below(4_096)).unwrap_or(0));
        let crash = *random.pick(&[Crash::Lost, Crash::Kept, torn]);
        if machine.held().is_some_and(|held| held.requests != [0; 3]) {
            self.scene.count("crashes with requests under way");
        }
        self.strike(sim.elapsed(), "crashes", &format!("{} {crash:?}", machine.name), dark);
        machine.gone();
        sim.crash(machine.name.as_str());
        machine.device.crash(crash);
        // A process that was about to stop has.
        self.pending.retain(|(_, what)| !matches!(what, Pending::Stopped(stopped, _) if *stopped == at));
        self.pending.push((sim.elapsed() + dark, Pending::Start(at)));
    }

    fn end(&mut self, sim: &mut Sim<'_>, what: Pending) {
        match what {
            Pending::Start(at) => sim.bounce(self.machines[at].name.as_str()),
            Pending::Stopped(at, until) => {
                let machine = &self.machines[at];
                let now = sim.elapsed();
                self.scene.trouble(now);
                if !machine.is_up() && !sim.is_host_running(machine.name.as_str()) {
                    self.pending.push((now + Duration::from_millis(200), Pending::Start(at)));
                } else if now > until {
                    self.scene.violated("doors close", format!("{} does not stop", machine.name));
                } else {
                    self.pending.push((now + Duration::from_millis(50), Pending::Stopped(at, until)));
                }
            }
            Pending::Repair(one, other) => {
                sim.repair(one.as_str(), other.as_str());
                self.together(one, other);
            }
            Pending::RepairOneWay(one, other) => {
                sim.repair_oneway(one.as_str(), other.as_str());
                self.together(one, other);
            }
            Pending::Release(one, other) => {
                sim.release(one.as_str(), other.as_str());
                self.together(one, other);
            }
        }
    }

    fn together(&mut self, one: String, other: String) {
        let pair = (one.clone().min(other.clone()), one.max(other));
        self.apart.remove(&pair);
    }
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").field("looks", &self.looks).finish_non_exhaustive()
    }
}
