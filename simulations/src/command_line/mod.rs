//! What a tester types.

use std::process::ExitCode;

mod apart;
mod arguments;
mod explain;
mod hunt;
mod mutants;
mod outputs;
mod pinned;
mod progress;
mod run_one;
mod seeds;
mod shrink;
mod sweep;
mod twice;
mod words;

pub use arguments::Arguments;

use arguments::Command;

use crate::{chaos, edge};

/// Everything was as it must be.
const PASSED: u8 = 0;
/// Something was violated.
const VIOLATED: u8 = 1;
/// The run itself went wrong, or did not see what it had to see: that is no pass.
const INCONCLUSIVE: u8 = 2;

/// Gives whoever asks the system for random bytes those of a seed. It comes from the program: a library
/// that named it would stop the clocks of everything it is linked into.
pub type Entropy = fn(u64);

/// Does what was typed.
#[must_use]
pub fn run(arguments: Arguments, entropy: Entropy) -> ExitCode {
    let result = match arguments.command {
        Command::Run(asked) => run_one::run(&asked, entropy),
        Command::Sweep(asked) => sweep::run(&asked),
        Command::Twice(asked) => twice::run(&asked),
        Command::Hunt(asked) => hunt::run(&asked),
        Command::Shrink(asked) => shrink::run(&asked),
        Command::Explain(asked) => explain::run(&asked),
        Command::Pinned(asked) => pinned::run(&asked),
        Command::Chaos(asked) => chaos::command(&asked),
        Command::Edge(asked) => Ok(edge::command(&asked, &["edge"], entropy)),
        Command::Scenarios(asked) => words::scenarios(asked.name.as_deref()),
        Command::Faults => words::faults(),
        Command::Properties => words::properties(),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(INCONCLUSIVE)
        }
    }
}
