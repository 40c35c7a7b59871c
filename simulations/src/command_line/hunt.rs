//! Deliberate faults, each planted in turn: after how many seeds it is found, and by what.

use super::apart::{self, Outcome};
use super::arguments::Hunt;
use super::progress::real_time;
use super::{PASSED, VIOLATED, mutants};
use crate::record::Verdict;

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) fn run(asked: &Hunt) -> Result<u8, String> {
    asked.scene.scenario()?;
    let known = mutants::names();
    if known.is_empty() {
        return Err("hunt: this build has no deliberate faults; build it with --features mutants".to_owned());
    }
    if let Some(unknown) = asked.mutant.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("--mutant: {unknown:?} is none of {}", known.join(", ")));
    }
    let wanted =
        known.into_iter().filter(|name| asked.mutant.is_empty() || asked.mutant.iter().any(|asked| asked == name));
    let mut escaped = 0;
    for mutant in wanted {
        let mut arguments = asked.scene.arguments();
        // Who names a scenario gets it; else each fault is looked for where it can strike.
        if asked.scene.is_usual() {
            mutants::scenario_of(mutant).clone_into(&mut arguments[0]);
        }
        arguments.push(format!("--mutant={mutant}"));
        let begun = real_time();
        let (mut tried, mut found) = (0_u64, None);
        apart::run_all(
            &asked.seeds,
            asked.jobs,
            |seed| apart::run(None, seed, &arguments),
            |Outcome { seed, record }| {
                tried += 1;
                match record {
                    Ok(record) if record.verdict == Verdict::Passed => {}
                    Ok(record) => found = record.violations.first().map(|violation| (seed, violation.clone())),
                    // A process that dies of the fault has shown it, too.
                    Err(what) => found = Some((seed, crate::record::Violation { what, ..Default::default() })),
                }
                found.is_none()
            },
        );
        let took = real_time().saturating_sub(begun).as_secs();
        match found {
            Some((seed, by)) => {
                let what = by.what.lines().next().unwrap_or_default();
                println!(
                    "{mutant:<30} found after {tried:>3} seeds, {took:>4} s: seed {seed}, {}: {what}",
                    by.property
                );
            }
            None => {
                escaped += 1;
                println!("{mutant:<30} NOT FOUND in {tried} seeds, {took} s");
            }
        }
    }
    Ok(if escaped == 0 { PASSED } else { VIOLATED })
}
