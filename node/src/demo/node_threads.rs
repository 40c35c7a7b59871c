//! One node on threads of its own, inside a process it shares with others. Dropping it kills it: its
//! runtime is dropped without any clean-up: what was under way is lost, as with a process that is killed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mpss_config::Settings;
use mpss_runtime::real::{TcpTransport, TokioSpawner};
use tokio::sync::{oneshot, watch};

use super::place::Place;
use crate::command_line::Failure;
use crate::node::{Listeners, Node, real_seams_over};
use crate::telemetry::NodeMetrics;

/// Threads of one node. Two, so that a task that holds one for long does not stop heartbeats.
const THREADS: usize = 2;
/// After a kill the machine needs a moment until ports and folder locks are free again.
const RELEASE_MAX: Duration = Duration::from_secs(10);

/// A node that runs on its own threads.
pub(crate) struct NodeThreads {
    /// Taken only when the node ends.
    runtime: Option<tokio::runtime::Runtime>,
    spawner: Arc<TokioSpawner>,
}

/// What a node tells of its end: `None` while it runs, then why it must not go on.
pub(crate) type Fatal = watch::Sender<Option<String>>;

impl NodeThreads {
    /// Starts the node of `place` with its settings file. Reports to `fatal` when it must not go on.
    pub(crate) async fn start(folder: &Path, place: &Place, fatal: Fatal) -> Result<Self, Failure> {
        let settings = Settings::load(Some(&place.settings_file(folder)), [])
            .map_err(|error| Failure::usage(error.to_string()))?;
        let metrics = NodeMetrics::of(&settings.node.province, settings.node.number);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name(place.name())
            .on_thread_start(move || metrics.adopt_thread())
            .enable_all()
            .build()
            .map_err(|error| Failure::start(format!("{}: no threads: {error}", place.name())))?;
        let (told, started) = oneshot::channel();
        let name = place.name();
        runtime.spawn(async move {
            // The node lives inside this task, so that a kill takes it along with everything else.
            let node = match Box::pin(start_when_free(settings)).await {
                Ok((node, spawner)) => {
                    let _ = told.send(Ok(spawner));
                    node
                }
                Err(failure) => {
                    let _ = told.send(Err(failure));
                    return;
                }
            };
            let why = node.wait_fatal().await;
            fatal.send_replace(Some(format!("node {name} must not go on: {why}")));
            node.kill();
        });
        let panicked = Failure::start("its start ended in a panic");
        match started.await.unwrap_or(Err(panicked)) {
            Ok(spawner) => Ok(Self { runtime: Some(runtime), spawner }),
            Err(failure) => {
                runtime.shutdown_background();
                Err(Failure { what: format!("node {}: {}", place.name(), failure.what), ..failure })
            }
        }
    }
}

/// Ends the node as a crash would.
impl Drop for NodeThreads {
    fn drop(&mut self) {
        self.spawner.abort_all();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn start_when_free(settings: Settings) -> Result<(Node, Arc<TokioSpawner>), Failure> {
    let give_up = Instant::now() + RELEASE_MAX;
    loop {
        match start(settings.clone()).await {
            Err(failure) if is_taken(&failure) && Instant::now() < give_up => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            done => return done.map_err(|(failure, _)| failure),
        }
    }
}

/// The failure, and whether it is of the kind that passes when a former node has let go.
type Refused = (Failure, bool);

fn is_taken(refused: &Refused) -> bool {
    refused.1
}

async fn start(settings: Settings) -> Result<(Node, Arc<TokioSpawner>), Refused> {
    let bound = |address: std::net::SocketAddr, key: &str| {
        std::net::TcpListener::bind(address)
            .map_err(|error| (Failure::start(format!("{key} = {address}: {error}")), is_passing(&error)))
    };
    let public = bound(settings.listen.public, "listen.public")?;
    let peer = bound(settings.listen.peer, "listen.peer")?;
    let portal = settings.portal.address().map(|address| bound(address, "portal.listen")).transpose()?;
    let raft = settings.listen.raft;
    let transport = TcpTransport::bind(&raft.to_string())
        .await
        .map_err(|error| (Failure::start(format!("listen.raft = {raft}: {error}")), is_passing(&error)))?;
    let spawner = Arc::new(TokioSpawner::new());
    let refused = |error: crate::node::NodeError| {
        let passing = chain(&error).any(is_passing);
        (Failure::start(told(&error)), passing)
    };
    let seams = real_seams_over(&settings.node.data_dir, Arc::new(transport), spawner.clone()).map_err(refused)?;
    let node = Node::start(settings, seams, Listeners { public, peer, portal }).await.map_err(refused)?;
    Ok((node, spawner))
}

/// Ports and locks of a node that was just killed are let go within moments.
fn is_passing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{AddrInUse, ResourceBusy, WouldBlock};
    matches!(error.kind(), AddrInUse | ResourceBusy | WouldBlock)
}

fn chain(error: &crate::node::NodeError) -> impl Iterator<Item = &std::io::Error> {
    std::iter::successors(std::error::Error::source(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
}

/// An error with everything it came from.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    let mut text = error.to_string();
    for cause in causes.map(ToString::to_string) {
        // Some errors repeat their cause in their own words.
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}
