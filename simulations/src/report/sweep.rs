//! What many seeds came to, added up seed by seed, so that it stays small however many there are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::figures::{Ended, Took};
use super::machines::{failovers, leader_changes};
use crate::record::{Record, Verdict};

/// The form of the JSON; rises when a field changes its meaning.
pub const FORMAT: u32 = 1;

/// A sweep over seeds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepSummary {
    /// See [`FORMAT`].
    pub format: u32,
    /// The version of the program.
    pub program: String,
    /// The scenario's name.
    pub scenario: String,
    /// The command that sweeps the same again.
    pub command: String,
    /// The wall clock when the sweep began, in milliseconds since 1970.
    pub began_at_ms: i64,
    /// The machine's own time from the first seed to the last; less than the runs' sum when seeds ran side
    /// by side.
    pub real_ms: u64,
    /// What was violated, or went wrong.
    pub violations: Vec<SeedViolation>,
    /// How often what happened, over all seeds: requests by their end, faults by kind, and the runs' own counts.
    pub counts: BTreeMap<String, u64>,
    /// What a sweep must have seen at least once.
    pub seen: BTreeMap<String, Seen>,
    /// How long provinces were without a leader: milliseconds, and how often.
    pub failovers: BTreeMap<u64, u64>,
    /// Each seed, in the order they were added.
    pub seeds: Vec<SeedFigures>,
}

/// A violation, and the seed that shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedViolation {
    /// The seed.
    pub seed: u64,
    /// The property; empty when the run itself went wrong.
    pub property: String,
    /// What was wrong.
    pub what: String,
    /// The command that runs the seed again.
    pub command: String,
}

/// How often something was seen, and by how many seeds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// How often.
    pub times: u64,
    /// By how many seeds.
    pub seeds: u64,
}

/// What one seed came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedFigures {
    /// The seed.
    pub seed: u64,
    /// What came of it.
    pub verdict: Verdict,
    /// How long the run was.
    pub virtual_ms: u64,
    /// The machine's own time the run took.
    pub real_ms: u64,
    /// How many requests there were.
    pub operations: u64,
    /// Half of them took no longer, in milliseconds.
    pub p50_ms: u64,
    /// 99 of 100 took no longer, in milliseconds.
    pub p99_ms: u64,
    /// The longest time a province was without a leader.
    pub failover_max_ms: u64,
}

impl SweepSummary {
    /// A sweep that has not run a seed yet.
    #[must_use]
    pub fn new(program: &str, scenario: &str, command: &str, began_at_ms: i64) -> Self {
        Self {
            format: FORMAT,
            program: program.to_owned(),
            scenario: scenario.to_owned(),
            command: command.to_owned(),
            began_at_ms,
            ..Self::default()
        }
    }

    /// Adds what one seed came to.
    pub fn add(&mut self, record: &Record) {
        let mut took: Vec<u64> = record.operations.iter().map(|operation| operation.took_ms).collect();
        let took = Took::of(&mut took);
        let failovers = failovers(record);
        self.seeds.push(SeedFigures {
            seed: record.seed,
            verdict: record.verdict,
            virtual_ms: record.virtual_ms,
            real_ms: record.real_ms,
            operations: u64::try_from(record.operations.len()).unwrap_or(u64::MAX),
            p50_ms: took.p50,
            p99_ms: took.p99,
            failover_max_ms: failovers.iter().map(|failover| failover.took_ms).max().unwrap_or(0),
        });
        for failover in &failovers {
            *self.failovers.entry(failover.took_ms).or_default() += 1;
        }
        let violations = record.violations.iter().map(|violation| (violation.property.clone(), violation.what.clone()));
        let mut violations: Vec<(String, String)> = violations.collect();
        if violations.is_empty() && record.verdict != Verdict::Passed {
            violations.push((String::new(), "the run itself went wrong, which is no pass".to_owned()));
        }
        self.violations.extend(violations.into_iter().map(|(property, what)| SeedViolation {
            seed: record.seed,
            property,
            what,
            command: record.command.clone(),
        }));
        self.count(record);
        for (name, times) in &record.seen {
            let seen = self.seen.entry(name.clone()).or_default();
            seen.times += times;
            seen.seeds += u64::from(*times > 0);
        }
    }

    /// Adds a seed whose process left no record behind.
    pub fn add_lost(&mut self, seed: u64, command: &str, why: &str) {
        self.seeds.push(SeedFigures { seed, verdict: Verdict::Inconclusive, ..SeedFigures::default() });
        let (command, what) = (command.to_owned(), why.to_owned());
        self.violations.push(SeedViolation { seed, property: String::new(), what, command });
    }

    fn count(&mut self, record: &Record) {
        // What the run has counted itself is not counted twice.
        let mut add = |name: String, times: u64| {
            if !record.counts.contains_key(&name) {
                *self.counts.entry(name).or_default() += times;
            }
        };
        let ended = Ended::of(&record.operations);
        add("requests done".to_owned(), ended.done);
        add("requests refused".to_owned(), ended.refused);
        add("requests unknown".to_owned(), ended.unknown);
        add("leader changes".to_owned(), leader_changes(record));
        for fault in &record.faults {
            add(format!("fault: {}", fault.kind), 1);
        }
        for (name, times) in &record.counts {
            *self.counts.entry(name.clone()).or_default() += times;
        }
    }

    /// What came of all of it: violated when any seed was, passed when all were and there was one.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let any = |verdict| self.seeds.iter().any(|seed| seed.verdict == verdict);
        if any(Verdict::Violated) {
            Verdict::Violated
        } else if any(Verdict::Inconclusive) || self.seeds.is_empty() {
            Verdict::Inconclusive
        } else {
            Verdict::Passed
        }
    }

    /// What no seed has seen.
    #[must_use]
    pub fn never_seen(&self) -> Vec<&str> {
        self.seen.iter().filter(|(_, seen)| seen.times == 0).map(|(name, _)| name.as_str()).collect()
    }

    /// Virtual time over all seeds.
    #[must_use]
    pub fn virtual_ms(&self) -> u64 {
        self.seeds.iter().fold(0, |sum, seed| sum.saturating_add(seed.virtual_ms))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;
    use crate::report::sample;

    fn kinds(record: &Record, kind: &str) -> usize {
        record.faults.iter().filter(|fault| fault.kind == kind).count()
    }

    #[test]
    fn seeds_add_up() {
        let mut summary = SweepSummary::new("0.1.0", "nation", "mpss-sim sweep", 0);
        assert_eq!(summary.verdict(), Verdict::Inconclusive);
        let (one, other) = (sample::run(1), sample::run(2));
        summary.add(&one);
        summary.add(&other);
        assert_eq!(summary.verdict(), Verdict::Passed);
        assert_eq!(summary.counts["messages lost"], one.counts["messages lost"] + other.counts["messages lost"]);
        let requests: u64 =
            ["done", "refused", "unknown"].iter().map(|end| summary.counts[&format!("requests {end}")]).sum();
        assert_eq!(requests, (one.operations.len() + other.operations.len()) as u64);
        let struck: usize = [&one, &other].iter().map(|record| kinds(record, "crash")).sum();
        assert_eq!(summary.counts["fault: crash"], struck as u64);
        assert_eq!(summary.counts["leader changes"], 2 * one.counts["leader changes"], "it is not counted twice");
        assert_eq!(summary.seen["leader died with unsynced tail"].seeds, 2);
        assert_eq!(summary.never_seen(), ["ported number refused"]);
        assert_eq!(summary.virtual_ms(), one.virtual_ms + other.virtual_ms);
        assert!(summary.failovers.values().sum::<u64>() >= 2);

        summary.add_lost(9, "mpss-sim run --seed 9", "signal 11");
        assert_eq!(summary.verdict(), Verdict::Inconclusive);
        summary.add(&sample::violated(3));
        assert_eq!(summary.verdict(), Verdict::Violated);
        assert_eq!((summary.violations.len(), summary.violations[1].seed), (3, 3));
    }
}
