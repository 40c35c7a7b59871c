//! The tree: who leads has the leader's actors, what fails is started again, what keeps failing ends
//! the node.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicU32, Ordering};

use mpss_domain::{Effect, EffectId, Money, State, Verb};
use ractor::{ActorProcessingErr, SupervisionEvent};
use tokio::sync::watch;

use super::node_supervisor::NodeMessage;
use super::supervisor::{Child, Supervisor};
use super::tenure::{NotRecorded, Tenure};
use super::*;
use crate::node::trial::{Trial, eventually, local};

fn texts(state: &State) -> usize {
    state.effects_from(EffectId(0)).filter(|row| matches!(row.effect, Effect::Sms { .. })).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leaders_actors_run_while_this_replica_leads_and_not_after() {
    let trial = Trial::start().await;
    let tree = trial.actors().await;
    trial.open(local(1), Money::ZERO).await;
    trial.until("told", |state| (texts(state) == 0).then_some(())).await;

    tree.root.send_message(NodeMessage::Leads(None)).unwrap();
    eventually("only the watcher is left", || tree.root.get_children().len() == 1).await;
    trial.open(local(2), Money::ZERO).await;
    let tries = *trial.smsc.tries.lock();

    let status = trial.context.replica.watch().borrow().clone();
    let tenure = Tenure::of(&trial.context.replica, &status);
    assert_eq!(texts(&trial.context.replica.view()), 1);
    assert_eq!(*trial.smsc.tries.lock(), tries, "nobody tells while this replica does not lead");
    tree.root.send_message(NodeMessage::Leads(tenure)).unwrap();
    trial.until("told by the next leader", |state| (texts(state) == 0).then_some(())).await;
    tree.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_proposed_in_a_tenure_that_is_over() {
    let trial = Trial::start().await;
    let mut status = trial.context.replica.watch().borrow().clone();
    let now = Tenure::of(&trial.context.replica, &status).unwrap();
    assert!(now.holds());
    status.term -= 1;
    let before = Tenure::of(&trial.context.replica, &status).unwrap();
    assert!(!before.holds());
    let answer = before.record(Verb::AcknowledgeEffects { effects: Vec::new() }).await;
    assert!(matches!(answer, Err(NotRecorded::TenureOver)), "{answer:?}");
    status.role = mpss_cluster::Role::Follower;
    assert!(Tenure::of(&trial.context.replica, &status).is_none());
}

/// An actor that fails as soon as it runs, the first `fails` times.
struct Fragile {
    started: Arc<AtomicU32>,
    fails: u32,
}

impl Actor for Fragile {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        if self.started.fetch_add(1, Ordering::SeqCst) < self.fails {
            myself.send_message(())?;
        }
        Ok(())
    }

    async fn handle(&self, _myself: ActorRef<()>, (): (), (): &mut ()) -> Result<(), ActorProcessingErr> {
        Err("on purpose".into())
    }
}

/// Notes when the supervisor below it ends.
struct Above(watch::Sender<bool>);

impl Actor for Above {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        if ended(&event).is_some() {
            self.0.send_replace(true);
        }
        Ok(())
    }
}

async fn supervise(trial: &Trial, fails: u32) -> (Arc<AtomicU32>, watch::Receiver<bool>) {
    let started = Arc::new(AtomicU32::new(0));
    let (sender, gave_up) = watch::channel(false);
    let (above, _) = Actor::spawn(None, Above(sender), ()).await.unwrap();
    let counted = started.clone();
    let child = Child::new("fragile", move || (Fragile { started: counted.clone(), fails }, ()));
    let supervisor = Supervisor::new("trial", trial.context.seams.clone(), vec![child]);
    Actor::spawn_linked(None, supervisor, (), above.get_cell()).await.unwrap();
    (started, gave_up)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_started_again_and_what_keeps_failing_is_given_up() {
    let trial = Trial::start().await;
    let (started, gave_up) = supervise(&trial, 3).await;
    eventually("it runs at the fourth start", || started.load(Ordering::SeqCst) == 4).await;
    assert!(!*gave_up.borrow());

    let (started, mut gave_up) = supervise(&trial, u32::MAX).await;
    gave_up.wait_for(|gave_up| *gave_up).await.unwrap();
    assert_eq!(started.load(Ordering::SeqCst), 6, "once, and five times again");
}
