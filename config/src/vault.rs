//! The key PINs of cards are sealed with. It is in memory only and never printed.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[Key { path: "vault.key", kind: Kind::LongKeyOrEmpty }];

/// The vault of PIN cards.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultSettings {
    /// 64 hex digits; empty without a vault. In a file only when the file is readable by its owner alone;
    /// better from the environment.
    pub key: String,
}

impl VaultSettings {
    /// The key as bytes; `None` without a vault.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no key; loaded ones are checked.
    #[must_use]
    pub fn key_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let key = || Zeroizing::new(hex::decode(&self.key).expect("loaded settings have a key in hex"));
        (!self.key.is_empty()).then(key)
    }
}

impl std::fmt::Debug for VaultSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VaultSettings").field("key", &!self.key.is_empty()).finish()
    }
}

impl Drop for VaultSettings {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key);
    }
}
