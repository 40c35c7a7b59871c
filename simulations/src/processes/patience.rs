//! Waiting for an event: ask, pause, ask again, give up at a bound.

use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior};

/// First pause between two questions.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// Longest pause between two questions.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// A pause that doubles each time, up to a bound.
#[derive(Debug)]
pub struct Pause {
    next: Duration,
    most: Duration,
}

impl Default for Pause {
    fn default() -> Self {
        Self { next: PAUSE_MIN, most: PAUSE_MAX }
    }
}

impl Pause {
    /// One that is always so long: for those who ask with many others.
    #[must_use]
    pub const fn steady(pause: Duration) -> Self {
        Self { next: pause, most: pause }
    }

    /// Waits once; the next time twice as long.
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(self.most);
    }
}

/// For whoever does one thing after the other: no more often than once in a `period`.
#[must_use]
pub fn pace(period: Duration) -> Interval {
    let mut pace = tokio::time::interval(period);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

/// Makes sure that no business day ends within the next `span`: limits count by the day in Beijing,
/// and a test that counts must not see them start again.
pub async fn no_midnight_within(span: Duration) {
    const DAY_MS: u128 = 86_400_000;
    const BEIJING_MS: u128 = 8 * 3_600_000;
    until("the business day has begun", span + Duration::from_secs(10), async || {
        let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_millis() + BEIJING_MS;
        if DAY_MS - now % DAY_MS > span.as_millis() { Ok(()) } else { Err("it is about to end") }
    })
    .await;
}

/// Asks until the answer is `Ok`.
///
/// # Panics
/// When it has not been by `bound`, with the last refusal: what was waited for did not happen.
pub async fn until<T, E: std::fmt::Display>(what: &str, bound: Duration, ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    asked(what, bound, ask).await.unwrap_or_else(|why| panic!("{why}"))
}

/// Asks until the answer is `Ok`.
///
/// # Errors
/// When it has not been by `bound`: what was waited for, and the last refusal.
pub async fn asked<T, E: std::fmt::Display>(
    what: &str,
    bound: Duration,
    ask: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, String> {
    asked_with(Pause::default(), what, bound, ask).await
}

/// The same, with another pause between two questions.
///
/// # Errors
/// As [`asked`].
pub async fn asked_with<T, E: std::fmt::Display>(
    mut pause: Pause,
    what: &str,
    bound: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, String> {
    let begun = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(why) if begun.elapsed() > bound => return Err(format!("{what}: not after {bound:?}: {why}")),
            Err(_) => pause.wait().await,
        }
    }
}
