//! A group of replicas over a network and disks in memory.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::collections::BTreeMap;
use std::sync::Arc;

use mpss_cluster::{Member, Replica, ReplicaOptions, StartError};
use mpss_domain::StateVersion;
use mpss_runtime::Seams;
use mpss_runtime::memory::{Crash, Device};
use mpss_runtime::real::{OsRandom, TokioClock, TokioSpawner};
use parking_lot::Mutex;

use super::memory_network::MemoryNetwork;
use super::{Node, keep, leader_of, member, province, quick};

pub struct MemoryGroup {
    pub network: MemoryNetwork,
    pub devices: BTreeMap<u64, Device>,
    pub founders: BTreeMap<u64, Member>,
    pub nodes: BTreeMap<u64, Node>,
    pub tune: fn(&mut ReplicaOptions),
    /// Replicas that execute no more than this; the others all that the program can.
    pub state_version_max: BTreeMap<u64, StateVersion>,
}

pub fn address(node: u64) -> String {
    format!("node-{node}")
}

impl MemoryGroup {
    pub async fn start(count: u64) -> Self {
        Self::start_tuned(count, quick).await
    }

    pub async fn start_tuned(count: u64, tune: fn(&mut ReplicaOptions)) -> Self {
        Self::start_held(count, &[], tune).await
    }

    /// Some of the replicas execute the first state version only.
    pub async fn start_held(count: u64, held: &[u64], tune: fn(&mut ReplicaOptions)) -> Self {
        let founders = (1..=count).map(|node| (node, member(&address(node)))).collect();
        let mut group = Self {
            network: MemoryNetwork::default(),
            devices: BTreeMap::new(),
            founders,
            nodes: BTreeMap::new(),
            tune,
            state_version_max: held.iter().map(|node| (*node, StateVersion::FIRST)).collect(),
        };
        for node in 1..=count {
            group.start_node(node).await.expect("starts");
        }
        group
    }

    pub fn addresses(&self) -> Vec<String> {
        self.devices.keys().map(|node| address(*node)).collect()
    }

    /// Starts a replica on its device; one that is no founder waits to be added.
    pub async fn start_node(&mut self, node: u64) -> Result<(), StartError> {
        let device = self.devices.entry(node).or_default().clone();
        let spawner = Arc::new(TokioSpawner::new());
        let fatal = Arc::new(Mutex::new(None));
        let founders = if self.founders.contains_key(&node) { self.founders.clone() } else { BTreeMap::new() };
        let mut options = ReplicaOptions::new(node, province(), founders);
        (self.tune)(&mut options);
        if let Some(max) = self.state_version_max.get(&node) {
            options.state_version_max = *max;
        }
        let seams = Seams {
            clock: Arc::new(TokioClock::new()),
            random: Arc::new(OsRandom),
            spawner: spawner.clone(),
            disk: device.open(),
            transport: self.network.transport(&address(node)),
        };
        let replica = Replica::start(options, seams, keep(&fatal)).await?;
        self.nodes.insert(node, Node { replica, spawner, fatal });
        Ok(())
    }

    /// Ends a replica and does to its disk what a crash does.
    pub fn crash(&mut self, node: u64, crash: Crash) {
        // The disk first: from here on nothing the dying process does can reach it.
        self.devices[&node].crash(crash);
        self.nodes.remove(&node).expect("runs").kill();
    }

    pub fn cut(&self, node: u64, cut: bool) {
        self.network.set_cut(&address(node), &self.addresses(), cut);
    }

    pub fn replica(&self, node: u64) -> &Replica {
        &self.nodes[&node].replica
    }

    pub async fn leader(&self) -> u64 {
        leader_of(self.nodes.iter().map(|(node, running)| (*node, &running.replica))).await
    }

    /// Waits for a leader among some of the replicas.
    pub async fn leader_among(&self, nodes: &[u64]) -> u64 {
        leader_of(nodes.iter().map(|node| (*node, self.replica(*node)))).await
    }
}
