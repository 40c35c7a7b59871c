//! One suite for both stores, and the history on top of them.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use mpss_domain::award::AwardStatus;
use mpss_domain::ids::IssuedId;
use mpss_domain::journal::{AccountChange, JournalBody};
use mpss_domain::sp_events::SpEvent;
use mpss_domain::{AccountId, AwardId, LogTime, OrderId, SpId};
use mpss_runtime::real::TokioClock;
use mpss_runtime::{BoxFuture, Clock};

use super::memory_store::MemoryStore;
use super::sled_store::SledStore;
use super::*;

const DAY_MS: u64 = 86_400_000;

/// Runs `check` on each kind of store; sled's is opened twice, so that what it keeps is seen.
fn on_both(check: impl Fn(&dyn Fn() -> Box<dyn JournalStore>)) {
    check(&|| Box::new(MemoryStore::default()));
    let folder = tempfile::tempdir().unwrap();
    let used = std::cell::Cell::new(0);
    check(&|| {
        used.set(used.get() + 1);
        Box::new(sled_at(&folder.path().join(format!("{}", used.get()))))
    });
}

/// sled's store, opened once whoever had it before has closed it.
fn sled_at(path: &Path) -> SledStore {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { SledStore::open(path, &TokioClock::new()).await }).unwrap()
}

fn row(index: u64, place: u16, value: &'static [u8]) -> Row {
    Row { key: RowKey::of(RecordPosition::new(index, place)), value: bytes::Bytes::from_static(value) }
}

fn key(index: u64, place: u16) -> RowKey {
    RowKey::of(RecordPosition::new(index, place))
}

#[test]
fn rows_are_kept_in_order() {
    on_both(|make| {
        let store = make();
        assert!(store.last_at_or_before(key(9, 0)).unwrap().is_none());
        assert!(store.progress().unwrap().is_none());
        let rows = vec![row(1, 0, b"a"), row(300, 0, b"b"), row(300, 7, b"c"), row(70_000, 0, b"d")];
        store.write(WriteBatch { rows: rows.clone(), days: vec![], streams: vec![], progress: b"p".to_vec() }).unwrap();
        assert_eq!(store.rows_from(key(0, 0), 10).unwrap(), rows);
        assert_eq!(store.rows_from(key(300, 1), 10).unwrap(), rows[2..]);
        assert_eq!(store.rows_from(key(2, 0), 1).unwrap(), rows[1..2]);
        assert_eq!(store.last_at_or_before(key(300, 6)).unwrap(), Some(rows[1].clone()));
        assert_eq!(store.last_at_or_before(key(u64::MAX >> 16, u16::MAX)).unwrap(), Some(rows[3].clone()));
        assert_eq!(store.last_at_or_before(key(0, 5)).unwrap(), None);
        assert_eq!(store.progress().unwrap(), Some(b"p".to_vec()));
        store.flush().unwrap();
    });
}

#[test]
fn the_first_position_of_a_day_counts_whatever_the_order() {
    on_both(|make| {
        let store = make();
        for position in [50, 20, 70] {
            store
                .write(WriteBatch { rows: vec![], days: vec![(3, position)], streams: vec![], progress: vec![] })
                .unwrap();
        }
        assert_eq!(store.day(3).unwrap(), Some(20));
        assert_eq!(store.day(4).unwrap(), None);
    });
}

fn record(index: u64, place: u16, previous: Option<RecordPosition>) -> JournalRecord {
    JournalRecord {
        position: RecordPosition::new(index, place),
        // A day every ten entries.
        at: LogTime(index / 10 * DAY_MS),
        previous,
        body: JournalBody::AccountChanged { account: AccountId::from_bits(index), change: AccountChange::Opened },
    }
}

/// Entry `index` with `count` records, chained one behind the other through all entries.
fn entry(index: u64, count: u16) -> (u64, Vec<JournalRecord>) {
    let previous = |place: u16| match place.checked_sub(1) {
        Some(before) => Some(RecordPosition::new(index, before)),
        None if index > 1 => Some(RecordPosition::new(index - 1, count - 1)),
        None => None,
    };
    (index, (0..count).map(|place| record(index, place, previous(place))).collect())
}

#[test]
fn records_are_found_one_by_one_in_chains_and_in_ranges() {
    on_both(|make| {
        let history = History::open(make()).unwrap();
        history.record(&(1..=30).map(|index| entry(index, 3)).collect::<Vec<_>>()).unwrap();
        assert_eq!(history.cursor(), 30);
        let one = history.get(RecordPosition::new(17, 2)).unwrap();
        assert_eq!(one, record(17, 2, Some(RecordPosition::new(17, 1))));
        assert!(matches!(history.get(RecordPosition::new(17, 3)), Err(HistoryError::Missing(_))));
        assert!(matches!(history.get(RecordPosition::new(31, 0)), Err(HistoryError::Missing(_))));
        let chain = history.chain(Some(RecordPosition::new(30, 2)), 7).unwrap();
        let places: Vec<_> = chain.iter().map(|record| (record.position.index(), record.position.place())).collect();
        assert_eq!(places, [(30, 2), (30, 1), (30, 0), (29, 2), (29, 1), (29, 0), (28, 2)]);
        assert_eq!(history.chain(Some(RecordPosition::new(30, 2)), 1_000).unwrap().len(), 90);
        assert!(history.chain(None, 5).unwrap().is_empty());
        let range = history.range(RecordPosition::new(12, 1), 4).unwrap();
        let places: Vec<_> = range.iter().map(|record| (record.position.index(), record.position.place())).collect();
        assert_eq!(places, [(12, 1), (12, 2), (13, 0), (13, 1)]);
        assert_eq!(history.range(RecordPosition::from_number(0), usize::MAX).unwrap().len(), 90);
        let day = LogTime(20 * DAY_MS / 10).business_day();
        assert_eq!(history.first_of_day(day).unwrap(), Some(RecordPosition::new(20, 0)));
    });
}

#[test]
fn entries_of_any_size_are_cut_into_rows_and_found_again() {
    on_both(|make| {
        let history = History::open(make()).unwrap();
        let (_, many) = entry(1, 9_000);
        assert!(row::rows_of(&many).len() > 3, "in several rows");
        assert!(row::rows_of(&many).iter().all(|row| row.value.len() <= (32 << 10) + 16));
        history.record(&[(1, many.clone()), (2, Vec::new()), entry(3, 1)]).unwrap();
        for place in [0, 1, 4_999, 8_999] {
            assert_eq!(history.get(RecordPosition::new(1, place)).unwrap(), many[usize::from(place)]);
        }
        assert_eq!(history.range(RecordPosition::new(1, 4_000), 10).unwrap(), many[4_000..4_010]);
        assert_eq!((history.cursor(), history.gaps()), (3, vec![]));
    });
}

#[test]
fn a_gap_is_said_and_filled_from_another_replica_in_parts() {
    on_both(|make| {
        let whole = History::open(make()).unwrap();
        whole.record(&(1..=100).map(|index| entry(index, 5)).collect::<Vec<_>>()).unwrap();
        let history = History::open(make()).unwrap();
        history.record(&[entry(1, 5), entry(2, 5)]).unwrap();
        history.jump(90).unwrap();
        history.record(&[entry(91, 5)]).unwrap();
        assert_eq!((history.cursor(), history.gaps()), (91, vec![(2, 90)]));
        assert!(matches!(history.get(RecordPosition::new(50, 0)), Err(HistoryError::Missing(_))));
        assert!(matches!(history.chain(Some(RecordPosition::new(91, 4)), 100), Err(HistoryError::Missing(_))));
        assert!(matches!(history.range(RecordPosition::new(50, 0), 9), Err(HistoryError::Missing(_))));
        assert_eq!(history.range(RecordPosition::new(1, 0), 100).unwrap().len(), 10, "up to the gap");
        let mut parts = 0;
        while let Some((after, upto)) = history.gaps().first().copied() {
            let (after, upto, rows) = whole.part(after, upto, 600).unwrap();
            history.fill(after, upto, rows).unwrap();
            parts += 1;
        }
        assert!(parts > 5, "in parts of bounded size");
        let all = whole.range(RecordPosition::from_number(0), 91 * 5).unwrap();
        assert_eq!(history.range(RecordPosition::from_number(0), usize::MAX).unwrap(), all);
        let day = LogTime(5 * DAY_MS).business_day();
        assert_eq!(history.first_of_day(day).unwrap(), whole.first_of_day(day).unwrap());
        assert!(history.part(91, 200, 600).unwrap().2.is_empty(), "what is not here is not told");
    });
}

/// What an SP was told, as entry `index` has it: so many events, from number `first` on, among other records.
fn told(index: u64, sp: u64, first: u64, count: u16) -> (u64, Vec<JournalRecord>) {
    let (_, mut records) = entry(index, count * 2);
    for (number, record) in (first..).zip(records.iter_mut().skip(1).step_by(2)) {
        let (award, order) = (AwardId::from_bits(1), OrderId::from_bits(index));
        let event = SpEvent::Award { award, order, status: AwardStatus::Crediting };
        record.body = JournalBody::SpTold { sp: SpId::from_bits(sp), number, event };
    }
    (index, records)
}

fn numbers(history: &History, sp: u64, after: u64, limit: usize) -> Vec<u64> {
    let records = history.stream(sp, after, limit).unwrap();
    records.iter().map(|record| record.body.stream().unwrap().1).collect()
}

#[test]
fn a_stream_is_read_on_from_any_number_and_is_its_own() {
    on_both(|make| {
        let history = History::open(make()).unwrap();
        let entries = [told(1, 7, 1, 2), told(2, 8, 1, 3), entry(3, 2), told(4, 7, 3, 200), told(5, 9, 1, 1)];
        history.record(&entries).unwrap();
        assert_eq!(numbers(&history, 7, 0, 1_000), (1..=202).collect::<Vec<_>>());
        assert_eq!(numbers(&history, 7, 0, 3), [1, 2, 3]);
        assert_eq!(numbers(&history, 7, 2, 2), [3, 4]);
        assert_eq!(numbers(&history, 7, 201, 9), [202]);
        assert_eq!(numbers(&history, 8, 0, 9), [1, 2, 3]);
        for (sp, after) in [(7, 202), (7, 203), (7, u64::MAX), (6, 0), (10, 0)] {
            assert_eq!(numbers(&history, sp, after, 9), [0_u64; 0], "{sp} {after}");
        }
        let record = history.stream(8, 1, 1).unwrap().remove(0);
        assert_eq!((record.position, record.at), (RecordPosition::new(2, 3), LogTime(0)));
        // The same entry again changes nothing.
        history.record(&entries).unwrap();
        assert_eq!(numbers(&history, 7, 200, 9), [201, 202]);
    });
}

#[test]
fn a_stream_ends_before_what_is_not_here_and_goes_on_once_it_is() {
    on_both(|make| {
        let whole = History::open(make()).unwrap();
        whole.record(&(1..=60).map(|index| told(index, 7, index * 2 - 1, 2)).collect::<Vec<_>>()).unwrap();
        let history = History::open(make()).unwrap();
        history.record(&[told(1, 7, 1, 2), told(2, 7, 3, 2)]).unwrap();
        history.jump(50).unwrap();
        history.record(&[told(51, 7, 101, 2)]).unwrap();
        assert_eq!(numbers(&history, 7, 0, 1_000), [1, 2, 3, 4]);
        assert_eq!(numbers(&history, 7, 4, 1_000), [0_u64; 0]);
        assert_eq!(numbers(&history, 7, 100, 1_000), [101, 102]);
        while let Some((after, upto)) = history.gaps().first().copied() {
            let (after, upto, rows) = whole.part(after, upto, 600).unwrap();
            history.fill(after, upto, rows).unwrap();
        }
        let (here, there) = (history.stream(7, 0, 1_000).unwrap(), whole.stream(7, 0, 102).unwrap());
        assert_eq!((here.len(), here == there), (102, true), "filled from another replica");
    });
}

#[test]
fn sled_keeps_its_rows_and_progress_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(Box::new(sled_at(folder.path()))).unwrap();
    history.record(&[told(1, 7, 1, 2), entry(2, 2)]).unwrap();
    history.jump(5).unwrap();
    history.flush().unwrap();
    drop(history);
    let again = History::open(Box::new(sled_at(folder.path()))).unwrap();
    assert_eq!((again.cursor(), again.gaps()), (5, vec![(2, 5)]));
    assert_eq!(again.get(RecordPosition::new(2, 1)).unwrap().position, RecordPosition::new(2, 1));
    assert_eq!(numbers(&again, 7, 0, 9), [1, 2]);
    again.record(&[entry(1, 2), entry(4, 2), entry(6, 2)]).unwrap();
    assert_eq!((again.cursor(), again.gaps()), (6, vec![(2, 3), (4, 5)]), "what is here is passed over");
}

/// A clock on which every wait is over at once, and which tells how long it has been waited for.
#[derive(Default)]
struct AtOnce {
    now: Mutex<Duration>,
    /// Dropped when the time has come.
    holds: Mutex<Option<(Duration, File)>>,
}

impl Clock for AtOnce {
    fn monotonic(&self) -> Duration {
        *self.now.lock()
    }

    fn wall_ms(&self) -> u64 {
        0
    }

    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()> {
        *self.now.lock() = deadline;
        drop(self.holds.lock().take_if(|(until, _)| *until <= deadline));
        Box::pin(std::future::ready(()))
    }
}

#[test]
fn a_store_that_is_still_open_is_waited_for_and_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let opened = |clock: &AtOnce| futures::executor::block_on(SledStore::open(folder.path(), clock)).map(|_| ());
    drop(sled_at(folder.path()));
    let holder = || {
        let file = File::open(folder.path().join("db")).unwrap();
        // sled's own threads may still be letting go.
        file.lock().unwrap();
        file
    };
    let held = holder();
    let clock = AtOnce::default();
    let refused = opened(&clock).unwrap_err();
    assert!(matches!(refused, StoreError::Held), "{refused:?}");
    assert!(HistoryError::from(refused).is_no_damage());
    assert!(clock.monotonic() >= Duration::from_secs(1), "it was waited for");
    drop(held);
    let until = Duration::from_millis(500);
    let clock = AtOnce { holds: Mutex::new(Some((until, holder()))), ..AtOnce::default() };
    opened(&clock).unwrap();
    assert_eq!(clock.monotonic(), until, "opened once it was free, not later");
}

#[test]
fn a_disk_without_room_is_told_from_damage() {
    let sled_failed = |kind: std::io::ErrorKind| HistoryError::from(StoreError::Sled(sled::Error::Io(kind.into())));
    assert!(sled_failed(std::io::ErrorKind::StorageFull).is_no_damage());
    assert!(!sled_failed(std::io::ErrorKind::InvalidData).is_no_damage());
    assert!(!HistoryError::from(StoreError::Key(3)).is_no_damage());
}
