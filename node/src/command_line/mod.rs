//! What a person types. `main.rs` only parses; here each subcommand gets a runtime, is carried out,
//! and becomes an exit code.

use std::process::ExitCode;

mod arguments;
mod exit;
mod portal_password;
mod printer;
pub(crate) mod ready_file;
mod serve;
mod simulate;
mod status;
pub(crate) mod stop_signal;

pub use arguments::{
    Arguments, BenchArguments, BenchTarget, Breakage, ConformanceArguments, DemoArguments, SandboxArguments,
    ServeArguments, SimulateArguments, Simulator, StatusArguments, Subcommand,
};
pub use exit::{Exit, Failure};
pub use printer::{Align, Paint, Printer, Table, pad, width};

/// Carries out what was typed.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    let mut printer = Printer::stdout();
    let done = match arguments.subcommand {
        Subcommand::Demo(arguments) => crate::demo::run(&arguments, &mut printer),
        Subcommand::Serve(arguments) => serve::run(&arguments, &mut printer),
        Subcommand::Bench(arguments) => crate::bench::run(&arguments, &mut printer),
        Subcommand::Status(arguments) => status::run(&arguments, &mut printer),
        Subcommand::Sandbox(arguments) => crate::sandbox::run(&arguments, &mut printer),
        Subcommand::SpConformance(arguments) => crate::conformance::run(&arguments, &mut printer),
        Subcommand::PortalPassword => portal_password::run(&mut printer),
        Subcommand::Simulate(arguments) => simulate::run(&arguments, &mut printer),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            printer.flush();
            eprintln!("mpss: {failure}");
            failure.exit.into()
        }
    }
}

/// A runtime for a subcommand that is no node: a client, a simulator, the demo's own part.
pub(crate) fn client_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("mpss-client")
        .enable_all()
        .build()
        .map_err(|error| Failure::start(format!("no threads for the runtime: {error}")))
}
