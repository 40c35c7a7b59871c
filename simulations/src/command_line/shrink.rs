//! The smallest scenario that still fails: fewer faults first, then shorter, then fewer provinces and
//! people, then fewer of their turns. Every candidate is run in a process of its own, and counts only
//! when the same property is violated.

use std::collections::BTreeSet;
use std::path::Path;

use super::apart;
use super::arguments::Shrink;
use super::{INCONCLUSIVE, PASSED, mutants};
use crate::record::{Record, Verdict};
use crate::scenario::{Scenario, Target, strikes};
use crate::world::SeededRandom;

/// Runs at most, unless said otherwise.
pub(super) const RUNS_USUAL: u32 = 200;
/// Moments of which the last strike or turn is kept, after a violation, in milliseconds.
const AFTER_MS: u64 = 1_000;

/// A search.
struct Search {
    seed: u64,
    mutant: Option<String>,
    property: String,
    runs_left: u32,
    /// The smallest so far, and what came of it.
    best: Scenario,
    record: Box<Record>,
}

pub(super) fn run(asked: &Shrink) -> Result<u8, String> {
    if let Some(mutant) = &asked.mutant {
        mutants::plant(mutant)?;
    }
    let scenario = asked.scene.scenario()?;
    shrink(&scenario, asked.seed, asked.mutant.clone(), &asked.to, asked.runs)
}

/// Looks for the smallest scenario that fails as this one does, and writes it to `file`.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) fn shrink(
    scenario: &Scenario,
    seed: u64,
    mutant: Option<String>,
    file: &Path,
    runs: u32,
) -> Result<u8, String> {
    let mut exact = scenario.clone();
    exact.seed = Some(seed);
    exact.faults.strikes = Some(strikes(scenario, &SeededRandom::new(seed).named("faults")));
    let record = try_out(&exact, seed, mutant.as_deref())?;
    let Some(property) = record.violations.first().map(|violation| violation.property.clone()) else {
        println!("seed {seed} does not fail: there is nothing to make smaller");
        return Ok(INCONCLUSIVE);
    };
    println!("{property} is violated; looking for less, at most {runs} runs");
    let mut search = Search { seed, mutant, property, runs_left: runs, best: exact, record };
    search.shorten();
    search.fewer_strikes();
    search.fewer_provinces();
    search.fewer_people();
    search.fewer_strikes();
    search.fewer_turns();
    search.best.name = format!("{}-{seed}", scenario.name);
    let what = search.record.violations.first().map(|violation| violation.what.clone()).unwrap_or_default();
    search.best.about = format!("the smallest found of {}, seed {seed}: {}: {what}", scenario.name, search.property);
    let text = search.best.to_toml();
    std::fs::write(file, text).map_err(|error| format!("--to {}: {error}", file.display()))?;
    let turns = search.best.workload.only.as_ref().map_or_else(|| "all".to_owned(), |only| only.len().to_string());
    let mutant = search.mutant.as_ref().map(|name| format!(" --mutant={name}")).unwrap_or_default();
    println!(
        "{} strikes, {} provinces, {} people each, {} s, {turns} turns; {} runs\n{}\nagain         mpss-sim run {}{mutant}",
        search.best.faults.strikes.as_ref().map_or(0, Vec::len),
        search.best.topology.provinces.len(),
        search.best.workload.people,
        search.best.workload.seconds,
        runs - search.runs_left,
        search
            .record
            .violations
            .first()
            .map(|violation| format!("VIOLATED      {}: {}", violation.property, violation.what))
            .unwrap_or_default(),
        file.display()
    );
    Ok(PASSED)
}

fn try_out(scenario: &Scenario, seed: u64, mutant: Option<&str>) -> Result<Box<Record>, String> {
    let file = std::env::temp_dir().join(format!("mpss-sim-{}-{seed}.toml", std::process::id()));
    std::fs::write(&file, scenario.to_toml()).map_err(|error| error.to_string())?;
    let mut arguments = vec![file.display().to_string()];
    arguments.extend(mutant.map(|name| format!("--mutant={name}")));
    let record = apart::run(None, seed, &arguments);
    // What can not be removed is in the folder for such things.
    let _ = std::fs::remove_file(&file);
    record
}

impl Search {
    /// Takes a candidate when it fails the same way.
    fn take(&mut self, candidate: Scenario) -> bool {
        if self.runs_left == 0 || candidate == self.best || candidate.check().is_err() {
            return false;
        }
        self.runs_left -= 1;
        let Ok(record) = try_out(&candidate, self.seed, self.mutant.as_deref()) else { return false };
        let same = record.verdict == Verdict::Violated
            && record.violations.first().is_some_and(|violation| violation.property == self.property);
        if same {
            self.best = candidate;
            self.record = record;
        }
        same
    }

    /// Ends soon after the violation was seen.
    fn shorten(&mut self) {
        let seen_ms = self.record.violations.first().map_or(0, |violation| violation.at_ms);
        let lived_ms = seen_ms.saturating_sub(self.record.open_ms) + AFTER_MS;
        for seconds in [lived_ms.div_ceil(1_000), self.best.workload.seconds / 2, self.best.workload.seconds / 4] {
            if seconds > 0 && seconds < self.best.workload.seconds {
                let mut candidate = self.best.clone();
                candidate.workload.seconds = seconds;
                if let Some(strikes) = &mut candidate.faults.strikes {
                    strikes.retain(|strike| strike.at_ms < seconds * 1_000);
                }
                self.take(candidate);
            }
        }
    }

    fn fewer_strikes(&mut self) {
        let all = self.best.faults.strikes.clone().unwrap_or_default();
        self.fewer(all.len(), |best, kept| {
            let strikes = best.faults.strikes.clone().unwrap_or_default();
            best.faults.strikes = Some(kept.iter().map(|place| strikes[*place].clone()).collect());
        });
    }

    fn fewer_turns(&mut self) {
        // Only turns that did something; their names are the request ids without the racer's number.
        let mut recorded = self.best.clone();
        recorded.workload.only = None;
        let Ok(turns) = self.turns_of(&recorded) else { return };
        let mut candidate = self.best.clone();
        candidate.workload.only = Some(turns);
        if self.take(candidate) {
            let count = self.best.workload.only.as_ref().map_or(0, BTreeSet::len);
            self.fewer(count, |best, kept| {
                let turns: Vec<String> = best.workload.only.clone().unwrap_or_default().into_iter().collect();
                best.workload.only = Some(kept.iter().map(|place| turns[*place].clone()).collect());
            });
        }
    }

    /// Every turn anybody can have had: those of the people who live there, up to the run's end.
    fn turns_of(&self, scenario: &Scenario) -> Result<BTreeSet<String>, String> {
        let per_person = scenario.workload.seconds * 1_000 / scenario.workload.pause_ms[0].max(1) + 1;
        let plan = crate::country::number_plan();
        let mut turns = BTreeSet::new();
        for province in scenario.provinces().into_iter().filter(|province| !province.is_national()) {
            for msisdn in mpss_routing::subscribers_of(&plan, province).take(scenario.workload.people) {
                turns.extend((0..per_person.min(400)).map(|turn| format!("{msisdn}:{turn}")));
            }
        }
        Ok(turns)
    }

    fn fewer_provinces(&mut self) {
        for code in self.best.topology.provinces.clone() {
            let mut candidate = self.best.clone();
            candidate.topology.provinces.retain(|other| *other != code);
            let speaks_of = |target: &Target| target.to_string().split(['-', '>', ':']).any(|part| part == code);
            if let Some(strikes) = &mut candidate.faults.strikes {
                strikes.retain(|strike| !speaks_of(&strike.target));
            }
            self.take(candidate);
        }
    }

    fn fewer_people(&mut self) {
        let mut people = self.best.workload.people;
        while people > 1 {
            people /= 2;
            let mut candidate = self.best.clone();
            candidate.workload.people = people.max(1);
            if !self.take(candidate) {
                return;
            }
        }
    }

    /// Leaves out larger and then smaller parts of `count` things, as long as what is left still fails.
    fn fewer(&mut self, count: usize, keep: impl Fn(&mut Scenario, &[usize])) {
        let mut left = count;
        let mut part = count.div_ceil(2);
        while part > 0 && self.runs_left > 0 {
            let mut from = 0;
            while from < left && self.runs_left > 0 {
                let kept: Vec<usize> = (0..left).filter(|place| *place < from || *place >= from + part).collect();
                let mut candidate = self.best.clone();
                keep(&mut candidate, &kept);
                if self.take(candidate) {
                    left = kept.len();
                } else {
                    from += part;
                }
            }
            part = if part == 1 { 0 } else { part.div_ceil(2) };
        }
    }
}
