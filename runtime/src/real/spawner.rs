//! Tasks on tokio, dedicated work on threads of its own.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures::future::{AbortHandle, Abortable};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::{BoxFuture, Spawner, TaskHandle};

/// Starts and tracks the tasks of one node. Dropping it ends all of them.
#[derive(Debug)]
pub struct TokioSpawner {
    runtime: Handle,
    tasks: Mutex<JoinSet<()>>,
    /// Each with a mark that goes when its thread ends.
    threads: Mutex<Vec<(AbortHandle, Weak<()>)>>,
}

impl TokioSpawner {
    /// A spawner on the present runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new() -> Self {
        Self { runtime: Handle::current(), tasks: Mutex::new(JoinSet::new()), threads: Mutex::new(Vec::new()) }
    }

    /// Ends every task at its next await. Dedicated threads end when their future is next polled.
    pub fn abort_all(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        for (thread, _) in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            thread.abort();
        }
    }

    /// How many tasks have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.len()
    }
}

impl Default for TokioSpawner {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TokioSpawner {
    fn drop(&mut self) {
        self.abort_all();
    }
}

impl Spawner for TokioSpawner {
    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Ended tasks are let go here, so the set stays as large as what runs.
        while tasks.try_join_next().is_some() {}
        let handle = tasks.spawn_on(task, &self.runtime);
        TaskHandle::new(move || handle.abort())
    }

    fn spawn_dedicated(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        let (abort, registration) = AbortHandle::new_pair();
        let runtime = self.runtime.clone();
        let task = Abortable::new(task, registration);
        let running = Arc::new(());
        let mark = Arc::downgrade(&running);
        let started = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Entered so that timers made by the task find their runtime.
            let _entered = runtime.enter();
            // Aborted or done: nothing is waiting for the difference.
            let _ = futures::executor::block_on(task);
            drop(running);
        });
        if let Err(source) = started {
            // Without the thread its work would silently never be done.
            panic!("no thread could be started for {name}: {source}");
        }
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|(_, running)| running.strong_count() > 0);
        threads.push((abort.clone(), mark));
        let abort = Arc::new(abort);
        TaskHandle::new(move || abort.abort())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    struct OnDrop(Option<oneshot::Sender<()>>);

    impl Drop for OnDrop {
        fn drop(&mut self) {
            let _ = self.0.take().expect("dropped once").send(());
        }
    }

    #[tokio::test]
    async fn dropping_the_spawner_ends_its_tasks_and_threads() {
        let spawner = TokioSpawner::new();
        let (ended, task_ended) = oneshot::channel();
        let guard = OnDrop(Some(ended));
        spawner.spawn(
            "waits for ever",
            Box::pin(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            }),
        );
        let (ended, thread_ended) = oneshot::channel();
        let guard = OnDrop(Some(ended));
        spawner.spawn_dedicated(
            "waits for ever",
            Box::pin(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            }),
        );
        assert_eq!(spawner.running(), 1);
        drop(spawner);
        task_ended.await.expect("the task's future was dropped");
        thread_ended.await.expect("the thread's future was dropped");
    }

    #[tokio::test]
    async fn a_dedicated_task_may_block_and_still_use_timers() {
        let spawner = TokioSpawner::new();
        let (done, finished) = oneshot::channel();
        let blocked = Arc::new(AtomicBool::new(false));
        let flag = blocked.clone();
        spawner.spawn_dedicated(
            "blocks",
            Box::pin(async move {
                flag.store(std::thread::current().name() == Some("blocks"), Ordering::SeqCst);
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                let _ = done.send(());
            }),
        );
        finished.await.expect("the thread finished");
        assert!(blocked.load(Ordering::SeqCst), "it ran on a thread of its own");
    }
}
