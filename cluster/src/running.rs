//! A running replica: puts the parts together and takes them apart again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use mpss_runtime::transport::ServeGuard;
use mpss_runtime::{Clock, Seams};
use openraft::async_runtime::WatchReceiver;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use crate::doubt::{Gate, Group, Resolver};
use crate::fatal::Fatal;
use crate::history::feeder::{self, Feed};
use crate::history::filler::Filler;
use crate::history::memory_store::MemoryStore;
use crate::history::sled_store::SledStore;
use crate::history::{History, HistoryError};
use crate::log::doubt_mark;
use crate::log::store::LogStore;
use crate::machine::{Machine, Parts, Shared};
use crate::maintenance::{Archivist, Timekeeper};
use crate::network::client::Clients;
use crate::network::disks::{self, Disks};
use crate::network::link::Link;
use crate::network::service::{Door, Service};
use crate::options::ReplicaOptions;
use crate::proposer::{Proposer, Queue};
use crate::raft_runtime::NodeScope;
use crate::replica::{ReplicaStatus, Role, StartError};
use crate::snapshot::receiver::Receiver;
use crate::snapshot::store::SnapshotStore;
use crate::types::{Raft, RaftMembership};
use crate::versions::{Executes, Heard, Raiser};
use crate::witness::Witness;
use crate::{identity, settings, status};

/// Time for one chunk of a snapshot to be written by the other side.
const CHUNK_DEADLINE: Duration = Duration::from_secs(30);
/// How often it is looked whether what was accepted is finished.
const DRAIN_PAUSE: Duration = Duration::from_millis(5);

/// Everything a replica is made of.
pub(crate) struct Running {
    pub(crate) options: ReplicaOptions,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) raft: Raft,
    pub(crate) shared: Arc<Shared>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) status: watch::Receiver<ReplicaStatus>,
    pub(crate) history: History,
    pub(crate) link: Arc<Link>,
    pub(crate) heard: Arc<Heard>,
    log: LogStore,
    feed: Feed,
    scope: Arc<NodeScope>,
    serving: Mutex<Option<ServeGuard>>,
    closing: Arc<AtomicBool>,
}

impl Running {
    pub(crate) async fn start(
        options: ReplicaOptions,
        seams: Seams,
        tell: Arc<dyn Fn(String) + Send + Sync>,
        witness: Option<Arc<dyn Witness>>,
    ) -> Result<Arc<Self>, StartError> {
        let scope = NodeScope::new(seams.spawner.clone(), seams.random.fork("raft"));
        let entered = scope.clone();
        entered.enter(Self::put_together(options, seams, tell, scope, witness)).await
    }

    async fn put_together(
        options: ReplicaOptions,
        seams: Seams,
        tell: Arc<dyn Fn(String) + Send + Sync>,
        scope: Arc<NodeScope>,
        witness: Option<Arc<dyn Witness>>,
    ) -> Result<Arc<Self>, StartError> {
        let fatal = Fatal::new(tell);
        let executes = options.executes()?;
        // Reading a disk blocks, so it happens on a thread of its own.
        let opening = Opening { options: options.clone(), executes, seams: seams.clone(), fatal: fatal.clone() };
        let opened = scope
            .on_dedicated("replica open", async move { opening.open().await })
            .await
            .ok_or_else(|| StartError::Raft("the replica was ended while it started".to_owned()))??;
        let Opened { disk, disks, disk_changes, log, log_disk, snapshots, state, history } = opened;
        let mut doubt = log.doubt.is_some();
        let log = log.start(&scope);
        let head = snapshots.current().map(|snapshot| snapshot.head);
        let membership: Option<RaftMembership> =
            log.last_membership().or_else(|| head.as_ref()?.membership.to_raft().map(|m| m.membership().clone()));
        if doubt && is_alone(membership.as_ref(), options.node) {
            // Nobody else ever acknowledged anything, so there is nobody to ask.
            tracing::warn!("the last batch of the log was bad and is lost; this replica is the only one");
            doubt_mark::clear(&log_disk)
                .await
                .map_err(|source| StartError::Io { what: "clearing the doubt of the log".to_owned(), source })?;
            doubt = false;
        }
        let gate = Gate::new(doubt);
        let config = Arc::new(settings::raft_config(&options, doubt)?);

        let (feed, feeder) = feeder::channel(history.clone());
        scope.spawn_service_dedicated("history feeder", feeder.run(seams.clock.clone(), fatal.clone()));
        if let Some(last) = head.and_then(|head| head.last_log_id) {
            feed.jump(last.index).await;
        }
        let shared = Shared::new(state);
        let link = Arc::new(Link {
            transport: seams.transport.clone(),
            province: options.province,
            node: options.node,
            disk,
            disks: disks.clone(),
            fatal: fatal.clone(),
        });
        scope.spawn_service_dedicated("disks", disks.keep(seams.disk.clone(), disk_changes));
        let machine = Machine::new(Parts {
            shared: shared.clone(),
            snapshots: snapshots.clone(),
            history: feed.clone(),
            scope: scope.clone(),
            fatal: fatal.clone(),
            province: options.province,
            witness,
            executes,
        });
        let clients = Clients {
            link: link.clone(),
            append_deadline: options.election_max,
            chunk_deadline: CHUNK_DEADLINE,
            transfers: Arc::new(AtomicU64::new(draw(&seams))),
        };
        let pristine = log.is_pristine() && snapshots.current().is_none();
        let raft = Raft::build(options.node, config, clients, log.clone(), machine)
            .await
            .map_err(|error| StartError::Raft(error.to_string()))?;

        let queue = Queue::new(options.queue_commands_max);
        let closing = Arc::new(AtomicBool::new(false));
        let status = status::follow(&raft, &log, &scope, &fatal, &queue, &closing, options.node);
        let heard = Heard::new(options.node, executes);
        let service = Arc::new(Service {
            raft: raft.clone(),
            link: link.clone(),
            gate: gate.clone(),
            receiver: Arc::new(Receiver::new(snapshots.clone())),
            queue: queue.clone(),
            history: history.clone(),
            log: log.clone(),
            heard: heard.clone(),
            clock: seams.clock.clone(),
            scope: scope.clone(),
            installing: AtomicU32::new(0),
        });
        let serving = seams
            .transport
            .serve(Arc::new(Door(service)))
            .await
            .map_err(|source| StartError::Io { what: "serving the other replicas".to_owned(), source })?;
        raft.run();
        if pristine && options.founders.keys().next() == Some(&options.node) {
            // One founder founds, the one with the lowest number: two that did would begin two logs.
            let founders = options.founders.clone();
            if let Err(error) = raft.initialize(founders).await {
                tracing::warn!(%error, "the group was not founded here");
            }
        }
        let running = Arc::new(Self {
            clock: seams.clock.clone(),
            raft,
            shared,
            queue,
            status,
            history,
            link,
            heard,
            log,
            feed,
            scope,
            serving: Mutex::new(Some(serving)),
            closing,
            options,
        });
        running.start_tasks(&seams, snapshots, gate, log_disk);
        Ok(running)
    }

    fn start_tasks(
        &self,
        seams: &Seams,
        snapshots: Arc<SnapshotStore>,
        gate: Arc<Gate>,
        log_disk: Arc<dyn mpss_runtime::Disk>,
    ) {
        let proposer = Proposer {
            queue: self.queue.clone(),
            raft: self.raft.clone(),
            link: self.link.clone(),
            clock: self.clock.clone(),
            scope: self.scope.clone(),
            status: self.status.clone(),
            batch_commands_max: self.options.batch_commands_max,
            permits: Arc::new(Semaphore::new(self.options.entries_in_flight_max.max(1))),
        };
        self.scope.spawn_service("proposer", proposer.run());
        let timekeeper = Timekeeper {
            clock: self.clock.clone(),
            shared: self.shared.clone(),
            queue: self.queue.clone(),
            status: self.status.clone(),
            propose_deadline: self.options.propose_deadline,
            digest_interval_entries: self.options.digest_interval_entries,
        };
        self.scope.spawn_service("timekeeper", timekeeper.run());
        let raiser = Raiser {
            clock: self.clock.clone(),
            link: self.link.clone(),
            shared: self.shared.clone(),
            queue: self.queue.clone(),
            status: self.status.clone(),
            heard: self.heard.clone(),
            ask_deadline: self.options.election_max,
            propose_deadline: self.options.propose_deadline,
        };
        self.scope.spawn_service("versions", raiser.run());
        let archivist = Archivist {
            clock: self.clock.clone(),
            raft: self.raft.clone(),
            shared: self.shared.clone(),
            log: self.log.clone(),
            snapshots,
            disk: seams.disk.clone(),
            status: self.status.clone(),
            options: self.options.clone(),
        };
        self.scope.spawn_service("archivist", archivist.run());
        let filler = Filler {
            history: self.history.clone(),
            link: self.link.clone(),
            clock: self.clock.clone(),
            scope: self.scope.clone(),
            status: self.status.clone(),
        };
        self.scope.spawn_service("history filler", filler.run());
        if gate.is_in_doubt() {
            let (raft, founders) = (self.raft.clone(), self.options.founders.clone());
            let group = move || {
                let known = raft.metrics().borrow_watched().membership_config.membership().clone();
                if known.voter_ids().next().is_some() {
                    return Group {
                        voters: known.get_joint_config().clone(),
                        members: known.nodes().map(|(node, member)| (*node, member.clone())).collect(),
                    };
                }
                Group { voters: vec![founders.keys().copied().collect()], members: founders.clone() }
            };
            let resolver = Resolver {
                gate,
                raft: self.raft.clone(),
                log: self.log.clone(),
                log_disk,
                link: self.link.clone(),
                clock: self.clock.clone(),
                status: self.status.clone(),
                applied: self.shared.applied.subscribe(),
                group: Arc::new(group),
                patience: self.options.election_max,
                deadline: self.options.election_max,
            };
            self.scope.spawn_service("doubt", resolver.run());
        }
    }

    /// See [`crate::Replica::shutdown`].
    pub(crate) async fn shutdown(&self) {
        if self.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        // What waits is answered or submitted before the queue closes, what is on its way is waited
        // for, both as long as any caller would wait.
        let deadline = self.clock.monotonic() + self.options.propose_deadline;
        self.queue.refuse_more();
        while self.clock.monotonic() < deadline && self.status.borrow().role != Role::Stopped && !self.queue.is_idle() {
            self.clock.sleep(DRAIN_PAUSE).await;
        }
        self.queue.close();
        drop(self.serving.lock().take());
        // Joined by openraft; what it could not finish it has reported.
        let _ = self.raft.shutdown().await;
        self.feed.close().await;
        self.log.close().await;
        self.scope.end();
    }
}

fn is_alone(membership: Option<&RaftMembership>, node: u64) -> bool {
    membership.is_some_and(|membership| {
        membership.get_joint_config().iter().all(|voters| *voters == BTreeSet::from([node]))
            && !membership.get_joint_config().is_empty()
    })
}

/// A number another incarnation hardly draws.
fn draw(seams: &Seams) -> u64 {
    let mut bytes = [0; 8];
    seams.random.fill(&mut bytes);
    u64::from_le_bytes(bytes) >> 8
}

struct Opening {
    options: ReplicaOptions,
    executes: Executes,
    seams: Seams,
    fatal: Fatal,
}

struct Opened {
    /// The disk's own number.
    disk: u64,
    disks: Arc<Disks>,
    disk_changes: tokio::sync::mpsc::Receiver<()>,
    log: crate::log::store::Opened,
    log_disk: Arc<dyn mpss_runtime::Disk>,
    snapshots: Arc<SnapshotStore>,
    state: mpss_domain::State,
    history: History,
}

impl Opening {
    async fn open(self) -> Result<Opened, StartError> {
        let Self { options, executes, seams, fatal } = self;
        let disk = &seams.disk;
        let io = |source| StartError::Io { what: "opening the folders of the replica".to_owned(), source };
        let identity = identity::claim(disk, &seams.random, &options).await?;
        let founded = disks::founded_by(options.province, &options.founders);
        let (disks, disk_changes) = Disks::open(disk, founded).await?;
        let snapshots_disk = disk.folder("snapshots").await.map_err(io)?;
        let (snapshots, state) = SnapshotStore::open(snapshots_disk, options.province, executes).await?;
        let log_disk = disk.folder("log").await.map_err(io)?;
        disk.sync_dir().await.map_err(io)?;
        let log = LogStore::open(log_disk.clone(), options.segment_bytes, fatal).await?;
        let history = open_history(&seams).await?;
        Ok(Opened {
            disk: identity.disk,
            disks: Arc::new(disks),
            disk_changes,
            log,
            log_disk,
            snapshots: Arc::new(snapshots),
            state: state.unwrap_or_else(|| mpss_domain::State::new(options.province)),
            history,
        })
    }
}

/// Opens the read side. What can not be opened is put aside and begun again: everything in it is
/// derived. A disk without room, or a history that is still open, is no damage: what is put aside then would
/// be whole and take the room for good, once for each start.
async fn open_history(seams: &Seams) -> Result<History, StartError> {
    const FOLDER: &str = "history";
    let failed = |error: HistoryError| StartError::Io {
        what: "opening the history".to_owned(),
        source: std::io::Error::other(error),
    };
    let Some(root) = seams.disk.path() else {
        return History::open(Box::new(MemoryStore::default())).map_err(failed);
    };
    let open = async || -> Result<History, HistoryError> {
        let store = SledStore::open(&root.join(FOLDER), seams.clock.as_ref()).await?;
        History::open(Box::new(store))
    };
    match open().await {
        Ok(history) => Ok(history),
        Err(error) if error.is_no_damage() => Err(failed(error)),
        Err(error) => {
            let aside = format!("{FOLDER}.damaged-{:016x}", draw(seams));
            tracing::warn!(%error, aside, "the history can not be opened and is begun again");
            seams
                .disk
                .rename(FOLDER, &aside)
                .await
                .map_err(|source| StartError::Io { what: "putting the history aside".to_owned(), source })?;
            open().await.map_err(failed)
        }
    }
}
