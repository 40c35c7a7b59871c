//! A country from one seed: the product's real nodes, in one process and in virtual time.
//!
//! ```text
//!  seed ─▶ world (clock, randomness, network, disks) ─▶ country (provinces × replicas, SPs, SMS centre)
//!                                                          ▲ people buy      ▲ faults strike
//!                                                          └──── trace ─────┴──▶ oracle
//! ```
//!
//! Only clock, randomness, network, disk and the border of a process are simulated; everything
//! between is what production runs. One run belongs to one process: the same program and the same
//! seed give the same trace, byte for byte.

pub mod country;
pub mod faults;
pub mod oracle;
pub mod outside;
pub mod people;
pub mod record;
pub mod reference;
pub mod run;
pub mod world;
