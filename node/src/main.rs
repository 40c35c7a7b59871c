//! The binary `mpss`: reads what was typed and hands it to [`mpss_node::command_line`].

use std::process::ExitCode;

use clap::Parser;
use mpss_node::command_line::{self, Arguments};

/// Small allocations from many threads dominate under load.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    command_line::run(Arguments::parse())
}
