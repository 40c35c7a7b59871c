//! The rows of the outbox sorted into lines: one for each SP, or for each province and kind of work.
//!
//! The state holds every row until it is done. A line holds the numbers of the next few, and how far
//! it was read; so memory is bounded however much waits, and a line that stands still does not stop
//! the others.
//!
//! ```text
//!  rows of state   1 2 3 4 5 6 7 8 9 …
//!                    │cursor: read up to here, each number put into its line
//!  line            queue ─hand_out─▶ handed ─done─▶ gone
//!                  behind: rows of this line from here up to the cursor were passed over, because the
//!                  queue was full; they are read again when it is empty
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mpss_domain::EffectId;

/// Rows looked at in one read, because `apply` waits meanwhile.
pub(crate) const ROWS_PER_READ_MAX: usize = 2_048;

/// Numbers that wait in one line.
const LINE_MAX: usize = 4_096;

/// Numbers that wait in all lines.
const LINES_MAX: usize = 262_144;

/// Lines of rows by whom they are for.
#[derive(Debug)]
pub(crate) struct Lines<K> {
    /// Every row before this one was put into its line.
    cursor: EffectId,
    lines: BTreeMap<K, Line>,
    /// Numbers in all queues.
    queued: usize,
    line_max: usize,
}

#[derive(Debug, Default)]
struct Line {
    queue: VecDeque<EffectId>,
    handed: BTreeSet<EffectId>,
    behind: Option<EffectId>,
}

impl<K: Ord + Copy> Lines<K> {
    /// Lines that have read nothing.
    pub(crate) const fn new() -> Self {
        Self { cursor: EffectId(0), lines: BTreeMap::new(), queued: 0, line_max: LINE_MAX }
    }

    /// Where to go on reading.
    pub(crate) const fn cursor(&self) -> EffectId {
        self.cursor
    }

    /// Sorts rows that begin at the cursor; true when there may be more. `rows` gives each row's
    /// number and line, `None` for those that are nobody's here.
    pub(crate) fn read(&mut self, rows: impl Iterator<Item = (EffectId, Option<K>)>) -> bool {
        let mut read = 0;
        for (id, key) in rows.take(ROWS_PER_READ_MAX) {
            read += 1;
            self.cursor = EffectId(id.0 + 1);
            let Some(key) = key else { continue };
            let line = self.lines.entry(key).or_default();
            if line.behind.is_some() {
                // What comes later waits behind what was passed over.
            } else if line.queue.len() < self.line_max && self.queued < LINES_MAX {
                line.queue.push_back(id);
                self.queued += 1;
            } else {
                line.behind = Some(id);
            }
        }
        read == ROWS_PER_READ_MAX
    }

    /// Where to read again for a line that has nothing left but was passed over.
    pub(crate) fn behind(&self, key: K) -> Option<EffectId> {
        self.lines.get(&key).filter(|line| line.queue.is_empty()).and_then(|line| line.behind)
    }

    /// Sorts rows that begin where [`Lines::behind`] said, for that line alone.
    pub(crate) fn catch_up(&mut self, key: K, rows: impl Iterator<Item = (EffectId, Option<K>)>) {
        let Some(line) = self.lines.get_mut(&key) else { return };
        let mut read = 0;
        for (id, owner) in rows.take_while(|(id, _)| *id < self.cursor).take(ROWS_PER_READ_MAX) {
            read += 1;
            line.behind = Some(EffectId(id.0 + 1));
            if owner == Some(key) {
                if line.queue.len() == self.line_max {
                    line.behind = Some(id);
                    return;
                }
                line.queue.push_back(id);
                self.queued += 1;
            }
        }
        if read < ROWS_PER_READ_MAX {
            line.behind = None;
        }
    }

    /// Takes up to `room` numbers of a line in hand, oldest first.
    pub(crate) fn hand_out(&mut self, key: K, room: usize) -> Vec<EffectId> {
        let Some(line) = self.lines.get_mut(&key) else { return Vec::new() };
        let ids: Vec<_> = line.queue.drain(..room.min(line.queue.len())).collect();
        self.queued -= ids.len();
        line.handed.extend(&ids);
        ids
    }

    /// How many numbers of a line are in hand.
    pub(crate) fn handed(&self, key: K) -> usize {
        self.lines.get(&key).map_or(0, |line| line.handed.len())
    }

    /// What was in hand is gone from the state.
    pub(crate) fn done(&mut self, key: K, ids: impl IntoIterator<Item = EffectId>) {
        if let Some(line) = self.lines.get_mut(&key) {
            for id in ids {
                line.handed.remove(&id);
            }
        }
    }

    /// Whoever had a line in hand is gone: it is read again from its oldest row.
    pub(crate) fn lost(&mut self, key: K) {
        let Some(line) = self.lines.get_mut(&key) else { return };
        let oldest = [line.handed.first().copied(), line.queue.front().copied(), line.behind];
        line.behind = oldest.into_iter().flatten().min();
        self.queued -= line.queue.len();
        line.queue.clear();
        line.handed.clear();
    }

    /// True when a line has nothing waiting and nothing in hand.
    pub(crate) fn is_empty(&self, key: K) -> bool {
        self.lines.get(&key).is_none_or(|line| line.queue.is_empty() && line.handed.is_empty() && line.behind.is_none())
    }

    /// Forgets a line that is empty.
    pub(crate) fn forget(&mut self, key: K) {
        if self.is_empty(key) {
            self.lines.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows that exist, by number; a line takes those it has not done.
    fn drain(lines: &mut Lines<char>, rows: &mut BTreeMap<u64, char>, key: char) -> Vec<u64> {
        let mut seen = Vec::new();
        loop {
            while lines.read(after(rows, lines.cursor())) {}
            if let Some(from) = lines.behind(key) {
                lines.catch_up(key, after(rows, from));
            }
            let ids = lines.hand_out(key, 2);
            if ids.is_empty() && lines.behind(key).is_none() {
                return seen;
            }
            for id in &ids {
                assert_eq!(rows.remove(&id.0), Some(key), "handed out once, while it is there");
                seen.push(id.0);
            }
            lines.done(key, ids);
        }
    }

    fn after(rows: &BTreeMap<u64, char>, from: EffectId) -> impl Iterator<Item = (EffectId, Option<char>)> + use<> {
        let rows: Vec<_> = rows.range(from.0..).map(|(id, key)| (EffectId(*id), Some(*key))).collect();
        rows.into_iter()
    }

    #[test]
    fn every_row_is_handed_out_once_and_in_order_however_long_the_line() {
        let mut lines = Lines { line_max: 3, ..Lines::new() };
        let mut rows: BTreeMap<u64, char> = (1..=5_000).map(|id| (id, if id % 3 == 0 { 'b' } else { 'a' })).collect();
        let a = drain(&mut lines, &mut rows, 'a');
        assert!(a.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(a.len(), 3_334);
        rows.extend((5_001..=5_010).map(|id| (id, 'b')));
        let b = drain(&mut lines, &mut rows, 'b');
        assert_eq!(b.len(), 1_666 + 10, "what came later is behind what was passed over");
        assert!(rows.is_empty() && lines.is_empty('a') && lines.is_empty('b'));
        assert_eq!(lines.queued, 0);
    }

    #[test]
    fn what_was_in_hand_of_someone_who_died_is_handed_out_again() {
        let mut lines = Lines { line_max: 3, ..Lines::new() };
        let mut rows: BTreeMap<u64, char> = (1..=10).map(|id| (id, 'a')).collect();
        lines.read(after(&rows, lines.cursor()));
        let in_hand = lines.hand_out('a', 2);
        assert_eq!(in_hand.len(), 2);
        lines.lost('a');
        assert_eq!(lines.handed('a'), 0);
        assert_eq!(drain(&mut lines, &mut rows, 'a'), (1..=10).collect::<Vec<_>>());
    }

    #[test]
    fn catching_up_goes_on_behind_what_is_in_hand() {
        let mut lines = Lines { line_max: 2, ..Lines::new() };
        let mut rows: BTreeMap<u64, char> = (1..=4).map(|id| (id, 'a')).collect();
        lines.read(after(&rows, lines.cursor()));
        assert_eq!(lines.hand_out('a', 2), [EffectId(1), EffectId(2)]);
        let from = lines.behind('a').expect("two were passed over");
        lines.catch_up('a', after(&rows, from));
        assert_eq!(lines.hand_out('a', 9), [EffectId(3), EffectId(4)]);
        rows.clear();
        lines.done('a', (1..=4).map(EffectId));
        assert_eq!(lines.behind('a'), None);
        assert!(lines.is_empty('a'));
        lines.forget('a');
        assert!(lines.lines.is_empty());
    }
}
