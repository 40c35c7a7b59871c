//! Random choices that can be made again: everything drawn comes from one printed seed.

/// A stream of random numbers (SplitMix64): the same seed gives the same stream in every release of
/// every library.
#[derive(Debug, Clone)]
pub struct Seeded(u64);

impl Seeded {
    /// The stream of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of the environment variable `name`, or of a new seed; printed, so that a failure
    /// can be repeated.
    ///
    /// # Panics
    /// When the variable holds no number.
    #[must_use]
    pub fn from_environment(name: &str) -> Self {
        let seed = match std::env::var(name) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")),
            Err(_) => fresh(),
        };
        eprintln!("{name}={seed} repeats these choices");
        Self(seed)
    }

    /// A stream of its own for `label`, so that one consumer's draws do not shift another's.
    #[must_use]
    pub fn fork(&self, label: &str) -> Self {
        // FNV-1a: only has to tell labels apart.
        let hash = label
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(self.0 ^ hash)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    ///
    /// # Panics
    /// When `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "nothing lies below 0");
        self.bits() % bound
    }

    /// An index below `length`.
    ///
    /// # Panics
    /// When `length` is 0.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("below a usize")
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.index(choices.len())]
    }

    /// True once in `n` times.
    ///
    /// # Panics
    /// When `n` is 0.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Between 0 and `max` random bytes.
    pub fn bytes(&mut self, max: usize) -> Vec<u8> {
        let length = self.index(max + 1);
        (0..length).map(|_| self.bits().to_le_bytes()[0]).collect()
    }
}

/// A number that differs from run to run.
fn fresh() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish() % 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::Seeded;

    #[test]
    fn one_seed_is_one_stream() {
        let draw = |mut seeded: Seeded| (0..8).map(|_| seeded.bits()).collect::<Vec<_>>();
        assert_eq!(draw(Seeded::new(7)), draw(Seeded::new(7)));
        assert_ne!(draw(Seeded::new(7)), draw(Seeded::new(8)));
        assert_ne!(draw(Seeded::new(7).fork("a")), draw(Seeded::new(7).fork("b")));
    }
}
