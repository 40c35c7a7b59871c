//! What each machine did when: dark, leading, or just there. Made once from a record and asked by
//! everything that draws or tells.

use std::collections::BTreeMap;

use crate::record::{FaultSpan, Leadership, Record};

/// Kinds of faults during which a machine does nothing at all: its process has ended, or stands still.
const DARK: [&str; 7] =
    ["crash", "restart", "blackout", "pause", "bit_flip_log", "bit_flip_snapshot", "machine_replaced"];

/// From when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The beginning.
    pub from_ms: u64,
    /// The end.
    pub to_ms: u64,
}

impl Span {
    /// Whether a time is in it.
    #[must_use]
    pub const fn holds(&self, at_ms: u64) -> bool {
        self.from_ms <= at_ms && at_ms < self.to_ms
    }
}

/// A time in which a machine led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Led {
    /// From when to when.
    pub span: Span,
    /// The election it won.
    pub term: u64,
}

/// What one machine did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// When it was dark.
    pub dark: Vec<Span>,
    /// When it led.
    pub led: Vec<Led>,
    /// What else struck it: places in the record's faults.
    pub struck: Vec<usize>,
}

impl Machine {
    /// Whether it was dark.
    #[must_use]
    pub fn is_dark(&self, at_ms: u64) -> bool {
        self.dark.iter().any(|span| span.holds(at_ms))
    }

    /// Whether it led.
    #[must_use]
    pub fn leads(&self, at_ms: u64) -> bool {
        self.led.iter().any(|led| led.span.holds(at_ms))
    }
}

/// A province without a leader, until it had one again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failover {
    /// The province.
    pub province: String,
    /// When its leader was gone.
    pub from_ms: u64,
    /// Until there was another.
    pub took_ms: u64,
}

/// Whether a fault of this kind leaves a machine dark.
#[must_use]
pub fn darkens(kind: &str) -> bool {
    DARK.contains(&kind)
}

/// What each machine of a record did.
#[must_use]
pub fn machines(record: &Record) -> BTreeMap<String, Machine> {
    let mut machines: BTreeMap<String, Machine> = BTreeMap::new();
    let mut by_province: BTreeMap<&str, &[String]> = BTreeMap::new();
    for province in &record.provinces {
        by_province.insert(&province.code, &province.machines);
        for name in &province.machines {
            machines.entry(name.clone()).or_default();
        }
    }
    for (place, fault) in record.faults.iter().enumerate() {
        for name in struck_by(fault, &by_province) {
            let Some(machine) = machines.get_mut(name) else { continue };
            if darkens(&fault.kind) {
                machine.dark.push(Span { from_ms: fault.from_ms, to_ms: fault.to_ms });
            } else {
                machine.struck.push(place);
            }
        }
    }
    for (leadership, until) in with_ends(record) {
        if let Some(machine) = machines.get_mut(&leadership.machine) {
            let span = Span { from_ms: leadership.from_ms, to_ms: until };
            machine.led.push(Led { span, term: leadership.term });
        }
    }
    machines
}

/// How long provinces were without a leader, in the order it began. A leader is gone when nobody led, or
/// when its machine went dark while nobody else led yet.
#[must_use]
pub fn failovers(record: &Record) -> Vec<Failover> {
    let machines = machines(record);
    let mut found = Vec::new();
    for leaderships in by_province(record).into_values() {
        let mut gone: Option<u64> = None;
        let mut before: Option<&Leadership> = None;
        for next in leaderships {
            if let Some(old) = before.filter(|old| !old.machine.is_empty()) {
                let dark = machines.get(&old.machine).into_iter().flat_map(|machine| &machine.dark);
                let died = dark.map(|span| span.from_ms).filter(|at| (old.from_ms..=next.from_ms).contains(at));
                // The first death under this leadership: a machine that came back did not lead again.
                gone = gone.into_iter().chain(died).min();
            }
            if next.machine.is_empty() {
                // A province that never had a leader is only beginning.
                gone = gone.or_else(|| before.map(|_| next.from_ms));
            } else if let Some(from_ms) = gone.take() {
                let took_ms = next.from_ms - from_ms;
                found.push(Failover { province: next.province.clone(), from_ms, took_ms });
            }
            before = Some(next);
        }
    }
    found.sort_by(|one, other| (one.from_ms, &one.province).cmp(&(other.from_ms, &other.province)));
    found
}

/// How often a province's leader became another.
#[must_use]
pub fn leader_changes(record: &Record) -> u64 {
    let mut changes = 0;
    for leaderships in by_province(record).into_values() {
        let led = leaderships.into_iter().filter(|leadership| !leadership.machine.is_empty());
        let mut elections: Vec<(&str, u64)> = led.map(|led| (led.machine.as_str(), led.term)).collect();
        elections.dedup();
        changes += elections.len().saturating_sub(1);
    }
    u64::try_from(changes).unwrap_or(u64::MAX)
}

fn by_province(record: &Record) -> BTreeMap<&str, Vec<&Leadership>> {
    let mut provinces: BTreeMap<&str, Vec<&Leadership>> = BTreeMap::new();
    for leadership in &record.leaders {
        provinces.entry(&leadership.province).or_default().push(leadership);
    }
    for leaderships in provinces.values_mut() {
        leaderships.sort_by_key(|leadership| leadership.from_ms);
    }
    provinces
}

/// Every leadership and when the next of its province began.
fn with_ends(record: &Record) -> Vec<(&Leadership, u64)> {
    let mut ends = Vec::new();
    for leaderships in by_province(record).into_values() {
        for (place, leadership) in leaderships.iter().enumerate() {
            let until = leaderships.get(place + 1).map_or(record.virtual_ms, |next| next.from_ms);
            ends.push((*leadership, until.max(leadership.from_ms)));
        }
    }
    ends
}

/// The machines a fault's target names: themselves, or by their province.
fn struck_by<'a>(fault: &'a FaultSpan, by_province: &BTreeMap<&str, &'a [String]>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for word in fault.target.split(|letter: char| !(letter.is_alphanumeric() || letter == '-' || letter == '_')) {
        match by_province.get(word) {
            Some(machines) => names.extend(machines.iter().map(String::as_str)),
            None if !word.is_empty() => names.push(word),
            None => {}
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;
    use crate::record::Province;

    fn leader(machine: &str, term: u64, from_ms: u64) -> Leadership {
        Leadership { province: "44".into(), machine: machine.into(), term, from_ms }
    }

    fn fault(kind: &str, target: &str, from_ms: u64, to_ms: u64) -> FaultSpan {
        FaultSpan { kind: kind.into(), target: target.into(), from_ms, to_ms, ..FaultSpan::default() }
    }

    fn record(faults: Vec<FaultSpan>, leaders: Vec<Leadership>) -> Record {
        let machines = vec!["44-1".to_owned(), "44-2".to_owned(), "44-3".to_owned()];
        let provinces = vec![Province { code: "44".into(), machines, ..Province::default() }];
        Record { virtual_ms: 60_000, provinces, faults, leaders, ..Record::default() }
    }

    #[test]
    fn a_leader_that_dies_is_missed_until_the_next() {
        let faults = vec![fault("crash", "44-1", 10_000, 12_000), fault("cut", "44-2 → 44-3", 1, 5)];
        let record = record(faults, vec![leader("44-1", 1, 500), leader("44-2", 2, 11_400)]);
        let expected = Failover { province: "44".into(), from_ms: 10_000, took_ms: 1_400 };
        assert_eq!(failovers(&record), [expected]);
        assert_eq!(leader_changes(&record), 1);
        let machines = machines(&record);
        assert!(machines["44-1"].is_dark(11_999) && !machines["44-1"].is_dark(12_000));
        assert!(machines["44-1"].leads(11_399) && machines["44-2"].leads(59_999) && !machines["44-2"].leads(11_399));
        assert_eq!((&machines["44-2"].struck[..], &machines["44-1"].struck[..]), (&[1][..], &[][..]));
    }

    #[test]
    fn a_time_without_a_leader_counts_and_the_first_election_does_not() {
        let record = record(
            vec![],
            vec![leader("", 0, 0), leader("44-1", 1, 400), leader("", 1, 9_000), leader("44-3", 2, 9_700)],
        );
        let found: Vec<(u64, u64)> = failovers(&record).iter().map(|found| (found.from_ms, found.took_ms)).collect();
        assert_eq!(found, [(9_000, 700)]);
    }

    #[test]
    fn a_fault_of_a_province_strikes_all_its_machines() {
        let record = record(vec![fault("blackout", "44", 5, 9)], vec![]);
        assert!(machines(&record).values().all(|machine| machine.is_dark(5)));
    }
}
