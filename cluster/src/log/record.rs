//! Records: what a log segment is made of.
//!
//! ```text
//!  0 length u32 │ 4 crc32c u32 │ 8 epoch u64 │ 16 sequence u64 │ 24 durable u64
//! 32 index u64 │ 40 term u64 │ 48 node u64 │ 56 kind u8 + 3 zeros │ 60 left u32 │ 64 payload, zeros up to a multiple of 8
//! ```
//!
//! The checksum covers everything but itself. It covers the segment's epoch, so that a record left
//! over from an earlier use of the file is never taken for a new one, and the durable watermark: the
//! sequence of the last record that was known to be synced when this one was written. A record that
//! cannot be read although some watermark vouches for it is damage; one that nothing vouches for was
//! perhaps never written in full. *Left* says how many records of the same write follow, so that a
//! write that is there in part shows even when it ends between two records.

use bytes::Bytes;

/// Bytes before the payload.
pub(crate) const HEADER_BYTES: usize = 64;
/// What follows the last record of each write, so that the end is told apart from bytes left over
/// in a file used before.
pub(crate) const TERMINATOR: [u8; HEADER_BYTES] = [0; HEADER_BYTES];
/// Records start at multiples of this.
pub(crate) const ALIGNMENT: usize = 8;

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An entry without commands.
    Blank = 1,
    /// An entry of commands.
    Commands = 2,
    /// An entry that changes the group.
    Membership = 3,
    /// Entries from `index` on are withdrawn.
    Truncate = 4,
    /// Entries up to `index` are no longer needed.
    Purge = 5,
    /// Entries up to `index` are committed.
    Committed = 6,
    /// First record of a segment.
    Start = 7,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Blank,
            2 => Self::Commands,
            3 => Self::Membership,
            4 => Self::Truncate,
            5 => Self::Purge,
            6 => Self::Committed,
            7 => Self::Start,
            _ => return None,
        })
    }
}

/// A record without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    pub(crate) durable: u64,
    pub(crate) index: u64,
    pub(crate) term: u64,
    pub(crate) node: u64,
    pub(crate) kind: Kind,
    pub(crate) left: u32,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) header: Header,
    pub(crate) payload: Bytes,
}

/// Bytes a record with this payload takes.
pub(crate) const fn record_bytes(payload: usize) -> usize {
    (HEADER_BYTES + payload).next_multiple_of(ALIGNMENT)
}

/// Writes a record at the end of `buffer`.
pub(crate) fn put(buffer: &mut Vec<u8>, header: &Header, payload: &[u8]) {
    let start = buffer.len();
    let length = u32::try_from(payload.len()).expect("a payload is bounded by the size of an entry");
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&[0; 4]);
    for number in [header.epoch, header.sequence, header.durable, header.index, header.term, header.node] {
        buffer.extend_from_slice(&number.to_le_bytes());
    }
    buffer.extend_from_slice(&[header.kind as u8, 0, 0, 0]);
    buffer.extend_from_slice(&header.left.to_le_bytes());
    buffer.extend_from_slice(payload);
    buffer.resize(start + record_bytes(payload.len()), 0);
    let checksum = checksum(&buffer[start..]);
    buffer[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
}

fn checksum(record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..])
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// The epoch the bytes at a record's place claim, without checking anything.
pub(crate) fn claimed_epoch(bytes: &[u8]) -> Option<u64> {
    (bytes.len() >= HEADER_BYTES).then(|| number(bytes, 8))
}

/// Reads the record at the front of `bytes`; `None` when there is none that is whole and right.
/// Returns it with the number of bytes it takes.
pub(crate) fn take(bytes: &Bytes) -> Option<(Record, usize)> {
    if bytes.len() < HEADER_BYTES {
        return None;
    }
    let length = u32::from_le_bytes(bytes[..4].try_into().expect("four bytes")) as usize;
    let total = record_bytes(length);
    if total > bytes.len() {
        return None;
    }
    let stored = u32::from_le_bytes(bytes[4..8].try_into().expect("four bytes"));
    if stored != checksum(&bytes[..total]) {
        return None;
    }
    let header = Header {
        epoch: number(bytes, 8),
        sequence: number(bytes, 16),
        durable: number(bytes, 24),
        index: number(bytes, 32),
        term: number(bytes, 40),
        node: number(bytes, 48),
        kind: Kind::from_byte(bytes[56])?,
        left: u32::from_le_bytes(bytes[60..64].try_into().expect("four bytes")),
    };
    Some((Record { header, payload: bytes.slice(HEADER_BYTES..HEADER_BYTES + length) }, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(payload: &[u8]) -> (Header, Vec<u8>) {
        let header =
            Header { epoch: 3, sequence: 9, durable: 8, index: 5, term: 2, node: 1, kind: Kind::Commands, left: 6 };
        let mut bytes = Vec::new();
        put(&mut bytes, &header, payload);
        (header, bytes)
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for size in [0, 1, 7, 8, 9, 100] {
            let payload = vec![0xa5; size];
            let (header, bytes) = sample(&payload);
            let (record, used) = take(&Bytes::from(bytes.clone())).expect("whole");
            assert_eq!((record.header, used), (header, bytes.len()));
            assert_eq!(record.payload, payload);
            assert_eq!(bytes.len() % ALIGNMENT, 0);
        }
    }

    #[test]
    fn no_single_bit_can_change_unnoticed_and_no_cut_record_is_read() {
        let (_, bytes) = sample(b"thirteen byte");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(take(&Bytes::from(flipped)).is_none(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(take(&Bytes::copy_from_slice(&bytes[..cut])).is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn a_terminator_is_no_record() {
        assert!(take(&Bytes::from_static(&TERMINATOR)).is_none());
    }

    #[test]
    fn the_layout_is_frozen() {
        let (_, bytes) = sample(b"fen");
        assert_eq!(
            hex(&bytes),
            "03000000c54f1375030000000000000009000000000000000800000000000000\
             0500000000000000020000000000000001000000000000000200000006000000\
             66656e0000000000"
        );
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
