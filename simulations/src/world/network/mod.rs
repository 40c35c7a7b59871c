//! The network: links between replicas and HTTP between everybody, late, lossy and cut as told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use mpss_routing::http::NodeLink;
use mpss_runtime::{Clock, Transport};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::{Exchanges, SeededRandom, SimClock, SimSpawner, Trace};

mod conditions;
mod http;
mod replicas;

pub use conditions::{About, Condition};
pub use http::{HttpAsk, HttpReply};

use conditions::{Conditions, Weather};
use replicas::{Delivery, Serving};

/// How often what really happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Messages that were handed over.
    pub delivered: u64,
    /// Messages that were lost by chance.
    pub lost: u64,
    /// Messages that met a cut.
    pub cut: u64,
    /// Messages that arrived twice.
    pub doubled: u64,
    /// Messages that left their line.
    pub reordered: u64,
    /// Messages that were on their way for longer than a good network takes.
    pub delayed: u64,
}

/// Whoever listens to what replicas say to each other.
pub trait Eavesdropper: Send + Sync + 'static {
    /// A machine asks another.
    fn asked(&self, from: &str, to: &str, request: &Bytes);
    /// Somebody asks a machine over HTTP, or has heard its answer: path, then body.
    fn over_http(&self, from: &str, to: &str, path: &str, body: &Bytes, answered: bool);
    /// A machine is about to answer what it was asked.
    fn answering(&self, machine: &str, request: &Bytes, answer: &Bytes);
}

/// What stands for a connection between two replicas.
struct Line {
    waiting: mpsc::UnboundedSender<(Duration, Delivery)>,
    /// When the last message on it arrives: nothing behind it arrives before.
    last: Duration,
    /// It broke: what is on it arrives still, and nobody hears what is answered.
    broken: Arc<AtomicBool>,
    /// One of its ends is gone, and everything on it with it.
    gone: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    replicas: BTreeMap<String, Serving>,
    sites: BTreeMap<String, (SimSpawner, Router)>,
    lines: BTreeMap<(String, String), Line>,
    conditions: Conditions,
    passed: Passed,
    next: u64,
}

struct Inner {
    state: Mutex<State>,
    clock: SimClock,
    random: Arc<SeededRandom>,
    trace: Trace,
    exchanges: Exchanges,
    eavesdropper: Arc<dyn Eavesdropper>,
}

/// The network. Cheap to clone. Addresses are `machine:port`.
#[derive(Clone)]
pub struct Network {
    inner: Arc<Inner>,
}

/// What becomes of one message.
enum Fate {
    Arrives(Way),
    Lost,
    Cut,
}

/// How a message arrives.
#[derive(Clone, Copy)]
struct Way {
    after: Duration,
    doubled: bool,
    /// The connection breaks first, and this goes on a new one: it may overtake what is on the old one.
    afresh: bool,
}

fn machine(address: &str) -> &str {
    address.split(':').next().unwrap_or(address)
}

impl Network {
    /// A network in fair weather.
    #[must_use]
    pub fn new(
        clock: SimClock,
        random: Arc<SeededRandom>,
        trace: Trace,
        exchanges: Exchanges,
        eavesdropper: Arc<dyn Eavesdropper>,
    ) -> Self {
        let state = Mutex::new(State::default());
        Self { inner: Arc::new(Inner { state, clock, random, trace, exchanges, eavesdropper }) }
    }

    /// A condition holds from now on; gives its number.
    #[must_use]
    pub fn begin(&self, condition: Condition) -> u64 {
        self.inner.state.lock().conditions.begin(condition)
    }

    /// It holds no more.
    pub fn end(&self, number: u64) {
        self.inner.state.lock().conditions.end(number);
    }

    /// Nothing from machine `from` reaches machine `to` any more.
    pub fn cut(&self, from: &str, to: &str) {
        self.inner.state.lock().conditions.cut(from, to);
    }

    /// It does again, unless something else cuts it too.
    pub fn join(&self, from: &str, to: &str) {
        self.inner.state.lock().conditions.join(from, to);
    }

    /// How often what happened.
    #[must_use]
    pub fn passed(&self) -> Passed {
        self.inner.state.lock().passed
    }

    /// Replication's way for the process on `address`.
    #[must_use]
    pub fn transport(&self, address: &str, spawner: SimSpawner) -> Arc<dyn Transport> {
        replicas::transport(self, address, spawner)
    }

    /// HTTP from `machine`, as the provinces use it.
    #[must_use]
    pub fn link(&self, machine: &str) -> Arc<dyn NodeLink> {
        http::link(self, machine)
    }

    /// A site is reached at `address` from now on; it works as long as its process does.
    pub fn open_site(&self, address: &str, spawner: SimSpawner, router: Router) {
        self.inner.state.lock().sites.insert(address.to_owned(), (spawner, router));
    }

    /// Everything on a machine is gone.
    pub fn shut(&self, name: &str) {
        let mut state = self.inner.state.lock();
        state.sites.retain(|address, _| machine(address) != name);
        state.replicas.retain(|address, _| machine(address) != name);
        // What is on its lines is lost: it never reaches the process that comes after.
        state.lines.retain(|(from, to), line| {
            let stays = machine(from) != name && machine(to) != name;
            line.gone.store(!stays, Ordering::Relaxed);
            stays
        });
    }

    fn fate(&self, from: &str, to: &str) -> Fate {
        let mut state = self.inner.state.lock();
        let (from, to) = (machine(from), machine(to));
        if state.conditions.is_cut(from, to) {
            state.passed.cut += 1;
            return Fate::Cut;
        }
        let Weather { delay_ms, lost, doubled, reordered } = state.conditions.weather(from, to);
        let random = &self.inner.random;
        if random.happens(lost) {
            state.passed.lost += 1;
            return Fate::Lost;
        }
        let way = Way {
            after: Duration::from_millis(random.between(delay_ms.0, delay_ms.1)),
            doubled: random.happens(doubled),
            afresh: random.happens(reordered),
        };
        state.passed.delivered += 1;
        state.passed.doubled += u64::from(way.doubled);
        state.passed.reordered += u64::from(way.afresh);
        state.passed.delayed += u64::from(way.after > Duration::from_millis(1));
        Fate::Arrives(way)
    }

    /// Puts a message on the line from one replica to another; lines keep the order.
    fn send(&self, from: &str, way: Way, delivery: Delivery) {
        let now = self.inner.clock.monotonic();
        if way.doubled {
            let later = now + way.after + Duration::from_millis(self.inner.random.between(0, 50));
            let (network, copy) = (self.clone(), delivery.copied());
            tokio::spawn(async move {
                network.inner.clock.sleep_until(later).await;
                network.deliver(copy).await;
            });
        }
        let mut state = self.inner.state.lock();
        let key = (from.to_owned(), delivery.to.clone());
        if way.afresh
            && let Some(old) = state.lines.remove(&key)
        {
            old.broken.store(true, Ordering::Relaxed);
        }
        let line = state.lines.entry(key).or_insert_with(|| {
            let (waiting, coming) = mpsc::unbounded_channel();
            let gone = Arc::default();
            tokio::spawn(replicas::carry(self.clone(), coming, Arc::clone(&gone)));
            Line { waiting, last: Duration::ZERO, broken: Arc::default(), gone }
        });
        let at = line.last.max(now + way.after);
        line.last = at;
        let delivery = Delivery { broken: line.broken.clone(), ..delivery };
        // The other end lives as long as the line stands in the table.
        let _ = line.waiting.send((at, delivery));
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}
