//! The network: links between replicas and HTTP between everybody, late, lossy and cut as told.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use mpss_routing::http::{NoReply, NodeLink};
use mpss_routing::{PeerCall, PeerReply};
use mpss_runtime::transport::ServeGuard;
use mpss_runtime::{BoxFuture, CallError, Clock, Handler, Spawner, Transport};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tower::ServiceExt;

use super::{SeededRandom, SimClock, SimSpawner, Trace};

/// How the network is at the moment.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// Shortest and longest time of a message on its way, in milliseconds.
    pub delay_ms: (u64, u64),
    /// Messages lost, in parts of a million.
    pub lost: u32,
    /// Requests of callers that arrive twice, in parts of a million.
    pub doubled: u32,
}

impl Weather {
    /// A good local network.
    pub const FAIR: Self = Self { delay_ms: (0, 1), lost: 0, doubled: 0 };
}

/// How often what really happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Messages that were handed over.
    pub delivered: u64,
    /// Messages that were lost by chance.
    pub lost: u64,
    /// Messages that met a cut.
    pub cut: u64,
    /// Requests that arrived twice.
    pub doubled: u64,
}

type Line = mpsc::UnboundedSender<(Duration, Delivery)>;

struct Delivery {
    to: String,
    request: Bytes,
    answer: oneshot::Sender<Bytes>,
}

struct Serving {
    number: u64,
    spawner: SimSpawner,
    handler: Arc<dyn Handler>,
}

#[derive(Default)]
struct State {
    replicas: BTreeMap<String, Serving>,
    sites: BTreeMap<String, (SimSpawner, Router)>,
    lines: BTreeMap<(String, String), (Line, Duration)>,
    /// From machine to machine, one way.
    cut: BTreeSet<(String, String)>,
    weather: Option<Weather>,
    passed: Passed,
    next: u64,
}

struct Inner {
    state: Mutex<State>,
    clock: SimClock,
    random: Arc<SeededRandom>,
    trace: Trace,
}

/// The network. Cheap to clone. Addresses are `machine:port`.
#[derive(Clone)]
pub struct Network {
    inner: Arc<Inner>,
}

enum Fate {
    Arrives(Duration),
    Lost,
    Cut,
}

fn machine(address: &str) -> &str {
    address.split(':').next().unwrap_or(address)
}

impl Network {
    /// A network in fair weather.
    #[must_use]
    pub fn new(clock: SimClock, random: Arc<SeededRandom>, trace: Trace) -> Self {
        Self { inner: Arc::new(Inner { state: Mutex::new(State::default()), clock, random, trace }) }
    }

    /// Changes the weather.
    pub fn set_weather(&self, weather: Weather) {
        self.inner.state.lock().weather = Some(weather);
    }

    /// Nothing from machine `from` reaches machine `to` any more, or it does again.
    pub fn set_cut(&self, from: &str, to: &str, cut: bool) {
        let link = (from.to_owned(), to.to_owned());
        let mut state = self.inner.state.lock();
        if cut {
            state.cut.insert(link);
        } else {
            state.cut.remove(&link);
        }
    }

    /// Joins everything again.
    pub fn heal(&self) {
        let mut state = self.inner.state.lock();
        state.cut.clear();
        state.weather = Some(Weather::FAIR);
    }

    /// How often what happened.
    #[must_use]
    pub fn passed(&self) -> Passed {
        self.inner.state.lock().passed
    }

    /// Replication's way for the process on `address`.
    #[must_use]
    pub fn transport(&self, address: &str, spawner: SimSpawner) -> Arc<dyn Transport> {
        Arc::new(SimTransport { network: self.clone(), address: address.to_owned(), spawner })
    }

    /// HTTP from `machine`, as the provinces use it.
    #[must_use]
    pub fn link(&self, machine: &str) -> Arc<dyn NodeLink> {
        Arc::new(SimLink { network: self.clone(), machine: machine.to_owned() })
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
        // What waits on its lines is lost.
        state.lines.retain(|(from, to), _| machine(from) != name && machine(to) != name);
    }

    fn fate(&self, from: &str, to: &str) -> Fate {
        let mut state = self.inner.state.lock();
        if state.cut.contains(&(machine(from).to_owned(), machine(to).to_owned())) {
            state.passed.cut += 1;
            return Fate::Cut;
        }
        let weather = state.weather.unwrap_or(Weather::FAIR);
        if self.inner.random.happens(weather.lost) {
            state.passed.lost += 1;
            return Fate::Lost;
        }
        state.passed.delivered += 1;
        let (low, high) = weather.delay_ms;
        Fate::Arrives(Duration::from_millis(self.inner.random.between(low, high)))
    }

    /// Puts a message on the line from one replica to another; lines keep the order.
    fn send(&self, from: &str, after: Duration, delivery: Delivery) {
        let mut state = self.inner.state.lock();
        let now = self.inner.clock.monotonic();
        let key = (from.to_owned(), delivery.to.clone());
        let (line, last) = state.lines.entry(key).or_insert_with(|| {
            let (line, waiting) = mpsc::unbounded_channel();
            tokio::spawn(carry(self.clone(), waiting));
            (line, Duration::ZERO)
        });
        let at = (*last).max(now + after);
        *last = at;
        // The other end lives as long as the line stands in the table.
        let _ = line.send((at, delivery));
    }

    fn deliver(&self, delivery: Delivery) {
        let (spawner, handler) = {
            let state = self.inner.state.lock();
            let Some(serving) = state.replicas.get(&delivery.to) else { return };
            (serving.spawner.clone(), serving.handler.clone())
        };
        self.inner.trace.mark(1, &delivery.request);
        // The order of arrival is kept by beginning here.
        let work = handler.handle(delivery.request);
        let answer = delivery.answer;
        spawner.spawn(
            "call",
            Box::pin(async move {
                let answered = work.await;
                // Whoever asked may have given up.
                let _ = answer.send(answered);
            }),
        );
    }

    /// One HTTP request from a machine to a site.
    ///
    /// # Errors
    /// [`NoReply`].
    pub async fn ask(
        &self,
        from: &str,
        address: &str,
        request: HttpAsk,
        deadline: Duration,
    ) -> Result<HttpReply, NoReply> {
        let answered = self.ask_whole(from, address, request);
        match tokio::time::timeout(deadline, answered).await {
            Ok(result) => result,
            Err(_) => Err(NoReply::Unknown),
        }
    }

    async fn ask_whole(&self, from: &str, address: &str, request: HttpAsk) -> Result<HttpReply, NoReply> {
        match self.fate(from, address) {
            Fate::Arrives(after) => self.inner.clock.sleep(after).await,
            Fate::Lost => return std::future::pending().await,
            // Half of the time the connection was there already, and nobody says that it is not.
            Fate::Cut if self.inner.random.happens(500_000) => return std::future::pending().await,
            Fate::Cut => return Err(NoReply::NotSent),
        }
        let site = self.inner.state.lock().sites.get(address).cloned();
        let Some((spawner, router)) = site else { return Err(NoReply::NotSent) };
        let doubled = {
            let mut state = self.inner.state.lock();
            let doubled = state.weather.is_some_and(|weather| self.inner.random.happens(weather.doubled));
            state.passed.doubled += u64::from(doubled);
            doubled
        };
        if doubled {
            drop(self.serve(&spawner, router.clone(), &request));
        }
        let reply = self.serve(&spawner, router, &request).await.map_err(|_| NoReply::Unknown)?;
        match self.fate(address, from) {
            Fate::Arrives(after) => {
                self.inner.clock.sleep(after).await;
                Ok(reply)
            }
            Fate::Lost | Fate::Cut => std::future::pending().await,
        }
    }

    fn serve(&self, spawner: &SimSpawner, router: Router, ask: &HttpAsk) -> oneshot::Receiver<HttpReply> {
        let (sender, reply) = oneshot::channel();
        self.inner.trace.mark(2, ask.path.as_bytes());
        self.inner.trace.mark(2, &ask.body);
        let request = ask.request();
        let trace = self.inner.trace.clone();
        spawner.spawn(
            "request",
            Box::pin(async move {
                let Ok(response) = router.oneshot(request).await;
                let reply = HttpReply::read(response).await;
                trace.mark(3, &reply.body);
                // Whoever asked may have given up.
                let _ = sender.send(reply);
            }),
        );
        reply
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

async fn carry(network: Network, mut waiting: mpsc::UnboundedReceiver<(Duration, Delivery)>) {
    while let Some((at, delivery)) = waiting.recv().await {
        network.inner.clock.sleep_until(at).await;
        network.deliver(delivery);
    }
}

/// A request over HTTP.
#[derive(Debug, Clone)]
pub struct HttpAsk {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl HttpAsk {
    fn request(&self) -> Request<Body> {
        let mut request = Request::builder().method(self.method.as_str()).uri(self.path.as_str());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Body::from(self.body.clone())).expect("a request of our own is one")
    }
}

/// What was answered over HTTP.
#[derive(Debug, Clone)]
pub struct HttpReply {
    /// The status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl HttpReply {
    async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let headers = parts.headers.iter();
        let headers = headers
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Self { status: parts.status.as_u16(), headers, body }
    }
}

struct SimTransport {
    network: Network,
    address: String,
    spawner: SimSpawner,
}

impl Transport for SimTransport {
    fn call(&self, address: &str, request: Bytes, deadline: Duration) -> BoxFuture<'static, Result<Bytes, CallError>> {
        let (network, from, to) = (self.network.clone(), self.address.clone(), address.to_owned());
        let there = network.inner.state.lock().replicas.contains_key(&to);
        let (answer, answered) = oneshot::channel();
        // A sender that is kept and never used is silence.
        let mut silent = None;
        match network.fate(&from, &to) {
            Fate::Arrives(_) if !there => return Box::pin(async { Err(CallError::Unreachable(to)) }),
            Fate::Arrives(after) => network.send(&from, after, Delivery { to: to.clone(), request, answer }),
            Fate::Cut if network.inner.random.happens(500_000) => {
                return Box::pin(async { Err(CallError::Unreachable(to)) });
            }
            Fate::Cut | Fate::Lost => silent = Some(answer),
        }
        Box::pin(async move {
            let _silent = silent;
            let unknown = || CallError::Unknown(to.clone());
            let reply = tokio::time::timeout(deadline, answered);
            let reply = reply.await.map_err(|_| unknown())?.map_err(|_| unknown())?;
            match network.fate(&to, &from) {
                Fate::Arrives(after) => {
                    network.inner.clock.sleep(after).await;
                    Ok(reply)
                }
                Fate::Lost | Fate::Cut => Err(unknown()),
            }
        })
    }

    fn serve(&self, handler: Arc<dyn Handler>) -> BoxFuture<'_, io::Result<ServeGuard>> {
        let number = {
            let mut state = self.network.inner.state.lock();
            state.next += 1;
            let number = state.next;
            state.replicas.insert(self.address.clone(), Serving { number, spawner: self.spawner.clone(), handler });
            number
        };
        let (network, address) = (self.network.clone(), self.address.clone());
        Box::pin(std::future::ready(Ok(ServeGuard::new(move || {
            let mut state = network.inner.state.lock();
            // A successor may serve the address already.
            if state.replicas.get(&address).is_some_and(|serving| serving.number == number) {
                state.replicas.remove(&address);
            }
        }))))
    }
}

struct SimLink {
    network: Network,
    machine: String,
}

impl NodeLink for SimLink {
    fn ask<'a>(
        &'a self,
        url: &'a str,
        call: &'a PeerCall,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<PeerReply, NoReply>> {
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        let ask = HttpAsk {
            method: call.method.clone(),
            path: call.path.clone(),
            headers: call.headers.clone(),
            body: call.body.clone(),
        };
        Box::pin(async move {
            let reply = self.network.ask(&self.machine, address, ask, deadline).await?;
            Ok(PeerReply { status: reply.status, headers: reply.headers, body: reply.body })
        })
    }
}
