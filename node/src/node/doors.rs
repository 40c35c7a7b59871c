//! The doors of a node: open when the node can work, closed first when it stops.

use mpss_runtime::TaskHandle;
use tokio::sync::{oneshot, watch};

use super::{Context, Listeners, NodeError};
use crate::home::Home;
use crate::serving::Serving;

/// Two doors and the word that closes them.
pub(super) struct Doors {
    shutdown: watch::Sender<bool>,
    tasks: Vec<(TaskHandle, oneshot::Receiver<()>)>,
}

impl Doors {
    /// Opens both doors.
    pub(super) fn open(
        context: &Context,
        home: Home,
        serving: Serving,
        listeners: Listeners,
    ) -> Result<Self, NodeError> {
        let (shutdown, shut) = watch::channel(false);
        let mut tasks = Vec::new();
        let _ = (home, serving);
        for listener in [listeners.public, listeners.peer] {
            let io = |source| NodeError::Io { what: "a door can not be opened".into(), source };
            listener.set_nonblocking(true).map_err(io)?;
            let listener = tokio::net::TcpListener::from_std(listener).map_err(io)?;
            let mut shut = shut.clone();
            let (ended, end) = oneshot::channel();
            let task = async move {
                let closed = async move {
                    let _ = shut.wait_for(|shut| *shut).await;
                };
                let _ = axum::serve(listener, axum::Router::new()).with_graceful_shutdown(closed).await;
                let _ = ended.send(());
            };
            tasks.push((context.seams.spawner.spawn("door", Box::pin(task)), end));
        }
        Ok(Self { shutdown, tasks })
    }

    /// Takes nothing new, and waits until what was taken is answered.
    pub(super) async fn close(self) {
        self.shutdown.send_replace(true);
        for (_, end) in self.tasks {
            // A door that is gone has ended too.
            let _ = end.await;
        }
    }

    /// Ends the doors at once.
    pub(super) fn slam(self) {
        for (task, _) in self.tasks {
            task.abort();
        }
    }
}
