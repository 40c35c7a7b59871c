//! The log on disk: segments of checked records, written by one task.
//!
//! ```text
//!  openraft ─▶ LogStore ─▶ queue ─▶ writer: drain → one write → one sync → tell, in order
//!                 │                    │
//!                 └─ entries in RAM    └─ segment-….log (zeroed in advance, recycled), vote
//! ```
//!
//! Everything that must be durable in order goes through that one queue. An I/O error stops the
//! replica: after a failed sync nothing may be assumed of what was written before, so nothing is
//! tried again.

pub(crate) mod doubt_mark;
pub(crate) mod memory;
pub(crate) mod record;
pub(crate) mod recovery;
pub(crate) mod segment;
pub(crate) mod store;
pub(crate) mod vote_file;
pub(crate) mod writer;

#[cfg(test)]
mod tests;
