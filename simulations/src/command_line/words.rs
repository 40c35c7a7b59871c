//! A run in words, and what there is to choose from.

use std::fmt::Write as _;

use super::PASSED;
use crate::oracle;
use crate::record::{Record, Verdict};
use crate::scenario::{FaultKind, NAMED, Scenario, named};

/// Lines of history shown with a violation.
const AROUND_SHOWN: usize = 40;

/// A run in words.
pub(super) fn told(record: &Record) -> String {
    let mut text = String::new();
    let mut line = |name: &str, what: String| {
        let _ = writeln!(text, "{name:<13} {what}");
    };
    line("scenario", format!("{}, seed {}", record.scenario, record.seed));
    line("trace", format!("{} over {} events", record.trace, record.events));
    let speed = record.virtual_ms / record.real_ms.max(1);
    line("time", format!("{} virtual ms in {} ms, {speed} times real time", record.virtual_ms, record.real_ms));
    let groups = [
        ("done", "done: "),
        ("refused", "refused: "),
        ("faults", "fault: "),
        ("spared", "spared: "),
        ("reversals", "reversals: "),
        ("calls", "calls: "),
    ];
    for (name, prefix) in groups {
        let counts =
            record.counts.iter().filter_map(|(count, times)| Some(format!("{} {times}", count.strip_prefix(prefix)?)));
        line(name, counts.collect::<Vec<_>>().join(", "));
    }
    let others = record.counts.iter().filter(|(name, _)| !groups.iter().any(|(_, prefix)| name.starts_with(prefix)));
    line("happened", others.map(|(name, times)| format!("{name} {times}")).collect::<Vec<_>>().join(", "));
    let seen = record.seen.iter().filter(|(_, times)| **times > 0).count();
    line("seen", format!("{seen} of {} rare moments", record.seen.len()));
    for violation in &record.violations {
        for around in violation.around.iter().rev().take(AROUND_SHOWN).rev() {
            line("", format!("{:>9} ms  {}", around.at_ms, around.what));
        }
        line("VIOLATED", format!("{} ({}): {}", violation.property, violation.clause, violation.what));
    }
    if record.verdict == Verdict::Passed {
        line("verdict", "all as it must be".to_owned());
    } else {
        line("again", record.command.clone());
    }
    text
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) fn scenarios(name: Option<&str>) -> Result<u8, String> {
    match name {
        Some("everything") => print!("{}", Scenario::default().to_toml()),
        Some(name) => {
            let (_, text) =
                NAMED.iter().find(|(known, _)| *known == name).ok_or_else(|| format!("{name}: no such scenario"))?;
            print!("{text}");
        }
        None => {
            println!("{:<24} {}", "everything", Scenario::default().about);
            for (name, _) in NAMED {
                let about = named(name).and_then(Result::ok).map(|scenario| scenario.about).unwrap_or_default();
                println!("{name:<24} {about}");
            }
        }
    }
    Ok(PASSED)
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) fn faults() -> Result<u8, String> {
    println!("{:<24} {:>9} {:>15} {:>15}  it", "kind", "every ms", "lasts ms", "strength");
    for kind in FaultKind::ALL {
        let ([shortest, longest], [least, most]) = (kind.usual_lasts_ms(), kind.usual_strength());
        println!(
            "{:<24} {:>9} {:>15} {:>15} {}",
            kind.name(),
            kind.usual_every_ms(),
            format!("{shortest}..{longest}"),
            format!("{least}..{most}"),
            kind.about()
        );
    }
    Ok(PASSED)
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) fn properties() -> Result<u8, String> {
    for (name, clause) in oracle::catalogue() {
        println!("{name:<40} {clause}");
    }
    Ok(PASSED)
}
