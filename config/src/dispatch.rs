//! Sending home: tries, pauses and circuits towards other provinces.

use std::time::Duration;

use serde::Deserialize;

use crate::check::number;
use crate::key::Key;

pub(crate) const KEYS: &[Key] = &[
    number("dispatch.try_deadline_ms", 10, 60_000, "ms"),
    number("dispatch.payment_deadline_ms", 10, 300_000, "ms"),
    number("dispatch.pause_min_ms", 1, 60_000, "ms"),
    number("dispatch.pause_max_ms", 1, 300_000, "ms"),
    number("dispatch.circuit_failures", 1, 10_000, "failures"),
    number("dispatch.circuit_open_ms", 1, 300_000, "ms"),
    number("dispatch.national_goods_ms", 10, 3_600_000, "ms"),
];

/// Sending home.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispatchSettings {
    /// How long one try may take.
    pub try_deadline_ms: u64,
    /// How long a buyer waits for all tries.
    pub payment_deadline_ms: u64,
    /// Pause before the first retry.
    pub pause_min_ms: u64,
    /// Longest pause between retries.
    pub pause_max_ms: u64,
    /// Failures in a row that open a province's circuit.
    pub circuit_failures: u32,
    /// How long an open circuit refuses.
    pub circuit_open_ms: u64,
    /// How often the leader asks what has changed of national goods.
    pub national_goods_ms: u64,
}

impl DispatchSettings {
    /// How long one try may take.
    #[must_use]
    pub const fn try_deadline(&self) -> Duration {
        Duration::from_millis(self.try_deadline_ms)
    }

    /// How long a buyer waits for all tries.
    #[must_use]
    pub const fn payment_deadline(&self) -> Duration {
        Duration::from_millis(self.payment_deadline_ms)
    }

    /// Pause before the first retry.
    #[must_use]
    pub const fn pause_min(&self) -> Duration {
        Duration::from_millis(self.pause_min_ms)
    }

    /// Longest pause between retries.
    #[must_use]
    pub const fn pause_max(&self) -> Duration {
        Duration::from_millis(self.pause_max_ms)
    }

    /// How long an open circuit refuses.
    #[must_use]
    pub const fn circuit_open(&self) -> Duration {
        Duration::from_millis(self.circuit_open_ms)
    }
}
