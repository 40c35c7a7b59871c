//! The number plan a new group begins with.

use serde::Deserialize;

use crate::check::number;
use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "number_plan.file", kind: Kind::AnyText },
    Key { path: "number_plan.portability_file", kind: Kind::AnyText },
    number("number_plan.epoch", 1, 1_000_000_000, ""),
];

/// The number plan.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberPlanSettings {
    /// A CSV file; empty for the one the program carries.
    pub file: String,
    /// A CSV file of numbers carried to another operator; empty for none.
    pub portability_file: String,
    /// Its epoch.
    pub epoch: u64,
}
