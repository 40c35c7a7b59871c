//! Virtual time: it passes only when nobody has anything to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mpss_runtime::{BoxFuture, Clock};
use tokio::time::Instant;

use super::gate::Gate;

/// 2026-01-05 10:00 in China, when every run begins, in milliseconds since 1970.
pub const BEGIN_MS: i64 = 1_767_578_400_000;

/// One machine's clocks. Monotonic time is everybody's; the wall clock may be wrong.
#[derive(Debug, Clone)]
pub struct SimClock {
    begin: Instant,
    /// How far the wall clock is ahead, in milliseconds.
    ahead_ms: Arc<AtomicI64>,
    /// The process that reads this clock: one that stands still does not wake.
    gate: Gate,
}

impl SimClock {
    /// A clock that is right. To be made when the run begins, inside its runtime.
    #[must_use]
    pub fn new() -> Self {
        Self { begin: Instant::now(), ahead_ms: Arc::default(), gate: Gate::default() }
    }

    /// Another machine's clock, which is right too.
    #[must_use]
    pub fn of_another(&self) -> Self {
        Self { begin: self.begin, ahead_ms: Arc::default(), gate: Gate::default() }
    }

    /// The same clock as a process sees it that may be held.
    #[must_use]
    pub fn seen_by(&self, gate: &Gate) -> Self {
        Self { gate: gate.clone(), ..self.clone() }
    }

    /// Sets the wall clock wrong by this many milliseconds.
    pub fn set_ahead(&self, ms: i64) {
        self.ahead_ms.store(ms, Ordering::Relaxed);
    }

    /// Milliseconds since the run began.
    #[must_use]
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SimClock {
    fn monotonic(&self) -> Duration {
        self.begin.elapsed()
    }

    fn wall_ms(&self) -> u64 {
        let elapsed = i64::try_from(self.begin.elapsed().as_millis()).unwrap_or(i64::MAX);
        (BEGIN_MS + elapsed + self.ahead_ms.load(Ordering::Relaxed)).unsigned_abs()
    }

    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()> {
        let (until, gate) = (self.begin + deadline, self.gate.clone());
        Box::pin(async move {
            tokio::time::sleep_until(until).await;
            gate.open().await;
        })
    }
}
