//! Words for the vault of PIN cards.
//!
//! ```text
//! load card batch=B1 cards="88880001/2026-12-31 rubbish" -> ok loaded,malformed
//!                                       number and last day of each card; what is no card is malformed
//! stock card loaded=1 in_stock=1 reserved=0 sold=0 shown=0 expired=0
//! reveal o1 by=alice                    the buyer looks at the cards of an order
//! see-cards o1 88880001                 the numbers that go with an order; `none` when there are none
//! ```

use mpss_domain::vault::{CardLine, CardResult, NewCard, SealedPin};
use mpss_domain::{ProductId, Verb};

use super::Stage;
use super::words::{Words, same};

/// What a batch is answered with.
pub(super) fn results(results: &[CardResult]) -> String {
    let results: Vec<_> = results.iter().map(|result| result.name()).collect();
    format!("ok {}", results.join(","))
}

/// `NUMBER/LAST-DAY`, with `/nothing` behind for a card whose PIN is missing.
fn card(text: &str) -> CardLine {
    let mut parts = text.split('/');
    let (Some(Ok(number)), Some(Ok(expires))) = (parts.next().map(str::parse), parts.next().map(str::parse)) else {
        return CardLine::Malformed;
    };
    let pin = if parts.next().is_some() { Vec::new() } else { format!("the PIN of {number}").into_bytes() };
    CardLine::Card(NewCard { number, pin: SealedPin::new(pin), expires })
}

impl Stage {
    pub(super) fn card_verb(&mut self, words: &Words<'_>) -> Result<Verb, String> {
        if words.verb == "reveal" {
            return Ok(Verb::RevealCards { order: self.order(words.name(0)?), buyer: self.msisdn(words.need("by")?)? });
        }
        let text = words.need("cards")?;
        let mut lines: Vec<_> = text.split_whitespace().map(card).collect();
        if let Some(many) = words.get("times") {
            let many = many.parse().map_err(|_| "times is a number")?;
            lines = lines.into_iter().cycle().take(many).collect();
        }
        Ok(Verb::LoadCards {
            product: self.product(words.name(0)?),
            batch: words.need("batch")?.parse().map_err(|error| format!("batch: {error}"))?,
            content: text.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))),
            lines,
        })
    }

    pub(super) fn see_cards(&self, words: &Words<'_>) -> Result<(), String> {
        let cards = self.state.cards_of(self.order(words.name(0)?));
        let numbers: Vec<_> = cards.unwrap_or_default().iter().map(|card| card.number.to_string()).collect();
        let numbers = if numbers.is_empty() { "none".to_owned() } else { numbers.join(",") };
        same("its cards", numbers.as_str(), words.name(1)?)
    }

    pub(super) fn see_stock(&self, words: &Words<'_>) -> Result<(), String> {
        let product: ProductId = self.product(words.name(0)?);
        let Some(stock) = self.state.stock(product) else { return Err("nothing was ever loaded".into()) };
        for (key, value) in &words.values {
            let count = match *key {
                "loaded" => stock.loaded,
                "in_stock" => stock.in_stock,
                "reserved" => stock.reserved,
                "sold" => stock.sold,
                "shown" => stock.shown,
                "expired" => stock.expired,
                // Rows, and not what is counted of them.
                "kept" => self.state.cards().filter(|card| card.product == product).count() as u64,
                "pins" => {
                    let kept = self.state.cards().filter(|card| card.product == product);
                    kept.filter(|card| !card.pin.as_bytes().is_empty()).count() as u64
                }
                other => return Err(format!("a stock has no {other}")),
            };
            same(key, count.to_string().as_str(), value)?;
        }
        Ok(())
    }
}
