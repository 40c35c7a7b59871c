//! The smallest scenario that still fails: shorter, fewer faults, provinces and people, fewer of their
//! turns, over and over until nothing more can be left out. Every candidate is run in a process of its
//! own, and counts only when the same property is violated.

use std::collections::BTreeSet;
use std::path::Path;

use super::apart;
use super::arguments::Shrink;
use super::progress::Progress;
use super::{INCONCLUSIVE, PASSED, mutants, outputs};
use crate::record::{Record, Verdict};
use crate::scenario::{Scenario, Target, strikes};
use crate::world::SeededRandom;

/// Runs at most, unless said otherwise.
pub(super) const RUNS_USUAL: u32 = 600;
/// Moments of which the last strike or turn is kept, after a violation, in milliseconds.
const AFTER_MS: u64 = 1_000;

/// What fails, and how much is done to make it smaller.
pub(super) struct Failing<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) seed: u64,
    pub(super) mutant: Option<String>,
    pub(super) runs: u32,
    pub(super) jobs: Option<usize>,
}

/// A search.
struct Search {
    seed: u64,
    mutant: Option<String>,
    property: String,
    runs_left: u32,
    jobs: usize,
    /// The smallest so far, and what came of it.
    best: Scenario,
    record: Box<Record>,
    progress: Progress,
}

pub(super) fn run(asked: &Shrink) -> Result<u8, String> {
    if let Some(mutant) = &asked.mutant {
        mutants::plant(mutant)?;
    }
    let scenario = asked.scene.scenario()?;
    outputs::check("--to", Some(&asked.to))?;
    let failing = Failing {
        scenario: &scenario,
        seed: asked.seed,
        mutant: asked.mutant.clone(),
        runs: asked.runs,
        jobs: asked.jobs,
    };
    shrink(failing, &asked.to)
}

/// Looks for the smallest scenario that fails as this one does, and writes it to `file`.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) fn shrink(failing: Failing<'_>, file: &Path) -> Result<u8, String> {
    let Failing { scenario, seed, mutant, runs, jobs } = failing;
    let mut exact = scenario.clone();
    exact.seed = Some(seed);
    exact.faults.strikes = Some(strikes(scenario, &SeededRandom::new(seed).named("faults")));
    let record = try_out(&exact, seed, mutant.as_deref(), 0)?;
    let Some(property) = record.violations.first().map(|violation| violation.property.clone()) else {
        println!("seed {seed} does not fail: there is nothing to make smaller");
        return Ok(INCONCLUSIVE);
    };
    println!("{property} is violated; looking for less, at most {runs} runs");
    let progress = Progress::over(u64::from(runs), "runs");
    let jobs = apart::at_once(jobs);
    let mut search = Search { seed, mutant, property, runs_left: runs, jobs, best: exact, record, progress };
    search.until_nothing_more_can_be_left_out();
    search.progress.leave();
    search.best.name = format!("{}-{seed}", scenario.name);
    let violation = search.record.violations.first().cloned().unwrap_or_default();
    search.best.about =
        format!("the smallest found of {}, seed {seed}: {}: {}", scenario.name, search.property, violation.what);
    std::fs::write(file, search.best.to_toml()).map_err(|error| format!("--to {}: {error}", file.display()))?;
    let mutant = search.mutant.as_ref().map(|name| format!(" --mutant={name}")).unwrap_or_default();
    println!(
        "{}; {} runs\nVIOLATED      {}: {}\nagain         mpss-sim run {}{mutant}",
        search.size(),
        runs - search.runs_left,
        violation.property,
        violation.what,
        file.display()
    );
    Ok(PASSED)
}

fn try_out(scenario: &Scenario, seed: u64, mutant: Option<&str>, place: usize) -> Result<Box<Record>, String> {
    let file = std::env::temp_dir().join(format!("mpss-sim-{}-{seed}-{place}.toml", std::process::id()));
    std::fs::write(&file, scenario.to_toml()).map_err(|error| error.to_string())?;
    let mut arguments = vec![file.display().to_string()];
    arguments.extend(mutant.map(|name| format!("--mutant={name}")));
    let record = apart::run(None, seed, &arguments);
    // What can not be removed is in the folder for such things.
    let _ = std::fs::remove_file(&file);
    record
}

impl Search {
    fn size(&self) -> String {
        let turns = self.best.workload.only.as_ref().map_or_else(|| "all".to_owned(), |only| only.len().to_string());
        format!(
            "{} strikes, {} provinces, {} people each, {} s, {turns} turns",
            self.best.faults.strikes.as_ref().map_or(0, Vec::len),
            self.best.topology.provinces.len(),
            self.best.workload.people,
            self.best.workload.seconds,
        )
    }

    /// With less of one thing, often less of another does, too.
    fn until_nothing_more_can_be_left_out(&mut self) {
        let mut before = None;
        while before.as_ref() != Some(&self.best) && self.runs_left > 0 {
            before = Some(self.best.clone());
            self.shorten();
            self.fewer_provinces();
            self.fewer_people();
            self.shorten();
            self.fewer_strikes();
            self.shorten();
            self.fewer_turns();
        }
    }

    /// Tries candidates, several at once; takes the first that fails the same way, and says which.
    fn take_first(&mut self, candidates: Vec<Scenario>) -> Option<usize> {
        let mut tried = Vec::new();
        for (place, candidate) in candidates.into_iter().enumerate() {
            if candidate != self.best && candidate.check().is_ok() {
                tried.push((place, candidate));
            }
        }
        tried.truncate(self.runs_left as usize);
        let (seed, mutant) = (self.seed, self.mutant.as_deref());
        let records: Vec<_> = std::thread::scope(|scope| {
            let run = |(place, candidate): &(usize, Scenario)| try_out(candidate, seed, mutant, *place);
            let running: Vec<_> = tried.iter().map(|one| scope.spawn(move || run(one))).collect();
            running.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
        });
        let mut taken = None;
        for ((place, candidate), record) in tried.into_iter().zip(records) {
            self.runs_left -= 1;
            self.progress.one_more(&self.size());
            let Ok(Ok(record)) = record else { continue };
            let first = record.violations.first();
            let same = record.verdict == Verdict::Violated
                && first.is_some_and(|violation| violation.property == self.property);
            if same && taken.is_none() {
                (self.best, self.record, taken) = (candidate, record, Some(place));
            }
        }
        taken
    }

    fn take(&mut self, candidate: Scenario) -> bool {
        self.take_first(vec![candidate]).is_some()
    }

    /// Ends soon after the violation was seen.
    fn shorten(&mut self) {
        let seen_ms = self.record.violations.first().map_or(0, |violation| violation.at_ms);
        let lived_ms = seen_ms.saturating_sub(self.record.open_ms) + AFTER_MS;
        let now = self.best.workload.seconds;
        let shorter = [now / 4, now / 2, lived_ms.div_ceil(1_000)];
        let candidates = shorter.into_iter().filter(|seconds| (1..now).contains(seconds)).map(|seconds| {
            let mut candidate = self.best.clone();
            candidate.workload.seconds = seconds;
            if let Some(strikes) = &mut candidate.faults.strikes {
                strikes.retain(|strike| strike.at_ms < seconds * 1_000);
            }
            candidate
        });
        let candidates = candidates.collect();
        self.take_first(candidates);
    }

    fn fewer_strikes(&mut self) {
        let all = self.best.faults.strikes.clone().unwrap_or_default();
        self.fewer(all.len(), |best, kept| {
            let strikes = best.faults.strikes.clone().unwrap_or_default();
            best.faults.strikes = Some(kept.iter().map(|place| strikes[*place].clone()).collect());
        });
    }

    /// Leaves turns out, of those that were lived; then the number of people, where nobody of a province
    /// has a turn left, does not matter any more.
    fn fewer_turns(&mut self) {
        let lived: BTreeSet<String> = self.record.turns.iter().cloned().collect();
        let mut candidate = self.best.clone();
        candidate.workload.only = Some(lived);
        if candidate != self.best && !self.take(candidate) {
            return;
        }
        let count = self.best.workload.only.as_ref().map_or(0, BTreeSet::len);
        self.fewer(count, |best, kept| {
            let turns: Vec<String> = best.workload.only.clone().unwrap_or_default().into_iter().collect();
            best.workload.only = Some(kept.iter().map(|place| turns[*place].clone()).collect());
        });
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
        loop {
            let people = self.best.workload.people;
            let fewer = [people / 4, people / 2, people - 1];
            let candidates = fewer.into_iter().filter(|fewer| (1..people).contains(fewer)).map(|fewer| {
                let mut candidate = self.best.clone();
                candidate.workload.people = fewer;
                candidate
            });
            let candidates = candidates.collect();
            if self.take_first(candidates).is_none() {
                return;
            }
        }
    }

    /// Leaves out everything, then larger and then smaller parts of `count` things, as long as what is
    /// left still fails.
    fn fewer(&mut self, count: usize, keep: impl Fn(&mut Scenario, &[usize])) {
        let mut left = count;
        let mut part = count;
        while part > 0 && self.runs_left > 0 {
            let mut from = 0;
            while from < left && self.runs_left > 0 {
                let begins: Vec<usize> = (from..left).step_by(part).take(self.jobs).collect();
                let without = |begin: usize| -> Vec<usize> {
                    (0..left).filter(|place| *place < begin || *place >= begin + part).collect()
                };
                let candidates = begins.iter().map(|begin| {
                    let mut candidate = self.best.clone();
                    keep(&mut candidate, &without(*begin));
                    candidate
                });
                let candidates = candidates.collect();
                from = match self.take_first(candidates) {
                    Some(place) => {
                        let kept = without(begins[place]).len();
                        left = kept;
                        begins[place]
                    }
                    None => begins.last().map_or(left, |last| last + part),
                };
            }
            part = if part == 1 { 0 } else { part.div_ceil(2) };
        }
    }
}
