//! Texts by way of the ISAG.

use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use crate::check::{Checked, number};
use crate::isag::NUMBER_DIGITS;
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "isag_texts.url", kind: Kind::UrlOrEmpty },
    Key { path: "isag_texts.sp_number", kind: Kind::AnyText },
    Key { path: "isag_texts.secret", kind: Kind::SecretText },
    Key { path: "isag_texts.product_id", kind: Kind::AnyText },
    Key { path: "isag_texts.source", kind: Kind::Digits { min: 3, max: 18 } },
    Key { path: "isag_texts.names", kind: Kind::OneOf(&["ctcc", "parlayx"]) },
    Key { path: "isag_texts.notify_url", kind: Kind::UrlOrEmpty },
    Key { path: "isag_texts.refuses_known_correlators", kind: Kind::YesOrNo },
    number("isag_texts.answer_deadline_ms", 10, 300_000, "ms"),
];

/// Texts by way of the ISAG.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IsagTextSettings {
    /// Its interface `SendSms`; empty when texts go another way.
    pub url: String,
    /// Our number there.
    pub sp_number: String,
    /// What proves us to the ISAG and the ISAG to us.
    pub secret: String,
    /// The product that texts are counted under; may be empty.
    pub product_id: String,
    /// From which number texts come, and to which subscribers send.
    pub source: String,
    /// In whose names messages go: `ctcc` or `parlayx`.
    pub names: String,
    /// Where the ISAG tells us what became of texts.
    pub notify_url: String,
    /// A correlator that it has had is refused by it.
    pub refuses_known_correlators: bool,
    /// How long an answer is waited for.
    pub answer_deadline_ms: u64,
}

impl std::fmt::Debug for IsagTextSettings {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IsagTextSettings")
            .field("url", &self.url)
            .field("sp_number", &self.sp_number)
            .field("source", &self.source)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl Drop for IsagTextSettings {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl IsagTextSettings {
    /// Do texts go this way?
    #[must_use]
    pub const fn is_used(&self) -> bool {
        !self.url.is_empty()
    }

    /// The secret, wiped when it is dropped.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<String> {
        Zeroizing::new(self.secret.clone())
    }
}

pub(crate) fn check(checked: &mut Checked) {
    const URL: &str = "isag_texts.url";
    let is_set = |checked: &Checked, key| checked.text(key).is_some_and(|text| !text.is_empty());
    if !is_set(checked, URL) {
        return;
    }
    for other in ["outbox.sms_url", "smpp.address"] {
        if is_set(checked, other) {
            let other = checked.shown(other);
            checked.add(URL, format!("texts go one way: leave it empty, or {other}"));
        }
    }
    let is_number = |text: &str| text.len() == NUMBER_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    if checked.text("isag_texts.sp_number").is_some_and(|text| !is_number(text)) {
        checked.add("isag_texts.sp_number", format!("must be {NUMBER_DIGITS} digits, with {URL}"));
    }
    if checked.text("isag_texts.secret").is_some_and(str::is_empty) {
        checked.add_secret("isag_texts.secret", format!("needed with {URL}"));
    }
    if !is_set(checked, "isag_texts.notify_url") {
        checked.add("isag_texts.notify_url", format!("needed with {URL}"));
    }
}
