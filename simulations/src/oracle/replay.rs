//! The committed log, replayed through a naive model of the rules, gives equal answers: every reply,
//! every posting, and in the end every row. See [`crate::reference`].
//!
//! The model knows nothing of accounts whose money is outside, nor of awards: it reads a province's log
//! along until the first of them, and no further.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::ProvinceId;

use super::{AtRest, Property, Seen};
use crate::reference::Reference;

/// See the module.
#[derive(Default)]
pub(super) struct Replay {
    models: BTreeMap<ProvinceId, Reference>,
    beyond: BTreeSet<ProvinceId>,
}

impl Property for Replay {
    fn name(&self) -> &'static str {
        "a naive replay gives equal answers"
    }

    fn clause(&self) -> &'static str {
        "product §1 to §5"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let mut verbs = entry.batch.commands.iter().map(|command| &command.verb);
        if self.beyond.contains(province) || !verbs.all(Reference::knows) {
            self.models.remove(province);
            self.beyond.insert(*province);
            return Vec::new();
        }
        let model = self.models.entry(*province).or_insert_with(|| Reference::new(*province));
        let wrong = model.apply(entry.index, entry.batch, entry.replies, entry.journal);
        wrong.into_iter().map(|what| format!("entry {} of {province}: {what}", entry.index)).collect()
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let mut wrong = Vec::new();
        for (province, model) in &self.models {
            let Some(leader) = rest.country.leader(*province) else { continue };
            let differs = rest.country.read(&leader, |state| model.compare(state)).unwrap_or_default();
            wrong.extend(differs.into_iter().map(|what| format!("{province}: {what}")));
        }
        wrong
    }
}
