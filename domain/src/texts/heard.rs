//! What subscribers have sent, remembered for a moment: a centre that did not hear our answer sends the same words
//! again, and they must not be done again.

use serde::{Deserialize, Serialize};

use crate::account::Language;
use crate::effect::{Effect, SmsText};
use crate::ids::Msisdn;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;
use crate::table::Table;
use crate::texts::answer::SmsAnswer;
use crate::time::LogTime;

/// The same words of the same number are the same message for so long, in ms of log time.
pub const SAME_MS: u64 = 120_000;

/// Different words of one number in that time at most; more are not looked at.
pub const WORDS_MAX: usize = 10;

/// Words of one number: the first 16 bytes of a keyed digest, made at the edge. The words themselves may hold a
/// password, and are in no log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WordsDigest(pub u128);

/// What was heard a moment ago.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Heard {
    /// When, and under which number.
    pub(crate) rows: Table<(Msisdn, WordsDigest), (LogTime, u64), 64>,
    /// By when.
    pub(crate) by_time: Table<(LogTime, Msisdn, WordsDigest), (), 128>,
    /// The number of the last one.
    pub(crate) last: u64,
}

impl State {
    /// A subscriber has sent words. The same words get the same number for [`SAME_MS`], and whatever is done by that
    /// number is done once.
    ///
    /// # Errors
    /// [`Refusal::TooManyWords`].
    pub(crate) fn hear_words(&mut self, from: Msisdn, words: WordsDigest) -> Result<Outcome, Refusal> {
        self.forget_heard(WORDS_MAX);
        if let Some((at, number)) = self.doors.texts.heard.rows.get(&(from, words)).copied()
            && self.now.ms_since(at) <= SAME_MS
        {
            return Ok(Outcome::Heard { number, again: true });
        }
        let heard = &self.doors.texts.heard;
        let of = heard.rows.iter_from((from, WordsDigest(0))).take_while(|((whose, _), _)| *whose == from);
        if of.filter(|(_, (at, _))| self.now.ms_since(*at) <= SAME_MS).count() >= WORDS_MAX {
            return Err(Refusal::TooManyWords);
        }

        // From here it must succeed.
        let now = self.now;
        let heard = &mut self.doors.texts.heard;
        heard.last += 1;
        let number = heard.last;
        if let Some((before, _)) = heard.rows.insert((from, words), (now, number)) {
            heard.by_time.remove(&(before, from, words));
        }
        heard.by_time.insert((now, from, words), ());
        self.entry.digest.feed(&(from, words, number));
        Ok(Outcome::Heard { number, again: false })
    }

    /// What a subscriber has sent is answered, in the subscriber's language or in the words' own.
    pub(crate) fn answer_words(&mut self, to: Msisdn, language: Language, answer: &SmsAnswer) -> Outcome {
        let language = self.subscriber(to).map_or(language, |subscriber| subscriber.language);
        self.add_effect(Effect::Sms { to, language, text: SmsText::Answer(Box::new(answer.clone())) });
        Outcome::Done
    }

    /// When something heard is to be forgotten.
    pub(super) fn heard_due(&self) -> Option<LogTime> {
        self.doors.texts.heard.by_time.first().map(|((at, ..), ())| at.plus_ms(SAME_MS))
    }

    /// Forgets what was heard longer ago than [`SAME_MS`].
    pub(super) fn forget_heard(&mut self, rows_max: usize) {
        let now = self.now;
        let heard = &mut self.doors.texts.heard;
        for _ in 0..rows_max {
            let Some((&(at, from, words), ())) = heard.by_time.first() else { break };
            if now.ms_since(at) <= SAME_MS {
                break;
            }
            heard.by_time.remove(&(at, from, words));
            heard.rows.remove(&(from, words));
        }
    }
}
