//! The clerk of an SP that sells PIN cards: loads a small batch now and then, so that cards run out
//! between two. Batches are sent again, from two desks at once, with some numbers that came before, with
//! lines that are no cards, and now and then with other content under a name that was used.

use std::time::Duration;

use mpss_domain::ProvinceId;
use mpss_runtime::{Clock, Random};
use serde_json::{Value, json};

use super::flows::Flow;
use super::life::Rules;
use super::scene::Goods;
use super::street::{Answer, Body, Question, Street};
use crate::world::SeededRandom;

/// Shortest and longest time between two batches, in milliseconds.
const PAUSE_MS: (u64, u64) = (4_000, 14_000);
/// Cards of one batch at most.
const CARDS_MAX: u64 = 5;
/// Numbers of one batch, used or not.
const NUMBERS: u64 = 10;
/// Last days: those that end first are sold first. The day of the simulation is 2026-01-05.
const LAST_DAYS: [&str; 3] = ["2027-12-31", "2026-06-30", "2026-12-31"];

/// The PIN that an SP printed on the card with this number.
#[must_use]
pub fn pin_of(number: &str) -> String {
    format!("{:018}", xxhash_rust::xxh3::xxh3_64(number.as_bytes()) % 1_000_000_000_000_000_000)
}

/// One clerk.
struct Clerk<'a> {
    street: &'a Street,
    goods: &'a Goods,
    name: String,
}

/// Loads the first batch of a product, before anybody lives. A province whose program knows no cards yet
/// takes none; there they come later.
///
/// # Errors
/// When it is refused.
pub async fn first_batch(street: &Street, goods: &Goods) -> Result<(), String> {
    let clerk = Clerk::of(street, goods);
    let cards = (0..CARDS_MAX).map(|place| clerk.card(0, place)).collect();
    let Some(answer) = clerk.load("B0", cards, &format!("{}-first", clerk.name)).await else {
        return Err(format!("{}: no answer to its first batch while nothing is wrong", clerk.name));
    };
    let refused = !answer.is_done() && answer.text("code") != "not_yet";
    if refused { Err(format!("{}: {} {}", clerk.name, answer.status, answer.body)) } else { Ok(()) }
}

/// Loads batches until `until`.
pub async fn load_cards(street: Street, goods: Goods, rules: Rules, until: Duration) {
    let clerk = Clerk::of(&street, &goods);
    let random = street.country().random().named(&clerk.name);
    let clock = street.country().clock().clone();
    for turn in 1_u64.. {
        let random = random.named(&turn.to_string());
        clock.sleep(Duration::from_millis(random.between(PAUSE_MS.0, PAUSE_MS.1))).await;
        if clock.monotonic() >= until {
            return;
        }
        let name = format!("{}:{turn}", clerk.name);
        if rules.only.as_ref().is_some_and(|only| !only.contains(&name)) {
            continue;
        }
        street.note(|told| {
            told.turns.insert(name);
        });
        clerk.take_turn(turn, &random).await;
    }
}

impl<'a> Clerk<'a> {
    fn of(street: &'a Street, goods: &'a Goods) -> Self {
        Self { street, goods, name: format!("clerk-{}-{}", goods.province, goods.scope) }
    }

    async fn take_turn(&self, turn: u64, random: &SeededRandom) {
        let (batch, key) = (format!("B{turn}"), format!("{}-{turn}", self.name));
        let mut cards: Vec<Value> = (0..random.between(2, CARDS_MAX)).map(|place| self.card(turn, place)).collect();
        if random.happens(300_000) {
            cards.push(self.card(random.below(turn), 0));
        }
        if random.happens(200_000) {
            cards.push(json!({ "number": "88", "pin": "1", "expires": "never" }));
            cards.push(json!({ "number": self.number(turn, NUMBERS - 1), "pin": "7309", "expires": "2026-01-04" }));
        }
        let again = format!("{key}-again");
        let (first, second) = match random.below(4) {
            0 => tokio::join!(self.load(&batch, cards.clone(), &key), self.load(&batch, cards.clone(), &again)),
            1 => (self.load(&batch, cards.clone(), &key).await, self.load(&batch, cards.clone(), &again).await),
            _ => (self.load(&batch, cards.clone(), &key).await, None),
        };
        let answers = [first, second].map(|answer| answer.filter(Answer::is_done));
        if let [Some(first), Some(second)] = &answers
            && first.body["results"] != second.body["results"]
        {
            self.contradiction(format!("{batch} was loaded twice: {} and {}", first.body, second.body));
        }
        if answers[0].is_some() && random.happens(300_000) {
            cards.pop();
            let other = self.load(&batch, cards, &format!("{key}-other")).await;
            if let Some(other) = other.filter(|other| other.text("code") != "batch_mismatch") {
                let (status, body) = (other.status, other.body);
                self.contradiction(format!("{batch} was taken with other content: {status} {body}"));
            }
        }
        self.count().await;
    }

    /// The number on the card at a place of a batch: nobody else has it.
    fn number(&self, batch: u64, place: u64) -> String {
        let scope = self.goods.scope.len();
        format!("88{}{scope:02}{:08}", self.goods.province, batch * NUMBERS + place)
    }

    fn card(&self, batch: u64, place: u64) -> Value {
        let number = self.number(batch, place);
        let last_day = LAST_DAYS[usize::try_from((batch + place) % 3).unwrap_or(0)];
        json!({ "number": number, "pin": pin_of(&number), "expires": last_day })
    }

    async fn load(&self, batch: &str, cards: Vec<Value>, key: &str) -> Option<Answer> {
        let body = Body::Json(json!({ "batch_id": batch, "cards": cards }));
        self.ask("POST", format!("/v1/products/{}/cards", self.goods.product), key, body).await
    }

    /// The stock as it is told adds up.
    async fn count(&self) {
        let path = format!("/v1/products/{}/stock", self.goods.product);
        let Some(answer) = self.ask("GET", path, "", Body::Nothing).await.filter(Answer::is_done) else { return };
        let count = |name: &str| answer.body[name].as_u64().unwrap_or_default();
        let places = ["in_stock", "reserved", "sold", "shown", "expired"].map(count);
        if places.iter().sum::<u64>() != count("loaded") {
            self.contradiction(format!("the stock does not add up: {}", answer.body));
        }
        if count("loaded") > 0 && count("in_stock") == 0 {
            self.street.country().tally().count("cards sold out");
        }
    }

    async fn ask(&self, method: &'static str, path: String, key: &str, body: Body) -> Option<Answer> {
        let (who, flow, province): (_, _, ProvinceId) = (self.name.clone(), Flow::Cards.name(), self.goods.province);
        let question = Question { who, flow, province, method, path, key: key.to_owned(), body };
        self.street.ask(&question).await
    }

    fn contradiction(&self, what: String) {
        self.street.note(|told| told.contradictions.push(format!("{}: {what}", self.name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_pin_of_its_own() {
        let pins: std::collections::BTreeSet<_> =
            (0..1_000).map(|number| pin_of(&format!("8844{number:08}"))).collect();
        assert_eq!(pins.len(), 1_000);
        assert!(pins.iter().all(|pin| pin.len() == 18));
    }
}
