//! The unified payment platform: what it signs with, and where it is told things.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::check::Checked;
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] =
    &[Key { path: "upp.door_key", kind: Kind::LongKeyOrEmpty }, Key { path: "upp.notice_url", kind: Kind::UrlOrEmpty }];

/// The unified payment platform (UPP).
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UppSettings {
    /// What requests of the UPP and what it is told are signed with: 64 hex digits; empty when it may ask nothing.
    pub door_key: String,
    /// Where the UPP is told how pending payments have ended; empty when it asks.
    pub notice_url: String,
}

impl UppSettings {
    /// The key as bytes; `None` without one.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no key; loaded ones are checked.
    #[must_use]
    pub fn door_key_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let key = || Zeroizing::new(hex::decode(&self.door_key).expect("loaded settings have a key in hex"));
        (!self.door_key.is_empty()).then(key)
    }
}

impl std::fmt::Debug for UppSettings {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UppSettings").field("notice_url", &self.notice_url).finish_non_exhaustive()
    }
}

impl Drop for UppSettings {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.door_key);
    }
}

/// A notice that is not signed could be anybody's.
pub(crate) fn check(checked: &mut Checked) {
    let is_told = checked.text("upp.notice_url").is_some_and(|url| !url.is_empty());
    if is_told && checked.text("upp.door_key") == Some("") {
        checked.add("upp.notice_url", "needs upp.door_key, which notices are signed with".to_owned());
    }
}
