//! The door for voice menus, and which gateways may use it.

use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::check::{Checked, number};
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "ivr.state_key", kind: Kind::LongKeyOrEmpty },
    Key { path: "ivr.languages", kind: Kind::OneOf(&["both", "chinese", "english"]) },
    Key { path: "ivr.operator", kind: Kind::AnyText },
    number("ivr.entry_tries_max", 1, 9, "tries"),
    number("ivr.entry_timeout_ms", 1_000, 60_000, "ms"),
    number("ivr.call_lifetime_ms", 10_000, 3_600_000, "ms"),
    number("ivr.call_steps_max", 2, 1_000, "steps"),
    Key { path: "ivr_gateways.*.key", kind: Kind::Pepper },
];

/// Gateways at most: a request is held against the key of each.
const GATEWAYS_MAX: usize = 16;

/// Letters of a gateway's name at most.
pub(crate) const NAME_BYTES_MAX: usize = 32;

/// Digits of the operator's number at most.
const OPERATOR_DIGITS_MAX: usize = 20;

/// The door for voice menus.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IvrSettings {
    /// What the state of a call is signed with while the gateway keeps it: 64 hex digits, one for all nodes of the
    /// province; empty without voice menus.
    pub state_key: String,
    /// In which languages: `both` asks the caller first.
    pub languages: String,
    /// The number that callers are put through to who want a person; empty when there is none.
    pub operator: String,
    /// Tries of one entry at most.
    pub entry_tries_max: u8,
    /// How long an entry is waited for.
    pub entry_timeout_ms: u64,
    /// How long a call may take.
    pub call_lifetime_ms: u64,
    /// Steps of one call at most.
    pub call_steps_max: u32,
}

impl IvrSettings {
    /// The key that states of calls are signed with; `None` without voice menus.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no key; loaded ones are checked.
    #[must_use]
    pub fn state_key_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let key = || Zeroizing::new(hex::decode(&self.state_key).expect("loaded settings have a key in hex"));
        (!self.state_key.is_empty()).then(key)
    }

    /// How long a call may take.
    #[must_use]
    pub const fn call_lifetime(&self) -> Duration {
        Duration::from_millis(self.call_lifetime_ms)
    }
}

impl std::fmt::Debug for IvrSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IvrSettings")
            .field("state_key", &!self.state_key.is_empty())
            .field("languages", &self.languages)
            .field("operator", &self.operator)
            .field("entry_tries_max", &self.entry_tries_max)
            .field("call_lifetime_ms", &self.call_lifetime_ms)
            .finish_non_exhaustive()
    }
}

impl Drop for IvrSettings {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.state_key);
    }
}

/// A gateway that brings calls.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IvrGatewaySettings {
    /// What it signs with: 64 hex digits.
    pub key: String,
}

impl IvrGatewaySettings {
    /// The key as bytes.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no key; loaded ones are checked.
    #[must_use]
    pub fn key_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(hex::decode(&self.key).expect("loaded settings have a key in hex"))
    }
}

impl std::fmt::Debug for IvrGatewaySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IvrGatewaySettings")
    }
}

impl Drop for IvrGatewaySettings {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key);
    }
}

/// Gateways need a key for what they keep, one key is one gateway's, and an operator has a number.
pub(crate) fn check(checked: &mut Checked) {
    let names: Vec<String> = checked.names("ivr_gateways").into_iter().map(str::to_owned).collect();
    if !names.is_empty() && checked.text("ivr.state_key").is_some_and(str::is_empty) {
        checked.add_secret("ivr.state_key", "needed with gateways in ivr_gateways".to_owned());
    }
    let mut keys: Vec<(String, String)> = Vec::new();
    for (place, name) in names.into_iter().enumerate() {
        let path = format!("ivr_gateways.{name}.key");
        if place == GATEWAYS_MAX {
            checked.add_secret(&path, format!("there may be {GATEWAYS_MAX} gateways"));
        }
        let Some(key) = checked.text(&path).map(str::to_ascii_lowercase) else { continue };
        match keys.iter().find(|(_, earlier)| *earlier == key) {
            Some((other, _)) => checked.add_secret(&path, format!("must differ from {other}")),
            None => keys.push((path, key)),
        }
    }
    let is_number = |text: &str| text.len() <= OPERATOR_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
    if checked.text("ivr.operator").is_some_and(|text| !is_number(text)) {
        checked.add("ivr.operator", format!("must be up to {OPERATOR_DIGITS_MAX} digits, or empty"));
    }
}
