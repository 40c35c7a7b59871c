//! Where rows are kept.

use super::row::{Row, RowKey};
use crate::codec::CodecError;

/// Rows and what is known of progress, written in one step.
#[derive(Debug, Default)]
pub(crate) struct WriteBatch {
    pub(crate) rows: Vec<Row>,
    /// Business days and a position in each; the smallest ever written for a day counts.
    pub(crate) days: Vec<(u32, u64)>,
    /// Records that are numbered in a stream.
    pub(crate) streams: Vec<StreamPlace>,
    pub(crate) progress: Vec<u8>,
}

/// Where the record stands that has a number in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamPlace {
    pub(crate) stream: u64,
    pub(crate) number: u64,
    /// As [`mpss_domain::RecordPosition::number`] has it.
    pub(crate) position: u64,
}

/// A store that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// sled failed.
    #[error("sled failed")]
    Sled(#[from] sled::Error),
    /// Somebody has the store open.
    #[error("the store is open already and stays so")]
    Held,
    /// A row can not be read.
    #[error("a row can not be read")]
    Row(#[from] CodecError),
    /// A key is none of ours.
    #[error("a key is {0} bytes long")]
    Key(usize),
}

/// An ordered store of rows. One of sled, one of memory; both pass the same tests.
pub(crate) trait JournalStore: Send + Sync + 'static {
    /// Writes a batch, all or nothing. Durable after [`Self::flush`] at the latest.
    fn write(&self, batch: WriteBatch) -> Result<(), StoreError>;

    /// The last row whose key is not greater.
    fn last_at_or_before(&self, key: RowKey) -> Result<Option<Row>, StoreError>;

    /// Rows from `key` on, ascending, at most `limit`.
    fn rows_from(&self, key: RowKey, limit: usize) -> Result<Vec<Row>, StoreError>;

    /// The first position of a business day.
    fn day(&self, day: u32) -> Result<Option<u64>, StoreError>;

    /// Where the records of a stream stand from `number` on, ascending, at most `limit`; there may be gaps.
    fn stream_from(&self, stream: u64, number: u64, limit: usize) -> Result<Vec<StreamPlace>, StoreError>;

    /// The progress of the last batch.
    fn progress(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Hands everything to the device, as well as the store can.
    fn flush(&self) -> Result<(), StoreError>;
}
