//! The actors of a node and who watches whom.
//!
//! ```text
//! NodeSupervisor                   starts again what fails; what does not help is fatal to the node
//! ├── RaftWatch                    does this replica lead?
//! └── leader (while it leads)
//!     ├── OrderDriver              orders, refunds and transfers that wait for another province
//!     ├── SmsRelay                 texts to subscribers
//!     └── NoticeDesk               sorts notices by SP
//!         └── SpNotice[sp]         tells one SP; one that is slow or dead delays no other
//! ```
//!
//! Actors hold no truth. What has to be done are rows of the replicated state; an actor reads them
//! from the start when it starts, and a row goes when its end is recorded. So an actor, or a leader,
//! may die between any two steps. Mailboxes have no bound of their own: no actor is sent more than
//! it has asked for or one bell.
//!
//! Actors are unnamed, because many nodes may share a process.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorRef, SpawnErr};

use crate::node::{Context, Outside};
use crate::order_driver::OrderDriver;
use crate::outbox::notice_desk::NoticeDesk;
use crate::outbox::sms_relay::SmsRelay;

pub(crate) mod backoff;
pub(crate) mod bell;
mod node_supervisor;
mod raft_watch;
mod restarts;
mod supervisor;
pub(crate) mod tasks;
pub(crate) mod tenure;

use node_supervisor::{NodeMessage, NodeSupervisor};
use supervisor::Child;
pub(crate) use supervisor::ended;
use tenure::Tenure;

/// How long all actors may take to end.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// The running actors of a node.
pub(crate) struct Tree {
    root: ActorRef<NodeMessage>,
}

impl Tree {
    /// Starts a node's actors. `fatal` is called when they end too often.
    ///
    /// # Errors
    /// When the root can not be started.
    pub(crate) async fn start(
        context: &Context,
        outside: &Outside,
        fatal: Arc<dyn Fn(String) + Send + Sync>,
    ) -> Result<Self, SpawnErr> {
        let root = NodeSupervisor { context: context.clone(), outside: outside.clone(), fatal };
        Ok(Self { root: Actor::spawn(None, root, ()).await?.0 })
    }

    /// Ends all actors and waits for it.
    pub(crate) async fn stop(self) {
        if self.root.stop_and_wait(None, Some(STOP_DEADLINE)).await.is_err() {
            self.root.kill();
        }
    }

    /// Ends all actors at once.
    pub(crate) fn kill(self) {
        self.root.kill();
    }
}

/// What runs while this replica leads.
fn leader_children(context: &Context, outside: &Outside, tenure: &Tenure) -> Vec<Child> {
    let driver = {
        let (context, tenure) = (context.clone(), tenure.clone());
        Child::new("order driver", move || (OrderDriver, (context.clone(), tenure.clone())))
    };
    let sms = {
        let (context, outside, tenure) = (context.clone(), outside.clone(), tenure.clone());
        Child::new("sms relay", move || (SmsRelay, (context.clone(), outside.sms.clone(), tenure.clone())))
    };
    let notices = {
        let (context, tenure) = (context.clone(), tenure.clone());
        Child::new("notice desk", move || (NoticeDesk, (context.clone(), context.sps.clone(), tenure.clone())))
    };
    vec![driver, sms, notices]
}

#[cfg(test)]
mod tests;
