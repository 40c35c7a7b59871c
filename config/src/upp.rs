//! The unified payment platform: what it signs with, and where it is told things.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::check::Checked;
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "upp.door_key", kind: Kind::LongKeyOrEmpty },
    Key { path: "upp.notice_url", kind: Kind::UrlOrEmpty },
    Key { path: "upp.account_url", kind: Kind::UrlOrEmpty },
    Key { path: "upp.virtual_accounts", kind: Kind::OneOf(&["here", "upp"]) },
];

/// The unified payment platform (UPP).
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UppSettings {
    /// What requests of the UPP and what it is told are signed with: 64 hex digits; empty when it may ask nothing.
    pub door_key: String,
    /// Where the UPP is told how pending payments have ended; empty when it asks.
    pub notice_url: String,
    /// Where the UPP is asked about virtual accounts that it keeps: `http://host:port`; empty when it keeps none.
    pub account_url: String,
    /// Where virtual accounts are kept that are opened from now on: `here` or `upp`.
    pub virtual_accounts: String,
}

impl UppSettings {
    /// Are virtual accounts that are opened from now on kept by the UPP?
    #[must_use]
    pub fn keeps_virtual_accounts(&self) -> bool {
        self.virtual_accounts == "upp"
    }

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
        f.debug_struct("UppSettings")
            .field("notice_url", &self.notice_url)
            .field("account_url", &self.account_url)
            .field("virtual_accounts", &self.virtual_accounts)
            .finish_non_exhaustive()
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
    let is_asked = checked.text("upp.account_url").is_some_and(|url| !url.is_empty());
    if is_asked && checked.text("upp.door_key") == Some("") {
        checked.add("upp.account_url", "needs upp.door_key, which requests are signed with".to_owned());
    }
    if checked.text("upp.virtual_accounts") == Some("upp") && checked.text("upp.account_url") == Some("") {
        checked.add("upp.virtual_accounts", "needs upp.account_url, where the UPP is asked about them".to_owned());
    }
}
