//! Buyers at the platform of unified payments (UPP): they order there and type their payment password, the UPP
//! has the province pay and its own SP deliver. Some orders are asked for twice at once, some are called off
//! before they come or while nobody knows, some are refused by the SP, some given back in part.

use std::time::Duration;

use mpss_domain::{Money, ProvinceId};
use mpss_runtime::{Clock, Random};
use serde_json::{Value, json};

use super::flows::Flow;
use super::life::Living;
use super::street::{Answer, Body};
use crate::outside::{Heard, UPP_KEY};
use crate::world::SeededRandom;

/// The largest order, in fen.
const AMOUNT_MAX: u64 = 600;
/// How often the UPP begins anew to ask for what it must have: until long after everything has ended.
const ROUNDS: u32 = 60;
/// Pause before it begins anew.
const PAUSE: Duration = Duration::from_secs(5);
/// How long its SP takes to deliver, or to refuse, in milliseconds.
const DELIVERY_MS: u64 = 3_000;

/// Refusals that tell of a race inside the country and not of the order.
const UNDECIDED: [&str; 3] = ["not_home", "not_yet", "password_changed"];

/// What becomes of an order that is paid.
#[derive(Clone, Copy)]
enum Fate {
    /// It is delivered.
    Delivered,
    /// It is delivered, and so much of the money comes back later.
    Returned(i64),
    /// The SP refuses, and the order is reversed.
    Refused,
    /// Nobody says anything.
    Silence,
}

impl Living {
    pub(super) async fn buy_at_upp(&mut self, key: &str, random: &SeededRandom) {
        let fen = i64::try_from(random.between(1, AMOUNT_MAX)).unwrap_or(1);
        let number = format!("U-{key}");
        let kind = match random.below(4) {
            0 if self.outside[0] => "communication",
            1 if self.outside[1] => "bank",
            _ => "virtual",
        };
        let order = json!({
            "order_number": number, "msisdn": self.me.msisdn, "account_kind": kind, "amount_fen": fen, "title": "机票",
            "payment_password": self.password,
        });
        self.street.country().rails().upp().take_order(&number, &self.me.msisdn, Money::fen(fen));
        let asked = self.near_the_upp(random);
        let fate = match random.below(20) {
            0..=9 => Fate::Delivered,
            10..=12 => Fate::Returned(i64::try_from(random.between(1, fen.unsigned_abs())).unwrap_or(1)),
            13..=16 => Fate::Refused,
            _ => Fate::Silence,
        };
        match random.below(20) {
            // It is called off while it is on its way.
            0 | 1 => {
                let pay = self.pay(asked, key, &order);
                let undo = self.undo(self.near_the_upp(random), &number, key);
                tokio::join!(pay, undo);
                return;
            }
            // Two clerks, or two machines of the UPP, ask for it at once.
            2 | 3 => {
                let (other, again) = (self.near_the_upp(random), format!("{key}-again"));
                tokio::join!(self.pay(asked, key, &order), self.pay(other, &again, &order));
            }
            _ => self.pay(asked, key, &order).await,
        }
        match self.street.country().rails().upp().heard(&number) {
            Heard::Paid => self.deliver(asked, &number, key, fate, random).await,
            // Some can not wait to be told.
            Heard::Pending if random.happens(300_000) => self.undo(asked, &number, key).await,
            // Nobody has said anything: it must not be paid any more.
            Heard::Nothing => self.undo(asked, &number, key).await,
            Heard::Pending | Heard::Declined | Heard::Reversed => {}
        }
    }

    /// The UPP asks the national platform, or the payer's home, or whoever it thinks of.
    fn near_the_upp(&self, random: &SeededRandom) -> ProvinceId {
        match random.below(4) {
            0 | 1 => ProvinceId::NATIONAL,
            2 => self.me.home,
            _ => self.location,
        }
    }

    async fn pay(&self, asked: ProvinceId, key: &str, order: &Value) {
        let body = Body::Signed(UPP_KEY, order.clone());
        let question = self.question(Flow::Upp, asked, "POST", "/v1/upp/payments".to_owned(), key, body);
        let Some(answer) = self.street.ask(&question).await else { return };
        let number = order["order_number"].as_str().unwrap_or_default();
        self.street.country().rails().upp().hear(number, heard_of(&answer));
    }

    /// Asks until there is an answer that will be the same tomorrow.
    async fn ask_until_told(&self, asked: ProvinceId, path: String, key: &str, body: Value) -> Option<Answer> {
        let question = self.question(Flow::Upp, asked, "POST", path, key, Body::Signed(UPP_KEY, body));
        for _ in 0..ROUNDS {
            let answer = self.street.ask(&question).await;
            if answer.as_ref().is_some_and(|answer| answer.is_done() || answer.body["retryable"] != true) {
                return answer;
            }
            self.street.country().clock().sleep(PAUSE).await;
        }
        None
    }

    async fn undo(&self, asked: ProvinceId, number: &str, key: &str) {
        let body = json!({
            "msisdn": self.me.msisdn, "reversal_number": format!("R-{key}"), "reason": "nobody said anything",
        });
        let path = format!("/v1/upp/payments/{number}/reversal");
        let told = self.ask_until_told(asked, path, &format!("{key}-undo"), body).await;
        // Who refuses that says that nothing is there, and nothing will be.
        let heard = told.map_or(Heard::Nothing, |told| if told.is_done() { Heard::Reversed } else { Heard::Declined });
        self.street.country().rails().upp().hear(number, heard);
    }

    async fn deliver(&self, asked: ProvinceId, number: &str, key: &str, fate: Fate, random: &SeededRandom) {
        let clock = self.street.country().clock();
        clock.sleep(Duration::from_millis(random.between(1, DELIVERY_MS))).await;
        match fate {
            Fate::Refused => self.undo(asked, number, key).await,
            Fate::Silence => {}
            Fate::Delivered | Fate::Returned(_) => {
                let path = format!("/v1/upp/payments/{number}/confirmation");
                let body = json!({ "msisdn": self.me.msisdn });
                self.ask_until_told(asked, path, &format!("{key}-delivered"), body).await;
            }
        }
        let Fate::Returned(fen) = fate else { return };
        let body = json!({ "msisdn": self.me.msisdn, "refund_number": format!("F-{key}"), "amount_fen": fen });
        let path = format!("/v1/upp/payments/{number}/refunds");
        let told = self.ask_until_told(asked, path, &format!("{key}-back"), body).await;
        if told.is_some_and(|answer| answer.is_done()) {
            self.street.country().rails().upp().give_back(number, Money::fen(fen));
        }
    }
}

/// What an answer to a payment says of it.
fn heard_of(answer: &Answer) -> Heard {
    match answer.status {
        201 => Heard::Paid,
        202 => Heard::Pending,
        _ if answer.text("code") == "already_reversed" => Heard::Reversed,
        // Whoever says this has decided nothing; an earlier try may have been paid.
        _ if UNDECIDED.contains(&answer.text("code").as_str()) => Heard::Nothing,
        _ => Heard::Declined,
    }
}
