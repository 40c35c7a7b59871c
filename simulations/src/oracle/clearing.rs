//! For each pair of provinces, what one says it owes is what the other says it is owed.

use std::collections::BTreeMap;

use mpss_domain::ProvinceId;

use super::{AtRest, Property};

/// See the module.
#[derive(Default)]
pub(super) struct Clearing;

impl Property for Clearing {
    fn name(&self) -> &'static str {
        "clearing nets to zero"
    }

    fn clause(&self) -> &'static str {
        "product §5, 6.3.3 and 6.5: due_to and due_from"
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let country = rest.country;
        // Net of what `one` owes `other`, as each of them says.
        let mut says: BTreeMap<(ProvinceId, ProvinceId), i128> = BTreeMap::new();
        for province in &country.plan().provinces {
            let Some(leader) = country.leader(*province) else { continue };
            let Some(balance) = country.read(&leader, mpss_domain::State::trial_balance) else { continue };
            for line in balance.lines {
                let Some((kind, other)) = line.name.split_once(':') else { continue };
                let Some(other) = other.parse().ok().and_then(ProvinceId::new) else { continue };
                if kind == "due_to" || kind == "due_from" {
                    *says.entry((*province, other)).or_default() += line.credit - line.debit;
                }
            }
        }
        let mut wrong = Vec::new();
        for (&(one, other), owes) in &says {
            let owed = says.get(&(other, one)).copied().unwrap_or_default();
            if owes + owed != 0 {
                wrong.push(format!("{one} says it owes {other} {owes} fen, {other} says it is owed {} fen", -owed));
            }
        }
        wrong
    }
}
