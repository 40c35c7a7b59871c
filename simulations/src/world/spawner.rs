//! The tasks of one process: they end together, as those of a killed process do.

use std::collections::BTreeMap;
use std::sync::Arc;

use mpss_runtime::{BoxFuture, Spawner, TaskHandle};
use parking_lot::Mutex;
use tokio::task::AbortHandle;

use super::gate::Gate;

#[derive(Debug, Default)]
struct Tasks {
    next: u64,
    running: BTreeMap<u64, AbortHandle>,
    ended: bool,
}

/// Starts tasks and ends all of them at once.
#[derive(Debug, Clone, Default)]
pub struct SimSpawner {
    tasks: Arc<Mutex<Tasks>>,
    gate: Gate,
}

impl SimSpawner {
    /// What holds the process still.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// True when the process has ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.tasks.lock().ended
    }

    /// Ends the process: its tasks end where they wait, and none begins any more.
    pub fn kill(&self) {
        let mut tasks = self.tasks.lock();
        tasks.ended = true;
        let running = std::mem::take(&mut tasks.running);
        drop(tasks);
        for task in running.into_values() {
            task.abort();
        }
        self.gate.release();
    }
}

impl Spawner for SimSpawner {
    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        let mut tasks = self.tasks.lock();
        if tasks.ended {
            return TaskHandle::new(|| {});
        }
        let number = tasks.next;
        tasks.next += 1;
        let all = Arc::downgrade(&self.tasks);
        let task = self.gate.guard(task);
        let running = tokio::spawn(async move {
            task.await;
            if let Some(all) = all.upgrade() {
                all.lock().running.remove(&number);
            }
        });
        let handle = running.abort_handle();
        tasks.running.insert(number, handle.clone());
        TaskHandle::new(move || handle.abort())
    }

    fn spawn_dedicated(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        self.spawn(name, task)
    }
}
