//! Disks that are slow, stand still, are full, fail to sync, or hold other bits than were written.

use mpss_runtime::memory::Crash;

use super::Hand;
use crate::country::{LOG, SNAPSHOTS, province_of};
use crate::scenario::{FaultKind, Strike};

impl Hand {
    pub(super) async fn strike_disk(&mut self, strike: &Strike) {
        let Some(name) = self.machine(&strike.target) else { return self.spared(strike) };
        match strike.kind {
            FaultKind::SlowDisk | FaultKind::StalledSync => {
                self.country.slow_disk(&name, (strike.strength / 2, strike.strength));
                let span = self.broken(strike, &name, format!("up to {} ms a sync", strike.strength));
                self.last(strike.lasts_ms).await;
                self.country.slow_disk(&name, (0, 0));
                self.mended(span);
            }
            FaultKind::FullDisk => self.fill(strike, &name).await,
            FaultKind::SyncError => {
                if !self.country.runs(&name) {
                    return self.spared(strike);
                }
                self.supervisor.expect_disk_trouble(&name);
                self.country.device(&name).fail_sync_after(strike.strength);
                let span = self.broken(strike, &name, format!("after {} more", strike.strength));
                self.mended(span);
            }
            _ => self.flip_a_bit(strike, &name).await,
        }
    }

    async fn fill(&mut self, strike: &Strike, name: &str) {
        let device = self.country.device(name);
        self.supervisor.expect_disk_trouble(name);
        device.set_capacity(Some(device.used() + strike.strength));
        let span = self.broken(strike, name, format!("{} bytes are left", strike.strength));
        self.last(strike.lasts_ms).await;
        device.set_capacity(None);
        self.mended(span);
    }

    /// A bit that was written is another one when it is read back. The replica must find it; when it
    /// refuses to start, another machine takes its place.
    async fn flip_a_bit(&mut self, strike: &Strike, name: &str) {
        let Some(province) = province_of(name) else { return };
        if !self.supervisor.may_lose(province, name) || !self.country.runs(name) {
            return self.spared(strike);
        }
        let Some(ended) = self.country.crash(name, Crash::Kept) else { return self.spared(strike) };
        let folder = if strike.kind == FaultKind::BitFlipLog { LOG } else { SNAPSHOTS };
        let device = self.country.device(name);
        let files: Vec<String> =
            device
                .names(folder)
                .into_iter()
                .filter(|file| {
                    if folder == LOG { mpss_cluster::inspect::is_segment(file) } else { file.starts_with("snapshot-") }
                })
                .collect();
        // The newest file is the one that counts.
        let Some(file) = files.last() else {
            self.spared(strike);
            return self.supervisor.start_again(name, ended.generation).await;
        };
        let at = device.edit(folder, file, |bytes| {
            let used = if folder == LOG { mpss_cluster::inspect::used_bytes(bytes) } else { bytes.len() };
            let bit = self.below((used as u64 * 8).max(1));
            let byte = usize::try_from(bit / 8).unwrap_or(0);
            if let Some(byte) = bytes.get_mut(byte) {
                *byte ^= 1 << (bit % 8);
            }
            bit
        });
        self.supervisor.expect_damage(name);
        let span = self.broken(strike, name, format!("bit {at} of {file}"));
        self.last(strike.lasts_ms).await;
        self.supervisor.start_again(name, ended.generation).await;
        self.mended(span);
    }
}
