//! The tasks of one process: they end together, as those of a killed process do.

use std::collections::BTreeMap;
use std::sync::Arc;

use mpss_runtime::{BoxFuture, Spawner, TaskHandle};
use parking_lot::Mutex;
use tokio::task::AbortHandle;

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
}

impl SimSpawner {
    /// Ends the process: its tasks end where they wait, and none begins any more.
    pub fn kill(&self) {
        let mut tasks = self.tasks.lock();
        tasks.ended = true;
        for task in std::mem::take(&mut tasks.running).into_values() {
            task.abort();
        }
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
