//! Scenarios that come with the program.

use super::{Scenario, ScenarioError};

/// Their names and texts.
pub const NAMED: &[(&str, &str)] = &[
    ("calm", include_str!("../../scenarios/calm.toml")),
    ("roaming-partition", include_str!("../../scenarios/roaming-partition.toml")),
    ("leader-deaths", include_str!("../../scenarios/leader-deaths.toml")),
    ("bad-disks", include_str!("../../scenarios/bad-disks.toml")),
    ("whole-nation", include_str!("../../scenarios/whole-nation.toml")),
    ("one-replica", include_str!("../../scenarios/one-replica.toml")),
    ("five-replicas", include_str!("../../scenarios/five-replicas.toml")),
    ("national-platform-down", include_str!("../../scenarios/national-platform-down.toml")),
    ("rails", include_str!("../../scenarios/rails.toml")),
    ("all-parties", include_str!("../../scenarios/all-parties.toml")),
    ("goods", include_str!("../../scenarios/goods.toml")),
    ("hot-sp", include_str!("../../scenarios/hot-sp.toml")),
    ("interrupted-replacement", include_str!("../../scenarios/interrupted-replacement.toml")),
];

/// The scenario of this name, if one comes with the program.
#[must_use]
pub fn named(name: &str) -> Option<Result<Scenario, ScenarioError>> {
    let (_, text) = NAMED.iter().find(|(known, _)| *known == name)?;
    Some(Scenario::parse(text))
}
