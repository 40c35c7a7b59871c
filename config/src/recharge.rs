//! The way to the recharge platform.

use serde::Deserialize;

use crate::check::Checked;
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[Key { path: "recharge.url", kind: Kind::UrlOrEmpty }];

/// The recharge platform.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RechargeSettings {
    /// `http://host:port`; empty without one.
    pub url: String,
}

/// Without the key of the vault the PIN of a card can not be kept until the platform is asked.
pub(crate) fn check(checked: &mut Checked) {
    let has_platform = checked.text("recharge.url").is_some_and(|url| !url.is_empty());
    if has_platform && checked.text("vault.key") == Some("") {
        checked.add("recharge.url", "needs vault.key, which PINs are sealed with".to_owned());
    }
}
