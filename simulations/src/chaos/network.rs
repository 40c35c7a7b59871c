//! The network of a country: a link for each pair of machines, and the doors that lead to them.
//!
//! ```text
//!  44-1 ──▶ door of 44-1 to 11-2 ─────────────▶ link 44-1 → 11-2 ──▶ 11-2   (callers' and provinces' door)
//!  44-1 ─┐
//!        ├─▶ door of 44-3 ─ who calls? ─┬─────▶ link 44-1 → 44-3 ──▶ 44-3   (replication, leader's URL)
//!  44-2 ─┘                              └─────▶ link 44-2 → 44-3 ──▶ 44-3
//! ```
//!
//! Every node is told addresses of its own for the nodes of other provinces, so the door tells who calls.
//! The addresses of replicas are part of what their group is founded with and one for all of them, so
//! there the system is asked whose connection it is ([`super::caller`]). One link holds everything between
//! a caller and a callee: replication and the passing on to the leader can not be cut one without the
//! other, nor the two doors of another province. The links to the simulated SPs and the SMS centre, and
//! those of the people, are not in this network.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::caller;
use super::proxy::{Link, Passed, Weather};
use crate::processes::country::{Node, SeenAt};
use crate::processes::ports;
use crate::processes::seeded::Seeded;

/// All links and doors. Its doors close with it.
#[derive(Debug)]
pub struct Network {
    nodes: Vec<Arc<Node>>,
    links: BTreeMap<(String, String), Arc<Link>>,
    doors: Mutex<BTreeMap<DoorName, SocketAddr>>,
    open: Mutex<Vec<AbortHandle>>,
}

/// From whom (nobody: from its group), to where.
type DoorName = (Option<String>, SocketAddr);

impl Network {
    /// Clear links between all of these.
    #[must_use]
    pub fn between(nodes: Vec<Arc<Node>>, seed: u64) -> Self {
        let seeded = Seeded::new(seed).fork("network");
        let names: Vec<&str> = nodes.iter().map(|node| node.name()).collect();
        let pairs = names.iter().flat_map(|from| names.iter().map(move |to| (*from, *to)));
        let links = pairs
            .filter(|(from, to)| from != to)
            .map(|(from, to)| ((from.into(), to.into()), Link::new(format!("{from} → {to}"), &seeded)))
            .collect();
        Self { links, doors: Mutex::default(), open: Mutex::default(), nodes }
    }

    /// Where `caller` finds `callee`: at doors that are opened when they are first asked for.
    ///
    /// # Panics
    /// When no port can be had, or outside a tokio runtime.
    #[must_use]
    pub fn seen(self: &Arc<Self>, caller: &Node, callee: &Node) -> SeenAt {
        let own = (caller.province != callee.province).then(|| caller.name().to_owned());
        let door = |address| self.door(own.clone(), callee, address);
        SeenAt { public: door(callee.public), peer: door(callee.peer), raft: door(callee.raft) }
    }

    /// The link from one machine to another.
    ///
    /// # Panics
    /// When there are no such machines.
    #[must_use]
    pub fn link(&self, from: &str, to: &str) -> &Arc<Link> {
        &self.links[&(from.to_owned(), to.to_owned())]
    }

    /// Makes every link clear.
    pub fn clear(&self) {
        for link in self.links.values() {
            link.set(Weather::Clear);
        }
    }

    /// What all links did so far.
    #[must_use]
    pub fn passed(&self) -> Passed {
        self.links.values().fold(Passed::default(), |all, link| all.and(link.passed()))
    }

    fn door(self: &Arc<Self>, from: Option<String>, callee: &Node, to: SocketAddr) -> SocketAddr {
        let name = (from.clone(), to);
        if let Some(address) = lock(&self.doors).get(&name) {
            return *address;
        }
        let address = ports::free();
        let listener = std::net::TcpListener::bind(address).expect("handed out as free");
        listener.set_nonblocking(true).expect("a socket can be set so");
        let listener = TcpListener::from_std(listener).expect("inside a runtime");
        // Weak, so that the doors end with the network.
        let network = Arc::downgrade(self);
        let (callee, group) = (callee.name().to_owned(), callee.province.clone());
        let accepting = tokio::spawn(async move {
            // A failed accept is a lack of file descriptors; the caller tries again.
            while let Ok((stream, caller_at)) = listener.accept().await {
                let Some(network) = network.upgrade() else { return };
                let (from, callee, group) = (from.clone(), callee.clone(), group.clone());
                tokio::spawn(async move {
                    if let Some(link) = network.whose(from, &group, caller_at, &callee).await {
                        drop(network);
                        carry(link, stream, to).await;
                    }
                });
            }
        });
        lock(&self.open).push(accepting.abort_handle());
        lock(&self.doors).insert(name, address);
        address
    }

    /// The link a connection belongs to. One whose caller is gone belongs to none.
    async fn whose(&self, from: Option<String>, group: &str, caller_at: SocketAddr, callee: &str) -> Option<Arc<Link>> {
        let from = match from {
            Some(from) => from,
            None => self.in_group(group, caller_at.port()).await?,
        };
        self.links.get(&(from, callee.to_owned())).cloned()
    }

    async fn in_group(&self, group: &str, port: u16) -> Option<String> {
        let members = self.nodes.iter().filter(|node| node.province == group);
        let processes: BTreeMap<u32, String> =
            members.filter_map(|node| Some((node.process.pid()?, node.name().to_owned()))).collect();
        let looking = tokio::task::spawn_blocking(move || {
            let pid = caller::of_port(port, processes.keys().copied())?;
            processes.get(&pid).cloned()
        });
        // A look that could not be ended found nobody.
        looking.await.ok().flatten()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for door in lock(&self.open).drain(..) {
            door.abort();
        }
    }
}

async fn carry(link: Arc<Link>, stream: TcpStream, to: SocketAddr) {
    link.carry(stream, to).await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
