//! Which group this is and which disk each replica lives on. A replica's number and disk belong
//! together for ever: one that comes back with an empty disk has forgotten what it promised and must
//! not vote again under its old number.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mpss_domain::ProvinceId;
use mpss_runtime::Disk;
use parking_lot::RwLock;
use tokio::sync::mpsc;

use crate::Member;
use crate::codec;
use crate::replica::StartError;
use crate::sealed_file;
use crate::stored::KnownDisks;

const FILE: &str = "disks";
/// Replicas remembered at most; a group has a handful in its whole life.
const DISKS_MAX: usize = 1_024;

/// The disks met so far.
pub(crate) struct Disks {
    group: AtomicU64,
    known: RwLock<BTreeMap<u64, u64>>,
    /// Asks for the file to be written again.
    changed: mpsc::Sender<()>,
}

/// The group these replicas found: the same for all of them, another for other founders, so that a
/// stray from an earlier group at the same address is told apart.
pub(crate) fn founded_by(province: ProvinceId, founders: &BTreeMap<u64, Member>) -> u64 {
    if founders.is_empty() {
        return 0;
    }
    let bytes = codec::encode(&(province, founders));
    xxhash_rust::xxh3::xxh3_64(&bytes).max(1)
}

impl Disks {
    pub(crate) async fn open(disk: &Arc<dyn Disk>, founded: u64) -> Result<(Self, mpsc::Receiver<()>), StartError> {
        let stored: Option<KnownDisks> = sealed_file::read(disk, FILE).await?;
        let known = match stored {
            Some(known) => known,
            None => {
                // What the founders were at the first start counts, whatever is configured later.
                let first = KnownDisks { group: founded, disks: BTreeMap::new() };
                sealed_file::write(disk, FILE, &first)
                    .await
                    .map_err(|source| StartError::Io { what: "noting the group".to_owned(), source })?;
                first
            }
        };
        let (changed, changes) = mpsc::channel(1);
        Ok((Self { group: AtomicU64::new(known.group), known: RwLock::new(known.disks), changed }, changes))
    }

    /// The group; 0 when not known yet.
    pub(crate) fn group(&self) -> u64 {
        self.group.load(Ordering::Acquire)
    }

    /// True when `group` is this one, or one of the two is not known yet. One that did not know its
    /// group joins it here.
    pub(crate) fn is_ours(&self, group: u64) -> bool {
        let ours = self.group();
        if ours == 0 && group != 0 {
            self.group.store(group, Ordering::Release);
            let _ = self.changed.try_send(());
        }
        ours == 0 || group == 0 || ours == group
    }

    /// The disk of `node`; 0 when it was never met.
    pub(crate) fn of(&self, node: u64) -> u64 {
        self.known.read().get(&node).copied().unwrap_or(0)
    }

    /// Meets `node` on `disk`; false when it was met on another before.
    pub(crate) fn meet(&self, node: u64, disk: u64) -> bool {
        let known = self.known.read().get(&node).copied();
        match known {
            Some(known) => known == disk,
            None if disk == 0 => false,
            None => {
                let mut all = self.known.write();
                if all.len() < DISKS_MAX {
                    all.insert(node, disk);
                    // A write that is asked for already will see this one too.
                    let _ = self.changed.try_send(());
                }
                true
            }
        }
    }

    /// Writes the file whenever someone new was met.
    pub(crate) async fn keep(self: Arc<Self>, disk: Arc<dyn Disk>, mut changes: mpsc::Receiver<()>) {
        while changes.recv().await.is_some() {
            let known = KnownDisks { group: self.group(), disks: self.known.read().clone() };
            if let Err(error) = sealed_file::write(&disk, FILE, &known).await {
                // Known again at the next meeting; only a wiped replica could profit until then.
                tracing::warn!(%error, "the disks of other replicas could not be noted");
            }
        }
    }
}
