//! What goes between replicas, in structures of our own.
//!
//! ```text
//! request  version u8 │ kind u8 │ province u8 │ group u64 │ from u64 │ disk u64 │ to u64 │ disk u64 │ body
//! answer   version u8 │ status u8 │ disk u64 │ body
//! ```

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use mpss_domain::{ProvinceId, Reply, VersionRange};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError, FORMAT_VERSION};
use crate::stored::{LogIdRow, MembershipRow, VoteRow};
use crate::types::{Payload, RaftEntry, RaftPayload};

pub(crate) const REQUEST_HEADER_BYTES: usize = 43;
pub(crate) const ANSWER_HEADER_BYTES: usize = 10;
/// Entries in one message at most.
pub(crate) const APPEND_ENTRIES_MAX: usize = 4_096;
/// Commands in one message at most.
pub(crate) const PROPOSE_COMMANDS_MAX: usize = mpss_domain::BATCH_COMMANDS_MAX;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Append = 1,
    Vote = 2,
    PreVote = 3,
    SnapshotChunk = 4,
    TransferLeader = 5,
    Propose = 6,
    ReadIndex = 7,
    HistoryPart = 8,
    Doubt = 9,
    LogEnd = 10,
    Versions = 11,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Append,
        Self::Vote,
        Self::PreVote,
        Self::SnapshotChunk,
        Self::TransferLeader,
        Self::Propose,
        Self::ReadIndex,
        Self::HistoryPart,
        Self::Doubt,
        Self::LogEnd,
        Self::Versions,
    ];
}

/// Who asks whom. A group or disk of 0 is one not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) kind: Kind,
    pub(crate) province: ProvinceId,
    pub(crate) group: u64,
    pub(crate) from: u64,
    pub(crate) from_disk: u64,
    pub(crate) to: u64,
    pub(crate) to_disk: u64,
}

/// Why a request is not served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum Refusal {
    /// It can not be understood.
    #[error("the request can not be understood: {0}")]
    Malformed(String),
    /// It was meant for another replica or province.
    #[error("this is replica {node} of province {province}")]
    WrongTarget { node: u64, province: u8 },
    /// It came from a group with other founders.
    #[error("replica {node} belongs to a group with other founders")]
    OtherGroup { node: u64 },
    /// The asking replica was met with another disk before.
    #[error("replica {node} was known with another disk")]
    UnknownDisk { node: u64 },
    /// The asked replica lives on another disk than it did.
    #[error("replica {node} lives on another disk now")]
    OtherDisk { node: u64 },
    /// The log has to be confirmed first.
    #[error("the end of this replica's log is in doubt")]
    InDoubt,
    /// The replica has stopped.
    #[error("this replica has stopped")]
    Stopped,
    /// A snapshot takes the place of the log.
    #[error("this replica is installing a snapshot")]
    Installing,
}

/// The head of an append; payloads follow it one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AppendHead {
    pub(crate) vote: VoteRow,
    pub(crate) previous: Option<LogIdRow>,
    pub(crate) committed: Option<LogIdRow>,
    pub(crate) entries: Vec<EntryHead>,
}

/// One entry of an append, without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryHead {
    pub(crate) id: LogIdRow,
    pub(crate) kind: EntryKind,
    pub(crate) bytes: u32,
}

/// What an entry carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EntryKind {
    Blank,
    Commands,
    Membership,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AppendAnswer {
    Success,
    Partial(Option<LogIdRow>),
    Conflict,
    HigherVote(VoteRow),
}

/// A vote or pre-vote that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VoteAsked {
    pub(crate) vote: VoteRow,
    pub(crate) last: Option<LogIdRow>,
    pub(crate) transfer: bool,
}

/// The answer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VoteAnswer {
    pub(crate) vote: VoteRow,
    pub(crate) granted: bool,
    pub(crate) last: Option<LogIdRow>,
}

/// The head of a chunk of a snapshot file; its bytes follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChunkHead {
    pub(crate) vote: VoteRow,
    pub(crate) transfer: u64,
    pub(crate) offset: u64,
    pub(crate) file_bytes: u64,
    pub(crate) crc32c: u32,
}

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ChunkAnswer {
    Continue,
    Restart,
    Installed(VoteRow),
    HigherVote(VoteRow),
}

/// Leadership is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TransferAsked {
    pub(crate) from: VoteRow,
    pub(crate) to: u64,
    pub(crate) last: Option<LogIdRow>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TransferAnswer {
    Accepted,
    VoteChanged(VoteRow),
    NotFlushed(Option<LogIdRow>),
}

/// What became of forwarded commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ProposeAnswer {
    /// Nothing happened: not the leader.
    NotLeader,
    /// One for each command, in order.
    Results(Vec<Result<Reply, ProposeRefusal>>),
}

/// Why one forwarded command has no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ProposeRefusal {
    /// Nothing happened: too much waits; milliseconds until it is worth trying again.
    Busy(u32),
    /// Nothing happened: no leader.
    Unavailable,
    /// Nothing happened: can not be read there.
    Malformed,
    /// It may have happened.
    Unknown,
}

/// A position to wait for before a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ReadIndexAnswer {
    Index(u64),
    NotLeader,
}

/// Journal rows that are asked for: after the first, up to and with the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HistoryAsked {
    pub(crate) after: u64,
    pub(crate) upto: u64,
}

/// The part of them that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HistoryAnswer {
    pub(crate) after: u64,
    pub(crate) upto: u64,
    pub(crate) rows: Vec<(u64, Vec<u8>)>,
}

/// A replica in doubt makes itself known to the leader, or says that it no longer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DoubtAsked {
    /// My log may have lost acknowledged entries.
    Begin,
    /// My log is whole again.
    End,
}

/// What the leader says to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DoubtAnswer {
    /// I lead by this vote, and my log ends here.
    Leads {
        vote: VoteRow,
        last: Option<LogIdRow>,
    },
    NotLeader,
}

/// Where a replica's log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogEndAnswer {
    pub(crate) last: Option<LogIdRow>,
}

/// The leader tells what each replica executes, as far as it knows, and asks for one more. A program
/// that does not know the question answers [`Refusal::Malformed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionsAsked {
    pub(crate) known: BTreeMap<u64, VersionRange>,
}

/// What the asked replica executes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionsAnswer {
    pub(crate) executes: VersionRange,
}

/// A request that waits for its body.
pub(crate) fn begin_request(envelope: &Envelope, body_bytes: usize) -> BytesMut {
    let mut bytes = BytesMut::with_capacity(REQUEST_HEADER_BYTES + body_bytes);
    bytes.put_u8(FORMAT_VERSION);
    bytes.put_u8(envelope.kind as u8);
    bytes.put_u8(envelope.province.code());
    bytes.put_u64_le(envelope.group);
    bytes.put_u64_le(envelope.from);
    bytes.put_u64_le(envelope.from_disk);
    bytes.put_u64_le(envelope.to);
    bytes.put_u64_le(envelope.to_disk);
    bytes
}

/// Reads who asks whom what, and leaves the body.
pub(crate) fn take_envelope(bytes: &mut Bytes) -> Result<Envelope, CodecError> {
    if bytes.len() < REQUEST_HEADER_BYTES {
        return Err(CodecError::Malformed("cut off".to_owned()));
    }
    let version = bytes.get_u8();
    if version != FORMAT_VERSION {
        return Err(CodecError::Version { found: version });
    }
    let kind = bytes.get_u8();
    let province = bytes.get_u8();
    Ok(Envelope {
        kind: Kind::ALL
            .into_iter()
            .find(|known| *known as u8 == kind)
            .ok_or_else(|| CodecError::Malformed(format!("{kind} is no kind of request")))?,
        province: ProvinceId::new(province)
            .ok_or_else(|| CodecError::Malformed(format!("{province} is no province")))?,
        group: bytes.get_u64_le(),
        from: bytes.get_u64_le(),
        from_disk: bytes.get_u64_le(),
        to: bytes.get_u64_le(),
        to_disk: bytes.get_u64_le(),
    })
}

/// An answer from `disk`: a value, or why there is none.
pub(crate) fn answer<T: Serialize>(disk: u64, result: Result<&T, &Refusal>) -> Bytes {
    let mut bytes = Vec::with_capacity(64);
    bytes.push(FORMAT_VERSION);
    bytes.push(u8::from(result.is_err()));
    bytes.extend_from_slice(&disk.to_le_bytes());
    match result {
        Ok(value) => codec::encode_onto(value, &mut bytes),
        Err(refusal) => codec::encode_onto(refusal, &mut bytes),
    }
    Bytes::from(bytes)
}

/// Reads an answer and the disk it came from.
pub(crate) fn take_answer<T: DeserializeOwned>(bytes: &[u8]) -> Result<(u64, Result<T, Refusal>), CodecError> {
    if bytes.len() < ANSWER_HEADER_BYTES {
        return Err(CodecError::Malformed("cut off".to_owned()));
    }
    if bytes[0] != FORMAT_VERSION {
        return Err(CodecError::Version { found: bytes[0] });
    }
    let disk = u64::from_le_bytes(bytes[2..10].try_into().expect("eight bytes"));
    let body = &bytes[ANSWER_HEADER_BYTES..];
    let result = match bytes[1] {
        0 => Ok(codec::decode_body(body)?),
        1 => Err(codec::decode_body(body)?),
        other => return Err(CodecError::Malformed(format!("{other} is no status"))),
    };
    Ok((disk, result))
}

/// Encodes an append behind its envelope.
pub(crate) fn encode_append(
    envelope: &Envelope,
    vote: VoteRow,
    previous: Option<LogIdRow>,
    committed: Option<LogIdRow>,
    entries: &[RaftEntry],
) -> Bytes {
    let mut heads = Vec::with_capacity(entries.len());
    let mut memberships = Vec::new();
    let mut bytes = 64 + entries.len() * 16;
    for entry in entries {
        let (kind, length) = match &entry.payload {
            RaftPayload::Blank => (EntryKind::Blank, 0),
            RaftPayload::Normal(payload) => (EntryKind::Commands, payload.0.len()),
            RaftPayload::Membership(membership) => {
                let encoded = codec::encode(&MembershipRow::from(membership));
                let length = encoded.len();
                memberships.push(encoded);
                (EntryKind::Membership, length)
            }
        };
        bytes += length;
        let length = u32::try_from(length).expect("an entry is bounded by the size of a batch");
        heads.push(EntryHead { id: entry.log_id.into(), kind, bytes: length });
    }
    let mut request = begin_request(envelope, bytes);
    let mut head = Vec::with_capacity(64 + heads.len() * 16);
    codec::encode_onto(&AppendHead { vote, previous, committed, entries: heads }, &mut head);
    request.put_slice(&head);
    let mut memberships = memberships.iter();
    for entry in entries {
        match &entry.payload {
            RaftPayload::Blank => {}
            RaftPayload::Normal(payload) => request.put_slice(&payload.0),
            RaftPayload::Membership(_) => {
                request.put_slice(memberships.next().expect("one was encoded for each membership"));
            }
        }
    }
    request.freeze()
}

/// Reads an append. Payloads stay where they are in `body`.
pub(crate) fn decode_append(mut body: Bytes) -> Result<(AppendHead, Vec<RaftEntry>), CodecError> {
    let malformed = |what: &str| CodecError::Malformed(what.to_owned());
    let (head, used) = codec::decode_part::<AppendHead>(&body)?;
    body.advance(used);
    if head.entries.len() > APPEND_ENTRIES_MAX {
        return Err(malformed("too many entries"));
    }
    let mut entries = Vec::with_capacity(head.entries.len());
    let mut previous = head.previous.map(|id| id.index);
    for entry in &head.entries {
        // openraft takes it for granted that entries follow each other.
        if entry.id.index != previous.map_or(0, |index| index.saturating_add(1)) || previous == Some(u64::MAX) {
            return Err(malformed("entries do not follow each other"));
        }
        previous = Some(entry.id.index);
        let length = entry.bytes as usize;
        if length > body.len() {
            return Err(malformed("cut off in an entry"));
        }
        let payload = body.split_to(length);
        let payload = match entry.kind {
            EntryKind::Blank => RaftPayload::Blank,
            EntryKind::Commands => RaftPayload::Normal(Payload(payload)),
            EntryKind::Membership => {
                RaftPayload::Membership(crate::log::recovery::membership(&payload).map_err(CodecError::Malformed)?)
            }
        };
        entries.push(RaftEntry { log_id: entry.id.into(), payload });
    }
    if !body.is_empty() {
        return Err(malformed("something is behind the entries"));
    }
    Ok((head, entries))
}

/// Encodes commands that are forwarded, with the time their caller still waits.
pub(crate) fn encode_propose(envelope: &Envelope, deadline_ms: u32, commands: &[impl AsRef<[u8]>]) -> Bytes {
    let bytes: usize = commands.iter().map(|command| command.as_ref().len() + 4).sum();
    let mut request = begin_request(envelope, bytes + 8);
    request.put_u32_le(deadline_ms);
    request.put_u32_le(u32::try_from(commands.len()).expect("bounded by the size of a batch"));
    for command in commands {
        let command = command.as_ref();
        request.put_u32_le(u32::try_from(command.len()).expect("bounded by the size of a command"));
        request.put_slice(command);
    }
    request.freeze()
}

/// Reads forwarded commands; each stays encoded.
pub(crate) fn decode_propose(mut body: Bytes) -> Result<(u32, Vec<Bytes>), CodecError> {
    let malformed = |what: &str| CodecError::Malformed(what.to_owned());
    if body.len() < 8 {
        return Err(malformed("cut off"));
    }
    let deadline_ms = body.get_u32_le();
    let count = body.get_u32_le() as usize;
    if count > PROPOSE_COMMANDS_MAX {
        return Err(malformed("too many commands"));
    }
    let mut commands = Vec::with_capacity(count);
    for _ in 0..count {
        if body.len() < 4 {
            return Err(malformed("cut off"));
        }
        let length = body.get_u32_le() as usize;
        if length > body.len() {
            return Err(malformed("cut off in a command"));
        }
        commands.push(body.split_to(length));
    }
    if !body.is_empty() {
        return Err(malformed("something is behind the commands"));
    }
    Ok((deadline_ms, commands))
}

/// Reads a chunk of a snapshot; its bytes are checked against their checksum.
pub(crate) fn decode_chunk(mut body: Bytes) -> Result<(ChunkHead, Bytes), CodecError> {
    let (head, used) = codec::decode_part::<ChunkHead>(&body)?;
    body.advance(used);
    if crc32c::crc32c(&body) != head.crc32c {
        return Err(CodecError::Malformed("the checksum of the chunk does not match".to_owned()));
    }
    if head.offset.checked_add(body.len() as u64).is_none_or(|end| end > head.file_bytes) {
        return Err(CodecError::Malformed("the chunk is past the end of its file".to_owned()));
    }
    Ok((head, body))
}

/// Reads a request of any kind from raw bytes, for fuzzing: no input may panic. True when it is
/// well formed.
#[must_use]
pub fn fuzz_request(bytes: &[u8]) -> bool {
    let mut bytes = Bytes::copy_from_slice(bytes);
    let Ok(envelope) = take_envelope(&mut bytes) else { return false };
    match envelope.kind {
        Kind::Append => decode_append(bytes).is_ok(),
        Kind::Vote | Kind::PreVote => codec::decode_body::<VoteAsked>(&bytes).is_ok(),
        Kind::SnapshotChunk => decode_chunk(bytes).is_ok(),
        Kind::TransferLeader => codec::decode_body::<TransferAsked>(&bytes).is_ok(),
        Kind::Propose => decode_propose(bytes).is_ok(),
        Kind::ReadIndex | Kind::LogEnd => bytes.is_empty(),
        Kind::HistoryPart => codec::decode_body::<HistoryAsked>(&bytes).is_ok(),
        Kind::Doubt => codec::decode_body::<DoubtAsked>(&bytes).is_ok(),
        Kind::Versions => codec::decode_body::<VersionsAsked>(&bytes).is_ok(),
    }
}

/// Reads an answer of any kind from raw bytes, for fuzzing: no input may panic.
#[must_use]
pub fn fuzz_answer(bytes: &[u8]) -> bool {
    take_answer::<AppendAnswer>(bytes).is_ok()
        | take_answer::<VoteAnswer>(bytes).is_ok()
        | take_answer::<ProposeAnswer>(bytes).is_ok()
        | take_answer::<HistoryAnswer>(bytes).is_ok()
        | take_answer::<DoubtAnswer>(bytes).is_ok()
        | take_answer::<VersionsAnswer>(bytes).is_ok()
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
