//! Words for top-ups by recharge card.
//!
//! ```text
//! recharge r1 account=alice card=7         asks for the card; `send` and `answer r1 hold worth=50.00`
//!                                          are those of `rails.rs`
//! see-recharge r1 status=credited amount=50.00 balance=150.00 because=… pin=gone
//! ```

use mpss_domain::recharge::{RechargeCard, RechargeStatus};
use mpss_domain::vault::SealedPin;
use mpss_domain::{TopUpId, Verb};

use super::Stage;
use super::words::{Words, money, same};

impl Stage {
    pub(super) fn recharge_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let card: u128 = words.need("card")?.parse().map_err(|_| "a card is a number")?;
        let pin = if words.get("pin") == Some("none") { Vec::new() } else { card.to_be_bytes().to_vec() };
        let account = self.account(words.need("account")?)?;
        Ok(Verb::TopUpByCard { account, card: RechargeCard::new(card), pin: SealedPin::new(pin) })
    }

    pub(super) fn top_up_named(&self, name: &str) -> Result<TopUpId, String> {
        self.top_ups.get(name).copied().ok_or_else(|| format!("no top-up is called {name}"))
    }

    pub(super) fn see_recharge(&mut self, words: &Words<'_>) -> Result<(), String> {
        let row = self.state.recharge(self.top_up_named(words.name(0)?)?).ok_or("there is no such top-up")?;
        let because = match row.status {
            RechargeStatus::Refused(refusal) => Some(refusal.code()),
            _ => None,
        };
        for (key, value) in &words.values {
            match *key {
                "status" => same(key, row.status.name(), value)?,
                "amount" => same(key, row.amount, money(value)?)?,
                "balance" => same(key, row.balance, money(value)?)?,
                "because" => same(key, because.unwrap_or("not refused"), value)?,
                "pin" => same(key, if row.pin.as_bytes().is_empty() { "gone" } else { "sealed" }, value)?,
                other => return Err(format!("a top-up has no {other}")),
            }
        }
        self.refused.extend(because);
        Ok(())
    }
}
