//! From rules to strikes: what happens when, drawn from the seed before anything runs, so that a run
//! can be repeated with fewer of them.

use mpss_domain::ProvinceId;
use mpss_runtime::Random;
use serde::{Deserialize, Serialize};

use super::{FaultKind, Reach, Rule, Scenario, Target};
use crate::country::name_of;
use crate::world::SeededRandom;

/// Machine faults that strike whoever leads, in parts of a million.
const AT_LEADER: u32 = 350_000;
/// Conditions of the network that hold everywhere, in parts of a million.
const EVERYWHERE: u32 = 600_000;

/// One fault that will happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strike {
    /// When, in virtual milliseconds since people began to live.
    pub at_ms: u64,
    /// What.
    pub kind: FaultKind,
    /// Whom.
    pub target: Target,
    /// For how long, in milliseconds.
    pub lasts_ms: u64,
    /// How bad, in the kind's own measure.
    pub strength: u64,
}

/// Everything that will go wrong, in order of time.
#[must_use]
pub fn strikes(scenario: &Scenario, random: &SeededRandom) -> Vec<Strike> {
    if let Some(strikes) = &scenario.faults.strikes {
        return strikes.clone();
    }
    let end_ms = scenario.workload.seconds * 1_000;
    let mut all = Vec::new();
    for (place, rule) in scenario.faults.holding(scenario.machines()).iter().enumerate() {
        // Every rule draws by itself, so that one more rule changes nothing of the others.
        let random = random.named(&format!("{} {place}", rule.kind));
        let until_ms = rule.until_ms.unwrap_or(end_ms).min(end_ms);
        let mut moments = rule.at_ms.clone();
        if let Some(every_ms) = rule.every_ms {
            let mut at_ms = rule.from_ms + random.below(every_ms.saturating_mul(2)).max(1);
            while at_ms < until_ms {
                moments.push(at_ms);
                at_ms += random.below(every_ms.saturating_mul(2)).max(1);
            }
        }
        all.extend(moments.into_iter().map(|at_ms| drawn(scenario, rule, at_ms, &random)));
    }
    all.sort_by_key(|strike| strike.at_ms);
    all
}

fn drawn(scenario: &Scenario, rule: &Rule, at_ms: u64, random: &SeededRandom) -> Strike {
    let kind = rule.kind;
    let [shortest, longest] = rule.lasts_ms.unwrap_or_else(|| kind.usual_lasts_ms());
    let [least, most] = rule.strength.unwrap_or_else(|| kind.usual_strength());
    let target = if rule.targets.is_empty() {
        anybody(scenario, kind.reach(), random)
    } else {
        random.pick(&rule.targets).clone()
    };
    Strike { at_ms, kind, target, lasts_ms: random.between(shortest, longest), strength: random.between(least, most) }
}

fn anybody(scenario: &Scenario, reach: Reach, random: &SeededRandom) -> Target {
    let province: ProvinceId = *random.pick(&scenario.provinces());
    let place = random.between(1, scenario.topology.replicas);
    match reach {
        Reach::Province => Target::Province(province),
        Reach::Nation => Target::All,
        Reach::Network if random.happens(EVERYWHERE) => Target::All,
        Reach::Machine if random.happens(AT_LEADER) => Target::Leader(province),
        Reach::Machine | Reach::Network => Target::Machine(province, place),
        Reach::Link => {
            // Half of the cuts are inside a province, where they hurt replication.
            let other = if random.happens(500_000) { province } else { *random.pick(&scenario.provinces()) };
            let (from, mut to) =
                (name_of(province, place), name_of(other, random.between(1, scenario.topology.replicas)));
            if from == to {
                to = name_of(other, place % scenario.topology.replicas + 1);
            }
            Target::Link(from, to)
        }
    }
}
