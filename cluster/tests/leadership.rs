//! Leaders die, come back, hand over; nothing that was acknowledged is lost.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use mpss_cluster::{MembershipError, Role};
use mpss_domain::{Outcome, SpId};
use mpss_runtime::memory::Crash;
use parking_lot::Mutex;
use support::memory_group::MemoryGroup;
use support::{TcpGroup, admit, propose, until, within};

fn admitted(outcome: Outcome) -> SpId {
    match outcome {
        Outcome::Sp(sp) => sp,
        other => panic!("admitting an SP came to {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_leader_is_replaced_and_catches_up_when_it_is_back() {
    let mut group = TcpGroup::start(3).await;
    let first = group.leader().await;
    let before = admitted(propose(group.replica(first), admit("before")).await.outcome);
    group.kill(first);
    let second = group.leader().await;
    assert_ne!(first, second);
    let during = propose(group.replica(second), admit("during")).await;
    group.restart(first).await.expect("starts again");
    let replica = group.replica(first);
    within("the old leader to catch up", async {
        loop {
            match replica.read_at(during.index, |state| state.index()).await {
                Ok(_) => break,
                Err(error) => eprintln!("waiting again after: {error}"),
            }
        }
    })
    .await;
    let during = admitted(during.outcome);
    replica.read(|state| assert!(state.sp(before).is_some() && state.sp(during).is_some()));
    assert_eq!(group.fatal(first), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_acknowledged_is_there_after_all_were_killed_at_once() {
    let mut group = TcpGroup::start(3).await;
    let leader = group.leader().await;
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let clients: Vec<_> = (0..16)
        .map(|client| {
            let replica = group.replica(1 + client % 3).clone();
            let acknowledged = acknowledged.clone();
            tokio::spawn(async move {
                for number in 0.. {
                    if let Ok(reply) = replica.propose(admit(&format!("{client}-{number}"))).await {
                        acknowledged.lock().insert(admitted(reply.outcome));
                    } else {
                        return;
                    }
                }
            })
        })
        .collect();
    within("enough acknowledgements", async {
        while acknowledged.lock().len() < 500 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for node in [leader, leader % 3 + 1, (leader + 1) % 3 + 1] {
        group.kill(node);
    }
    for client in clients {
        // Ended tasks of a killed node never answer their callers.
        client.abort();
    }
    let expected = acknowledged.lock().clone();
    for node in [1, 2, 3] {
        group.restart(node).await.expect("starts again");
    }
    for node in [1, 2, 3] {
        let missing = within("a confirmed read", async {
            loop {
                let look = group
                    .replica(node)
                    .read_linearizable(|state| expected.iter().filter(|sp| state.sp(**sp).is_none()).count());
                if let Ok(missing) = look.await {
                    return missing;
                }
            }
        })
        .await;
        assert_eq!(missing, 0, "of {} acknowledged", expected.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_acknowledged_survives_a_power_cut_of_all() {
    let mut group = MemoryGroup::start(3).await;
    for round in 0..4 {
        let leader = group.leader().await;
        let mut kept = Vec::new();
        for number in 0..30 {
            let reply = propose(group.replica(leader), admit(&format!("{round}-{number}"))).await;
            kept.push(admitted(reply.outcome));
        }
        for node in [1, 2, 3] {
            group.crash(node, if round % 2 == 0 { Crash::Lost } else { Crash::Kept });
        }
        for node in [1, 2, 3] {
            group.start_node(node).await.expect("starts again");
        }
        for node in [1, 2, 3] {
            within("recovery", async { while group.replica(node).wait_recovered(support::PATIENCE).await.is_err() {} })
                .await;
            group.replica(node).read(|state| {
                assert!(kept.iter().all(|sp| state.sp(*sp).is_some()), "round {round}, replica {node}");
            });
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_is_handed_over_on_request() {
    let group = TcpGroup::start(3).await;
    let first = group.leader().await;
    propose(group.replica(first), admit("first")).await;
    let to = first % 3 + 1;
    let refused = group.replica(to).transfer_leadership(first).await;
    assert!(matches!(refused, Err(MembershipError::NotLeader(Some(_)))), "{refused:?}");
    let refused = group.replica(first).transfer_leadership(9).await;
    assert!(matches!(refused, Err(MembershipError::Refused(_))), "{refused:?}");
    group.replica(first).transfer_leadership(to).await.expect("handed over");
    until(group.replica(to), "the new leader", |status| status.role == Role::Leader).await;
    propose(group.replica(first), admit("second")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_confirms_no_read_and_the_rest_go_on() {
    let group = MemoryGroup::start_tuned(3, |options| {
        support::quick(options);
        options.propose_deadline = std::time::Duration::from_millis(1_500);
    })
    .await;
    let old = group.leader().await;
    let others: Vec<u64> = [1, 2, 3].into_iter().filter(|node| *node != old).collect();
    propose(group.replica(old), admit("before")).await;
    group.cut(old, true);
    let new = group.leader_among(&others).await;
    let after = admitted(propose(group.replica(new), admit("after")).await.outcome);
    // The old leader may still think it leads; what it has is stale, and it must not say otherwise.
    let read = group.replica(old).read_linearizable(|state| state.sp(after).is_some()).await;
    assert!(!matches!(read, Ok(false)), "a stale read was confirmed");
    group.cut(old, false);
    within("the old leader to see it", async {
        loop {
            if let Ok(seen) = group.replica(old).read_linearizable(|state| state.sp(after).is_some()).await {
                break assert!(seen);
            }
        }
    })
    .await;
}

/// A follower that takes back what it confirmed makes openraft's core panic. The replica must say so and
/// stop: one that went on would serve, and lead in its own eyes, without replicating anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_whose_core_panicked_says_that_it_must_not_go_on() {
    let group = MemoryGroup::start(3).await;
    let leader = group.leader().await;
    propose(group.replica(leader), admit("before")).await;
    let liar = [1, 2, 3].into_iter().find(|node| *node != leader).expect("there are three");
    group.network.set_lying(&support::memory_group::address(leader), &support::memory_group::address(liar));
    // What this comes to does not matter: the leader is about to end.
    let _ = group.replica(leader).propose(admit("lied about")).await;
    let stopped = until(group.replica(leader), "the leader to stop", |status| status.role == Role::Stopped).await;
    assert_eq!(stopped.leader, None, "a stopped replica does not lead");
    let why = group.nodes[&leader].fatal.lock().clone().expect("it said why before it stopped");
    assert!(why.contains("replication"), "{why}");
}
