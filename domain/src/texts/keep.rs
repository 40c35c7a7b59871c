//! How long texts are remembered after their end: longer than a centre goes on repeating a receipt, and no more than
//! memory has room for.

use crate::state::State;
use crate::texts::{PartStatus, Text, digest_of_message};
use crate::time::LogTime;

/// After its end a text is remembered for so long, in ms of log time.
const KEPT_MS: u64 = 3 * 86_400_000;

/// Ended texts that are remembered at most; the oldest go first.
const KEPT_MAX: usize = 100_000;

impl State {
    /// When [`State::prune_texts`] has something to do next.
    pub(crate) fn prune_texts_due(&self) -> Option<LogTime> {
        let text = self.doors.texts.ends.first().map(|((end, _), ())| end.plus_ms(KEPT_MS));
        [text, self.heard_due()].into_iter().flatten().min()
    }

    /// Forgets texts whose end is long past, and words heard a while ago.
    pub(crate) fn prune_texts(&mut self, rows_max: usize) {
        for _ in 0..rows_max {
            let first = self.doors.texts.ends.first().map(|((end, _), ())| *end);
            if first.is_none_or(|end| end.plus_ms(KEPT_MS) >= self.now) {
                break;
            }
            self.forget_oldest_text();
        }
        self.forget_heard(rows_max);
    }

    /// Forgets the oldest ended texts when there are more than are remembered.
    pub(super) fn forget_more_texts(&mut self) {
        while self.doors.texts.ends.len() > KEPT_MAX {
            self.forget_oldest_text();
        }
    }

    fn forget_oldest_text(&mut self) {
        let texts = &mut self.doors.texts;
        let Some((&(end, id), ())) = texts.ends.first() else { return };
        texts.ends.remove(&(end, id));
        if let Some(text) = texts.rows.get(&id).cloned() {
            self.forget_text(&text);
        }
    }

    /// Takes out a text's row, and whatever leads to it.
    pub(super) fn forget_text(&mut self, text: &Text) {
        let (id, texts) = (text.id, &mut self.doors.texts);
        texts.rows.remove(&id);
        texts.of.remove(&(text.to, id));
        for (at, part) in (0_u8..).zip(&text.parts) {
            texts.doubtful.remove(&(text.to, id, at));
            if let PartStatus::Taken(since) = part.status {
                texts.awaited.remove(&(since, id, at));
            }
            if let Some(message) = &part.message {
                let digest = digest_of_message(message);
                if texts.messages.get(&digest) == Some(&(id, at)) {
                    texts.messages.remove(&digest);
                }
            }
        }
    }
}
