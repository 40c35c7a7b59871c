//! Purchases that their subscriber is asked about by text, through the callers' door.

use super::*;
use mpss_domain::{Effect, EffectId, SmsText, State, StateVersion};

/// The code of the newest text that asks for one.
fn code_in(state: &State) -> Option<String> {
    let asked = state.effects_from(EffectId(0)).filter_map(|row| match &row.effect {
        Effect::Sms { text: SmsText::ConfirmPurchase { code, .. }, .. } => Some(format!("{code:06}")),
        _ => None,
    });
    asked.last()
}

fn without_password(last: u64, product: &str) -> Value {
    let mut body = purchase(last, product);
    body.as_object_mut().unwrap().remove("payment_password");
    body["confirm_by_sms"] = json!(true);
    body
}

pub(super) fn word(last: u64, code: &str, decision: &str) -> Value {
    json!({"msisdn": local(last).to_string(), "code": code, "decision": decision})
}

impl Shop {
    async fn asks(&self, key: &str, last: u64, product: &str) -> String {
        self.trial.until("the version of doors", |state| (state.version() >= StateVersion::DOORS).then_some(())).await;
        let order = self.post("/v1/orders", key, without_password(last, product)).await.is(201).json();
        assert_eq!(order["status"], "awaiting_confirmation", "{order}");
        order["order_id"].as_str().unwrap().to_owned()
    }

    async fn status(&self, order: &str) -> Value {
        self.get(&format!("/v1/orders/{order}")).await.is(200).json()["status"].clone()
    }

    pub(super) fn code_sent(&self) -> String {
        self.trial.context.replica.read(code_in).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_of_the_text_pays_once() {
    let shop = Shop::open().await;
    let account = shop.account(1, 10).await;
    let product = shop.product(Scope::Local).await;
    let order = shop.asks("ask", 1, &product).await;
    let asked = shop.post("/v1/orders", "ask", without_password(1, &product)).await.is(201);
    assert_eq!(asked.json()["order_id"], json!(order), "the same request, the same order");
    let code = shop.code_sent();
    let said = shop.post("/v1/confirmations", "yes", word(1, &code, "agree")).await.is(201);
    let body = said.json();
    assert_eq!(
        (&body["order_id"], &body["amount"], &body["decision"]),
        (&json!(order), &json!("1.00"), &json!("agree"))
    );
    assert_eq!(shop.status(&order).await, "delivering");
    let again = shop.post("/v1/confirmations", "yes", word(1, &code, "agree")).await.is(201);
    assert_eq!(again.bytes, said.bytes, "the first answer again");
    shop.post("/v1/confirmations", "more", word(1, &code, "agree")).await.problem(422, "nothing_to_confirm");
    shop.post("/v1/confirmations", "yes", word(1, "999999", "agree")).await.problem(422, "duplicate_request");
    assert_eq!(shop.get(&format!("/v1/accounts/{account}")).await.is(200).json()["balance"], "9.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_and_wrong_codes_move_nothing() {
    let shop = Shop::open().await;
    let account = shop.account(1, 10).await;
    let product = shop.product(Scope::Local).await;
    let refused = shop.asks("refused", 1, &product).await;
    let code = shop.code_sent();
    shop.post("/v1/confirmations", "no", word(1, &code, "refuse")).await.is(201);
    assert_eq!(shop.status(&refused).await, "declined");
    let guessed = shop.asks("guessed", 1, &product).await;
    let right: u32 = shop.code_sent().parse().unwrap();
    for wrong in 1..=3 {
        let wrong_code = format!("{:06}", (right + wrong) % 1_000_000);
        let key = format!("guess-{wrong}");
        shop.post("/v1/confirmations", &key, word(1, &wrong_code, "agree")).await.problem(422, "wrong_code");
    }
    assert_eq!(shop.status(&guessed).await, "declined");
    shop.post("/v1/confirmations", "late", word(1, &format!("{right:06}"), "agree"))
        .await
        .problem(422, "nothing_to_confirm");
    assert_eq!(shop.get(&format!("/v1/accounts/{account}")).await.is(200).json()["balance"], "10.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_refused_by_field() {
    let shop = Shop::open().await;
    shop.account(1, 10).await;
    let product = shop.product(Scope::Local).await;
    for (field, value, blamed, code) in [
        ("payment_password", json!(RIGHT), "confirm_by_sms", "conflicting_fields"),
        ("bill_number", json!("E-1"), "bill_amount", "missing_field"),
        ("confirm_by_sms", json!("yes"), "confirm_by_sms", "wrong_type"),
        ("confirm_by_sms", json!(false), "payment_password", "missing_field"),
    ] {
        let mut body = without_password(1, &product);
        body[field] = value;
        let told = shop.post("/v1/orders", "bad", body).await;
        assert_eq!(told.problem(400, code).as_deref(), Some(blamed));
    }
    for (field, value, code) in [
        ("code", json!("12345"), "invalid_value"),
        ("code", json!("12345x"), "invalid_value"),
        ("decision", json!("perhaps"), "invalid_choice"),
        ("msisdn", json!("1"), "invalid_msisdn"),
    ] {
        let mut body = word(1, "123456", "agree");
        body[field] = value;
        let told = shop.post("/v1/confirmations", "bad", body).await;
        assert_eq!(told.status.as_u16(), 400, "{}", String::from_utf8_lossy(&told.bytes));
        assert_eq!((told.json()["code"].as_str(), told.json()["field"].as_str()), (Some(code), Some(field)));
    }
}
