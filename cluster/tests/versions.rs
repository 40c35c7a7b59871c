//! Programs of two state versions in one group: it stays at the older one until every replica can do
//! more, then the rules change at one entry; whoever can not follow is refused or stops, and says why.

mod support;

use std::sync::Arc;

use mpss_cluster::{MembershipError, Replica, ReplicaOptions, Role, StartError, Versions};
use mpss_domain::{Command, Outcome, SpId, State, StateVersion, Verb, VersionRange};
use mpss_runtime::memory::Crash;
use support::memory_group::{MemoryGroup, address};
use support::{admit, member, propose, until, within};
use tokio::sync::watch;

const FIRST: StateVersion = StateVersion::FIRST;
const NEWEST: StateVersion = StateVersion::NEWEST;
const ALL: [u64; 3] = [1, 2, 3];

fn quick(options: &mut ReplicaOptions) {
    support::quick(options);
    options.digest_interval_entries = 5;
}

fn small(options: &mut ReplicaOptions) {
    quick(options);
    options.segment_bytes = 64 << 10;
    options.snapshot_log_bytes = 8 << 10;
}

const fn up_to(newest: StateVersion) -> VersionRange {
    VersionRange { oldest: FIRST, newest }
}

fn raise(to: u16) -> Command {
    Command::internal(Verb::RaiseVersion { to: StateVersion(to) })
}

/// Waits until a replica knows of its group what is wanted.
async fn until_known(replica: &Replica, what: &str, wanted: impl Fn(&Versions) -> bool) -> Versions {
    let (mut status, mut heard) = (replica.watch(), replica.versions_heard());
    within(what, async {
        loop {
            status.borrow_and_update();
            heard.borrow_and_update();
            let known = replica.versions();
            if wanted(&known) {
                return known;
            }
            // What is in force changes with an entry that is applied.
            tokio::select! {
                changed = status.changed() => changed.expect("the replica tells its status"),
                changed = heard.changed() => changed.expect("the replica tells what it hears"),
            }
        }
    })
    .await
}

async fn until_in_force(group: &MemoryGroup, nodes: &[u64], version: StateVersion) {
    for node in nodes {
        until_known(group.replica(*node), "the version in force", |known| known.in_force == version).await;
    }
}

/// Waits until the leader has heard once more from everyone, whatever they say.
async fn heard_again(group: &MemoryGroup, nodes: &[u64]) -> Versions {
    let leader = group.leader_among(nodes).await;
    until_known(group.replica(leader), "everyone's versions", |known| known.executed.len() == nodes.len()).await
}

/// Every replica has the same state at the same entry, and compared digests on the way.
async fn all_equal(group: &MemoryGroup, nodes: &[u64]) {
    let leader = group.leader_among(nodes).await;
    let mut last = 0;
    for number in 0..12 {
        last = propose(group.replica(leader), admit(&format!("equal-{number}"))).await.index;
    }
    let mut views: Vec<State> = Vec::new();
    for node in nodes {
        let replica = group.replica(*node);
        within("the last entry", async { while replica.read_at(last, |_| ()).await.is_err() {} }).await;
        views.push(replica.view());
        assert_eq!(*group.nodes[node].fatal.lock(), None);
    }
    for view in &views[1..] {
        if view.index() == views[0].index() {
            assert_eq!(view.content_digest(), views[0].content_digest());
        }
    }
}

async fn stop_and_start(group: &mut MemoryGroup, node: u64) {
    group.replica(node).shutdown().await;
    drop(group.nodes.remove(&node));
    group.start_node(node).await.expect("starts again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_of_one_program_is_raised_by_itself() {
    for count in [1, 3] {
        let group = MemoryGroup::start_tuned(count, quick).await;
        let nodes: Vec<u64> = (1..=count).collect();
        until_in_force(&group, &nodes, NEWEST).await;
        all_equal(&group, &nodes).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_old_program_keeps_the_group_at_its_rules() {
    let mut group = MemoryGroup::start_held(3, &[2], quick).await;
    let known = heard_again(&group, &ALL).await;
    assert_eq!(known.in_force, FIRST);
    assert_eq!(known.executed, [(1, up_to(NEWEST)), (2, up_to(FIRST)), (3, up_to(NEWEST))].into());
    all_equal(&group, &ALL).await;
    assert_eq!(group.replica(1).versions().in_force, FIRST);
    // The others are told by whoever leads.
    for node in ALL {
        until_known(group.replica(node), "what the leader knows", |known| known.executed.len() == 3).await;
    }
    group.state_version_max.clear();
    stop_and_start(&mut group, 2).await;
    until_in_force(&group, &ALL, NEWEST).await;
    all_equal(&group, &ALL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_does_not_know_the_question_counts_as_the_first() {
    let mut group = MemoryGroup::start_held(3, &[3], quick).await;
    if group.leader().await == 3 {
        group.replica(3).transfer_leadership(1).await.expect("handed over");
        until(group.replica(1), "the new leader", |status| status.role == Role::Leader).await;
    }
    // What it could do does not count: it does not say so.
    group.network.set_before_versions(&address(3), true);
    group.state_version_max.clear();
    stop_and_start(&mut group, 3).await;
    let mut times = group.network.asked_before_versions();
    let asked = *times.borrow();
    within("two rounds", times.wait_for(|times| *times >= asked + 2)).await.expect("the network is there");
    let known = heard_again(&group, &ALL).await;
    assert_eq!(known.executed[&3], up_to(FIRST));
    all_equal(&group, &ALL).await;
    assert_eq!(group.replica(3).versions().in_force, FIRST);
    group.network.set_before_versions(&address(3), false);
    until_in_force(&group, &ALL, NEWEST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_down_keeps_the_group_where_it_is() {
    let mut group = MemoryGroup::start_held(3, &ALL, quick).await;
    let leader = group.leader().await;
    let down = leader % 3 + 1;
    propose(group.replica(leader), admit("before")).await;
    group.crash(down, Crash::Kept);
    // Both that run are new programs; nobody knows which one the third comes back as.
    group.state_version_max.clear();
    let up: Vec<u64> = ALL.into_iter().filter(|node| *node != down).collect();
    for node in &up {
        stop_and_start(&mut group, *node).await;
    }
    let known = heard_again(&group, &up).await;
    assert!(known.executed.values().all(|range| *range == up_to(NEWEST)));
    all_equal(&group, &up).await;
    assert_eq!(known.in_force, FIRST);
    group.start_node(down).await.expect("starts again");
    until_in_force(&group, &ALL, NEWEST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_are_upgraded_one_by_one_under_load_and_back_down_before_the_last() {
    let mut group = MemoryGroup::start_held(3, &ALL, small).await;
    group.leader().await;
    let acknowledged = Arc::new(watch::Sender::new(Vec::<SpId>::new()));
    // Each replica's callers come back when it does.
    let callers = Arc::new(watch::Sender::new(ALL.map(|node| group.replica(node).clone())));
    let load: Vec<_> = (0..6_usize)
        .map(|caller| {
            let (callers, acknowledged) = (callers.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let mut back = callers.subscribe();
                for number in 0.. {
                    let replica = back.borrow_and_update()[(caller + number) % 3].clone();
                    let mut status = replica.watch();
                    match replica.propose(admit(&format!("{caller}-{number}"))).await {
                        Ok(reply) => {
                            let Outcome::Sp(sp) = reply.outcome else { panic!("{reply:?}") };
                            acknowledged.send_modify(|all| all.push(sp));
                        }
                        // Until it is another one, or in another mood.
                        Err(_) => {
                            let mood = async {
                                if status.changed().await.is_err() {
                                    std::future::pending::<()>().await;
                                }
                            };
                            tokio::select! {
                                () = mood => {}
                                changed = back.changed() => changed.expect("callers go on"),
                            }
                        }
                    }
                }
            })
        })
        .collect();
    let more = async |count: usize| {
        let mut acknowledged = acknowledged.subscribe();
        let wanted = acknowledged.borrow().len() + count;
        within("load", acknowledged.wait_for(|all| all.len() >= wanted)).await.expect("callers go on");
    };
    // Two up, one of them back down, then all three.
    for (node, max) in [(1, NEWEST), (2, NEWEST), (1, FIRST), (1, NEWEST), (3, NEWEST)] {
        more(40).await;
        for other in ALL {
            assert_eq!(group.replica(other).versions().in_force, FIRST, "before all can");
        }
        group.state_version_max.insert(node, max);
        stop_and_start(&mut group, node).await;
        let back = group.replica(node).clone();
        callers.send_modify(|all| all[usize::try_from(node - 1).expect("small")] = back);
    }
    until_in_force(&group, &ALL, NEWEST).await;
    more(40).await;
    for caller in load {
        caller.abort();
    }
    all_equal(&group, &ALL).await;
    let acknowledged = acknowledged.borrow().clone();
    for node in ALL {
        let lost = group.replica(node).read(|state| acknowledged.iter().filter(|sp| state.sp(**sp).is_none()).count());
        assert_eq!(lost, 0, "of {} at replica {node}", acknowledged.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_too_old_is_not_let_in() {
    let mut group = MemoryGroup::start_held(1, &[2, 3], small).await;
    until_in_force(&group, &[1], NEWEST).await;
    let refused = |node: u64, why: &str| Err(MembershipError::Refused(format!("replica {node} {why}")));

    let executes =
        format!("executes state versions 1 to 1 and the group is at {NEWEST}: install a program that executes it");
    group.start_node(2).await.expect("starts and waits");
    assert_eq!(group.replica(1).add_learner(2, member(&address(2))).await, refused(2, &executes));
    // One that does not know the question is as old.
    group.state_version_max.remove(&3);
    group.start_node(3).await.expect("starts and waits");
    group.network.set_before_versions(&address(3), true);
    assert_eq!(group.replica(1).add_learner(3, member(&address(3))).await, refused(3, &executes));
    let status = group.replica(1).watch().borrow().clone();
    assert!(status.learners.is_empty(), "nothing was changed: {:?}", status.learners);

    // The newer program is, and comes to the version by a snapshot or by the log.
    group.network.set_before_versions(&address(3), false);
    let mut last = 0;
    within("the log to be gone", async {
        for number in 0.. {
            last = propose(group.replica(1), admit(&format!("{number}"))).await.index;
            if group.replica(1).watch().borrow().first_log > 20 {
                break;
            }
        }
    })
    .await;
    group.replica(1).add_learner(3, member(&address(3))).await.expect("added");
    group.replica(3).read_at(last, |state| assert_eq!(state.version(), NEWEST)).await.expect("caught up");
    until(group.replica(3), "the snapshot", |status| status.snapshot > 0).await;
    let index = propose(group.replica(1), admit("after")).await.index;
    let there = group.replica(3).read_at(index, State::content_digest).await.expect("follows");
    assert_eq!(there, group.replica(1).view().content_digest());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_does_not_answer_is_not_let_in_above_the_first_version() {
    let group = MemoryGroup::start_tuned(1, quick).await;
    until_in_force(&group, &[1], NEWEST).await;
    let refused = group.replica(1).add_learner(2, member(&address(2))).await;
    let why = format!(
        "replica 2 does not say which state versions it executes, and the group is at {NEWEST}: start it before it is \
         added"
    );
    assert_eq!(refused, Err(MembershipError::Refused(why)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_too_old_stops_before_the_entry_and_names_it() {
    let mut group = MemoryGroup::start_held(3, &[3], quick).await;
    let leader = group.leader().await;
    propose(group.replica(leader), admit("before")).await;
    // As if it had said that it can, and was put back to the older program since.
    let index = propose(group.replica(leader), raise(NEWEST.0)).await.index;
    until(group.replica(3), "its end", |status| status.role == Role::Stopped).await;
    let reason = group.nodes[&3].fatal.lock().clone().expect("told");
    assert_eq!(
        reason,
        format!(
            "this replica executes state versions 1 to 1; the log asks for {NEWEST} at entry {index}: raise its \
             state_version_max, the program executes 1 to {NEWEST}"
        )
    );
    group.replica(3).read(|state| assert_eq!((state.version(), state.index()), (FIRST, index - 1)));
    until_in_force(&group, &[1, 2], NEWEST).await;
    all_equal(&group, &[1, 2]).await;
    // Started as it is it stops again; as the program it has to be it goes on.
    group.crash(3, Crash::Kept);
    match group.start_node(3).await {
        // What it knew to be committed is applied before it is started.
        Err(StartError::Raft(what)) => assert!(what.contains(&reason), "{what}"),
        Err(other) => panic!("{other}"),
        Ok(()) => {
            until(group.replica(3), "its end", |status| status.role == Role::Stopped).await;
            group.crash(3, Crash::Kept);
        }
    }
    group.state_version_max.clear();
    group.start_node(3).await.expect("starts again");
    until_in_force(&group, &ALL, NEWEST).await;
    all_equal(&group, &ALL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_a_later_program_asks_for_that_program() {
    let group = MemoryGroup::start_tuned(1, quick).await;
    group.leader().await;
    until_in_force(&group, &[1], NEWEST).await;
    let before = propose(group.replica(1), admit("before")).await.index;
    let later = NEWEST.0 + 1;
    let replica = group.replica(1).clone();
    let asked = tokio::spawn(async move { replica.propose(raise(later)).await });
    until(group.replica(1), "its end", |status| status.role == Role::Stopped).await;
    let reason = group.nodes[&1].fatal.lock().clone().expect("told");
    let entry = group.replica(1).read(State::index) + 1;
    assert!(entry > before);
    assert_eq!(
        reason,
        format!(
            "this program executes state versions 1 to {NEWEST}; the log asks for {later} at entry {entry}: install \
             the newer program"
        )
    );
    asked.abort();
    group.replica(1).read(|state| assert_eq!(state.version(), NEWEST));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_of_a_newer_version_is_refused_at_the_start() {
    let mut group = MemoryGroup::start_tuned(1, quick).await;
    until_in_force(&group, &[1], NEWEST).await;
    propose(group.replica(1), admit("before")).await;
    group.replica(1).snapshot_now().await.expect("taken");
    group.replica(1).shutdown().await;
    drop(group.nodes.remove(&1));
    group.state_version_max.insert(1, FIRST);
    let refused = group.start_node(1).await.expect_err("too old");
    let said =
        matches!(&refused, StartError::Foreign(what) if what.contains(&format!("the snapshot is of version {NEWEST}")));
    assert!(said, "{refused}");
    group.state_version_max.insert(1, StateVersion(0));
    let refused = group.start_node(1).await.expect_err("none at all");
    assert!(matches!(&refused, StartError::Foreign(what) if what.contains("state_version_max is 0")), "{refused}");
    group.state_version_max.clear();
    group.start_node(1).await.expect("starts again");
    assert_eq!(group.replica(1).versions().in_force, NEWEST);
}
