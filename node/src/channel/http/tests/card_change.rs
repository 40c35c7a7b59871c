//! The bank changes the card of a binding, through its door.

use super::*;
use mpss_domain::StateVersion;

const KEY: [u8; 32] = [9; 32];

impl Shop {
    /// A shop that knows a bank.
    async fn of_bank() -> Self {
        let mut trial = Trial::start().await;
        trial.context.rails.bank_door_key = Some(KEY.as_slice().into());
        trial.until("the version of cards", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
        Self::open_over(trial, |_| {})
    }

    /// As the bank signs it.
    fn signed(&self, asking: Asking) -> Asking {
        let at = self.trial.context.seams.clock.wall_ms();
        let signature = super::super::signed(&KEY, at, asking.method, &asking.path, &asking.body);
        asking.header("mpss-signature", signature)
    }

    async fn bank(&self, method: &'static str, path: &str, key: &str, body: Value) -> Told {
        self.ask(self.signed(Asking::change(method, path, key, &body))).await
    }
}

fn bound_card(last_four: &str, mode: &str) -> Value {
    json!({
        "bank": "01020000", "card_token": format!("620000000000000{last_four}"), "card_last_four": last_four,
        "mode": mode,
    })
}

fn bind(last: u64, last_four: &str) -> Value {
    let mut body = bound_card(last_four, "pre_freeze");
    body["msisdn"] = json!(local(last).to_string());
    body["holder_checked"] = json!(true);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bank_replaces_a_card_that_waits_and_one_that_is_bound() {
    let shop = Shop::of_bank().await;
    let bound = shop.bank("POST", "/v1/bank/bindings", "bind", bind(1, "1234")).await.is(201).json();
    let binding = bound["binding_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/bank/bindings/{binding}/card");
    let shown = format!("/v1/bank/bindings/{binding}");
    let code = |shop: &Shop| shop.trial.context.replica.read(|state| state.waiting_binding(local(1)).unwrap().code);

    let first = code(&shop);
    let changed = shop.bank("PUT", &path, "c1", bound_card("5678", "pre_freeze")).await.is(200);
    let mut body = changed.json();
    assert!(body["log_index"].take().is_number());
    assert_eq!(body, json!({"binding_id": binding, "card_last_four": "5678", "mode": "pre_freeze", "log_index": null}));
    let again = shop.bank("PUT", &path, "c1", bound_card("5678", "pre_freeze")).await.is(200);
    assert_eq!(again.bytes, changed.bytes);
    shop.bank("PUT", &path, "c1", bound_card("9999", "pre_freeze")).await.problem(422, "duplicate_request");
    let show = shop.ask(shop.signed(Asking::get(&*shown))).await.is(200).json();
    assert_eq!((&show["status"], &show["card_last_four"]), (&json!("waiting"), &json!("5678")));

    let confirm =
        |code: u32| json!({"msisdn": local(1).to_string(), "code": format!("{code:06}"), "payment_password": RIGHT});
    let second = code(&shop);
    if first != second {
        shop.post("/v1/bindings/confirm", "old", confirm(first)).await.problem(422, "wrong_code");
    }
    let account = shop.post("/v1/bindings/confirm", "confirm", confirm(second)).await.is(201).json();
    assert_eq!(account["kind"], "bank");
    shop.bank("PUT", &path, "c2", bound_card("7777", "real_time")).await.is(200);
    let show = shop.ask(shop.signed(Asking::get(&*shown))).await.is(200).json();
    assert_eq!((&show["status"], &show["card_last_four"]), (&json!("active"), &json!("7777")));
    assert_eq!(shop.bank("PUT", &path, "c1", bound_card("5678", "pre_freeze")).await.is(200).bytes, changed.bytes);

    shop.ask(shop.signed(Asking::post(format!("{shown}/end"), "end", &json!({})).body(Vec::new()))).await.is(200);
    shop.bank("PUT", &path, "c3", bound_card("5678", "real_time")).await.problem(422, "binding_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_bank_changes_a_card_and_says_it_whole() {
    let shop = Shop::of_bank().await;
    let nobody = "/v1/bank/bindings/B20260101120000000-44-00001/card";
    let good = bound_card("5678", "real_time");
    shop.bank("PUT", nobody, "no", good.clone()).await.problem(404, "binding_not_found");
    let unsigned = Asking::change("PUT", nobody, "u", &good);
    let forged = shop.signed(unsigned.clone()).body(serde_json::to_vec(&bound_card("5679", "real_time")).unwrap());
    for asking in [unsigned, forged] {
        shop.ask(asking).await.problem(401, "bad_signature");
    }
    for (field, value, code) in [
        ("bank", json!("0102"), "invalid_text"),
        ("card_token", json!("62000000"), "invalid_text"),
        ("card_last_four", json!("56789"), "invalid_text"),
        ("mode", json!("credit"), "invalid_choice"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        assert_eq!(shop.bank("PUT", nobody, "bad", body).await.problem(400, code).as_deref(), Some(field));
    }
    let elsewhere = "/v1/bank/bindings/B20260101120000000-51-00001/card";
    shop.bank("PUT", elsewhere, "there", good).await.is(404);
    let calls = shop.elsewhere.calls();
    let (province, _, call) = calls.last().unwrap();
    assert_eq!((province.code(), call.path.as_str()), (51, elsewhere));
    assert!(call.headers.iter().any(|(name, _)| name == "mpss-signature"), "it is passed on as it was signed");
}
