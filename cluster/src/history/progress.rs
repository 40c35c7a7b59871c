//! How far the read side is: a cursor, and gaps before it.

use serde::{Deserialize, Serialize};

/// Entries whose records are in the store: all up to the cursor, but those in gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) cursor: u64,
    /// After the first, up to and with the second; ascending, apart from each other.
    pub(crate) gaps: Vec<(u64, u64)>,
}

impl Progress {
    /// Takes entry `index`; false when its records are here already.
    pub(crate) fn take(&mut self, index: u64) -> bool {
        if index > self.cursor {
            // Entries come in order, so there is only something between after a jump nobody told of.
            self.jump(index - 1);
            self.cursor = index;
            return true;
        }
        let Some(place) = self.gaps.iter().position(|(after, upto)| *after < index && index <= *upto) else {
            return false;
        };
        let (after, upto) = self.gaps.remove(place);
        if index < upto {
            self.gaps.insert(place, (index, upto));
        }
        if after + 1 < index {
            self.gaps.insert(place, (after, index - 1));
        }
        true
    }

    /// The state is at `index` now, however it got there.
    pub(crate) fn jump(&mut self, index: u64) {
        if index > self.cursor {
            match self.gaps.last_mut() {
                Some((_, upto)) if *upto == self.cursor => *upto = index,
                _ => self.gaps.push((self.cursor, index)),
            }
            self.cursor = index;
        }
    }

    /// The first gap that has entries from `index` on.
    pub(crate) fn first_gap_from(&self, index: u64) -> Option<(u64, u64)> {
        self.gaps.iter().copied().find(|(_, upto)| *upto >= index)
    }

    /// The first part of the range after `after` up to `upto` that is here without a gap.
    pub(crate) fn complete_part(&self, mut after: u64, upto: u64) -> Option<(u64, u64)> {
        let mut upto = upto.min(self.cursor);
        for (gap_after, gap_upto) in &self.gaps {
            if *gap_upto <= after {
                continue;
            }
            if *gap_after <= after {
                after = *gap_upto;
            } else {
                upto = upto.min(*gap_after);
                break;
            }
        }
        (after < upto).then_some((after, upto))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_in_order_move_the_cursor_and_repetitions_do_nothing() {
        let mut progress = Progress::default();
        assert!(progress.take(1) && progress.take(2) && progress.take(3));
        assert!(!progress.take(2));
        assert_eq!(progress, Progress { cursor: 3, gaps: vec![] });
    }

    #[test]
    fn jumps_make_gaps_that_are_filled_from_anywhere() {
        let mut progress = Progress { cursor: 3, gaps: vec![] };
        progress.jump(10);
        progress.jump(12);
        assert_eq!(progress.gaps, [(3, 12)]);
        assert!(progress.take(13));
        assert!(progress.take(7));
        assert_eq!(progress.gaps, [(3, 6), (7, 12)]);
        assert!(progress.take(4) && progress.take(12) && !progress.take(7));
        assert_eq!(progress.gaps, [(4, 6), (7, 11)]);
        assert!(progress.take(5) && progress.take(6));
        assert_eq!(progress.gaps, [(7, 11)]);
        assert_eq!(progress.cursor, 13);
        progress.jump(2);
        assert_eq!(progress.cursor, 13);
    }

    #[test]
    fn only_what_is_complete_is_told() {
        let progress = Progress { cursor: 20, gaps: vec![(0, 5), (8, 10)] };
        assert_eq!(progress.complete_part(0, 100), Some((5, 8)));
        assert_eq!(progress.complete_part(6, 7), Some((6, 7)));
        assert_eq!(progress.complete_part(8, 15), Some((10, 15)));
        assert_eq!(progress.complete_part(9, 10), None);
        assert_eq!(progress.complete_part(20, 30), None);
        assert_eq!(progress.first_gap_from(9), Some((8, 10)));
        assert_eq!(progress.first_gap_from(11), None);
    }
}
