//! Which requests were under way while which faults were: what a run has shown, and what it has not.

use std::collections::{BTreeMap, BTreeSet};

use super::words;
use crate::record::{FaultSpan, Operation};

/// For each kind of fault and each flow, how many requests met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The flows: the columns.
    pub flows: Vec<String>,
    /// A row for each kind of fault.
    pub rows: Vec<Row>,
    /// Of each flow, how many requests met no fault at all.
    pub calm: Vec<u64>,
    /// Of each flow, how many requests there were.
    pub all: Vec<u64>,
}

/// One kind of fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// The kind.
    pub kind: String,
    /// How often it struck.
    pub struck: u64,
    /// Of each flow, how many requests were under way while it was.
    pub met: Vec<u64>,
}

impl Coverage {
    /// How many pairs of a fault and a flow never met.
    #[must_use]
    pub fn never(&self) -> usize {
        self.rows.iter().flat_map(|row| &row.met).filter(|met| **met == 0).count()
    }
}

/// Counts. A request meets a fault when they share a moment, ends included: a fault without length is met
/// by what was under way at that moment.
///
/// The spans of a kind become a few that do not overlap, and each request looks for the last that began
/// before it ended: requests × kinds × the logarithm of spans.
#[must_use]
pub fn coverage(faults: &[FaultSpan], operations: &[Operation]) -> Coverage {
    let names: BTreeSet<(usize, &str)> =
        operations.iter().map(|operation| (words::flow_place(&operation.flow), operation.flow.as_str())).collect();
    let flows: Vec<String> = names.iter().map(|(_, name)| (*name).to_owned()).collect();
    let place: BTreeMap<&str, usize> = names.iter().enumerate().map(|(place, (_, name))| (*name, place)).collect();

    let mut by_kind: BTreeMap<&str, Vec<(u64, u64)>> = BTreeMap::new();
    for fault in faults {
        by_kind.entry(&fault.kind).or_default().push((fault.from_ms, fault.to_ms.max(fault.from_ms)));
    }
    let mut rows: Vec<(Row, Vec<(u64, u64)>)> = by_kind
        .into_iter()
        .map(|(kind, spans)| {
            let struck = u64::try_from(spans.len()).unwrap_or(u64::MAX);
            (Row { kind: kind.to_owned(), struck, met: vec![0; flows.len()] }, joined(spans))
        })
        .collect();

    let (mut calm, mut all) = (vec![0; flows.len()], vec![0; flows.len()]);
    for operation in operations {
        let column = place[operation.flow.as_str()];
        let (from, to) = (operation.at_ms, operation.at_ms.saturating_add(operation.took_ms));
        let mut met_any = false;
        for (row, spans) in &mut rows {
            if meets(spans, from, to) {
                row.met[column] += 1;
                met_any = true;
            }
        }
        all[column] += 1;
        calm[column] += u64::from(!met_any);
    }
    Coverage { flows, rows: rows.into_iter().map(|(row, _)| row).collect(), calm, all }
}

/// The same moments as spans that do not overlap, in order.
fn joined(mut spans: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    spans.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// Whether a request from `from` to `to` shares a moment with any of the joined spans.
fn meets(spans: &[(u64, u64)], from: u64, to: u64) -> bool {
    let begun = spans.partition_point(|span| span.0 <= to);
    begun > 0 && spans[begun - 1].1 >= from
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use proptest::prelude::*;

    use super::*;

    fn fault(kind: usize, from_ms: u64, long_ms: u64) -> FaultSpan {
        let kind = ["crash", "cut", "clock"][kind].to_owned();
        FaultSpan { kind, from_ms, to_ms: from_ms + long_ms, ..FaultSpan::default() }
    }

    fn operation(flow: usize, at_ms: u64, took_ms: u64) -> Operation {
        let flow = ["local", "roaming", "zeta"][flow].to_owned();
        Operation { flow, at_ms, took_ms, ..Operation::default() }
    }

    /// The same by looking at every pair.
    fn by_every_pair(faults: &[FaultSpan], operations: &[Operation], kind: &str, flow: &str) -> u64 {
        let meets = |operation: &Operation| {
            faults
                .iter()
                .filter(|fault| fault.kind == kind)
                .any(|fault| fault.from_ms <= operation.at_ms + operation.took_ms && operation.at_ms <= fault.to_ms)
        };
        operations.iter().filter(|operation| operation.flow == flow && meets(operation)).count() as u64
    }

    proptest! {
        #[test]
        fn every_pair_gives_the_same(
            faults in prop::collection::vec((0..3_usize, 0..300_u64, prop_oneof![Just(0_u64), 0..40_u64]), 0..40),
            operations in prop::collection::vec((0..3_usize, 0..300_u64, prop_oneof![Just(0_u64), 0..40_u64]), 0..60),
        ) {
            let faults: Vec<FaultSpan> = faults.into_iter().map(|(kind, from, long)| fault(kind, from, long)).collect();
            let operations: Vec<Operation> =
                operations.into_iter().map(|(flow, at, took)| operation(flow, at, took)).collect();
            let found = coverage(&faults, &operations);
            for row in &found.rows {
                for (flow, met) in found.flows.iter().zip(&row.met) {
                    prop_assert_eq!(*met, by_every_pair(&faults, &operations, &row.kind, flow), "{} {}", row.kind, flow);
                }
            }
            for (place, flow) in found.flows.iter().enumerate() {
                let all = operations.iter().filter(|operation| operation.flow == *flow).count() as u64;
                prop_assert_eq!(found.all[place], all);
                let calm = operations.iter().filter(|operation| operation.flow == *flow).filter(|operation| {
                    !["crash", "cut", "clock"].iter().any(|kind| {
                        by_every_pair(&faults, std::slice::from_ref(operation), kind, flow) > 0
                    })
                });
                prop_assert_eq!(found.calm[place], calm.count() as u64);
            }
        }
    }

    #[test]
    fn ends_touch_and_flows_stand_in_their_order() {
        let faults = [fault(0, 100, 50), fault(0, 300, 0)];
        let operations = [operation(2, 0, 99), operation(1, 0, 100), operation(0, 150, 10), operation(0, 299, 1)];
        let found = coverage(&faults, &operations);
        assert_eq!(found.flows, ["local", "roaming", "zeta"]);
        assert_eq!(found.rows[0].met, [2, 1, 0]);
        assert_eq!((found.never(), found.rows[0].struck), (1, 2));
    }

    #[test]
    fn a_long_run_is_counted_at_once() {
        let faults: Vec<FaultSpan> = (0..2_000).map(|place| fault(place % 3, place as u64 * 30, 400)).collect();
        let operations: Vec<Operation> =
            (0..50_000).map(|place| operation(place % 3, place as u64, place as u64 % 700)).collect();
        let found = coverage(&faults, &operations);
        assert_eq!(found.all.iter().sum::<u64>(), 50_000);
    }
}
