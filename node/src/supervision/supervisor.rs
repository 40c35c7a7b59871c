//! A supervisor over a fixed table of children: whoever fails is started again, and when that does
//! not help the supervisor fails itself, so that whoever is above decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mpss_runtime::{BoxFuture, Seams};
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};

use super::restarts::Restarts;

/// Restarts of all children together that are allowed,
const RESTARTS_MAX: usize = 5;
/// in this time.
const RESTART_WINDOW: Duration = Duration::from_secs(30);

/// How a child is started under a supervisor.
type Start = Arc<dyn Fn(ActorCell) -> BoxFuture<'static, Result<ActorCell, SpawnErr>> + Send + Sync>;

/// One row of a restart table.
#[derive(Clone)]
pub(crate) struct Child {
    name: &'static str,
    start: Start,
}

impl Child {
    /// A child that is started with `handler` and `arguments` made anew each time.
    pub(crate) fn new<A: Actor>(
        name: &'static str,
        make: impl Fn() -> (A, A::Arguments) + Send + Sync + 'static,
    ) -> Self {
        let start = move |supervisor: ActorCell| -> BoxFuture<'static, Result<ActorCell, SpawnErr>> {
            let (handler, arguments) = make();
            Box::pin(async move {
                // Unnamed: the registry of names is one for the whole process, and many nodes share one.
                let (actor, _) = A::spawn_linked(None, handler, arguments, supervisor).await?;
                Ok(actor.get_cell())
            })
        };
        Self { name, start: Arc::new(start) }
    }

    /// The child's name in logs.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Starts it.
    pub(crate) async fn start(&self, supervisor: ActorCell) -> Result<ActorCell, SpawnErr> {
        (self.start)(supervisor).await
    }
}

/// Starts its children in order and keeps them running.
pub(crate) struct Supervisor {
    name: &'static str,
    seams: Seams,
    children: Vec<Child>,
}

impl Supervisor {
    /// A supervisor over these children.
    pub(crate) const fn new(name: &'static str, seams: Seams, children: Vec<Child>) -> Self {
        Self { name, seams, children }
    }
}

/// Who runs now, and how often somebody had to be started again.
pub(crate) struct Running {
    children: BTreeMap<ActorId, usize>,
    restarts: Restarts,
}

impl Actor for Supervisor {
    type Msg = ();
    type State = Running;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<()>, (): ()) -> Result<Running, ActorProcessingErr> {
        let mut children = BTreeMap::new();
        for (row, child) in self.children.iter().enumerate() {
            let cell = child.start(myself.get_cell()).await?;
            children.insert(cell.get_id(), row);
        }
        Ok(Running { children, restarts: Restarts::new(RESTARTS_MAX, RESTART_WINDOW) })
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        state: &mut Running,
    ) -> Result<(), ActorProcessingErr> {
        let Some((who, why)) = ended(&event) else { return Ok(()) };
        let Some(row) = state.children.remove(&who) else { return Ok(()) };
        let child = &self.children[row];
        tracing::error!(supervisor = self.name, child = child.name(), %why, "an actor ended and is started again");
        metrics::counter!("mpss_actor_restarts_total", "actor" => child.name()).increment(1);
        if !state.restarts.allow(self.seams.clock.monotonic()) {
            return Err(format!("{} ends too often: {why}", child.name()).into());
        }
        let cell = child.start(myself.get_cell()).await?;
        state.children.insert(cell.get_id(), row);
        Ok(())
    }
}

/// Who ended and why, when the event is about an end.
pub(crate) fn ended(event: &SupervisionEvent) -> Option<(ActorId, String)> {
    match event {
        SupervisionEvent::ActorFailed(who, why) => Some((who.get_id(), why.to_string())),
        SupervisionEvent::ActorTerminated(who, _, why) => {
            Some((who.get_id(), why.clone().unwrap_or_else(|| "stopped".to_owned())))
        }
        _ => None,
    }
}
