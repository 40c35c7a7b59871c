//! Replicas of a province that stand at one log position have one state.

use std::collections::BTreeMap;

use crate::country::Country;
use crate::people::Told;

/// Replicas that are missing, behind or different.
#[must_use]
pub fn check(country: &Country, _: &Told) -> Vec<String> {
    let mut wrong = Vec::new();
    for province in &country.plan.provinces {
        let mut seen = BTreeMap::new();
        for name in country.names_of(*province) {
            match country.read(&name, |state| (state.index(), state.digest(), state.content_digest())) {
                Some(at) => {
                    seen.insert(name, at);
                }
                None => wrong.push(format!("{name} does not run")),
            }
        }
        let first = seen.values().next().copied();
        if seen.values().any(|at| Some(*at) != first) {
            wrong.push(format!("{province}: index, running digest, content digest: {seen:x?}"));
        }
    }
    wrong
}
