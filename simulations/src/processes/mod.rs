//! A country of real processes on real sockets, driven as a caller would.
//!
//! ```text
//!  country, outside ─▶ process (mpss serve, mpss simulate) ─▶ program, ports, reaper
//!
//!  trade ─▶ client ─▶ HTTP ─▶ nodes        books: what must be true of all of them afterwards
//! ```
//!
//! Nothing here waits for a fixed time: everything asks again, with a growing pause, until what it
//! waits for has happened or its bound is over. Unlike the rest of this crate nothing is virtual: the
//! clocks are the machine's own.

pub mod attempts;
pub mod books;
pub mod client;
pub mod country;
pub mod deliveries;
pub mod number_table;
pub mod outside;
pub mod patience;
pub mod ports;
pub mod process;
pub mod program;
pub mod reaper;
pub mod seeded;
pub mod trade;
