//! Every try of every request and what came back: the evidence when a check fails.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Tries kept; the oldest half is dropped when there are more.
const ATTEMPTS_MAX: usize = 400_000;

/// One try.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Since the recording began.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// Which node was asked.
    pub url: String,
    /// Method and path.
    pub what: String,
    /// The caller's request id.
    pub key: Option<String>,
    /// Status and body, or why there is no answer.
    pub result: String,
}

/// All tries of one or more callers, in the order they ended.
#[derive(Debug, Clone)]
pub struct Attempts {
    begun: Instant,
    rows: Arc<Mutex<Vec<Attempt>>>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { begun: Instant::now(), rows: Arc::default() }
    }
}

impl Attempts {
    /// Notes a try that began at `begun` and has ended now.
    pub fn note(&self, begun: Instant, url: &str, what: String, key: Option<&str>, result: String) {
        let (at, took) = (begun.duration_since(self.begun), begun.elapsed());
        let attempt = Attempt { at, took, url: url.into(), what, key: key.map(Into::into), result };
        let mut rows = self.lock();
        if rows.len() >= ATTEMPTS_MAX {
            rows.drain(..ATTEMPTS_MAX / 2);
        }
        rows.push(attempt);
    }

    /// How many tries were made.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Everything that names `text` in its key, path or answer, for a failure's message.
    #[must_use]
    pub fn about(&self, text: &str) -> String {
        const SHOWN_MAX: usize = 40;
        let mut shown = String::new();
        let rows = self.lock();
        let names = |attempt: &&Attempt| {
            attempt.key.as_deref().is_some_and(|key| key.contains(text))
                || attempt.what.contains(text)
                || attempt.result.contains(text)
        };
        for attempt in rows.iter().filter(names).take(SHOWN_MAX) {
            let Attempt { at, took, url, what, key, result } = attempt;
            writeln!(shown, "  {at:.3?} +{took:.3?} {url} {what} key={key:?}: {result}").expect("a string");
        }
        shown
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Attempt>> {
        self.rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
