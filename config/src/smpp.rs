//! The SMS centre, when it speaks SMPP 3.4.

use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use crate::check::{Checked, number};
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "smpp.address", kind: Kind::HostPortOrEmpty },
    Key { path: "smpp.system_id", kind: Kind::AnyText },
    Key { path: "smpp.password", kind: Kind::SecretText },
    Key { path: "smpp.system_type", kind: Kind::AnyText },
    Key { path: "smpp.service_type", kind: Kind::AnyText },
    Key { path: "smpp.source", kind: Kind::Digits { min: 3, max: 18 } },
    number("smpp.source_extension_digits", 0, 2, "digits"),
    number("smpp.source_ton", 0, 6, ""),
    number("smpp.source_npi", 0, 18, ""),
    number("smpp.destination_ton", 0, 6, ""),
    number("smpp.destination_npi", 0, 18, ""),
    Key { path: "smpp.destination_prefix", kind: Kind::OneOf(&["", "86", "+86"]) },
    Key { path: "smpp.alphabet", kind: Kind::OneOf(&["gsm", "ucs2"]) },
    number("smpp.window", 1, 1_000, "PDUs"),
    number("smpp.validity_s", 0, 2_592_000, "s"),
    number("smpp.answer_deadline_ms", 10, 300_000, "ms"),
    number("smpp.connect_deadline_ms", 10, 60_000, "ms"),
    number("smpp.enquire_link_ms", 100, 3_600_000, "ms"),
    number("smpp.reconnect_min_ms", 1, 60_000, "ms"),
    number("smpp.reconnect_max_ms", 1, 3_600_000, "ms"),
    number("smpp.receipt_wait_ms", 100, 3_600_000, "ms"),
    number("smpp.give_up_ms", 100, 604_800_000, "ms"),
    number("smpp.receipt_overdue_ms", 100, 2_592_000_000, "ms"),
];

/// The SMS centre, when it speaks SMPP 3.4.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmppSettings {
    /// The centre: `host:port`; empty without one.
    pub address: String,
    /// How we are known there.
    pub system_id: String,
    /// With which password; up to 8 letters.
    pub password: String,
    /// What kind of system we are, as agreed; may be empty.
    pub system_type: String,
    /// Of which service every message is, as agreed; may be empty.
    pub service_type: String,
    /// From which number texts come, and to which subscribers send.
    pub source: String,
    /// Digits added to it, other ones for each message, so that one can be taken back alone.
    pub source_extension_digits: u8,
    /// Type of number of our own numbers.
    pub source_ton: u8,
    /// Numbering plan of our own numbers.
    pub source_npi: u8,
    /// Type of number of subscribers' numbers.
    pub destination_ton: u8,
    /// Numbering plan of subscribers' numbers.
    pub destination_npi: u8,
    /// What stands in front of a subscriber's number.
    pub destination_prefix: String,
    /// In which alphabet texts go that are not Chinese: `gsm` or `ucs2`.
    pub alphabet: String,
    /// PDUs that wait for their answers at once.
    pub window: usize,
    /// For how long the centre tries to deliver a message, in s; 0 leaves it to the centre.
    pub validity_s: u64,
    /// How long an answer is waited for.
    pub answer_deadline_ms: u64,
    /// How long connecting and binding may take, each.
    pub connect_deadline_ms: u64,
    /// After so much silence the line is tested.
    pub enquire_link_ms: u64,
    /// Pause before connecting again; doubles up to the longest.
    pub reconnect_min_ms: u64,
    /// Longest pause.
    pub reconnect_max_ms: u64,
    /// How long a receipt is waited for that says what became of an unanswered message.
    pub receipt_wait_ms: u64,
    /// After so long an unanswered message is given up as unknown.
    pub give_up_ms: u64,
    /// The centre is asked about a message that it took so long ago without a receipt.
    pub receipt_overdue_ms: u64,
}

impl std::fmt::Debug for SmppSettings {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmppSettings")
            .field("address", &self.address)
            .field("system_id", &self.system_id)
            .field("source", &self.source)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl Drop for SmppSettings {
    fn drop(&mut self) {
        self.password.zeroize();
    }
}

impl SmppSettings {
    /// The password, wiped when it is dropped.
    #[must_use]
    pub fn password(&self) -> Zeroizing<String> {
        Zeroizing::new(self.password.clone())
    }
}

pub(crate) fn check(checked: &mut Checked) {
    let speaks = checked.text("smpp.address").is_some_and(|address| !address.is_empty());
    if speaks && checked.text("outbox.sms_url").is_some_and(|url| !url.is_empty()) {
        let other = checked.shown("outbox.sms_url");
        checked.add("smpp.address", format!("texts go one way: leave it empty, or {other}"));
    }
    for (key, letters_max, needed) in
        [("smpp.system_id", 15, true), ("smpp.system_type", 12, false), ("smpp.service_type", 5, false)]
    {
        let Some(text) = checked.text(key) else { continue };
        if speaks && needed && text.is_empty() {
            checked.add(key, "needed with smpp.address".to_owned());
        } else if text.len() > letters_max || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            checked.add(key, format!("must be up to {letters_max} letters of ASCII"));
        }
    }
    let is_short = |text: &str| text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if checked.text("smpp.password").is_some_and(|text| !is_short(text)) {
        checked.add_secret("smpp.password", "must be up to 8 letters of ASCII".to_owned());
    }
}
