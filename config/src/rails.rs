//! The ways to whoever has the money of accounts outside.

use serde::Deserialize;

use crate::check::{Checked, number};
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "rails.ismp_url", kind: Kind::UrlOrEmpty },
    Key { path: "rails.bank_address", kind: Kind::HostPortOrEmpty },
    Key { path: "rails.bank_institution", kind: Kind::Digits { min: 8, max: 11 } },
    Key { path: "rails.bank_destination", kind: Kind::Digits { min: 8, max: 11 } },
    Key { path: "rails.bank_terminal", kind: Kind::Letters { exactly: 8 } },
    Key { path: "rails.bank_merchant", kind: Kind::Letters { exactly: 15 } },
    Key { path: "rails.bank_merchant_category", kind: Kind::Digits { min: 4, max: 4 } },
    Key { path: "rails.bank_length", kind: Kind::OneOf(&["ascii", "binary", "packed"]) },
    Key { path: "rails.bank_length_counts", kind: Kind::OneOf(&["rest", "whole"]) },
    Key { path: "rails.bank_header", kind: Kind::OneOf(&["none", "unionpay"]) },
    Key { path: "rails.bank_coding", kind: Kind::OneOf(&["host", "packed", "text"]) },
    Key {
        path: "rails.bank_mac",
        kind: Kind::OneOf(&["none", "x9_9", "x9_19", "ecb_des", "ecb_triple_des", "ecb_sm4"]),
    },
    Key { path: "rails.bank_mac_over", kind: Kind::OneOf(&["bytes", "fields"]) },
    Key { path: "rails.bank_mac_key", kind: Kind::KeyOrEmpty },
    Key { path: "rails.bank_door_key", kind: Kind::LongKeyOrEmpty },
    Key { path: "rails.bank_notice_url", kind: Kind::UrlOrEmpty },
    number("rails.bank_in_flight_max", 1, 10_000, "messages"),
    number("rails.bank_connect_deadline_ms", 10, 60_000, "ms"),
    number("rails.bank_line_test_ms", 100, 3_600_000, "ms"),
    number("rails.bank_reconnect_min_ms", 1, 60_000, "ms"),
    number("rails.bank_reconnect_max_ms", 1, 3_600_000, "ms"),
];

/// The ways to whoever has the money of accounts outside.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RailSettings {
    /// The ISMP: `http://host:port`; empty without one.
    pub ismp_url: String,
    /// The bank: `host:port`; empty without one.
    pub bank_address: String,
    /// How we are known to it: field 32.
    pub bank_institution: String,
    /// Whom the switch's header names; with `bank_header = "unionpay"` only.
    pub bank_destination: String,
    /// Field 41.
    pub bank_terminal: String,
    /// Field 42.
    pub bank_merchant: String,
    /// Field 18.
    pub bank_merchant_category: String,
    /// How the length before a message is written.
    pub bank_length: String,
    /// What it counts.
    pub bank_length_counts: String,
    /// What stands between it and the message.
    pub bank_header: String,
    /// How fields are written.
    pub bank_coding: String,
    /// How a MAC is made.
    pub bank_mac: String,
    /// Over what.
    pub bank_mac_over: String,
    /// With which key, in hex; empty without one.
    pub bank_mac_key: String,
    /// What the bank signs its own requests with, in hex; empty when it may ask nothing.
    pub bank_door_key: String,
    /// Where the bank is told how bindings stand; empty when it asks.
    pub bank_notice_url: String,
    /// Messages that may wait for their answers at once.
    pub bank_in_flight_max: usize,
    /// How long connecting may take.
    pub bank_connect_deadline_ms: u64,
    /// A line that is idle for so long is tested.
    pub bank_line_test_ms: u64,
    /// Pause before connecting again; doubles up to the longest.
    pub bank_reconnect_min_ms: u64,
    /// Longest pause.
    pub bank_reconnect_max_ms: u64,
}

impl RailSettings {
    /// The defaults, for whoever speaks with a bank without being a node.
    ///
    /// # Panics
    /// Never: the defaults are part of the program.
    #[must_use]
    pub fn defaults() -> Self {
        #[derive(Deserialize)]
        struct Only {
            rails: RailSettings,
        }
        let text = config::File::from_str(include_str!("../defaults/rails.toml"), config::FileFormat::Toml);
        let read = config::Config::builder().add_source(text).build();
        read.and_then(config::Config::try_deserialize::<Only>).expect("the defaults are complete").rails
    }
}

impl std::fmt::Debug for RailSettings {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RailSettings")
            .field("ismp_url", &self.ismp_url)
            .field("bank_address", &self.bank_address)
            .field("bank_institution", &self.bank_institution)
            .finish_non_exhaustive()
    }
}

/// The switch's own code, which no acquirer has.
const SWITCH: &str = "00010000";

/// A MAC needs the key of its length, and a bank needs to know who asks: what one institution sends is
/// told apart by its own numbers only.
pub(crate) fn check(checked: &mut Checked) {
    let has_bank = checked.text("rails.bank_address").is_some_and(|address| !address.is_empty());
    if has_bank && checked.text("rails.bank_institution") == Some(SWITCH) {
        checked.add("rails.bank_institution", "must be the code this province is known by at the bank".to_owned());
    }
    let (Some(mac), Some(key)) = (checked.text("rails.bank_mac"), checked.text("rails.bank_mac_key")) else { return };
    let digits = match mac {
        "none" => return,
        "x9_9" | "ecb_des" => 16,
        _ => 32,
    };
    if key.len() != digits {
        // Named at the MAC: a key is never shown.
        let expected = format!("needs rails.bank_mac_key to have {digits} hex digits");
        checked.add("rails.bank_mac", expected);
    }
}
