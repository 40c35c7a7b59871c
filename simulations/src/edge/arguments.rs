//! The command: one seed in this process, or many, each in a process of its own.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use clap::Args;
use rustix::time::{ClockId, clock_gettime};

use super::{EdgePlan, EdgeReport, run};

/// Everything was as it must be.
const PASSED: u8 = 0;
/// Something was violated.
const VIOLATED: u8 = 1;
/// The run itself went wrong, or showed nothing: that is no pass.
const INCONCLUSIVE: u8 = 2;

/// Sweeps of fewer seeds are not asked to have shown everything.
const SEEDS_THAT_SHOW: u64 = 20;

/// What every sweep must have shown: a fault that never struck, or a caller who never came, proves
/// nothing.
const MUST_BE_SHOWN: &[&str] = &[
    "answers after unknown",
    "answers while nothing was wrong",
    "bodies cut off",
    "bodies longer than announced",
    "callers gone before the answer",
    "callers gone for ever",
    "callers who believed that nothing was done",
    "calls between provinces",
    "changes of the weather",
    "connections broken in a request",
    "connections broken in an answer",
    "crashes",
    "crashes with requests under way",
    "crowds",
    "deadlines between provinces",
    "disks that stand still",
    "floods",
    "halves behind whole requests",
    "huge bodies",
    "huge headers",
    "idle connections",
    "messages held and released",
    "orders answered",
    "orders asked for twice",
    "outcomes unknown",
    "partitions",
    "partitions one way",
    "pipelined requests",
    "processes stopped in order",
    "refused with a time to come again",
    "requests given up by their caller",
    "requests refused at once in a flood",
    "reversals asked for",
    "silent connections",
    "slow bodies",
    "slow headers",
    "times every place was taken",
    "transfers answered",
];

/// The HTTP edge from seeds: real doors behind a simulated TCP network, with rude callers and faults
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Run one seed in this process
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Run these seeds, first and last, each in a process of its own, and stop at the first violation
    #[arg(long, default_value = "1..20")]
    seeds: String,
    /// Run every seed twice and compare the traces
    #[arg(long, conflicts_with = "seed")]
    twice: bool,
    /// Virtual time people live, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Nothing goes wrong, and nobody is rude
    #[arg(long)]
    calm: bool,
    /// Print what happens as it happens
    #[arg(long)]
    echo: bool,
}

/// Does what the arguments say; `this` are the words that bring another process of this program here.
/// Returns the exit code: 0 when all was as it must be, 1 for a violation, 2 when nothing was shown.
#[must_use]
pub fn command(arguments: &Arguments, this: &[&str], entropy: fn(u64)) -> u8 {
    let result = match arguments.seed {
        Some(seed) => Ok(arguments.run_here(seed, entropy)),
        None => arguments.sweep(this),
    };
    result.unwrap_or_else(|why| {
        eprintln!("error: {why}");
        INCONCLUSIVE
    })
}

impl Arguments {
    #[expect(clippy::print_stdout, reason = "what the command is for")]
    fn run_here(&self, seed: u64, entropy: fn(u64)) -> u8 {
        // From here on whoever asks the system for random bytes gets the seed's.
        entropy(seed);
        let begun = real_time();
        let plan = EdgePlan { seed, seconds: self.seconds, calm: self.calm, echo: self.echo };
        let report = run(&plan);
        let took = real_time().saturating_sub(begun).as_millis();
        print!("{}", told(seed, &report));
        println!("took          {took} ms, {} times real time", u128::from(report.virtual_ms) / took.max(1));
        if report.violations.is_empty() { PASSED } else { VIOLATED }
    }

    #[expect(clippy::print_stdout, reason = "what the command is for")]
    fn sweep(&self, this: &[&str]) -> Result<u8, String> {
        let wrong = || format!("--seeds: {:?} is not two numbers such as 1..100", self.seeds);
        let (first, last) = self.seeds.split_once("..").ok_or_else(wrong)?;
        let (first, last): (u64, u64) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
        if first > last {
            return Err(wrong());
        }
        let (begun, mut virtual_ms) = (real_time(), 0);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for seed in first..=last {
            let (code, text) = self.apart(this, seed)?;
            if code != Some(i32::from(PASSED)) {
                println!("{text}");
                println!("again         mpss-sim edge --seed={seed} {}", self.scene().join(" "));
                return Ok(if code == Some(i32::from(VIOLATED)) { VIOLATED } else { INCONCLUSIVE });
            }
            if self.twice {
                let again = self.apart(this, seed)?.1;
                let traces = [&text, &again].map(|text| field(text, "trace").to_owned());
                if traces[0].is_empty() || traces[0] != traces[1] {
                    println!("seed {seed}: {}, then {}\n{text}\n{again}", traces[0], traces[1]);
                    return Ok(VIOLATED);
                }
            }
            virtual_ms += field(&text, "virtual time").trim_end_matches(" ms").parse::<u64>().unwrap_or(0);
            for (times, what) in text.lines().filter_map(|line| line.strip_prefix("count ")?.trim().split_once(' ')) {
                *counts.entry(what.to_owned()).or_default() += times.parse::<u64>().unwrap_or(0);
            }
            eprintln!("seed {seed}: {}", field(&text, "trace"));
        }
        for (what, times) in &counts {
            println!("{times:>9}  {what}");
        }
        let (runs, took) = (last - first + 1, real_time().saturating_sub(begun));
        let twice = if self.twice { " twice, equal traces" } else { "" };
        println!(
            "{runs} seeds{twice}, 0 violations; {} virtual seconds in {} s, {} times real time",
            virtual_ms / 1_000,
            took.as_secs(),
            u128::from(virtual_ms) / took.as_millis().max(1)
        );
        let unseen: Vec<_> = MUST_BE_SHOWN.iter().filter(|what| !counts.contains_key(**what)).collect();
        if runs >= SEEDS_THAT_SHOW && !self.calm && !unseen.is_empty() {
            return Err(format!("never seen in {runs} seeds: {unseen:?}"));
        }
        Ok(PASSED)
    }

    /// The arguments that make the same scene in another process.
    fn scene(&self) -> Vec<String> {
        let calm = self.calm.then(|| "--calm".to_owned());
        std::iter::once(format!("--seconds={}", self.seconds)).chain(calm).collect()
    }

    /// One seed in a process of its own: exit code and what it printed.
    fn apart(&self, this: &[&str], seed: u64) -> Result<(Option<i32>, String), String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.args(this).arg(format!("--seed={seed}")).args(self.scene());
        let output = command.output().map_err(|error| error.to_string())?;
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ok((output.status.code(), text))
    }
}

fn told(seed: u64, report: &EdgeReport) -> String {
    let mut text = String::new();
    let mut line = |name: &str, what: String| text.push_str(&format!("{name:<13} {what}\n"));
    line("seed", seed.to_string());
    line("trace", format!("{:032x} over {} events", report.trace.0, report.trace.1));
    line("virtual time", format!("{} ms", report.virtual_ms));
    for (what, times) in &report.counts {
        line("count", format!("{times:>7} {what}"));
    }
    for told in &report.last {
        line("", told.clone());
    }
    for (property, what) in &report.violations {
        line("VIOLATED", format!("{property}: {what}"));
    }
    if report.violations.is_empty() {
        line("verdict", "all as it must be".to_owned());
    }
    text
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or_default()
}

/// The machine's own time: in this program the usual clocks stand still.
fn real_time() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}
