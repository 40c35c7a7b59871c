//! How many are being worked on now, with a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what is under way; refuses above its bound instead of queueing.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    count: Arc<AtomicUsize>,
    max: usize,
}

/// One place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl InFlight {
    pub(crate) fn new(max: usize) -> Self {
        Self { count: Arc::new(AtomicUsize::new(0)), max }
    }

    /// A place, or nothing when all are taken.
    pub(crate) fn enter(&self) -> Option<Place> {
        if self.count.fetch_add(1, Ordering::AcqRel) < self.max {
            Some(Place(Arc::clone(&self.count)))
        } else {
            self.count.fetch_sub(1, Ordering::AcqRel);
            None
        }
    }

    /// How many places are taken.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::InFlight;

    #[test]
    fn places_are_bounded_and_come_back() {
        let places = InFlight::new(2);
        let (one, two) = (places.enter(), places.enter());
        assert!(one.is_some() && two.is_some() && places.enter().is_none());
        drop(one);
        assert_eq!(places.count(), 1);
        assert!(places.enter().is_some());
    }
}
