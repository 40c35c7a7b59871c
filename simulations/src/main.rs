//! `mpss-sim`: a country from one seed.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use mpss_domain::ProvinceId;
use mpss_simulations::faults::FaultRates;
use mpss_simulations::run::{Report, RunPlan, run};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::time::{ClockId, clock_gettime};

/// Everything was as it must be.
const PASSED: u8 = 0;
/// Something was violated.
const VIOLATED: u8 = 1;
/// The run itself went wrong: that is no pass.
const INCONCLUSIVE: u8 = 2;

/// A country from one seed: the product's own nodes in virtual time, with faults.
#[derive(Debug, Parser)]
#[command(name = "mpss-sim", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one seed
    Run {
        /// The seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Print what happens as it happens
        #[arg(long)]
        echo: bool,
        /// Plant a deliberate fault in the product (needs the cargo feature `mutants`)
        #[arg(long, value_name = "NAME")]
        mutant: Option<String>,
        #[command(flatten)]
        scene: Scene,
    },
    /// Plant each deliberate fault in turn and count the seeds until it is found (needs the cargo feature
    /// `mutants`)
    Hunt {
        /// First and last seed, such as 1..100
        #[arg(long, default_value = "1..50")]
        seeds: String,
        #[command(flatten)]
        scene: Scene,
    },
    /// Run many seeds, each in a process of its own, and stop at the first violation
    Sweep {
        /// First and last seed, such as 1..100
        #[arg(long, default_value = "1..20")]
        seeds: String,
        #[command(flatten)]
        scene: Scene,
    },
    Chaos(mpss_simulations::chaos::Arguments),
    /// Run every seed twice, each time in a process of its own, and compare the traces
    Twice {
        /// First and last seed, such as 1..100
        #[arg(long, default_value = "1..5")]
        seeds: String,
        #[command(flatten)]
        scene: Scene,
    },
}

#[derive(Debug, Args)]
struct Scene {
    /// Provinces, by code; the national platform is always there
    #[arg(long, default_value = "11,44,51")]
    provinces: String,
    /// Replicas of each: 1, 3 or 5
    #[arg(long, default_value_t = 3)]
    replicas: u64,
    /// Subscribers of each province
    #[arg(long, default_value_t = 6)]
    people: usize,
    /// Virtual time people live, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Nothing goes wrong
    #[arg(long)]
    calm: bool,
}

impl Scene {
    fn plan(&self, seed: u64, echo: bool) -> Result<RunPlan, String> {
        let mut provinces = vec![ProvinceId::NATIONAL];
        for code in self.provinces.split(',') {
            let province =
                code.trim().parse().ok().and_then(ProvinceId::new).filter(|province| !province.is_national());
            let province = province.ok_or_else(|| format!("--provinces: {code:?} is no province's code"))?;
            if provinces.contains(&province) {
                return Err(format!("--provinces: {province} is there twice"));
            }
            provinces.push(province);
        }
        if ![1, 3, 5].contains(&self.replicas) {
            return Err(format!("--replicas: {} is not 1, 3 or 5", self.replicas));
        }
        if self.people == 0 || self.seconds == 0 {
            return Err("--people and --seconds must be at least 1".to_owned());
        }
        let faults = if self.calm { FaultRates::NONE } else { FaultRates::ALL };
        let (replicas, people, seconds) = (self.replicas, self.people, self.seconds);
        Ok(RunPlan { seed, provinces, replicas, people, seconds, faults, echo })
    }

    /// The arguments that make the same scene in another process.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--provinces={}", self.provinces),
            format!("--replicas={}", self.replicas),
            format!("--people={}", self.people),
            format!("--seconds={}", self.seconds),
        ];
        if self.calm {
            arguments.push("--calm".to_owned());
        }
        arguments
    }
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run { seed, echo, mutant, scene } => {
            let planted = mutant.as_deref().map_or(Ok(()), plant);
            planted.and_then(|()| scene.plan(seed, echo)).map(|plan| run_one(&plan))
        }
        Command::Hunt { seeds, scene } => hunt(&seeds, &scene),
        Command::Sweep { seeds, scene } => sweep(&seeds, &scene),
        Command::Twice { seeds, scene } => twice(&seeds, &scene),
        Command::Chaos(arguments) => mpss_simulations::chaos::command(&arguments),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(INCONCLUSIVE)
        }
    }
}

#[cfg(feature = "mutants")]
fn mutants() -> Vec<&'static str> {
    mpss_domain::mutant::Mutant::ALL.into_iter().map(mpss_domain::mutant::Mutant::name).collect()
}

#[cfg(not(feature = "mutants"))]
const fn mutants() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(feature = "mutants")]
fn plant(name: &str) -> Result<(), String> {
    use mpss_domain::mutant::{Mutant, plant_everywhere};
    let known = || format!("--mutant: {name:?} is none of {}", mutants().join(", "));
    plant_everywhere(Mutant::named(name).ok_or_else(known)?);
    Ok(())
}

#[cfg(not(feature = "mutants"))]
fn plant(_: &str) -> Result<(), String> {
    Err("--mutant: this build can not; build it with --features mutants".to_owned())
}

/// Every deliberate fault must be found; tells after how many seeds, and by what.
#[expect(clippy::print_stdout, reason = "what the command is for")]
fn hunt(seeds: &str, scene: &Scene) -> Result<u8, String> {
    let seeds = seeds_of(seeds)?;
    scene.plan(0, false)?;
    if mutants().is_empty() {
        return Err("hunt: this build has no deliberate faults; build it with --features mutants".to_owned());
    }
    let mut escaped = 0;
    for mutant in mutants() {
        let mut found = None;
        for (tried, seed) in seeds.clone().enumerate() {
            let (code, text) = apart(seed, scene, &[format!("--mutant={mutant}")])?;
            if code == Some(i32::from(VIOLATED)) {
                found = Some((tried + 1, field(&text, "VIOLATED").to_owned()));
                break;
            }
        }
        match found {
            Some((seeds, by)) => println!("{mutant:<24} found after {seeds} seeds: {by}"),
            None => {
                escaped += 1;
                println!("{mutant:<24} NOT FOUND in {} seeds", seeds.clone().count());
            }
        }
    }
    Ok(if escaped == 0 { PASSED } else { VIOLATED })
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn run_one(plan: &RunPlan) -> u8 {
    // From here on whoever asks the system for random bytes gets the seed's: hash maps and tokio's own
    // choices are part of the run.
    mad_turmoil::rand::set_rng(StdRng::seed_from_u64(plan.seed));
    let begun = real_time();
    let report = run(plan);
    let took = real_time().saturating_sub(begun);
    print!("{}", told(plan, &report));
    println!(
        "took          {} ms, {} times real time",
        took.as_millis(),
        u128::from(report.virtual_ms) / took.as_millis().max(1)
    );
    if report.violations.is_empty() { PASSED } else { VIOLATED }
}

fn told(plan: &RunPlan, report: &Report) -> String {
    let Report { struck, passed, .. } = report;
    let mut text = String::new();
    let mut line = |name: &str, what: String| text.push_str(&format!("{name:<13} {what}\n"));
    line("seed", plan.seed.to_string());
    line("trace", format!("{:032x} over {} events", report.trace.0, report.trace.1));
    line("virtual time", format!("{} ms", report.virtual_ms));
    line(
        "people",
        format!(
            "{} orders and {} transfers acknowledged, {} outcomes unknown",
            report.orders, report.transfers, report.unknown
        ),
    );
    let refused: Vec<String> = report.refused.iter().map(|(code, times)| format!("{code} {times}")).collect();
    line("refused", refused.join(", "));
    line("texts", format!("{} received, {} of them more than once", report.texts.0, report.texts.1));
    line(
        "processes",
        format!(
            "{} crashes, {} of leaders, {} with unsynced bytes, {} blackouts",
            struck.crashes, struck.leaders, struck.unsynced, struck.blackouts
        ),
    );
    line(
        "network",
        format!(
            "{} cuts, {} changes of weather; {} messages arrived, {} lost, {} cut off, {} came twice",
            struck.cuts, struck.weather, passed.delivered, passed.lost, passed.cut, passed.doubled
        ),
    );
    line("others", format!("{} times the outside lost things, {} clocks set wrong", struck.outside, struck.clocks));
    if report.violations.is_empty() {
        line("verdict", "all as it must be".to_owned());
    } else {
        for line_of_trace in &report.last {
            line("", line_of_trace.clone());
        }
        for (property, what) in &report.violations {
            line("VIOLATED", format!("{property}: {what}"));
        }
    }
    text
}

fn seeds_of(text: &str) -> Result<std::ops::RangeInclusive<u64>, String> {
    let wrong = || format!("--seeds: {text:?} is not two numbers such as 1..100");
    let (first, last) = text.split_once("..").ok_or_else(wrong)?;
    let last = last.trim_start_matches('=');
    let (first, last) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
    if first > last {
        return Err(wrong());
    }
    Ok(first..=last)
}

/// One seed in a process of its own: exit code and what it printed.
fn apart(seed: u64, scene: &Scene, more: &[String]) -> Result<(Option<i32>, String), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = std::process::Command::new(program)
        .arg("run")
        .arg(format!("--seed={seed}"))
        .args(scene.arguments())
        .args(more)
        .output()
        .map_err(|error| error.to_string())?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok((output.status.code(), text))
}

/// The machine's own time: in this program the usual clocks stand still, so that nothing simulated can
/// depend on them.
fn real_time() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// How far a long work is, on one line of the terminal.
struct Progress {
    begun: Duration,
    done: u64,
    all: u64,
}

impl Progress {
    fn over(seeds: &std::ops::RangeInclusive<u64>) -> Self {
        Self { begun: real_time(), done: 0, all: seeds.end() - seeds.start() + 1 }
    }

    fn took(&self) -> Duration {
        real_time().saturating_sub(self.begun)
    }

    fn one_more(&mut self) {
        self.done += 1;
        let left = self.took().as_secs() * (self.all - self.done) / self.done;
        eprint!("\r{} of {} seeds, {} s, about {left} s left ", self.done, self.all, self.took().as_secs());
        if self.done == self.all {
            eprintln!();
        }
    }
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn sweep(seeds: &str, scene: &Scene) -> Result<u8, String> {
    let seeds = seeds_of(seeds)?;
    scene.plan(0, false)?;
    let mut progress = Progress::over(&seeds);
    let (mut runs, mut virtual_ms) = (0_u64, 0_u64);
    for seed in seeds {
        let (code, text) = apart(seed, scene, &[])?;
        if code != Some(i32::from(PASSED)) {
            eprintln!();
            println!("{text}");
            println!("again         mpss-sim run --seed={seed} {}", scene.arguments().join(" "));
            return Ok(if code == Some(i32::from(VIOLATED)) { VIOLATED } else { INCONCLUSIVE });
        }
        runs += 1;
        virtual_ms += field(&text, "virtual time").trim_end_matches(" ms").parse::<u64>().unwrap_or(0);
        progress.one_more();
    }
    let took = progress.took();
    println!(
        "{runs} seeds, 0 violations; {} virtual seconds in {} s, {} times real time",
        virtual_ms / 1_000,
        took.as_secs(),
        u128::from(virtual_ms) / took.as_millis().max(1)
    );
    Ok(PASSED)
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn twice(seeds: &str, scene: &Scene) -> Result<u8, String> {
    let seeds = seeds_of(seeds)?;
    scene.plan(0, false)?;
    let mut progress = Progress::over(&seeds);
    let mut runs = 0_u64;
    for seed in seeds {
        let (first, second) = (apart(seed, scene, &[])?.1, apart(seed, scene, &[])?.1);
        let (one, other) = (field(&first, "trace"), field(&second, "trace"));
        if one.is_empty() || one != other {
            eprintln!();
            println!("seed {seed}: {one:?}, then {other:?}\n{first}\n{second}");
            return Ok(if one.is_empty() { INCONCLUSIVE } else { VIOLATED });
        }
        runs += 1;
        progress.one_more();
    }
    println!("{runs} seeds twice: {runs} equal traces");
    Ok(PASSED)
}
