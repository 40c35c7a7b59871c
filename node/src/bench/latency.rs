//! Latencies, as they are told.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Longest latency that is told apart, in µs.
const LATENCY_MAX_US: u64 = 60_000_000;

/// A histogram of latencies in µs, exact to 0.1 %.
pub(super) fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).expect("bounds that are right")
}

/// Latencies in µs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Latency {
    pub(super) p50_us: u64,
    pub(super) p99_us: u64,
    pub(super) p999_us: u64,
    pub(super) max_us: u64,
}

impl Latency {
    pub(super) fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            p50_us: histogram.value_at_quantile(0.5),
            p99_us: histogram.value_at_quantile(0.99),
            p999_us: histogram.value_at_quantile(0.999),
            max_us: histogram.max(),
        }
    }
}

/// Microseconds as ms with two places.
pub(super) fn ms(us: u64) -> String {
    let hundredths = (us + 5) / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// How often something happened in a second.
pub(super) fn per_second(count: u64, ms: u64) -> u64 {
    count.saturating_mul(1_000) / ms.max(1)
}

/// `a / b` with one place.
pub(super) fn ratio(a: u64, b: u64) -> String {
    let tenths = a.saturating_mul(10) / b.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A figure that can be read: `1 234 567`.
pub(super) fn figure(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_for_people() {
        assert_eq!((ms(1_234), ms(5), ms(999_996)), ("1.23".into(), "0.01".into(), "1000.00".into()));
        assert_eq!(
            (figure(0), figure(999), figure(1_000), figure(1_234_567)),
            ("0".into(), "999".into(), "1 000".into(), "1 234 567".into())
        );
        assert_eq!((ratio(25, 10), ratio(1, 3), ratio(1, 0)), ("2.5".into(), "0.3".into(), "1.0".into()));
        assert_eq!((per_second(500, 250), per_second(1, 0)), (2_000, 1_000));
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let mut histogram = new_histogram();
        (1..=1_000_u64).for_each(|us| histogram.saturating_record(us));
        let latency = Latency::of(&histogram);
        assert_eq!((latency.p50_us, latency.p99_us, latency.max_us), (500, 990, 1_000));
    }
}
