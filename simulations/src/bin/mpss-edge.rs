//! `mpss-edge`: the HTTP edge from seeds.

use std::process::ExitCode;

use clap::Parser;
use mpss_simulations::edge::{Arguments, command};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The HTTP edge from seeds: real doors behind a simulated TCP network.
#[derive(Debug, Parser)]
#[command(name = "mpss-edge", version, about)]
struct Program {
    #[command(flatten)]
    arguments: Arguments,
}

fn main() -> ExitCode {
    ExitCode::from(command(&Program::parse().arguments, &[], |seed| {
        mad_turmoil::rand::set_rng(StdRng::seed_from_u64(seed))
    }))
}
