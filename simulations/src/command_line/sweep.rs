//! Many seeds, until one fails or all have passed; what they did together, and what they have not seen.

use std::time::Duration;

use super::apart::{self, Outcome};
use super::arguments::Sweep;
use super::progress::Progress;
use super::{INCONCLUSIVE, PASSED, VIOLATED, outputs, shrink, words};
use crate::record::Verdict;
use crate::report::sweep::SweepSummary;
use crate::report::{json, sweep_html};
use crate::scenario::{FaultKind, Scenario};
use crate::world::clock::BEGIN_MS;

/// Rare moments, and kinds of fault of the scenario, that were never met.
fn missed(summary: &SweepSummary, scenario: &Scenario) -> Vec<String> {
    let moments = summary.never_seen().into_iter().map(str::to_owned);
    let rules = scenario.faults.holding(scenario.machines());
    let struck = |kind: FaultKind| summary.counts.contains_key(&format!("fault: {kind}"));
    let faults = rules.iter().map(|rule| rule.kind).filter(|kind| !struck(*kind));
    moments.chain(faults.map(|kind| format!("fault {kind}"))).collect()
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) fn run(asked: &Sweep) -> Result<u8, String> {
    let scenario = asked.scene.scenario()?;
    outputs::check("--json", asked.json.as_deref())?;
    outputs::check("--html", asked.html.as_deref())?;
    if let Some(folder) = &asked.shrink_to {
        std::fs::create_dir_all(folder).map_err(|error| format!("--shrink-to {}: {error}", folder.display()))?;
    }
    let arguments = asked.scene.arguments();
    let command = format!("mpss-sim sweep {} --seeds={}", arguments.join(" "), asked.seeds);
    println!("scenario {}, seeds {}", scenario.name, asked.seeds);
    let mut progress = Progress::over(asked.seeds.count(), "seeds");
    let mut summary = SweepSummary::new(env!("CARGO_PKG_VERSION"), &scenario.name, &command, BEGIN_MS);
    let mut failed = None;
    let limit = asked.minutes.map(|minutes| Duration::from_secs(minutes * 60));
    let work = |seed| apart::run(None, seed, &arguments);
    apart::run_all(&asked.seeds, asked.jobs, work, |Outcome { seed, record }| {
        match &record {
            Ok(record) => summary.add(record),
            Err(what) => summary.add_lost(seed, &format!("mpss-sim run {} --seed={seed}", arguments.join(" ")), what),
        }
        if !matches!(&record, Ok(record) if record.verdict == Verdict::Passed) {
            failed = Some((seed, record));
        }
        progress.one_more("");
        failed.is_none() && limit.is_none_or(|limit| progress.took() < limit)
    });
    summary.real_ms = u64::try_from(progress.took().as_millis()).unwrap_or(u64::MAX);
    if let Some(path) = &asked.json {
        json::write(path, &summary).map_err(|error| format!("--json {error}"))?;
    }
    if let Some(path) = &asked.html {
        std::fs::write(path, sweep_html::page(&summary))
            .map_err(|error| format!("--html {}: {error}", path.display()))?;
    }
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
                let (scenario, jobs) = (&scenario, asked.jobs);
                let failing = shrink::Failing { scenario, seed, mutant: None, runs: shrink::RUNS_USUAL, jobs };
                shrink::shrink(failing, &file)?;
            }
            return Ok(VIOLATED);
        }
        None => {}
    }
    print!("{}", told(&summary));
    let missed = missed(&summary, &scenario);
    if asked.require == "all" && !missed.is_empty() {
        println!("inconclusive  never seen: {}", missed.join("; "));
        return Ok(INCONCLUSIVE);
    }
    Ok(PASSED)
}

fn told(summary: &SweepSummary) -> String {
    let of = |prefix: &str| {
        let counts = summary.counts.iter();
        let counts = counts.filter_map(|(name, times)| Some(format!("{} {times}", name.strip_prefix(prefix)?)));
        counts.collect::<Vec<_>>().join(", ")
    };
    let others = summary.counts.iter().filter(|(name, _)| !name.contains(": ") && *name != "milliseconds until quiet");
    let others: Vec<String> = others.map(|(name, times)| format!("{name} {times}")).collect();
    let seen = summary.seen.iter();
    let seen: Vec<String> =
        seen.map(|(name, seen)| format!("{name} {} (in {} seeds)", seen.times, seen.seeds)).collect();
    let run_ms: u64 = summary.seeds.iter().map(|seed| seed.real_ms).sum();
    let virtual_ms = summary.virtual_ms();
    format!(
        "{} seeds, 0 violations; {} virtual seconds in {} s, {} times real time ({} times in one process)\n\
         faults        {}\nspared        {}\nhappened      {}\nreversals     {}\ncalls         {}\ndone          {}\n\
         refused       {}\n\
         seen          {}\n",
        summary.seeds.len(),
        virtual_ms / 1_000,
        summary.real_ms / 1_000,
        virtual_ms / summary.real_ms.max(1),
        virtual_ms / run_ms.max(1),
        of("fault: "),
        of("spared: "),
        others.join(", "),
        of("reversals: "),
        of("calls: "),
        of("done: "),
        of("refused: "),
        seen.join("\n              "),
    )
}
