//! The subcommand `chaos`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;

use super::fault::Fault;
use super::run::{ChaosPlan, run};
use crate::processes::program;

/// The program that runs chaos when the clocks of this one stand still.
const APART: &str = "mpss-chaos";

/// Strike real processes: kills, stops, a bad network, full and failing disks; then check what callers saw
///
/// Starts every replica as a process of `mpss`, with a proxy on every link between two of them, strikes
/// them as the seed says while callers buy, and checks afterwards that nothing acknowledged is lost or done
/// twice, books and clearing hold, replicas agree, every order is final, a request made again has the same
/// answer, and no answer lies behind what was acknowledged before. Exit code 0: all as it must be; 1: a
/// violation; 2: the run says nothing, because something went wrong or a fault was never seen to hit.
///
/// Disks are filled and syncs fail on file systems and processes of the run's own, which takes root.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// The seed of every choice: what is struck, when, how and for how long, and what callers do
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long faults strike, in seconds; up to three times as long while one of them was not yet seen to hit
    #[arg(long, default_value_t = 120)]
    pub seconds: u64,
    /// Provinces, by code; the national platform is always there
    #[arg(long, default_value = "11,44")]
    pub provinces: String,
    /// Replicas of each: 1, 3 or 5
    #[arg(long, default_value_t = 3)]
    pub replicas: u64,
    /// What strikes: kill, stop (SIGSTOP for 0.3 to 8 s), cut (links refused, held, reset), delay (and
    /// throttle), disk-full (needs root), sync-error (needs root and strace)
    #[arg(long, default_value = "kill,stop,cut,delay,disk-full,sync-error")]
    pub faults: String,
    /// Folder for settings, data and logs, which must be empty; they stay there. Data on small disks
    /// (disk-full) goes all the same. Without it everything goes
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Write the report to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// The program to strike; `mpss` beside this one, else the first on PATH, when not given
    #[arg(long, value_name = "PATH")]
    pub mpss: Option<PathBuf>,
}

impl Arguments {
    /// The plan they make.
    ///
    /// # Errors
    /// When one of them can not be used; the option is named.
    pub fn plan(&self) -> Result<ChaosPlan, String> {
        let mut provinces: Vec<String> = Vec::new();
        for code in self.provinces.split(',').map(str::trim) {
            let known = code.parse().ok().and_then(mpss_domain::ProvinceId::new);
            if known.is_none_or(|province| province.is_national()) {
                return Err(format!("--provinces: {code:?} is no province's code"));
            }
            if provinces.iter().any(|other| other == code) {
                return Err(format!("--provinces: {code} is there twice"));
            }
            provinces.push(code.to_owned());
        }
        if ![1, 3, 5].contains(&self.replicas) {
            return Err(format!("--replicas: {} is not 1, 3 or 5", self.replicas));
        }
        if self.seconds == 0 {
            return Err("--seconds must be at least 1".to_owned());
        }
        if let Some(folder) = &self.data_dir {
            let is_used = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
            if is_used || folder.is_file() {
                return Err(format!("--data-dir {}: must be an empty folder, or none yet", folder.display()));
            }
        }
        Ok(ChaosPlan {
            mpss: program::find(self.mpss.as_deref(), "--mpss")?,
            seed: self.seed,
            seconds: self.seconds,
            provinces,
            replicas: self.replicas,
            faults: Fault::list(&self.faults)?,
            data_dir: self.data_dir.as_deref().map(absolute).transpose()?,
            command: format!("mpss-sim chaos {}", self.words().join(" ")),
        })
    }

    /// The words of the command line that say the same.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![
            format!("--seed={}", self.seed),
            format!("--seconds={}", self.seconds),
            format!("--provinces={}", self.provinces),
            format!("--replicas={}", self.replicas),
            format!("--faults={}", self.faults),
        ];
        let paths = [("data-dir", &self.data_dir), ("json", &self.json), ("mpss", &self.mpss)];
        words.extend(
            paths.into_iter().filter_map(|(name, path)| Some(format!("--{name}={}", path.as_ref()?.display()))),
        );
        words
    }
}

/// Nodes are told where their data is, whatever folder they run in.
fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("--data-dir {}: {error}", path.display()))
}

/// Runs the subcommand: here, or in a program of its own where the clocks go.
///
/// In `mpss-sim` whoever asks for the time is told that none has passed, so that nothing simulated can
/// depend on it; real processes need real time.
///
/// # Errors
/// When the run went wrong: that is no pass.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub fn command(arguments: &Arguments) -> Result<u8, String> {
    if SystemTime::now() == SystemTime::UNIX_EPOCH {
        return apart(arguments);
    }
    let report = run(&arguments.plan()?)?;
    print!("{}", report.told());
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&report).expect("plain data");
        std::fs::write(path, text + "\n").map_err(|error| format!("--json {}: {error}", path.display()))?;
    }
    Ok(report.exit_code())
}

fn apart(arguments: &Arguments) -> Result<u8, String> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = here.with_file_name(APART);
    let status = std::process::Command::new(&program).args(arguments.words()).status().map_err(|error| {
        format!(
            "{}: {error}. It runs chaos with clocks that go; build it with cargo build -p mpss-simulations --bins",
            program.display()
        )
    })?;
    status.code().and_then(|code| u8::try_from(code).ok()).ok_or_else(|| format!("{APART} ended: {status}"))
}
