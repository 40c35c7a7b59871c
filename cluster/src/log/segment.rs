//! Segments: files of one size, zeroed in advance and used again, so that a sync writes data and
//! never a new file length.

use std::io;
use std::sync::Arc;

use mpss_runtime::{Disk, DiskFile};

use super::record::{self, Header, Kind, TERMINATOR};
use crate::codec;
use crate::stored::SegmentStart;

const SEGMENT_PREFIX: &str = "segment-";
const SEGMENT_SUFFIX: &str = ".log";
const SPARE_PREFIX: &str = "spare-";
/// Bytes zeroed by one write.
const ZERO_BYTES: usize = 1 << 20;

pub(crate) fn segment_name(epoch: u64) -> String {
    format!("{SEGMENT_PREFIX}{epoch:016x}{SEGMENT_SUFFIX}")
}

/// The epoch a segment's name gives it; `None` for other files.
pub(crate) fn segment_epoch(name: &str) -> Option<u64> {
    let hex = name.strip_prefix(SEGMENT_PREFIX)?.strip_suffix(SEGMENT_SUFFIX)?;
    (hex.len() == 16).then(|| u64::from_str_radix(hex, 16).ok())?
}

pub(crate) fn spare_name(number: u64) -> String {
    format!("{SPARE_PREFIX}{number:016x}")
}

pub(crate) fn spare_number(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_prefix(SPARE_PREFIX)?, 16).ok()
}

/// A segment that is being written.
pub(crate) struct Active {
    pub(crate) epoch: u64,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Where the next record goes.
    pub(crate) offset: u64,
    /// Bytes of the file that are there already.
    pub(crate) size: u64,
}

/// Makes a file of zeros of `bytes` bytes, durable when this returns. Its name is not yet.
pub(crate) async fn zero(disk: &Arc<dyn Disk>, name: &str, bytes: u64) -> io::Result<()> {
    let file = disk.open(name).await?;
    let zeros = vec![0_u8; ZERO_BYTES];
    let mut offset = 0;
    while offset < bytes {
        let step = (bytes - offset).min(ZERO_BYTES as u64);
        file.write_at(offset, &zeros[..usize::try_from(step).expect("at most ZERO_BYTES")]).await?;
        offset += step;
    }
    file.sync().await
}

/// Turns the spare file `spare` into the segment of `epoch`, beginning with a start record of
/// `sequence`. The start is durable before the file gets its name, so a segment without one is
/// damaged.
pub(crate) async fn activate(
    disk: &Arc<dyn Disk>,
    spare: &str,
    epoch: u64,
    sequence: u64,
    durable: u64,
    start: &SegmentStart,
) -> io::Result<Active> {
    let file = disk.open(spare).await?;
    let mut bytes = Vec::new();
    let header = Header { epoch, sequence, durable, index: 0, term: 0, node: 0, kind: Kind::Start, left: 0 };
    record::put(&mut bytes, &header, &codec::encode(start));
    let offset = bytes.len() as u64;
    bytes.extend_from_slice(&TERMINATOR);
    file.write_at(0, &bytes).await?;
    file.sync().await?;
    disk.rename(spare, &segment_name(epoch)).await?;
    disk.sync_dir().await?;
    let size = file.len().await?;
    Ok(Active { epoch, file, offset, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_their_epochs_do() {
        assert_eq!(segment_epoch(&segment_name(0xab_cdef)), Some(0xab_cdef));
        assert!(segment_name(9) < segment_name(10) && segment_name(255) < segment_name(256));
        for other in ["segment-1.log", "segment-000000000000000g.log", "spare-1", "vote", "segment-0000000000000001"] {
            assert_eq!(segment_epoch(other), None, "{other}");
        }
        assert_eq!(spare_number(&spare_name(7)), Some(7));
    }
}
