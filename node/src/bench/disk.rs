//! The disk's own speed in the same run: how often a second one small write can be made durable.
//! Everything else is read beside it.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::latency::{Latency, new_histogram, per_second};
use super::proposer::{micros, millis};
use crate::command_line::Failure;

/// One write, in bytes.
const WRITE_BYTES: usize = 4_096;
/// The file, written once before it is measured, so that no write makes it grow.
const FILE_BYTES: usize = 16 << 20;

/// Durable writes one after the other: 4 KiB `pwrite` and `fdatasync`.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct DurableWrites {
    pub(super) per_second: u64,
    #[serde(flatten)]
    pub(super) latency: Latency,
}

/// Measures for `time` in `folder`.
pub(super) fn measure(folder: &Path, time: Duration) -> Result<DurableWrites, Failure> {
    let path = folder.join("fdatasync.probe");
    let failed = |error: std::io::Error| Failure::start(format!("{}: {error}", path.display()));
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(&path).map_err(failed)?;
    file.write_all(&vec![0; FILE_BYTES]).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let mut histogram = new_histogram();
    let (mut count, mut at, mut bytes) = (0_u64, 0_usize, vec![0_u8; WRITE_BYTES]);
    let begun = Instant::now();
    while begun.elapsed() < time {
        bytes[0] = bytes[0].wrapping_add(1);
        let before = Instant::now();
        file.write_all_at(&bytes, at as u64).map_err(failed)?;
        file.sync_data().map_err(failed)?;
        histogram.saturating_record(micros(before.elapsed()));
        count += 1;
        at = (at + WRITE_BYTES) % FILE_BYTES;
    }
    let per_second = per_second(count, millis(begun.elapsed()));
    // The probe is no data of anyone's.
    let _ = std::fs::remove_file(&path);
    Ok(DurableWrites { per_second, latency: Latency::of(&histogram) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let writes = measure(folder.path(), Duration::from_millis(50)).expect("a disk that works");
        assert!(writes.per_second > 0 && writes.latency.p50_us > 0);
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
    }
}
