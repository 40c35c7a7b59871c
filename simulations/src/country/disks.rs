//! What is durable on each machine, followed write by write: what its promises are held against.

use std::collections::BTreeMap;
use std::sync::Arc;

use mpss_cluster::inspect::{DurableLog, Place, is_segment, snapshot_place};
use mpss_runtime::memory::Device;
use parking_lot::Mutex;

/// The folder of a replica's log, and of its snapshots.
pub(crate) const LOG: &str = "log";
pub(crate) const SNAPSHOTS: &str = "snapshots";
const VOTE: &str = "vote";
/// The vote is kept twice, this far apart.
const VOTE_COPY_BYTES: usize = 4_096;

/// One machine's disk as it is known.
#[derive(Default)]
struct Known {
    device: Device,
    durable: DurableLog,
}

/// The disks of all machines. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Disks {
    known: Arc<Mutex<BTreeMap<String, Known>>>,
}

impl Disks {
    /// A machine has this disk from now on, or starts again on it: what is on it is read anew.
    pub(crate) fn read(&self, machine: &str, device: &Device) {
        let mut durable = DurableLog::default();
        for name in device.names(LOG) {
            device.edit(LOG, &name, |bytes| {
                if is_segment(&name) {
                    durable.written(&name, bytes);
                } else if name == VOTE {
                    for copy in bytes.chunks(VOTE_COPY_BYTES) {
                        durable.written(&name, copy);
                    }
                }
            });
        }
        self.known.lock().insert(machine.to_owned(), Known { device: device.clone(), durable });
    }

    /// Bytes of a file became durable; gives the log entries among them.
    pub(crate) fn written(&self, machine: &str, folder: &str, name: &str, bytes: &[u8]) -> Vec<(Place, u64)> {
        if folder != LOG {
            return Vec::new();
        }
        let mut known = self.known.lock();
        known.entry(machine.to_owned()).or_default().durable.written(name, bytes)
    }

    /// What is durable on a machine, and the last entry of its newest snapshot.
    pub(crate) fn look(&self, machine: &str, look: impl FnOnce(&DurableLog, Option<Place>)) {
        let known = self.known.lock();
        if let Some(known) = known.get(machine) {
            let snapshots = known.device.durable_names(SNAPSHOTS);
            let newest = snapshots.iter().filter_map(|name| snapshot_place(name)).max();
            look(&known.durable, newest);
        }
    }
}
