//! Watches the replica: tells the node's supervisor when this replica begins to lead and when it no
//! longer does.

use mpss_cluster::{Replica, ReplicaStatus};
use mpss_runtime::Seams;
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::node_supervisor::NodeMessage;
use super::tasks::Task;
use super::tenure::Tenure;

/// Watches one replica.
pub(crate) struct RaftWatch {
    pub(crate) replica: Replica,
    pub(crate) seams: Seams,
    pub(crate) tell: ActorRef<NodeMessage>,
}

/// What the watcher hears.
pub(crate) enum Seen {
    /// Leadership is not what it was.
    Changed(Option<Tenure>),
    /// The replica has stopped.
    Stopped,
}

/// The task that waits for changes.
pub(crate) struct Watching {
    _task: Task,
}

impl Actor for RaftWatch {
    type Msg = Seen;
    type State = Watching;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Seen>, (): ()) -> Result<Watching, ActorProcessingErr> {
        let (replica, mut changes) = (self.replica.clone(), self.replica.watch());
        let work = async move {
            let mut known = None;
            loop {
                let status: ReplicaStatus = changes.borrow_and_update().clone();
                let tenure = Tenure::of(&replica, &status);
                let term = tenure.as_ref().map(Tenure::term);
                // The status changes with every entry; leadership seldom does.
                if known != Some(term) {
                    known = Some(term);
                    let _ = myself.send_message(Seen::Changed(tenure));
                }
                if changes.changed().await.is_err() {
                    let _ = myself.send_message(Seen::Stopped);
                    return;
                }
            }
        };
        Ok(Watching { _task: Task::start(&self.seams, "raft watch", Box::pin(work)) })
    }

    async fn handle(
        &self,
        _myself: ActorRef<Seen>,
        seen: Seen,
        _state: &mut Watching,
    ) -> Result<(), ActorProcessingErr> {
        let tenure = match seen {
            Seen::Changed(tenure) => tenure,
            Seen::Stopped => None,
        };
        // A supervisor that is gone takes this actor with it.
        let _ = self.tell.send_message(NodeMessage::Leads(tenure));
        Ok(())
    }
}
