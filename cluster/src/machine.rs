//! The state machine as openraft uses it: it decodes entries, calls [`State::apply`], answers, and
//! passes on what has to be told. It decides nothing.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::{Stream, StreamExt};
use mpss_domain::{Applied, ProvinceId, State};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{OptionalSend, RaftSnapshotBuilder, Snapshot};
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::codec;
use crate::fatal::Fatal;
use crate::history::feeder::Feed;
use crate::raft_runtime::NodeScope;
use crate::snapshot::file::{self, SnapshotFile};
use crate::snapshot::store::SnapshotStore;
use crate::stored::{SnapshotHead, StoredMembershipRow};
use crate::types::{RaftLeader, RaftLogId, RaftPayload, Replies, SnapshotMeta, StoredMembership, Types};
use crate::versions::Executes;
use crate::witness::{AppliedEntry, Witness};

/// What readers share with the state machine.
pub(crate) struct Shared {
    pub(crate) state: RwLock<State>,
    /// The last applied entry.
    pub(crate) applied: watch::Sender<u64>,
    /// The last applied entry that added effects.
    pub(crate) effects: watch::Sender<u64>,
    /// Bytes of entries applied since the last snapshot was begun.
    pub(crate) bytes_since_snapshot: AtomicU64,
}

impl Shared {
    pub(crate) fn new(state: State) -> Arc<Self> {
        let index = state.index();
        Arc::new(Self {
            state: RwLock::new(state),
            applied: watch::Sender::new(index),
            effects: watch::Sender::new(index),
            bytes_since_snapshot: AtomicU64::new(0),
        })
    }
}

/// The state machine.
pub(crate) struct Machine {
    pub(crate) shared: Arc<Shared>,
    pub(crate) snapshots: Arc<SnapshotStore>,
    pub(crate) history: Feed,
    pub(crate) scope: Arc<NodeScope>,
    pub(crate) fatal: Fatal,
    province: ProvinceId,
    witness: Option<Arc<dyn Witness>>,
    executes: Executes,
    last_applied: Option<RaftLogId>,
    membership: StoredMembership,
}

/// What a state machine is made from.
pub(crate) struct Parts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) snapshots: Arc<SnapshotStore>,
    pub(crate) history: Feed,
    pub(crate) scope: Arc<NodeScope>,
    pub(crate) fatal: Fatal,
    pub(crate) province: ProvinceId,
    pub(crate) witness: Option<Arc<dyn Witness>>,
    pub(crate) executes: Executes,
}

impl Machine {
    /// The state machine that goes on from the snapshot that counts; `shared` holds its state.
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { shared, snapshots, history, scope, fatal, province, witness, executes } = parts;
        let head = snapshots.current().map(|snapshot| snapshot.head);
        let last_applied: Option<RaftLogId> = head.as_ref().and_then(|head| head.last_log_id).map(Into::into);
        let membership = head.and_then(|head| head.membership.to_raft()).unwrap_or_default();
        shared.applied.send_replace(last_applied.map_or(0, |id| id.index));
        if let Some(witness) = witness.as_ref().filter(|_| last_applied.is_some()) {
            witness.installed(&shared.state.read());
        }
        Self { shared, snapshots, history, scope, fatal, province, witness, executes, last_applied, membership }
    }

    fn apply_commands(&self, id: RaftLogId, payload: &[u8]) -> io::Result<Applied> {
        let index = id.index;
        let batch = codec::decode_batch(payload).map_err(|error| {
            // Another replica could read it, or nobody can; either way this one must not go past it.
            io::Error::other(self.refuse(format!("entry {index} can not be read: {error}")))
        })?;
        if let Some(to) = batch.raises_to()
            && to > self.executes.range.newest
        {
            // Before anything of the entry is applied: from here on the rules are others.
            let what = self.executes.objection(&format!("the log asks for {to} at entry {index}"), to);
            return Err(io::Error::other(self.refuse(what)));
        }
        let applied = std::panic::catch_unwind(AssertUnwindSafe(|| self.shared.state.write().apply(index, &batch)));
        let applied = applied.map_err(|panic| {
            let what = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("panic");
            io::Error::other(self.refuse(format!("entry {index} broke an invariant: {what}")))
        })?;
        if let Some(diverged) = applied.diverged {
            let what = format!(
                "diverged from the leader at entry {}: {:032x} there, {:032x} here",
                diverged.index, diverged.leader, diverged.ours
            );
            return Err(io::Error::other(self.refuse(what)));
        }
        debug_assert_eq!(applied.replies.len(), batch.commands.len());
        if let Some(witness) = &self.witness {
            witness.applied(&AppliedEntry {
                index,
                term: id.leader_id.term,
                batch: &batch,
                replies: &applied.replies,
                journal: &applied.journal,
                state: &self.shared.state.read(),
            });
        }
        if batch.raises_to().is_some() {
            let version = self.shared.state.read().version();
            tracing::info!(entry = index, %version, "a state version is in force");
        }
        Ok(applied)
    }

    fn refuse(&self, reason: String) -> String {
        self.fatal.report(reason.clone());
        reason
    }

    fn builder(&self) -> Builder {
        self.shared.bytes_since_snapshot.store(0, Ordering::Relaxed);
        Builder {
            // A clone copies pointers; nobody waits for more than that.
            state: self.shared.state.read().clone(),
            last_log_id: self.last_applied,
            membership: self.membership.clone(),
            province: self.province,
            snapshots: self.snapshots.clone(),
            history: self.history.clone(),
            scope: self.scope.clone(),
        }
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<RaftLogId>, StoredMembership), io::Error> {
        Ok((self.last_applied, self.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let index = entry.log_id.index;
            let mut replies = Replies::default();
            let mut journal = Vec::new();
            match &entry.payload {
                RaftPayload::Blank => {}
                RaftPayload::Membership(membership) => {
                    self.membership = StoredMembership::new(Some(entry.log_id), membership.clone());
                }
                RaftPayload::Normal(payload) => {
                    let applied = self.apply_commands(entry.log_id, &payload.0)?;
                    self.shared.bytes_since_snapshot.fetch_add(payload.0.len() as u64, Ordering::Relaxed);
                    replies = Replies(applied.replies);
                    journal = applied.journal;
                    if applied.effects_added {
                        self.shared.effects.send_replace(index);
                    }
                }
            }
            self.last_applied = Some(entry.log_id);
            self.shared.applied.send_replace(index);
            // Every entry has a responder to answer when someone waits, blank ones too.
            if let Some(responder) = responder {
                responder.send(replies);
            }
            // The read side comes last; when it lags far behind, it slows everything down instead of
            // growing without bound.
            self.history.entry(index, journal).await;
        }
        Ok(())
    }

    async fn try_create_snapshot_builder(&mut self, _force: bool) -> Option<Builder> {
        Some(self.builder())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        self.builder()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotFile) -> Result<(), io::Error> {
        let snapshots = self.snapshots.clone();
        let work = async move {
            let state = file::load(&snapshots.disk, &snapshot).await?;
            snapshots.accept(snapshot).await?;
            Ok::<State, io::Error>(state)
        };
        let state = self.scope.on_dedicated("snapshot install", work).await.unwrap_or_else(|| Err(ended()))?;
        let index = meta.last_log_id.map_or(0, |id| id.index);
        *self.shared.state.write() = state;
        if let Some(witness) = &self.witness {
            witness.installed(&self.shared.state.read());
        }
        self.last_applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.shared.applied.send_replace(index);
        self.shared.effects.send_replace(index);
        self.history.jump(index).await;
        Ok(())
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<Snapshot<RaftLeader, u64, crate::Member, SnapshotFile>>, io::Error> {
        Ok(self.snapshots.current().map(as_raft))
    }
}

fn ended() -> io::Error {
    io::Error::other("this replica is ending")
}

/// A snapshot file as openraft has it.
pub(crate) fn as_raft(snapshot: SnapshotFile) -> Snapshot<RaftLeader, u64, crate::Member, SnapshotFile> {
    let meta = SnapshotMeta {
        last_log_id: snapshot.head.last_log_id.map(Into::into),
        last_membership: snapshot.head.membership.to_raft().expect("checked when the head was read or written"),
    };
    Snapshot { meta, snapshot }
}

/// The state at one position, to be written.
pub(crate) struct Builder {
    state: State,
    last_log_id: Option<RaftLogId>,
    membership: StoredMembership,
    province: ProvinceId,
    snapshots: Arc<SnapshotStore>,
    history: Feed,
    scope: Arc<NodeScope>,
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = SnapshotFile;

    async fn build_snapshot(&mut self) -> Result<Snapshot<RaftLeader, u64, crate::Member, SnapshotFile>, io::Error> {
        // Journal records can be computed again only while the log is there, and a snapshot lets the
        // log go: so the read side catches up first.
        self.history.flush().await;
        let head = SnapshotHead {
            state_version: self.state.version(),
            province: self.province,
            last_log_id: self.last_log_id.map(Into::into),
            membership: StoredMembershipRow::from(&self.membership),
            content_bytes: 0,
            content_digest: 0,
            state_digest: self.state.digest(),
        };
        let (state, snapshots) = (self.state.clone(), self.snapshots.clone());
        let work = async move { snapshots.build(&state, head).await };
        let built = self.scope.on_dedicated("snapshot build", work).await.unwrap_or_else(|| Err(ended()))?;
        Ok(as_raft(built))
    }
}
