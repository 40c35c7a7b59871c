//! Chaos: a country of real processes of `mpss` while processes, network and disks are struck, and what
//! its callers saw is checked.
//!
//! ```text
//!  seed ─▶ schedule ─▶ striker ──▶ processes (SIGKILL, SIGSTOP)   disks (full, failing syncs)
//!                         └──────▶ network: a proxy on every link between two machines
//!  seed ─▶ street ─▶ callers ─▶ history ─▶ positions, repeated answers ─┐
//!                        └────▶ record  ─▶ books, orders, deliveries ───┴─▶ report
//! ```
//!
//! The choices are a function of the seed; real time is not, so two runs of a seed are alike and not equal.
//! A fault counts as struck when it was seen to hit: a run in which one was not says nothing.

mod arguments;
mod caller;
mod disk;
pub mod failover;
pub mod fault;
pub mod history;
mod network;
pub mod positions;
pub mod proxy;
pub mod report;
mod run;
pub mod schedule;
pub mod street;
pub mod striker;
mod sync_errors;
mod watch;

pub use arguments::{Arguments, command};
pub use report::ChaosReport;
pub use run::{ChaosPlan, run};
