//! Work that an actor has going on beside its mailbox.
//!
//! An actor never waits inside a handler for something outside: it starts a task and goes on. A task
//! ends with its actor, and it always reports, also when it panics, so that what it had in hand is
//! never forgotten.

use std::time::Duration;

use mpss_runtime::{BoxFuture, Seams, TaskHandle};
use ractor::{ActorRef, Message};

/// A task that ends when this is dropped, and with it when its actor's state is.
#[derive(Debug)]
pub(crate) struct Task(TaskHandle);

impl Task {
    /// Starts `work` beside the actor.
    pub(crate) fn start(seams: &Seams, name: &'static str, work: BoxFuture<'static, ()>) -> Self {
        Self(seams.spawner.spawn(name, work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends its message when it is dropped: the report of a task, however the task ends.
pub(crate) struct Report<M: Message> {
    to: ActorRef<M>,
    message: Option<M>,
}

impl<M: Message> Report<M> {
    /// A report that says `otherwise` unless [`Report::say`] is called.
    pub(crate) const fn new(to: ActorRef<M>, otherwise: M) -> Self {
        Self { to, message: Some(otherwise) }
    }

    /// Reports now.
    pub(crate) fn say(mut self, message: M) {
        self.message = Some(message);
    }
}

impl<M: Message> Drop for Report<M> {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            // An actor that is gone needs no report.
            let _ = self.to.send_message(message);
        }
    }
}

/// Wakes an actor at one moment at most: setting it again moves the moment forward only.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    set: Option<(Duration, Task)>,
}

impl Alarm {
    /// Sends `message` at `at`, unless an earlier moment is set.
    pub(crate) fn set<M: Message>(&mut self, seams: &Seams, at: Duration, to: &ActorRef<M>, message: M) {
        if self.set.as_ref().is_some_and(|(set, _)| *set <= at) {
            return;
        }
        let (sleep, to) = (seams.clock.sleep_until(at), to.clone());
        let work = async move {
            sleep.await;
            let _ = to.send_message(message);
        };
        self.set = Some((at, Task::start(seams, "alarm", Box::pin(work))));
    }

    /// Called when its message has come.
    pub(crate) fn rang(&mut self) {
        self.set = None;
    }
}
