//! A simulated bank: cards, holds, what became of every message, and a socket to be reached at.
//!
//! ```text
//!  socket ─▶ wire ─▶ temper: what becomes of it ─▶ host: the bank's books ─▶ wire ─▶ socket
//! ```

mod host;
mod server;

pub use host::{BankHost, CardState};
pub use server::{BankSimulator, serve};
