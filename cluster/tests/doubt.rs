//! A bad last batch: the replica asks before it votes or acknowledges, and even when all replicas
//! have one, the group comes back without losing anything that was acknowledged.

mod support;

use mpss_domain::{Outcome, SpId};
use mpss_runtime::memory::Crash;
use support::memory_group::MemoryGroup;
use support::{admit, propose, within};

fn doubtful(group: &MemoryGroup, node: u64) -> bool {
    group.devices[&node].names("log").iter().any(|name| name == "doubt")
}

async fn settled(group: &MemoryGroup, node: u64) {
    let mut names = group.devices[&node].names_changed();
    within("the doubt to be over", async {
        while doubtful(group, node) {
            names.changed().await.expect("the device is there");
        }
    })
    .await;
}

/// Damages the last record of a replica's log.
fn damage_last_batch(group: &MemoryGroup, node: u64) {
    let name = group.devices[&node].names("log").into_iter().rfind(|name| name.starts_with("segment-"));
    group.devices[&node].edit("log", &name.expect("there is a log"), |bytes| {
        // Behind the last byte that is not zero the log has ended.
        let end = bytes.iter().rposition(|byte| *byte != 0).expect("not empty");
        bytes[end] ^= 0x10;
    });
}

fn admitted(outcome: Outcome) -> SpId {
    match outcome {
        Outcome::Sp(sp) => sp,
        other => panic!("admitting an SP came to {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_with_a_bad_last_batch_is_put_right_by_the_leader() {
    let mut group = MemoryGroup::start(3).await;
    let leader = group.leader().await;
    let follower = leader % 3 + 1;
    let mut last = 0;
    for number in 0..10 {
        last = propose(group.replica(leader), admit(&format!("{number}"))).await.index;
    }
    group.replica(follower).read_at(last, |_| ()).await.expect("it has acknowledged everything");
    group.crash(follower, Crash::Lost);
    damage_last_batch(&group, follower);
    group.start_node(follower).await.expect("starts in doubt");
    assert!(doubtful(&group, follower));
    settled(&group, follower).await;
    group.replica(follower).read_at(last, |_| ()).await.expect("whole again");
    // The leader was told that the log may be shorter, and has not stumbled over it.
    assert_eq!(*group.nodes[&leader].fatal.lock(), None);
    propose(group.replica(leader), admit("after")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_doubt_a_replica_does_not_elect_one_that_lacks_what_it_acknowledged() {
    let mut group = MemoryGroup::start(3).await;
    let leader = group.leader().await;
    let (acknowledged, behind) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    let last = propose(group.replica(leader), admit("before")).await.index;
    group.replica(behind).read_at(last, |_| ()).await.expect("has it");
    // From here on one follower is away, so each entry is acknowledged by the other alone.
    group.crash(behind, Crash::Lost);
    let sp = admitted(propose(group.replica(leader), admit("only on two")).await.outcome);
    group.crash(leader, Crash::Lost);
    group.crash(acknowledged, Crash::Lost);
    damage_last_batch(&group, acknowledged);
    // The one that forgot and the one that never knew are a majority, and must not lead.
    group.start_node(acknowledged).await.expect("starts in doubt");
    group.start_node(behind).await.expect("starts");
    let both = [acknowledged, behind];
    // Several elections long; what is waited for must not come.
    let together = tokio::time::timeout(std::time::Duration::from_secs(3), group.leader_among(&both)).await;
    assert!(together.is_err(), "an entry that was acknowledged would be lost");
    assert!(doubtful(&group, acknowledged));
    group.start_node(leader).await.expect("starts");
    for node in [1, 2, 3] {
        within("the entry", async {
            while !matches!(group.replica(node).read_linearizable(|state| state.sp(sp).is_some()).await, Ok(true)) {}
        })
        .await;
    }
    settled(&group, acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_every_replica_has_a_torn_tail_the_group_still_comes_back_with_everything() {
    let mut group = MemoryGroup::start(3).await;
    let leader = group.leader().await;
    let mut kept = Vec::new();
    for number in 0..20 {
        kept.push(admitted(propose(group.replica(leader), admit(&format!("{number}"))).await.outcome));
    }
    let last = group.replica(leader).read(|state| state.index());
    for node in [1, 2, 3] {
        group.replica(node).read_at(last, |_| ()).await.expect("everyone has everything");
    }
    // Each is caught in the middle of writing something nobody was told of.
    for node in [1, 2, 3] {
        group.crash(node, Crash::Lost);
        tear(&group, node);
    }
    for node in [1, 2, 3] {
        group.start_node(node).await.expect("starts in doubt");
    }
    assert!([1, 2, 3].into_iter().all(|node| doubtful(&group, node)));
    for node in [1, 2, 3] {
        within("everything", async {
            loop {
                let look = group.replica(node).read_linearizable(|state| kept.iter().all(|sp| state.sp(*sp).is_some()));
                if let Ok(all) = look.await {
                    break assert!(all, "replica {node}");
                }
            }
        })
        .await;
        settled(&group, node).await;
    }
    let leader = group.leader().await;
    propose(group.replica(leader), admit("after")).await;
}

/// Writes the beginning of a record that was never finished.
fn tear(group: &MemoryGroup, node: u64) {
    let name = group.devices[&node].names("log").into_iter().rfind(|name| name.starts_with("segment-"));
    group.devices[&node].edit("log", &name.expect("there is a log"), |bytes| {
        let mut end = 0;
        // Records say how long they are; a good one also names its kind.
        while bytes.len() >= end + 64 && (1..=7).contains(&bytes[end + 56]) {
            let length = u32::from_le_bytes(bytes[end..end + 4].try_into().expect("four bytes")) as usize;
            end += (64 + length).next_multiple_of(8);
        }
        bytes[end..end + 40].fill(0x5a);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_replica_with_a_torn_tail_goes_on() {
    let mut group = MemoryGroup::start(1).await;
    group.leader().await;
    let sp = admitted(propose(group.replica(1), admit("kept")).await.outcome);
    group.crash(1, Crash::Lost);
    tear(&group, 1);
    group.start_node(1).await.expect("starts");
    assert!(!doubtful(&group, 1), "there is nobody to ask");
    group.leader().await;
    within("the entry", async {
        while !matches!(group.replica(1).read_linearizable(|state| state.sp(sp).is_some()).await, Ok(true)) {}
    })
    .await;
}
