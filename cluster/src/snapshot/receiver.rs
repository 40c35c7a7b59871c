//! A snapshot on its way from the leader: chunks in order into a file beside.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mpss_runtime::DiskFile;
use tokio::sync::Mutex;

use super::file::{self, SnapshotFile};
use super::head;
use super::store::{RECEIVING, SnapshotStore};
use crate::stored::VoteRow;

/// Where a chunk belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkPlace {
    /// The leader that sends.
    pub(crate) vote: VoteRow,
    /// Tells one sending from the next.
    pub(crate) transfer: u64,
    pub(crate) offset: u64,
    pub(crate) file_bytes: u64,
}

/// What became of a chunk.
#[expect(clippy::large_enum_variant, reason = "one is made for each chunk of a megabyte and taken apart at once")]
pub(crate) enum Taken {
    /// More please.
    Continue,
    /// Begin again from the start.
    Restart,
    /// That was the last; every byte is checked.
    Whole(SnapshotFile),
}

struct Transfer {
    name: String,
    vote: VoteRow,
    transfer: u64,
    file: Arc<dyn DiskFile>,
    received: u64,
}

/// Takes chunks.
pub(crate) struct Receiver {
    store: Arc<SnapshotStore>,
    current: Mutex<Option<Transfer>>,
    received: AtomicU64,
}

impl Receiver {
    pub(crate) fn new(store: Arc<SnapshotStore>) -> Self {
        Self { store, current: Mutex::new(None), received: AtomicU64::new(0) }
    }

    /// Takes one chunk. Must run where blocking is allowed.
    pub(crate) async fn take(&self, place: ChunkPlace, bytes: &[u8]) -> io::Result<Taken> {
        let mut current = self.current.lock().await;
        if place.offset == 0 {
            if let Some(before) = current.take() {
                self.store.disk.remove(&before.name).await?;
            }
            // A name of its own: the file before may be being installed still.
            let name = format!("{RECEIVING}{}", self.received.fetch_add(1, Ordering::Relaxed));
            let file = self.store.disk.open(&name).await?;
            *current = Some(Transfer { name, vote: place.vote, transfer: place.transfer, file, received: 0 });
        }
        let Some(transfer) = current.as_mut().filter(|transfer| {
            transfer.vote == place.vote && transfer.transfer == place.transfer && transfer.received == place.offset
        }) else {
            return Ok(Taken::Restart);
        };
        transfer.file.write_at(place.offset, bytes).await?;
        transfer.received += bytes.len() as u64;
        if transfer.received < place.file_bytes {
            return Ok(Taken::Continue);
        }
        transfer.file.sync().await?;
        let name = current.take().expect("it is the current one").name;
        // A file that arrived damaged is asked for again; it never gets near the state.
        let checked = async {
            let snapshot = file::open(&self.store.disk, &name, self.store.executes).await?;
            file::verify(&self.store.disk, &snapshot).await?;
            Ok::<_, io::Error>(snapshot)
        };
        match checked.await {
            Ok(snapshot) => Ok(Taken::Whole(snapshot)),
            // Asking again would not make it another.
            Err(error) if head::is_other_version(&error) => Err(error),
            Err(error) => {
                tracing::warn!(%error, "a snapshot arrived damaged");
                self.store.disk.remove(&name).await?;
                Ok(Taken::Restart)
            }
        }
    }
}
