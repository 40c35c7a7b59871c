//! Replication of one province: openraft behind [`Replica`].
//!
//! ```text
//!  propose(command) ─▶ Proposer ─▶ one entry of many commands ─▶ log (synced on a quorum) ─▶ State::apply
//!        ▲                                                                                    │
//!        └────────────────────────────── Reply{outcome, index} ◀──────────────────────────────┤
//!                                                                 history (sled) ◀── journal ─┘
//! ```
//!
//! Replication knows commands, outcomes and state; it does not know what a prize is.

mod codec;
mod doubt;
mod fatal;
pub mod history;
mod identity;
pub mod inspect;
mod log;
mod machine;
mod maintenance;
#[cfg(feature = "mutants")]
pub mod mutant;
mod network;
pub mod options;
mod proposer;
mod raft_runtime;
pub mod replica;
mod running;
mod sealed_file;
mod settings;
mod snapshot;
mod status;
mod stored;
mod ticket;
mod types;
mod versions;
pub mod witness;

#[cfg(test)]
mod golden;

/// Decoders of everything persisted or sent, for fuzzing: no input may panic.
pub mod fuzz {
    pub use crate::codec::{CodecError, decode_batch as batch};
    pub use crate::log::recovery::fuzz_segment as segment;
    pub use crate::network::wire::{fuzz_answer as answer, fuzz_request as request};
    pub use crate::snapshot::head::fuzz_head as snapshot_head;
}

pub use history::History;
pub use options::{Member, ReplicaOptions};
pub use replica::{MembershipError, ProposeError, ReadError, Replica, ReplicaStatus, Role, StartError};
pub use versions::Versions;
pub use witness::{AppliedEntry, Witness};
