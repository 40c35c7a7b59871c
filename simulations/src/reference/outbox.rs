//! What the world has to be told, numbered in the order of events (product §4). A text or a
//! cancellation is done when it was sent; whatever waits for an answer is done when it is answered.

use std::collections::BTreeMap;

use mpss_domain::{Effect, EffectId, EffectRow, LogTime, Msisdn, OrderId, Outcome, SmsText};

use super::Reference;

/// Effects that are not done.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    last: u64,
    pub(super) told: BTreeMap<EffectId, EffectRow>,
    pub(super) asked: BTreeMap<EffectId, EffectRow>,
}

impl Reference {
    /// Sends a subscriber a text in the subscriber's language.
    pub(super) fn text(&mut self, to: Msisdn, text: SmsText) {
        let language = self.people[&to].language;
        self.effect(Effect::Sms { to, language, text });
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.effect_not_before(self.now, effect);
    }

    pub(super) fn effect_not_before(&mut self, not_before: LogTime, effect: Effect) {
        self.outbox.last += 1;
        let id = EffectId(self.outbox.last);
        let only_told = matches!(effect, Effect::Sms { .. } | Effect::CancelNotice { .. });
        let rows = if only_told { &mut self.outbox.told } else { &mut self.outbox.asked };
        rows.insert(id, EffectRow { id, at: self.now, not_before, effect });
    }

    /// The question is answered, or nobody needs the answer any more.
    pub(super) fn answered(&mut self, question: impl Fn(&Effect) -> bool) {
        self.outbox.asked.retain(|_, row| !question(&row.effect));
    }

    /// What an order waits for.
    pub(super) fn question_of(&self, id: OrderId) -> Option<&EffectRow> {
        self.outbox.asked.values().find(|row| asks_about(&row.effect, id))
    }

    /// What waits for an answer is not done by being sent.
    pub(super) fn acknowledge(&mut self, effects: &[EffectId]) -> Outcome {
        for effect in effects {
            self.outbox.told.remove(effect);
        }
        Outcome::Done
    }
}

/// Is it the one question that moves this order on? A refund moves beside the order.
pub(super) fn asks_about(effect: &Effect, id: OrderId) -> bool {
    match effect {
        Effect::DeliveryNotice { order, .. }
        | Effect::ResolvePayment { order, .. }
        | Effect::ReversePayment { order, .. } => *order == id,
        _ => false,
    }
}
