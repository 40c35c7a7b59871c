//! Every seed that ever failed, run again: what was found once is looked for in every build.

use std::sync::Mutex;

use serde::Deserialize;

use super::apart::{self, Outcome};
use super::arguments::Pinned;
use super::progress::Progress;
use super::seeds::Seeds;
use super::{INCONCLUSIVE, PASSED, VIOLATED, words};
use crate::record::Verdict;
use crate::scenario::Scenario;

/// What was found, and how it is found again.
const LIST: &str = include_str!("../../pinned.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    pinned: Vec<Entry>,
}

/// One thing that was found.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// A word for it.
    name: String,
    /// What was wrong, and what was done about it.
    found: String,
    /// What the run is: a scenario as a file would have it, with its seed.
    scenario: Scenario,
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) fn run(asked: &Pinned) -> Result<u8, String> {
    let list: List = toml::from_str(LIST).map_err(|error| format!("pinned.toml: {error}"))?;
    for entry in &list.pinned {
        entry.scenario.check().map_err(|error| format!("pinned.toml, {}: {error}", entry.name))?;
    }
    let folder = tempfile_folder()?;
    let seeds = Seeds { first: 1, last: list.pinned.len() as u64 };
    let mut progress = Progress::over(seeds.count(), "pinned runs");
    let entries = Mutex::new(&list.pinned);
    let work = |number: u64| {
        let place = usize::try_from(number - 1).map_err(|error| error.to_string())?;
        let (scenario, file) = {
            let entries = entries.lock().map_err(|error| error.to_string())?;
            (entries[place].scenario.clone(), folder.join(format!("{number}.toml")))
        };
        std::fs::write(&file, scenario.to_toml()).map_err(|error| error.to_string())?;
        apart::run(None, scenario.seed.unwrap_or(1), &[file.display().to_string()])
    };
    let mut failed = None;
    apart::run_all(&seeds, asked.jobs, work, |Outcome { seed: number, record }| {
        progress.one_more("");
        if !matches!(&record, Ok(record) if record.verdict == Verdict::Passed) {
            failed = Some((number, record));
        }
        failed.is_none()
    });
    // What can not be removed is in the folder for such things.
    let _ = std::fs::remove_dir_all(&folder);
    if let Some((number, record)) = failed {
        progress.leave();
        let entry = &list.pinned[usize::try_from(number - 1).unwrap_or(0)];
        println!("{}: {}", entry.name, entry.found);
        return match record {
            Ok(record) => {
                print!("{}", words::told(&record));
                Ok(VIOLATED)
            }
            Err(what) => {
                println!("{what}");
                Ok(INCONCLUSIVE)
            }
        };
    }
    println!("{} pinned runs, 0 violations", list.pinned.len());
    Ok(PASSED)
}

fn tempfile_folder() -> Result<std::path::PathBuf, String> {
    let folder = std::env::temp_dir().join(format!("mpss-sim-pinned-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}
