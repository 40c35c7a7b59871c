//! What the centre said, and what it is about to be asked, written down.

use serde::{Deserialize, Serialize};

use crate::effect::{Effect, EffectId};
use crate::ids::Msisdn;
use crate::outcome::Outcome;
use crate::state::State;
use crate::texts::{Fate, MESSAGE_CHARS_MAX, PARTS_MAX, Part, PartStatus, Receipt, Text, digest_of_message};

/// Something about one part of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextNews {
    /// Which text.
    pub text: EffectId,
    /// Which of its parts, from 0.
    pub part: u8,
    /// What.
    pub news: PartNews,
}

/// What there is to say of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartNews {
    /// The centre is about to be asked; written before the first byte leaves.
    Asks {
        /// Of how many parts the text is.
        parts: u8,
    },
    /// The centre has it.
    Taken {
        /// What it calls it.
        message: String,
    },
    /// It is not with the centre, for certain: it may be sent again.
    NotTaken,
    /// The centre does not take it, and will not.
    Refused {
        /// In the centre's words.
        why: String,
    },
    /// The bound is over and nobody can say: it is not sent again.
    Unknown,
}

impl State {
    /// See [`crate::Verb::RecordTexts`]. What does not fit how a part stands is passed over: it was said twice, or by
    /// a leader of before.
    pub(crate) fn record_texts(&mut self, news: &[TextNews], receipts: &[Receipt]) -> Outcome {
        for TextNews { text, part, news } in news {
            match news {
                PartNews::Asks { parts } => self.part_asks(*text, *part, *parts),
                PartNews::Taken { message } => self.part_taken(*text, *part, message),
                PartNews::NotTaken => self.part_free(*text, *part, PartStatus::Waiting, None),
                PartNews::Refused { why } => self.part_free(*text, *part, PartStatus::Failed, Some(why)),
                PartNews::Unknown => self.part_unknown(*text, *part),
            }
        }
        for receipt in receipts {
            self.take_receipt(receipt);
        }
        Outcome::Done
    }

    /// The centre is about to be asked for a part. The row begins with its first part; a text that is not good any
    /// more is not sent.
    fn part_asks(&mut self, id: EffectId, at: u8, parts: u8) {
        let Some(row) = self.effects.get(&id) else { return };
        let Effect::Sms { to, text, .. } = &row.effect else { return };
        let (to, decided, over) = (*to, row.at, text.good_until().is_some_and(|until| until <= self.now));
        if self.text(id).is_none() {
            if parts == 0 || parts > PARTS_MAX {
                return;
            }
            let part = Part { status: PartStatus::Waiting, message: None };
            let parts = vec![part; usize::from(parts)];
            let text = Text { id, to, at: decided, parts, fate: Fate::Sending, why: None, final_at: None, tries: 0 };
            let texts = &mut self.doors.texts;
            texts.rows.insert(id, text);
            texts.of.insert((to, id), ());
            texts.totals.by_fate[Fate::Sending as usize] += 1;
        }
        let texts = &mut self.doors.texts;
        let text = texts.rows.get_mut(&id).expect("it was just looked at");
        if over && text.fate == Fate::Sending && text.parts.iter().all(|part| part.status == PartStatus::Waiting) {
            self.end_text(id, Fate::Superseded);
            return;
        }
        // One part for a number at a time, in the order of the text.
        let next = text.parts.iter().position(|part| part.status == PartStatus::Waiting);
        if text.fate != Fate::Sending || next != Some(usize::from(at)) || texts.asked.get(&to).is_some() {
            return;
        }
        text.parts[usize::from(at)].status = PartStatus::Asked(self.now);
        text.tries = text.tries.saturating_add(1);
        self.entry.digest.feed(&*text);
        texts.asked.insert(to, (id, at));
    }

    /// The centre has a part.
    pub(super) fn part_taken(&mut self, id: EffectId, at: u8, message: &str) {
        let Some(part) = self.part(id, at) else { return };
        if !matches!(part.status, PartStatus::Asked(_) | PartStatus::Unknown) || message.is_empty() {
            return;
        }
        let message: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
        self.free_number(id, at);
        let now = self.now;
        let texts = &mut self.doors.texts;
        texts.messages.insert(digest_of_message(&message), (id, at));
        self.set_part(id, at, PartStatus::Taken(now), Some(message));
        self.settle(id);
    }

    /// A part that was asked is not with the centre, or never will be.
    fn part_free(&mut self, id: EffectId, at: u8, status: PartStatus, why: Option<&str>) {
        if !self.part(id, at).is_some_and(|part| matches!(part.status, PartStatus::Asked(_))) {
            return;
        }
        self.free_number(id, at);
        self.note_why(id, why);
        self.set_part(id, at, status, None);
        self.settle(id);
    }

    /// Nobody can say what became of a part.
    fn part_unknown(&mut self, id: EffectId, at: u8) {
        let Some(part) = self.part(id, at) else { return };
        let asked = match part.status {
            PartStatus::Asked(_) => true,
            PartStatus::Taken(_) => false,
            _ => return,
        };
        self.free_number(id, at);
        if asked {
            let to = self.text(id).expect("it has this part").to;
            self.doors.texts.doubtful.insert((to, id, at), ());
        }
        let message = self.part(id, at).and_then(|part| part.message.clone());
        self.set_part(id, at, PartStatus::Unknown, message);
        self.settle(id);
    }

    pub(super) fn part(&self, id: EffectId, at: u8) -> Option<&Part> {
        self.text(id)?.parts.get(usize::from(at))
    }

    /// Changes a part that is there; what waits for its receipt is listed as long as it does.
    pub(super) fn set_part(&mut self, id: EffectId, at: u8, status: PartStatus, message: Option<String>) {
        let texts = &mut self.doors.texts;
        let text = texts.rows.get_mut(&id).expect("the caller has found it");
        let part = &mut text.parts[usize::from(at)];
        if let PartStatus::Taken(since) = part.status {
            texts.awaited.remove(&(since, id, at));
        }
        if let PartStatus::Taken(since) = status {
            texts.awaited.insert((since, id, at), ());
        }
        *part = Part { status, message };
        self.entry.digest.feed(&*text);
    }

    /// A part's number may be sent the next one.
    fn free_number(&mut self, id: EffectId, at: u8) {
        let to: Msisdn = self.text(id).expect("the caller has found it").to;
        let texts = &mut self.doors.texts;
        if texts.asked.get(&to) == Some(&(id, at)) {
            texts.asked.remove(&to);
        }
        texts.doubtful.remove(&(to, id, at));
    }

    pub(super) fn note_why(&mut self, id: EffectId, why: Option<&str>) {
        let text = self.doors.texts.rows.get_mut(&id).expect("the caller has found it");
        if let (None, Some(why)) = (&text.why, why) {
            text.why = Some(why.chars().take(MESSAGE_CHARS_MAX).collect());
        }
    }

    /// What a text has come to by its parts.
    pub(super) fn settle(&mut self, id: EffectId) {
        let text = self.text(id).expect("the caller has found it");
        let any = |is: fn(&PartStatus) -> bool| text.parts.iter().any(|part| is(&part.status));
        let waiting = any(|part| *part == PartStatus::Waiting);
        let (failed, unknown) = (any(|part| *part == PartStatus::Failed), any(|part| *part == PartStatus::Unknown));
        let open = any(|part| matches!(part, PartStatus::Asked(_)));
        let taken = any(|part| matches!(part, PartStatus::Taken(_)));
        // With one part lost the rest is of no use: it is not sent, and its words go. A receipt that still comes for the
        // lost one does not bring them back.
        let words = self.effects.get(&id).is_some();
        let fate = if open || (waiting && words && !failed && !unknown) {
            Fate::Sending
        } else if taken {
            Fate::Sent
        } else if failed {
            Fate::Failed
        } else if unknown {
            Fate::Unknown
        } else if waiting {
            Fate::Failed
        } else {
            Fate::Delivered
        };
        if fate != text.fate {
            self.end_text(id, fate);
        }
    }

    /// Changes the fate of a text. Once nothing of it is to be sent any more its words are not needed.
    fn end_text(&mut self, id: EffectId, fate: Fate) {
        let now = self.now;
        let texts = &mut self.doors.texts;
        let text = texts.rows.get_mut(&id).expect("the caller has found it");
        texts.totals.by_fate[text.fate as usize] -= 1;
        texts.totals.by_fate[fate as usize] += 1;
        if let Some(before) = text.final_at.take() {
            texts.ends.remove(&(before, id));
        }
        text.fate = fate;
        if fate.is_final() {
            text.final_at = Some(now);
            texts.ends.insert((now, id), ());
        }
        self.entry.digest.feed(&*text);
        if fate != Fate::Sending {
            self.end_effect(id);
        }
        self.forget_more_texts();
    }
}

impl State {
    /// A centre that gives no receipts has taken a text. Was it begun at one that does, nothing more is known of it.
    pub(crate) fn text_acknowledged(&mut self, id: EffectId) {
        if !self.version.has_doors() {
            return;
        }
        if let Some(text) = self.text(id).cloned() {
            for (at, _) in (0_u8..).zip(&text.parts) {
                self.free_number(id, at);
            }
            self.forget_text(&text);
            self.doors.texts.totals.by_fate[text.fate as usize] -= 1;
        }
        self.doors.texts.totals.by_fate[Fate::Sent as usize] += 1;
    }
}
