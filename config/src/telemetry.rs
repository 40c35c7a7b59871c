//! Logs.

use serde::Deserialize;

use crate::key::{Key, Kind};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "telemetry.log", kind: Kind::SomeText },
    Key { path: "telemetry.format", kind: Kind::OneOf(&["text", "json"]) },
];

/// Logs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// A filter such as `info,mpss_cluster=debug`.
    pub log: String,
    /// `text` or `json`.
    pub format: String,
}
