//! What replicas say to each other and write to their logs, made readable for an onlooker that holds
//! every word and every synced byte against each other: the simulator's oracle. Nothing here is used
//! by a replica itself.

use std::collections::BTreeMap;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::codec;
use crate::log::{record, segment, vote_file};
use crate::network::wire::{self, AppendAnswer, ChunkAnswer, Kind, VoteAnswer, VoteAsked};
use crate::sealed_file;
use crate::snapshot::store;
use crate::stored::{LogIdRow, MembershipRow, VoteRow};
use crate::types::{RaftEntry, RaftPayload};

/// Where an entry stands and who led when it was made. Ordered by the index first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Its index.
    pub index: u64,
    /// The election.
    pub term: u64,
    /// The leader.
    pub node: u64,
}

/// Whom a replica follows or would elect. Ordered as elections are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ballot {
    /// The election.
    pub term: u64,
    /// The candidate, or the leader.
    pub node: u64,
    /// A quorum has elected it.
    pub committed: bool,
}

impl From<LogIdRow> for Place {
    fn from(row: LogIdRow) -> Self {
        Self { index: row.index, term: row.term, node: row.node }
    }
}

impl From<VoteRow> for Ballot {
    fn from(row: VoteRow) -> Self {
        Self { term: row.term, node: row.node, committed: row.committed }
    }
}

/// What one replica asks another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// To have these entries, up to and with `end`.
    Append {
        /// By whom.
        leader: Ballot,
        /// The last entry that the other side has when it agrees.
        end: Option<Place>,
        /// The entries with a hash of what they carry.
        entries: Vec<(Place, u64)>,
    },
    /// For its vote.
    Vote(Ballot),
    /// To take a part of a snapshot.
    Snapshot(Ballot),
    /// Anything else.
    Other,
}

/// Reads a request; `None` when it can not be read.
#[must_use]
pub fn question(request: &Bytes) -> Option<Question> {
    let mut body = request.clone();
    let envelope = wire::take_envelope(&mut body).ok()?;
    Some(match envelope.kind {
        Kind::Append => {
            let (head, entries) = wire::decode_append(body).ok()?;
            let end = entries.last().map(|entry| entry.log_id.into()).or(head.previous).map(Place::from);
            let entries = entries.iter().map(|entry| (LogIdRow::from(entry.log_id).into(), hash_of(entry))).collect();
            Question::Append { leader: head.vote.into(), end, entries }
        }
        Kind::Vote => Question::Vote(codec::decode_body::<VoteAsked>(&body).ok()?.vote.into()),
        Kind::SnapshotChunk => Question::Snapshot(wire::decode_chunk(body).ok()?.0.vote.into()),
        _ => Question::Other,
    })
}

fn hash_of(entry: &RaftEntry) -> u64 {
    match &entry.payload {
        RaftPayload::Blank => xxh3_64_with_seed(&[], record::Kind::Blank as u64),
        RaftPayload::Normal(payload) => xxh3_64_with_seed(&payload.0, record::Kind::Commands as u64),
        RaftPayload::Membership(membership) => {
            xxh3_64_with_seed(&codec::encode(&MembershipRow::from(membership)), record::Kind::Membership as u64)
        }
    }
}

/// What a replica promises with an answer: that it is on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Nothing.
    Nothing,
    /// Its log holds this entry and all before it, and it follows this leader.
    Holds(Option<Place>, Ballot),
    /// It has voted so.
    Voted(Ballot),
    /// It has taken a snapshot from this leader.
    Installed(Ballot),
}

/// What the answer to a question promises.
#[must_use]
pub fn promise(asked: &Question, answer: &[u8]) -> Promise {
    match asked {
        Question::Append { leader, end, .. } => match wire::take_answer::<AppendAnswer>(answer) {
            Ok((_, Ok(AppendAnswer::Success))) => Promise::Holds(*end, *leader),
            Ok((_, Ok(AppendAnswer::Partial(end)))) => Promise::Holds(end.map(Place::from), *leader),
            _ => Promise::Nothing,
        },
        Question::Vote(ballot) => match wire::take_answer::<VoteAnswer>(answer) {
            Ok((_, Ok(answer))) if answer.granted => Promise::Voted(*ballot),
            _ => Promise::Nothing,
        },
        Question::Snapshot(leader) => match wire::take_answer::<ChunkAnswer>(answer) {
            Ok((_, Ok(ChunkAnswer::Installed(_)))) => Promise::Installed(*leader),
            _ => Promise::Nothing,
        },
        Question::Other => Promise::Nothing,
    }
}

/// What the synced bytes of a replica's log folder hold, followed write by write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DurableLog {
    /// Entries by index, with a hash of what they carry. Those that were let go stay here: what was
    /// promised once is looked up still.
    pub entries: BTreeMap<u64, (Place, u64)>,
    /// The vote.
    pub vote: Option<Ballot>,
}

impl DurableLog {
    /// Bytes of file `name` of the log folder are on the disk now; gives the entries among them.
    pub fn written(&mut self, name: &str, bytes: &[u8]) -> Vec<(Place, u64)> {
        let mut added = Vec::new();
        if name == vote_file::FILE {
            if let Ok(vote) = sealed_file::unseal::<VoteRow>(bytes) {
                self.vote = self.vote.max(Some(vote.into()));
            }
        } else if segment::segment_epoch(name).is_some() || segment::spare_number(name).is_some() {
            let mut rest = Bytes::copy_from_slice(bytes);
            while let Some((found, used)) = record::take(&rest) {
                self.follow(&found, &mut added);
                rest = rest.slice(used..);
            }
        }
        added
    }

    fn follow(&mut self, found: &record::Record, added: &mut Vec<(Place, u64)>) {
        let head = found.header;
        match head.kind {
            record::Kind::Blank | record::Kind::Commands | record::Kind::Membership => {
                let place = Place { index: head.index, term: head.term, node: head.node };
                let hash = xxh3_64_with_seed(&found.payload, head.kind as u64);
                self.entries.insert(head.index, (place, hash));
                added.push((place, hash));
            }
            record::Kind::Truncate => {
                self.entries.split_off(&head.index);
            }
            record::Kind::Purge | record::Kind::Committed | record::Kind::Start => {}
        }
    }

    /// True when this entry is there.
    #[must_use]
    pub fn holds(&self, place: Place) -> bool {
        self.entries.get(&place.index).is_some_and(|(found, _)| *found == place)
    }
}

/// The last entry in a snapshot, by its file's name; `None` for other files.
#[must_use]
pub fn snapshot_place(name: &str) -> Option<Place> {
    store::place_of(name).map(Place::from)
}

/// Bytes at the front of a segment that hold records: what comes after them is not read.
#[must_use]
pub fn used_bytes(segment: &[u8]) -> usize {
    let mut rest = Bytes::copy_from_slice(segment);
    let mut used_in_all = 0;
    while let Some((_, used)) = record::take(&rest) {
        used_in_all += used;
        rest = rest.slice(used..);
    }
    used_in_all
}

/// True for files of the log folder that hold log records and are in use.
#[must_use]
pub fn is_segment(name: &str) -> bool {
    segment::segment_epoch(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::record::{Header, TERMINATOR};

    fn header(kind: record::Kind, index: u64, sequence: u64) -> Header {
        Header { epoch: 1, sequence, durable: sequence - 1, index, term: 3, node: 2, kind, left: 0 }
    }

    #[test]
    fn a_log_is_followed_through_appends_and_cuts() {
        let mut bytes = Vec::new();
        for (index, sequence) in [(4, 1), (5, 2), (6, 3)] {
            record::put(&mut bytes, &header(record::Kind::Commands, index, sequence), &[7; 20]);
        }
        bytes.extend_from_slice(&TERMINATOR);
        let mut log = DurableLog::default();
        let name = segment::segment_name(1);
        assert_eq!(log.written(&name, &bytes).len(), 3);
        assert!(log.holds(Place { index: 6, term: 3, node: 2 }) && !log.holds(Place { index: 6, term: 3, node: 1 }));
        let mut cut = Vec::new();
        record::put(&mut cut, &header(record::Kind::Truncate, 5, 4), &[]);
        log.written(&name, &cut);
        assert!(log.holds(Place { index: 4, term: 3, node: 2 }) && !log.holds(Place { index: 5, term: 3, node: 2 }));
        // A write that is there in part holds its whole records only.
        let mut torn = DurableLog::default();
        assert_eq!(torn.written(&name, &bytes[..bytes.len() / 2]).len(), 1);
    }

    #[test]
    fn a_vote_is_followed_and_never_goes_back() {
        let mut log = DurableLog::default();
        let vote = |term| sealed_file::seal(&VoteRow { term, node: 1, committed: false });
        log.written(vote_file::FILE, &vote(4));
        log.written(vote_file::FILE, &vote(2));
        assert_eq!(log.vote.map(|vote| vote.term), Some(4));
        assert!(log.written("something else", &vote(9)).is_empty());
        assert_eq!(log.vote.map(|vote| vote.term), Some(4));
    }

    #[test]
    fn a_snapshot_names_its_last_entry() {
        let place = Place { index: 0x2a, term: 3, node: 1 };
        let name = "snapshot-000000000000002a-0000000000000003-0000000000000001";
        assert_eq!(snapshot_place(name), Some(place));
        assert_eq!(snapshot_place("building"), None);
    }
}
