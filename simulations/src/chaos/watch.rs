//! Starts nodes that ended by themselves again, as an operator's supervisor would, and remembers that they
//! did: a node that ends when nothing was done to it is a finding.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::history::History;
use crate::processes::country::Country;
use crate::record::{Line, Violation};

/// How often it is looked.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long a process that has ended may take to be waited for.
const ENDED_BOUND: Duration = Duration::from_secs(5);
/// Lines of a log shown.
const LINES_SHOWN: usize = 25;

/// Who looks after the nodes.
#[derive(Debug, Default)]
pub struct Watch {
    /// Nodes somebody else is at work on.
    taken: Mutex<BTreeSet<String>>,
    found: Mutex<Vec<Violation>>,
}

/// Nodes nobody else touches until this is dropped.
#[derive(Debug)]
pub struct Taken<'a> {
    watch: &'a Watch,
    names: Vec<String>,
}

impl Watch {
    /// Takes these nodes out of the watch.
    #[must_use]
    pub fn take(&self, names: impl IntoIterator<Item = String>) -> Taken<'_> {
        let names: Vec<String> = names.into_iter().collect();
        lock(&self.taken).extend(names.iter().cloned());
        Taken { watch: self, names }
    }

    /// Looks until told to stop.
    pub async fn keep(&self, country: &Country, history: &History, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            for node in country.nodes() {
                let gone = {
                    // Held over the look, so that nobody takes and ends the node between.
                    let taken = lock(&self.taken);
                    !taken.contains(node.name()) && !node.process.runs()
                };
                if gone {
                    let status = node.process.ended(ENDED_BOUND).await;
                    let at_ms = u64::try_from(history.now().as_millis()).unwrap_or(u64::MAX);
                    let around = tail(&node.process.log(), at_ms);
                    lock(&self.found).push(Violation {
                        property: "a node ends only when it must".into(),
                        clause: "docs/OPERATING.md".into(),
                        what: format!("{} ended by itself: {status}", node.name()),
                        at_ms,
                        around,
                    });
                    node.process.start();
                }
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// What was found.
    #[must_use]
    pub fn found(&self) -> Vec<Violation> {
        std::mem::take(&mut lock(&self.found))
    }

    /// Adds something another found.
    pub fn add(&self, violation: Violation) {
        lock(&self.found).push(violation);
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut taken = lock(&self.watch.taken);
        for name in &self.names {
            taken.remove(name);
        }
    }
}

/// The last lines of a log.
#[must_use]
pub(super) fn tail(log: &str, at_ms: u64) -> Vec<Line> {
    let lines: Vec<&str> = log.lines().collect();
    let shown = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
    shown.iter().map(|what| Line { at_ms, what: (*what).to_owned() }).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
