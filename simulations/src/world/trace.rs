//! What happened, in order: one hash over everything, and in words what a reader wants to know.

use std::sync::Arc;

use parking_lot::Mutex;
use xxhash_rust::xxh3::Xxh3;

use super::clock::SimClock;
use crate::record::Line;

/// Lines kept when the run is not recorded: what led to a violation.
const LINES_KEPT: usize = 2_000;

struct Inner {
    hash: Xxh3,
    events: u64,
    lines: std::collections::VecDeque<Line>,
    keep_all: bool,
    echo: bool,
}

/// The trace of a run. Cheap to clone.
#[derive(Clone)]
pub struct Trace {
    clock: SimClock,
    inner: Arc<Mutex<Inner>>,
}

impl Trace {
    /// An empty trace; `echo` prints every line as it comes, `keep_all` keeps every line.
    #[must_use]
    pub fn new(clock: SimClock, echo: bool, keep_all: bool) -> Self {
        let inner = Inner { hash: Xxh3::new(), events: 0, lines: std::collections::VecDeque::new(), keep_all, echo };
        Self { clock, inner: Arc::new(Mutex::new(inner)) }
    }

    /// Something that a reader of a failed run wants to know.
    pub fn tell(&self, what: impl Into<String>) {
        let line = Line { at_ms: self.clock.elapsed_ms(), what: what.into() };
        let mut inner = self.inner.lock();
        inner.hash.update(&line.at_ms.to_le_bytes());
        inner.hash.update(line.what.as_bytes());
        inner.events += 1;
        if inner.echo {
            eprintln!("{:>9} ms  {}", line.at_ms, line.what);
        }
        inner.lines.push_back(line);
        if !inner.keep_all && inner.lines.len() > LINES_KEPT {
            inner.lines.pop_front();
        }
    }

    /// Something too small to be told, which still must happen the same way every time.
    pub fn mark(&self, kind: u8, what: &[u8]) {
        let at = self.clock.elapsed_ms();
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

    /// The lines that are kept, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.inner.lock().lines.iter().cloned().collect()
    }

    /// The newest lines that hold one of these words, and the newest of all, oldest first.
    #[must_use]
    pub fn around(&self, words: &[String], most: usize) -> Vec<Line> {
        let inner = self.inner.lock();
        let newest = inner.lines.len().saturating_sub(most / 2);
        let mut found: Vec<Line> = Vec::new();
        for (place, line) in inner.lines.iter().enumerate().rev() {
            if found.len() < most && (place >= newest || words.iter().any(|word| line.what.contains(word.as_str()))) {
                found.push(line.clone());
            }
        }
        found.reverse();
        found
    }
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trace")
    }
}
