//! A replica alone and a group of three: proposals, reads, forwarding.

mod support;

use support::{TcpGroup, propose, tick, until, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_replica_takes_commands_and_keeps_them_over_a_restart() {
    let mut group = TcpGroup::start(1).await;
    let mut last = 0;
    for _ in 0..20 {
        let reply = propose(group.replica(1), tick()).await;
        assert!(reply.index > last, "each reply names its entry");
        last = reply.index;
    }
    assert!(group.replica(1).read_linearizable(|state| state.index()).await.expect("reads") >= last);
    group.replica(1).shutdown().await;
    drop(group.nodes.remove(&1));
    group.restart(1).await.expect("starts again");
    let index = group.replica(1).read(|state| state.index());
    assert!(index >= last, "{index} is what was committed at the least: {last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_agree_and_followers_forward() {
    let group = TcpGroup::start(3).await;
    let leader = group.leader().await;
    let mut last = 0;
    for _ in 0..20 {
        for node in [1, 2, 3] {
            last = last.max(propose(group.replica(node), tick()).await.index);
        }
    }
    for node in [1, 2, 3] {
        let replica = group.replica(node);
        assert!(replica.read_at(last, |state| state.index()).await.expect("arrives") >= last);
        assert!(replica.read_linearizable(|state| state.index()).await.expect("confirmed") >= last);
    }
    let status = until(group.replica(leader), "everyone to have everything", |status| {
        status.replicated.len() == 3 && status.replicated.values().all(|index| *index >= last)
    })
    .await;
    assert_eq!(status.voters.len(), 3);
    within("the end", async {
        for node in [1, 2, 3] {
            group.replica(node).shutdown().await;
        }
    })
    .await;
}
