//! The binary `mpss-sim`: reads what was typed and hands it to [`mpss_simulations::command_line`].

use std::process::ExitCode;

use clap::Parser;
use mpss_simulations::command_line::{self, Arguments};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// A simulated country is made of small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    command_line::run(Arguments::parse(), |seed| mad_turmoil::rand::set_rng(StdRng::seed_from_u64(seed)))
}
