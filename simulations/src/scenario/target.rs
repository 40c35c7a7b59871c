//! Whom a fault strikes, as a scenario writes it.

use std::fmt;
use std::str::FromStr;

use mpss_domain::ProvinceId;
use serde::{Deserialize, Serialize};

use super::{Reach, Scenario};
use crate::country::name_of;

/// Whom a fault strikes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// `44-2`: a machine.
    Machine(ProvinceId, u64),
    /// `leader:44`: whichever machine of the province leads then.
    Leader(ProvinceId),
    /// `44`: a province.
    Province(ProvinceId),
    /// `44-1>51-2`: the way from one machine to another.
    Link(String, String),
    /// `all`: everybody.
    All,
}

fn machine(text: &str) -> Option<(ProvinceId, u64)> {
    let (province, place) = text.split_once('-')?;
    Some((province.parse().ok()?, place.parse().ok().filter(|place| *place > 0)?))
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("{text:?} is none of: 44-2, leader:44, 44, 44-1>51-2, all");
        if text == "all" {
            return Ok(Self::All);
        }
        if let Some(province) = text.strip_prefix("leader:") {
            return province.parse().map(Self::Leader).map_err(|_| unknown());
        }
        if let Some((from, to)) = text.split_once('>') {
            let (from, to) = (machine(from).ok_or_else(unknown)?, machine(to).ok_or_else(unknown)?);
            return Ok(Self::Link(name_of(from.0, from.1), name_of(to.0, to.1)));
        }
        match machine(text) {
            Some((province, place)) => Ok(Self::Machine(province, place)),
            None => text.parse().map(Self::Province).map_err(|_| unknown()),
        }
    }
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(province, place) => write!(f, "{province}-{place}"),
            Self::Leader(province) => write!(f, "leader:{province}"),
            Self::Province(province) => write!(f, "{province}"),
            Self::Link(from, to) => write!(f, "{from}>{to}"),
            Self::All => f.write_str("all"),
        }
    }
}

impl Target {
    /// Is there such a target in the scenario, and can it be struck this way?
    pub(super) fn check(&self, reach: Reach, scenario: &Scenario) -> Result<(), String> {
        let there = |province: &ProvinceId| scenario.provinces().contains(province);
        let machine_there = |province: &ProvinceId, place: u64| there(province) && place <= scenario.topology.replicas;
        let exists = match self {
            Self::Machine(province, place) => machine_there(province, *place),
            Self::Leader(province) | Self::Province(province) => there(province),
            Self::Link(from, to) => {
                let known = |name: &str| machine(name).is_some_and(|(province, place)| machine_there(&province, place));
                known(from) && known(to)
            }
            Self::All => true,
        };
        if !exists {
            return Err(format!("{self} is not part of this country"));
        }
        let fits = match reach {
            Reach::Machine => matches!(self, Self::Machine(..) | Self::Leader(_)),
            Reach::Province => matches!(self, Self::Province(_)),
            Reach::Link => matches!(self, Self::Link(..)),
            Reach::Network => matches!(self, Self::All | Self::Machine(..) | Self::Leader(_)),
            Reach::Nation => matches!(self, Self::All),
        };
        if fits { Ok(()) } else { Err(format!("{self} can not be struck by this kind: it strikes {reach:?}")) }
    }
}
