//! Seeds run apart: each in a process of its own, as many at once as there are processors.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use super::seeds::Seeds;
use crate::record::Record;

/// What came of a seed.
pub(super) struct Outcome {
    pub(super) seed: u64,
    /// The record, or what the process said instead.
    pub(super) record: Result<Box<Record>, String>,
}

/// Runs one seed in a process of its own.
pub(super) fn run(program: Option<&Path>, seed: u64, arguments: &[String]) -> Result<Box<Record>, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program.unwrap_or(&own))
        .arg("run")
        .args(arguments)
        .arg(format!("--seed={seed}"))
        .arg("--tell-json")
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.lines().rev().find(|line| line.starts_with('{'));
    told.and_then(|line| serde_json::from_str(line).ok())
        .map(Box::new)
        .ok_or_else(|| format!("seed {seed}: {}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// How many processes at once: as asked for, else as many as there are processors.
pub(super) fn at_once(jobs: Option<usize>) -> usize {
    jobs.or_else(|| std::thread::available_parallelism().map(std::num::NonZero::get).ok()).unwrap_or(1).max(1)
}

/// Runs seeds, `jobs` at once, and hands over what came of each as it comes, until `go_on` says no.
pub(super) fn run_all(
    seeds: &Seeds,
    jobs: Option<usize>,
    work: impl Fn(u64) -> Result<Box<Record>, String> + Sync,
    mut go_on: impl FnMut(Outcome) -> bool,
) {
    let jobs = at_once(jobs);
    let (next, ended) = (AtomicU64::new(seeds.first), AtomicBool::new(false));
    let (outcomes, coming) = mpsc::sync_channel(jobs);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (outcomes, next, ended, work) = (outcomes.clone(), &next, &ended, &work);
            scope.spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > seeds.last || outcomes.send(Outcome { seed, record: work(seed) }).is_err() {
                        return;
                    }
                }
            });
        }
        drop(outcomes);
        for outcome in coming {
            if !ended.load(Ordering::Relaxed) && !go_on(outcome) {
                ended.store(true, Ordering::Relaxed);
            }
        }
    });
}
