//! The tasks of one process on a simulated host, counted by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use mpss_runtime::{BoxFuture, Spawner, TaskHandle};
use parking_lot::Mutex;

/// Starts tasks on the host's runtime; when the host crashes, all of them end with it.
#[derive(Debug, Clone, Default)]
pub struct HostSpawner {
    running: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

/// Counts one task while it is there.
struct Running {
    name: &'static str,
    all: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(count) = self.all.lock().get_mut(self.name) {
            *count -= 1;
        }
    }
}

impl HostSpawner {
    /// How many tasks of this name run.
    #[must_use]
    pub fn running(&self, name: &str) -> usize {
        self.running.lock().get(name).copied().unwrap_or_default()
    }
}

impl Spawner for HostSpawner {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        *self.running.lock().entry(name).or_default() += 1;
        let running = Running { name, all: Arc::clone(&self.running) };
        let handle = tokio::spawn(async move {
            let _running = running;
            task.await;
        })
        .abort_handle();
        TaskHandle::new(move || handle.abort())
    }

    fn spawn_dedicated(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        self.spawn(name, task)
    }
}
