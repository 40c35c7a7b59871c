//! Words for the keys that SPs sign with, and for what they are told by number.
//!
//! ```text
//! key shop a algorithm=ed25519 from=1h until=24h      a public key of SP `shop`, good in this time
//! key shop b algorithm=hmac-sha256                    a secret; `fits=no` gives it what does not fit
//! end-key shop a
//! see-key shop a good=yes ended=no secret=kept
//! see-events shop deliver:o1 delivered:o1             everything it was told, in order
//! see-notice o1 2                                     the event that the open notice about an order is about
//! ```

use mpss_domain::effect::Effect;
use mpss_domain::ids::IssuedId;
use mpss_domain::journal::JournalBody;
use mpss_domain::order::OrderEvent;
use mpss_domain::sp_events::SpEvent;
use mpss_domain::sp_keys::{SealedSpSecret, SetSpKey, SpKey, SpKeyAlgorithm, SpKeyId, SpKeyMaterial};
use mpss_domain::{EffectId, JournalRecord, LogTime, SpId, Verb};

use super::words::{Words, duration_ms, same};
use super::{START, Stage};

impl Stage {
    pub(super) fn sp_key_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let sp = self.sp_named(words.name(0)?);
        let key: SpKeyId = words.name(1)?.parse().map_err(|error| format!("{error}"))?;
        if words.verb == "end-key" {
            return Ok(Verb::EndSpKey { sp, key });
        }
        let name = words.get("algorithm").unwrap_or("ed25519");
        let algorithm = SpKeyAlgorithm::ALL.into_iter().find(|known| known.name() == name);
        let algorithm = algorithm.ok_or("an algorithm")?;
        let material = match algorithm {
            _ if words.get("fits").is_some() => SpKeyMaterial::Public(vec![4; 33]),
            SpKeyAlgorithm::Ed25519 => SpKeyMaterial::Public(vec![7; 32]),
            SpKeyAlgorithm::Sm2Sm3 => SpKeyMaterial::Public(vec![4; 65]),
            SpKeyAlgorithm::HmacSha256 | SpKeyAlgorithm::IsagMd5 => {
                SpKeyMaterial::Secret(SealedSpSecret::new(vec![9; 80]))
            }
        };
        let time = |word| words.get(word).map(|text| duration_ms(text).map(|ms| self.at.plus_ms(ms))).transpose();
        let (good_from, good_until) = (time("from")?, time("until")?);
        Ok(Verb::SetSpKey(Box::new(SetSpKey { sp, key, algorithm, material, good_from, good_until })))
    }

    fn sp_named(&self, name: &str) -> SpId {
        let unknown = SpId::issue(LogTime(START.0 - 1), self.state.province(), 1);
        self.sps.get(name).copied().unwrap_or(unknown)
    }

    pub(super) fn see_key(&self, words: &Words<'_>) -> Result<(), String> {
        let id = words.name(1)?.parse().map_err(|error| format!("{error}"))?;
        let key = self.state.sp_key(self.sp_named(words.name(0)?), id);
        let yes = |is: bool| if is { "yes" } else { "no" };
        let Some(key) = key else { return same("the key", "none", words.name(2)?) };
        for (word, value) in &words.values {
            match *word {
                "good" => same(word, yes(key.is_good_at(self.at)), value)?,
                "ended" => same(word, yes(key.ended_at.is_some()), value)?,
                "secret" => same(word, secret(key), value)?,
                other => return Err(format!("a key has no {other}")),
            }
        }
        Ok(())
    }

    /// Keeps what SPs were told; their numbers must follow one another.
    pub(super) fn hear(&mut self, journal: &[JournalRecord]) -> Result<(), String> {
        for record in journal {
            let JournalBody::SpTold { sp, number, event } = &record.body else { continue };
            let heard = self.heard.entry(*sp).or_default();
            same("the number of an SP's event", *number, heard.len() as u64 + 1)?;
            heard.push(*event);
        }
        Ok(())
    }

    pub(super) fn see_events(&self, words: &Words<'_>) -> Result<(), String> {
        let sp = self.sp_named(words.name(0)?);
        let told: Vec<String> = self.heard.get(&sp).into_iter().flatten().map(|event| self.words_of(event)).collect();
        same("the events", told.join(" ").as_str(), words.names[1..].join(" ").as_str())?;
        same("the last number", self.state.last_sp_event(sp), told.len() as u64)
    }

    fn words_of(&self, event: &SpEvent) -> String {
        let name_of = |order| self.orders.iter().find(|(_, id)| **id == order).map_or("?", |(name, _)| name.as_str());
        match *event {
            SpEvent::Order { order, event, before } => {
                let what = match event {
                    OrderEvent::DeliveryAsked => "deliver".to_owned(),
                    OrderEvent::ReversalAsked(..) => format!("cancel-{}", before.name()),
                    other => other.name().to_owned(),
                };
                format!("{what}:{}", name_of(order))
            }
            SpEvent::Award { order, status, .. } => format!("award-{}:{}", status.name(), name_of(order)),
        }
    }

    pub(super) fn see_notice(&self, words: &Words<'_>) -> Result<(), String> {
        let wanted = self.order(words.name(0)?);
        let about = |effect: &Effect| matches!(effect, Effect::DeliveryNotice { order, .. } | Effect::CancelNotice { order, .. } if *order == wanted);
        let row = self.state.effects_from(EffectId(0)).find(|row| about(&row.effect)).ok_or("no notice is open")?;
        let number = self.state.sp_event_of(row.id).map_or("none".to_owned(), |number| number.to_string());
        same("its event", number.as_str(), words.name(1)?)
    }
}

fn secret(key: &SpKey) -> &'static str {
    match &key.material {
        SpKeyMaterial::Secret(sealed) if sealed.as_bytes().is_empty() => "wiped",
        SpKeyMaterial::Secret(_) => "kept",
        SpKeyMaterial::Public(_) => "none",
    }
}
