//! Waiting for an event: ask, pause, ask again, give up at a bound.

use std::time::{Duration, Instant};

/// First pause between two questions.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// Longest pause between two questions.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// A pause that doubles each time, up to a bound.
#[derive(Debug)]
pub struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(PAUSE_MIN)
    }
}

impl Pause {
    /// Waits once; the next time twice as long.
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(PAUSE_MAX);
    }
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
    mut ask: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, String> {
    let begun = Instant::now();
    let mut pause = Pause::default();
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(why) if begun.elapsed() > bound => return Err(format!("{what}: not after {bound:?}: {why}")),
            Err(_) => pause.wait().await,
        }
    }
}
