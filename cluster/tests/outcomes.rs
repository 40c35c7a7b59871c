//! What a caller is told: nothing happened, or nobody knows, and never the one for the other.

mod support;

use std::time::Duration;

use futures::future::select_all;
use mpss_cluster::{ProposeError, ReadError, Role};
use mpss_domain::{Command, Outcome, Request, Verb};
use support::memory_group::{MemoryGroup, address};
use support::{admit, propose, quick, until, within};

fn short(options: &mut mpss_cluster::ReplicaOptions) {
    quick(options);
    options.propose_deadline = Duration::from_millis(600);
    options.queue_commands_max = 8;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_leader_nothing_happens_and_that_is_said() {
    let mut group = MemoryGroup::start_tuned(3, short).await;
    let leader = group.leader().await;
    propose(group.replica(leader), admit("before")).await;
    let left = leader % 3 + 1;
    for node in [1, 2, 3].into_iter().filter(|node| *node != left) {
        group.crash(node, mpss_runtime::memory::Crash::Kept);
    }
    assert_eq!(group.replica(left).propose(admit("never")).await, Err(ProposeError::Unavailable));
    let read = group.replica(left).read_linearizable(|_| ()).await;
    assert_eq!(read, Err(ReadError::Unavailable));
    let ahead = group.replica(left).read(|state| state.index()) + 100;
    assert_eq!(group.replica(left).read_at(ahead, |_| ()).await, Err(ReadError::Unavailable));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_without_its_followers_does_not_know() {
    let group = MemoryGroup::start_tuned(3, short).await;
    let leader = group.leader().await;
    propose(group.replica(leader), admit("before")).await;
    group.cut(leader, true);
    // It is in this leader's log, and may come to be committed when the others are back.
    let told = group.replica(leader).propose(admit("perhaps")).await;
    assert!(matches!(told, Err(ProposeError::Unknown)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_on_the_way_back_is_unknown_and_asked_again_is_the_same() {
    let group = MemoryGroup::start_tuned(3, short).await;
    let leader = group.leader().await;
    let follower = leader % 3 + 1;
    until(group.replica(follower), "the leader", |status| status.leader == Some(leader)).await;
    propose(group.replica(follower), admit("before")).await;
    group.network.set_deaf(&address(follower), &address(leader), true);
    let command = Command { request: Some(Request { key: 7, content: 7 }), verb: admit("once").verb };
    let told = group.replica(follower).propose(command.clone()).await;
    assert_eq!(told, Err(ProposeError::Unknown));
    group.network.set_deaf(&address(follower), &address(leader), false);
    let again = propose(group.replica(follower), command).await;
    assert!(again.replayed, "it had happened");
    assert!(matches!(again.outcome, Outcome::Sp(_)));
    group.replica(leader).read(|state| {
        assert_eq!(state.sps().filter(|sp| sp.name == "once").count(), 1);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_at_once_are_refused_and_too_large_ones_hurt_nobody_else() {
    let group = MemoryGroup::start_tuned(3, short).await;
    let leader = group.leader().await;
    propose(group.replica(leader), admit("before")).await;
    group.cut(leader, true);
    // Nothing is committed now, so entries in flight and the queue fill up.
    let replica = group.replica(leader).clone();
    let many: Vec<_> = (0..200)
        .map(|number| {
            let replica = replica.clone();
            tokio::spawn(async move { replica.propose(admit(&format!("{number}"))).await })
        })
        .collect();
    let mut busy = 0;
    for one in many {
        match one.await.expect("no panic") {
            Err(ProposeError::Busy { retry_after }) => {
                assert!(retry_after > Duration::ZERO);
                busy += 1;
            }
            Err(ProposeError::Unknown | ProposeError::Unavailable) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(busy > 0, "the queue is bounded");
    group.cut(leader, false);
    let leader = group.leader().await;
    let large = admit(&"x".repeat(2 << 20));
    let (large, small) =
        tokio::join!(group.replica(leader).propose(large), propose(group.replica(leader), admit("small")));
    assert!(matches!(large, Err(ProposeError::TooLarge { bytes, max }) if bytes > max), "{large:?}");
    assert!(matches!(small.outcome, Outcome::Sp(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_commands_share_entries_without_growing_past_the_bound() {
    let group = MemoryGroup::start_tuned(3, quick).await;
    let leader = group.leader().await;
    let follower = leader % 3 + 1;
    propose(group.replica(leader), admit("before")).await;
    let clients: Vec<_> = (0..60)
        .map(|number| {
            let replica = group.replica(if number % 2 == 0 { leader } else { follower }).clone();
            tokio::spawn(async move { propose(&replica, admit(&format!("{number}{}", "x".repeat(100_000)))).await })
        })
        .collect();
    let mut entries = std::collections::BTreeSet::new();
    for client in clients {
        entries.insert(client.await.expect("no panic").index);
    }
    assert!(entries.len() >= 6, "6 MB of commands are more than a few entries: {}", entries.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_replica_says_so() {
    let group = MemoryGroup::start(1).await;
    group.leader().await;
    propose(group.replica(1), admit("before")).await;
    group.replica(1).shutdown().await;
    assert_eq!(group.replica(1).propose(admit("after")).await, Err(ProposeError::Stopped));
    until(group.replica(1), "its end", |status| status.role == Role::Stopped).await;
    assert_eq!(group.replica(1).read_linearizable(|_| ()).await, Err(ReadError::Stopped));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_disk_ends_the_replica_and_the_others_go_on() {
    let group = MemoryGroup::start(3).await;
    let leader = group.leader().await;
    propose(group.replica(leader), admit("before")).await;
    group.devices[&leader].fail_sync_after(0);
    // Who asked may be told that nobody knows; nobody is told of success by this leader alone.
    let told = group.replica(leader).propose(admit("perhaps")).await;
    eprintln!("{told:?}");
    until(group.replica(leader), "its end", |status| status.role == Role::Stopped).await;
    within("fatal to be told", async {
        while group.nodes[&leader].fatal.lock().is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(group.nodes[&leader].fatal.lock().as_ref().is_some_and(|reason| reason.contains("EIO")));
    let others: Vec<u64> = [1, 2, 3].into_iter().filter(|node| *node != leader).collect();
    let next = group.leader_among(&others).await;
    propose(group.replica(next), admit("after")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_computes_something_else_stops() {
    let group = MemoryGroup::start(3).await;
    let leader = group.leader().await;
    let reply = propose(group.replica(leader), admit("before")).await;
    // A wrong digest in the log is what divergence looks like to everyone.
    let lie = Command::internal(Verb::CompareDigest { index: reply.index, digest: 1 });
    let _ = group.replica(leader).propose(lie).await;
    // A replica that stops tells the next one nothing more, so that the last of three may be left alone
    // with an entry that it never hears to be committed.
    let ends = [1, 2, 3].map(|node| {
        let end = until(group.replica(node), "its end", |status| status.role == Role::Stopped);
        Box::pin(async move { (end.await, node).1 })
    });
    let (first, _, others) = select_all(ends).await;
    let (second, _, _) = select_all(others).await;
    for node in [first, second] {
        assert!(group.nodes[&node].fatal.lock().as_ref().is_some_and(|reason| reason.contains("diverged")));
    }
    let last = group.replica(6 - first - second);
    let of_the_last = group.nodes[&(6 - first - second)].fatal.lock().clone();
    assert!(of_the_last.as_ref().is_none_or(|reason| reason.contains("diverged")), "{of_the_last:?}");
    // And it leads nobody.
    let refused = last.propose(admit("after")).await;
    assert!(refused.is_err(), "{refused:?}");
}
