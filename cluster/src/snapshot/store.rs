//! The snapshots of one replica: one that counts, perhaps one being written.

use std::io;
use std::sync::Arc;

use mpss_domain::{ProvinceId, State};
use mpss_runtime::Disk;
use parking_lot::Mutex;

use super::file::{self, SnapshotFile};
use super::head;
use crate::replica::StartError;
use crate::stored::{LogIdRow, SnapshotHead};
use crate::versions::Executes;

const PREFIX: &str = "snapshot-";
/// A snapshot that is being built from this replica's state.
const BUILDING: &str = "building";
/// A snapshot that is coming from the leader.
pub(crate) const RECEIVING: &str = "receiving-";

/// The folder of snapshots.
pub(crate) struct SnapshotStore {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) executes: Executes,
    current: Mutex<Option<SnapshotFile>>,
    /// One file is written and published at a time.
    writing: tokio::sync::Mutex<()>,
}

fn name(last: Option<LogIdRow>) -> String {
    let last = last.unwrap_or(LogIdRow { term: 0, node: 0, index: 0 });
    format!("{PREFIX}{:016x}-{:016x}-{:016x}", last.index, last.term, last.node)
}

/// The last entry in the snapshot of this name; `None` when it is no snapshot's name.
pub(crate) fn place_of(name: &str) -> Option<LogIdRow> {
    let mut numbers = name.strip_prefix(PREFIX)?.split('-').map(|hex| u64::from_str_radix(hex, 16).ok());
    let (index, term, node) = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(LogIdRow { term, node, index })
}

impl SnapshotStore {
    /// Opens the folder, removes what was left unfinished, and loads the newest snapshot.
    ///
    /// # Errors
    /// [`StartError::Damaged`] when the newest snapshot can not be read: the log before it is gone.
    /// [`StartError::Foreign`] when it is of another province, or of a version not executed here.
    pub(crate) async fn open(
        disk: Arc<dyn Disk>,
        province: ProvinceId,
        executes: Executes,
    ) -> Result<(Self, Option<State>), StartError> {
        let io = |source| StartError::Io { what: "opening the snapshots".to_owned(), source };
        let mut names = disk.list().await.map_err(io)?;
        for leftover in names.iter().filter(|name| !name.starts_with(PREFIX)) {
            disk.remove(leftover).await.map_err(io)?;
        }
        names.retain(|name| name.starts_with(PREFIX));
        let Some(newest) = names.pop() else {
            return Ok((
                Self { disk, executes, current: Mutex::new(None), writing: tokio::sync::Mutex::new(()) },
                None,
            ));
        };
        let damaged = |error: io::Error| {
            if head::is_other_version(&error) {
                return StartError::Foreign(format!("{newest} can not be used: {error}"));
            }
            StartError::Damaged { file: newest.clone(), offset: 0, what: error.to_string() }
        };
        let snapshot = file::open(&disk, &newest, executes).await.map_err(damaged)?;
        if snapshot.head.province != province {
            return Err(StartError::Foreign(format!("{newest} is of another province")));
        }
        let state = file::load(&disk, &snapshot).await.map_err(damaged)?;
        // Older ones stay until here: they are what an operator would look at after damage.
        for older in names {
            disk.remove(&older).await.map_err(io)?;
        }
        disk.sync_dir().await.map_err(io)?;
        let store = Self { disk, executes, current: Mutex::new(Some(snapshot)), writing: tokio::sync::Mutex::new(()) };
        Ok((store, Some(state)))
    }

    /// The snapshot that counts.
    pub(crate) fn current(&self) -> Option<SnapshotFile> {
        self.current.lock().clone()
    }

    /// Writes `state` as a snapshot and makes it the one that counts, unless a newer one is there.
    pub(crate) async fn build(&self, state: &State, head: SnapshotHead) -> io::Result<SnapshotFile> {
        let _writing = self.writing.lock().await;
        let built = file::write(&self.disk, BUILDING, state, head).await?;
        self.publish(built).await
    }

    /// Makes a received snapshot the one that counts, unless a newer one is there.
    pub(crate) async fn accept(&self, received: SnapshotFile) -> io::Result<SnapshotFile> {
        let _writing = self.writing.lock().await;
        // What was received is in this folder; what was made by another store is copied.
        let beside = if Arc::ptr_eq(&received.disk, &self.disk) {
            received
        } else {
            file::copy(&self.disk, RECEIVING, &received, self.executes).await?
        };
        self.publish(beside).await
    }

    async fn publish(&self, beside: SnapshotFile) -> io::Result<SnapshotFile> {
        let before = self.current();
        if let Some(before) = &before {
            if before.name == beside.name {
                return Ok(beside);
            }
            // Never replace newer by older: the log between them may be gone.
            if before.head.last_log_id.map(|id| id.index) > beside.head.last_log_id.map(|id| id.index) {
                self.disk.remove(&beside.name).await?;
                return Ok(before.clone());
            }
        }
        let target = name(beside.head.last_log_id);
        self.disk.rename(&beside.name, &target).await?;
        self.disk.sync_dir().await?;
        let published = SnapshotFile { name: target.clone(), ..beside };
        *self.current.lock() = Some(published.clone());
        if let Some(before) = before
            && before.name != target
        {
            self.disk.remove(&before.name).await?;
            self.disk.sync_dir().await?;
        }
        Ok(published)
    }
}
