//! Every seed twice, in two processes, perhaps of two builds: one trace.

use super::apart::{self, Outcome};
use super::arguments::Twice;
use super::progress::Progress;
use super::{INCONCLUSIVE, PASSED, VIOLATED};

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) fn run(asked: &Twice) -> Result<u8, String> {
    asked.scene.scenario()?;
    let arguments = asked.scene.arguments();
    let mut progress = Progress::over(asked.seeds.count(), "seeds twice");
    let (mut equal, mut wrong) = (0_u64, None);
    let work = |seed| {
        let first = apart::run(None, seed, &arguments)?;
        let second = apart::run(asked.with.as_deref(), seed, &arguments)?;
        if first.trace == second.trace && first.events == second.events {
            return Ok(first);
        }
        Err(format!(
            "seed {seed}: {} over {} events, then {} over {}",
            first.trace, first.events, second.trace, second.events
        ))
    };
    apart::run_all(&asked.seeds, asked.jobs, work, |Outcome { record, .. }: Outcome| {
        progress.one_more("");
        match record {
            Ok(_) => equal += 1,
            Err(what) => wrong = Some(what),
        }
        wrong.is_none()
    });
    if let Some(what) = wrong {
        progress.leave();
        println!("{what}");
        return Ok(if what.contains(", then ") { VIOLATED } else { INCONCLUSIVE });
    }
    let builds = if asked.with.is_some() { " by two builds" } else { "" };
    println!("{equal} seeds twice{builds}: {equal} equal traces, in {} s", progress.took().as_secs());
    Ok(PASSED)
}

/// Only so much is compared.
#[cfg(test)]
mod tests {
    use crate::record::Record;

    #[test]
    fn a_record_names_its_trace() {
        let record = Record { trace: "ab".to_owned(), events: 3, ..Record::default() };
        let text = serde_json::to_string(&record).expect("a record is plain data");
        assert_eq!(serde_json::from_str::<Record>(&text).expect("read back"), record);
    }
}
