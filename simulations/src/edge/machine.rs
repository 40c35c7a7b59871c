//! One province's machine on the simulated network: a disk that outlives the process, and the
//! product's own node behind the product's own doors.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mpss_config::Settings;
use mpss_domain::{ProvinceId, State};
use mpss_node::channel::{ServeOptions, serve_on};
use mpss_node::node::{Context, Node, Outside, Services};
use mpss_routing::HttpPeers;
use mpss_routing::http::ProvinceUrls;
use mpss_runtime::memory::Device;
use mpss_runtime::transport::ServeGuard;
use mpss_runtime::{BoxFuture, CallError, Handler, Seams, Spawner, Transport};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::clock::{EdgeClock, now};
use super::http::{Http, Link};
use super::outside::Outsiders;
use super::scene::Scene;
use super::spawner::HostSpawner;
use super::tcp::Listener;

/// The callers' door.
pub const PUBLIC_PORT: u16 = 80;
/// The provinces' door.
pub const PEER_PORT: u16 = 81;
/// Connections at one door at most: few, so that callers can take them all.
pub const CONNECTIONS_MAX: usize = 40;
/// Requests being worked on at once at most.
pub const IN_FLIGHT_MAX: usize = 12;
/// Headers and bodies must have come within this time.
pub const HEADER_DEADLINE: Duration = Duration::from_secs(2);
/// How long an idle connection is kept; a whole number of header deadlines, so that the end is exact.
pub const IDLE_MAX: Duration = Duration::from_secs(10);
/// Bytes of a body at most.
pub const BODY_BYTES_MAX: usize = 65_536;

/// The machine. Cheap to clone.
#[derive(Clone)]
pub struct Machine {
    /// Whose it is.
    pub province: ProvinceId,
    /// Its name on the network.
    pub name: String,
    /// Its disk.
    pub device: Device,
    scene: Scene,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    running: Mutex<Option<Running>>,
    /// How often a process was started, told to stop or ended here.
    changes: AtomicU64,
    /// Until when the disk answers nobody, in ms since the run began.
    stalled_until_ms: AtomicU64,
}

/// A process.
struct Running {
    context: Context,
    services: Services,
    callers: HostSpawner,
    provinces: HostSpawner,
    stop: watch::Sender<bool>,
}

/// What is held at the doors of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Connections of callers.
    pub callers: usize,
    /// Connections of provinces.
    pub provinces: usize,
    /// Requests of both that are being worked on.
    pub requests: [usize; 3],
}

/// A machine's name on the network.
#[must_use]
pub fn name_of(province: ProvinceId) -> String {
    format!("p{province}")
}

impl Machine {
    /// A machine that is off.
    #[must_use]
    pub fn new(province: ProvinceId, scene: Scene) -> Self {
        let device = Device::default();
        let shared = Arc::new(Shared::default());
        let random = scene.random.named(&format!("disk {province}"));
        let stall = Arc::clone(&shared);
        device.set_pace(Arc::new(move || {
            let now = now();
            let stalled = Duration::from_millis(stall.stalled_until_ms.load(Ordering::Relaxed)).saturating_sub(now);
            Box::pin(tokio::time::sleep(stalled.max(Duration::from_millis(random.between(0, 3)))))
        }));
        Self { province, name: name_of(province), device, scene, shared }
    }

    /// Runs the process until it is told to stop. What it was doing when it crashes is gone.
    ///
    /// # Errors
    /// Why the node does not start, or must not go on.
    pub async fn run(self, provinces: Vec<ProvinceId>, outsiders: Outsiders) -> turmoil::Result {
        let (public, peer) = (Listener::bind(PUBLIC_PORT).await?, Listener::bind(PEER_PORT).await?);
        let clock = Arc::new(EdgeClock::here());
        let start = self.shared.changes.fetch_add(1, Ordering::Relaxed);
        let seams = Seams {
            clock: clock.clone(),
            random: self.scene.random.named(&format!("{} {start}", self.name)),
            spawner: Arc::new(HostSpawner::default()),
            disk: self.device.open(),
            transport: Arc::new(Alone),
        };
        let others: Vec<_> = provinces.iter().copied().filter(|other| *other != self.province).collect();
        let link = Arc::new(Link(Http::new(self.scene.clone())));
        let urls = others.iter().map(|other| (*other, urls(*other))).collect();
        let outside = Outside {
            peers: Arc::new(HttpPeers::over(link.clone(), clock, urls)),
            nodes: link,
            sms: Some(Arc::new(outsiders.clone())),
            centre: None,
            sps: Arc::new(outsiders),
            rails: mpss_node::node::Rails::default(),
            witness: None,
        };
        let settings = self.settings(&others);
        let (node, services) = Node::start_inside(settings, seams.clone(), outside).await?;
        let (shut, closing) = watch::channel(false);
        let mut doors = Vec::new();
        let mut spawners = Vec::new();
        for (listener, router) in [(public, services.public.clone()), (peer, services.peer.clone())] {
            let spawner = HostSpawner::default();
            // A closing door waits longer than any request may take, so that it closes behind the last.
            let options = ServeOptions { idle_max: IDLE_MAX, ..ServeOptions::new(&node.context().settings.door) };
            let seams = Seams { spawner: Arc::new(spawner.clone()) as Arc<dyn Spawner>, ..seams.clone() };
            doors.push(tokio::spawn(serve_on(listener, router, options, seams, closing.clone())));
            spawners.push(spawner);
        }
        let (stop, mut stopped) = watch::channel(false);
        let [callers, provinces] = [spawners.remove(0), spawners.remove(0)];
        let running = Running { context: node.context().clone(), services, callers, provinces, stop };
        *self.shared.running.lock() = Some(running);
        self.scene.tell(now(), &format!("{} is up", self.name));
        tokio::select! {
            biased;
            why = node.wait_fatal() => return Err(format!("{} must not go on: {why}", self.name).into()),
            _ = stopped.wait_for(|stop| *stop) => {}
        }
        shut.send_replace(true);
        for door in doors {
            door.await?;
        }
        node.shutdown().await;
        if let Some(held) = self.held().filter(|held| held.callers + held.provinces > 0) {
            self.scene.violated("doors close", format!("{}: {held:?} after the doors closed", self.name));
        }
        self.gone();
        self.scene.tell(now(), &format!("{} is down", self.name));
        Ok(())
    }

    /// Tells the process to stop in order.
    pub fn stop(&self) {
        self.shared.changes.fetch_add(1, Ordering::Relaxed);
        if let Some(running) = &*self.shared.running.lock() {
            running.stop.send_replace(true);
        }
    }

    /// The process is gone, or about to be.
    pub fn gone(&self) {
        self.shared.changes.fetch_add(1, Ordering::Relaxed);
        drop(self.shared.running.lock().take());
    }

    /// True while a process serves here.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.shared.running.lock().is_some()
    }

    /// Rises whenever a process comes or goes.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.shared.changes.load(Ordering::Relaxed)
    }

    /// What the process knows, while there is one.
    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> Option<R> {
        self.shared.running.lock().as_ref().map(|running| running.context.replica.read(look))
    }

    /// What is held at the doors, while there is a process.
    #[must_use]
    pub fn held(&self) -> Option<Held> {
        self.shared.running.lock().as_ref().map(|running| Held {
            callers: running.callers.running("connection"),
            provinces: running.provinces.running("connection"),
            requests: running.services.requests_in_flight(),
        })
    }

    /// The disk answers nobody until then.
    pub fn stall(&self, until: Duration) {
        self.shared.stalled_until_ms.fetch_max(super::clock::ms(until), Ordering::Relaxed);
    }

    fn settings(&self, others: &[ProvinceId]) -> Settings {
        let mut text = String::new();
        let mut line = |what: String| {
            let _ = writeln!(text, "{what}");
        };
        line(format!("node.province = \"{}\"", self.province));
        line("node.number = 1".to_owned());
        line(format!("node.data_dir = \"/{}\"", self.name));
        line("replication.segment_bytes = 1048576".to_owned());
        line("replication.snapshot_log_bytes = 1048576".to_owned());
        line("replication.propose_deadline_ms = 3000".to_owned());
        line("dispatch.try_deadline_ms = 1500".to_owned());
        line("dispatch.payment_deadline_ms = 3500".to_owned());
        // Whoever asks every second keeps a connection, and here everything is to become quiet.
        line("dispatch.national_goods_ms = 3600000".to_owned());
        line(format!("door.connections_max = {CONNECTIONS_MAX}"));
        line(format!("door.requests_in_flight_max = {IN_FLIGHT_MAX}"));
        line(format!("door.body_bytes_max = {BODY_BYTES_MAX}"));
        line(format!("door.header_deadline_ms = {}", HEADER_DEADLINE.as_millis()));
        line("door.request_deadline_ms = 6000".to_owned());
        line(format!("password.peppers.1 = \"{}\"", "5a".repeat(32)));
        line(format!("seal.keys.1 = \"{}\"", "4d".repeat(32)));
        line("founders.1.raft_address = \"127.0.0.1:82\"".to_owned());
        line(format!("founders.1.public_url = \"http://{}:{PUBLIC_PORT}\"", self.name));
        for province in others {
            let urls = urls(*province);
            line(format!("provinces.{province}.public_urls = {:?}", urls.public));
            line(format!("provinces.{province}.peer_urls = {:?}", urls.peer));
        }
        Settings::parse(&text, "simulation", []).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

fn urls(province: ProvinceId) -> ProvinceUrls {
    let urls = |port| vec![format!("http://{}:{port}", name_of(province))];
    ProvinceUrls { public: urls(PUBLIC_PORT), peer: urls(PEER_PORT) }
}

/// A replica without others.
struct Alone;

impl Transport for Alone {
    fn call(&self, address: &str, _: Bytes, _: Duration) -> BoxFuture<'static, Result<Bytes, CallError>> {
        let unreachable = CallError::Unreachable(address.to_owned());
        Box::pin(async { Err(unreachable) })
    }

    fn serve(&self, _: Arc<dyn Handler>) -> BoxFuture<'_, std::io::Result<ServeGuard>> {
        Box::pin(async { Ok(ServeGuard::new(|| {})) })
    }
}
