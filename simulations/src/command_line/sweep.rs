//! Many seeds, until one fails or all have passed; what they did together, and what they have not seen.

use std::collections::BTreeMap;
use std::path::Path;

use super::apart::{self, Outcome};
use super::arguments::Sweep;
use super::progress::Progress;
use super::{INCONCLUSIVE, PASSED, VIOLATED, shrink, words};
use crate::record::{Record, Verdict};
use crate::scenario::{FaultKind, Scenario};

/// What seeds did together.
#[derive(Debug, Default)]
struct Sums {
    seeds: u64,
    virtual_ms: u64,
    run_ms: u64,
    counts: BTreeMap<String, u64>,
    /// How often, and by how many seeds.
    seen: BTreeMap<String, (u64, u64)>,
    fastest_quiet_ms: u64,
}

impl Sums {
    fn add(&mut self, record: &Record) {
        self.seeds += 1;
        self.virtual_ms += record.virtual_ms;
        self.run_ms += record.real_ms;
        for (name, times) in &record.counts {
            *self.counts.entry(name.clone()).or_default() += times;
        }
        for (name, times) in &record.seen {
            let (sum, by) = self.seen.entry(name.clone()).or_default();
            *sum += times;
            *by += u64::from(*times > 0);
        }
        let quiet = record.counts.get("milliseconds until quiet").copied().unwrap_or_default();
        self.fastest_quiet_ms = self.fastest_quiet_ms.max(quiet);
    }

    /// Rare moments, and kinds of fault of the scenario, that were never met.
    fn missed(&self, scenario: &Scenario) -> Vec<String> {
        let moments = self.seen.iter().filter(|(_, (times, _))| *times == 0).map(|(name, _)| name.clone());
        let rules = scenario.faults.holding(scenario.machines());
        let struck = |kind: FaultKind| self.counts.contains_key(&format!("fault: {kind}"));
        let faults = rules.iter().map(|rule| rule.kind).filter(|kind| !struck(*kind));
        moments.chain(faults.map(|kind| format!("fault {kind}"))).collect()
    }
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) fn run(asked: &Sweep) -> Result<u8, String> {
    let scenario = asked.scene.scenario()?;
    let arguments = asked.scene.arguments();
    println!("scenario {}, seeds {}", scenario.name, asked.seeds);
    let mut progress = Progress::over(asked.seeds.count(), "seeds");
    let (mut sums, mut failed) = (Sums::default(), None);
    let limit = asked.minutes.map(|minutes| std::time::Duration::from_secs(minutes * 60));
    let work = |seed| apart::run(None, seed, &arguments);
    apart::run_all(&asked.seeds, asked.jobs, work, |Outcome { seed, record }| {
        match record {
            Ok(record) if record.verdict == Verdict::Passed => sums.add(&record),
            Ok(record) => failed = Some((seed, Ok(record))),
            Err(what) => failed = Some((seed, Err(what))),
        }
        progress.one_more("");
        failed.is_none() && limit.is_none_or(|limit| progress.took() < limit)
    });
    match failed {
        Some((_, Err(what))) => {
            progress.leave();
            println!("{what}");
            return Ok(INCONCLUSIVE);
        }
        Some((seed, Ok(record))) => {
            progress.leave();
            print!("{}", words::told(&record));
            if let Some(folder) = &asked.shrink_to {
                let file = folder.join(format!("{}-{seed}.toml", scenario.name));
                shrink::shrink(&scenario, seed, None, &file, shrink::RUNS_USUAL)?;
            }
            return Ok(VIOLATED);
        }
        None => {}
    }
    print!("{}", told(&sums, progress.took()));
    if let Some(path) = &asked.json {
        write_json(path, &sums)?;
    }
    let missed = sums.missed(&scenario);
    if asked.require == "all" && !missed.is_empty() {
        println!("inconclusive  never seen: {}", missed.join("; "));
        return Ok(INCONCLUSIVE);
    }
    Ok(PASSED)
}

fn told(sums: &Sums, took: std::time::Duration) -> String {
    let of = |prefix: &str| {
        let counts =
            sums.counts.iter().filter_map(|(name, times)| Some(format!("{} {times}", name.strip_prefix(prefix)?)));
        counts.collect::<Vec<_>>().join(", ")
    };
    let others = sums.counts.iter().filter(|(name, _)| !name.contains(": ") && *name != "milliseconds until quiet");
    let others: Vec<String> = others.map(|(name, times)| format!("{name} {times}")).collect();
    let seen: Vec<String> =
        sums.seen.iter().map(|(name, (times, by))| format!("{name} {times} (in {by} seeds)")).collect();
    let took_ms = took.as_millis().max(1);
    format!(
        "{} seeds, 0 violations; {} virtual seconds in {} s, {} times real time ({} times in one process)\n\
         faults        {}\nspared        {}\nhappened      {}\nreversals     {}\ndone          {}\nrefused       {}\n\
         quiet         at the latest {} ms after the last fault\nseen          {}\n",
        sums.seeds,
        sums.virtual_ms / 1_000,
        took.as_secs(),
        u128::from(sums.virtual_ms) / took_ms,
        sums.virtual_ms / sums.run_ms.max(1),
        of("fault: "),
        of("spared: "),
        others.join(", "),
        of("reversals: "),
        of("done: "),
        of("refused: "),
        sums.fastest_quiet_ms,
        seen.join("\n              "),
    )
}

fn write_json(path: &Path, sums: &Sums) -> Result<(), String> {
    let text = serde_json::json!({
        "seeds": sums.seeds, "virtual_ms": sums.virtual_ms, "run_ms": sums.run_ms,
        "counts": sums.counts, "seen": sums.seen.iter().map(|(name, (times, by))| (name.clone(), [*times, *by])).collect::<BTreeMap<_, _>>(),
    });
    std::fs::write(path, text.to_string()).map_err(|error| format!("--json {}: {error}", path.display()))
}
