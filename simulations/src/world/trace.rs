//! What happened, in order: one hash over everything, and the last of it in words.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use mpss_runtime::Clock;
use parking_lot::Mutex;
use xxhash_rust::xxh3::Xxh3;

use super::clock::SimClock;

/// Lines kept for whoever asks what led to a violation.
const LINES_KEPT: usize = 400;

struct Inner {
    hash: Xxh3,
    events: u64,
    last: VecDeque<String>,
    echo: bool,
}

/// The trace of a run. Cheap to clone.
#[derive(Clone)]
pub struct Trace {
    clock: SimClock,
    inner: Arc<Mutex<Inner>>,
}

impl Trace {
    /// An empty trace; `echo` prints every line as it comes.
    #[must_use]
    pub fn new(clock: SimClock, echo: bool) -> Self {
        let inner = Inner { hash: Xxh3::new(), events: 0, last: VecDeque::new(), echo };
        Self { clock, inner: Arc::new(Mutex::new(inner)) }
    }

    /// Something that a reader of a failed run wants to know.
    pub fn tell(&self, what: &str) {
        let mut line = String::new();
        let at: Duration = self.clock.monotonic();
        let _ = write!(line, "{:>9} ms  {what}", at.as_millis());
        let mut inner = self.inner.lock();
        inner.hash.update(line.as_bytes());
        inner.events += 1;
        if inner.echo {
            eprintln!("{line}");
        }
        inner.last.push_back(line);
        if inner.last.len() > LINES_KEPT {
            inner.last.pop_front();
        }
    }

    /// Something too small to be told, which still must happen the same way every time.
    pub fn mark(&self, kind: u8, what: &[u8]) {
        let at = u64::try_from(self.clock.monotonic().as_micros()).unwrap_or(u64::MAX);
        let mut inner = self.inner.lock();
        inner.hash.update(&[kind]);
        inner.hash.update(&at.to_le_bytes());
        inner.hash.update(&(what.len() as u64).to_le_bytes());
        inner.hash.update(what);
        inner.events += 1;
    }

    /// The hash of everything so far, and how much it was.
    #[must_use]
    pub fn hash(&self) -> (u128, u64) {
        let inner = self.inner.lock();
        (inner.hash.digest128(), inner.events)
    }

    /// The last lines.
    #[must_use]
    pub fn last(&self) -> Vec<String> {
        self.inner.lock().last.iter().cloned().collect()
    }
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trace")
    }
}
