//! Wrong passwords for a name or from an address, counted on this node in a table of fixed size.

use std::time::Duration;

use mpss_runtime::Random;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

/// Rows kept. Whoever meets another one in a row takes it over with the higher count: a bound that is sometimes too strict,
/// so that nobody can push a count out by asking for many names.
const ROWS: usize = 16_384;

#[derive(Debug, Clone, Copy, Default)]
struct Row {
    wrong: u32,
    /// When the count is forgotten, in ms.
    until_ms: u64,
}

/// Counts of wrong passwords.
pub(crate) struct Lockout {
    wrong_max: u32,
    lock: Duration,
    seed: [u8; 16],
    rows: Mutex<Vec<Row>>,
}

impl Lockout {
    /// Locks for `lock` after `wrong_max` wrong ones.
    pub(crate) fn new(wrong_max: u32, lock: Duration, random: &dyn Random) -> Self {
        let mut seed = [0; 16];
        // Seeded, so that nobody can choose names that meet somebody's.
        random.fill(&mut seed);
        Self { wrong_max, lock, seed, rows: Mutex::new(vec![Row::default(); ROWS]) }
    }

    /// Is it locked now? Takes an attempt when it is not: it counts as wrong until it is known to be right, so that many at
    /// once are not more than many one after the other.
    pub(crate) fn begin(&self, whose: &str, now: Duration) -> bool {
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let mut rows = self.rows.lock();
        let row = &mut rows[self.place(whose)];
        if now_ms >= row.until_ms {
            *row = Row::default();
        }
        if row.wrong >= self.wrong_max {
            return false;
        }
        row.wrong += 1;
        let lock_ms = u64::try_from(self.lock.as_millis()).unwrap_or(u64::MAX);
        row.until_ms = now_ms.saturating_add(lock_ms);
        true
    }

    /// The attempt was not a wrong one.
    pub(crate) fn forgive(&self, whose: &str) {
        let row = &mut self.rows.lock()[self.place(whose)];
        row.wrong = row.wrong.saturating_sub(1);
    }

    fn place(&self, whose: &str) -> usize {
        let digest = Sha256::new().chain_update(self.seed).chain_update(whose).finalize();
        let number = digest.iter().take(4).fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        number % ROWS
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    struct Fixed;
    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
        fn fork(&self, _: &str) -> Arc<dyn Random> {
            Arc::new(Self)
        }
    }

    #[test]
    fn wrong_ones_lock_for_a_time_and_right_ones_do_not() {
        let lockout = Lockout::new(3, Duration::from_secs(60), &Fixed);
        let at = Duration::from_secs;
        for _ in 0..100 {
            assert!(lockout.begin("rita", at(1)));
            lockout.forgive("rita");
        }
        assert!((0..3).all(|_| lockout.begin("rita", at(1))));
        assert!(!lockout.begin("rita", at(1)) && !lockout.begin("rita", at(60)));
        assert!(lockout.begin("sam", at(1)), "another name");
        assert!(lockout.begin("rita", at(61)), "it is over");
    }
}
