//! Who pays at machines by one-time codes (付费码): most present a code at once, some at two machines, some again,
//! some too late, some for more than it is good for, and some guess.

use std::time::Duration;

use mpss_domain::ProvinceId;
use mpss_domain::catalogue::Application;
use mpss_runtime::{Clock, Random};
use serde_json::json;

use super::Answer;
use super::flows::Flow;
use super::life::{Living, yuan};
use super::scene::{Goods, PRICE};
use crate::world::SeededRandom;

/// A code is good for a minute, and remembered for longer.
const TOO_LATE: Duration = Duration::from_secs(61);

impl Living {
    pub(super) async fn pay_by_code(&mut self, key: &str, random: &SeededRandom) {
        // Some ask for less than things cost.
        let amount = if random.happens(60_000) { PRICE / 2 } else { PRICE * 2 };
        let body = json!({ "payment_password": self.password, "amount": yuan(amount) });
        let path = format!("/v1/accounts/{}/payment-codes", self.me.account);
        let asked = self.home_or_here(random);
        let Some(answer) = self.change(Flow::Codes, asked, "POST", path, &format!("{key}-code"), body).await else {
            return;
        };
        self.learn(&answer);
        let code = answer.text("payment_code");
        if code.is_empty() {
            return;
        }
        let (one, other) = (self.machine(random), self.machine(random));
        let again = format!("{key}-again");
        match random.below(12) {
            0 => {
                self.street.country().clock().sleep(TOO_LATE).await;
                self.at_machine(&one, &code, key).await;
            }
            1 | 2 => {
                let (first, second) = (self.at_machine(&one, &code, key), self.at_machine(&other, &code, &again));
                let told = tokio::join!(first, second);
                for (key, answer) in [(key, told.0), (again.as_str(), told.1)] {
                    answer.and_then(|answer| self.took_order(key, &answer));
                }
            }
            3 => {
                for key in [key, again.as_str()] {
                    let answer = self.at_machine(&one, &code, key).await;
                    answer.and_then(|answer| self.took_order(key, &answer));
                }
            }
            4 => {
                // The first two digits and the last fit somebody's code, so that it is not a slip of the finger.
                let guess = format!("{}{:013}", &code[..2], random.below(10_000_000_000_000));
                let guess = format!("{guess}{}", check_digit(&guess));
                self.at_machine(&one, &guess, key).await;
            }
            _ => {
                let answer = self.at_machine(&one, &code, key).await;
                answer.and_then(|answer| self.took_order(key, &answer));
            }
        }
    }

    /// A machine that I come by.
    fn machine(&mut self, random: &SeededRandom) -> Goods {
        let scope = *random.pick(&[Flow::Local, Flow::Roaming, Flow::National]);
        if scope == Flow::Roaming && self.location == self.me.home {
            self.travel(random);
        }
        self.goods_of(Application::PayPerUse, scope, random)
    }

    /// It asks the province that serves it.
    async fn at_machine(&self, goods: &Goods, code: &str, key: &str) -> Option<Answer> {
        let location = if goods.province == ProvinceId::NATIONAL { self.location } else { goods.province };
        let body = json!({
            "product_id": goods.product, "quantity": 1, "payment_code": code, "location": location.to_string(),
        });
        self.change(Flow::Codes, goods.province, "POST", "/v1/pay-per-use/orders".to_owned(), key, body).await
    }
}

/// The digit that checks the others (Luhn), written anew.
fn check_digit(digits: &str) -> u32 {
    let weighed = digits.chars().rev().enumerate().map(|(at, digit)| {
        let digit = digit.to_digit(10).unwrap_or(0) * if at % 2 == 0 { 2 } else { 1 };
        digit / 10 + digit % 10
    });
    (10 - weighed.sum::<u32>() % 10) % 10
}
