//! The outbox: effects as rows of state, added when they are decided and taken out when they are
//! done.

use crate::effect::{Effect, EffectId, EffectRow};
use crate::outcome::Outcome;
use crate::state::State;
use crate::time::LogTime;

impl State {
    /// Adds an effect that may be done at once.
    pub(crate) fn add_effect(&mut self, effect: Effect) -> EffectId {
        self.add_effect_not_before(self.now, effect)
    }

    /// Adds an effect that must not be done before a time.
    pub(crate) fn add_effect_not_before(&mut self, not_before: LogTime, effect: Effect) -> EffectId {
        let id = EffectId(self.last_effect.0 + 1);
        self.last_effect = id;
        let row = EffectRow { id, at: self.now, not_before, effect };
        self.entry.digest.feed(&row);
        self.entry.effects_added = true;
        self.effects.insert(id, row);
        id
    }

    /// Takes out an effect that is done; nothing when it was taken out before.
    pub(crate) fn end_effect(&mut self, id: EffectId) {
        if self.effects.remove(&id).is_some() {
            self.entry.digest.feed(&id);
        }
    }

    /// See [`crate::Verb::AcknowledgeEffects`]. An effect that waits for an answer is not done by being
    /// sent, so it stays whatever is acknowledged.
    pub(crate) fn acknowledge_effects(&mut self, ids: &[EffectId]) -> Outcome {
        for &id in ids {
            let Some(row) = self.effects.get(&id) else { continue };
            match row.effect {
                Effect::Sms { .. } => self.text_acknowledged(id),
                Effect::CancelNotice { .. } | Effect::TellBank { .. } | Effect::TellUpp { .. } => {}
                Effect::AskBank { wish } => self.wish_told(wish),
                _ => continue,
            }
            self.end_effect(id);
        }
        Outcome::Done
    }
}
