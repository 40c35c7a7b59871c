//! Scenarios: what a country is made of, who lives in it, and what goes wrong. A scenario is a TOML
//! file that a tester writes; `docs/SIMULATING.md` shows how. Everything left out is as usual.

use std::collections::BTreeSet;

use mpss_domain::ProvinceId;
use serde::{Deserialize, Serialize};

mod fault_kind;
mod named;
mod strikes;
mod target;

pub use fault_kind::{FaultKind, Reach};
pub use named::{NAMED, named};
pub use strikes::{Strike, strikes};
pub use target::Target;

use crate::people::Habits;

/// Provinces at most: all there are.
const PROVINCES_MAX: usize = 31;
/// Virtual seconds at most: a week.
const SECONDS_MAX: u64 = 7 * 86_400;
/// People of one province at most.
const PEOPLE_MAX: usize = 10_000;

/// A scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// A word for it.
    pub name: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// The seed, unless the command line gives another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The provinces and their replicas.
    pub topology: Topology,
    /// Who lives there and what they do.
    pub workload: Workload,
    /// What goes wrong.
    pub faults: Faults,
}

/// The provinces and their replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Topology {
    /// Codes of the provinces; the national platform is always there.
    pub provinces: Vec<String>,
    /// Replicas of each: 1, 3 or 5.
    pub replicas: u64,
    /// Codes of those whose virtual accounts the platform of unified payments keeps; one that begins with an older
    /// program keeps its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub upp_accounts: Vec<String>,
}

impl Default for Topology {
    fn default() -> Self {
        Self { provinces: ["11", "44", "51"].map(str::to_owned).to_vec(), replicas: 3, upp_accounts: Vec::new() }
    }
}

/// Who lives there and what they do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Workload {
    /// How long people live, in virtual seconds.
    pub seconds: u64,
    /// Subscribers of each province.
    pub people: usize,
    /// Shortest and longest pause between two things that one person does, in milliseconds.
    pub pause_ms: [u64; 2],
    /// Requests that are sent twice, in parts of a million.
    pub twice_ppm: u32,
    /// Purchases that go to the busiest SP, in parts of a million.
    pub hot_sp_ppm: u32,
    /// Shares of what people do.
    pub habits: Habits,
    /// Only these turns of people's lives are lived, such as `13300046201:7`; all when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<BTreeSet<String>>,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            seconds: 60,
            people: 6,
            pause_ms: [50, 1_500],
            twice_ppm: 60_000,
            hot_sp_ppm: 300_000,
            habits: Habits::default(),
            only: None,
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Every kind of fault at its usual rate; rules replace the usual one of their kind.
    pub usual: bool,
    /// Kinds that do not happen although [`Self::usual`] is on.
    pub without: Vec<FaultKind>,
    /// What happens how often.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
    /// Exactly what happens, instead of everything above: as written by the search for a smaller
    /// failing run.
    #[serde(rename = "strike", skip_serializing_if = "Option::is_none")]
    pub strikes: Option<Vec<Strike>>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { usual: true, without: Vec::new(), rules: Vec::new(), strikes: None }
    }
}

/// How often one kind of fault strikes, whom, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What happens.
    pub kind: FaultKind,
    /// It strikes about once in this time, in virtual milliseconds; never by itself when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<u64>,
    /// It strikes at these moments, in virtual milliseconds since people began to live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_ms: Vec<u64>,
    /// Not before this moment.
    #[serde(default)]
    pub from_ms: u64,
    /// Not after this moment; to the end when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Shortest and longest time it lasts, in milliseconds; the kind's usual when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts_ms: Option<[u64; 2]>,
    /// How bad it is, lowest and highest, in the kind's own measure; its usual when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<[u64; 2]>,
    /// Whom it strikes; anybody when not given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
}

impl Rule {
    /// A kind at its usual rate in a country of so many machines.
    #[must_use]
    pub fn usual(kind: FaultKind, machines: u64) -> Self {
        Self {
            kind,
            every_ms: Some((kind.usual_every_ms() * USUAL_MACHINES / machines.max(1)).max(kind.usual_every_ms() / 8)),
            at_ms: Vec::new(),
            from_ms: 0,
            until_ms: None,
            lasts_ms: None,
            strength: None,
            targets: Vec::new(),
        }
    }
}

/// The machines of the country that usual rates are given for.
const USUAL_MACHINES: u64 = 12;

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "everything".to_owned(),
            about: "three provinces and the national platform, every kind of fault at its usual rate".to_owned(),
            seed: None,
            topology: Topology::default(),
            workload: Workload::default(),
            faults: Faults::default(),
        }
    }
}

/// A scenario that can not be run: which key, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {why}")]
pub struct ScenarioError {
    /// The key, such as `faults.rule[2].lasts_ms`.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}

fn wrong(key: impl Into<String>, why: impl Into<String>) -> ScenarioError {
    ScenarioError { key: key.into(), why: why.into() }
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let document = toml::Deserializer::parse(text).map_err(|error| wrong("(the file)", error.message()))?;
        let scenario: Self = serde_path_to_error::deserialize(document).map_err(|error| {
            let key = error.path().to_string();
            let why = error.inner().message().to_owned();
            wrong(if key == "." { "(top level)".to_owned() } else { key }, why)
        })?;
        scenario.check()?;
        Ok(scenario)
    }

    /// The scenario as a file.
    ///
    /// # Panics
    /// Never: everything in it can be written.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a scenario is plain data")
    }

    /// The provinces, the national platform first.
    #[must_use]
    pub fn provinces(&self) -> Vec<ProvinceId> {
        let named = self.topology.provinces.iter().filter_map(|code| code.parse().ok());
        std::iter::once(ProvinceId::NATIONAL).chain(named).collect()
    }

    /// The provinces whose virtual accounts the platform of unified payments keeps.
    pub fn upp_accounts(&self) -> impl Iterator<Item = ProvinceId> {
        self.topology.upp_accounts.iter().filter_map(|code| code.parse().ok())
    }

    /// Machines in the whole country.
    #[must_use]
    pub fn machines(&self) -> u64 {
        (self.topology.provinces.len() as u64 + 1) * self.topology.replicas
    }

    /// Checks what the types can not say.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn check(&self) -> Result<(), ScenarioError> {
        if self.name.is_empty() || !self.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        {
            return Err(wrong("name", "letters, digits, '-', '_' and '.'"));
        }
        let mut seen = BTreeSet::new();
        for (place, code) in self.topology.provinces.iter().enumerate() {
            let key = format!("topology.provinces[{place}]");
            let province = code.parse::<ProvinceId>().map_err(|error| wrong(&key, error.to_string()))?;
            if province.is_national() {
                return Err(wrong(key, "the national platform is always there"));
            }
            if !seen.insert(province) {
                return Err(wrong(key, format!("{province} is there twice")));
            }
        }
        if seen.is_empty() || seen.len() > PROVINCES_MAX {
            return Err(wrong("topology.provinces", format!("1 to {PROVINCES_MAX} provinces")));
        }
        for (place, code) in self.topology.upp_accounts.iter().enumerate() {
            let key = format!("topology.upp_accounts[{place}]");
            let province = code.parse::<ProvinceId>().map_err(|error| wrong(&key, error.to_string()))?;
            if province.is_national() {
                return Err(wrong(key, "nobody lives at the national platform"));
            }
        }
        if ![1, 3, 5].contains(&self.topology.replicas) {
            return Err(wrong("topology.replicas", format!("{} is not 1, 3 or 5", self.topology.replicas)));
        }
        self.workload.check()?;
        self.faults.check(self)
    }
}

impl Workload {
    fn check(&self) -> Result<(), ScenarioError> {
        if self.seconds == 0 || self.seconds > SECONDS_MAX {
            return Err(wrong("workload.seconds", format!("1 to {SECONDS_MAX}")));
        }
        if self.people == 0 || self.people > PEOPLE_MAX {
            return Err(wrong("workload.people", format!("1 to {PEOPLE_MAX}")));
        }
        range("workload.pause_ms", self.pause_ms, 1)?;
        for (key, ppm) in [("workload.twice_ppm", self.twice_ppm), ("workload.hot_sp_ppm", self.hot_sp_ppm)] {
            if ppm > 1_000_000 {
                return Err(wrong(key, "at most 1000000, which is always"));
            }
        }
        if self.habits.total() == 0 {
            return Err(wrong("workload.habits", "people must do something"));
        }
        Ok(())
    }
}

fn range(key: &str, [low, high]: [u64; 2], least: u64) -> Result<(), ScenarioError> {
    if low < least || low > high {
        return Err(wrong(key, format!("[{low}, {high}] is not a range from {least} on")));
    }
    Ok(())
}

impl Faults {
    fn check(&self, scenario: &Scenario) -> Result<(), ScenarioError> {
        for (place, rule) in self.rules.iter().enumerate() {
            let key = |name: &str| format!("faults.rule[{place}].{name}");
            if rule.every_ms.is_none() && rule.at_ms.is_empty() {
                return Err(wrong(key("every_ms"), "a rule says every_ms, at_ms or both"));
            }
            if rule.every_ms == Some(0) {
                return Err(wrong(key("every_ms"), "at least 1"));
            }
            if rule.until_ms.is_some_and(|until| until < rule.from_ms) {
                return Err(wrong(key("until_ms"), "before from_ms"));
            }
            if let Some(lasts) = rule.lasts_ms {
                range(&key("lasts_ms"), lasts, 0)?;
            }
            if let Some(strength) = rule.strength {
                range(&key("strength"), strength, 0)?;
            }
            for (nth, target) in rule.targets.iter().enumerate() {
                let key = key(&format!("targets[{nth}]"));
                target.check(rule.kind.reach(), scenario).map_err(|why| wrong(key, why))?;
            }
        }
        for (place, strike) in self.strikes.iter().flatten().enumerate() {
            let key = format!("faults.strike[{place}].target");
            strike.target.check(strike.kind.reach(), scenario).map_err(|why| wrong(key, why))?;
        }
        Ok(())
    }

    /// The rules that hold: the usual ones, and those that are given.
    #[must_use]
    pub fn holding(&self, machines: u64) -> Vec<Rule> {
        let given: BTreeSet<FaultKind> = self.rules.iter().map(|rule| rule.kind).collect();
        let usual = FaultKind::ALL.iter().copied().filter(|kind| self.usual && !given.contains(kind));
        let usual = usual.filter(|kind| !self.without.contains(kind)).map(|kind| Rule::usual(kind, machines));
        usual.chain(self.rules.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests;
