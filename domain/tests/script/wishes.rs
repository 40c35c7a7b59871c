//! Words for cards that subscribers ask to be bound.
//!
//! ```text
//! wish w1 msisdn=18900000001 card=1234      the subscriber asks; the bank is to be told
//! bind b1 msisdn=18900000001 wish=w1        the bank binds, naming the wish
//! refuse-wish w1 because=not_the_holder     the bank does not
//! see-wish w1 status=told number=forgotten
//! ```

use mpss_domain::ids::IssuedId;
use mpss_domain::wish::{AskBinding, SealedCardNumber, WishRefusal};
use mpss_domain::{LogTime, Verb, WishId};

use super::words::{Words, same};
use super::{START, Stage};

impl Stage {
    pub(super) fn wish_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        if words.verb == "refuse-wish" {
            let because = words.get("because").unwrap_or("not_said");
            let why = WishRefusal::ALL.into_iter().find(|why| why.name() == because);
            let why = why.ok_or_else(|| format!("nothing is refused because of {because}"))?;
            return Ok(Verb::RefuseWish { wish: self.wish(words.name(0)?)?, why });
        }
        Ok(Verb::AskBinding(Box::new(AskBinding {
            msisdn: self.msisdn(words.need("msisdn")?)?,
            bank: "01020000".into(),
            last_four: words.get("card").unwrap_or("1234").into(),
            number: SealedCardNumber::new(if words.get("number") == Some("open") { Vec::new() } else { vec![7; 60] }),
        })))
    }

    pub(super) fn wish(&self, name: &str) -> Result<WishId, String> {
        if name == "unknown" {
            return Ok(WishId::issue(LogTime(START.0 - 1), self.state.province(), 1));
        }
        self.wishes.get(name).copied().ok_or_else(|| format!("no wish is called {name}"))
    }

    pub(super) fn see_wish(&self, words: &Words<'_>) -> Result<(), String> {
        let wish = self.state.wish(self.wish(words.name(0)?)?).ok_or("there is no such wish")?;
        for (key, value) in &words.values {
            match *key {
                "status" => same(key, wish.status.name(), value)?,
                "number" => {
                    same(key, if wish.number.as_bytes().is_empty() { "forgotten" } else { "sealed" }, value)?;
                }
                other => return Err(format!("a wish has no {other}")),
            }
        }
        Ok(())
    }
}
