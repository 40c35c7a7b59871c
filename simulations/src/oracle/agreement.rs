//! Replicas of a province that stand at one log position have one state, at every position.

use std::collections::BTreeMap;

use mpss_domain::ProvinceId;

use super::{AtRest, Property, Seen};

/// See the module.
#[derive(Default)]
pub(super) struct Agreement {
    digests: BTreeMap<(ProvinceId, u64), (u64, u128)>,
}

impl Property for Agreement {
    fn name(&self) -> &'static str {
        "replicas agree"
    }

    fn clause(&self) -> &'static str {
        "product §4: both orders and payments are replicated"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        match seen {
            Seen::Applied { machine, province, entry, .. } => {
                let here = (entry.term, entry.state.digest());
                let known = *self.digests.entry((*province, entry.index)).or_insert(here);
                if known == here {
                    return Vec::new();
                }
                vec![format!(
                    "{machine} applied entry {} of term {} with digest {:032x}, before it was of term {} with {:032x}",
                    entry.index, here.0, here.1, known.0, known.1
                )]
            }
            Seen::Installed { machine, province, state } => {
                // A blank entry behind the last command changes nothing, so the position may be unknown.
                let before = self.digests.range((*province, 0)..=(*province, state.index())).next_back();
                match before {
                    Some(((_, index), (_, digest))) if *index == state.index() && *digest != state.digest() => {
                        vec![format!("{machine} took a snapshot of entry {index} with another digest than was applied")]
                    }
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        apart(rest.country)
    }
}

/// Replicas that are missing, behind or different.
pub(crate) fn apart(country: &crate::country::Country) -> Vec<String> {
    let mut wrong = Vec::new();
    for province in &country.plan().provinces {
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
