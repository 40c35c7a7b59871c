//! How often what happened, and what a sweep must have seen at least once.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// What every sweep must see at least once: rare moments in which mistakes hide. A sweep that missed
/// one proves nothing about it.
pub const MUST_BE_SEEN: &[&str] = &[
    "leader died with unsynced tail",
    "whole province dark",
    "torn tail put a log in doubt",
    "damaged log refused by name",
    "damaged snapshot refused by name",
    "snapshot installed on a laggard",
    "disk full stopped a replica",
    "failed sync stopped a replica",
    "another leader while one stood still",
    "request came again after a restart",
    "request came twice and had one answer",
    "reversal came before its payment",
    "reversal while the payment was under way",
    "late payment revived nothing",
    "late acceptance changed nothing",
    "payment taken over from a dead asker",
    "payment given up at its bound",
    "delivery deadline passed",
    "home cut off in the middle of a purchase",
    "national platform cut off",
    "group changed under faults",
    "province replaced machine by machine",
    "mixed versions decided by the old rules",
    "newer rules in force in mid-operation",
    "refused as not home under a newer plan",
    "ported number refused",
    "account thawed on its date",
    "password locked",
    "daily limit reached",
    "transfer came back",
    "refund across provinces",
];

/// Counters by name. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    counts: Arc<Mutex<BTreeMap<String, u64>>>,
    seen: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

impl Tally {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new() -> Self {
        let tally = Self::default();
        tally.seen.lock().extend(MUST_BE_SEEN.iter().map(|name| (*name, 0)));
        tally
    }

    /// It happened once more.
    pub fn count(&self, name: &str) {
        self.add(name, 1);
    }

    /// It happened so many times more.
    pub fn add(&self, name: &str, times: u64) {
        let mut counts = self.counts.lock();
        match counts.get_mut(name) {
            Some(count) => *count += times,
            None => {
                counts.insert(name.to_owned(), times);
            }
        }
    }

    /// One of [`MUST_BE_SEEN`] was seen.
    ///
    /// # Panics
    /// When it is none of them: then nobody would miss it.
    pub fn see(&self, name: &str) {
        let mut seen = self.seen.lock();
        *seen.get_mut(name).unwrap_or_else(|| panic!("{name:?} is not on the list of what must be seen")) += 1;
    }

    /// All counters.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.counts.lock().clone()
    }

    /// How often each of [`MUST_BE_SEEN`] was seen.
    #[must_use]
    pub fn seen(&self) -> BTreeMap<String, u64> {
        self.seen.lock().iter().map(|(name, times)| ((*name).to_owned(), *times)).collect()
    }
}
