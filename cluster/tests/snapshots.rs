//! Snapshots: taken, restarted from, sent to replicas that lag; and the read side across all that.

mod support;

use mpss_cluster::{Replica, StartError};
use mpss_domain::RecordPosition;
use mpss_runtime::memory::Crash;
use mpss_runtime::real::TcpTransport;
use support::memory_group::{MemoryGroup, address};
use support::{TcpGroup, member, open_account, propose, quick, until, within};

fn small(options: &mut mpss_cluster::ReplicaOptions) {
    quick(options);
    options.segment_bytes = 64 << 10;
    options.snapshot_log_bytes = 8 << 10;
    options.digest_interval_entries = 10;
}

/// Waits until the read side of a replica is whole and holds everything up to `index`.
async fn whole_history(replica: &Replica, index: u64) {
    let mut changed = replica.history().watch();
    within("the history", async {
        loop {
            if replica.history().cursor() >= index && replica.history().gaps().is_empty() {
                return;
            }
            changed.changed().await.expect("the history goes on");
        }
    })
    .await;
}

/// Every record of the history, as every replica must have it.
fn records(replica: &Replica) -> Vec<mpss_domain::JournalRecord> {
    replica.history().range(RecordPosition::from_number(0), usize::MAX).expect("whole")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_starts_again_from_its_snapshot_and_the_log_behind_it() {
    let mut group = TcpGroup::start(1).await;
    group.leader().await;
    for number in 0..20 {
        propose(group.replica(1), open_account(number)).await;
    }
    group.replica(1).snapshot_now().await.expect("taken");
    let snapshot = group.replica(1).watch().borrow().snapshot;
    assert!(snapshot >= 20);
    let mut last = 0;
    for number in 20..30 {
        last = propose(group.replica(1), open_account(number)).await.index;
    }
    let before = group.replica(1).view();
    group.kill(1);
    group.restart(1).await.expect("starts again");
    let replica = group.replica(1);
    within("everything", async { while replica.read_at(last, |_| ()).await.is_err() {} }).await;
    let after = replica.view();
    assert_eq!(after.row_counts(), before.row_counts());
    assert_eq!(after.content_digest(), before.content_digest());
    whole_history(replica, last).await;
    assert_eq!(records(replica).len(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_come_by_themselves_and_the_log_behind_them_goes() {
    let group = MemoryGroup::start_tuned(1, small).await;
    group.leader().await;
    let mut number = 0;
    within("a purged log", async {
        loop {
            propose(group.replica(1), open_account(number)).await;
            number += 1;
            let status = group.replica(1).watch().borrow().clone();
            if status.snapshot > 0 && status.first_log > 1 {
                assert!(status.first_log <= status.snapshot + 1, "only what a snapshot holds may go");
                break;
            }
        }
    })
    .await;
    let snapshots = group.devices[&1].names("snapshots");
    assert!(snapshots.len() <= 2, "old snapshots are removed: {snapshots:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_lags_too_far_gets_a_snapshot_and_its_history_from_the_others() {
    let mut group = MemoryGroup::start_tuned(3, small).await;
    let leader = group.leader().await;
    let lagging = leader % 3 + 1;
    propose(group.replica(leader), open_account(0)).await;
    group.crash(lagging, Crash::Lost);
    let mut number = 1;
    let mut last = 0;
    within("the log to be gone", async {
        loop {
            last = propose(group.replica(leader), open_account(number)).await.index;
            number += 1;
            if group.replica(leader).watch().borrow().first_log > 20 {
                break;
            }
        }
    })
    .await;
    group.start_node(lagging).await.expect("starts again");
    let replica = group.replica(lagging);
    until(replica, "the snapshot", |status| status.snapshot > 0).await;
    within("everything", async { while replica.read_at(last, |_| ()).await.is_err() {} }).await;
    let leader_view = group.replica(leader).view();
    if leader_view.index() == replica.view().index() {
        assert_eq!(leader_view.content_digest(), replica.view().content_digest());
    }
    whole_history(replica, last).await;
    whole_history(group.replica(leader), last).await;
    let (ours, theirs) = (records(replica), records(group.replica(leader)));
    assert_eq!(ours, theirs[..ours.len()], "the read side is the same everywhere");
    assert!(ours.len() as u64 >= number);
    assert_eq!(*group.nodes[&lagging].fatal.lock(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_goes_over_tcp_to_a_new_replica() {
    let mut group = TcpGroup::start_tuned(1, small).await;
    group.leader().await;
    let mut number = 0;
    within("the log to be gone", async {
        while group.replica(1).watch().borrow().first_log < 30 {
            propose(group.replica(1), open_account(number)).await;
            number += 1;
        }
    })
    .await;
    let transport = TcpTransport::bind("127.0.0.1:0").await.expect("binds");
    let new = transport.local_addr().to_string();
    group.start_node(2, transport.into(), std::collections::BTreeMap::new()).await.expect("starts and waits");
    group.replica(1).add_learner(2, member(&new)).await.expect("added");
    let last = propose(group.replica(1), open_account(number)).await.index;
    group.replica(2).read_at(last, |_| ()).await.expect("caught up");
    whole_history(group.replica(2), last).await;
    whole_history(group.replica(1), last).await;
    assert_eq!(records(group.replica(2)), records(group.replica(1)));
    assert_eq!(group.replica(2).read(|state| state.row_counts()), group.replica(1).read(|state| state.row_counts()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_history_is_rebuilt_from_another_replica() {
    let mut group = TcpGroup::start_tuned(3, small).await;
    let leader = group.leader().await;
    let mut last = 0;
    for number in 0..60 {
        last = propose(group.replica(leader), open_account(number)).await.index;
    }
    let lost = leader % 3 + 1;
    group.replica(lost).read_at(last, |_| ()).await.expect("has everything");
    group.replica(lost).snapshot_now().await.expect("taken");
    group.replica(lost).shutdown().await;
    drop(group.nodes.remove(&lost));
    std::fs::remove_dir_all(group.path(lost).join("history")).expect("removed");
    group.restart(lost).await.expect("starts again");
    within("everything", async { while group.replica(lost).read_at(last, |_| ()).await.is_err() {} }).await;
    whole_history(group.replica(lost), last).await;
    whole_history(group.replica(leader), last).await;
    assert_eq!(records(group.replica(lost)), records(group.replica(leader)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_snapshot_is_refused_by_name() {
    let mut group = MemoryGroup::start_tuned(1, quick).await;
    group.leader().await;
    for number in 0..20 {
        propose(group.replica(1), open_account(number)).await;
    }
    group.replica(1).snapshot_now().await.expect("taken");
    group.replica(1).shutdown().await;
    drop(group.nodes.remove(&1));
    let names = group.devices[&1].names("snapshots");
    assert_eq!(names.len(), 1);
    let whole = group.devices[&1].clone();
    let length = whole.edit("snapshots", &names[0], |bytes| bytes.len());
    for place in (0..length).step_by(length / 97) {
        let copy = whole.copy();
        copy.edit("snapshots", &names[0], |bytes| bytes[place] ^= 1 << (place % 8));
        group.devices.insert(1, copy);
        let refused = group.start_node(1).await.expect_err("a bit is flipped");
        assert!(matches!(&refused, StartError::Damaged { file, .. } if *file == names[0]), "byte {place}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_takes_no_snapshot_and_harms_nothing() {
    let group = MemoryGroup::start_tuned(1, small).await;
    group.leader().await;
    group.devices[&1].set_capacity(Some(group.devices[&1].used() + (10 << 20)));
    // Far past the bytes that make a snapshot due.
    for number in 0..120 {
        propose(group.replica(1), open_account(number)).await;
    }
    assert_eq!(group.replica(1).watch().borrow().snapshot, 0, "there is too little room for one");
    group.devices[&1].set_capacity(None);
    until(group.replica(1), "a snapshot when there is room", |status| status.snapshot > 0).await;
    assert_eq!(*group.nodes[&1].fatal.lock(), None);
    assert!(group.addresses().contains(&address(1)));
}
