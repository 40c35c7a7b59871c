//! The one task that writes the log.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mpss_runtime::Disk;
use openraft::storage::IOFlushed;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::record::{self, Header, Kind, TERMINATOR};
use super::recovery::SegmentRow;
use super::segment::{self, Active};
use super::vote_file::VoteFile;
use crate::codec;
use crate::fatal::Fatal;
use crate::stored::{MembershipRow, SegmentStart, VoteRow};
use crate::types::{RaftEntry, RaftLogId, RaftPayload, Types, log_id};

/// Bytes taken from the queue for one write, at most by one item more.
const WRITE_BYTES_MAX: u64 = 4 << 20;
/// Spare segments kept; more are removed.
const SPARES_MAX: usize = 2;

/// What is asked of the writer.
pub(crate) enum Item {
    /// Make entries durable, then tell.
    Append { entries: Vec<RaftEntry>, done: IOFlushed<Types> },
    /// Make a vote durable, then tell.
    Vote { vote: VoteRow, done: oneshot::Sender<io::Result<()>> },
    /// Withdraw entries from `index` on.
    Truncate { index: u64 },
    /// Entries up to this one are no longer needed.
    Purge { upto: RaftLogId },
    /// Entries up to this one are committed; not worth a sync of its own.
    Committed { upto: RaftLogId },
    /// Tell when everything before is durable.
    Flush { done: oneshot::Sender<io::Result<()>> },
    /// Write what is left, then end.
    Close { done: oneshot::Sender<()> },
}

/// Whom to tell when a write is durable.
enum Done {
    Append(IOFlushed<Types>),
    Flush(oneshot::Sender<io::Result<()>>),
}

impl Done {
    fn tell(self, result: io::Result<()>) {
        match self {
            Self::Append(done) => done.io_completed(result),
            // Whoever asked may have stopped waiting.
            Self::Flush(done) => drop(done.send(result)),
        }
    }
}

/// Spare segments, and whether one more is being made.
#[derive(Default)]
pub(crate) struct Spares {
    ready: VecDeque<u64>,
    next_number: u64,
}

impl Spares {
    pub(crate) fn new(ready: Vec<u64>) -> Self {
        let next_number = ready.iter().max().map_or(0, |number| number + 1);
        Self { ready: ready.into(), next_number }
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }
}

/// Writes the log.
pub(crate) struct Writer {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) segment_bytes: u64,
    pub(crate) votes: VoteFile,
    pub(crate) active: Active,
    /// All segments, oldest first; the last is the active one.
    pub(crate) segments: VecDeque<SegmentRow>,
    pub(crate) spares: Arc<Mutex<Spares>>,
    /// Asks for a spare to be made.
    pub(crate) make_spare: mpsc::Sender<()>,
    pub(crate) next_sequence: u64,
    /// The last record known to be synced.
    pub(crate) durable: u64,
    pub(crate) purged: Option<RaftLogId>,
    pub(crate) committed: Option<RaftLogId>,
    /// Not yet in the log.
    pub(crate) committed_pending: bool,
    pub(crate) failed: Arc<AtomicBool>,
    pub(crate) fatal: Fatal,
}

impl Writer {
    /// Serves the queue until it closes.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Item>) {
        let mut items = Vec::new();
        let mut closed = None;
        while closed.is_none()
            && let Some(first) = queue.recv().await
        {
            let mut bytes = item_bytes(&first);
            items.push(first);
            // No waiting for company: while one sync runs, the next batch gathers.
            while bytes < WRITE_BYTES_MAX
                && let Ok(item) = queue.try_recv()
            {
                bytes += item_bytes(&item);
                items.push(item);
            }
            closed = self.serve(&mut items).await;
        }
        // A clean end saves what was not worth a sync by itself.
        if self.committed_pending && !self.failed.load(Ordering::Acquire) {
            let _ = self.write(Vec::new()).await;
        }
        // The file goes before the news of it, so that whoever hears it can open the log again.
        drop(self);
        if let Some(closed) = closed {
            let _ = closed.send(());
        }
    }

    /// Serves what was taken from the queue; whom to tell when that was the end.
    async fn serve(&mut self, items: &mut Vec<Item>) -> Option<oneshot::Sender<()>> {
        let mut batch = Vec::new();
        let mut closed = None;
        for item in items.drain(..) {
            match item {
                Item::Vote { vote, done } => {
                    // Order: what was asked before the vote is durable before it.
                    self.flush(std::mem::take(&mut batch)).await;
                    let result = self.save_vote(vote).await;
                    // Whoever asked may have stopped waiting.
                    let _ = done.send(result);
                }
                Item::Close { done } => closed = Some(done),
                other => batch.push(other),
            }
        }
        self.flush(batch).await;
        closed
    }

    async fn save_vote(&mut self, vote: VoteRow) -> io::Result<()> {
        if self.failed.load(Ordering::Acquire) {
            return Err(stopped());
        }
        let result = self.votes.write(vote).await;
        result.map_err(|error| self.fail("saving the vote", error))
    }

    /// Writes and syncs a batch, tells everyone in order, then lets go of segments.
    async fn flush(&mut self, batch: Vec<Item>) {
        if batch.is_empty() {
            return;
        }
        let purges = batch.iter().any(|item| matches!(item, Item::Purge { .. }));
        let mut waiting = Vec::new();
        let mut records = Vec::new();
        for item in batch {
            match item {
                Item::Append { entries, done } => {
                    records.extend(entries.into_iter().map(Line::Entry));
                    waiting.push(Done::Append(done));
                }
                Item::Truncate { index } => records.push(Line::Truncate(index)),
                Item::Purge { upto } => {
                    self.purged = self.purged.max(Some(upto));
                    records.push(Line::Purge(upto));
                }
                Item::Committed { upto } => {
                    self.committed = self.committed.max(Some(upto));
                    self.committed_pending = true;
                }
                Item::Flush { done } => waiting.push(Done::Flush(done)),
                Item::Vote { .. } | Item::Close { .. } => unreachable!("taken out before"),
            }
        }
        #[cfg(feature = "mutants")]
        if crate::mutant::Mutant::AckBeforeSync.is_planted() {
            for done in waiting.drain(..) {
                done.tell(Ok(()));
            }
        }
        let result = if self.failed.load(Ordering::Acquire) {
            Err(stopped())
        } else if records.is_empty() && waiting.is_empty() {
            // Only a committed mark: it goes with the next batch.
            return;
        } else {
            self.write(records).await.map_err(|error| self.fail("writing the log", error))
        };
        let failed = result.as_ref().err().map(|error| (error.kind(), error.to_string()));
        for done in waiting {
            done.tell(failed.clone().map_or(Ok(()), |(kind, what)| Err(io::Error::new(kind, what))));
        }
        if purges
            && result.is_ok()
            && let Err(error) = self.let_go().await
        {
            self.fail("letting go of log segments", error);
        }
    }

    /// One write, one sync. Durable when this returns.
    async fn write(&mut self, mut lines: Vec<Line>) -> io::Result<()> {
        if self.committed_pending
            && let Some(committed) = self.committed
        {
            lines.push(Line::Committed(committed));
            self.committed_pending = false;
        }
        if lines.is_empty() {
            return Ok(());
        }
        let payloads: Vec<Option<Vec<u8>>> = lines.iter().map(Line::encoded).collect();
        let bytes: usize = lines
            .iter()
            .zip(&payloads)
            .map(|(line, encoded)| record::record_bytes(encoded.as_deref().unwrap_or_else(|| line.raw()).len()))
            .sum();
        self.make_room(bytes as u64).await?;
        let mut buffer = Vec::with_capacity(bytes + TERMINATOR.len());
        let mut last_entry = None;
        for (place, (line, encoded)) in lines.iter().zip(&payloads).enumerate() {
            let (kind, id) = line.head();
            let header = Header {
                epoch: self.active.epoch,
                sequence: self.next_sequence,
                durable: self.durable,
                index: id.index,
                term: id.leader_id.term,
                node: id.leader_id.node_id,
                kind,
                left: u32::try_from(lines.len() - 1 - place).expect("a write has few records"),
            };
            self.next_sequence += 1;
            record::put(&mut buffer, &header, encoded.as_deref().unwrap_or_else(|| line.raw()));
            if matches!(line, Line::Entry(_)) {
                last_entry = last_entry.max(Some(id.index));
            }
        }
        debug_assert_eq!(buffer.len(), bytes);
        buffer.extend_from_slice(&TERMINATOR);
        self.active.file.write_at(self.active.offset, &buffer).await?;
        self.active.file.sync().await?;
        // Only from here on may anyone be told, and may the next batch vouch for this one.
        self.durable = self.next_sequence - 1;
        self.active.offset += bytes as u64;
        let row = self.segments.back_mut().expect("the active segment is listed");
        row.last_entry = row.last_entry.max(last_entry);
        if self.active.offset > self.active.size / 2 && self.spares.lock().ready.is_empty() {
            // A spare that is being made already makes the request void.
            let _ = self.make_spare.try_send(());
        }
        Ok(())
    }

    /// Begins a new segment when `bytes` more do not fit into this one.
    async fn make_room(&mut self, bytes: u64) -> io::Result<()> {
        let needed = self.active.offset + bytes + TERMINATOR.len() as u64;
        if needed <= self.active.size {
            return Ok(());
        }
        let start = SegmentStart { purged: self.purged.map(Into::into), committed: self.committed.map(Into::into) };
        let at = Position { epoch: self.active.epoch + 1, sequence: self.next_sequence, durable: self.durable };
        self.active = begin(&self.disk, &self.spares, self.segment_bytes, at, &start).await?;
        self.durable = self.next_sequence;
        self.next_sequence += 1;
        self.segments.push_back(SegmentRow { epoch: self.active.epoch, last_entry: None });
        Ok(())
    }

    /// Uses segments again, or removes them, whose entries are all purged. The oldest first and one
    /// by one, so that at no moment a segment is missing between others.
    async fn let_go(&mut self) -> io::Result<()> {
        let Some(purged) = self.purged else { return Ok(()) };
        while self.segments.len() > 1 && self.segments[0].last_entry.is_none_or(|last| last <= purged.index) {
            let oldest = self.segments.pop_front().expect("there are two");
            let name = segment::segment_name(oldest.epoch);
            let spare = {
                let mut spares = self.spares.lock();
                (spares.ready.len() < SPARES_MAX).then(|| spares.number())
            };
            match spare {
                Some(number) => self.disk.rename(&name, &segment::spare_name(number)).await?,
                None => self.disk.remove(&name).await?,
            }
            self.disk.sync_dir().await?;
            if let Some(number) = spare {
                self.spares.lock().ready.push_back(number);
            }
        }
        Ok(())
    }

    /// From here on nothing is written any more.
    fn fail(&self, what: &str, error: io::Error) -> io::Error {
        self.failed.store(true, Ordering::Release);
        self.fatal.report(format!("{what} failed: {error}"));
        error
    }
}

/// Where a new segment begins.
pub(crate) struct Position {
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    pub(crate) durable: u64,
}

/// Begins a segment on a spare, or on a file made now when there is none.
pub(crate) async fn begin(
    disk: &Arc<dyn Disk>,
    spares: &Mutex<Spares>,
    segment_bytes: u64,
    at: Position,
    start: &SegmentStart,
) -> io::Result<Active> {
    let ready = spares.lock().ready.pop_front();
    let number = match ready {
        Some(number) => number,
        None => {
            let number = spares.lock().number();
            segment::zero(disk, &segment::spare_name(number), segment_bytes).await?;
            number
        }
    };
    segment::activate(disk, &segment::spare_name(number), at.epoch, at.sequence, at.durable, start).await
}

/// Makes a spare whenever one is asked for. A spare that can not be made is no harm yet: the writer
/// tries again when it needs one, and fails then.
pub(crate) async fn make_spares(
    disk: Arc<dyn Disk>,
    spares: Arc<Mutex<Spares>>,
    segment_bytes: u64,
    mut asked: mpsc::Receiver<()>,
) {
    while asked.recv().await.is_some() {
        if !spares.lock().ready.is_empty() {
            continue;
        }
        let number = spares.lock().number();
        let name = segment::spare_name(number);
        match segment::zero(&disk, &name, segment_bytes).await {
            Ok(()) => spares.lock().ready.push_back(number),
            Err(error) => {
                tracing::warn!(%error, "no spare log segment could be made");
                // What was written of it would only take room.
                let _ = disk.remove(&name).await;
            }
        }
    }
}

fn stopped() -> io::Error {
    io::Error::other("the log has failed before; nothing is written any more")
}

fn item_bytes(item: &Item) -> u64 {
    match item {
        Item::Append { entries, .. } => entries.iter().map(super::memory::entry_bytes).sum(),
        _ => record::HEADER_BYTES as u64,
    }
}

/// One record to be.
enum Line {
    Entry(RaftEntry),
    Truncate(u64),
    Purge(RaftLogId),
    Committed(RaftLogId),
}

impl Line {
    fn head(&self) -> (Kind, RaftLogId) {
        match self {
            Self::Entry(entry) => {
                let kind = match entry.payload {
                    RaftPayload::Blank => Kind::Blank,
                    RaftPayload::Normal(_) => Kind::Commands,
                    RaftPayload::Membership(_) => Kind::Membership,
                };
                (kind, entry.log_id)
            }
            Self::Truncate(index) => (Kind::Truncate, log_id(0, 0, *index)),
            Self::Purge(upto) => (Kind::Purge, *upto),
            Self::Committed(upto) => (Kind::Committed, *upto),
        }
    }

    /// The payload when it is not bytes already.
    fn encoded(&self) -> Option<Vec<u8>> {
        match self {
            Self::Entry(RaftEntry { payload: RaftPayload::Membership(membership), .. }) => {
                Some(codec::encode(&MembershipRow::from(membership)))
            }
            _ => None,
        }
    }

    fn raw(&self) -> &[u8] {
        match self {
            Self::Entry(RaftEntry { payload: RaftPayload::Normal(payload), .. }) => &payload.0,
            _ => &[],
        }
    }
}
