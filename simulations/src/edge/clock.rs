//! Virtual time as each host of the simulated network has it.

use std::time::Duration;

use mpss_runtime::{BoxFuture, Clock};
use tokio::time::Instant;

/// 2026-01-05 10:00 in China, when every run begins, in milliseconds since 1970.
const BEGIN_MS: u64 = 1_767_578_400_000;

/// Time since the run began, on the host that made this. Every host has a runtime of its own, whose
/// moments can not be compared with another's, so that each start of a process needs a clock of its own.
#[derive(Debug, Clone, Copy)]
pub struct EdgeClock {
    made: Instant,
    /// How long the run had lasted then.
    before: Duration,
}

impl EdgeClock {
    /// The clock of the host that runs at the moment.
    #[must_use]
    pub fn here() -> Self {
        Self { made: Instant::now(), before: now() }
    }
}

impl Clock for EdgeClock {
    fn monotonic(&self) -> Duration {
        self.before + self.made.elapsed()
    }

    fn wall_ms(&self) -> u64 {
        BEGIN_MS + ms(self.monotonic())
    }

    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(self.made + deadline.saturating_sub(self.before)))
    }
}

/// How long the run has lasted, on the host that runs at the moment.
#[must_use]
pub fn now() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}

/// Whole milliseconds.
#[must_use]
pub fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The wall clock of everybody.
#[must_use]
pub fn wall_ms() -> u64 {
    BEGIN_MS + ms(now())
}
