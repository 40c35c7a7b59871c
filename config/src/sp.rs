//! SPs that speak HTTP with us directly: what we sign with, and how much one of them may ask.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::check::{Checked, number};
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "sp.notice_key", kind: Kind::LongKeyOrEmpty },
    Key { path: "sp.notice_algorithm", kind: Kind::OneOf(&["ed25519", "sm2-sm3"]) },
    Key { path: "sp.published_key", kind: Kind::LongKeyOrEmpty },
    Key { path: "sp.target_scheme", kind: Kind::OneOf(&["http", "https"]) },
    number("sp.requests_per_second", 0, 1_000_000, "requests a second (0 for no bound)"),
    number("sp.nonces_max", 1_000, 100_000_000, "signatures"),
];

/// SPs that speak HTTP with us directly.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpSettings {
    /// What notices are signed with: 64 hex digits; empty when they are not.
    pub notice_key: String,
    /// How: `ed25519` or `sm2-sm3`.
    pub notice_algorithm: String,
    /// Another key whose public key is shown: the next one, or the last; empty without one.
    pub published_key: String,
    /// The scheme that SPs sign in `@target-uri`.
    pub target_scheme: String,
    /// Requests a second of one SP on average; 0 for no bound.
    pub requests_per_second: u32,
    /// Signatures that are remembered at most.
    pub nonces_max: usize,
}

impl SpSettings {
    /// What notices are signed with; `None` when they are not.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no key; loaded ones are checked.
    #[must_use]
    pub fn notice_key_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        bytes(&self.notice_key)
    }

    /// The key that is shown beside it.
    ///
    /// # Panics
    /// As [`SpSettings::notice_key_bytes`].
    #[must_use]
    pub fn published_key_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        bytes(&self.published_key)
    }
}

fn bytes(key: &str) -> Option<Zeroizing<Vec<u8>>> {
    let decoded = || Zeroizing::new(hex::decode(key).expect("loaded settings have a key in hex"));
    (!key.is_empty()).then(decoded)
}

impl std::fmt::Debug for SpSettings {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpSettings")
            .field("notice_key", &!self.notice_key.is_empty())
            .field("notice_algorithm", &self.notice_algorithm)
            .field("target_scheme", &self.target_scheme)
            .field("requests_per_second", &self.requests_per_second)
            .field("nonces_max", &self.nonces_max)
            .finish_non_exhaustive()
    }
}

impl Drop for SpSettings {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.notice_key);
        zeroize::Zeroize::zeroize(&mut self.published_key);
    }
}

/// A key of which nothing is known but that it is shown would look like the one in use.
pub(crate) fn check(checked: &mut Checked) {
    let has_other = checked.text("sp.published_key").is_some_and(|key| !key.is_empty());
    if has_other && checked.text("sp.notice_key") == Some("") {
        // The key itself is never shown.
        checked.add("sp.notice_algorithm", "sp.published_key needs sp.notice_key, which signs".to_owned());
    }
}
