//! The read side: every journal record, kept in sled on every replica, fed in order from applied
//! entries, rebuilt from log, snapshot or a peer when lost.

use mpss_domain::{JournalRecord, RecordPosition};

/// The journal of one replica, for statements and timelines.
#[derive(Clone, Debug)]
pub struct History {}

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

impl History {
    /// One record.
    ///
    /// # Errors
    /// See [`HistoryError`].
    pub fn get(&self, position: RecordPosition) -> Result<JournalRecord, HistoryError> {
        Err(HistoryError::Missing(position))
    }

    /// Up to `limit` records of one account's chain, newest first, starting with `newest`.
    ///
    /// # Errors
    /// See [`HistoryError`].
    pub fn chain(&self, newest: Option<RecordPosition>, limit: usize) -> Result<Vec<JournalRecord>, HistoryError> {
        let _ = (newest, limit);
        Ok(Vec::new())
    }

    /// Records from `from` on, oldest first, at most `limit`.
    ///
    /// # Errors
    /// See [`HistoryError`].
    pub fn range(&self, from: RecordPosition, limit: usize) -> Result<Vec<JournalRecord>, HistoryError> {
        let _ = (from, limit);
        Ok(Vec::new())
    }

    /// The last log entry whose records are in the store.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        0
    }
}
