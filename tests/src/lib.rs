//! What the outside tests stand on: real processes on real sockets, driven as a caller would.
//!
//! ```text
//!  stage ─▶ country ─▶ process (mpss serve, mpss simulate) ─▶ binary, ports, reaper
//!    │
//!    └────▶ trade ─▶ client ─▶ HTTP ─▶ nodes        books: what must be true of all of them afterwards
//! ```
//!
//! Countries of processes and those who trade on them are `mpss_simulations::processes`, because
//! `mpss-sim chaos` stands on them too.
//!
//! One test file is one process with one [`country::Country`]; its parts run one after the other.
//! Nothing here waits for a fixed time: everything asks again, with a growing pause, until what it
//! waits for has happened or its bound is over.

pub mod binary;
pub mod decoders;
pub mod raw_http;
pub mod rolling;
pub mod stage;

pub use mpss_simulations::processes::{
    attempts, books, client, country, deliveries, number_table, outside, patience, ports, process, reaper, seeded,
    trade,
};
