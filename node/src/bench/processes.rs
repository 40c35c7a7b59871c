//! The processes of the bench: three replicas and two simulators, all of them this same program,
//! ended with the bench whatever happens to it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mpss_domain::ProvinceId;
use serde_json::Value;

use crate::command_line::Failure;
use crate::demo::Caller;
use crate::demo::place::{Map, Place};
use crate::telemetry::ProcessUsage;

/// How long a process may take until it is ready.
const READY_MAX: Duration = Duration::from_secs(120);
/// How long a process may take to end cleanly.
const STOP_MAX: Duration = Duration::from_secs(30);
/// Loading a million accounts is one request.
const PATIENCE: Duration = Duration::from_secs(3_600);
const LOOK_PAUSE: Duration = Duration::from_millis(10);
const LOOK_MAX: Duration = Duration::from_secs(3);

/// The province that is measured.
pub(super) const PROVINCE: u8 = 44;
/// Settings of the bench's nodes that differ from the defaults: one caller makes all requests.
const SETTINGS: [&str; 2] = ["door.subscriber_requests_per_second = 0", "telemetry.log = \"warn\""];

/// A process of this program.
pub(super) struct Process {
    name: String,
    child: Child,
}

impl Process {
    fn start(name: &str, arguments: &[&str], folder: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::start(format!("{name}: {error}"));
        let program = std::env::current_exe().map_err(failed)?;
        let log = File::options().create(true).append(true).open(folder.join(format!("{name}.log"))).map_err(failed)?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        Ok(Self { name: name.to_owned(), child })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn usage(&self) -> ProcessUsage {
        ProcessUsage::of(self.child.id()).unwrap_or_default()
    }

    /// Why it is not there any more, if it is not.
    fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(format!("{} has ended: {status}", self.name))
    }

    /// Ends it cleanly.
    fn stop(&mut self) -> Result<(), Failure> {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // An error means it has ended already, which is what is wanted.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let give_up = Instant::now() + STOP_MAX;
        while Instant::now() < give_up {
            if self.ended().is_some() {
                return Ok(());
            }
            std::thread::sleep(LOOK_PAUSE);
        }
        Err(Failure::check(format!("{} did not end within {} s of SIGTERM", self.name, STOP_MAX.as_secs())))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One node of the province that is measured.
pub(super) struct NodeProcess {
    pub(super) place: Place,
    pub(super) process: Process,
    /// Its measuring endpoint.
    pub(super) bench_url: String,
    /// From its start until it took requests.
    pub(super) started_in: Duration,
}

/// A province of three processes, and the simulators beside it.
pub(super) struct Province {
    folder: PathBuf,
    pub(super) map: Map,
    pub(super) nodes: Vec<NodeProcess>,
    pub(super) simulators: Vec<Process>,
    pub(super) caller: Caller,
}

impl Province {
    /// Starts everything in `folder` and waits until it takes requests.
    pub(super) async fn start(folder: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder).map_err(|error| Failure::start(format!("{}: {error}", folder.display())))?;
        let province = ProvinceId::new(PROVINCE).expect("a province");
        let map = Map::open(folder, &[province])?;
        let simulators = [("sp", map.sp), ("sms", map.sms)]
            .map(|(name, address)| Process::start(name, &["simulate", name, "--listen", &address.to_string()], folder));
        let [sp, sms] = simulators;
        let mut started = Self {
            folder: folder.to_owned(),
            map,
            nodes: Vec::new(),
            simulators: vec![sp?, sms?],
            caller: Caller::with_patience(format!("bench-{}", std::process::id()), PATIENCE)?,
        };
        let places = started.map.places.clone();
        let mut starting = Vec::new();
        for place in places {
            started.map.write_settings(folder, &place, &SETTINGS)?;
            starting.push((started.launch(&place)?, Instant::now(), place));
        }
        for (process, begun, place) in starting {
            let node = started.until_ready(process, begun, place).await?;
            started.nodes.push(node);
        }
        Ok(started)
    }

    fn ready_file(&self, place: &Place) -> PathBuf {
        self.folder.join(format!("{}.ready", place.name()))
    }

    fn launch(&self, place: &Place) -> Result<Process, Failure> {
        let ready = self.ready_file(place);
        // One of an earlier start would be taken for this one's.
        let _ = std::fs::remove_file(&ready);
        let (settings, ready) = (place.settings_file(&self.folder), ready);
        let [settings, ready] = [settings, ready].map(|path| path.display().to_string());
        let arguments = ["serve", "--config", &settings, "--ready-file", &ready, "--bench-proposer", "127.0.0.1:0"];
        Process::start(&place.name(), &arguments, &self.folder)
    }

    async fn until_ready(&self, mut process: Process, begun: Instant, place: Place) -> Result<NodeProcess, Failure> {
        let give_up = Instant::now() + READY_MAX;
        loop {
            let told = std::fs::read_to_string(self.ready_file(&place)).ok();
            if let Some(told) = told {
                let told: Value = serde_json::from_str(&told).unwrap_or_default();
                let ready = self.caller.look(&place.url(), "/readyz", LOOK_MAX).await;
                if ready.is_ok_and(|answer| answer.is_done()) {
                    let bench_url = told["bench_url"].as_str().unwrap_or_default().to_owned();
                    return Ok(NodeProcess { place, process, bench_url, started_in: begun.elapsed() });
                }
            }
            if let Some(why) = process.ended() {
                let log = self.folder.join(format!("{}.log", place.name()));
                let log = std::fs::read_to_string(log).unwrap_or_default();
                return Err(Failure::start(format!("{why}\n{log}")));
            }
            if Instant::now() > give_up {
                return Err(Failure::start(format!("{} is not ready after {} s", place.name(), READY_MAX.as_secs())));
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Ends one node cleanly and starts it again.
    pub(super) async fn restart(&mut self, number: u64) -> Result<&NodeProcess, Failure> {
        let at = self.nodes.iter().position(|node| node.place.number == number).expect("one of its nodes");
        let mut node = self.nodes.remove(at);
        node.process.stop()?;
        let place = node.place.clone();
        let begun = Instant::now();
        let node = self.until_ready(self.launch(&place)?, begun, place).await?;
        self.nodes.insert(at, node);
        Ok(&self.nodes[at])
    }

    /// Which node leads.
    pub(super) async fn leader(&self) -> Result<&NodeProcess, Failure> {
        let give_up = Instant::now() + READY_MAX;
        while Instant::now() < give_up {
            for node in &self.nodes {
                let Ok(answer) = self.caller.look(&node.place.url(), "/v1/cluster", LOOK_MAX).await else { continue };
                let named = answer.body["leader"].as_u64();
                if let Some(leader) = self.nodes.iter().find(|node| Some(node.place.number) == named) {
                    return Ok(leader);
                }
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        Err(Failure::check("the province has no leader"))
    }

    /// Callers' doors, the leader's first.
    pub(super) async fn doors(&self) -> Result<Vec<SocketAddr>, Failure> {
        let leader = self.leader().await?.place.number;
        let mut nodes: Vec<_> = self.nodes.iter().collect();
        nodes.sort_by_key(|node| node.place.number != leader);
        Ok(nodes.into_iter().map(|node| node.place.public).collect())
    }

    /// What every process uses now; this one, which makes the load, last.
    pub(super) fn usage(&self) -> Vec<(String, ProcessUsage)> {
        let nodes = self.nodes.iter().map(|node| &node.process);
        let mut all: Vec<_> =
            nodes.chain(&self.simulators).map(|process| (process.name().to_owned(), process.usage())).collect();
        all.push(("load".to_owned(), ProcessUsage::of_self().unwrap_or_default()));
        all
    }
}
