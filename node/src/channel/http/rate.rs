//! How often one subscriber may ask: a token bucket each, in a table of fixed size.

use std::time::Duration;

use mpss_runtime::Random;
use parking_lot::Mutex;

use crate::intake::{EdgeCode, Problem};

/// Buckets kept: a power of two. Two subscribers who meet in one slot push each other out, which
/// gives the newcomer a full bucket: a bound that is sometimes kind, never unbounded memory.
const SLOTS: usize = 16_384;
/// Slots that share a lock.
const SLOTS_PER_LOCK: usize = 64;
/// A bucket holds what this many seconds bring.
const BURST_S: u64 = 2;
/// Tokens are counted in thousandths, so that a millisecond's share is whole.
const TOKEN: u64 = 1_000;

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    whose: u64,
    tokens: u64,
    filled_ms: u64,
}

/// Buckets of all subscribers.
pub(crate) struct Rates {
    per_second: u64,
    seed: u64,
    slots: Vec<Mutex<[Bucket; SLOTS_PER_LOCK]>>,
}

impl Rates {
    /// Buckets that bring `per_second` requests a second; 0 bounds nothing.
    pub(crate) fn new(per_second: u32, random: &dyn Random) -> Self {
        let locks = if per_second == 0 { 0 } else { SLOTS / SLOTS_PER_LOCK };
        let mut seed = [0; 8];
        // Seeded, so that nobody can choose numbers that meet in one slot.
        random.fill(&mut seed);
        let slots = (0..locks).map(|_| Mutex::new([Bucket::default(); SLOTS_PER_LOCK])).collect();
        Self { per_second: per_second.into(), seed: u64::from_le_bytes(seed) | 1, slots }
    }

    /// Takes a token, or says when there will be one.
    pub(crate) fn admit(&self, whose: u64, now: Duration) -> Result<(), Problem> {
        if self.slots.is_empty() {
            return Ok(());
        }
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let slot = slot_of(whose, self.seed);
        let full = self.per_second * BURST_S * TOKEN;
        let mut slots = self.slots[slot / SLOTS_PER_LOCK].lock();
        let bucket = &mut slots[slot % SLOTS_PER_LOCK];
        if bucket.whose != whose {
            *bucket = Bucket { whose, tokens: full, filled_ms: now_ms };
        }
        // `per_second` whole tokens a second are `per_second` thousandths a millisecond.
        let brought = now_ms.saturating_sub(bucket.filled_ms).saturating_mul(self.per_second);
        bucket.tokens = bucket.tokens.saturating_add(brought).min(full);
        bucket.filled_ms = now_ms;
        match bucket.tokens.checked_sub(TOKEN) {
            Some(left) => {
                bucket.tokens = left;
                Ok(())
            }
            None => {
                let missing_ms = (TOKEN - bucket.tokens).div_ceil(self.per_second);
                Err(Problem::edge(EdgeCode::TooManyRequests).retry_after(Duration::from_millis(missing_ms)))
            }
        }
    }
}

fn slot_of(whose: u64, seed: u64) -> usize {
    // Two rounds of multiply and fold (splitmix64) spread neighbouring numbers over all slots.
    let mut bits = whose ^ seed;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ (bits >> 31)) as usize) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    struct Fixed;
    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
        fn fork(&self, _: &str) -> Arc<dyn Random> {
            Arc::new(Fixed)
        }
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let rates = Rates::new(10, &Fixed);
        let start = Duration::from_secs(1_000);
        assert_eq!((0..100).filter(|_| rates.admit(1, start).is_ok()).count(), 20);
        let problem = rates.admit(1, start).expect_err("empty");
        assert_eq!((problem.status(), problem.code()), (429, "too_many_requests"));
        assert!(rates.admit(2, start).is_ok(), "another subscriber is not concerned");
        let passed = (0..5_000).filter(|ms| rates.admit(1, start + Duration::from_millis(*ms)).is_ok()).count();
        assert!((49..=50).contains(&passed), "{passed}");
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_brings_nothing() {
        let rates = Rates::new(1, &Fixed);
        let start = Duration::from_secs(10);
        assert!(rates.admit(1, start).is_ok() && rates.admit(1, start).is_ok());
        assert!(rates.admit(1, start - Duration::from_secs(5)).is_err());
    }

    #[test]
    fn without_a_bound_nothing_is_counted() {
        let rates = Rates::new(0, &Fixed);
        assert!((0..100_000).all(|_| rates.admit(1, Duration::ZERO).is_ok()));
    }
}
