//! Telling SPs and subscribers.

use std::time::Duration;

use serde::Deserialize;

use crate::check::number;
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "outbox.sms_url", kind: Kind::UrlOrEmpty },
    number("outbox.sms_batch_max", 1, 10_000, "texts"),
    number("outbox.notice_batch_max", 1, 10_000, "notices"),
    number("outbox.request_deadline_ms", 10, 300_000, "ms"),
    number("outbox.pause_min_ms", 1, 60_000, "ms"),
    number("outbox.pause_max_ms", 1, 3_600_000, "ms"),
];

/// Telling SPs and subscribers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxSettings {
    /// Where texts are sent: `http://host:port/…`; empty keeps them in the outbox.
    pub sms_url: String,
    /// Texts in one request at most.
    pub sms_batch_max: usize,
    /// Notices in one request to an SP at most.
    pub notice_batch_max: usize,
    /// How long one request to an SP or the SMS gateway may take.
    pub request_deadline_ms: u64,
    /// Pause before a request is tried again; doubles up to the longest.
    pub pause_min_ms: u64,
    /// Longest pause.
    pub pause_max_ms: u64,
}

impl OutboxSettings {
    /// How long one request to an SP or the SMS gateway may take.
    #[must_use]
    pub const fn request_deadline(&self) -> Duration {
        Duration::from_millis(self.request_deadline_ms)
    }

    /// Pause before a request is tried again.
    #[must_use]
    pub const fn pause_min(&self) -> Duration {
        Duration::from_millis(self.pause_min_ms)
    }

    /// Longest pause.
    #[must_use]
    pub const fn pause_max(&self) -> Duration {
        Duration::from_millis(self.pause_max_ms)
    }
}
