//! Replicas talking to each other.
//!
//! ```text
//!  openraft ─▶ client ─┐                                   ┌─▶ openraft
//!  proposer ───────────┼─▶ link ═ transport ═▶ service ────┼─▶ proposer
//!  history, doubt ─────┘                                   └─▶ history, doubt
//! ```
//!
//! Every message names who sends it, to whom, and the disks both live on, so that a wiped replica
//! or a changed address is refused by name. Every decoded message is bounded, and one that can not
//! be decoded is answered, never a panic.

pub(crate) mod client;
pub(crate) mod disks;
pub(crate) mod link;
pub(crate) mod service;
pub(crate) mod wire;
