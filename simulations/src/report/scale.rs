//! Where on a drawing a time, a count or a latency stands.

/// Virtual time from left to right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeScale {
    /// How many pixels wide all of it is.
    pub(crate) width: i64,
    /// The time at the right end.
    pub(crate) until_ms: u64,
}

impl TimeScale {
    /// The pixel of a time; what is later than the end stands at the end.
    pub(crate) fn x(&self, at_ms: u64) -> i64 {
        let until = u128::from(self.until_ms.max(1));
        let at = u128::from(at_ms).min(until);
        i64::try_from(at * u128::from(self.width.unsigned_abs()) / until).unwrap_or(self.width)
    }

    /// Marks at round times, at most a dozen or so, and the step between them.
    pub(crate) fn marks(&self) -> (Vec<u64>, u64) {
        let step = time_step(self.until_ms, 12);
        (std::iter::successors(Some(0), |at| Some(at + step)).take_while(|at| *at <= self.until_ms).collect(), step)
    }
}

/// Seconds, minutes and hours that people count in.
const STEPS_MS: [u64; 17] = [
    200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
    3_600_000, 7_200_000, 14_400_000,
];

/// The smallest round step of which no more than `parts` go into `whole_ms`.
fn time_step(whole_ms: u64, parts: u64) -> u64 {
    let fits = |step: &u64| whole_ms / step <= parts;
    let long = || {
        let mut step = 86_400_000_u64;
        while !fits(&step) {
            step = step.saturating_mul(2);
        }
        step
    };
    STEPS_MS.into_iter().find(fits).unwrap_or_else(long)
}

/// How long one bucket is: a second, or as much more as keeps the drawing small.
pub(crate) fn bucket_ms(whole_ms: u64) -> u64 {
    time_step(whole_ms, 360).max(1_000)
}

/// A step of 1, 2 or 5 times a power of ten, of which `parts` or fewer reach `most`.
pub(crate) fn count_step(most: u64, parts: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for step in [1, 2, 5].map(|factor| power.saturating_mul(factor)) {
            if step.saturating_mul(parts) >= most {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Logarithm to base two in parts of 1024, straight between powers of two: at most a tenth of an octave
/// from the true one, which is less than a pixel on our plots. Zero counts as one.
fn log2(value: u64) -> i64 {
    let value = value.clamp(1, 1 << 50);
    let whole = value.ilog2();
    let part = ((value << 10) >> whole) - 1_024;
    i64::from(whole) * 1_024 + i64::try_from(part).unwrap_or(0)
}

/// A latency from bottom to top, where each power of ten takes the same room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogScale {
    /// How many pixels high all of it is.
    pub(crate) height: i64,
    /// The value at the top.
    pub(crate) most: u64,
}

impl LogScale {
    /// How far above the bottom a value stands.
    pub(crate) fn rise(&self, value: u64) -> i64 {
        log2(value.min(self.most)) * self.height / log2(self.most.max(2))
    }

    /// The powers of ten.
    pub(crate) fn marks(&self) -> Vec<u64> {
        std::iter::successors(Some(1_u64), |at| at.checked_mul(10)).take_while(|at| *at <= self.most).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn time_stands_where_it_belongs_and_nothing_leaves_the_drawing() {
        let scale = TimeScale { width: 1_000, until_ms: 60_000 };
        assert_eq!((scale.x(0), scale.x(30_000), scale.x(60_000), scale.x(u64::MAX)), (0, 500, 1_000, 1_000));
        let (marks, step) = scale.marks();
        assert_eq!((step, marks.len(), marks.last().copied()), (5_000, 13, Some(60_000)));
        assert_eq!(TimeScale { width: 10, until_ms: 0 }.x(0), 0);
    }

    #[test]
    fn there_are_never_many_buckets() {
        assert_eq!(bucket_ms(60_000), 1_000);
        assert_eq!(bucket_ms(600_000), 2_000);
        for whole in [1, 359_999, 86_400_000, u64::MAX / 4] {
            assert!(whole / bucket_ms(whole) <= 360, "{whole}");
        }
    }

    #[test]
    fn counts_and_latencies_have_round_marks() {
        assert_eq!([1, 4, 5, 37, 1_000].map(|most| count_step(most, 4)), [1, 1, 2, 10, 500]);
        let scale = LogScale { height: 120, most: 10_000 };
        assert_eq!(scale.marks(), [1, 10, 100, 1_000, 10_000]);
        assert_eq!((scale.rise(0), scale.rise(1), scale.rise(10_000), scale.rise(u64::MAX)), (0, 0, 120, 120));
        assert!((scale.rise(100) - 60).abs() <= 1);
    }
}
