//! The group changes: replicas are added, replaced, and those that lost their disk are refused.

mod support;

use std::time::Duration;

use mpss_cluster::{MembershipError, Role, StartError};
use mpss_runtime::memory::{Crash, Device};
use support::memory_group::{MemoryGroup, address};
use support::{admit, member, propose, until, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_replica_is_replaced_by_one_with_a_new_number() {
    let mut group = MemoryGroup::start(3).await;
    let leader = group.leader().await;
    let sp = propose(group.replica(leader), admit("before")).await;
    let dead = leader % 3 + 1;
    group.crash(dead, Crash::Lost);
    group.devices.remove(&dead);
    group.start_node(4).await.expect("starts and waits");
    let early = group.replica(leader).change_voters(vec![leader, 4]).await;
    assert!(matches!(early, Err(MembershipError::Refused(_))), "4 is not known yet: {early:?}");
    group.replica(leader).add_learner(4, member(&address(4))).await.expect("added");
    until(group.replica(4), "to learn", |status| status.role == Role::Learner && status.learners.contains_key(&4))
        .await;
    let voters: Vec<u64> = [1, 2, 3, 4].into_iter().filter(|node| *node != dead).collect();
    group.replica(leader).change_voters(voters.clone()).await.expect("changed");
    // On the way those who voted before and those who will are voters both.
    let status = until(group.replica(4), "its vote", |status| status.voters.keys().eq(&voters)).await;
    assert_eq!(status.voters[&4], member(&address(4)));
    assert!(group.replica(4).read_at(sp.index, |state| state.index()).await.expect("caught up") >= sp.index);
    // The new one is worth a vote: with it and one more there is a quorum.
    group.crash(leader, Crash::Lost);
    let rest: Vec<u64> = voters.into_iter().filter(|node| *node != leader).collect();
    let next = group.leader_among(&rest).await;
    propose(group.replica(next), admit("after")).await;
}

/// A leader that waits no longer for the first step of a change leaves it half done.
fn impatient(options: &mut mpss_cluster::ReplicaOptions) {
    support::quick(options);
    options.propose_deadline = Duration::from_millis(200);
    // It stays the leader although nobody answers for a while.
    options.election_min = Duration::from_secs(3);
    options.election_max = Duration::from_secs(4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_nobody_ended_is_ended_before_the_next_one() {
    let mut group = MemoryGroup::start_tuned(3, impatient).await;
    let leader = group.leader().await;
    propose(group.replica(leader), admit("before")).await;
    let (gone, stays) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    group.start_node(4).await.expect("starts and waits");
    group.replica(leader).add_learner(4, member(&address(4))).await.expect("added");
    group.cut(leader, true);
    let half_done = group.replica(leader).change_voters(vec![leader, stays, 4]).await;
    assert_eq!(half_done, Err(MembershipError::Unknown));
    group.cut(leader, false);
    let leader = group.leader_among(&[leader, stays]).await;
    let both = until(group.replica(leader), "both groups", |status| status.voters.len() == 4).await;
    assert!(both.learners.is_empty());
    group.start_node(5).await.expect("starts and waits");
    within("the next change", async {
        // The half that was done may not be committed yet.
        while group.replica(leader).add_learner(5, member(&address(5))).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let ended = group.replica(leader).watch().borrow().clone();
    assert!(!ended.voters.contains_key(&gone) && !ended.learners.contains_key(&gone), "{ended:?}");
    // A learner is taken out as it came; a voter is not.
    group.replica(leader).remove_learner(5).await.expect("removed");
    group.replica(leader).remove_learner(5).await.expect("it is not there any more");
    until(group.replica(leader), "no learner", |status| status.learners.is_empty()).await;
    let refused = group.replica(leader).remove_learner(4).await;
    assert!(matches!(&refused, Err(MembershipError::Refused(why)) if why.contains("replica 4 votes")), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_leader_changes_the_group() {
    let group = MemoryGroup::start(3).await;
    let leader = group.leader().await;
    propose(group.replica(leader), admit("before")).await;
    let follower = leader % 3 + 1;
    until(group.replica(follower), "the leader", |status| status.leader == Some(leader)).await;
    let refused = group.replica(follower).change_voters(vec![1, 2]).await;
    assert_eq!(refused, Err(MembershipError::NotLeader(Some(member(&address(leader))))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_founder_that_comes_back_with_an_empty_disk_is_refused_by_name() {
    for wiped in [1, 2] {
        let mut group = MemoryGroup::start(3).await;
        let leader = group.leader().await;
        propose(group.replica(leader), admit("before")).await;
        for node in [1, 2, 3] {
            let index = group.replica(leader).read(|state| state.index());
            group.replica(node).read_at(index, |_| ()).await.expect("everyone has met everyone");
        }
        group.crash(wiped, Crash::Lost);
        group.devices.insert(wiped, Device::default());
        group.start_node(wiped).await.expect("an empty disk can be started with");
        let reason = within("the refusal", async {
            loop {
                if let Some(reason) = group.nodes[&wiped].fatal.lock().clone() {
                    return reason;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(reason.contains(&format!("replica {wiped} ")) && reason.contains("new number"), "{reason}");
        until(group.replica(wiped), "its end", |status| status.role == Role::Stopped).await;
        let others: Vec<u64> = [1, 2, 3].into_iter().filter(|node| *node != wiped).collect();
        let next = group.leader_among(&others).await;
        propose(group.replica(next), admit("after")).await;
        for node in others {
            assert_eq!(*group.nodes[&node].fatal.lock(), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_belongs_to_one_replica() {
    let mut group = MemoryGroup::start(1).await;
    group.leader().await;
    propose(group.replica(1), admit("before")).await;
    group.replica(1).shutdown().await;
    group.nodes.remove(&1);
    let device = group.devices[&1].clone();
    group.devices.insert(2, device);
    let refused = group.start_node(2).await.expect_err("another number");
    assert!(matches!(&refused, StartError::Foreign(what) if what.contains("replica 1")), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_replica_grows_to_three() {
    let mut group = MemoryGroup::start(1).await;
    group.leader().await;
    let mut last = propose(group.replica(1), admit("alone")).await.index;
    for node in [2, 3] {
        group.start_node(node).await.expect("starts and waits");
        group.replica(1).add_learner(node, member(&address(node))).await.expect("added");
        last = last.max(propose(group.replica(1), admit(&format!("with {node}"))).await.index);
    }
    group.replica(1).change_voters(vec![1, 2, 3]).await.expect("changed");
    for node in [1, 2, 3] {
        until(group.replica(node), "three voters", |status| status.voters.len() == 3).await;
        group.replica(node).read_at(last, |_| ()).await.expect("everything is there");
    }
}
