//! The root of a node's actors. It keeps the watcher running, and has the leader's actors run exactly
//! while this replica leads. When starting again does not help, the node must not go on.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};

use super::leader_children;
use super::raft_watch::RaftWatch;
use super::restarts::Restarts;
use super::supervisor::{Child, Supervisor, ended};
use super::tenure::Tenure;
use crate::node::{Context, Outside};

/// Restarts of the node's own children that are allowed,
const RESTARTS_MAX: usize = 5;
/// in this time.
const RESTART_WINDOW: Duration = Duration::from_secs(60);

/// How long the leader's actors may take to end; longer ones are killed.
const STOP_DEADLINE: Duration = Duration::from_secs(2);

/// What the root is told.
pub(crate) enum NodeMessage {
    /// This replica leads, or does not.
    Leads(Option<Tenure>),
}

/// The root.
pub(crate) struct NodeSupervisor {
    pub(crate) context: Context,
    pub(crate) outside: Outside,
    pub(crate) fatal: Arc<dyn Fn(String) + Send + Sync>,
}

/// Who runs now.
pub(crate) struct Roots {
    watch: ActorCell,
    leading: Option<(Tenure, ActorCell)>,
    restarts: Restarts,
}

impl Actor for NodeSupervisor {
    type Msg = NodeMessage;
    type State = Roots;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<NodeMessage>, (): ()) -> Result<Roots, ActorProcessingErr> {
        let watch = self.start_watch(&myself).await?;
        Ok(Roots { watch, leading: None, restarts: Restarts::new(RESTARTS_MAX, RESTART_WINDOW) })
    }

    async fn handle(
        &self,
        myself: ActorRef<NodeMessage>,
        NodeMessage::Leads(tenure): NodeMessage,
        state: &mut Roots,
    ) -> Result<(), ActorProcessingErr> {
        if let Some((old, actors)) = state.leading.take() {
            tracing::info!(term = old.term(), "the leader's actors end");
            // They propose nothing any more: each proposal looks at its tenure first.
            if actors.stop_and_wait(None, Some(STOP_DEADLINE)).await.is_err() {
                actors.kill();
            }
        }
        if let Some(tenure) = tenure {
            tracing::info!(term = tenure.term(), "this node leads; the leader's actors start");
            let actors = self.start_leader(&myself, &tenure).await?;
            state.leading = Some((tenure, actors));
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<NodeMessage>,
        event: SupervisionEvent,
        state: &mut Roots,
    ) -> Result<(), ActorProcessingErr> {
        let Some((who, why)) = ended(&event) else { return Ok(()) };
        let is = |cell: &ActorCell| -> bool { ActorId::eq(&cell.get_id(), &who) };
        let watch_ended = is(&state.watch);
        let leader_ended = state.leading.as_ref().is_some_and(|(_, actors)| is(actors));
        if !watch_ended && !leader_ended {
            return Ok(());
        }
        tracing::error!(%why, leader = leader_ended, "a supervisor ended and is started again");
        if !state.restarts.allow(self.context.seams.clock.monotonic()) {
            (self.fatal)(format!("the node's actors end too often: {why}"));
            return Err("the node's actors end too often".into());
        }
        if watch_ended {
            state.watch = self.start_watch(&myself).await?;
        } else if let Some((tenure, _)) = state.leading.take() {
            let actors = self.start_leader(&myself, &tenure).await?;
            state.leading = Some((tenure, actors));
        }
        Ok(())
    }
}

impl NodeSupervisor {
    async fn start_watch(&self, myself: &ActorRef<NodeMessage>) -> Result<ActorCell, ActorProcessingErr> {
        let (replica, seams) = (self.context.replica.clone(), self.context.seams.clone());
        let watch = RaftWatch { replica, seams, tell: myself.clone() };
        Ok(Actor::spawn_linked(None, watch, (), myself.get_cell()).await?.0.get_cell())
    }

    async fn start_leader(
        &self,
        myself: &ActorRef<NodeMessage>,
        tenure: &Tenure,
    ) -> Result<ActorCell, ActorProcessingErr> {
        let children: Vec<Child> = leader_children(&self.context, &self.outside, tenure);
        let leader = Supervisor::new("leader", self.context.seams.clone(), children);
        Ok(Actor::spawn_linked(None, leader, (), myself.get_cell()).await?.0.get_cell())
    }
}
