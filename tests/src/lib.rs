//! What the outside tests stand on: real processes on real sockets, driven as a caller would.
//!
//! ```text
//!  stage ─▶ country ─▶ process (mpss serve, mpss simulate) ─▶ binary, ports, reaper
//!    │
//!    └────▶ trade ─▶ client ─▶ HTTP ─▶ nodes        books: what must be true of all of them afterwards
//! ```
//!
//! One test file is one process with one [`country::Country`]; its parts run one after the other.
//! Nothing here waits for a fixed time: everything asks again, with a growing pause, until what it
//! waits for has happened or its bound is over.

pub mod attempts;
pub mod binary;
pub mod books;
pub mod client;
pub mod country;
pub mod decoders;
pub mod number_table;
pub mod patience;
pub mod ports;
pub mod process;
pub mod raw_http;
pub mod reaper;
pub mod rolling;
pub mod seeded;
pub mod stage;
pub mod trade;
