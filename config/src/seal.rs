//! How a payment password travels between provinces: sealed to the home province's key. The keys are in memory only
//! and never printed.

use std::collections::BTreeMap;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::check::Checked;
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "seal.keys.*", kind: Kind::Pepper },
    Key { path: "seal.give_out", kind: Kind::Number { min: 0, max: 65_535, unit: "" } },
    Key { path: "seal.clear", kind: Kind::OneOf(&["allowed", "refused"]) },
];

/// Sealing of payment passwords.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealSettings {
    /// Key version → 64 hex digits.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
    /// The version that other provinces are given; 0 for the highest.
    pub give_out: u16,
    /// `allowed` or `refused`: passwords in the clear, to and from provinces that do not seal yet.
    pub clear: String,
}

impl std::fmt::Debug for SealSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealSettings")
            .field("keys", &self.keys.len())
            .field("give_out", &self.give_out)
            .field("clear", &self.clear)
            .finish()
    }
}

impl SealSettings {
    /// May a password travel in the clear to or from a province that does not seal yet?
    #[must_use]
    pub fn is_clear_allowed(&self) -> bool {
        self.clear == "allowed"
    }

    /// The secrets as bytes, by version.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no version or no key; loaded ones are
    /// checked.
    #[must_use]
    pub fn secrets(&self) -> BTreeMap<u16, Zeroizing<Vec<u8>>> {
        let secrets = self.keys.iter().map(|(version, digits)| {
            let version = version.parse().expect("loaded settings have numbered keys");
            (version, Zeroizing::new(hex::decode(digits).expect("loaded settings have keys in hex")))
        });
        secrets.collect()
    }
}

/// What is given out must be there.
pub(crate) fn check(checked: &mut Checked) {
    let Some(version) = checked.number("seal.give_out").filter(|version| *version > 0) else { return };
    if !checked.names("seal.keys").contains(&version.to_string().as_str()) && !checked.has_problem_in("seal") {
        checked.add("seal.give_out", "must be 0 or the version of one of seal.keys".to_owned());
    }
}

impl Drop for SealSettings {
    fn drop(&mut self) {
        for digits in self.keys.values_mut() {
            zeroize::Zeroize::zeroize(digits);
        }
    }
}
