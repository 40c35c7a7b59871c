//! Rows: the records of one entry, in pieces of bounded size.

use bytes::Bytes;
use mpss_domain::{JournalRecord, RecordPosition};
use serde::{Deserialize, Serialize};

use super::store::{StoreError, StreamPlace};
use crate::codec;

/// Largest value, in bytes, when it holds more than one record.
const ROW_BYTES_MAX: usize = 32 << 10;

/// Where a row stands: the position of its first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct RowKey(u64);

impl RowKey {
    pub(crate) fn of(position: RecordPosition) -> Self {
        Self(position.number())
    }

    pub(crate) fn first_of(index: u64) -> Self {
        Self::of(RecordPosition::new(index, 0))
    }

    pub(crate) fn from_number(number: u64) -> Self {
        Self(number)
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }

    pub(crate) fn index(self) -> u64 {
        RecordPosition::from_number(self.0).index()
    }

    pub(crate) fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) key: RowKey,
    pub(crate) value: Bytes,
}

impl Row {
    pub(crate) fn records(&self) -> Result<Vec<JournalRecord>, StoreError> {
        decode_rows(&self.value)
    }
}

/// Reads the records of one row.
pub(crate) fn decode_rows(value: &[u8]) -> Result<Vec<JournalRecord>, StoreError> {
    Ok(codec::decode(value)?)
}

/// Cuts the records of one entry into rows.
pub(crate) fn rows_of(records: &[JournalRecord]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut from = 0;
    let mut bytes = 0;
    let mut encoded: Vec<Vec<u8>> = Vec::new();
    for (place, record) in records.iter().enumerate() {
        let mut one = Vec::new();
        codec::encode_onto(record, &mut one);
        if bytes + one.len() > ROW_BYTES_MAX && !encoded.is_empty() {
            rows.push(row(&records[from], &encoded));
            encoded.clear();
            (from, bytes) = (place, 0);
        }
        bytes += one.len();
        encoded.push(one);
    }
    if let Some(first) = records.get(from).filter(|_| !encoded.is_empty()) {
        rows.push(row(first, &encoded));
    }
    rows
}

fn row(first: &JournalRecord, encoded: &[Vec<u8>]) -> Row {
    let mut value = vec![codec::FORMAT_VERSION];
    codec::encode_onto(&(encoded.len() as u64), &mut value);
    for record in encoded {
        value.extend_from_slice(record);
    }
    Row { key: RowKey::of(first.position), value: Bytes::from(value) }
}

/// Adds where those of `records` stand that are numbered in a stream.
pub(crate) fn note_streams(records: &[JournalRecord], streams: &mut Vec<StreamPlace>) {
    for record in records {
        if let Some((stream, number)) = record.body.stream() {
            streams.push(StreamPlace { stream, number, position: record.position.number() });
        }
    }
}

/// Adds the first position of each business day among `records`.
pub(crate) fn note_days(records: &[JournalRecord], days: &mut Vec<(u32, u64)>) {
    for record in records {
        let day = record.at.business_day().0;
        if days.last().is_none_or(|(last, _)| *last != day) {
            days.push((day, record.position.number()));
        }
    }
}
