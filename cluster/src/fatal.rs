//! What happens when a replica must not go on.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells the process, once, that the replica must not go on; remembers that it was told.
#[derive(Clone)]
pub(crate) struct Fatal {
    told: watch::Sender<bool>,
    tell: Arc<dyn Fn(String) + Send + Sync>,
}

impl Fatal {
    pub(crate) fn new(tell: Arc<dyn Fn(String) + Send + Sync>) -> Self {
        Self { told: watch::Sender::new(false), tell }
    }

    /// Reports `reason`; only the first report is passed on.
    pub(crate) fn report(&self, reason: String) {
        if !self.told.send_replace(true) {
            tracing::error!(%reason, "this replica must not go on");
            (self.tell)(reason);
        }
    }

    pub(crate) fn is_told(&self) -> bool {
        *self.told.borrow()
    }

    /// Waits until something was told.
    pub(crate) async fn told(&self) {
        // The sender is in `self`, so the channel can not close meanwhile.
        let _ = self.told.subscribe().wait_for(|told| *told).await;
    }
}
