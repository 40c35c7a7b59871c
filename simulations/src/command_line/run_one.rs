//! One seed, in this process.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::arguments::Run;
use super::progress::real_time;
use super::{INCONCLUSIVE, PASSED, VIOLATED, mutants, words};
use crate::record::Verdict;
use crate::run::{RunPlan, run as play};

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) fn run(asked: &Run) -> Result<u8, String> {
    if let Some(mutant) = &asked.mutant {
        mutants::plant(mutant)?;
    }
    let scenario = asked.scene.scenario()?;
    let seed = asked.seed.or(scenario.seed).unwrap_or(1);
    let recorded = asked.record.is_some();
    let plan = RunPlan { scenario, seed, recorded, echo: asked.echo };
    // From here on whoever asks the system for random bytes gets the seed's: hash maps and tokio's own
    // choices are part of the run.
    mad_turmoil::rand::set_rng(StdRng::seed_from_u64(seed));
    let begun = real_time();
    let mut record = play(&plan);
    record.real_ms = u64::try_from(real_time().saturating_sub(begun).as_millis()).unwrap_or(u64::MAX);
    record.command = again(asked, seed);
    if let Some(path) = &asked.record {
        let text = serde_json::to_string(&record).map_err(|error| error.to_string())?;
        std::fs::write(path, text).map_err(|error| format!("--record {}: {error}", path.display()))?;
    }
    if asked.tell_json {
        println!("{}", serde_json::to_string(&record).map_err(|error| error.to_string())?);
    } else {
        print!("{}", words::told(&record));
    }
    Ok(match record.verdict {
        Verdict::Passed => PASSED,
        Verdict::Violated => VIOLATED,
        Verdict::Inconclusive => INCONCLUSIVE,
    })
}

fn again(asked: &Run, seed: u64) -> String {
    let mutant = asked.mutant.as_ref().map(|name| format!(" --mutant={name}")).unwrap_or_default();
    format!("mpss-sim run {} --seed={seed}{mutant}", asked.scene.arguments().join(" "))
}
