//! Follows openraft and tells what a replica is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openraft::async_runtime::WatchReceiver;
use openraft::{RaftMetrics, ServerState};
use tokio::sync::watch;

use crate::fatal::Fatal;
use crate::log::store::LogStore;
use crate::proposer::Queue;
use crate::raft_runtime::NodeScope;
use crate::replica::{ReplicaStatus, Role};
use crate::types::{Raft, RaftLogId, Types};

/// Starts following `raft`.
pub(crate) fn follow(
    raft: &Raft,
    log: &LogStore,
    scope: &Arc<NodeScope>,
    fatal: &Fatal,
    queue: &Arc<Queue>,
    closing: &Arc<AtomicBool>,
    node: u64,
) -> watch::Receiver<ReplicaStatus> {
    let (sender, receiver) = watch::channel(ReplicaStatus {
        node,
        role: Role::Learner,
        term: 0,
        leader: None,
        last_log: 0,
        committed: 0,
        applied: 0,
        snapshot: 0,
        first_log: 0,
        voters: BTreeMap::new(),
        learners: BTreeMap::new(),
        replicated: BTreeMap::new(),
    });
    let (raft, log, fatal, queue, closing) = (raft.clone(), log.clone(), fatal.clone(), queue.clone(), closing.clone());
    scope.spawn_service("status", async move {
        let mut metrics = raft.metrics();
        let mut membership_at: Option<Option<RaftLogId>> = None;
        loop {
            let seen = metrics.borrow_and_update().clone();
            let broken = seen.running_state.is_err();
            sender.send_if_modified(|status| update(status, &seen, &log, &mut membership_at, fatal.is_told()));
            if let Err(error) = &seen.running_state
                && !closing.load(Ordering::Acquire)
            {
                fatal.report(format!("replication stopped: {error}"));
            }
            if broken || fatal.is_told() {
                queue.close();
                sender.send_modify(|status| {
                    status.role = Role::Stopped;
                    status.leader = None;
                });
                // Whoever else reported it, openraft must not go on voting and acknowledging.
                let _ = raft.shutdown().await;
                return;
            }
            tokio::select! {
                biased;
                () = fatal.told() => {}
                changed = metrics.changed() => if changed.is_err() {
                    // The core is gone without a last word: it panicked. A node that went on would
                    // serve, and even lead in its own eyes, without replicating anything.
                    if !closing.load(Ordering::Acquire) {
                        fatal.report("replication ended without a word: openraft's core panicked".to_owned());
                    }
                    queue.close();
                    sender.send_modify(|status| {
                        status.role = Role::Stopped;
                        status.leader = None;
                    });
                    return;
                },
            }
        }
    });
    receiver
}

/// Brings `status` up to date; true when anything changed.
fn update(
    status: &mut ReplicaStatus,
    seen: &RaftMetrics<Types>,
    log: &LogStore,
    membership_at: &mut Option<Option<RaftLogId>>,
    stopped: bool,
) -> bool {
    let index = |id: Option<RaftLogId>| id.map_or(0, |id| id.index);
    let role = match seen.state {
        _ if stopped => Role::Stopped,
        ServerState::Leader => Role::Leader,
        ServerState::Follower => Role::Follower,
        ServerState::Candidate => Role::Candidate,
        ServerState::Learner => Role::Learner,
        ServerState::Shutdown => Role::Stopped,
    };
    let last_log = seen.last_log_index.unwrap_or(0);
    let first_log = log.first_index().unwrap_or(last_log + 1);
    let mut changed = false;
    let mut set = |field: &mut u64, value: u64| {
        changed |= *field != value;
        *field = value;
    };
    set(&mut status.term, seen.current_term);
    set(&mut status.last_log, last_log);
    set(&mut status.committed, index(seen.local_committed));
    set(&mut status.applied, index(seen.last_applied));
    set(&mut status.snapshot, index(seen.snapshot));
    set(&mut status.first_log, first_log);
    changed |= status.role != role || status.leader != seen.current_leader;
    status.role = role;
    status.leader = seen.current_leader;
    let replicated: BTreeMap<u64, u64> =
        seen.replication.iter().flatten().map(|(node, matched)| (*node, index(*matched))).collect();
    changed |= status.replicated != replicated;
    status.replicated = replicated;
    // Members are copied only when they changed; this runs with every entry.
    let config = &seen.membership_config;
    if membership_at.as_ref() != Some(config.log_id()) {
        *membership_at = Some(*config.log_id());
        let voters: std::collections::BTreeSet<u64> = config.voter_ids().collect();
        (status.voters, status.learners) =
            config.nodes().map(|(node, member)| (*node, member.clone())).partition(|(node, _)| voters.contains(node));
        changed = true;
    }
    changed
}
