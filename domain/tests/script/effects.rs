//! What waits to be done outside: texts to people, and calls to whoever has to know.

use mpss_domain::{Effect, EffectId};

use super::Stage;
use super::words::{Words, same};

impl Stage {
    /// `told alice "words"`: the newest text to her has these words.
    pub(super) fn see_text(&self, words: &Words<'_>) -> Result<(), String> {
        let to = self.msisdn(words.name(0)?)?;
        let texts = self.state.effects_from(EffectId(0)).filter_map(|row| match &row.effect {
            Effect::Sms { to: whom, language, text } if *whom == to => Some(text.render(*language)),
            _ => None,
        });
        let last = texts.last().unwrap_or_else(|| "(nothing)".into());
        let expected = words.name(1)?;
        if last.contains(expected) { Ok(()) } else { Err(format!("the newest text is {last}")) }
    }

    /// `waiting notice=1 cancel=0`: how many effects of a kind are not done.
    pub(super) fn see_effects(&self, words: &Words<'_>) -> Result<(), String> {
        for (key, value) in &words.values {
            let count = self.state.effects_from(EffectId(0)).filter(|row| match &row.effect {
                Effect::Sms { .. } => *key == "sms",
                Effect::DeliveryNotice { .. } => *key == "notice",
                Effect::CancelNotice { .. } => *key == "cancel",
                Effect::ResolvePayment { .. } => *key == "resolve",
                Effect::ReversePayment { .. } => *key == "reverse",
                Effect::RefundPayment { .. } => *key == "refund",
                Effect::CreditTransfer { .. } => *key == "credit",
                Effect::Call { .. } => *key == "call",
                Effect::TellBank { .. } => *key == "bank",
                Effect::AskBank { .. } => *key == "wish",
                Effect::CapturePayment { .. } => *key == "capture",
                Effect::CreditAward { .. } => *key == "award",
                Effect::TellUpp { .. } => *key == "upp",
                Effect::AskConfirmation { .. } => *key == "confirmation",
            });
            same(key, count.count().to_string().as_str(), value)?;
        }
        Ok(())
    }
}
