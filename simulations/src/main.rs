//! The binary `mpss-sim`: reads what was typed and hands it to [`mpss_simulations::command_line`].

use std::process::ExitCode;

use clap::Parser;
use mpss_simulations::command_line::{self, Arguments};

/// A simulated country is made of small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    command_line::run(Arguments::parse())
}
