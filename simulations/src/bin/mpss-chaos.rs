//! `mpss-chaos`: what `mpss-sim chaos` runs, in a program whose clocks go.

use std::process::ExitCode;

use clap::Parser;
use mpss_simulations::chaos;

/// The run itself went wrong: that is no pass.
const INCONCLUSIVE: u8 = 2;

/// What `mpss-sim chaos` runs.
#[derive(Debug, Parser)]
#[command(name = "mpss-chaos", version)]
struct CommandLine {
    #[command(flatten)]
    arguments: chaos::Arguments,
}

fn main() -> ExitCode {
    match chaos::command(&CommandLine::parse().arguments) {
        Ok(code) => ExitCode::from(code),
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(INCONCLUSIVE)
        }
    }
}
