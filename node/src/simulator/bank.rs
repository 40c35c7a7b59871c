//! A simulated bank: cards, holds, what became of every message, and a socket to be reached at; and a desk that
//! answers subscribers who want a card to be bound.
//!
//! ```text
//!  socket ─▶ wire ─▶ temper: what becomes of it ─▶ host: the bank's books ─▶ wire ─▶ socket
//! ```

mod host;
mod server;
mod wishes;

pub use host::{BankHost, CardState};
pub use server::{BankSimulator, serve};
pub use wishes::{HeardWish, WishAnswer, WishDesk, WishScenario, token_of};
