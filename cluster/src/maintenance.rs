//! What a replica does by itself: snapshots, letting go of the log, and on the leader the passing of
//! time and the comparing of digests.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mpss_domain::{Command, LogTime, Verb};
use mpss_runtime::{Clock, Disk};
use tokio::sync::watch;

use crate::codec;
use crate::log::store::LogStore;
use crate::machine::Shared;
use crate::options::ReplicaOptions;
use crate::proposer::Queue;
use crate::replica::{ReplicaStatus, Role};
use crate::snapshot::store::SnapshotStore;
use crate::types::Raft;

/// How often timers that are due are looked for.
const TICK_INTERVAL: Duration = Duration::from_millis(50);
/// How often it is asked whether a snapshot is due.
const SNAPSHOT_CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Pause before it is looked again whether a disk that was too full has room.
const ROOM_CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// Disk space left alone by snapshots, in bytes: the log needs it more.
const RESERVED_BYTES: u64 = 64 << 20;
/// Log kept behind a snapshot for replicas that lag, as a part of what makes a snapshot due.
const KEPT_PART: u64 = 4;

/// The leader's part: fires timers and compares digests.
pub(crate) struct Timekeeper {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) status: watch::Receiver<ReplicaStatus>,
    pub(crate) propose_deadline: Duration,
    pub(crate) digest_interval_entries: u64,
}

impl Timekeeper {
    pub(crate) async fn run(self) {
        let mut compared = 0;
        loop {
            self.clock.sleep(TICK_INTERVAL).await;
            match self.status.borrow().role {
                Role::Leader => {}
                Role::Stopped => return,
                Role::Follower | Role::Candidate | Role::Learner => continue,
            }
            let (index, digest, due, now) = {
                let state = self.shared.state.read();
                (state.index(), state.digest(), state.next_timer(), state.now())
            };
            // Log time may be ahead of this clock, when another leader's was.
            if due.is_some_and(|due| due <= now.max(LogTime(self.clock.wall_ms()))) {
                // Its reply is awaited, so that one moment is not announced many times.
                self.propose(Verb::Tick).await;
            }
            if index >= compared + self.digest_interval_entries.max(1) {
                compared = index;
                self.propose(Verb::CompareDigest { index, digest }).await;
            }
        }
    }

    async fn propose(&self, verb: Verb) {
        let command = codec::encode_command(&Command::internal(verb));
        let deadline = self.clock.monotonic() + self.propose_deadline;
        // When it is not taken now, the next round proposes it again.
        if let Ok(waiting) = self.queue.push(command.into(), deadline, true) {
            let _ = waiting.await;
        }
    }
}

/// Takes snapshots by bytes and time, and lets go of the log behind them.
pub(crate) struct Archivist {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) raft: Raft,
    pub(crate) shared: Arc<Shared>,
    pub(crate) log: LogStore,
    pub(crate) snapshots: Arc<SnapshotStore>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) status: watch::Receiver<ReplicaStatus>,
    pub(crate) options: ReplicaOptions,
}

impl Archivist {
    pub(crate) async fn run(mut self) {
        let mut taken_at = self.clock.monotonic();
        let mut not_before = taken_at;
        let mut seen = self.status.borrow().snapshot;
        loop {
            tokio::select! {
                biased;
                changed = self.status.changed() => if changed.is_err() {
                    return;
                },
                () = self.clock.sleep(SNAPSHOT_CHECK_INTERVAL) => {}
            }
            let (snapshot, applied, stopped) = {
                let status = self.status.borrow_and_update();
                (status.snapshot, status.applied, status.role == Role::Stopped)
            };
            if stopped {
                return;
            }
            if snapshot > seen {
                seen = snapshot;
                taken_at = self.clock.monotonic();
                self.let_go(snapshot).await;
            }
            let now = self.clock.monotonic();
            let bytes = self.shared.bytes_since_snapshot.load(Ordering::Relaxed);
            let due = bytes >= self.options.snapshot_log_bytes
                || (now >= taken_at + self.options.snapshot_interval && applied > snapshot);
            if due && now >= not_before {
                not_before = now + ROOM_CHECK_INTERVAL;
                if !self.has_room().await {
                    continue;
                }
                // A snapshot that is being taken already makes this void.
                taken_at = now;
                self.shared.bytes_since_snapshot.store(0, Ordering::Relaxed);
                if self.raft.trigger().snapshot().await.is_err() {
                    return;
                }
            }
        }
    }

    /// The log up to the snapshot, but for what replicas that lag a little may still need.
    async fn let_go(&self, snapshot: u64) {
        let kept = self.options.snapshot_log_bytes / KEPT_PART;
        if let Some(index) = self.log.index_before_newest(kept).map(|index| index.min(snapshot)) {
            // openraft checks that the snapshot covers it and that nobody is being sent it.
            let _ = self.raft.trigger().purge_log(index).await;
        }
    }

    /// A snapshot that fills the disk would stop the replica; without it only the log grows.
    async fn has_room(&self) -> bool {
        let last = self.snapshots.current().map_or(0, |snapshot| snapshot.head.content_bytes);
        match self.disk.free_bytes().await {
            Ok(free) if free < last * 2 + RESERVED_BYTES => {
                tracing::warn!(free, "no snapshot is taken: there is too little room");
                false
            }
            Ok(_) | Err(_) => true,
        }
    }
}
