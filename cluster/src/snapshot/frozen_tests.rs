//! Snapshots of state version 1, byte for byte: written by a program from before there were versions,
//! read by this one, and written by this one as that program reads them.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::sync::Arc;

use mpss_domain::account::{Language, Tier};
use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::command::{PayRequest, Request};
use mpss_domain::ids::IssuedId;
use mpss_domain::number_plan::NumberRange;
use mpss_domain::{
    AccountKind, AccountSelector, Batch, Channel, Command, LogTime, Money, Msisdn, NumberPlan, Operator, OrderId,
    Outcome, PasswordVerdict, PasswordVerifier, PaymentId, ProvinceId, Scope, State, StateVersion, TransferId, Verb,
};
use mpss_runtime::Disk;
use mpss_runtime::memory::Device;

use super::file::HEAD_BYTES;
use super::receiver::{ChunkPlace, Receiver};
use super::store::SnapshotStore;
use crate::replica::StartError;
use crate::stored::{LogIdRow, MembershipRow, SnapshotHead, StoredMembershipRow, VoteRow};
use crate::versions::Executes;
use crate::{codec, sealed_file};

/// 2026-11-23 10:00 in China.
const MORNING: u64 = 1_795_399_200_000;
const RIGHT: PasswordVerdict = PasswordVerdict { verifier_version: 1, matches: true };
const STORED_VALUE: AccountSelector = AccountSelector::Kind(AccountKind::StoredValue);

/// The file as that program wrote it, without the zeros behind its head.
const FROZEN: &str = include_str!("version_1.txt");

fn province(code: u8) -> ProvinceId {
    ProvinceId::new(code).unwrap()
}

/// A province with a row in every table.
fn a_day() -> State {
    let mut state = State::new(province(44));
    let mut ask = |minute: u64, request: Option<Request>, verb: Verb| {
        let batch = Batch { at: LogTime(MORNING + minute * 60_000), commands: vec![Command { request, verb }] };
        state.apply(state.index() + 1, &batch).replies.remove(0).outcome
    };
    let msisdn = |n: u64| Msisdn::new(18_900_000_000 + n).unwrap();
    let range =
        |first, last, code| NumberRange { first, last, province: province(code), operator: Operator::ChinaTelecom };
    let ranges = vec![range(1_890_000, 1_890_099, 44), range(1_890_100, 1_890_199, 51)];
    let plan = NumberPlan { epoch: 1, ranges, ported: std::collections::BTreeMap::new() };
    ask(0, None, Verb::InstallNumberPlan(Box::new(plan)));
    let opening = |n| Verb::OpenAccount {
        msisdn: msisdn(n),
        kind: AccountKind::StoredValue,
        tier: Tier::Basic,
        language: Language::Chinese,
        verifier: PasswordVerifier { pepper: 1, salt: [7; 16], tag: [9; 32] },
        verdict: RIGHT,
        per_payment_limit: None,
        daily_limit: Some(Money::yuan(1_000)),
    };
    let mut accounts = Vec::new();
    for n in 1..=2 {
        let Outcome::Account(view) = ask(1, Some(Request { key: u128::from(n), content: 1 }), opening(n)) else {
            panic!("opened")
        };
        accounts.push(view.account.id);
    }
    ask(2, None, Verb::TopUpCash { account: accounts[0], amount: Money::yuan(100), agent: "agent".to_owned() });
    ask(
        2,
        None,
        Verb::FreezeAccount { account: accounts[1], verdict: RIGHT, until: Some(LogTime(MORNING + (1 << 32))) },
    );
    let Outcome::Sp(sp) =
        ask(3, None, Verb::AdmitSp { name: "彩票".to_owned(), notice_url: "http://sp.example/".to_owned() })
    else {
        panic!("admitted")
    };
    let terms = Terms {
        sp,
        title: "双色球".to_owned(),
        application: Application::Shopping,
        scope: Scope::Local,
        price: Money::yuan(2),
        delivery_deadline_ms: 90_000,
    };
    let Outcome::Product(product) = ask(4, None, Verb::UploadProduct { product: None, terms, by: "u".to_owned() })
    else {
        panic!("uploaded")
    };
    ask(5, None, Verb::ReviewProduct { product, rejected: None, by: "r".to_owned() });
    ask(5, None, Verb::PublishProduct { product });
    let buying = Verb::PlaceOrder {
        msisdn: msisdn(1),
        home: province(44),
        epoch: 1,
        location: province(44),
        product,
        quantity: 3,
        account: STORED_VALUE,
        channel: Channel::App,
        verdict: Some(RIGHT),
    };
    let Outcome::Order(order) = ask(6, Some(Request { key: 7, content: 7 }), buying.clone()) else { panic!("taken") };
    ask(6, None, Verb::RecordDeliveries { answers: vec![(order, true)] });
    ask(6, None, Verb::RefundOrder { order, amount: Money::yuan(1), note: String::new() });
    ask(7, Some(Request { key: 8, content: 8 }), buying);
    let at = LogTime(MORNING);
    let pay = PayRequest {
        payment: PaymentId::issue(at, province(51), 1),
        order: OrderId::issue(at, province(51), 1),
        serving: province(51),
        msisdn: msisdn(1),
        epoch: 1,
        scope: Scope::Roaming,
        location: province(51),
        account: STORED_VALUE,
        amount: Money::yuan(4),
        title: "票".to_owned(),
        verdict: RIGHT,
    };
    ask(8, None, Verb::Pay(Box::new(pay)));
    let transfer = Verb::Transfer {
        payer: msisdn(1),
        payee: msisdn(1_000_001),
        payee_home: province(51),
        epoch: 1,
        amount: Money::yuan(5),
        verdict: RIGHT,
    };
    assert!(matches!(ask(9, None, transfer), Outcome::Transfer(_)), "one is on its way");
    let credit = |serial, payee| Verb::CreditTransfer {
        transfer: TransferId::issue(at, province(51), serial),
        payer: msisdn(1_000_001),
        payee: msisdn(payee),
        amount: Money::yuan(6),
        epoch: 1,
    };
    assert!(matches!(ask(10, None, credit(1, 1)), Outcome::Credited(_)), "one arrived");
    assert!(matches!(ask(10, None, credit(2, 9)), Outcome::Refused(_)), "one was refused");
    ask(11, None, Verb::Tick);
    state.check_all().unwrap();
    state
}

fn head() -> SnapshotHead {
    let member = crate::Member { raft_address: "h:1".to_owned(), http_url: "http://h:2".to_owned() };
    SnapshotHead {
        state_version: StateVersion::FIRST,
        province: province(44),
        last_log_id: Some(LogIdRow { term: 2, node: 1, index: 300 }),
        membership: StoredMembershipRow {
            log_id: Some(LogIdRow { term: 1, node: 1, index: 1 }),
            membership: MembershipRow {
                voters: vec![vec![1]],
                members: std::collections::BTreeMap::from([(1, member)]),
            },
        },
        content_bytes: 0,
        content_digest: 0,
        state_digest: 0,
    }
}

/// One line of the frozen text.
fn frozen(name: &str) -> &'static str {
    let line = FROZEN.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("{name} is not frozen"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A disk with the frozen file on it.
async fn frozen_device() -> Device {
    let mut file = bytes_of(frozen("head"));
    file.resize(usize::try_from(HEAD_BYTES).unwrap(), 0);
    file.extend_from_slice(&bytes_of(frozen("content")));
    device_with(&file).await
}

async fn device_with(bytes: &[u8]) -> Device {
    let device = Device::default();
    let disk = folder(&device).await;
    let file = disk.open(frozen("name")).await.unwrap();
    file.write_at(0, bytes).await.unwrap();
    file.sync().await.unwrap();
    disk.sync_dir().await.unwrap();
    device
}

async fn folder(device: &Device) -> Arc<dyn Disk> {
    device.open().folder("snapshots").await.unwrap()
}

/// What a state is written as: the file's name and its bytes.
async fn written(state: &State) -> (String, Vec<u8>) {
    let device = Device::default();
    let (store, _) = SnapshotStore::open(folder(&device).await, province(44), Executes::everything()).await.unwrap();
    store.build(state, head()).await.unwrap();
    let name = device.names("snapshots").remove(0);
    let bytes = device.edit("snapshots", &name, |bytes| bytes.clone());
    (name, bytes)
}

#[tokio::test]
async fn a_snapshot_of_the_program_before_versions_is_read() {
    let device = frozen_device().await;
    let opened = SnapshotStore::open(folder(&device).await, province(44), Executes::everything()).await;
    let (store, state) = opened.unwrap();
    let state = state.expect("there is one");
    assert_eq!(state.version(), StateVersion::FIRST);
    assert_eq!(format!("{:032x}", state.digest()), frozen("running digest"));
    assert_eq!(format!("{:032x}", state.content_digest()), frozen("content digest"));
    assert_eq!(store.current().unwrap().head.last_log_id, head().last_log_id);
    state.check_all().unwrap();
}

#[tokio::test]
async fn that_program_would_write_what_this_one_writes() {
    let (name, bytes) = written(&a_day()).await;
    let (head, content) = bytes.split_at(usize::try_from(HEAD_BYTES).unwrap());
    let used = head.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    assert_eq!(name, frozen("name"));
    assert_eq!(hex(&head[..used]), frozen("head"));
    assert_eq!(hex(content), frozen("content"));
    assert_eq!(format!("{:032x}", a_day().digest()), frozen("running digest"), "and its digests are the same");
}

#[tokio::test]
async fn a_snapshot_keeps_its_version_and_tells_programs_that_are_too_old() {
    let mut state = a_day();
    let raise = Verb::RaiseVersion { to: StateVersion::NEWEST };
    let batch = Batch { at: state.now(), commands: vec![Command::internal(raise)] };
    state.apply(state.index() + 1, &batch);
    let (name, bytes) = written(&state).await;
    let read = async |executes| {
        let device = device_with(&bytes).await;
        SnapshotStore::open(folder(&device).await, province(44), executes).await.map(|(_, state)| state.unwrap())
    };
    let same = read(Executes::everything()).await.unwrap();
    assert_eq!((same.version(), same.digest()), (StateVersion::NEWEST, state.digest()));
    assert_eq!(same.content_digest(), state.content_digest());

    let refused = read(Executes::up_to(StateVersion::FIRST)).await.map(|_| ()).unwrap_err();
    let what =
        format!("{name} can not be used: this replica executes state versions 1 to 1; the snapshot is of version");
    assert!(matches!(&refused, StartError::Foreign(said) if said.starts_with(&what)), "{refused}");
    // The program before versions knows one format of heads.
    assert_eq!(bytes[8], 2);
    let error = sealed_file::unseal::<SnapshotHead>(&bytes).unwrap_err();
    assert_eq!(error, "version 2 can not be read by this build, which reads version 1");
}

#[tokio::test]
async fn a_snapshot_from_the_future_is_told_from_a_damaged_one() {
    let next = StateVersion(StateVersion::NEWEST.0 + 1);
    // Nothing behind the version can be known.
    let mut body = vec![2];
    codec::encode_onto(&next, &mut body);
    body.extend_from_slice(b"whatever a later program writes");
    let mut file = sealed_file::seal_bytes(&body);
    file.resize(usize::try_from(HEAD_BYTES).unwrap() + 100, 7);
    let device = device_with(&file).await;
    let opened = SnapshotStore::open(folder(&device).await, province(44), Executes::everything()).await;
    let refused = opened.map(|_| ()).unwrap_err();
    let what = format!("the snapshot is of version {next}: install the newer program");
    assert!(matches!(&refused, StartError::Foreign(said) if said.ends_with(&what)), "{refused}");

    // The same when it comes from the leader: it is not asked for again and again.
    let (store, _) =
        SnapshotStore::open(folder(&Device::default()).await, province(44), Executes::everything()).await.unwrap();
    let vote = VoteRow { term: 1, node: 1, committed: true };
    let place = ChunkPlace { vote, transfer: 1, offset: 0, file_bytes: file.len() as u64 };
    let error = Receiver::new(Arc::new(store)).take(place, &file).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().ends_with(&what), "{error}");
}
