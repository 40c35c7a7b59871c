//! What all hosts of a run share: the seed, the trace, the counts, and what the weather is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use xxhash_rust::xxh3::Xxh3;

use super::clock::ms;
use crate::world::SeededRandom;

/// Lines kept for whoever asks what led to a violation.
const LINES_KEPT: usize = 300;
/// How long after the last trouble callers must be answered as if there had been none: connections
/// that lost something are given up, circuits close, the order driver has come round.
const GRACE: Duration = Duration::from_secs(4);

/// The scene. Cheap to clone.
#[derive(Clone)]
pub struct Scene {
    /// The source of everything by chance.
    pub random: Arc<SeededRandom>,
    inner: Arc<Inner>,
}

struct Inner {
    text: Mutex<Text>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    wrong: Mutex<Vec<(String, String)>>,
    /// When people stop to begin new things; 0 while the scene is being set.
    until_ms: AtomicU64,
    /// Connections that break, in parts of a million.
    breaks: AtomicU32,
    /// How many troubles there were, and when the last of them ends.
    troubles: AtomicU64,
    trouble_until_ms: AtomicU64,
    stormy: AtomicBool,
    echo: bool,
}

struct Text {
    hash: Xxh3,
    events: u64,
    last: Vec<String>,
}

/// A moment without trouble.
#[derive(Debug, Clone, Copy)]
pub struct Calm {
    troubles: u64,
}

impl Scene {
    /// A scene on which nothing has happened.
    #[must_use]
    pub fn new(random: Arc<SeededRandom>, echo: bool) -> Self {
        let inner = Inner {
            text: Mutex::new(Text { hash: Xxh3::new(), events: 0, last: Vec::new() }),
            counts: Mutex::default(),
            wrong: Mutex::default(),
            until_ms: AtomicU64::new(0),
            breaks: AtomicU32::new(0),
            troubles: AtomicU64::new(0),
            trouble_until_ms: AtomicU64::new(0),
            stormy: AtomicBool::new(false),
            echo,
        };
        Self { random, inner: Arc::new(inner) }
    }

    /// Writes down what happened now.
    pub fn tell(&self, now: Duration, what: &str) {
        let mut line = String::new();
        let _ = write!(line, "{:>9} ms  {what}", ms(now));
        let mut text = self.inner.text.lock();
        text.hash.update(line.as_bytes());
        text.events += 1;
        if self.inner.echo {
            eprintln!("{line}");
        }
        if text.last.len() == LINES_KEPT {
            text.last.remove(0);
        }
        text.last.push(line);
    }

    /// Hash over everything that was told, and how much it was.
    #[must_use]
    pub fn trace(&self) -> (u128, u64) {
        let text = self.inner.text.lock();
        (text.hash.digest128(), text.events)
    }

    /// The last that was told.
    #[must_use]
    pub fn last(&self) -> Vec<String> {
        self.inner.text.lock().last.clone()
    }

    /// One more of these.
    pub fn count(&self, what: &'static str) {
        self.count_many(what, 1);
    }

    /// This many more of these.
    pub fn count_many(&self, what: &'static str, times: u64) {
        *self.inner.counts.lock().entry(what).or_default() += times;
    }

    /// All counts.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.inner.counts.lock().clone()
    }

    /// Something is not as it must be.
    pub fn violated(&self, property: &str, what: impl Into<String>) {
        self.inner.wrong.lock().push((property.to_owned(), what.into()));
    }

    /// Everything that was not as it must be.
    #[must_use]
    pub fn violations(&self) -> Vec<(String, String)> {
        self.inner.wrong.lock().clone()
    }

    /// The scene is set: people live until then.
    pub fn begin(&self, until: Duration) {
        self.inner.until_ms.store(ms(until), Ordering::Relaxed);
    }

    /// Until when people begin new things, once the scene is set.
    #[must_use]
    pub fn until(&self) -> Option<Duration> {
        let until = self.inner.until_ms.load(Ordering::Relaxed);
        (until > 0).then(|| Duration::from_millis(until))
    }

    /// Sets how many connections break.
    pub fn set_breaks(&self, parts: u32) {
        self.inner.breaks.store(parts, Ordering::Relaxed);
    }

    /// How many connections break, in parts of a million.
    #[must_use]
    pub fn breaks(&self) -> u32 {
        self.inner.breaks.load(Ordering::Relaxed)
    }

    /// A storm begins or is over.
    pub fn set_stormy(&self, stormy: bool) {
        self.inner.stormy.store(stormy, Ordering::Relaxed);
    }

    /// True in a storm, when more may go wrong.
    #[must_use]
    pub fn stormy(&self) -> bool {
        self.inner.stormy.load(Ordering::Relaxed)
    }

    /// Something is going to be wrong until then: whoever asks meanwhile may have to ask again.
    pub fn trouble(&self, until: Duration) {
        self.inner.troubles.fetch_add(1, Ordering::Relaxed);
        self.inner.trouble_until_ms.fetch_max(ms(until), Ordering::Relaxed);
    }

    /// Now, when nothing has been wrong for a while.
    #[must_use]
    pub fn calm(&self, now: Duration) -> Option<Calm> {
        let over = Duration::from_millis(self.inner.trouble_until_ms.load(Ordering::Relaxed)) + GRACE;
        (now > over).then(|| Calm { troubles: self.inner.troubles.load(Ordering::Relaxed) })
    }

    /// True when nothing has gone wrong since.
    #[must_use]
    pub fn still(&self, calm: Calm) -> bool {
        calm.troubles == self.inner.troubles.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scene")
    }
}
