//! Tells an actor that the outbox has work. However often it is rung, one message waits at most, so
//! that a mailbox never holds more than the actor can do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mpss_runtime::Seams;
use ractor::{ActorRef, Message};
use tokio::sync::watch;

use super::tasks::Task;

/// A bell that rings with every change of a watched value.
#[derive(Debug)]
pub(crate) struct Bell {
    rung: Arc<AtomicBool>,
    _task: Task,
}

impl Bell {
    /// Rings `actor` now and with every change.
    pub(crate) fn hang<M: Message>(
        seams: &Seams,
        mut changes: watch::Receiver<u64>,
        actor: ActorRef<M>,
        message: impl Fn() -> M + Send + Sync + 'static,
    ) -> Self {
        let rung = Arc::new(AtomicBool::new(false));
        let ringing = rung.clone();
        let work = async move {
            loop {
                changes.borrow_and_update();
                let waits = ringing.swap(true, Ordering::AcqRel);
                if !waits && actor.send_message(message()).is_err() {
                    return;
                }
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        Self { rung, _task: Task::start(seams, "bell", Box::pin(work)) }
    }

    /// To be called before looking at what the bell is about: a change after this rings again.
    pub(crate) fn answered(&self) {
        self.rung.store(false, Ordering::Release);
    }
}
