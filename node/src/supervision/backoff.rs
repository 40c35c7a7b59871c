//! Pauses that double, with jitter, so that many who wait for one thing do not all come back at once.

use std::time::Duration;

use mpss_runtime::Random;

/// Shortest and longest pause.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

impl Backoff {
    /// The pause after `failures` in a row: between half and the whole of the doubled shortest one.
    pub(crate) fn pause(&self, failures: u32, random: &dyn Random) -> Duration {
        let doubled = self.min.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
        let whole = doubled.min(self.max).max(self.min);
        let half_ms = u64::try_from(whole.as_millis() / 2).unwrap_or(u64::MAX);
        whole - Duration::from_millis(half_ms) + Duration::from_millis(random.below(half_ms + 1))
    }
}

#[cfg(test)]
mod tests {
    use mpss_runtime::real::OsRandom;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_never_leave_their_bounds() {
        let backoff = Backoff { min: Duration::from_millis(100), max: Duration::from_secs(5) };
        for (failures, longest_ms) in [(0, 100), (1, 100), (2, 200), (4, 800), (7, 5_000), (u32::MAX, 5_000)] {
            for _ in 0..50 {
                let pause = backoff.pause(failures, &OsRandom);
                assert!(pause <= Duration::from_millis(longest_ms), "{failures}: {pause:?}");
                assert!(pause >= Duration::from_millis(longest_ms / 2), "{failures}: {pause:?}");
            }
        }
    }
}
