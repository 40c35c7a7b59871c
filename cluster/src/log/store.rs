//! The log as openraft uses it.

use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mpss_runtime::Disk;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, oneshot};

use super::memory::LogMemory;
use super::recovery::{self, SegmentRow};
use super::segment::Active;
use super::vote_file::VoteFile;
use super::writer::{self, Item, Position, Spares, Writer};
use super::{doubt_mark, segment};
use crate::fatal::Fatal;
use crate::raft_runtime::NodeScope;
use crate::replica::StartError;
use crate::stored::{DoubtMark, SegmentStart, VoteRow};
use crate::types::{RaftEntry, RaftLogId, RaftMembership, RaftVote, Types};

/// Items that wait for the writer at most.
const QUEUE_ITEMS_MAX: usize = 4_096;
/// Bytes of entries sent to another replica in one message, at most by one entry more.
pub(crate) const REPLICATE_BYTES_MAX: u64 = 2 << 20;

/// The log. Cheap to clone; clones are the same log.
#[derive(Clone)]
pub(crate) struct LogStore {
    memory: Arc<RwLock<LogMemory>>,
    queue: mpsc::Sender<Item>,
    failed: Arc<AtomicBool>,
}

/// The log as it was opened.
pub(crate) struct Opened {
    pub(crate) store: LogStore,
    pub(crate) doubt: Option<DoubtMark>,
    writer: Writer,
    queue: mpsc::Receiver<Item>,
    spares_asked: mpsc::Receiver<()>,
}

impl LogStore {
    /// Reads the log in `disk` back and prepares its writer.
    ///
    /// # Errors
    /// See [`StartError`].
    pub(crate) async fn open(disk: Arc<dyn Disk>, segment_bytes: u64, fatal: Fatal) -> Result<Opened, StartError> {
        let io = |source| StartError::Io { what: "opening the log".to_owned(), source };
        let (votes, vote) = VoteFile::open(&disk).await?;
        let mut recovered = recovery::recover(&disk).await?;
        let mut doubt = doubt_mark::read(&disk).await?;
        if let Some(torn) = recovered.torn.take()
            && vote.is_some()
            && doubt.is_none()
            && !forgets_torn_tail()
        {
            // Without a vote nothing was ever acknowledged, so nothing that counts can be lost.
            tracing::warn!(segment = torn.segment, offset = torn.offset, "the last batch of the log is bad");
            doubt_mark::set(&disk, &torn).await.map_err(io)?;
            doubt = Some(torn);
        }
        recovered.memory.vote = vote.map(Into::into);
        let spares = Arc::new(Mutex::new(Spares::new(std::mem::take(&mut recovered.spares))));
        let mut segments = std::collections::VecDeque::from(recovered.segments);
        let last_epoch = segments.back().map_or(0, |row| row.epoch);
        let start = SegmentStart {
            purged: recovered.memory.purged.map(Into::into),
            committed: recovered.memory.committed.map(Into::into),
        };
        let mut next_sequence = recovered.next_sequence;
        let active = match recovered.offset {
            Some(offset) => {
                let file = disk.open(&segment::segment_name(last_epoch)).await.map_err(io)?;
                // What a dead process wrote is perhaps only in the page cache; from here on it counts.
                file.sync().await.map_err(io)?;
                let size = file.len().await.map_err(io)?;
                Active { epoch: last_epoch, file, offset, size }
            }
            None => {
                if last_epoch > 0 {
                    let file = disk.open(&segment::segment_name(last_epoch)).await.map_err(io)?;
                    file.sync().await.map_err(io)?;
                }
                let durable = next_sequence - 1;
                let at = Position { epoch: last_epoch + 1, sequence: next_sequence, durable };
                let active = writer::begin(&disk, &spares, segment_bytes, at, &start).await.map_err(io)?;
                next_sequence += 1;
                segments.push_back(SegmentRow { epoch: active.epoch, last_entry: None });
                active
            }
        };
        let (queue, items) = mpsc::channel(QUEUE_ITEMS_MAX);
        let (make_spare, spares_asked) = mpsc::channel(1);
        let failed = Arc::new(AtomicBool::new(false));
        let writer = Writer {
            disk,
            segment_bytes,
            votes,
            active,
            segments,
            spares,
            make_spare,
            next_sequence,
            durable: next_sequence - 1,
            purged: recovered.memory.purged,
            committed: recovered.memory.committed,
            committed_pending: false,
            failed: failed.clone(),
            fatal,
        };
        let store = Self { memory: Arc::new(RwLock::new(recovered.memory)), queue, failed };
        Ok(Opened { store, doubt, writer, queue: items, spares_asked })
    }

    async fn send(&self, item: Item) -> io::Result<()> {
        self.queue.send(item).await.map_err(|_| io::Error::other("the log has stopped"))
    }

    /// Waits until everything written so far is durable.
    pub(crate) async fn flush(&self) -> io::Result<()> {
        let (done, flushed) = oneshot::channel();
        self.send(Item::Flush { done }).await?;
        flushed.await.map_err(|_| io::Error::other("the log has stopped"))?
    }

    /// Ends the writer and waits for its end.
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.send(Item::Close { done }).await.is_ok() {
            let _ = closed.await;
        }
    }

    /// The membership of the last entry that has one.
    pub(crate) fn last_membership(&self) -> Option<RaftMembership> {
        self.memory.read().last_membership()
    }

    /// The last index that may be purged so that the newest `bytes` of entries stay.
    pub(crate) fn index_before_newest(&self, bytes: u64) -> Option<u64> {
        self.memory.read().index_before_newest(bytes)
    }

    /// The oldest entry that is still here.
    pub(crate) fn first_index(&self) -> Option<u64> {
        self.memory.read().first_index()
    }

    /// The last entry, durable or not.
    pub(crate) fn last_log_id(&self) -> Option<RaftLogId> {
        self.memory.read().last_log_id()
    }

    /// The vote, durable or about to be.
    pub(crate) fn vote(&self) -> Option<RaftVote> {
        self.memory.read().vote
    }

    /// True when nothing was ever written here.
    pub(crate) fn is_pristine(&self) -> bool {
        let memory = self.memory.read();
        memory.last_log_id().is_none() && memory.vote.is_none()
    }
}

/// Never, but for a deliberate fault.
fn forgets_torn_tail() -> bool {
    #[cfg(feature = "mutants")]
    return crate::mutant::Mutant::TornTailTruncated.is_planted();
    #[cfg(not(feature = "mutants"))]
    false
}

impl Opened {
    /// Starts writing.
    pub(crate) fn start(self, scope: &Arc<NodeScope>) -> LogStore {
        let (disk, spares) = (self.writer.disk.clone(), self.writer.spares.clone());
        let making = writer::make_spares(disk, spares, self.writer.segment_bytes, self.spares_asked);
        scope.spawn_dedicated("log spares", making);
        scope.spawn_dedicated("log writer", self.writer.run(self.queue));
        self.store
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<RaftEntry>, io::Error> {
        Ok(self.memory.read().range(range, u64::MAX))
    }

    async fn read_vote(&mut self) -> Result<Option<RaftVote>, io::Error> {
        Ok(self.vote())
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<RaftEntry>, io::Error> {
        Ok(self.memory.read().range(start..end, REPLICATE_BYTES_MAX))
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, io::Error> {
        let memory = self.memory.read();
        Ok(LogState { last_purged_log_id: memory.purged, last_log_id: memory.last_log_id() })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &RaftVote) -> Result<(), io::Error> {
        let (done, saved) = oneshot::channel();
        self.send(Item::Vote { vote: VoteRow::from(vote), done }).await?;
        saved.await.map_err(|_| io::Error::other("the log has stopped"))??;
        self.memory.write().vote = Some(*vote);
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<RaftLogId>) -> Result<(), io::Error> {
        if let Some(upto) = committed {
            self.memory.write().committed = Some(upto);
            self.send(Item::Committed { upto }).await?;
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<RaftLogId>, io::Error> {
        Ok(self.memory.read().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = RaftEntry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        if self.failed.load(Ordering::Acquire) {
            return Err(io::Error::other("the log has failed before"));
        }
        let entries: Vec<RaftEntry> = entries.into_iter().collect();
        {
            let mut memory = self.memory.write();
            for entry in &entries {
                memory.push(entry.clone());
            }
        }
        // Readable now, durable when the callback comes.
        self.send(Item::Append { entries, done: callback }).await
    }

    async fn truncate_after(&mut self, last_log_id: Option<RaftLogId>) -> Result<(), io::Error> {
        let index = last_log_id.map_or(0, |last| last.index + 1);
        self.memory.write().truncate_from(index);
        self.send(Item::Truncate { index }).await
    }

    async fn purge(&mut self, upto: RaftLogId) -> Result<(), io::Error> {
        self.memory.write().purge(upto);
        self.send(Item::Purge { upto }).await
    }
}
