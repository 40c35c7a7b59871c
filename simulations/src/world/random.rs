//! Randomness from the seed. Every consumer has a source of its own, so that one more draw here does
//! not change what is drawn there.

use std::sync::Arc;

use mpss_runtime::Random;
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A seeded source.
#[derive(Debug)]
pub struct SeededRandom {
    seed: u64,
    draws: Mutex<SmallRng>,
}

impl SeededRandom {
    /// The source of a whole run.
    #[must_use]
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self { seed, draws: Mutex::new(SmallRng::seed_from_u64(seed)) })
    }

    /// The source for `label`.
    #[must_use]
    pub fn named(&self, label: &str) -> Arc<Self> {
        Self::new(xxh3_64_with_seed(label.as_bytes(), self.seed))
    }

    /// A number from `low` to `high`, both inside.
    #[must_use]
    pub fn between(&self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in `parts` of a million.
    #[must_use]
    pub fn happens(&self, parts: u32) -> bool {
        self.below(1_000_000) < u64::from(parts)
    }

    /// One of these.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len() as u64)).expect("an index")]
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.draws.lock().fill_bytes(bytes);
    }

    fn fork(&self, label: &str) -> Arc<dyn Random> {
        self.named(label)
    }
}
