//! One seed, in this process.

use super::arguments::Run;
use super::progress::real_time;
use super::{Entropy, INCONCLUSIVE, PASSED, VIOLATED, mutants, outputs, words};
use crate::record::Verdict;
use crate::report::{html, json};
use crate::run::{RunPlan, run as play};

/// The stack of the run's thread. Debug builds nest deeply.
const STACK_BYTES: usize = 64 << 20;

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) fn run(asked: &Run, entropy: Entropy) -> Result<u8, String> {
    if let Some(mutant) = &asked.mutant {
        mutants::plant(mutant)?;
    }
    if let Some(filter) = &asked.log {
        let filter = tracing_subscriber::EnvFilter::try_new(filter).map_err(|error| format!("--log: {error}"))?;
        let told = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
        told.without_time().init();
    }
    let scenario = asked.scene.scenario()?;
    let seed = asked.seed.or(scenario.seed).unwrap_or(1);
    outputs::check("--record", asked.record.as_deref())?;
    outputs::check("--html", asked.html.as_deref())?;
    let recorded = asked.record.is_some() || asked.html.is_some();
    let plan = RunPlan { scenario, seed, recorded, echo: asked.echo };
    let begun = real_time();
    // In a thread of its own, whose hash maps begin anew: nothing that was done before, such as setting
    // up a log, changes the run.
    let playing = std::thread::Builder::new().name("run".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        // From here on whoever asks the system for random bytes gets the seed's: hash maps and tokio's own
        // choices are part of the run.
        entropy(seed);
        play(&plan)
    });
    let playing = playing.map_err(|error| format!("the run's thread: {error}"))?;
    let mut record = playing.join().map_err(|_| "the run panicked, which is a mistake of the simulator".to_owned())?;
    record.real_ms = u64::try_from(real_time().saturating_sub(begun).as_millis()).unwrap_or(u64::MAX);
    record.command = again(asked, seed);
    if let Some(path) = &asked.record {
        json::write(path, &record).map_err(|error| format!("--record {error}"))?;
    }
    if let Some(path) = &asked.html {
        std::fs::write(path, html::page(&record)).map_err(|error| format!("--html {}: {error}", path.display()))?;
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
