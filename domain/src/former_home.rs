//! Where numbers were at home before the plan in force (product §1). What is known by somebody else's number alone,
//! such as an order of the UPP, is with the home that the subscriber had when it came, and is looked for there. What a
//! plan moves while older rules are in force is not remembered, so numbers are moved before or after a nation is raised.

use serde::{Deserialize, Serialize};

use crate::ids::{Msisdn, ProvinceId};
use crate::number_plan::{NumberPlan, NumberRange};
use crate::state::State;
use crate::time::LogTime;

/// Neighbouring prefixes that were at home in one province until a plan took them elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerHome {
    /// First seven-digit prefix.
    pub first: u32,
    /// Last seven-digit prefix.
    pub last: u32,
    /// Where they were at home.
    pub province: ProvinceId,
    /// When the plan came in force that took them away.
    pub until: LogTime,
}

impl State {
    /// Other provinces in which a number was at home while anything of then is kept, the last one first.
    #[must_use]
    pub fn former_homes(&self, msisdn: Msisdn) -> Vec<ProvinceId> {
        let prefix = msisdn.prefix();
        let mut homes = Vec::new();
        for row in self.outside.former_homes.iter().rev() {
            let is_kept = self.now.ms_since(row.until) <= self.policy.retention_ms;
            if (row.first..=row.last).contains(&prefix) && is_kept && row.province != self.province {
                homes.push(row.province);
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        homes.retain(|home| seen.insert(*home));
        homes
    }

    /// A newer plan takes the place of the one in force.
    pub(crate) fn remember_former_homes(&mut self, newer: &NumberPlan) {
        if !self.version.has_outside_rails() {
            return;
        }
        let (now, retention_ms) = (self.now, self.policy.retention_ms);
        let former = &mut self.outside.former_homes;
        former.retain(|row| now.ms_since(row.until) <= retention_ms);
        former.extend(moved(&self.plan.ranges, &newer.ranges).map(|(first, last, province)| FormerHome {
            first,
            last,
            province,
            until: now,
        }));
    }
}

/// Pieces of the older ranges that are elsewhere, or nowhere, by the newer ones. Both ascend without overlaps.
fn moved(older: &[NumberRange], newer: &[NumberRange]) -> impl Iterator<Item = (u32, u32, ProvinceId)> {
    let mut pieces: Vec<(u32, u32, ProvinceId)> = Vec::new();
    let mut add = |first: u32, last: u32, province: ProvinceId| match pieces.last_mut() {
        Some((_, end, before)) if *before == province && *end + 1 == first => *end = last,
        _ => pieces.push((first, last, province)),
    };
    for range in older {
        // Up to here it is settled.
        let mut next = range.first;
        let from = newer.partition_point(|other| other.last < range.first);
        for other in newer[from..].iter().take_while(|other| other.first <= range.last) {
            if other.province != range.province {
                continue;
            }
            if other.first > next {
                add(next, other.first - 1, range.province);
            }
            next = other.last.saturating_add(1);
        }
        if next <= range.last {
            add(next, range.last, range.province);
        }
    }
    pieces.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number_plan::Operator;

    fn province(code: u8) -> ProvinceId {
        ProvinceId::new(code).expect("a province")
    }

    fn plan(ranges: &[(u32, u32, u8)]) -> Vec<NumberRange> {
        let range = |&(first, last, code): &(u32, u32, u8)| NumberRange {
            first,
            last,
            province: province(code),
            operator: Operator::ChinaTelecom,
        };
        ranges.iter().map(range).collect()
    }

    #[test]
    fn what_moves_is_remembered_and_nothing_else() {
        let older = plan(&[(10, 19, 44), (20, 29, 44), (30, 39, 51), (50, 50, 11)]);
        let pieces = |newer: &[(u32, u32, u8)]| moved(&older, &plan(newer)).collect::<Vec<_>>();
        assert_eq!(pieces(&[(10, 29, 44), (30, 39, 51), (50, 60, 11)]), []);
        assert_eq!(pieces(&[(0, 100, 44)]), [(30, 39, province(51)), (50, 50, province(11))]);
        assert_eq!(
            pieces(&[(12, 13, 44), (14, 14, 51), (15, 24, 44), (38, 38, 51)]),
            [
                (10, 11, province(44)),
                (14, 14, province(44)),
                (25, 29, province(44)),
                (30, 37, province(51)),
                (39, 39, province(51)),
                (50, 50, province(11)),
            ]
        );
        assert_eq!(pieces(&[]), [(10, 29, province(44)), (30, 39, province(51)), (50, 50, province(11))]);
    }
}
