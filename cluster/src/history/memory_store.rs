//! Rows in an ordered map, for disks that are no file system. Lost with the process.

use std::collections::BTreeMap;

use bytes::Bytes;
use parking_lot::RwLock;

use super::row::{Row, RowKey};
use super::store::{JournalStore, StoreError, StreamPlace, WriteBatch};

/// A store in memory.
#[derive(Default)]
pub(crate) struct MemoryStore {
    tables: RwLock<Tables>,
}

#[derive(Default)]
struct Tables {
    rows: BTreeMap<RowKey, Bytes>,
    days: BTreeMap<u32, u64>,
    /// Stream and number to position.
    streams: BTreeMap<(u64, u64), u64>,
    progress: Option<Vec<u8>>,
}

impl JournalStore for MemoryStore {
    fn write(&self, batch: WriteBatch) -> Result<(), StoreError> {
        let mut tables = self.tables.write();
        tables.rows.extend(batch.rows.into_iter().map(|row| (row.key, row.value)));
        for (day, position) in batch.days {
            let first = tables.days.entry(day).or_insert(position);
            *first = (*first).min(position);
        }
        let places = batch.streams.into_iter().map(|place| ((place.stream, place.number), place.position));
        tables.streams.extend(places);
        tables.progress = Some(batch.progress);
        Ok(())
    }

    fn last_at_or_before(&self, key: RowKey) -> Result<Option<Row>, StoreError> {
        let tables = self.tables.read();
        Ok(tables.rows.range(..=key).next_back().map(|(key, value)| Row { key: *key, value: value.clone() }))
    }

    fn rows_from(&self, key: RowKey, limit: usize) -> Result<Vec<Row>, StoreError> {
        let tables = self.tables.read();
        let rows = tables.rows.range(key..).take(limit);
        Ok(rows.map(|(key, value)| Row { key: *key, value: value.clone() }).collect())
    }

    fn day(&self, day: u32) -> Result<Option<u64>, StoreError> {
        Ok(self.tables.read().days.get(&day).copied())
    }

    fn stream_from(&self, stream: u64, number: u64, limit: usize) -> Result<Vec<StreamPlace>, StoreError> {
        let tables = self.tables.read();
        let places = tables.streams.range((stream, number)..=(stream, u64::MAX)).take(limit);
        Ok(places
            .map(|((stream, number), position)| StreamPlace { stream: *stream, number: *number, position: *position })
            .collect())
    }

    fn progress(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tables.read().progress.clone())
    }

    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
