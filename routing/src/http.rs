//! The real link between provinces: reqwest over HTTP/1.1.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use mpss_domain::ProvinceId;
use mpss_runtime::real::TokioClock;
use mpss_runtime::{BoxFuture, Clock};

use crate::answer::is_not_done;
use crate::peer::{PeerCall, PeerDoor, PeerError, PeerReply, PeerTransport};

/// The largest answer that is read, in bytes. A request that is passed on can bring back a page of a
/// statement or a catalogue.
pub const REPLY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long connecting to one node may take. Short, so that the other nodes of a province can be tried
/// inside one try's deadline.
pub const CONNECT_DEADLINE: Duration = Duration::from_millis(500);

/// How long a connection may be kept without being used. Shorter than a node's deadline for the next
/// request's headers, so that it is not the other side that closes it just when we begin to write.
const IDLE_MAX: Duration = Duration::from_secs(3);

/// Unused connections kept to one node at most.
const IDLE_CONNECTIONS_MAX: usize = 64;

/// Where the nodes of one province are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProvinceUrls {
    /// The callers' interface of each node: `http://host:port`.
    pub public: Vec<String>,
    /// The provinces' own interface of each node.
    pub peer: Vec<String>,
}

/// One HTTP request to one node. Real in production, a network in memory in the simulator.
pub trait NodeLink: Send + Sync + 'static {
    /// Asks the node at `url` (`http://host:port`), for `deadline` at most.
    fn ask<'a>(
        &'a self,
        url: &'a str,
        call: &'a PeerCall,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<PeerReply, NoReply>>;
}

/// HTTP links to all provinces. Cheap to clone; the clones share connections and addresses.
#[derive(Clone)]
pub struct HttpPeers {
    link: Arc<dyn NodeLink>,
    clock: Arc<dyn Clock>,
    provinces: Arc<ArcSwap<BTreeMap<ProvinceId, Nodes>>>,
}

/// The nodes of a province, and which of them answered last.
#[derive(Debug)]
struct Nodes {
    public: Door,
    peer: Door,
}

#[derive(Debug)]
struct Door {
    urls: Vec<String>,
    /// Where the next call begins.
    first: AtomicUsize,
}

/// Why one node gave no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoReply {
    /// The node surely has not seen the request.
    NotSent,
    /// The node may have acted on it.
    Unknown,
}

impl HttpPeers {
    /// Links to these provinces over sockets.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new(provinces: BTreeMap<ProvinceId, ProvinceUrls>) -> Self {
        Self::over(sockets(), Arc::new(TokioClock::new()), provinces)
    }

    /// Links to these provinces over `link`.
    #[must_use]
    pub fn over(link: Arc<dyn NodeLink>, clock: Arc<dyn Clock>, provinces: BTreeMap<ProvinceId, ProvinceUrls>) -> Self {
        Self { link, clock, provinces: Arc::new(ArcSwap::from_pointee(nodes(provinces))) }
    }

    /// Replaces all addresses. Calls under way go on to the old ones.
    pub fn set_provinces(&self, provinces: BTreeMap<ProvinceId, ProvinceUrls>) {
        self.provinces.store(Arc::new(nodes(provinces)));
    }

    /// All addresses.
    #[must_use]
    pub fn provinces(&self) -> BTreeMap<ProvinceId, ProvinceUrls> {
        let provinces = self.provinces.load();
        let urls = |nodes: &Nodes| ProvinceUrls { public: nodes.public.urls.clone(), peer: nodes.peer.urls.clone() };
        provinces.iter().map(|(province, nodes)| (*province, urls(nodes))).collect()
    }

    async fn ask_in_turn(
        &self,
        province: ProvinceId,
        door: PeerDoor,
        call: PeerCall,
        deadline: Duration,
    ) -> Result<PeerReply, PeerError> {
        let deadline = self.clock.monotonic() + deadline;
        let provinces = self.provinces.load_full();
        let nodes = provinces.get(&province).ok_or(PeerError::NotConnected(province))?;
        let door = match door {
            PeerDoor::Public => &nodes.public,
            PeerDoor::Peer => &nodes.peer,
        };
        if door.urls.is_empty() {
            return Err(PeerError::NotConnected(province));
        }
        let first = door.first.load(Ordering::Relaxed);
        let mut not_done = None;
        for turn in 0..door.urls.len() {
            let node = (first + turn) % door.urls.len();
            let left = deadline.saturating_sub(self.clock.monotonic());
            if left.is_zero() {
                break;
            }
            match self.link.ask(&door.urls[node], &call, left).await {
                // Without a leader, shutting down, too busy: another node may be better off.
                Ok(reply) if reply.status == 503 && is_not_done(&reply) => not_done = Some(reply),
                Ok(reply) => {
                    door.first.store(node, Ordering::Relaxed);
                    return Ok(reply);
                }
                Err(NoReply::NotSent) => {}
                Err(NoReply::Unknown) => {
                    // A node that hangs must not get the next call too.
                    door.first.store((node + 1) % door.urls.len(), Ordering::Relaxed);
                    return Err(PeerError::Unknown(province));
                }
            }
        }
        not_done.ok_or(PeerError::Unreachable(province))
    }
}

/// Links to nodes over sockets.
///
/// # Panics
/// Outside a tokio runtime.
#[must_use]
pub fn sockets() -> Arc<dyn NodeLink> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .http1_only()
        .tcp_nodelay(true)
        // Whoever answers with another place did not do it, and the place is not ours to trust.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // Only what was never begun is sent again, and that by the rules of dispatch.
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_DEADLINE)
        .pool_idle_timeout(IDLE_MAX)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .build()
        .expect("a client without TLS has nothing to load that could fail");
    Arc::new(Sockets(client))
}

/// HTTP/1.1 over sockets.
struct Sockets(reqwest::Client);

impl Sockets {
    async fn ask_node(&self, url: &str, call: &PeerCall, deadline: Duration) -> Result<PeerReply, NoReply> {
        // A path that does not begin with a slash could name another host.
        let method = reqwest::Method::from_bytes(call.method.as_bytes()).ok().filter(|_| call.path.starts_with('/'));
        let Some(method) = method else {
            tracing::error!(method = call.method, "a call that is no HTTP request was not sent");
            return Err(NoReply::NotSent);
        };
        let address = format!("{}{}", url.trim_end_matches('/'), call.path);
        let mut request = self.0.request(method, address).timeout(deadline).body(call.body.clone());
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let mut response = request.send().await.map_err(|error| {
            tracing::debug!(url, error = &error as &dyn std::error::Error, "no reply");
            if error.is_connect() || error.is_builder() { NoReply::NotSent } else { NoReply::Unknown }
        })?;
        let body = read_body(&mut response).await.map_err(|what| {
            tracing::debug!(url, what, "a reply could not be read");
            NoReply::Unknown
        })?;
        let headers = response.headers().iter();
        Ok(PeerReply {
            status: response.status().as_u16(),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect(),
            body,
        })
    }
}

impl NodeLink for Sockets {
    fn ask<'a>(
        &'a self,
        url: &'a str,
        call: &'a PeerCall,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<PeerReply, NoReply>> {
        Box::pin(self.ask_node(url, call, deadline))
    }
}

impl std::fmt::Debug for HttpPeers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpPeers").field("provinces", &self.provinces()).finish_non_exhaustive()
    }
}

async fn read_body(response: &mut reqwest::Response) -> Result<Bytes, String> {
    let too_large = || format!("more than {REPLY_BYTES_MAX} bytes");
    if response.content_length().is_some_and(|length| length > REPLY_BYTES_MAX as u64) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error.to_string())? {
        if body.len() + chunk.len() > REPLY_BYTES_MAX {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn nodes(provinces: BTreeMap<ProvinceId, ProvinceUrls>) -> BTreeMap<ProvinceId, Nodes> {
    let door = |urls| Door { urls, first: AtomicUsize::new(0) };
    let nodes = |urls: ProvinceUrls| Nodes { public: door(urls.public), peer: door(urls.peer) };
    provinces.into_iter().map(|(province, urls)| (province, nodes(urls))).collect()
}

impl PeerTransport for HttpPeers {
    fn call(
        &self,
        province: ProvinceId,
        door: PeerDoor,
        call: PeerCall,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<PeerReply, PeerError>> {
        Box::pin(self.ask_in_turn(province, door, call, deadline))
    }
}
