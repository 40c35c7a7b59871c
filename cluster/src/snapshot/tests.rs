//! Snapshot files: every bit is checked, and newer ones stay.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use mpss_domain::{Batch, Command, LogTime, ProvinceId, State, StateVersion, Verb};
use mpss_runtime::Disk;
use mpss_runtime::memory::{Crash, Device};
use mpss_runtime::real::FileDisk;

use super::file;
use super::receiver::{ChunkPlace, Receiver, Taken};
use super::store::SnapshotStore;
use crate::replica::StartError;
use crate::stored::{LogIdRow, SnapshotHead, StoredMembershipRow, VoteRow};
use crate::types::StoredMembership;
use crate::versions::Executes;

fn state(sps: u64) -> State {
    let mut state = State::new(ProvinceId::NATIONAL);
    for index in 1..=sps {
        let verb = Verb::AdmitSp { name: format!("sp {index}"), notice_url: "x".repeat(2_000) };
        state.apply(index, &Batch { at: LogTime(index), commands: vec![Command::internal(verb)] });
    }
    state
}

fn head(index: u64) -> SnapshotHead {
    SnapshotHead {
        state_version: StateVersion::FIRST,
        province: ProvinceId::NATIONAL,
        last_log_id: Some(LogIdRow { term: 1, node: 1, index }),
        membership: StoredMembershipRow::from(&StoredMembership::default()),
        content_bytes: 0,
        content_digest: 0,
        state_digest: 0,
    }
}

async fn open(device: &Device) -> Result<(SnapshotStore, Option<State>), StartError> {
    SnapshotStore::open(device.open().folder("snapshots").await.unwrap(), ProvinceId::NATIONAL, Executes::everything())
        .await
}

#[tokio::test]
async fn a_state_comes_back_from_real_files_and_from_memory() {
    let folder = tempfile::tempdir().unwrap();
    let real: Arc<dyn Disk> = Arc::new(FileDisk::open(folder.path()).unwrap());
    let memory = Device::default().open();
    for disk in [real, memory] {
        // Large enough for several chunks.
        let state = state(400);
        let (store, none) =
            SnapshotStore::open(disk.clone(), ProvinceId::NATIONAL, Executes::everything()).await.unwrap();
        assert!(none.is_none());
        let built = store.build(&state, head(400)).await.unwrap();
        assert!(built.head.content_bytes > 800_000);
        file::verify(&disk, &built).await.unwrap();
        drop(store);
        let (store, loaded) = SnapshotStore::open(disk, ProvinceId::NATIONAL, Executes::everything()).await.unwrap();
        let loaded = loaded.expect("there is one");
        assert_eq!(loaded.digest(), state.digest());
        assert_eq!(loaded.content_digest(), state.content_digest());
        assert_eq!(store.current().unwrap().head.last_log_id, head(400).last_log_id);
    }
}

#[tokio::test]
async fn no_flipped_bit_and_no_other_length_is_accepted() {
    let device = Device::default();
    let (store, _) = open(&device).await.unwrap();
    store.build(&state(3), head(3)).await.unwrap();
    let name = device.names("snapshots").remove(0);
    let length = device.edit("snapshots", &name, |bytes| bytes.len());
    let content = usize::try_from(file::HEAD_BYTES).unwrap();
    // The head's zeros by samples, everything that says something byte by byte.
    let places = (0..400).chain((400..content).step_by(509)).chain(content..length);
    for place in places {
        let copy = device.copy();
        copy.edit("snapshots", &name, |bytes| bytes[place] ^= 1 << (place % 8));
        let refused = open(&copy).await.map(|_| ()).expect_err("a bit is flipped");
        assert!(matches!(&refused, StartError::Damaged { file, .. } if *file == name), "byte {place}: {refused}");
    }
    for length in [0, 100, content, length - 1, length + 1] {
        let copy = device.copy();
        copy.edit("snapshots", &name, |bytes| bytes.resize(length, 0));
        assert!(open(&copy).await.is_err(), "{length} bytes");
    }
}

#[tokio::test]
async fn a_crash_while_one_is_written_leaves_the_one_before() {
    for crash in [Crash::Lost, Crash::Torn(70_000), Crash::Torn(300), Crash::Kept] {
        let device = Device::default();
        let (store, _) = open(&device).await.unwrap();
        store.build(&state(3), head(3)).await.unwrap();
        device.fail_sync_after(0);
        store.build(&state(9), head(9)).await.expect_err("the sync failed");
        device.crash(crash);
        let (store, loaded) = open(&device).await.unwrap();
        assert_eq!(loaded.unwrap().index(), 3, "{crash:?}");
        assert_eq!(device.names("snapshots").len(), 1, "what was unfinished is removed");
        store.build(&state(9), head(9)).await.unwrap();
        device.crash(Crash::Lost);
        assert_eq!(open(&device).await.unwrap().1.unwrap().index(), 9);
    }
}

#[tokio::test]
async fn a_newer_snapshot_is_never_replaced_by_an_older_one() {
    let device = Device::default();
    let (store, _) = open(&device).await.unwrap();
    store.build(&state(9), head(9)).await.unwrap();
    let kept = store.build(&state(3), head(3)).await.unwrap();
    assert_eq!(kept.head.last_log_id, head(9).last_log_id);
    assert_eq!(device.names("snapshots").len(), 1);
    device.crash(Crash::Lost);
    assert_eq!(open(&device).await.unwrap().1.unwrap().index(), 9);
}

#[tokio::test]
async fn chunks_make_the_file_only_in_order_and_unharmed() {
    let source = Device::default();
    let (from, _) = open(&source).await.unwrap();
    from.build(&state(200), head(200)).await.unwrap();
    let name = source.names("snapshots").remove(0);
    let bytes = source.edit("snapshots", &name, |bytes| bytes.clone());
    let target = Device::default();
    let (store, _) = open(&target).await.unwrap();
    let store = Arc::new(store);
    let receiver = Receiver::new(store.clone());
    let vote = VoteRow { term: 1, node: 1, committed: true };
    let place =
        |transfer, offset: usize| ChunkPlace { vote, transfer, offset: offset as u64, file_bytes: bytes.len() as u64 };
    let half = bytes.len() / 2;
    assert!(matches!(receiver.take(place(1, half), &bytes[half..]).await.unwrap(), Taken::Restart), "no start");
    assert!(matches!(receiver.take(place(1, 0), &bytes[..half]).await.unwrap(), Taken::Continue));
    assert!(matches!(receiver.take(place(2, half), &bytes[half..]).await.unwrap(), Taken::Restart), "another sending");
    assert!(matches!(receiver.take(place(1, half + 1), &bytes[half + 1..]).await.unwrap(), Taken::Restart), "a hole");
    let mut harmed = bytes[half..].to_vec();
    harmed[1_000] ^= 1;
    assert!(matches!(receiver.take(place(1, half), &harmed).await.unwrap(), Taken::Restart), "harmed on the way");
    assert!(matches!(receiver.take(place(3, 0), &bytes[..half]).await.unwrap(), Taken::Continue));
    let Taken::Whole(received) = receiver.take(place(3, half), &bytes[half..]).await.unwrap() else {
        panic!("it is whole")
    };
    store.accept(received).await.unwrap();
    assert_eq!(target.names("snapshots"), [name]);
    target.crash(Crash::Lost);
    assert_eq!(open(&target).await.unwrap().1.unwrap().index(), 200);
}
