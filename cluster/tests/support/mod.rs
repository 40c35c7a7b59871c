//! Groups of replicas in one process, over real files and sockets.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod memory_group;
pub mod memory_network;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mpss_cluster::{Member, Replica, ReplicaOptions, ReplicaStatus, Role};
use mpss_domain::account::{Language, Tier};
use mpss_domain::{AccountKind, Command, Msisdn, PasswordVerdict, PasswordVerifier, ProvinceId, Reply, Verb};
use mpss_runtime::real::{FileDisk, OsRandom, TcpTransport, TokioClock, TokioSpawner};
use mpss_runtime::{BoxFuture, Seams};
use parking_lot::Mutex;

/// No test waits longer for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn province() -> ProvinceId {
    ProvinceId::new(44).expect("Guangdong")
}

/// One replica and what has to be ended with it.
pub struct Node {
    pub replica: Replica,
    pub spawner: Arc<TokioSpawner>,
    pub fatal: Arc<Mutex<Option<String>>>,
}

impl Node {
    /// Ends it as SIGKILL would: nothing is finished, nothing is flushed.
    pub fn kill(self) {
        self.spawner.abort_all();
    }
}

/// A group over TCP, each replica in a folder of its own.
pub struct TcpGroup {
    pub folder: tempfile::TempDir,
    pub founders: BTreeMap<u64, Member>,
    pub nodes: BTreeMap<u64, Node>,
    pub tune: fn(&mut ReplicaOptions),
    /// Ends when what a node served last is served no more.
    closed: BTreeMap<u64, BoxFuture<'static, ()>>,
}

pub fn quick(options: &mut ReplicaOptions) {
    options.segment_bytes = 1 << 20;
    options.heartbeat = Duration::from_millis(50);
    options.election_min = Duration::from_millis(200);
    options.election_max = Duration::from_millis(400);
}

impl TcpGroup {
    /// Starts `count` founders.
    pub async fn start(count: u64) -> Self {
        Self::start_tuned(count, quick).await
    }

    pub async fn start_tuned(count: u64, tune: fn(&mut ReplicaOptions)) -> Self {
        let mut transports = BTreeMap::new();
        let mut founders = BTreeMap::new();
        for node in 1..=count {
            let transport = TcpTransport::bind("127.0.0.1:0").await.expect("binds");
            founders.insert(node, member(&transport.local_addr().to_string()));
            transports.insert(node, transport);
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut group =
            Self { folder, founders: founders.clone(), nodes: BTreeMap::new(), tune, closed: BTreeMap::new() };
        for (node, transport) in transports {
            group.start_node(node, Arc::new(transport), founders.clone()).await.expect("starts");
        }
        group
    }

    pub fn path(&self, node: u64) -> std::path::PathBuf {
        self.folder.path().join(format!("node-{node}"))
    }

    pub async fn start_node(
        &mut self,
        node: u64,
        transport: Arc<TcpTransport>,
        founders: BTreeMap<u64, Member>,
    ) -> Result<(), mpss_cluster::StartError> {
        let disk = open_disk(&self.path(node)).await;
        let closed = transport.clone();
        let spawner = Arc::new(TokioSpawner::new());
        let fatal = Arc::new(Mutex::new(None));
        let mut options = ReplicaOptions::new(node, province(), founders);
        (self.tune)(&mut options);
        let seams = Seams {
            clock: Arc::new(TokioClock::new()),
            random: Arc::new(OsRandom),
            spawner: spawner.clone(),
            disk: Arc::new(disk),
            transport,
        };
        let replica = Replica::start(options, seams, keep(&fatal)).await?;
        self.closed.insert(node, Box::pin(closed.closed()));
        self.nodes.insert(node, Node { replica, spawner, fatal });
        Ok(())
    }

    /// Starts a node again where it was.
    pub async fn restart(&mut self, node: u64) -> Result<(), mpss_cluster::StartError> {
        let address = self.founders[&node].raft_address.clone();
        let closed = self.closed.remove(&node).expect("it has run");
        within("the address", closed).await;
        let transport = TcpTransport::bind(&address).await.expect("nobody listens there");
        self.start_node(node, Arc::new(transport), self.founders.clone()).await
    }

    /// Kills a node.
    pub fn kill(&mut self, node: u64) {
        self.nodes.remove(&node).expect("runs").kill();
    }

    pub fn replica(&self, node: u64) -> &Replica {
        &self.nodes[&node].replica
    }

    /// Waits for a leader and returns its number.
    pub async fn leader(&self) -> u64 {
        leader_of(self.nodes.iter().map(|(node, running)| (*node, &running.replica))).await
    }

    pub async fn follower(&self) -> u64 {
        let leader = self.leader().await;
        *self.nodes.keys().find(|node| **node != leader).expect("there are others")
    }

    pub fn fatal(&self, node: u64) -> Option<String> {
        self.nodes[&node].fatal.lock().clone()
    }
}

/// Waits until one of these replicas leads.
pub async fn leader_of(replicas: impl Iterator<Item = (u64, &Replica)>) -> u64 {
    let mut watched: Vec<_> = replicas.map(|(node, replica)| (node, replica.watch())).collect();
    within("a leader", async {
        loop {
            for (node, status) in &mut watched {
                if status.borrow_and_update().role == Role::Leader {
                    return *node;
                }
            }
            let changes = watched.iter_mut().map(|(_, status)| Box::pin(status.changed()));
            // A replica that has ended is as good as one that has changed: the others are looked at.
            let _ = futures::future::select_all(changes).await;
        }
    })
    .await
}

pub fn keep(fatal: &Arc<Mutex<Option<String>>>) -> Arc<dyn Fn(String) + Send + Sync> {
    let fatal = fatal.clone();
    Arc::new(move |reason| {
        let before = fatal.lock().replace(reason);
        assert!(before.is_none(), "fatal is told once: {before:?}");
    })
}

pub fn member(address: &str) -> Member {
    Member { raft_address: address.to_owned(), http_url: format!("http://{address}") }
}

/// The lock of a killed node goes with its last thread.
pub async fn open_disk(path: &Path) -> FileDisk {
    within("the folder's lock", async {
        loop {
            match FileDisk::open(path) {
                Ok(disk) => return disk,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => unlocked(path).await,
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await
}

/// Waits as whoever would hold the lock next.
async fn unlocked(path: &Path) {
    let lock = std::fs::File::open(path.join(".lock")).expect("it is locked");
    tokio::task::spawn_blocking(move || lock.lock().expect("locked")).await.expect("waits");
}

/// Waits for `work`, but not for ever.
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// Waits until a replica's status is as wanted.
pub async fn until(replica: &Replica, what: &str, wanted: impl Fn(&ReplicaStatus) -> bool) -> ReplicaStatus {
    let mut status = replica.watch();
    within(what, async move {
        loop {
            {
                let seen = status.borrow_and_update();
                if wanted(&seen) {
                    return seen.clone();
                }
            }
            status.changed().await.expect("the replica tells its status");
        }
    })
    .await
}

pub fn tick() -> Command {
    Command::internal(Verb::Tick)
}

/// A command that can be found again in the state.
pub fn admit(name: &str) -> Command {
    Command::internal(Verb::AdmitSp { name: name.to_owned(), notice_url: format!("http://sp.example/{name}") })
}

/// A command that leaves a record in the journal.
pub fn open_account(number: u64) -> Command {
    let msisdn = Msisdn::new(18_900_000_000 + number).expect("a mobile number");
    Command::internal(Verb::OpenAccount {
        msisdn,
        kind: AccountKind::StoredValue,
        tier: Tier::Basic,
        language: Language::Chinese,
        verifier: PasswordVerifier { pepper: 1, salt: [1; 16], tag: [2; 32] },
        verdict: PasswordVerdict { verifier_version: 0, matches: false },
        per_payment_limit: None,
        daily_limit: None,
    })
}

pub async fn propose(replica: &Replica, command: Command) -> Reply {
    within("a reply", async {
        loop {
            match replica.propose(command.clone()).await {
                Ok(reply) => return reply,
                Err(error) => eprintln!("proposing again after: {error}"),
            }
        }
    })
    .await
}
