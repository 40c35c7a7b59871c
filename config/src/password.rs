//! The keys payment passwords are tagged with. They are in memory only and never printed.

use std::collections::BTreeMap;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[Key { path: "password.peppers.*", kind: Kind::Pepper }];

/// The payment password.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordSettings {
    /// Pepper version → 64 hex digits; the highest is used for new passwords. In a file only when the
    /// file is readable by its owner alone; better from the environment.
    pub peppers: BTreeMap<String, String>,
}

impl std::fmt::Debug for PasswordSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordSettings").field("peppers", &self.peppers.len()).finish()
    }
}

impl PasswordSettings {
    /// The peppers as bytes, ascending by version; the last is used for new passwords.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no version or no pepper;
    /// loaded ones are checked.
    #[must_use]
    pub fn pepper_keys(&self) -> Vec<(u16, Zeroizing<Vec<u8>>)> {
        let mut keys: Vec<_> = self
            .peppers
            .iter()
            .map(|(version, digits)| {
                let version = version.parse().expect("loaded settings have numbered peppers");
                let bytes = hex::decode(digits).expect("loaded settings have peppers in hex");
                (version, Zeroizing::new(bytes))
            })
            .collect();
        // As texts "10" comes before "9".
        keys.sort_by_key(|(version, _)| *version);
        keys
    }
}

impl Drop for PasswordSettings {
    fn drop(&mut self) {
        for digits in self.peppers.values_mut() {
            zeroize::Zeroize::zeroize(digits);
        }
    }
}
