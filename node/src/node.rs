//! One node, put together.
//!
//! ```text
//!  start      replica ─▶ home, serving ─▶ actors ─▶ doors open
//!  shutdown   doors close ─▶ requests in flight end ─▶ leadership handed over ─▶ actors ─▶ replica
//! ```
//!
//! A node touches the world through [`Seams`] and [`Outside`] alone, so the simulator starts the same
//! node that production does. When a node must not go on, [`Node::wait_fatal`] says why; whoever
//! started it ends the process, or that node only when several share one.

use std::sync::Arc;
use std::time::Duration;

use mpss_cluster::{Replica, Role, StartError};
use mpss_config::Settings;
use mpss_domain::{ProvinceId, Refusal, State, StateVersion};
use mpss_routing::http::NodeLink;
use mpss_routing::{Dispatch, PlanFileError};
use mpss_runtime::Seams;
use tokio::sync::watch;

use crate::card_pin::PinSafe;
use crate::gateway::sp::SpGateway;
use crate::home::Home;
use crate::home_keys::HomeKeys;
use crate::not_done::NotDone;
use crate::password::PasswordJudge;
use crate::seal::SealKeys;
use crate::serving::Serving;
use crate::supervision::Tree;
use crate::supervision::tasks::Task;
use crate::ticket_code::TicketPen;

mod doors;
mod gauges;
mod parts;
mod plan;
mod seams;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod trial;

pub use doors::Services;
pub use parts::{Outside, Rails};
pub use seams::{real_seams, real_seams_over};

/// What every part of a node works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// Whose node this is.
    pub province: ProvinceId,
    /// The node's number.
    pub number: u64,
    /// Log and state.
    pub replica: Replica,
    /// The way to other provinces.
    pub dispatch: Dispatch,
    /// The way to this province's other nodes.
    pub nodes: Arc<dyn NodeLink>,
    /// The ways to whoever has the money of accounts outside.
    pub rails: Rails,
    /// The way to service providers.
    pub sps: Arc<dyn SpGateway>,
    /// Judges payment passwords of this province's subscribers.
    pub judge: PasswordJudge,
    /// Opens payment passwords that were sealed in other provinces.
    pub seal: SealKeys,
    /// What other provinces want payment passwords sealed to.
    pub home_keys: HomeKeys,
    /// Seals and opens the PINs of cards; `None` when the settings have no key for them.
    pub pins: Option<PinSafe>,
    /// Signs and reads tickets; `None` when the settings have no key for them.
    pub tickets: Option<TicketPen>,
    /// Clock, randomness, tasks.
    pub seams: Seams,
    /// What this node was started with.
    pub settings: Arc<Settings>,
}

impl Context {
    /// A verb that came with a newer state version is not proposed before every replica can read it: one
    /// that can not would have to stop.
    ///
    /// A replica that is behind asks before it refuses: what it refuses may have been done long ago, and a
    /// repetition gets its first answer.
    ///
    /// # Errors
    /// [`Refusal::NotYet`]; what a linearizable read gives.
    pub(crate) async fn is_readable(&self, since: StateVersion) -> Result<(), NotDone> {
        let known = |state: &State| since <= state.version();
        let readable = self.replica.read(known) || self.replica.read_linearizable(known).await?;
        if readable { Ok(()) } else { Err(NotDone::refused(Refusal::NotYet)) }
    }
}

/// How long a leader that stops waits for another one.
const HANDOVER_DEADLINE: Duration = Duration::from_secs(2);

/// The doors of a node, bound already, so that a port chosen by the machine can be told to others
/// before the node starts.
#[derive(Debug)]
pub struct Listeners {
    /// Callers.
    pub public: std::net::TcpListener,
    /// Other provinces.
    pub peer: std::net::TcpListener,
    /// Pages for people, when the settings have them.
    pub portal: Option<std::net::TcpListener>,
}

/// Why a node can not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The number plan file can not be used.
    #[error("setting number_plan.file: {0}")]
    Plan(#[from] PlanFileError),
    /// The portability file can not be used.
    #[error("setting number_plan.portability_file: {0}")]
    Portability(#[source] PlanFileError),
    /// A file that a setting names can not be read.
    #[error("setting {setting}: {path} can not be read")]
    Unreadable {
        /// The setting's key.
        setting: &'static str,
        /// What it names.
        path: String,
        /// Why it can not be read.
        #[source]
        source: std::io::Error,
    },
    /// The bank can not be spoken with as the settings say.
    #[error(transparent)]
    Bank(#[from] crate::gateway::bank::wire::WireError),
    /// The replica can not start.
    #[error(transparent)]
    Replica(#[from] StartError),
    /// The actors can not start.
    #[error("the node's actors can not start")]
    Actors(#[from] ractor::SpawnErr),
    /// The machine refused something.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

/// A running node.
pub struct Node {
    context: Context,
    doors: doors::Doors,
    actors: Tree,
    _gauges: Task,
    fatal: watch::Receiver<Option<String>>,
}

impl Node {
    /// Starts a node with the links to the outside that its settings name. Returns when the doors are
    /// open; the province may still be without a leader then.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub async fn start(settings: Settings, seams: Seams, listeners: Listeners) -> Result<Self, NodeError> {
        let outside = Outside::real(&settings, &seams)?;
        Self::start_with(settings, seams, listeners, outside).await
    }

    /// Starts a node with these links to the outside.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub async fn start_with(
        settings: Settings,
        seams: Seams,
        listeners: Listeners,
        outside: Outside,
    ) -> Result<Self, NodeError> {
        // On the heap: whoever waits for it need not have room for all of it.
        let (mut node, services) = Box::pin(Self::start_inside(settings, seams, outside)).await?;
        node.doors = doors::Doors::open(&node.context, services, listeners);
        Ok(node)
    }

    /// Starts a node without sockets: whoever starts it brings requests to its services, as the
    /// simulator does.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub async fn start_inside(
        settings: Settings,
        seams: Seams,
        outside: Outside,
    ) -> Result<(Self, Services), NodeError> {
        let number_plan = plan::plan_to_found_with(&settings).await?;
        let (fatal_sender, fatal) = watch::channel(None);
        let hook = Arc::new(move |why: String| {
            tracing::error!(%why, "this node must not go on");
            // The first reason is the one that matters.
            fatal_sender.send_if_modified(|known| known.is_none() && known.replace(why.clone()).is_none());
        });
        let context = parts::context(settings, seams, &outside, hook.clone()).await?;
        let home = Home::new(context.clone());
        let serving = Serving::new(context.clone(), home.clone());
        plan::keep_founded(&context, number_plan);
        let actors = Tree::start(&context, &outside, hook).await?;
        let services = Services::new(&context, home, serving);
        let gauges = gauges::keep(&context);
        Ok((Self { context, doors: doors::Doors::none(), actors, _gauges: gauges, fatal }, services))
    }

    /// What the node's parts work with.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Completes when the node must not go on, with the reason.
    pub async fn wait_fatal(&self) -> String {
        let mut fatal = self.fatal.clone();
        match fatal.wait_for(Option::is_some).await {
            Ok(why) => why.clone().expect("waited for"),
            // The hook lives as long as the replica does.
            Err(_) => "the replica is gone".into(),
        }
    }

    /// Why the node must not go on, when it must not.
    #[must_use]
    pub fn fatal(&self) -> Option<String> {
        self.fatal.borrow().clone()
    }

    /// Stops cleanly: nothing new is taken, what was taken is answered, another node leads.
    pub async fn shutdown(self) {
        self.doors.close().await;
        hand_leadership_over(&self.context).await;
        self.actors.stop().await;
        self.context.replica.shutdown().await;
    }

    /// Ends the node at once, as a crash would. Its tasks end with the spawner it was started with.
    pub fn kill(self) {
        self.doors.slam();
        self.actors.kill();
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("province", &self.context.province)
            .field("number", &self.context.number)
            .finish_non_exhaustive()
    }
}

/// A leader that stops asks the voter who is furthest to lead, so that nobody waits for an election.
async fn hand_leadership_over(context: &Context) {
    let mut changes = context.replica.watch();
    let status = changes.borrow_and_update().clone();
    let others = status.voters.keys().filter(|voter| **voter != status.node);
    let Some(successor) = others.max_by_key(|voter| status.replicated.get(voter)) else { return };
    if status.role != Role::Leader {
        return;
    }
    if let Err(error) = context.replica.transfer_leadership(*successor).await {
        tracing::warn!(%error, successor, "leadership was not handed over; the others will elect");
        return;
    }
    let over = context.seams.clock.sleep(HANDOVER_DEADLINE);
    tokio::select! {
        biased;
        _ = changes.wait_for(|status| status.role != Role::Leader) => {}
        () = over => tracing::warn!(successor, "the successor did not take over in time"),
    }
}
