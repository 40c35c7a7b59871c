//! Someone who looks on while a replica applies its log. Production has nobody; the simulator's
//! oracle sees every entry in the moment it is applied, on every replica, and whatever a replica
//! takes from a snapshot instead.

use mpss_domain::{Batch, State};
use mpss_domain::{JournalRecord, Reply};

/// One entry that was applied.
#[derive(Debug, Clone, Copy)]
pub struct AppliedEntry<'a> {
    /// Where it stands in the log.
    pub index: u64,
    /// The election its leader came from.
    pub term: u64,
    /// Its commands.
    pub batch: &'a Batch,
    /// What they came to, one for each.
    pub replies: &'a [Reply],
    /// What happened, for the read side.
    pub journal: &'a [JournalRecord],
    /// The state after it.
    pub state: &'a State,
}

/// Looks on. It must neither block nor panic: it stands in the way of `apply`.
pub trait Witness: Send + Sync + 'static {
    /// An entry of commands was applied. After a restart entries come again.
    fn applied(&self, entry: &AppliedEntry<'_>);

    /// The state was replaced by that of a snapshot, from the leader or from this replica's own disk.
    fn installed(&self, state: &State);
}
