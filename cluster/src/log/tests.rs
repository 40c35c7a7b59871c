//! The log against a disk that tears, forgets and fails, and against openraft's own suite.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use bytes::Bytes;
use mpss_runtime::memory::{Crash, Device};
use mpss_runtime::real::{FileDisk, OsRandom, TokioSpawner};
use mpss_runtime::{Disk, Spawner};
use openraft::storage::{IOFlushed, RaftLogStorage, RaftLogStorageExt};
use openraft::{RaftLogReader, StorageError};
use parking_lot::Mutex;

use super::record::{self, HEADER_BYTES};
use super::recovery;
use super::segment;
use super::store::LogStore;
use crate::fatal::Fatal;
use crate::history::History;
use crate::history::feeder;
use crate::history::memory_store::MemoryStore;
use crate::machine::{Machine, Parts, Shared};
use crate::raft_runtime::NodeScope;
use crate::replica::StartError;
use crate::snapshot::store::SnapshotStore;
use crate::types::{Payload, RaftEntry, RaftLogId, RaftPayload, RaftVote, Types, log_id};
use crate::versions::Executes;

const SEGMENT_BYTES: u64 = 16 << 10;

/// A log and what keeps it running.
struct Running {
    store: LogStore,
    doubt: bool,
    spawner: Arc<TokioSpawner>,
    fatal: Arc<Mutex<Option<String>>>,
}

async fn open_on(disk: Arc<dyn Disk>) -> Result<Running, StartError> {
    let told = Arc::new(Mutex::new(None));
    let tell = told.clone();
    let fatal = Fatal::new(Arc::new(move |reason| *tell.lock() = Some(reason)));
    let spawner = Arc::new(TokioSpawner::new());
    let scope = NodeScope::new(spawner.clone() as Arc<dyn Spawner>, Arc::new(OsRandom));
    let opened = LogStore::open(disk, SEGMENT_BYTES, fatal).await?;
    let doubt = opened.doubt.is_some();
    Ok(Running { store: opened.start(&scope), doubt, spawner, fatal: told })
}

async fn open(device: &Device) -> Result<Running, StartError> {
    let root = device.open();
    open_on(root.folder("log").await.unwrap()).await
}

fn entry(term: u64, index: u64, bytes: usize) -> RaftEntry {
    let payload = Bytes::from(vec![u8::try_from(index % 251).unwrap(); bytes]);
    RaftEntry { log_id: log_id(term, 1, index), payload: RaftPayload::Normal(Payload(payload)) }
}

fn vote(term: u64) -> RaftVote {
    RaftVote { leader_id: crate::types::RaftLeader { term, node_id: 1 }, committed: true }
}

async fn append(store: &mut LogStore, entries: Vec<RaftEntry>) {
    store.blocking_append(entries).await.expect("appended");
}

async fn indexes(store: &mut LogStore) -> Vec<(u64, u64)> {
    let entries = store.try_get_log_entries(..).await.unwrap();
    entries.iter().map(|entry| (entry.log_id.leader_id.term, entry.log_id.index)).collect()
}

fn expected(term: u64, indexes: std::ops::Range<u64>) -> Vec<(u64, u64)> {
    indexes.map(|index| (term, index)).collect()
}

fn segments(device: &Device) -> Vec<String> {
    device.names("log").into_iter().filter(|name| segment::segment_epoch(name).is_some()).collect()
}

#[tokio::test]
async fn entries_votes_truncations_and_purges_come_back() {
    let device = Device::default();
    let mut running = open(&device).await.unwrap();
    let store = &mut running.store;
    store.save_vote(&vote(3)).await.unwrap();
    append(store, (0..20).map(|index| entry(1, index, 100)).collect()).await;
    store.truncate_after(Some(log_id(1, 1, 14))).await.unwrap();
    append(store, vec![entry(3, 15, 10), entry(3, 16, 10)]).await;
    store.purge(log_id(1, 1, 4)).await.unwrap();
    store.save_committed(Some(log_id(1, 1, 9))).await.unwrap();
    store.flush().await.unwrap();
    device.crash(Crash::Lost);
    let mut again = open(&device).await.unwrap();
    assert!(!again.doubt);
    let mut all = expected(1, 5..15);
    all.extend(expected(3, 15..17));
    assert_eq!(indexes(&mut again.store).await, all);
    assert_eq!(again.store.read_vote().await.unwrap(), Some(vote(3)));
    assert_eq!(again.store.read_committed().await.unwrap(), Some(log_id(1, 1, 9)));
    let state = again.store.get_log_state().await.unwrap();
    assert_eq!(state.last_purged_log_id, Some(log_id(1, 1, 4)));
    assert_eq!(state.last_log_id, Some(log_id(3, 1, 16)));
}

#[tokio::test]
async fn what_was_told_durable_is_there_after_any_crash() {
    for crash in [Crash::Lost, Crash::Kept, Crash::Torn(40)] {
        let device = Device::default();
        let mut running = open(&device).await.unwrap();
        running.store.save_vote(&vote(1)).await.unwrap();
        for index in 0..40 {
            append(&mut running.store, vec![entry(1, index, 700)]).await;
        }
        assert!(segments(&device).len() > 1, "several segments are in use");
        device.crash(crash);
        let mut again = open(&device).await.unwrap();
        assert!(!again.doubt, "{crash:?}");
        assert_eq!(indexes(&mut again.store).await, expected(1, 0..40), "{crash:?}");
    }
}

#[tokio::test]
async fn one_sync_serves_everyone_who_waits() {
    let device = Device::default();
    let mut running = open(&device).await.unwrap();
    let before = device.syncs();
    let mut waiting = Vec::new();
    // More than one segment would sync for its own start.
    for index in 0..100 {
        let (done, told) = <Types as openraft::type_config::TypeConfigExt>::oneshot();
        running.store.append(vec![entry(1, index, 8)], IOFlushed::signal(done)).await.unwrap();
        waiting.push(told);
    }
    for told in waiting {
        told.await.unwrap().unwrap();
    }
    let syncs = device.syncs() - before;
    assert!(syncs < 60, "{syncs} syncs for 100 appends handed over without waiting");
}

/// A log of some entries in two segments, everything synced.
async fn sample() -> Device {
    let device = Device::default();
    let mut running = open(&device).await.unwrap();
    running.store.save_vote(&vote(1)).await.unwrap();
    for index in 0..25 {
        append(&mut running.store, vec![entry(1, index, 900)]).await;
    }
    append(&mut running.store, vec![entry(1, 25, 20), entry(1, 26, 20)]).await;
    running.store.close().await;
    device.crash(Crash::Lost);
    device
}

/// What became of a log that was touched: refused, or opened (perhaps in doubt) with these entries.
async fn outcome(device: &Device) -> Result<(bool, Vec<RaftEntry>), StartError> {
    let mut running = open(device).await?;
    let entries = running.store.try_get_log_entries(..).await.unwrap();
    running.store.close().await;
    running.spawner.abort_all();
    Ok((running.doubt, entries))
}

#[tokio::test]
async fn no_flipped_bit_is_accepted_in_silence() {
    let device = sample().await;
    let (doubt, whole) = outcome(&device.copy()).await.unwrap();
    assert!(!doubt && whole.len() == 27);
    let names = segments(&device);
    let (mut refused, mut doubtful, mut untouched) = (0, 0, 0);
    for name in &names {
        let used = device.edit("log", name, |bytes| *record_ends(bytes).last().unwrap());
        // Every byte, a bit of it by turns; and a good way past the end.
        for place in 0..used + HEADER_BYTES + 200 {
            let copy = device.copy();
            copy.edit("log", name, |bytes| bytes[place] ^= 1 << (place % 8));
            match outcome(&copy).await {
                Err(StartError::Damaged { file, .. }) => {
                    assert_eq!(&file, name, "the damaged file is named");
                    refused += 1;
                }
                Err(other) => panic!("byte {place} of {name}: {other}"),
                Ok((true, left)) => {
                    assert_eq!(name, names.last().unwrap(), "only the last batch may be doubted");
                    assert!(left.len() >= 25 && whole[..left.len()] == left, "byte {place}");
                    doubtful += 1;
                }
                Ok((false, left)) => {
                    assert!(left == whole, "byte {place} of {name} was accepted in silence");
                    assert!(place >= used, "byte {place} of {name} is part of the log");
                    untouched += 1;
                }
            }
        }
    }
    assert!(refused > 10_000 && doubtful > 100 && untouched > 100, "{refused} {doubtful} {untouched}");
}

fn record_ends(bytes: &[u8]) -> Vec<usize> {
    let whole = Bytes::copy_from_slice(bytes);
    let mut ends = vec![0];
    while let Some((_, used)) = record::take(&whole.slice(ends[ends.len() - 1]..)) {
        ends.push(ends[ends.len() - 1] + used);
    }
    ends
}

#[tokio::test]
async fn the_log_cut_anywhere_is_refused_or_doubted_but_never_wrong() {
    let device = sample().await;
    let (_, whole) = outcome(&device.copy()).await.unwrap();
    let names = segments(&device);
    let last = names.last().unwrap();
    let ends = device.edit("log", last, |bytes| record_ends(bytes));
    for cut in (0..*ends.last().unwrap()).step_by(4) {
        let copy = device.copy();
        copy.edit("log", last, |bytes| bytes[cut..].fill(0));
        match outcome(&copy).await {
            Err(StartError::Damaged { .. }) => {}
            Err(other) => panic!("cut at {cut}: {other}"),
            Ok((doubt, left)) => {
                assert!(whole[..left.len()] == left, "cut at {cut}");
                // Only a cut right behind a record leaves no trace; a disk that loses what it synced
                // without one can be noticed by nobody.
                let end = *copy.edit("log", last, |bytes| record_ends(bytes)).last().unwrap();
                let bare = copy.edit("log", last, |bytes| bytes[end..].iter().all(|byte| *byte == 0));
                assert!(doubt || bare, "cut at {cut}");
            }
        }
    }
}

#[tokio::test]
async fn a_torn_last_batch_is_doubted_and_the_log_goes_on_behind_it() {
    let mut torn_seen = 0;
    for kept in [0, 8, 63, 64, 100, 500, 1_000, 1_064, 1_500, 2_100] {
        let device = Device::default();
        let mut running = open(&device).await.unwrap();
        running.store.save_vote(&vote(1)).await.unwrap();
        append(&mut running.store, (0..5).map(|index| entry(1, index, 50)).collect()).await;
        // The next batch is written but its sync fails, so nobody is told of it.
        device.fail_sync_after(0);
        let batch: Vec<_> = (5..7).map(|index| entry(1, index, 1_000)).collect();
        running.store.blocking_append(batch).await.expect_err("the sync failed");
        assert!(running.fatal.lock().as_ref().is_some_and(|reason| reason.contains("EIO")));
        device.crash(Crash::Torn(kept));
        let mut again = open(&device).await.unwrap();
        let left = indexes(&mut again.store).await;
        assert!(left.len() >= 5 && left == expected(1, 0..left.len() as u64), "{kept}: {left:?}");
        assert_eq!(again.doubt, kept > 0 && left.len() < 7, "{kept}: {left:?}");
        torn_seen += usize::from(again.doubt);
        // It goes on, and the next start finds what was written behind the torn batch.
        let next = left.len() as u64;
        append(&mut again.store, vec![entry(2, next, 10)]).await;
        again.store.close().await;
        device.crash(Crash::Lost);
        let mut third = open(&device).await.unwrap();
        assert_eq!(third.doubt, again.doubt, "{kept}: doubt stays until a leader has confirmed the log");
        let mut all = expected(1, 0..next);
        all.push((2, next));
        assert_eq!(indexes(&mut third.store).await, all);
    }
    assert!(torn_seen >= 7);
}

#[tokio::test]
async fn a_torn_batch_before_any_vote_is_nobodys_loss() {
    let device = Device::default();
    let mut running = open(&device).await.unwrap();
    device.fail_sync_after(0);
    running.store.blocking_append(vec![entry(0, 0, 300)]).await.expect_err("the sync failed");
    device.crash(Crash::Torn(100));
    assert!(!open(&device).await.unwrap().doubt);
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_written_or_told_any_more() {
    let device = Device::default();
    let mut running = open(&device).await.unwrap();
    append(&mut running.store, vec![entry(1, 0, 10)]).await;
    device.fail_sync_after(0);
    running.store.blocking_append(vec![entry(1, 1, 10)]).await.expect_err("the sync failed");
    // The device works again, but what was written before can not be relied on.
    let syncs = device.syncs();
    running.store.blocking_append(vec![entry(1, 2, 10)]).await.expect_err("stopped");
    running.store.save_vote(&vote(9)).await.expect_err("stopped");
    running.store.flush().await.expect_err("stopped");
    assert_eq!(device.syncs(), syncs, "nothing is tried again");
}

#[tokio::test]
async fn a_full_disk_stops_the_log_without_harm_to_what_is_there() {
    let device = Device::default();
    let mut running = open(&device).await.unwrap();
    running.store.save_vote(&vote(1)).await.unwrap();
    append(&mut running.store, vec![entry(1, 0, 100)]).await;
    device.set_capacity(Some(device.used()));
    let mut told = 1;
    for index in 1..100 {
        if running.store.blocking_append(vec![entry(1, index, 900)]).await.is_err() {
            break;
        }
        told += 1;
    }
    assert!(told < 100 && running.fatal.lock().is_some(), "the disk was full");
    device.crash(Crash::Lost);
    device.set_capacity(None);
    let mut again = open(&device).await.unwrap();
    let left = indexes(&mut again.store).await;
    assert!(left.len() >= told && left == expected(1, 0..left.len() as u64), "everything that was told is there");
}

#[tokio::test]
async fn segments_are_used_again_and_what_they_held_before_never_comes_back() {
    let device = Device::default();
    let mut running = open(&device).await.unwrap();
    running.store.save_vote(&vote(1)).await.unwrap();
    let mut most = 0;
    for index in 0..200 {
        append(&mut running.store, vec![entry(1, index, 700)]).await;
        if index % 5 == 4 {
            running.store.purge(log_id(1, 1, index)).await.unwrap();
            running.store.flush().await.unwrap();
        }
        most = most.max(device.names("log").len());
        // A crash at any moment finds exactly what is needed.
        if index % 23 == 0 {
            let copy = device.copy();
            let (doubt, left) = outcome(&copy).await.unwrap();
            let first = (index + 1) / 5 * 5;
            let found: Vec<_> = left.iter().map(|entry| (1, entry.log_id.index)).collect();
            assert_eq!((doubt, found), (false, expected(1, first..index + 1)), "{index}");
        }
    }
    assert!(most <= 7, "{most} files for a log of 140 kB in segments of 16 kB");
    let epoch = segments(&device).last().and_then(|name| segment::segment_epoch(name)).unwrap();
    assert!(epoch > 8, "segments were used again: epoch {epoch}");
}

#[tokio::test]
async fn a_missing_segment_is_damage() {
    let device = Device::default();
    let mut running = open(&device).await.unwrap();
    for index in 0..60 {
        append(&mut running.store, vec![entry(1, index, 900)]).await;
    }
    running.store.close().await;
    let names = segments(&device);
    assert!(names.len() >= 3);
    let log = device.open().folder("log").await.unwrap();
    log.remove(&names[1]).await.unwrap();
    log.sync_dir().await.unwrap();
    let error = open(&device).await.map(|_| ()).expect_err("records are missing");
    assert!(matches!(&error, StartError::Damaged { file, .. } if *file == names[0]), "{error}");
}

#[tokio::test]
async fn a_vote_survives_a_torn_write_and_one_bad_copy() {
    for copy in 0..2 {
        let device = Device::default();
        let mut running = open(&device).await.unwrap();
        running.store.save_vote(&vote(4)).await.unwrap();
        running.store.save_vote(&vote(7)).await.unwrap();
        device.crash(Crash::Lost);
        device.edit("log", "vote", |bytes| bytes[copy * 4_096 + 11] ^= 4);
        let mut again = open(&device).await.unwrap();
        assert_eq!(again.store.read_vote().await.unwrap(), Some(vote(7)));
        device.crash(Crash::Lost);
        device.edit("log", "vote", |bytes| bytes[(1 - copy) * 4_096 + 11] ^= 4);
        let mut third = open(&device).await.unwrap();
        assert_eq!(third.store.read_vote().await.unwrap(), Some(vote(7)), "a bad copy is repaired at once");
    }
    let device = Device::default();
    let mut running = open(&device).await.unwrap();
    running.store.save_vote(&vote(4)).await.unwrap();
    device.crash(Crash::Lost);
    device.edit("log", "vote", |bytes| {
        bytes[11] ^= 4;
        bytes[4_096 + 11] ^= 4;
    });
    assert!(matches!(open(&device).await.map(|_| ()), Err(StartError::Damaged { file, .. }) if file == "vote"));
}

#[tokio::test]
async fn a_vote_that_was_told_is_there_and_one_that_was_not_may_be_either() {
    for (after, kept) in [(0, 0), (0, 10), (0, 4_096), (1, 0), (1, 10)] {
        let device = Device::default();
        let mut running = open(&device).await.unwrap();
        running.store.save_vote(&vote(4)).await.unwrap();
        device.fail_sync_after(after);
        running.store.save_vote(&vote(5)).await.expect_err("a sync failed");
        device.crash(Crash::Torn(kept));
        let mut again = open(&device).await.unwrap();
        let found = again.store.read_vote().await.unwrap();
        assert!(found == Some(vote(4)) || found == Some(vote(5)), "{after} {kept}: {found:?}");
    }
}

#[test]
fn rubbish_is_no_segment() {
    for length in [0, 1, 63, 64, 65, 4_096] {
        let bytes = vec![0xa7; length];
        assert_eq!(recovery::fuzz_segment(&bytes, 1), 0);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, ..Default::default() })]

    /// Whatever is asked of the log in whatever order, a crash gives back exactly what was told.
    #[test]
    fn any_history_comes_back(steps in proptest::collection::vec((0_u8..10, 0_usize..1_500), 1..40), torn in 0_usize..3_000) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let device = Device::default();
            let mut running = open(&device).await.unwrap();
            running.store.save_vote(&vote(1)).await.unwrap();
            let mut model: Vec<RaftEntry> = Vec::new();
            let (mut term, mut purged): (u64, Option<RaftLogId>) = (1, None);
            for (step, size) in steps {
                let next = model.last().map(|last| last.log_id).or(purged).map_or(0, |id| id.index + 1);
                match step {
                    0..=5 => {
                        let entries: Vec<_> = (next..next + 1 + size as u64 % 3).map(|index| entry(term, index, size)).collect();
                        model.extend(entries.clone());
                        append(&mut running.store, entries).await;
                    }
                    6 | 7 => {
                        term += 1;
                        let keep = size % (model.len() + 1);
                        model.truncate(keep);
                        let last = model.last().map(|last| last.log_id).or(purged);
                        running.store.truncate_after(last).await.unwrap();
                    }
                    8 => {
                        if let Some(upto) = model.get(size % (model.len() + 1)).map(|entry| entry.log_id) {
                            model.retain(|entry| entry.log_id.index > upto.index);
                            purged = Some(upto);
                            running.store.purge(upto).await.unwrap();
                        }
                    }
                    _ => running.store.save_vote(&vote(term)).await.unwrap(),
                }
            }
            running.store.flush().await.unwrap();
            device.crash(Crash::Torn(torn));
            let mut again = open(&device).await.unwrap();
            assert!(!again.doubt, "everything was synced");
            assert_eq!(again.store.try_get_log_entries(..).await.unwrap(), model);
            assert_eq!(again.store.get_log_state().await.unwrap().last_purged_log_id, purged);
        });
    }
}

/// Builds stores for openraft's suite; the guard keeps what they run on.
struct Builder {
    real: bool,
}

struct Guard {
    _folder: Option<tempfile::TempDir>,
    _spawner: Arc<TokioSpawner>,
}

impl openraft::testing::log::StoreBuilder<Types, LogStore, Machine, Guard> for Builder {
    async fn build(&self) -> Result<(Guard, LogStore, Machine), StorageError<Types>> {
        let province = mpss_domain::ProvinceId::NATIONAL;
        let folder = self.real.then(|| tempfile::tempdir().unwrap());
        let root: Arc<dyn Disk> = match &folder {
            Some(folder) => Arc::new(FileDisk::open(folder.path()).unwrap()),
            None => Device::default().open(),
        };
        let spawner = Arc::new(TokioSpawner::new());
        let scope = NodeScope::new(spawner.clone() as Arc<dyn Spawner>, Arc::new(OsRandom));
        let fatal = Fatal::new(Arc::new(|_| {}));
        let opened = LogStore::open(root.folder("log").await.unwrap(), SEGMENT_BYTES, fatal.clone()).await.unwrap();
        let log = opened.start(&scope);
        let executes = Executes::everything();
        let snapshots_disk = root.folder("snapshots").await.unwrap();
        let (snapshots, _) = SnapshotStore::open(snapshots_disk, province, executes).await.unwrap();
        let history = History::open(Box::new(MemoryStore::default())).unwrap();
        let (feed, feeder) = feeder::channel(history);
        let clock = Arc::new(mpss_runtime::real::TokioClock::new());
        scope.spawn_service_dedicated("feeder", feeder.run(clock, fatal.clone()));
        let machine = Machine::new(Parts {
            shared: Shared::new(mpss_domain::State::new(province)),
            snapshots: Arc::new(snapshots),
            history: feed,
            scope,
            fatal,
            province,
            executes,
            witness: None,
        });
        Ok((Guard { _folder: folder, _spawner: spawner }, log, machine))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openraft_accepts_the_stores_on_a_real_disk() {
    openraft::testing::log::Suite::test_all(Builder { real: true }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openraft_accepts_the_stores_on_a_disk_in_memory() {
    openraft::testing::log::Suite::test_all(Builder { real: false }).await.unwrap();
}
