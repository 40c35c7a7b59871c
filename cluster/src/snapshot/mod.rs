//! Snapshots: the state at one log position, in a file that is checked whenever it is read.
//!
//! ```text
//! head, sealed, zeros up to 64 KiB │ chunk: length u32 │ crc32c u32 │ bytes │ chunk …
//! ```
//!
//! A snapshot is written beside, synced, renamed, and the folder synced; a newer one is never
//! replaced by an older one. Building works on a clone of the state and never stops `apply`.

pub(crate) mod file;
pub(crate) mod head;
pub(crate) mod receiver;
pub(crate) mod store;

#[cfg(test)]
mod frozen_tests;
#[cfg(test)]
mod tests;
