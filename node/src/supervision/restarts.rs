//! How often something may be started again before its supervisor gives up.

use std::collections::VecDeque;
use std::time::Duration;

/// Restarts inside a window of time; one more than allowed means that starting again does not help.
#[derive(Debug)]
pub(crate) struct Restarts {
    max: usize,
    window: Duration,
    recent: VecDeque<Duration>,
}

impl Restarts {
    /// At most `max` restarts in any `window`.
    pub(crate) const fn new(max: usize, window: Duration) -> Self {
        Self { max, window, recent: VecDeque::new() }
    }

    /// Counts a restart at `now`; false when it is one too many.
    pub(crate) fn allow(&mut self, now: Duration) -> bool {
        while self.recent.front().is_some_and(|at| now.saturating_sub(*at) >= self.window) {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        self.recent.len() <= self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_are_counted_inside_a_moving_window() {
        let mut restarts = Restarts::new(2, Duration::from_secs(10));
        assert!(restarts.allow(Duration::from_secs(0)));
        assert!(restarts.allow(Duration::from_secs(9)));
        assert!(restarts.allow(Duration::from_secs(10)), "the first has left the window");
        assert!(!restarts.allow(Duration::from_secs(11)));
    }
}
