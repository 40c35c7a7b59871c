//! Reading the log back when a replica starts.
//!
//! Sequences of records go up by one through all segments, so a record that is missing anywhere but
//! at the very end shows. At the end the watermarks decide: every batch is synced before the next is
//! written and each record says up to where its log was synced by then. What a watermark vouches for
//! must be there; what comes after every watermark was in the last batch, which may have been torn by
//! a crash, or damaged later. The two cannot be told apart, so the log is then *in doubt*.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use mpss_runtime::Disk;
use openraft::Membership;

use super::memory::LogMemory;
use super::record::{self, ALIGNMENT, HEADER_BYTES, Kind, Record};
use super::segment;
use crate::codec;
use crate::replica::StartError;
use crate::stored::{DoubtMark, MembershipRow, SegmentStart};
use crate::types::{Payload, RaftEntry, RaftLogId, RaftPayload, log_id};

/// A segment that is on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentRow {
    pub(crate) epoch: u64,
    /// The largest index of an entry in it.
    pub(crate) last_entry: Option<u64>,
}

/// What was read back.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) memory: LogMemory,
    /// Oldest first.
    pub(crate) segments: Vec<SegmentRow>,
    /// Where the last segment goes on; `None` when a new one has to be begun.
    pub(crate) offset: Option<u64>,
    pub(crate) next_sequence: u64,
    /// The last batch was bad.
    pub(crate) torn: Option<DoubtMark>,
    pub(crate) spares: Vec<u64>,
}

/// How reading a segment ended.
struct Scan {
    records: Vec<Record>,
    /// Behind the last good record.
    offset: usize,
    /// A terminator, or the end of the file, follows.
    clean: bool,
}

/// Reads one segment's records up to the first that is not the next one.
fn scan(bytes: &Bytes, epoch: u64, mut expected: Option<u64>) -> Scan {
    let mut records = Vec::new();
    let mut offset = 0;
    while let Some((found, used)) = record::take(&bytes.slice(offset..)) {
        if found.header.epoch != epoch || expected.is_some_and(|sequence| sequence != found.header.sequence) {
            break;
        }
        expected = Some(found.header.sequence + 1);
        records.push(found);
        offset += used;
    }
    let rest = &bytes[offset..];
    let clean = rest.iter().take(HEADER_BYTES).all(|byte| *byte == 0);
    Scan { records, offset, clean }
}

/// Good records of this epoch anywhere behind `offset`.
fn later_records(bytes: &Bytes, epoch: u64, offset: usize, next_sequence: u64) -> Vec<Record> {
    let mut found = Vec::new();
    let mut at = offset.next_multiple_of(ALIGNMENT);
    while at + HEADER_BYTES <= bytes.len() {
        // Almost everything is ruled out by eight bytes, without a checksum.
        if record::claimed_epoch(&bytes[at..]) == Some(epoch)
            && let Some((good, used)) = record::take(&bytes.slice(at..))
            && good.header.sequence >= next_sequence
        {
            found.push(good);
            at += used;
        } else {
            at += ALIGNMENT;
        }
    }
    found
}

fn damaged(epoch: u64, offset: usize, what: impl Into<String>) -> StartError {
    StartError::Damaged { file: segment::segment_name(epoch), offset: offset as u64, what: what.into() }
}

/// Reads the log in `disk`.
///
/// # Errors
/// [`StartError::Damaged`] when a record that must be there is not.
pub(crate) async fn recover(disk: &Arc<dyn Disk>) -> Result<Recovered, StartError> {
    let names = disk.list().await.map_err(reading)?;
    let spares = names.iter().filter_map(|name| segment::spare_number(name)).collect();
    let mut epochs: Vec<u64> = names.iter().filter_map(|name| segment::segment_epoch(name)).collect();
    epochs.sort_unstable();
    let mut replay = Replay::default();
    let mut segments = Vec::with_capacity(epochs.len());
    let mut end = None;
    for (place, &epoch) in epochs.iter().enumerate() {
        let bytes = read_segment(disk, epoch).await?;
        let found = scan(&bytes, epoch, replay.next_sequence);
        let Some(first) = found.records.first().filter(|first| first.header.kind == Kind::Start) else {
            // The start is durable before the file has its name, and says where the log stood. Here
            // it is not the next record after what came before.
            let (gap_epoch, gap_offset) = end.unwrap_or((epoch, 0));
            return Err(match record::take(&bytes) {
                Some((start, _)) if start.header.epoch == epoch && place > 0 => damaged(
                    gap_epoch,
                    gap_offset,
                    format!("records up to {} must follow here", start.header.sequence.saturating_sub(1)),
                ),
                _ => damaged(epoch, 0, "the segment has no start"),
            });
        };
        if place == 0 {
            replay.begin(epoch, first)?;
        }
        let mut last_entry = None;
        let mut offset = 0;
        for found in &found.records {
            replay.apply(found).map_err(|what| damaged(epoch, offset, what))?;
            if matches!(found.header.kind, Kind::Blank | Kind::Commands | Kind::Membership) {
                last_entry = last_entry.max(Some(found.header.index));
            }
            offset += record::record_bytes(found.payload.len());
        }
        segments.push(SegmentRow { epoch, last_entry });
        end = Some((epoch, found.offset));
        if place + 1 == epochs.len() {
            return replay.finish(&bytes, epoch, &found, segments, spares);
        }
    }
    Ok(Recovered { memory: replay.memory, segments, offset: None, next_sequence: 1, torn: None, spares })
}

fn reading(source: io::Error) -> StartError {
    StartError::Io { what: "reading the log".to_owned(), source }
}

async fn read_segment(disk: &Arc<dyn Disk>, epoch: u64) -> Result<Bytes, StartError> {
    let file = disk.open(&segment::segment_name(epoch)).await.map_err(reading)?;
    let length = usize::try_from(file.len().await.map_err(reading)?).expect("a segment fits into memory");
    let mut bytes = vec![0; length];
    file.read_at(0, &mut bytes).await.map_err(reading)?;
    Ok(Bytes::from(bytes))
}

/// The log as the records tell it.
#[derive(Default)]
struct Replay {
    memory: LogMemory,
    next_sequence: Option<u64>,
    /// The highest watermark seen.
    durable: u64,
}

impl Replay {
    /// Takes over what the oldest segment says of the time before it.
    fn begin(&mut self, epoch: u64, start: &Record) -> Result<(), StartError> {
        let start: SegmentStart =
            codec::decode(&start.payload).map_err(|error| damaged(epoch, 0, format!("its start is {error}")))?;
        self.memory.purged = start.purged.map(Into::into);
        self.memory.committed = start.committed.map(Into::into);
        Ok(())
    }

    fn apply(&mut self, found: &Record) -> Result<(), String> {
        let header = &found.header;
        self.next_sequence = Some(header.sequence + 1);
        self.durable = self.durable.max(header.durable);
        let id = log_id(header.term, header.node, header.index);
        match header.kind {
            Kind::Start => Ok(()),
            Kind::Truncate => {
                self.memory.truncate_from(header.index);
                Ok(())
            }
            Kind::Purge => {
                self.memory.purge(id);
                Ok(())
            }
            Kind::Committed => {
                self.memory.committed = self.memory.committed.max(Some(id));
                Ok(())
            }
            Kind::Blank => self.push(id, RaftPayload::Blank),
            Kind::Commands => self.push(id, RaftPayload::Normal(Payload(found.payload.clone()))),
            Kind::Membership => self.push(id, RaftPayload::Membership(membership(&found.payload)?)),
        }
    }

    fn push(&mut self, id: RaftLogId, payload: RaftPayload) -> Result<(), String> {
        // In front of the first entry there may be a hole, of segments used again since; behind it
        // there may be none.
        let follows = self.memory.first_index().is_none()
            || self.memory.last_log_id().is_some_and(|last| last.index + 1 == id.index);
        if !follows {
            return Err(format!("entry {} does not follow the one before it", id.index));
        }
        self.memory.push(RaftEntry { log_id: id, payload });
        Ok(())
    }

    /// Judges how the last segment ends.
    fn finish(
        mut self,
        bytes: &Bytes,
        epoch: u64,
        end: &Scan,
        segments: Vec<SegmentRow>,
        spares: Vec<u64>,
    ) -> Result<Recovered, StartError> {
        let next_sequence = self.next_sequence.expect("a segment has a start record");
        let later = later_records(bytes, epoch, end.offset, next_sequence);
        let durable = later.iter().map(|found| found.header.durable).fold(self.durable, u64::max);
        #[cfg(feature = "mutants")]
        let durable = if crate::mutant::Mutant::TornTailTruncated.is_planted() { 0 } else { durable };
        if durable >= next_sequence {
            let what = format!("record {next_sequence} can not be read, and the log was synced up to {durable}");
            return Err(damaged(epoch, end.offset, what));
        }
        if let Some(purged) = self.memory.purged {
            self.memory.purge(purged);
        }
        let first_needed = self.memory.purged.map_or(0, |purged| purged.index + 1);
        if self.memory.first_index().is_some_and(|first| first != first_needed) {
            return Err(damaged(segments[0].epoch, 0, format!("entry {first_needed} is missing")));
        }
        // A committed mark may be newer than what a torn tail left.
        self.memory.committed = self.memory.committed.min(self.memory.last_log_id());
        let in_part = end.records.last().is_some_and(|last| last.header.left > 0);
        let torn = (!end.clean || in_part || !later.is_empty()).then(|| DoubtMark {
            segment: segment::segment_name(epoch),
            offset: end.offset as u64,
            last_log_id: self.memory.last_log_id().map(Into::into),
        });
        let offset = torn.is_none().then_some(end.offset as u64);
        Ok(Recovered { memory: self.memory, segments, offset, next_sequence, torn, spares })
    }
}

/// Reads the payload of a membership entry.
pub(crate) fn membership(payload: &[u8]) -> Result<Membership<u64, crate::Member>, String> {
    let row: MembershipRow = codec::decode(payload).map_err(|error| error.to_string())?;
    row.to_raft().ok_or_else(|| "a voter is no member".to_owned())
}

/// Reads the records of a segment of `epoch` from raw bytes, for fuzzing: no input may panic.
/// Returns how many records are good.
#[must_use]
pub fn fuzz_segment(bytes: &[u8], epoch: u64) -> usize {
    let bytes = Bytes::copy_from_slice(bytes);
    let found = scan(&bytes, epoch, None);
    let next = found.records.last().map_or(0, |last| last.header.sequence.saturating_add(1));
    let later = later_records(&bytes, epoch, found.offset, next);
    let mut replay = Replay::default();
    for record in found.records.iter().chain(&later) {
        if replay.apply(record).is_err() {
            break;
        }
    }
    found.records.len()
}
