//! What is written to disk and wire, byte for byte. A change here is a change of format: it needs a
//! new version, and readers of the old one.

use std::collections::BTreeMap;
use std::fmt::Write;

use bytes::Bytes;
use mpss_domain::account::{AccountKind, AccountSelector, Language, Tier};
use mpss_domain::ids::IssuedId;
use mpss_domain::journal::{JournalBody, PostingReason, StatementLine};
use mpss_domain::ledger::LedgerAccount;
use mpss_domain::order::OrderEvent;
use mpss_domain::{
    AccountId, Batch, Channel, Command, JournalRecord, LogTime, Money, Msisdn, OrderId, Outcome, PasswordVerdict,
    PasswordVerifier, ProductId, ProvinceId, RecordPosition, Refusal, Reply, Request, SpId, StateVersion, TopUpId,
    Verb, VersionRange,
};

use crate::codec;
use crate::history::row;
use crate::network::wire::{
    self, AppendAnswer, ChunkAnswer, ChunkHead, DoubtAnswer, DoubtAsked, Envelope, HistoryAnswer, HistoryAsked, Kind,
    LogEndAnswer, ProposeAnswer, ProposeRefusal, ReadIndexAnswer, Refusal as WireRefusal, TransferAnswer,
    TransferAsked, VersionsAnswer, VersionsAsked, VoteAnswer, VoteAsked,
};
use crate::options::Member;
use crate::sealed_file;
use crate::snapshot;
use crate::stored::{
    DoubtMark, Identity, KnownDisks, LogIdRow, MembershipRow, SegmentStart, SnapshotHead, StoredMembershipRow, VoteRow,
};
use crate::types::{Payload, RaftEntry, RaftPayload, log_id};

const GOLDEN: &str = include_str!("golden.txt");

fn province() -> ProvinceId {
    ProvinceId::new(44).expect("Guangdong")
}

fn msisdn() -> Msisdn {
    Msisdn::new(18_912_345_678).expect("valid")
}

fn at() -> LogTime {
    LogTime(1_795_437_296_789)
}

fn id<T: IssuedId>(serial: u64) -> T {
    T::from_bits((7 << 22) | serial)
}

fn commands() -> Vec<Command> {
    let verdict = PasswordVerdict { verifier_version: 3, matches: true };
    vec![
        Command::internal(Verb::Tick),
        Command::internal(Verb::CompareDigest { index: 300, digest: 1 << 100 }),
        Command::internal(Verb::AdmitSp { name: "彩票".to_owned(), notice_url: "http://sp.example/".to_owned() }),
        Command {
            request: Some(Request { key: u128::MAX, content: 5 }),
            verb: Verb::OpenAccount {
                msisdn: msisdn(),
                kind: AccountKind::StoredValue,
                tier: Tier::Basic,
                language: Language::Chinese,
                verifier: PasswordVerifier { pepper: 1, salt: [2; 16], tag: [3; 32] },
                verdict,
                per_payment_limit: Some(Money::fen(10_000)),
                daily_limit: None,
            },
        },
        Command::internal(Verb::TopUpCash {
            account: id::<AccountId>(1),
            amount: Money::fen(-1),
            agent: "agent".to_owned(),
        }),
        Command {
            request: Some(Request { key: 1, content: 2 }),
            verb: Verb::PlaceOrder {
                msisdn: msisdn(),
                home: province(),
                epoch: 4,
                location: ProvinceId::NATIONAL,
                product: id::<ProductId>(2),
                quantity: 3,
                account: AccountSelector::Kind(AccountKind::StoredValue),
                channel: Channel::App,
                verdict: Some(verdict),
            },
        },
        Command::internal(Verb::RecordDeliveries { answers: vec![(id::<OrderId>(3), true)] }),
    ]
}

fn records() -> Vec<JournalRecord> {
    let posted = JournalBody::Posted {
        reason: PostingReason::TopUp(id::<TopUpId>(4)),
        postings: vec![
            (LedgerAccount::Wallet(id::<AccountId>(1)), Money::fen(-500)),
            (LedgerAccount::AgentCash, Money::fen(500)),
        ],
        statement: Some(StatementLine {
            account: id::<AccountId>(1),
            amount: Money::fen(500),
            balance: Money::fen(1_500),
            counterparty: None,
            sp: Some(id::<SpId>(6)),
            province: Some(province()),
        }),
    };
    let moved = JournalBody::OrderMoved { order: id::<OrderId>(3), event: OrderEvent::Created };
    vec![
        JournalRecord { position: RecordPosition::new(9, 0), at: at(), previous: None, body: posted },
        JournalRecord {
            position: RecordPosition::new(9, 1),
            at: at(),
            previous: Some(RecordPosition::new(8, 0)),
            body: moved,
        },
    ]
}

fn membership() -> StoredMembershipRow {
    let member = |node: u64| Member {
        raft_address: format!("10.0.0.{node}:7000"),
        http_url: format!("http://10.0.0.{node}:8080"),
    };
    StoredMembershipRow {
        log_id: Some(row_id(5)),
        membership: MembershipRow {
            voters: vec![vec![1, 2], vec![2]],
            members: BTreeMap::from([(1, member(1)), (2, member(2)), (3, member(3))]),
        },
    }
}

fn row_id(index: u64) -> LogIdRow {
    LogIdRow { term: 3, node: 2, index }
}

fn vote() -> VoteRow {
    VoteRow { term: 3, node: 2, committed: true }
}

fn envelope(kind: Kind) -> Envelope {
    Envelope { kind, province: province(), group: 11, from: 1, from_disk: 22, to: 2, to_disk: 33 }
}

fn versions(newest: u16) -> VersionRange {
    VersionRange { oldest: StateVersion::FIRST, newest: StateVersion(newest) }
}

fn body<T: serde::Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode_onto(value, &mut bytes);
    bytes
}

fn stored() -> Vec<(&'static str, Vec<u8>)> {
    let head = SnapshotHead {
        state_version: StateVersion::FIRST,
        province: province(),
        last_log_id: Some(row_id(300)),
        membership: membership(),
        content_bytes: 70_000,
        content_digest: 1 << 90,
        state_digest: 2,
    };
    let doubt = DoubtMark { segment: "segment".to_owned(), offset: 300, last_log_id: Some(row_id(7)) };
    vec![
        ("command batch", codec::encode(&Batch { at: at(), commands: commands() })),
        ("journal row", row::rows_of(&records())[0].value.to_vec()),
        ("journal progress", codec::encode(&crate::history::progress::Progress { cursor: 9, gaps: vec![(2, 5)] })),
        ("log membership", codec::encode(&membership().membership)),
        ("log segment start", codec::encode(&SegmentStart { purged: Some(row_id(1)), committed: None })),
        ("file vote", sealed_file::seal(&vote())),
        ("file identity", sealed_file::seal(&Identity { province: province(), node: 1, disk: 22 })),
        ("file disks", sealed_file::seal(&KnownDisks { group: 11, disks: BTreeMap::from([(2, 33)]) })),
        ("file doubt", sealed_file::seal(&doubt)),
        ("snapshot head", snapshot::head::seal(&head)),
        ("snapshot head of version 2", snapshot::head::seal(&SnapshotHead { state_version: StateVersion(2), ..head })),
        ("raise version", codec::encode_command(&Command::internal(Verb::RaiseVersion { to: StateVersion(2) }))),
    ]
}

fn wired() -> Vec<(&'static str, Vec<u8>)> {
    let entries = [
        RaftEntry { log_id: log_id(3, 2, 8), payload: RaftPayload::Blank },
        RaftEntry { log_id: log_id(3, 2, 9), payload: RaftPayload::Normal(Payload(Bytes::from_static(b"batch"))) },
    ];
    let reply = Reply { outcome: Outcome::Sp(id::<SpId>(6)), index: 9, replayed: true };
    let results = vec![
        Ok(reply),
        Ok(Reply { outcome: Outcome::Refused(Refusal::DuplicateRequest), index: 10, replayed: false }),
        Err(ProposeRefusal::Busy(100)),
        Err(ProposeRefusal::Unknown),
    ];
    let chunk = ChunkHead { vote: vote(), transfer: 1, offset: 2, file_bytes: 3, crc32c: 4 };
    vec![
        ("append", {
            let envelope = envelope(Kind::Append);
            wire::encode_append(&envelope, vote(), Some(row_id(7)), Some(row_id(6)), &entries).to_vec()
        }),
        ("append answers", body(&[AppendAnswer::Success, AppendAnswer::Partial(Some(row_id(8)))])),
        ("append refused", body(&[AppendAnswer::Conflict, AppendAnswer::HigherVote(vote())])),
        ("vote", body(&VoteAsked { vote: vote(), last: Some(row_id(7)), transfer: false })),
        ("vote answer", body(&VoteAnswer { vote: vote(), granted: true, last: None })),
        ("chunk", body(&chunk)),
        ("chunk answers", body(&[ChunkAnswer::Continue, ChunkAnswer::Restart, ChunkAnswer::Installed(vote())])),
        ("chunk refused", body(&ChunkAnswer::HigherVote(vote()))),
        ("transfer", body(&TransferAsked { from: vote(), to: 3, last: Some(row_id(7)) })),
        (
            "transfer answers",
            body(&[TransferAnswer::Accepted, TransferAnswer::VoteChanged(vote()), TransferAnswer::NotFlushed(None)]),
        ),
        ("propose", wire::encode_propose(&envelope(Kind::Propose), 450, &[b"one".as_slice(), b"three"]).to_vec()),
        ("propose not leader", body(&ProposeAnswer::NotLeader)),
        ("propose results", body(&ProposeAnswer::Results(results))),
        ("read index answers", body(&[ReadIndexAnswer::Index(9), ReadIndexAnswer::NotLeader])),
        ("history", body(&HistoryAsked { after: 1, upto: 300 })),
        ("history answer", body(&HistoryAnswer { after: 1, upto: 2, rows: vec![(2 << 16, vec![1, 2, 3])] })),
        ("doubt", body(&[DoubtAsked::Begin, DoubtAsked::End])),
        ("doubt answers", body(&[DoubtAnswer::Leads { vote: vote(), last: Some(row_id(7)) }, DoubtAnswer::NotLeader])),
        ("log end", body(&LogEndAnswer { last: Some(row_id(7)) })),
        ("versions", {
            let asked = VersionsAsked { known: BTreeMap::from([(1, versions(2)), (3, versions(300))]) };
            let mut request = wire::begin_request(&envelope(Kind::Versions), 0).to_vec();
            request.extend_from_slice(&body(&asked));
            request
        }),
        ("versions answer", body(&VersionsAnswer { executes: versions(2) })),
        ("answer", wire::answer(22, Ok(&LogEndAnswer { last: None })).to_vec()),
        ("refusal", wire::answer::<()>(22, Err(&WireRefusal::WrongTarget { node: 1, province: 44 })).to_vec()),
        (
            "refusals",
            body(&[
                WireRefusal::Malformed("x".to_owned()),
                WireRefusal::OtherGroup { node: 1 },
                WireRefusal::UnknownDisk { node: 1 },
                WireRefusal::OtherDisk { node: 1 },
                WireRefusal::InDoubt,
                WireRefusal::Stopped,
            ]),
        ),
    ]
}

#[test]
fn bytes_on_disk_and_wire_are_frozen() {
    let mut text = String::new();
    for (name, bytes) in stored().into_iter().chain(wired()) {
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let _ = writeln!(text, "{name}: {hex}");
    }
    for (now, then) in text.lines().zip(GOLDEN.lines()) {
        assert_eq!(now, then, "the format changed; all of it is now:\n{text}");
    }
    assert_eq!(text.lines().count(), GOLDEN.lines().count(), "all of it is now:\n{text}");
}

#[test]
fn what_is_frozen_can_be_read_back() {
    let stored = stored();
    let bytes = |name: &str| stored.iter().find(|(known, _)| *known == name).map(|(_, bytes)| bytes).expect("listed");
    assert_eq!(codec::decode_batch(bytes("command batch")), Ok(Batch { at: at(), commands: commands() }));
    assert_eq!(row::decode_rows(bytes("journal row")).expect("reads"), records());
    assert_eq!(codec::decode(bytes("log membership")), Ok(membership().membership));
    assert_eq!(sealed_file::unseal(bytes("file vote")), Ok(vote()));
    let wired = wired();
    let bytes = |name: &str| {
        let found = wired.iter().find(|(known, _)| *known == name).map(|(_, bytes)| bytes.clone());
        Bytes::from(found.expect("listed"))
    };
    let mut append = bytes("append");
    assert_eq!(wire::take_envelope(&mut append), Ok(envelope(Kind::Append)));
    let (head, entries) = wire::decode_append(append).expect("reads");
    assert_eq!((head.vote, head.previous, head.committed), (vote(), Some(row_id(7)), Some(row_id(6))));
    assert_eq!(entries.len(), 2);
    let mut propose = bytes("propose");
    assert_eq!(wire::take_envelope(&mut propose), Ok(envelope(Kind::Propose)));
    let (deadline, commands) = wire::decode_propose(propose).expect("reads");
    assert_eq!((deadline, commands), (450, vec![Bytes::from_static(b"one"), Bytes::from_static(b"three")]));
}
