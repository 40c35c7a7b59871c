//! Buyers of PIN cards: they look at what they bought, now and then twice or at two places at once, are
//! asked for it by somebody who is not the buyer, and some want their money back, in time or too late.

use mpss_domain::ProvinceId;
use mpss_domain::catalogue::Application;
use mpss_runtime::Random;
use serde_json::{Value, json};

use super::Reveal;
use super::flows::Flow;
use super::life::{Living, yuan};
use super::scene::PRICE;
use super::street::Answer;
use crate::world::SeededRandom;

/// Turns in which something new is bought, in parts of a million.
const BUYS: u32 = 550_000;

/// An order of goods that can be counted.
#[derive(Debug, Clone)]
pub(super) struct Bought {
    /// Who took it.
    pub(super) serving: ProvinceId,
    pub(super) order: String,
    /// How many.
    pub(super) quantity: u32,
}

impl Living {
    pub(super) async fn live_by_cards(&mut self, key: &str, random: &SeededRandom) {
        if self.cards.is_empty() || random.happens(BUYS) {
            let quantity = *random.pick(&[1, 1, 1, 2, 3]);
            let kind = (Flow::Cards, Application::CardSale);
            let Some(bought) = self.buy_some(kind, quantity, key, random).await else { return };
            // Many can not wait.
            if random.happens(300_000) {
                self.look_at_cards(&bought, &self.me.msisdn, &format!("{key}-look"), random).await;
            }
            self.cards.push(bought);
            return;
        }
        let bought = random.pick(&self.cards).clone();
        let (me, again) = (self.me.msisdn.as_str(), format!("{key}-again"));
        match random.below(10) {
            0..=2 => {
                self.look_at_cards(&bought, me, key, random).await;
                self.look_at_cards(&bought, me, &again, random).await;
            }
            3 => {
                let looks = self.look_at_cards(&bought, me, key, random);
                tokio::join!(looks, self.look_at_cards(&bought, me, &again, random));
            }
            4 => {
                let looks = self.look_at_cards(&bought, me, key, random);
                tokio::join!(looks, self.ask_back(Flow::Cards, &bought, None, &again));
            }
            5 => {
                let looks = self.look_at_cards(&bought, me, key, random);
                tokio::join!(looks, self.ask_back(Flow::Cards, &bought, Some(1), &again));
            }
            6 => {
                let somebody = random.pick(&self.scene.people).msisdn.as_str();
                self.look_at_cards(&bought, somebody, key, random).await;
            }
            7 => drop(self.ask_back(Flow::Cards, &bought, None, key).await),
            _ => {
                let many = u32::try_from(random.between(1, u64::from(bought.quantity))).unwrap_or(1);
                self.ask_back(Flow::Cards, &bought, Some(many), key).await;
            }
        }
    }

    /// Asks to see the cards of an order, as `by`, where they were sold or anywhere else.
    async fn look_at_cards(&self, bought: &Bought, by: &str, key: &str, random: &SeededRandom) {
        let asked = if random.happens(300_000) { self.home_or_here(random) } else { bought.serving };
        let path = format!("/v1/orders/{}/cards", bought.order);
        let answer = self.change(Flow::Cards, asked, "POST", path, key, json!({ "msisdn": by })).await;
        let Some(answer) = answer.filter(Answer::is_done) else { return };
        let part = |card: &Value| ["number", "pin", "expires"].map(|name| card[name].as_str().unwrap_or("").to_owned());
        let cards = answer.body["cards"].as_array().map(|cards| cards.iter().map(part).collect());
        let reveal = Reveal {
            order: bought.order.clone(),
            by: by.to_owned(),
            shown_at: answer.text("shown_at"),
            cards: cards.unwrap_or_default(),
        };
        self.street.country().tally().count("cards shown");
        self.street.note(|told| told.reveals.push(reveal));
    }

    /// Has so many pieces of an order refunded, or the whole of it reversed.
    pub(super) async fn ask_back(&self, flow: Flow, bought: &Bought, pieces: Option<u32>, key: &str) -> Option<Answer> {
        let (path, body) = match pieces {
            None => (format!("/v1/orders/{}/reversal", bought.order), json!({ "reason": "buyer asked" })),
            Some(many) => {
                let body = json!({ "amount": yuan(PRICE * i64::from(many)), "reason": "buyer asked" });
                (format!("/v1/orders/{}/refunds", bought.order), body)
            }
        };
        self.change(flow, bought.serving, "POST", path, key, body).await
    }
}
