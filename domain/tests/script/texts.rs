//! Words for what becomes of texts, and for what subscribers send.
//!
//! ```text
//! submit alice part=0 of=2             the centre is about to be asked for a part of the oldest text to her
//! taken alice part=0 as=m1             it has it, and calls it m1; not-taken, refused (why=…), unknown likewise
//! receipt alice m1 delivered           what the centre tells later: there, delivered, deleted, unknown, failed
//! hears alice "YE" as=h1               alice sends words; the same again within two minutes are the same
//! reply alice help
//! see-text alice sending tries=1       what became of the oldest text to her that is not final, else of the newest
//! texts delivered=1 unknown=0          how many texts came to what
//! ```

use mpss_domain::account::Language;
use mpss_domain::texts::answer::SmsAnswer;
use mpss_domain::texts::heard::WordsDigest;
use mpss_domain::texts::{Fate, PartNews, Receipt, ReceiptFate, TextNews, reference_of};
use mpss_domain::{Effect, EffectId, Msisdn, Verb};

use super::Stage;
use super::words::{Words, same};

impl Stage {
    /// The oldest text to a number that is to be sent.
    fn text_to(&self, to: Msisdn) -> Result<EffectId, String> {
        let mut texts = self.state.effects_from(EffectId(0));
        let found = texts.find(|row| matches!(&row.effect, Effect::Sms { to: whom, .. } if *whom == to));
        // Its words may be gone while its parts are asked about.
        let rows = || self.state.texts_of(to).find(|text| !text.fate.is_final()).map(|text| text.id);
        found.map(|row| row.id).or_else(rows).ok_or_else(|| "nothing waits to be sent to this number".into())
    }

    pub(super) fn text_verb(&mut self, words: &Words<'_>) -> Result<Verb, String> {
        let to = self.msisdn(words.name(0)?)?;
        if words.verb == "receipt" {
            let why = words.get("why").unwrap_or("UNDELIV").to_owned();
            let fate = match words.name(2)? {
                "there" => ReceiptFate::There,
                "delivered" => ReceiptFate::Delivered,
                "deleted" => ReceiptFate::Deleted,
                "failed" => ReceiptFate::Failed { why },
                _ => ReceiptFate::Unknown,
            };
            let reference = match words.get("of") {
                Some(part) => {
                    let text = self.text_to(to)?;
                    let tries = self.state.text(text).map_or(0, |row| row.tries);
                    Some(reference_of(text, number(part)?, tries))
                }
                None => words.get("reference").map(|given| given.parse().map_err(|_| "16 bits")).transpose()?,
            };
            let receipt = Receipt { to, message: words.name(1)?.to_owned(), reference, fate };
            return Ok(Verb::RecordTexts { news: Vec::new(), receipts: vec![receipt] });
        }
        if words.verb == "hears" {
            let digest = words.name(1)?.bytes().fold(7_u128, |digest, byte| digest * 257 + u128::from(byte));
            return Ok(Verb::HearWords { from: to, words: WordsDigest(digest) });
        }
        if words.verb == "reply" {
            return Ok(Verb::AnswerWords { to, language: Language::English, answer: SmsAnswer::Help });
        }
        let part = number(words.get("part").unwrap_or("0"))?;
        let news = match words.verb {
            "submit" => PartNews::Asks { parts: number(words.get("of").unwrap_or("1"))? },
            "taken" => PartNews::Taken { message: words.need("as")?.to_owned() },
            "not-taken" => PartNews::NotTaken,
            "refused" => PartNews::Refused { why: words.need("why")?.to_owned() },
            _ => PartNews::Unknown,
        };
        let text = match words.get("text") {
            Some(id) => EffectId(id.parse().map_err(|_| "a text has a number")?),
            None => self.text_to(to)?,
        };
        Ok(Verb::RecordTexts { news: vec![TextNews { text, part, news }], receipts: Vec::new() })
    }

    pub(super) fn see_fate(&self, words: &Words<'_>) -> Result<(), String> {
        let to = self.msisdn(words.name(0)?)?;
        let open = self.state.texts_of(to).find(|text| !text.fate.is_final());
        let Some(text) = open.or_else(|| self.state.texts_of(to).last()) else {
            return same("the text", "forgotten", words.name(1)?);
        };
        same("the text", text.fate.name(), words.name(1)?)?;
        if let Some(tries) = words.get("tries") {
            same("tries", text.tries.to_string().as_str(), tries)?;
        }
        match words.get("why") {
            Some(why) => same("the reason", text.why.as_deref().unwrap_or("none"), why),
            None => Ok(()),
        }
    }

    pub(super) fn see_totals(&self, words: &Words<'_>) -> Result<(), String> {
        let totals = self.state.text_totals();
        for (key, value) in &words.values {
            let count = match Fate::ALL.iter().find(|fate| fate.name() == *key) {
                Some(fate) => totals.of(*fate),
                None => totals.unmatched,
            };
            same(key, count.to_string().as_str(), value)?;
        }
        Ok(())
    }
}

fn number(text: &str) -> Result<u8, String> {
    text.parse().map_err(|_| "a part has a small number".to_owned())
}
