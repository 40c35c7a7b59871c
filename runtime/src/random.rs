//! Randomness.

use std::sync::Arc;

/// A source of random bytes. Good enough for salts in production, seeded in the simulator.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);

    /// A source of its own for `label`, so that one consumer's draws do not shift another's.
    fn fork(&self, label: &str) -> Arc<dyn Random>;

    /// A number below `bound`; 0 when `bound` is 0.
    fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0_u8; 8];
        self.fill(&mut bytes);
        // A bias of bound / 2^64 does not matter to jitter.
        u64::from_le_bytes(bytes).checked_rem(bound).unwrap_or(0)
    }
}
