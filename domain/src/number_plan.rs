//! The number plan: first seven digits → home province and operator. It is data with an epoch,
//! replicated, so that every decision names the plan it was made under (product §1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{Msisdn, ProvinceId};
use crate::refusal::Refusal;
use crate::time::LogTime;

/// Who serves a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// 中国电信: ours.
    ChinaTelecom,
    /// 中国移动
    ChinaMobile,
    /// 中国联通
    ChinaUnicom,
    /// 中国广电
    ChinaBroadnet,
    /// A virtual operator on China Telecom's network; not our subscriber.
    TelecomVirtual,
    /// A virtual operator on China Mobile's network.
    MobileVirtual,
    /// A virtual operator on China Unicom's network.
    UnicomVirtual,
}

impl Operator {
    /// All, in order.
    pub const ALL: [Self; 7] = [
        Self::ChinaTelecom,
        Self::ChinaMobile,
        Self::ChinaUnicom,
        Self::ChinaBroadnet,
        Self::TelecomVirtual,
        Self::MobileVirtual,
        Self::UnicomVirtual,
    ];
}

/// Neighbouring prefixes with one province and one operator, both ends inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberRange {
    /// First seven-digit prefix.
    pub first: u32,
    /// Last seven-digit prefix.
    pub last: u32,
    /// Home province.
    pub province: ProvinceId,
    /// Operator, unless the number was carried to another.
    pub operator: Operator,
}

/// A number carried to another operator. The home province stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ported {
    /// To whom.
    pub operator: Operator,
    /// From when.
    pub from: LogTime,
    /// Who serves it until then, when that is not the range's operator: an earlier porting.
    pub before: Option<Operator>,
}

/// Where a number belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belonging {
    /// Home province.
    pub home: ProvinceId,
    /// Operator.
    pub operator: Operator,
    /// The plan's epoch.
    pub epoch: u64,
}

/// The whole plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberPlan {
    /// Rises with each plan.
    pub epoch: u64,
    /// Ascending, without overlaps.
    pub ranges: Vec<NumberRange>,
    /// Portability overrides.
    pub ported: BTreeMap<Msisdn, Ported>,
}

impl NumberPlan {
    /// Where a number belongs at time `at`: the override first, then the range.
    #[must_use]
    pub fn lookup(&self, msisdn: Msisdn, at: LogTime) -> Option<Belonging> {
        let prefix = msisdn.prefix();
        let after = self.ranges.partition_point(|range| range.first <= prefix);
        let range = self.ranges[..after].last().filter(|range| prefix <= range.last)?;
        let operator = match self.ported.get(&msisdn) {
            Some(ported) if ported.from <= at => ported.operator,
            Some(ported) => ported.before.unwrap_or(range.operator),
            None => range.operator,
        };
        Some(Belonging { home: range.province, operator, epoch: self.epoch })
    }

    /// The home province of one of our subscribers.
    ///
    /// # Errors
    /// [`Refusal::UnknownNumber`] outside every range, [`Refusal::ForeignOperator`] when the number
    /// is not ours.
    pub fn home_of(&self, msisdn: Msisdn, at: LogTime) -> Result<Belonging, Refusal> {
        let belonging = self.lookup(msisdn, at).ok_or(Refusal::UnknownNumber)?;
        if belonging.operator == Operator::ChinaTelecom { Ok(belonging) } else { Err(Refusal::ForeignOperator) }
    }
}
