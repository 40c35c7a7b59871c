//! A country from one seed: the product's real nodes, in one process and in virtual time.
//!
//! ```text
//!  scenario, seed ─▶ world (clock, randomness, network, disks) ─▶ country (provinces × replicas, SPs, SMS centre)
//!                                                                    ▲ people buy      ▲ faults strike
//!                                                                    └──── trace ──────┴──▶ oracle ─▶ record
//! ```
//!
//! Only clock, randomness, network, disk and the border of a process are simulated; everything
//! between is what production runs. One run belongs to one process: the same program and the same
//! seed give the same trace, byte for byte.
//!
//! [`processes`] is the other country: real processes on real sockets, for what can not be simulated.

pub mod chaos;
pub mod command_line;
pub mod country;
pub mod edge;
pub mod faults;
pub mod oracle;
pub mod outside;
pub mod people;
pub mod processes;
pub mod record;
pub mod reference;
pub mod report;
pub mod run;
pub mod scenario;
mod stories;
pub mod tally;
pub mod world;
