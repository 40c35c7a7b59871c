//! The arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::seeds::Seeds;
use crate::scenario::{Scenario, named};

/// A country from one seed: the product's own nodes in virtual time, with faults.
#[derive(Debug, Parser)]
#[command(
    name = "mpss-sim",
    version,
    about,
    after_help = "Exit codes: 0 all as it must be, 1 something was violated, 2 inconclusive.\n\
                  The guide for testers is docs/SIMULATING.md."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run one seed of a scenario
    Run(Run),
    /// Run many seeds, each in a process of its own, and stop at the first violation
    Sweep(Sweep),
    /// Run every seed twice, each time in a process of its own, and compare the traces
    Twice(Twice),
    /// Plant each deliberate fault in turn and count the seeds until it is found, where no scenario is
    /// named in one in which it can strike (needs the cargo feature `mutants`)
    Hunt(Hunt),
    /// Find the smallest scenario that still fails: fewest faults, provinces, people and requests
    Shrink(Shrink),
    /// Tell what happened in a run that was recorded, as a timeline
    Explain(Explain),
    /// Run every seed that ever failed, each as its scenario is kept
    Pinned(Pinned),
    // These two say themselves what they do: words here would replace theirs.
    Chaos(crate::chaos::Arguments),
    Edge(crate::edge::Arguments),
    /// List the scenarios that come with the program, or print one
    Scenarios(Scenarios),
    /// List every kind of fault, with its usual rate
    Faults,
    /// List every property that is checked, and where it comes from
    Properties,
}

/// What is run.
#[derive(Debug, Clone, Args)]
pub(super) struct Scene {
    /// A scenario file, or the name of one that comes with the program
    #[arg(default_value = USUAL)]
    pub(super) scenario: String,
    /// Provinces, by code, such as 11,44,51; the national platform is always there
    #[arg(long, value_name = "CODES")]
    provinces: Option<String>,
    /// Replicas of each: 1, 3 or 5
    #[arg(long)]
    replicas: Option<u64>,
    /// Subscribers of each province
    #[arg(long)]
    people: Option<usize>,
    /// Virtual time people live, in seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// Nothing goes wrong
    #[arg(long)]
    calm: bool,
}

/// The scenario when none is named.
pub(super) const USUAL: &str = "everything";

impl Scene {
    /// No scenario was named.
    pub(super) fn is_usual(&self) -> bool {
        self.scenario == USUAL
    }

    /// The scenario, with what the command line says otherwise.
    pub(super) fn scenario(&self) -> Result<Scenario, String> {
        let mut scenario = if self.is_usual() {
            Scenario::default()
        } else if let Some(scenario) = named(&self.scenario) {
            scenario.map_err(|error| format!("{}: {error}", self.scenario))?
        } else {
            let text = std::fs::read_to_string(&self.scenario).map_err(|error| {
                format!("{}: no scenario of this name comes with the program, and as a file: {error}", self.scenario)
            })?;
            Scenario::parse(&text).map_err(|error| format!("{}: {error}", self.scenario))?
        };
        if let Some(provinces) = &self.provinces {
            scenario.topology.provinces = provinces.split(',').map(|code| code.trim().to_owned()).collect();
        }
        if let Some(replicas) = self.replicas {
            scenario.topology.replicas = replicas;
        }
        if let Some(people) = self.people {
            scenario.workload.people = people;
        }
        if let Some(seconds) = self.seconds {
            scenario.workload.seconds = seconds;
        }
        if self.calm {
            scenario.faults.usual = false;
            scenario.faults.rules.clear();
            scenario.faults.strikes = None;
        }
        scenario.check().map_err(|error| error.to_string())?;
        Ok(scenario)
    }

    /// The arguments that make the same scene in another process.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![self.scenario.clone()];
        arguments.extend(self.provinces.as_ref().map(|provinces| format!("--provinces={provinces}")));
        arguments.extend(self.replicas.map(|replicas| format!("--replicas={replicas}")));
        arguments.extend(self.people.map(|people| format!("--people={people}")));
        arguments.extend(self.seconds.map(|seconds| format!("--seconds={seconds}")));
        if self.calm {
            arguments.push("--calm".to_owned());
        }
        arguments
    }
}

#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    pub(super) scene: Scene,
    /// The seed; the scenario's own, or 1, when not given
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Print what happens as it happens
    #[arg(long)]
    pub(super) echo: bool,
    /// Print what the product's own log says, such as `info` or `openraft=debug,mpss_cluster=trace`
    #[arg(long, value_name = "FILTER")]
    pub(super) log: Option<String>,
    /// Write everything about the run to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// Write a page about the run to this file: one HTML file that needs nothing else
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Plant a deliberate fault in the product (needs the cargo feature `mutants`)
    #[arg(long, value_name = "NAME")]
    pub(super) mutant: Option<String>,
    /// Print the run's record as one line of JSON, for another program
    #[arg(long, hide = true)]
    pub(super) tell_json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Sweep {
    #[command(flatten)]
    pub(super) scene: Scene,
    /// First and last seed, such as 1..1000; `fresh` and a count, such as fresh:20, draws new ones
    #[arg(long, default_value = "1..20")]
    pub(super) seeds: Seeds,
    /// Processes at once; as many as there are processors when not given
    #[arg(long)]
    pub(super) jobs: Option<usize>,
    /// Begin no more seeds after this many minutes of real time
    #[arg(long)]
    pub(super) minutes: Option<u64>,
    /// What must have been seen at least once, or the sweep is inconclusive: `all` or `nothing`
    #[arg(long, default_value = "all", value_parser = ["all", "nothing"])]
    pub(super) require: String,
    /// Write what the sweep did to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Write a page about the sweep to this file: one HTML file that needs nothing else
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Look for the smallest scenario that still fails, and write it to this folder
    #[arg(long, value_name = "FOLDER")]
    pub(super) shrink_to: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Twice {
    #[command(flatten)]
    pub(super) scene: Scene,
    /// First and last seed, such as 1..100
    #[arg(long, default_value = "1..5")]
    pub(super) seeds: Seeds,
    /// Another build of this program for the second run: a release build, say
    #[arg(long, value_name = "PROGRAM")]
    pub(super) with: Option<PathBuf>,
    /// Processes at once; as many as there are processors when not given
    #[arg(long)]
    pub(super) jobs: Option<usize>,
}

#[derive(Debug, Args)]
pub(super) struct Hunt {
    #[command(flatten)]
    pub(super) scene: Scene,
    /// First and last seed, such as 1..100
    #[arg(long, default_value = "1..50")]
    pub(super) seeds: Seeds,
    /// Only these deliberate faults; all when not given
    #[arg(long, value_name = "NAME")]
    pub(super) mutant: Vec<String>,
    /// Processes at once; as many as there are processors when not given
    #[arg(long)]
    pub(super) jobs: Option<usize>,
}

#[derive(Debug, Args)]
pub(super) struct Shrink {
    #[command(flatten)]
    pub(super) scene: Scene,
    /// The seed that fails
    #[arg(long)]
    pub(super) seed: u64,
    /// A deliberate fault that is planted (needs the cargo feature `mutants`)
    #[arg(long, value_name = "NAME")]
    pub(super) mutant: Option<String>,
    /// Write the smallest scenario to this file
    #[arg(long, value_name = "FILE")]
    pub(super) to: PathBuf,
    /// Runs at most
    #[arg(long, default_value_t = super::shrink::RUNS_USUAL)]
    pub(super) runs: u32,
    /// Processes at once; as many as there are processors when not given
    #[arg(long)]
    pub(super) jobs: Option<usize>,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// What `run --record` wrote
    pub(super) record: PathBuf,
    /// Only what is about this order
    #[arg(long, value_name = "ID")]
    pub(super) order: Option<String>,
    /// Only what this subscriber asked for
    #[arg(long, value_name = "NUMBER")]
    pub(super) who: Option<String>,
    /// Only violations of this property
    #[arg(long, value_name = "NAME")]
    pub(super) property: Option<String>,
    /// Not before this moment, in virtual milliseconds
    #[arg(long, value_name = "MS")]
    pub(super) from: Option<u64>,
    /// Not after this moment, in virtual milliseconds
    #[arg(long, value_name = "MS")]
    pub(super) to: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct Pinned {
    /// Processes at once; as many as there are processors when not given
    #[arg(long)]
    pub(super) jobs: Option<usize>,
}

#[derive(Debug, Args)]
pub(super) struct Scenarios {
    /// Print this one
    pub(super) name: Option<String>,
}
