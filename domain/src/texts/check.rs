//! What must hold of texts.

use crate::effect::Effect;
use crate::state::State;
use crate::texts::{Fate, PartStatus, digest_of_message};

impl State {
    /// A text's words are in the outbox exactly as long as some of it is to be sent; at most one part of a number is
    /// asked; whatever the centre has a name for is found by it; what is counted is there.
    pub(crate) fn check_texts(&self) -> Result<(), String> {
        let texts = &self.doors.texts;
        let mut counted = [0_u64; 6];
        let (mut asked, mut awaited, mut ends) = (0, 0, 0);
        for (id, text) in texts.rows.iter() {
            counted[text.fate as usize] += 1;
            let effect = self.effects.get(id).map(|row| &row.effect);
            let has_words = matches!(effect, Some(Effect::Sms { to, .. }) if *to == text.to);
            if has_words != (text.fate == Fate::Sending) {
                return Err(format!("text {} is {:?}, and its words wait: {has_words}", id.0, text.fate));
            }
            if texts.of.get(&(text.to, *id)).is_none() {
                return Err(format!("text {} is not listed with its number", id.0));
            }
            if text.final_at.is_some() != text.fate.is_final() {
                return Err(format!("text {} is {:?} and ended {:?}", id.0, text.fate, text.final_at));
            }
            if let Some(end) = text.final_at {
                ends += 1;
                texts.ends.get(&(end, *id)).ok_or_else(|| format!("text {} is never forgotten", id.0))?;
            }
            for (at, part) in (0_u8..).zip(&text.parts) {
                match part.status {
                    PartStatus::Asked(_) => {
                        asked += 1;
                        if self.asked_part(text.to) != Some((*id, at)) {
                            return Err(format!("part {at} of text {} is asked and not listed", id.0));
                        }
                    }
                    PartStatus::Taken(since) => {
                        awaited += 1;
                        let listed = texts.awaited.get(&(since, *id, at)).is_some();
                        if !listed || part.message.is_none() {
                            return Err(format!("part {at} of text {} waits for nothing", id.0));
                        }
                    }
                    PartStatus::Delivered if part.message.is_none() => {
                        return Err(format!("part {at} of text {} was delivered without a name", id.0));
                    }
                    _ => {}
                }
                // A centre that gives one name twice is found by the newer.
                if let Some(message) = &part.message
                    && texts.messages.get(&digest_of_message(message)).is_none()
                {
                    return Err(format!("part {at} of text {} is not found by its name", id.0));
                }
            }
        }
        if (asked, awaited, ends) != (texts.asked.len(), texts.awaited.len(), texts.ends.len()) {
            return Err("a text is listed that is not there".into());
        }
        let is = |fate: Fate| (counted[fate as usize], texts.totals.of(fate));
        let (sending, counted_sending) = is(Fate::Sending);
        let too_few = Fate::ALL.iter().any(|fate| is(*fate).0 > is(*fate).1);
        if sending != counted_sending || too_few {
            return Err(format!("texts are counted as {:?} and are {counted:?}", texts.totals));
        }
        Ok(())
    }
}
