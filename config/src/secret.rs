//! Sections that hold one key: what PINs of cards are sealed with, what tickets are signed with. A key is in
//! memory only and never printed.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] =
    &[Key { path: "vault.key", kind: Kind::LongKeyOrEmpty }, Key { path: "tickets.key", kind: Kind::LongKeyOrEmpty }];

/// A section with one key.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSettings {
    /// 64 hex digits; empty without the service it is for. In a file only when the file is readable by its owner alone;
    /// better from the environment.
    pub key: String,
}

impl SecretSettings {
    /// The key as bytes; `None` without the service it is for.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no key; loaded ones are checked.
    #[must_use]
    pub fn key_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let key = || Zeroizing::new(hex::decode(&self.key).expect("loaded settings have a key in hex"));
        (!self.key.is_empty()).then(key)
    }
}

impl std::fmt::Debug for SecretSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretSettings").field("key", &!self.key.is_empty()).finish()
    }
}

impl Drop for SecretSettings {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key);
    }
}
