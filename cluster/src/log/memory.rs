//! The log as it is in RAM: every entry since the last purge, for replication and for `apply`.

use std::collections::VecDeque;
use std::ops::{Bound, RangeBounds};

use crate::types::{RaftEntry, RaftLogId, RaftMembership, RaftPayload, RaftVote};

/// What an entry takes beside its payload, roughly, in bytes.
const ENTRY_OVERHEAD_BYTES: u64 = 96;

/// Entries and the few facts openraft keeps beside them.
#[derive(Debug, Default)]
pub(crate) struct LogMemory {
    entries: VecDeque<RaftEntry>,
    bytes: u64,
    pub(crate) purged: Option<RaftLogId>,
    pub(crate) vote: Option<RaftVote>,
    pub(crate) committed: Option<RaftLogId>,
}

pub(crate) fn entry_bytes(entry: &RaftEntry) -> u64 {
    let payload = match &entry.payload {
        RaftPayload::Normal(payload) => payload.0.len() as u64,
        RaftPayload::Blank | RaftPayload::Membership(_) => 0,
    };
    payload + ENTRY_OVERHEAD_BYTES
}

impl LogMemory {
    /// The last entry, or the last purged one when there is none.
    pub(crate) fn last_log_id(&self) -> Option<RaftLogId> {
        self.entries.back().map(|entry| entry.log_id).or(self.purged)
    }

    pub(crate) fn first_index(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.log_id.index)
    }

    pub(crate) fn last_membership(&self) -> Option<RaftMembership> {
        self.entries.iter().rev().find_map(|entry| match &entry.payload {
            RaftPayload::Membership(membership) => Some(membership.clone()),
            RaftPayload::Blank | RaftPayload::Normal(_) => None,
        })
    }

    /// Puts an entry behind the last one.
    pub(crate) fn push(&mut self, entry: RaftEntry) {
        self.bytes += entry_bytes(&entry);
        self.entries.push_back(entry);
    }

    /// Withdraws entries from `index` on.
    pub(crate) fn truncate_from(&mut self, index: u64) {
        while self.entries.back().is_some_and(|entry| entry.log_id.index >= index) {
            let entry = self.entries.pop_back().expect("there is one at the back");
            self.bytes -= entry_bytes(&entry);
        }
    }

    /// Lets go of entries up to and with `log_id`.
    pub(crate) fn purge(&mut self, log_id: RaftLogId) {
        if self.purged < Some(log_id) {
            self.purged = Some(log_id);
        }
        while self.entries.front().is_some_and(|entry| entry.log_id.index <= log_id.index) {
            let entry = self.entries.pop_front().expect("there is one at the front");
            self.bytes -= entry_bytes(&entry);
        }
    }

    /// Entries in `range`, in order, as many as `bytes_max` allows but at least one.
    pub(crate) fn range(&self, range: impl RangeBounds<u64>, bytes_max: u64) -> Vec<RaftEntry> {
        let Some(first) = self.first_index() else { return Vec::new() };
        let from = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index + 1,
            Bound::Unbounded => 0,
        };
        let until = match range.end_bound() {
            Bound::Included(index) => index + 1,
            Bound::Excluded(index) => *index,
            Bound::Unbounded => u64::MAX,
        };
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let mut found = Vec::new();
        for entry in self.entries.iter().skip(skip) {
            if entry.log_id.index >= until {
                break;
            }
            bytes += entry_bytes(entry);
            if !found.is_empty() && bytes > bytes_max {
                break;
            }
            found.push(entry.clone());
        }
        found
    }

    /// The last index that may be purged so that the newest `bytes` of entries stay.
    pub(crate) fn index_before_newest(&self, bytes: u64) -> Option<u64> {
        let mut kept = 0;
        for entry in self.entries.iter().rev() {
            kept += entry_bytes(entry);
            if kept > bytes {
                return Some(entry.log_id.index);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::types::{Payload, log_id};

    fn filled(indexes: std::ops::Range<u64>) -> LogMemory {
        let mut memory = LogMemory::default();
        for index in indexes {
            let payload = RaftPayload::Normal(Payload(Bytes::from(vec![0; 904])));
            memory.push(RaftEntry { log_id: log_id(1, 1, index), payload });
        }
        memory
    }

    fn indexes(entries: &[RaftEntry]) -> Vec<u64> {
        entries.iter().map(|entry| entry.log_id.index).collect()
    }

    #[test]
    fn ranges_are_cut_by_bytes_but_never_to_nothing() {
        let memory = filled(5..15);
        assert_eq!(indexes(&memory.range(7..10, u64::MAX)), [7, 8, 9]);
        assert_eq!(indexes(&memory.range(0..6, u64::MAX)), [5]);
        assert_eq!(indexes(&memory.range(13.., u64::MAX)), [13, 14]);
        assert_eq!(indexes(&memory.range(7..15, 2_500)), [7, 8]);
        assert_eq!(indexes(&memory.range(7..15, 1)), [7]);
        assert!(memory.range(15..20, u64::MAX).is_empty());
    }

    #[test]
    fn truncating_and_purging_keep_count_of_bytes() {
        let mut memory = filled(0..10);
        memory.truncate_from(8);
        memory.purge(log_id(1, 1, 2));
        assert_eq!((memory.first_index(), memory.last_log_id().map(|id| id.index)), (Some(3), Some(7)));
        assert_eq!(memory.bytes, 5_000);
        assert_eq!(memory.index_before_newest(2_000), Some(5));
        assert_eq!(memory.index_before_newest(5_000), None);
        memory.purge(log_id(2, 1, 30));
        assert_eq!((memory.first_index(), memory.last_log_id(), memory.bytes), (None, Some(log_id(2, 1, 30)), 0));
    }
}
