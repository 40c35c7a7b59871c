//! Time.

use std::time::Duration;

use crate::BoxFuture;

/// Time as a node sees it.
pub trait Clock: Send + Sync + 'static {
    /// Time since some fixed moment; never goes back. For deadlines and durations.
    fn monotonic(&self) -> Duration;

    /// Milliseconds since 1970 as the wall clock says; may jump. For stamping log entries only.
    fn wall_ms(&self) -> u64;

    /// Completes when [`Clock::monotonic`] has reached `deadline`.
    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()>;

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.sleep_until(self.monotonic() + duration)
    }
}
