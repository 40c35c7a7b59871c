//! Buyers by phone bill and by bank card, and who tops up by bank card: they open the account first, the bank binds
//! the card, and they confirm it with the code of a text.

use mpss_domain::Msisdn;
use mpss_runtime::Random;
use serde_json::json;

use super::flows::Flow;
use super::life::{Living, yuan};
use super::street::{Answer, Body};
use crate::outside::{BANK_KEY, token_of};
use crate::world::SeededRandom;

/// Turns of whoever has a card in which the bank replaces it, in parts of a million.
const REPLACED: u32 = 80_000;

impl Living {
    /// Buys from an account whose money is outside, and opens it first.
    pub(super) async fn buy_outside(&mut self, flow: Flow, key: &str, random: &SeededRandom) {
        let is_card = flow == Flow::Card;
        if !self.outside[usize::from(is_card)] {
            self.outside[usize::from(is_card)] = if is_card {
                self.bind_card(key, random).await
            } else {
                let body =
                    json!({ "msisdn": self.me.msisdn, "kind": "communication", "payment_password": self.password });
                let key = format!("{key}-open");
                let answer = self.change(flow, self.me.home, "POST", "/v1/accounts".to_owned(), &key, body).await;
                answer.is_some_and(|answer| self.has_it(&answer))
            };
            return;
        }
        if is_card && random.happens(REPLACED) {
            self.replace_card(key, random).await;
            return;
        }
        let scope = *random.pick(&[Flow::Local, Flow::Roaming, Flow::National]);
        if scope == Flow::Roaming && self.location == self.me.home {
            self.travel(random);
        }
        let goods = self.goods(scope, random);
        let asked = if scope == Flow::National { self.location } else { goods.province };
        let mut body = self.order(&goods, 1);
        body["account_kind"] = json!(if is_card { "bank" } else { "communication" });
        let first = self.place(flow, asked, key, &body).await;
        if random.happens(self.rules.twice)
            && let Some(first) = first
            && let Some(again) = self.change(flow, asked, "POST", "/v1/orders".to_owned(), key, body).await
            && again.text("order_id") != first
        {
            let what = format!("request {key}: first order {first}, then {} {}", again.status, again.body);
            self.street.note(|told| told.contradictions.push(what));
        }
    }

    /// Tops the virtual account up from the bank account, and has a card bound first.
    pub(super) async fn top_up_from_card(&mut self, key: &str, random: &SeededRandom) {
        if !self.outside[1] {
            self.outside[1] = self.bind_card(key, random).await;
            return;
        }
        if random.happens(REPLACED) {
            self.replace_card(key, random).await;
            return;
        }
        // Some mistype the password.
        let mistyped = random.happens(40_000);
        let password = if mistyped { "135792" } else { self.password };
        let amount = yuan(i64::try_from(random.between(100, 5_000)).unwrap_or(100));
        let body = json!({ "method": "bank_card", "amount": amount, "payment_password": password });
        let (flow, asked) = (Flow::BankTopUp, self.home_or_here(random));
        let path = || format!("/v1/accounts/{}/top-ups", self.me.account);
        let again = match random.below(10) {
            // From two phones at once.
            0 | 1 => Some(format!("{key}-again")),
            // The button is pressed twice.
            2 => Some(key.to_owned()),
            _ => None,
        };
        let mine = self.change(flow, asked, "POST", path(), key, body.clone());
        let (taken, other) = match &again {
            Some(again) => tokio::join!(mine, self.change(flow, asked, "POST", path(), again, body.clone())),
            None => (mine.await, None),
        };
        let Some(taken) = taken else { return };
        if !mistyped {
            self.learn(&taken);
        }
        if !taken.is_done() {
            return;
        }
        let id = taken.text("top_up_id");
        if again.as_deref() == Some(key)
            && let Some(other) = other
            && other.text("top_up_id") != id
        {
            let what = format!("request {key}: first top-up {id}, then {} {}", other.status, other.body);
            self.street.note(|told| told.contradictions.push(what));
        }
        if random.happens(500_000) {
            self.look(flow, asked, format!("/v1/top-ups/{id}")).await;
        }
    }

    /// It was opened, or it was open already.
    fn has_it(&mut self, answer: &Answer) -> bool {
        self.learn(answer);
        answer.is_done() || answer.text("code") == "account_exists"
    }

    /// The bank asks for my card to be bound, and I confirm it with the code of the text.
    async fn bind_card(&mut self, key: &str, random: &SeededRandom) -> bool {
        let msisdn: Msisdn = self.me.msisdn.parse().expect("a number");
        let mode = if random.happens(500_000) { "real_time" } else { "pre_freeze" };
        let body = json!({
            "msisdn": self.me.msisdn, "bank": "01020000", "card_token": token_of(msisdn, 0), "card_last_four": "0001",
            "mode": mode, "holder_checked": true,
        });
        let (path, bind) = ("/v1/bank/bindings".to_owned(), format!("{key}-bind"));
        let question = self.question(Flow::Card, self.me.home, "POST", path, &bind, Body::Signed(BANK_KEY, body));
        let Some(answer) = self.street.ask(&question).await else { return false };
        if !answer.is_done() {
            return answer.text("code") == "account_exists";
        }
        self.binding = Some(answer.text("binding_id"));
        // As it stands in the text.
        let country = self.street.country();
        let leader = country.leader(self.me.home);
        let code = leader.and_then(|leader| {
            country.read(&leader, |state| state.waiting_binding(msisdn).map(|binding| binding.code)).flatten()
        });
        let Some(code) = code else { return false };
        // Some mistype it.
        let code = if random.happens(100_000) { (code + 1) % 1_000_000 } else { code };
        let body = json!({
            "msisdn": self.me.msisdn, "code": format!("{code:06}"), "payment_password": self.password,
        });
        let (path, confirm) = ("/v1/bindings/confirm".to_owned(), format!("{key}-confirm"));
        let answer = self.change(Flow::Card, self.me.home, "POST", path, &confirm, body).await;
        answer.is_some_and(|answer| self.has_it(&answer))
    }

    /// The bank replaces my card, whatever is under way on it, or has it debited in another mode.
    async fn replace_card(&self, key: &str, random: &SeededRandom) {
        let Some(binding) = &self.binding else { return };
        let msisdn: Msisdn = self.me.msisdn.parse().expect("a number");
        let mode = if random.happens(500_000) { "real_time" } else { "pre_freeze" };
        let body = json!({
            "bank": "01020000", "card_token": self.street.country().rails().replace_card(msisdn), "card_last_four": "0002",
            "mode": mode,
        });
        let path = format!("/v1/bank/bindings/{binding}/card");
        let question = self.question(Flow::Card, self.me.home, "PUT", path, key, Body::Signed(BANK_KEY, body));
        self.street.ask(&question).await;
    }
}
