//! Texts that an SP sends to subscribers through us. Each is an effect like any other text, and what becomes of it is in
//! the same rows; the SP's name, as it was admitted under, stands in front of its words.

use serde::{Deserialize, Serialize};

use crate::effect::{Effect, EffectId, SmsText};
use crate::ids::{Msisdn, SpId};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;
use crate::texts::Fate;

/// Letters of such a text at most: five messages of one.
pub const SP_WORDS_CHARS_MAX: usize = 300;

/// Numbers that one request may name.
pub const SP_NUMBERS_MAX: usize = 10;

/// What an SP wants to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendText {
    /// Which SP.
    pub sp: SpId,
    /// To whom: each once, 1 to [`SP_NUMBERS_MAX`].
    pub to: Vec<Msisdn>,
    /// The words, 1 to [`SP_WORDS_CHARS_MAX`] letters.
    pub words: String,
}

/// Texts of an SP that are to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextsTaken {
    /// Whose.
    pub sp: SpId,
    /// The first one; the others follow it.
    pub first: EffectId,
    /// To whom, in this order.
    pub to: Vec<Msisdn>,
}

impl TextsTaken {
    /// Each text, and to whom it is.
    pub fn texts(&self) -> impl Iterator<Item = (EffectId, Msisdn)> {
        (self.first.0..).map(EffectId).zip(self.to.iter().copied())
    }
}

/// Where a text stands, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextStanding {
    /// It is in the outbox.
    Waiting,
    /// What became of it, by the centre's word.
    Is(Fate),
    /// It has left the outbox, and nothing more is known of it, or no longer.
    Gone,
}

impl State {
    /// An SP sends a text: to all it names, or to none.
    ///
    /// # Errors
    /// In this order: [`Refusal::SpNotFound`]; [`Refusal::SpSuspended`]; the numbers ([`State::check_home_is_here`]).
    pub(crate) fn send_text(&mut self, ask: &SendText) -> Result<Outcome, Refusal> {
        let sp = self.sp(ask.sp).ok_or(Refusal::SpNotFound)?;
        if sp.suspended {
            return Err(Refusal::SpSuspended);
        }
        let sender = sp.name.clone();
        for to in &ask.to {
            self.check_home_is_here(*to)?;
        }

        // From here it must succeed.
        let first = EffectId(self.last_effect.0 + 1);
        for &to in &ask.to {
            let language = self.subscriber(to).map(|subscriber| subscriber.language).unwrap_or_default();
            let text = SmsText::FromSp { sender: sender.clone(), words: ask.words.clone() };
            self.add_effect(Effect::Sms { to, language, text });
        }
        Ok(Outcome::TextsTaken(Box::new(TextsTaken { sp: ask.sp, first, to: ask.to.clone() })))
    }

    /// The texts that a request of an SP was taken for, as long as its answer is remembered.
    #[must_use]
    pub fn texts_of_request(&self, key: u128) -> Option<&TextsTaken> {
        match self.outcome_of_request(key)? {
            Outcome::TextsTaken(taken) => Some(taken),
            _ => None,
        }
    }

    /// Where a text stands.
    #[must_use]
    pub fn text_standing(&self, id: EffectId) -> TextStanding {
        match self.text(id) {
            Some(text) => TextStanding::Is(text.fate),
            None if self.effect(id).is_some() => TextStanding::Waiting,
            None => TextStanding::Gone,
        }
    }
}
