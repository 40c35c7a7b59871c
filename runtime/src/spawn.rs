//! Tasks. Every task of a node is tracked, so that a crash in the simulator ends all of them.

use std::sync::Arc;

use crate::BoxFuture;

/// Starts tasks for one node.
pub trait Spawner: Send + Sync + 'static {
    /// Runs `task` beside the others.
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle;

    /// Runs `task` on a thread of its own, because it blocks (on disk, say). The simulator runs it
    /// like any other task.
    fn spawn_dedicated(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle;
}

/// A running task. Dropping the handle leaves the task running.
#[derive(Clone)]
pub struct TaskHandle {
    abort: Arc<dyn Fn() + Send + Sync>,
}

impl TaskHandle {
    /// A handle that calls `abort` to end its task.
    pub fn new(abort: impl Fn() + Send + Sync + 'static) -> Self {
        Self { abort: Arc::new(abort) }
    }

    /// Ends the task at its next await; a dedicated thread ends when its future is next polled.
    pub fn abort(&self) {
        (self.abort)();
    }
}

impl std::fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TaskHandle")
    }
}
