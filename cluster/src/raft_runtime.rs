//! openraft's view of the asynchronous runtime: tokio, but tasks are started through the node's
//! [`Spawner`] and random numbers come from the node's [`Random`], so that a simulator owns both.
//!
//! openraft asks for tasks and numbers with plain functions. Which node asks is known from a
//! thread-local that is set while one of the node's futures is polled, see [`NodeScope::enter`].

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use mpss_runtime::{Random, Spawner, TaskHandle};
use openraft::{AsyncRuntime, OptionalSend};
use openraft_rt_tokio::{TokioInstant, TokioMpsc, TokioMutex, TokioOneshot, TokioWatch};
use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::sync::oneshot;

thread_local! {
    static CURRENT: RefCell<Option<Arc<NodeScope>>> = const { RefCell::new(None) };
}

/// The node on whose behalf futures run.
pub(crate) struct NodeScope {
    spawner: Arc<dyn Spawner>,
    random: Arc<dyn Random>,
    /// Tasks that work for as long as the node does.
    services: Mutex<Vec<TaskHandle>>,
}

impl NodeScope {
    pub(crate) fn new(spawner: Arc<dyn Spawner>, random: Arc<dyn Random>) -> Arc<Self> {
        Arc::new(Self { spawner, random, services: Mutex::new(Vec::new()) })
    }

    /// Runs `future` on behalf of this node, wherever it is polled.
    pub(crate) fn enter<F: Future>(self: &Arc<Self>, future: F) -> Scoped<F> {
        Scoped { scope: self.clone(), future: Box::pin(future) }
    }

    /// Starts `task` on behalf of this node.
    pub(crate) fn spawn(self: &Arc<Self>, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawner.spawn(name, Box::pin(self.enter(task)));
    }

    /// Starts `task`, which blocks, on behalf of this node.
    pub(crate) fn spawn_dedicated(
        self: &Arc<Self>,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.spawner.spawn_dedicated(name, Box::pin(self.enter(task)));
    }

    /// Starts a task that works until [`Self::end`].
    pub(crate) fn spawn_service(self: &Arc<Self>, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let handle = self.spawner.spawn(name, Box::pin(self.enter(task)));
        self.services.lock().push(handle);
    }

    /// Starts a task, which blocks, that works until [`Self::end`].
    pub(crate) fn spawn_service_dedicated(
        self: &Arc<Self>,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let handle = self.spawner.spawn_dedicated(name, Box::pin(self.enter(task)));
        self.services.lock().push(handle);
    }

    /// Ends the tasks that work for as long as the node does.
    pub(crate) fn end(&self) {
        for service in self.services.lock().drain(..) {
            service.abort();
        }
    }

    /// Runs `work`, which blocks, beside the caller and waits for it; `None` when the node ends first.
    pub(crate) async fn on_dedicated<T: Send + 'static>(
        self: &Arc<Self>,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (done, finished) = oneshot::channel();
        self.spawn_dedicated(name, async move {
            // Whoever waited may have been ended.
            let _ = done.send(work.await);
        });
        finished.await.ok()
    }

    fn current() -> Option<Arc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }
}

/// A future that runs on behalf of a node.
pub(crate) struct Scoped<F> {
    scope: Arc<NodeScope>,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        struct Restore(Option<Arc<NodeScope>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.scope.clone())));
        self.future.as_mut().poll(context)
    }
}

/// tokio as openraft uses it.
pub(crate) struct NodeRuntime {
    runtime: tokio::runtime::Runtime,
}

impl fmt::Debug for NodeRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeRuntime")
    }
}

/// A task that gave no result.
#[derive(Debug)]
pub(crate) enum JoinError {
    /// It panicked.
    Panicked,
    /// It was ended with its node.
    Ended,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panicked => "the task panicked",
            Self::Ended => "the task was ended",
        })
    }
}

/// Waits for a task.
pub(crate) struct JoinHandle<T>(oneshot::Receiver<Result<T, JoinError>>);

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|result| result.unwrap_or(Err(JoinError::Ended)))
    }
}

impl AsyncRuntime for NodeRuntime {
    type JoinError = JoinError;
    type JoinHandle<T: OptionalSend + 'static> = JoinHandle<T>;
    type Sleep = tokio::time::Sleep;
    type Instant = TokioInstant;
    type TimeoutError = tokio::time::error::Elapsed;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = tokio::time::Timeout<T>;
    type ThreadLocalRng = SmallRng;
    type Mpsc = TokioMpsc;
    type Watch = TokioWatch;
    type Oneshot = TokioOneshot;
    type Mutex<T: OptionalSend + 'static> = TokioMutex<T>;

    fn spawn<T>(future: T) -> JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        let (done, joined) = oneshot::channel();
        let task = async move {
            // A panic is told to whoever joins, as tokio does; the scope's spawner may not tell.
            let result = AssertUnwindSafe(future).catch_unwind().await.map_err(|_| JoinError::Panicked);
            let _ = done.send(result);
        };
        match NodeScope::current() {
            Some(scope) => {
                let task = Box::pin(scope.enter(task));
                scope.spawner.spawn("raft", task);
            }
            // Outside any node: openraft's own test suites.
            None => drop(tokio::spawn(task)),
        }
        JoinHandle(joined)
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        tokio::time::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        openraft_rt_tokio::TokioRuntime::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(duration: Duration, future: F) -> Self::Timeout<R, F> {
        tokio::time::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(deadline: Self::Instant, future: F) -> Self::Timeout<R, F> {
        openraft_rt_tokio::TokioRuntime::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &JoinError) -> bool {
        matches!(join_error, JoinError::Panicked)
    }

    fn thread_rng() -> SmallRng {
        let mut seed = [0_u8; 8];
        match NodeScope::current() {
            Some(scope) => scope.random.fill(&mut seed),
            None => seed = rand::random(),
        }
        SmallRng::seed_from_u64(u64::from_le_bytes(seed))
    }

    fn new(threads: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
            .expect("only tests make a runtime here, and they can not go on without");
        Self { runtime }
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.runtime.block_on(future)
    }

    async fn spawn_blocking<F, T>(work: F) -> Result<T, io::Error>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // In place: a thread pool would be a source of order the simulator does not own.
        Ok(work())
    }
}

#[cfg(test)]
mod tests {
    use mpss_runtime::BoxFuture;

    use super::*;

    #[test]
    fn openraft_accepts_the_runtime() {
        openraft_rt::testing::Suite::<NodeRuntime>::test_all();
    }

    struct Counting {
        spawned: Mutex<usize>,
    }

    impl Spawner for Counting {
        fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
            *self.spawned.lock() += 1;
            let handle = tokio::spawn(task);
            TaskHandle::new(move || handle.abort())
        }

        fn spawn_dedicated(&self, name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
            self.spawn(name, task)
        }
    }

    struct Fixed;

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }

        fn fork(&self, _label: &str) -> Arc<dyn Random> {
            Arc::new(Self)
        }
    }

    #[tokio::test]
    async fn tasks_and_numbers_of_a_node_come_from_its_seams_down_to_grandchildren() {
        let spawner = Arc::new(Counting { spawned: Mutex::new(0) });
        let scope = NodeScope::new(spawner.clone(), Arc::new(Fixed));
        let drawn = scope
            .enter(async {
                NodeRuntime::spawn(async {
                    NodeRuntime::spawn(async { rand::Rng::next_u64(&mut NodeRuntime::thread_rng()) }).await
                })
                .await
            })
            .await
            .expect("child ends")
            .expect("grandchild ends");
        assert_eq!(*spawner.spawned.lock(), 2);
        let expected = rand::Rng::next_u64(&mut SmallRng::seed_from_u64(u64::from_le_bytes([7; 8])));
        assert_eq!(drawn, expected);
        assert!(NodeScope::current().is_none(), "the scope ends with the poll");
    }

    #[tokio::test]
    async fn a_panic_is_told_to_whoever_joins() {
        let joined = NodeRuntime::spawn(async { panic!("on purpose") }).await;
        assert!(matches!(&joined, Err(error) if NodeRuntime::is_panic(error)));
    }
}
