//! The doors callers and provinces come in by.

use std::time::Duration;

use serde::Deserialize;

use crate::check::number;
use crate::key::Key;

pub(crate) const KEYS: &[Key] = &[
    number("door.connections_max", 1, 1_000_000, "connections"),
    number("door.requests_in_flight_max", 1, 1_000_000, "requests"),
    number("door.body_bytes_max", 1_024, 16_777_216, "bytes"),
    number("door.header_deadline_ms", 10, 60_000, "ms"),
    number("door.request_deadline_ms", 100, 600_000, "ms"),
    number("door.subscriber_requests_per_second", 0, 1_000_000, "requests a second (0 for no bound)"),
];

/// The callers' door.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoorSettings {
    /// Connections at most.
    pub connections_max: usize,
    /// Requests being worked on at most; more are answered 503 at once.
    pub requests_in_flight_max: usize,
    /// Largest body.
    pub body_bytes_max: usize,
    /// A request's headers must have come within this time.
    pub header_deadline_ms: u64,
    /// A request must have been answered within this time.
    pub request_deadline_ms: u64,
    /// Requests a second one subscriber may make, on average; 0 for no bound.
    pub subscriber_requests_per_second: u32,
}

impl DoorSettings {
    /// A request's headers must have come within this time.
    #[must_use]
    pub const fn header_deadline(&self) -> Duration {
        Duration::from_millis(self.header_deadline_ms)
    }

    /// A request must have been answered within this time.
    #[must_use]
    pub const fn request_deadline(&self) -> Duration {
        Duration::from_millis(self.request_deadline_ms)
    }
}
