//! The read side: every journal record, kept on every replica, fed in order from applied entries,
//! rebuilt from the log or a peer when lost. It is derived from the log and never decides anything.
//!
//! ```text
//!  apply ─▶ bounded queue ─▶ feeder ─▶ store (sled; a map in the simulator)
//!                                        ▲
//!  another replica ◀─ asks for gaps ─ filler
//! ```
//!
//! A gap is a range of entries whose records are not here: those before the snapshot a replica was
//! started or caught up with. Gaps are filled from other replicas.

pub(crate) mod feeder;
pub(crate) mod filler;
pub(crate) mod memory_store;
pub(crate) mod progress;
pub(crate) mod row;
pub(crate) mod sled_store;
pub(crate) mod store;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use mpss_domain::{BusinessDay, JournalRecord, RecordPosition};
use parking_lot::Mutex;
use tokio::sync::watch;

use progress::Progress;
use row::{Row, RowKey};
use store::{JournalStore, StoreError, WriteBatch};

/// Rows read from the store at once.
const READ_ROWS: usize = 64;

/// The journal of one replica, for statements and timelines. Cheap to clone.
#[derive(Clone)]
pub struct History {
    inner: Arc<Inner>,
}

struct Inner {
    store: Box<dyn JournalStore>,
    progress: Mutex<Progress>,
    /// Raised when the progress changed.
    changed: watch::Sender<u64>,
}

/// The read side can not answer.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The store failed.
    #[error("the history store failed")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The record is not here (not fed yet, or lost and being rebuilt).
    #[error("record {0:?} is not in this replica's history yet")]
    Missing(RecordPosition),
}

impl HistoryError {
    /// True when nothing is wrong with what is stored: the disk has no room for what the store wanted to
    /// write, or somebody has the store open.
    pub(crate) fn is_no_damage(&self) -> bool {
        let Self::Store(source) = self else { return false };
        match source.downcast_ref() {
            Some(StoreError::Sled(sled::Error::Io(error))) => {
                matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
            }
            Some(StoreError::Held) => true,
            _ => false,
        }
    }
}

impl From<StoreError> for HistoryError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("cursor", &self.cursor()).finish_non_exhaustive()
    }
}

impl History {
    /// One record.
    ///
    /// # Errors
    /// See [`HistoryError`].
    pub fn get(&self, position: RecordPosition) -> Result<JournalRecord, HistoryError> {
        let missing = || HistoryError::Missing(position);
        let row = self.inner.store.last_at_or_before(RowKey::of(position))?.ok_or_else(missing)?;
        if row.key.index() != position.index() {
            return Err(missing());
        }
        row.records()?.into_iter().find(|record| record.position == position).ok_or_else(missing)
    }

    /// Up to `limit` records of one account's chain, newest first, starting with `newest`.
    ///
    /// # Errors
    /// See [`HistoryError`]; a chain that runs into a gap is not answered in part.
    pub fn chain(&self, newest: Option<RecordPosition>, limit: usize) -> Result<Vec<JournalRecord>, HistoryError> {
        let mut found: Vec<JournalRecord> = Vec::new();
        let mut next = newest;
        while let Some(position) = next.filter(|_| found.len() < limit) {
            let record = self.get(position)?;
            // A chain goes back; anything else would never end.
            next = record.previous.filter(|previous| *previous < position);
            found.push(record);
        }
        Ok(found)
    }

    /// Records from `from` on, oldest first, at most `limit`.
    ///
    /// # Errors
    /// See [`HistoryError`]; `Missing` when a gap begins at or before `from`. A later gap ends the
    /// answer.
    pub fn range(&self, from: RecordPosition, limit: usize) -> Result<Vec<JournalRecord>, HistoryError> {
        let gap = self.inner.progress.lock().first_gap_from(from.index());
        if gap.is_some_and(|(after, _)| after < from.index()) {
            return Err(HistoryError::Missing(from));
        }
        let end = gap.map_or(u64::MAX, |(after, _)| after);
        let mut found = Vec::new();
        // `from` may be inside a row that begins before it.
        let mut key = match self.inner.store.last_at_or_before(RowKey::of(from))? {
            Some(row) if row.key.index() == from.index() => row.key,
            _ => RowKey::of(from),
        };
        'rows: loop {
            let rows = self.inner.store.rows_from(key, READ_ROWS)?;
            let Some(last) = rows.last().map(|row| row.key) else { break };
            for row in &rows {
                if row.key.index() > end {
                    break 'rows;
                }
                for record in row.records()? {
                    if found.len() == limit {
                        break 'rows;
                    }
                    if record.position >= from {
                        found.push(record);
                    }
                }
            }
            let Some(next) = last.next() else { break };
            key = next;
        }
        Ok(found)
    }

    /// Records of one stream behind number `after`, in the order of their numbers, at most `limit`: without a gap
    /// between any two, nor before the first. Where a record is not here yet the answer ends, so whatever replica
    /// is asked, it is a piece of the same sequence.
    ///
    /// # Errors
    /// See [`HistoryError`].
    pub fn stream(&self, stream: u64, after: u64, limit: usize) -> Result<Vec<JournalRecord>, HistoryError> {
        let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
        let mut found: Vec<JournalRecord> = Vec::new();
        // Neighbours in a stream are often neighbours in the journal.
        let mut row: Option<(RowKey, Vec<JournalRecord>)> = None;
        while found.len() < limit {
            let next = first + found.len() as u64;
            let places = self.inner.store.stream_from(stream, next, READ_ROWS.min(limit - found.len()))?;
            let asked = found.len();
            for (place, number) in places.iter().zip(next..) {
                if place.number != number {
                    return Ok(found);
                }
                let position = RecordPosition::from_number(place.position);
                let missing = || HistoryError::Missing(position);
                let held = self.inner.store.last_at_or_before(RowKey::of(position))?.ok_or_else(missing)?;
                if row.as_ref().is_none_or(|(read, _)| *read != held.key) {
                    row = Some((held.key, held.records()?));
                }
                let records = row.as_ref().map(|(_, records)| records.as_slice()).unwrap_or_default();
                let at = records.binary_search_by_key(&position, |record| record.position).map_err(|_| missing())?;
                found.push(records[at].clone());
            }
            if found.len() == asked {
                break;
            }
        }
        Ok(found)
    }

    /// The first record of a business day, when there is one.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub fn first_of_day(&self, day: BusinessDay) -> Result<Option<RecordPosition>, HistoryError> {
        Ok(self.inner.store.day(day.0)?.map(RecordPosition::from_number))
    }

    /// The last log entry whose records are in the store.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.inner.progress.lock().cursor
    }

    /// Ranges of log entries before [`Self::cursor`] whose records are not here: after the first
    /// number, up to and with the second.
    #[must_use]
    pub fn gaps(&self) -> Vec<(u64, u64)> {
        self.inner.progress.lock().gaps.clone()
    }

    /// Changes of [`Self::cursor`] and [`Self::gaps`]; holds the cursor.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    pub(crate) fn open(store: Box<dyn JournalStore>) -> Result<Self, HistoryError> {
        let progress = match store.progress()? {
            Some(bytes) => crate::codec::decode(&bytes).map_err(StoreError::from)?,
            None => Progress::default(),
        };
        let changed = watch::Sender::new(progress.cursor);
        Ok(Self { inner: Arc::new(Inner { store, progress: Mutex::new(progress), changed }) })
    }

    /// Stores records of entries, in order. Entries that are here already are passed over, entries
    /// in a gap fill it.
    pub(crate) fn record(&self, entries: &[(u64, Vec<JournalRecord>)]) -> Result<(), StoreError> {
        self.change(|progress, batch| {
            for (index, records) in entries {
                if progress.take(*index) {
                    for row in row::rows_of(records) {
                        batch.rows.push(row);
                    }
                    row::note_days(records, &mut batch.days);
                    row::note_streams(records, &mut batch.streams);
                }
            }
        })
    }

    /// Notes that the state jumped to `index`: what is between is a gap.
    pub(crate) fn jump(&self, index: u64) -> Result<(), StoreError> {
        self.change(|progress, _| progress.jump(index))
    }

    /// Fills (part of) a gap: all rows of entries after `after`, up to and with `upto`.
    pub(crate) fn fill(&self, after: u64, upto: u64, rows: Vec<Row>) -> Result<(), StoreError> {
        let (mut days, mut streams) = (Vec::new(), Vec::new());
        for row in &rows {
            let records = row.records()?;
            row::note_days(&records, &mut days);
            row::note_streams(&records, &mut streams);
        }
        self.change(|progress, batch| {
            for index in after + 1..=upto {
                progress.take(index);
            }
            batch.rows = rows;
            batch.days = days;
            batch.streams = streams;
        })
    }

    /// What this replica can tell of entries after `after` up to `upto`: the part it has, as rows.
    pub(crate) fn part(&self, after: u64, upto: u64, bytes_max: usize) -> Result<(u64, u64, Vec<Row>), StoreError> {
        let Some((after, mut upto)) = self.inner.progress.lock().complete_part(after, upto) else {
            return Ok((after, after, Vec::new()));
        };
        let mut rows: Vec<Row> = Vec::new();
        let mut bytes = 0;
        let mut key = RowKey::first_of(after + 1);
        'rows: loop {
            let read = self.inner.store.rows_from(key, READ_ROWS)?;
            let Some(last) = read.last().map(|row| row.key) else { break };
            for row in read {
                if row.key.index() > upto {
                    break 'rows;
                }
                bytes += row.value.len();
                // Entries go whole or not at all.
                let begins = rows.last().is_none_or(|last| last.key.index() != row.key.index());
                if bytes > bytes_max && begins && !rows.is_empty() {
                    upto = row.key.index() - 1;
                    break 'rows;
                }
                rows.push(row);
            }
            let Some(next) = last.next() else { break };
            key = next;
        }
        Ok((after, upto, rows))
    }

    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        self.inner.store.flush()
    }

    fn change(&self, change: impl FnOnce(&mut Progress, &mut WriteBatch)) -> Result<(), StoreError> {
        // Held over the write, so that what the store says of progress never goes back.
        let mut progress = self.inner.progress.lock();
        let mut next = progress.clone();
        let mut batch = WriteBatch::default();
        change(&mut next, &mut batch);
        if next == *progress && batch.rows.is_empty() {
            return Ok(());
        }
        batch.progress = crate::codec::encode(&next);
        self.inner.store.write(batch)?;
        self.inner.changed.send_replace(next.cursor);
        *progress = next;
        Ok(())
    }
}
