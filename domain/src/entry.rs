//! What one log entry leaves behind while it is applied: journal records, and its digest in
//! the making. Empty between entries, so no part of what replicas agree on.

use crate::digest::EntryDigest;
use crate::journal::{JournalBody, JournalRecord, RecordPosition};
use crate::outcome::Divergence;
use crate::time::LogTime;

/// Commands in one log entry at most; keeps its records countable by 16 bits.
pub const BATCH_COMMANDS_MAX: usize = 4_096;

/// Records after which a command that handles many things leaves the rest for the next entry.
const RECORDS_SOFT_MAX: usize = 24_000;

/// The entry that is being applied.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) index: u64,
    pub(crate) at: LogTime,
    pub(crate) journal: Vec<JournalRecord>,
    pub(crate) effects_added: bool,
    pub(crate) digest: EntryDigest,
    pub(crate) diverged: Option<Divergence>,
}

impl Clone for Entry {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Entry {
    /// Adds a record that follows `previous` in its account's chain.
    pub(crate) fn record(&mut self, previous: Option<RecordPosition>, body: JournalBody) -> RecordPosition {
        let place = u16::try_from(self.journal.len()).expect("commands and records of an entry are bounded");
        let position = RecordPosition::new(self.index, place);
        self.journal.push(JournalRecord { position, at: self.at, previous, body });
        position
    }

    /// True while a command that handles many things may handle one more.
    pub(crate) fn has_room(&self) -> bool {
        self.journal.len() < RECORDS_SOFT_MAX
    }
}
