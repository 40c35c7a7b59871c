//! The door for SPs that are connected through the ISAG, and which SPs those are.

use std::collections::BTreeMap;
use std::time::Duration;

use mpss_domain::{AccountKind, SpId};
use serde::Deserialize;

use crate::check::{Checked, number};
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "isag.header_check", kind: Kind::OneOf(&["md5", "none"]) },
    number("isag.time_stamp_window_ms", 1_000, 3_600_000, "ms"),
    number("isag.replays_max", 1, 10_000_000, "messages"),
    Key { path: "isag.account_kind", kind: Kind::OneOf(&["virtual", "communication", "bank"]) },
    number("isag.patience_ms", 100, 600_000, "ms"),
    number("isag.requests_in_flight_max", 1, 100_000, "requests"),
    number("isag.message_bytes_max", 1_024, 1_048_576, "bytes"),
    number("isag.text_requests_per_second", 0, 10_000, "requests"),
    Key { path: "isag_sps.*.sp_id", kind: Kind::Sp },
    Key { path: "isag_sps.*.notice_url", kind: Kind::UrlOrEmpty },
];

/// Digits of an SP's number at the ISAG.
pub(crate) const NUMBER_DIGITS: usize = 8;

/// The door for SPs that are connected through the ISAG.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IsagSettings {
    /// Must SPs prove themselves: `md5`; `none` where the ISAG has seen to it.
    pub header_check: String,
    /// How far the time stamp of a message may be from now, before and after.
    pub time_stamp_window_ms: u64,
    /// Messages remembered at most, so that none is taken twice; when there are more, no more are taken.
    pub replays_max: usize,
    /// From which account subscribers pay: `virtual`, `communication` or `bank`.
    pub account_kind: String,
    /// How long the answer to a charge waits for the subscriber.
    pub patience_ms: u64,
    /// Requests being worked on at most; they wait for subscribers, so it is a bound of its own.
    pub requests_in_flight_max: usize,
    /// The largest message.
    pub message_bytes_max: usize,
    /// Requests for texts a second of one SP on average, at each node; 0 for no bound.
    pub text_requests_per_second: u32,
}

impl IsagSettings {
    /// Must SPs prove themselves?
    #[must_use]
    pub fn checks_headers(&self) -> bool {
        self.header_check == "md5"
    }

    /// From which account subscribers pay.
    #[must_use]
    pub fn account(&self) -> AccountKind {
        let kinds = [AccountKind::Communication, AccountKind::Bank];
        kinds.into_iter().find(|kind| kind.name() == self.account_kind).unwrap_or(AccountKind::StoredValue)
    }

    /// How far the time stamp of a message may be from now.
    #[must_use]
    pub const fn time_stamp_window(&self) -> Duration {
        Duration::from_millis(self.time_stamp_window_ms)
    }

    /// How long the answer to a charge waits for the subscriber.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_ms)
    }
}

/// An SP that is connected through the ISAG.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IsagSpSettings {
    /// Which of the SPs that were admitted here.
    pub sp_id: String,
    /// Where its notices go; empty when they go as those of any other SP.
    pub notice_url: String,
}

/// Is `text` the id of an SP?
pub(crate) fn is_sp(text: &str) -> bool {
    text.parse::<SpId>().is_ok()
}

/// An SP has one number: else its notices would go to whichever is found first.
pub(crate) fn check(checked: &mut Checked) {
    let numbers: Vec<String> = checked.names("isag_sps").into_iter().map(str::to_owned).collect();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for number in numbers {
        let key = format!("isag_sps.{number}.sp_id");
        let Some(sp) = checked.text(&key).map(str::to_owned) else { continue };
        match seen.get(&sp).map(|earlier| checked.shown(earlier)) {
            Some(other) => checked.add(&key, format!("must differ from {other}")),
            None => drop(seen.insert(sp, key)),
        }
    }
}
