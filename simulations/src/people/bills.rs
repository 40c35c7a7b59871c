//! Payers of bills: they ask what is due and pay it; neighbours pay the same bill, some twice at once; some
//! pay without a look, or less, and some want the money back, whole or in part.

use mpss_domain::catalogue::Application;
use mpss_runtime::Random;
use serde_json::json;

use super::cards::Bought;
use super::flows::Flow;
use super::life::{Living, yuan};
use super::scene::PRICE;
use crate::outside::due_on;
use crate::world::SeededRandom;

/// Turns in which a bill is paid, in parts of a million.
const PAYS: u32 = 750_000;
/// Bills that an SP sends out: few, so that neighbours pay the same one.
const BILLS: u64 = 12;
/// Whose bills they are.
const FAMILIES: u64 = 4;
/// Payments without the password, in parts of a million.
const WITHOUT: u32 = 350_000;

impl Living {
    pub(super) async fn live_by_bills(&mut self, key: &str, random: &SeededRandom) {
        if self.bills.is_empty() || random.happens(PAYS) {
            self.pay_bill(key, random).await;
            return;
        }
        let (paid, due) = random.pick(&self.bills).clone();
        let (path, body) = match random.below(3) {
            0 => (format!("/v1/orders/{}/reversal", paid.order), json!({ "reason": "buyer asked" })),
            1 => {
                let body = json!({ "amount": yuan(due), "reason": "buyer asked" });
                (format!("/v1/orders/{}/refunds", paid.order), body)
            }
            // A bill goes back whole.
            _ => {
                let body = json!({ "amount": yuan((due / 2).max(1)), "reason": "buyer asked" });
                (format!("/v1/orders/{}/refunds", paid.order), body)
            }
        };
        self.change(Flow::Bills, paid.serving, "POST", path, key, body).await;
    }

    async fn pay_bill(&mut self, key: &str, random: &SeededRandom) {
        let scope = *random.pick(&[Flow::Local, Flow::Roaming, Flow::National]);
        let goods = self.goods_of(Application::BillPayment, scope, random);
        let asked = if scope == Flow::National { self.location } else { goods.province };
        let number = random.below(BILLS);
        // Some numbers are mistyped, so that no bill has them.
        let fen = if random.happens(40_000) { 0 } else { 1 + number * 37 % PRICE.unsigned_abs() };
        // Four families, who pay for each other now and then.
        let number = format!("F{}-{number}-{fen}", number % FAMILIES);
        let due = due_on(&number).unwrap_or(1);
        if random.happens(700_000) {
            let path = format!("/v1/products/{}/bill?number={number}", goods.product);
            self.look(Flow::Bills, asked, path).await;
        }
        // And some pay what was due last month.
        let amount = if random.happens(60_000) { due + 1 } else { due };
        let mut body = self.order(&goods, 1);
        body["bill_number"] = json!(number);
        body["bill_amount"] = json!(yuan(amount));
        if random.happens(WITHOUT) {
            body.as_object_mut().expect("an order").remove("payment_password");
        }
        // The same bill from two phones of one family.
        let paid = if random.happens(150_000) {
            let again = format!("{key}-again");
            let other = self.change(Flow::Bills, asked, "POST", "/v1/orders".to_owned(), &again, body.clone());
            let first = self.change(Flow::Bills, asked, "POST", "/v1/orders".to_owned(), key, body.clone());
            let (first, other) = tokio::join!(first, other);
            let answers = [(key, first), (again.as_str(), other)];
            let orders = answers.map(|(key, answer)| answer.and_then(|answer| self.took_order(key, &answer)));
            orders.into_iter().flatten().collect()
        } else {
            Vec::from_iter(self.place(Flow::Bills, asked, key, &body).await)
        };
        let bought = |order| (Bought { serving: goods.province, order, quantity: 1 }, due);
        self.bills.extend(paid.into_iter().map(bought));
    }
}
