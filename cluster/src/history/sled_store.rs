//! Rows in sled. Its `flush` is no sync of the device, which is why this is never the only copy of
//! anything: what a power cut takes is fed again.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use mpss_runtime::Clock;

use super::row::{Row, RowKey};
use super::store::{JournalStore, StoreError, StreamPlace, WriteBatch};

const ROW: u8 = b'r';
const DAY: u8 = b'd';
const STREAM: u8 = b's';
const PROGRESS: &[u8] = b"progress";
/// Memory for sled's pages, in bytes.
const CACHE_BYTES: u64 = 32 << 20;
/// The file sled locks as long as it is open.
const LOCKED: &str = "db";
/// How long a store that was let go may take to be closed.
const CLOSING: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A store in sled.
pub(crate) struct SledStore {
    tree: sled::Db,
}

impl SledStore {
    /// Opens the store once nobody has it open any more. sled closes its file from threads of its own some
    /// time after the last handle is gone, so one that was just let go may still be there.
    ///
    /// # Errors
    /// [`StoreError::Held`] when it stays open; what sled says.
    pub(crate) async fn open(path: &Path, clock: &dyn Clock) -> Result<Self, StoreError> {
        let until = clock.monotonic() + CLOSING;
        while is_held(path)? {
            if clock.monotonic() >= until {
                return Err(StoreError::Held);
            }
            clock.sleep(LOOK_AGAIN).await;
        }
        Self::open_now(path)
    }

    fn open_now(path: &Path) -> Result<Self, StoreError> {
        let tree = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE_BYTES)
            // Flushed by the feeder, which knows when.
            .flush_every_ms(None)
            .open()?;
        Ok(Self { tree })
    }
}

/// True while the file is locked. The lock this takes to see it is gone on return.
fn is_held(path: &Path) -> Result<bool, StoreError> {
    let file = match File::open(path.join(LOCKED)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(StoreError::Sled(sled::Error::Io(error))),
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(StoreError::Sled(sled::Error::Io(error))),
    }
}

fn row_key(key: RowKey) -> [u8; 9] {
    // Big endian, so that bytes sort as numbers do.
    let mut bytes = [ROW; 9];
    bytes[1..].copy_from_slice(&key.number().to_be_bytes());
    bytes
}

fn day_key(day: u32) -> [u8; 5] {
    let mut bytes = [DAY; 5];
    bytes[1..].copy_from_slice(&day.to_be_bytes());
    bytes
}

fn stream_key(stream: u64, number: u64) -> [u8; 17] {
    let mut bytes = [STREAM; 17];
    bytes[1..9].copy_from_slice(&stream.to_be_bytes());
    bytes[9..].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn number(bytes: &[u8]) -> Result<u64, StoreError> {
    Ok(u64::from_be_bytes(bytes.try_into().map_err(|_| StoreError::Key(bytes.len()))?))
}

fn row((key, value): (sled::IVec, sled::IVec)) -> Result<Row, StoreError> {
    let key = RowKey::from_number(number(key.get(1..).unwrap_or_default())?);
    Ok(Row { key, value: Bytes::copy_from_slice(&value) })
}

impl JournalStore for SledStore {
    fn write(&self, batch: WriteBatch) -> Result<(), StoreError> {
        let mut all = sled::Batch::default();
        for row in &batch.rows {
            all.insert(&row_key(row.key), row.value.as_ref());
        }
        for (day, position) in batch.days {
            if self.day(day)?.is_none_or(|first| position < first) {
                all.insert(&day_key(day), &position.to_be_bytes());
            }
        }
        for place in batch.streams {
            all.insert(&stream_key(place.stream, place.number), &place.position.to_be_bytes());
        }
        all.insert(PROGRESS, batch.progress);
        Ok(self.tree.apply_batch(all)?)
    }

    fn last_at_or_before(&self, key: RowKey) -> Result<Option<Row>, StoreError> {
        let rows = row_key(RowKey::from_number(0))..=row_key(key);
        self.tree.range(rows).next_back().map(|found| row(found?)).transpose()
    }

    fn rows_from(&self, key: RowKey, limit: usize) -> Result<Vec<Row>, StoreError> {
        let rows = row_key(key)..=row_key(RowKey::from_number(u64::MAX));
        self.tree.range(rows).take(limit).map(|found| row(found?)).collect()
    }

    fn day(&self, day: u32) -> Result<Option<u64>, StoreError> {
        self.tree.get(day_key(day))?.map(|value| number(&value)).transpose()
    }

    fn stream_from(&self, stream: u64, number_from: u64, limit: usize) -> Result<Vec<StreamPlace>, StoreError> {
        let places = stream_key(stream, number_from)..=stream_key(stream, u64::MAX);
        let place = |(key, position): (sled::IVec, sled::IVec)| {
            Ok(StreamPlace { stream, number: number(key.get(9..).unwrap_or_default())?, position: number(&position)? })
        };
        self.tree.range(places).take(limit).map(|found| place(found?)).collect()
    }

    fn progress(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tree.get(PROGRESS)?.map(|value| value.to_vec()))
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.tree.flush()?;
        Ok(())
    }
}
