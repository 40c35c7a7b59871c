//! Rules change at one position of the log and never back, and once every replica's program decides by
//! the newest they are in force (product §7).

use std::collections::BTreeMap;

use mpss_domain::{ProvinceId, StateVersion};

use super::{AtRest, Property, Seen};
use crate::country::Country;

/// See the module.
#[derive(Default)]
pub(super) struct Versions {
    /// Where each version came into force.
    raised: BTreeMap<(ProvinceId, StateVersion), u64>,
    /// What each machine's replica decided by last, and where in the log.
    last: BTreeMap<String, (u64, StateVersion)>,
}

impl Property for Versions {
    fn name(&self) -> &'static str {
        "rules change at one place"
    }

    fn clause(&self) -> &'static str {
        "product §7: the same log, the same state"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { machine, province, entry, .. } = seen else { return Vec::new() };
        let (index, version) = (entry.index, entry.state.version());
        let mut wrong = Vec::new();
        let before = self.last.insert((*machine).to_owned(), (index, version));
        if let Some((at, before)) = before.filter(|(at, before)| *at <= index && *before > version) {
            wrong.push(format!("{machine} decides entry {index} by version {version}, entry {at} by {before}"));
        }
        if entry.batch.raises_to() == Some(version) {
            let first = *self.raised.entry((*province, version)).or_insert(index);
            // Another leader may ask for what is in force already: that changes nothing.
            if index < first {
                wrong.push(format!("{machine} raises to version {version} at entry {index}, others did at {first}"));
            }
        } else if let Some(first) = self.raised.get(&(*province, version))
            && index < *first
        {
            wrong.push(format!("{machine} decides entry {index} by version {version}, which comes with {first}"));
        }
        wrong
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        behind(rest.country)
    }
}

/// Provinces whose machines all have the newest program and that do not decide by the newest rules.
pub(super) fn behind(country: &Country) -> Vec<String> {
    let mut behind = Vec::new();
    for province in &country.plan().provinces {
        let names = country.names_of(*province);
        if !names.iter().all(|name| country.has_newest_program(name)) {
            continue;
        }
        for name in names {
            let version = country.read(&name, mpss_domain::State::version);
            let Some(version) = version.filter(|version| *version != StateVersion::NEWEST) else { continue };
            behind.push(format!("{name} decides by version {version}, its program by {}", StateVersion::NEWEST));
        }
    }
    behind
}
