//! The binary `mpss-sim`: reads what was typed and hands it to [`mpss_simulations::command_line`].

use std::process::ExitCode;

use clap::Parser;
use mpss_simulations::command_line::{self, Arguments};

fn main() -> ExitCode {
    command_line::run(Arguments::parse())
}
