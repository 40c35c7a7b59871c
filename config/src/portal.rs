//! The portals: pages for subscribers, reviewers and SPs, and who signs in to the last two.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use mpss_domain::SpId;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::check::{Checked, number};
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "portal.listen", kind: Kind::SocketAddressOrEmpty },
    Key { path: "portal.session_key", kind: Kind::LongKeyOrEmpty },
    Key { path: "portal.cookie_secure", kind: Kind::YesOrNo },
    Key { path: "portal.address_header", kind: Kind::HeaderOrEmpty },
    number("portal.idle_ms", 10_000, 86_400_000, "ms"),
    number("portal.session_ms", 10_000, 604_800_000, "ms"),
    number("portal.address_requests_per_second", 0, 1_000_000, "requests a second (0 for no bound)"),
    number("portal.requests_in_flight_max", 1, 100_000, "requests"),
    number("portal.form_bytes_max", 1_024, 1_048_576, "bytes"),
    number("portal.wrong_max", 1, 1_000, "attempts"),
    number("portal.address_wrong_max", 1, 100_000, "attempts"),
    number("portal.lock_ms", 1_000, 86_400_000, "ms"),
    number("portal.hashes_at_once_max", 1, 64, "passwords"),
    Key { path: "portal_people.*.password_hash", kind: Kind::PasswordHash },
    Key { path: "portal_people.*.role", kind: Kind::OneOf(&["reviewer", "sp"]) },
    Key { path: "portal_people.*.sp", kind: Kind::AnyText },
];

/// The portals.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalSettings {
    /// Where they are listened to; empty without them.
    pub listen: String,
    /// What sessions are sealed with: 64 hex digits, the same on all nodes of a province.
    pub session_key: String,
    /// Do cookies go over TLS only?
    pub cookie_secure: bool,
    /// The header by which a proxy says who has asked; empty when nobody stands between.
    pub address_header: String,
    /// A session nobody uses ends after this time.
    pub idle_ms: u64,
    /// A session ends after this time, used or not.
    pub session_ms: u64,
    /// Requests a second from one address on average; 0 for no bound.
    pub address_requests_per_second: u32,
    /// Requests being worked on at most.
    pub requests_in_flight_max: usize,
    /// The largest form.
    pub form_bytes_max: usize,
    /// Wrong passwords for one name that lock it.
    pub wrong_max: u32,
    /// Wrong passwords from one address that lock it.
    pub address_wrong_max: u32,
    /// How long a name or an address stays locked, and how long wrong passwords are remembered.
    pub lock_ms: u64,
    /// Long passwords being compared at once.
    pub hashes_at_once_max: usize,
}

impl PortalSettings {
    /// Where the portals are listened to; `None` without them.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no address; loaded ones are checked.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        let address = || self.listen.parse().expect("loaded settings have an address");
        (!self.listen.is_empty()).then(address)
    }

    /// What sessions are sealed with; `None` when it is not set.
    ///
    /// # Panics
    /// As [`PortalSettings::address`], with the key.
    #[must_use]
    pub fn key_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let key = || Zeroizing::new(hex::decode(&self.session_key).expect("loaded settings have a key in hex"));
        (!self.session_key.is_empty()).then(key)
    }

    /// A session nobody uses ends after this time.
    #[must_use]
    pub const fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }
}

impl std::fmt::Debug for PortalSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PortalSettings").field("listen", &self.listen).finish_non_exhaustive()
    }
}

impl Drop for PortalSettings {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.session_key);
    }
}

/// Somebody who signs in by name.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonSettings {
    /// The password, by argon2id: a PHC string.
    pub password_hash: String,
    /// `reviewer` or `sp`.
    pub role: String,
    /// Whose goods and orders an `sp` sees; empty for a reviewer.
    pub sp: String,
}

impl PersonSettings {
    /// Whose goods and orders the person sees; `None` for a reviewer.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no SP; loaded ones are checked.
    #[must_use]
    pub fn sp_id(&self) -> Option<SpId> {
        (self.role == "sp").then(|| self.sp.parse().expect("loaded settings have an SP"))
    }
}

impl std::fmt::Debug for PersonSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonSettings").field("role", &self.role).field("sp", &self.sp).finish_non_exhaustive()
    }
}

/// Those who sign in by name: name → who it is.
pub type People = BTreeMap<String, PersonSettings>;

/// Is `name` one that somebody can sign in by? It is written into reviews, so it is plain.
pub(crate) fn is_person(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
}

/// A portal needs its key; an `sp` needs an SP, a reviewer has none.
pub(crate) fn check(checked: &mut Checked) {
    let is_set = |checked: &Checked, key: &str| checked.text(key).is_some_and(|text| !text.is_empty());
    if is_set(checked, "portal.listen") && checked.text("portal.session_key").is_some_and(str::is_empty) {
        let what = "must be set where portal.listen is, the same on all nodes of a province";
        checked.add_secret("portal.session_key", what.to_owned());
    }
    if let (Some(idle), Some(whole)) = (checked.number("portal.idle_ms"), checked.number("portal.session_ms"))
        && idle > whole
    {
        let limit = checked.shown("portal.session_ms");
        checked.add("portal.idle_ms", format!("must be at most {limit}"));
    }
    let people: Vec<String> = checked.names("portal_people").into_iter().map(str::to_owned).collect();
    for person in people {
        let key = format!("portal_people.{person}.sp");
        let Some(sp) = checked.text(&key).map(str::to_owned) else { continue };
        match checked.text(&format!("portal_people.{person}.role")) {
            Some("sp") if !crate::isag::is_sp(&sp) => checked.add(&key, Kind::Sp.expected()),
            Some("reviewer") if !sp.is_empty() => checked.add(&key, "must be empty for a reviewer".to_owned()),
            _ => {}
        }
    }
}
