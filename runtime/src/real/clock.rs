//! Time from the machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::{BoxFuture, Clock};

/// The machine's clocks. Sleeping works from any thread, because the runtime it was made in is
/// remembered.
#[derive(Debug, Clone)]
pub struct TokioClock {
    start: Instant,
    runtime: Handle,
}

impl TokioClock {
    /// A clock whose monotonic time starts now.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now(), runtime: Handle::current() }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall_ms(&self) -> u64 {
        // A clock before 1970 is no clock; zero makes log time stand still instead of jumping.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()> {
        // Timers are registered with the runtime that is entered when they are made; dedicated
        // threads are in none.
        let _entered = self.runtime.enter();
        Box::pin(tokio::time::sleep_until(self.start + deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleeping_ends_at_the_deadline_and_not_before() {
        let clock = TokioClock::new();
        let deadline = clock.monotonic() + Duration::from_millis(5);
        clock.sleep_until(deadline).await;
        assert!(clock.monotonic() >= deadline);
        assert!(clock.wall_ms() > 1_700_000_000_000);
    }

    #[tokio::test]
    async fn a_thread_without_a_runtime_can_sleep() {
        let clock = TokioClock::new();
        tokio::task::spawn_blocking(move || {
            std::thread::spawn(move || futures::executor::block_on(clock.sleep(Duration::from_millis(1))))
                .join()
                .expect("the sleep ends")
        })
        .await
        .expect("joined");
    }
}
