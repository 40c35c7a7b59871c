//! A process that stands still, as one that was stopped by a signal does: nothing of it runs, what is
//! sent to it waits, and time goes on without it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mpss_runtime::BoxFuture;
use parking_lot::Mutex;

#[derive(Debug, Default)]
struct Held {
    held: bool,
    waiting: Vec<Waker>,
}

/// Whether one process may run. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    state: Arc<Mutex<Held>>,
}

impl Gate {
    /// The process stands still from now on.
    pub fn hold(&self) {
        self.state.lock().held = true;
    }

    /// The process goes on.
    pub fn release(&self) {
        let waiting = {
            let mut state = self.state.lock();
            state.held = false;
            std::mem::take(&mut state.waiting)
        };
        for waker in waiting {
            waker.wake();
        }
    }

    /// True while the process stands still.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.state.lock().held
    }

    fn poll_open(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.held {
            state.waiting.push(context.waker().clone());
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    /// Completes as soon as the process runs.
    pub async fn open(&self) {
        std::future::poll_fn(|context| self.poll_open(context)).await;
    }

    /// `task`, which makes no step while the process stands still.
    #[must_use]
    pub fn guard(&self, task: BoxFuture<'static, ()>) -> Guarded {
        Guarded { gate: self.clone(), task }
    }
}

/// See [`Gate::guard`].
pub struct Guarded {
    gate: Gate,
    task: BoxFuture<'static, ()>,
}

impl Future for Guarded {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.gate.poll_open(context) {
            Poll::Ready(()) => self.task.as_mut().poll(context),
            Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn a_held_process_makes_no_step_and_misses_none() {
        let (gate, steps) = (Gate::default(), Arc::new(AtomicU32::new(0)));
        let counted = steps.clone();
        let task = gate.guard(Box::pin(async move {
            for _ in 0..3 {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }));
        let running = tokio::spawn(task);
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
        gate.hold();
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        assert_eq!(steps.load(Ordering::Relaxed), 1);
        gate.release();
        running.await.expect("the task ends");
        assert_eq!(steps.load(Ordering::Relaxed), 3);
    }
}
