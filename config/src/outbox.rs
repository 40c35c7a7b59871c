//! Telling SPs and subscribers.

use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::check::number;
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "outbox.sms_url", kind: Kind::UrlOrEmpty },
    Key { path: "outbox.sms_door_key", kind: Kind::LongKeyOrEmpty },
    number("outbox.sms_batch_max", 1, 10_000, "texts"),
    number("outbox.notice_batch_max", 1, 10_000, "notices"),
    number("outbox.request_deadline_ms", 10, 300_000, "ms"),
    number("outbox.pause_min_ms", 1, 60_000, "ms"),
    number("outbox.pause_max_ms", 1, 3_600_000, "ms"),
];

/// Telling SPs and subscribers.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxSettings {
    /// Where texts are sent: `http://host:port/…`; empty keeps them in the outbox, or has them go by SMPP.
    pub sms_url: String,
    /// What the SMS centre signs with that brings what subscribers send: 64 hex digits; empty when it may bring nothing.
    pub sms_door_key: String,
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

impl std::fmt::Debug for OutboxSettings {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboxSettings")
            .field("sms_url", &self.sms_url)
            .field("sms_batch_max", &self.sms_batch_max)
            .finish_non_exhaustive()
    }
}

impl Drop for OutboxSettings {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.sms_door_key);
    }
}

impl OutboxSettings {
    /// The key of the SMS centre's door as bytes; `None` when it may bring nothing.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no key; loaded ones are checked.
    #[must_use]
    pub fn sms_door_key_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let key = || Zeroizing::new(hex::decode(&self.sms_door_key).expect("loaded settings have a key in hex"));
        (!self.sms_door_key.is_empty()).then(key)
    }

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
