//! Numbers drawn from one step, so that a step means the same whenever it is repeated.

/// A source of small numbers.
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(step: u64) -> Self {
        Self(step)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 32)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    pub(crate) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    /// One of them, newer ones rather than older ones.
    pub(crate) fn recent<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let len = from.len() as u64;
        let back = if self.one_in(3) { self.below(len.max(1)) } else { self.below(len.clamp(1, 6)) };
        from.len().checked_sub(1 + usize::try_from(back).expect("small")).map(|at| from[at])
    }

    pub(crate) fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).expect("small")]
    }
}
