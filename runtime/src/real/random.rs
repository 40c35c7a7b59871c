//! Randomness from the operating system.

use std::sync::Arc;

use rand::Rng;

use crate::Random;

/// The thread's generator, which is seeded by the operating system and good enough for salts.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }

    fn fork(&self, _label: &str) -> Arc<dyn Random> {
        // Labels keep seeded sources apart; entropy needs no keeping apart.
        Arc::new(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let (mut one, mut two) = ([0_u8; 32], [0_u8; 32]);
        OsRandom.fill(&mut one);
        OsRandom.fork("other").fill(&mut two);
        assert_ne!(one, two);
        assert!((0..100).all(|_| OsRandom.below(7) < 7));
        assert_eq!(OsRandom.below(0), 0);
    }
}
