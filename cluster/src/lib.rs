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

pub mod history;
pub mod options;
pub mod replica;

pub use history::History;
pub use options::{Member, ReplicaOptions};
pub use replica::{MembershipError, ProposeError, ReadError, Replica, ReplicaStatus, Role, StartError};
