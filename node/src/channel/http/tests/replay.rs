//! The same request id: the first answer again, byte by byte, or a refusal.

use super::*;

/// Asks twice with the same id; once more with another body.
async fn twice(shop: &Shop, status: u16, make: impl Fn() -> Asking, other: Option<Value>) -> Value {
    let first = shop.ask(make()).await.is(status);
    assert_eq!(first.header("idempotent-replayed"), None);
    let again = shop.ask(make()).await.is(status);
    assert_eq!(again.bytes, first.bytes, "the first answer, byte by byte");
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    for name in ["mpss-log-index", "location", "content-type"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    if let Some(other) = other {
        let refused = shop.ask(make().body(serde_json::to_vec(&other).unwrap())).await;
        refused.problem(422, "duplicate_request");
    }
    first.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_can_be_asked_for_again_later() {
    let shop = Shop::open().await;
    let msisdn = local(1).to_string();
    let open = json!({"msisdn": msisdn, "kind": "virtual", "payment_password": RIGHT});
    let make_open = || Asking::post("/v1/accounts", "open", &open);
    let other = json!({"msisdn": msisdn, "kind": "virtual", "payment_password": RIGHT, "daily_limit": "5.00"});
    let account = twice(&shop, 201, make_open, Some(other)).await;
    let account = account["account_id"].as_str().unwrap().to_owned();
    let opened = shop.ask(make_open()).await;

    let top_up = json!({"method": "cash", "amount": "50.00", "agent_id": "a"});
    let path = format!("/v1/accounts/{account}/top-ups");
    let other = json!({"method": "cash", "amount": "50.01", "agent_id": "a"});
    twice(&shop, 201, || Asking::post(path.clone(), "top-up", &top_up), Some(other)).await;

    let product = shop.product(Scope::Local).await;
    let buy = purchase(1, &product);
    let make_buy = || Asking::post("/v1/orders", "buy", &buy);
    let mut other = buy.clone();
    other["quantity"] = json!(2);
    let order = twice(&shop, 201, make_buy, Some(other)).await;
    let order = order["order_id"].as_str().unwrap().to_owned();
    let bought = shop.ask(make_buy()).await;

    let delivery = json!({"result": "accepted"});
    let path = format!("/v1/orders/{order}/delivery");
    twice(&shop, 200, || Asking::post(path.clone(), "deliver", &delivery), Some(json!({"result": "refused"}))).await;
    let path = format!("/v1/orders/{order}/refunds");
    let refund = json!({"amount": "0.40", "reason": "broken"});
    let make_refund = || Asking::post(path.clone(), "refund", &refund);
    twice(&shop, 201, make_refund, Some(json!({"amount": "0.41", "reason": "broken"}))).await;
    let refunded = shop.ask(make_refund()).await;
    let rest = json!({"amount": "0.60", "reason": "all of it"});
    twice(&shop, 201, || Asking::post(path.clone(), "rest", &rest), None).await;

    let reversed = shop.post("/v1/orders", "second", purchase(1, &product)).await.is(201).json();
    let path = format!("/v1/orders/{}/reversal", reversed["order_id"].as_str().unwrap());
    twice(
        &shop,
        200,
        || Asking::post(path.clone(), "reverse", &json!({"reason": "no"})),
        Some(json!({"reason": "yes"})),
    )
    .await;

    shop.account(2, 0).await;
    let send = json!({
        "payer_msisdn": msisdn, "payee_msisdn": local(2).to_string(), "amount": "4.00", "payment_password": RIGHT,
    });
    twice(&shop, 201, || Asking::post("/v1/transfers", "send", &send), None).await;

    for (step, body) in
        [("freeze", json!({"payment_password": RIGHT})), ("unfreeze", json!({"payment_password": RIGHT}))]
    {
        twice(&shop, 200, || Asking::post(format!("/v1/accounts/{account}/{step}"), step, &body), None).await;
    }
    let change = json!({"payment_password": RIGHT, "daily_limit": "2000.00"});
    twice(&shop, 200, || Asking::change("PATCH", format!("/v1/accounts/{account}"), "change", &change), None).await;

    // The world has moved on since; what was said first is said again.
    for (make, told) in [(make_open(), opened), (make_buy(), bought), (make_refund(), refunded)] {
        assert_eq!(shop.ask(make).await.bytes, told.bytes);
    }
    let close = json!({"payment_password": RIGHT, "pay_out_agent": "a"});
    twice(&shop, 200, || Asking::post(format!("/v1/accounts/{account}/close"), "close", &close), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_and_the_rules_can_be_asked_for_again_too() {
    let shop = Shop::open().await;
    let admit = json!({"name": "sp", "notice_url": "http://127.0.0.1:9/"});
    let sp = twice(
        &shop,
        201,
        || Asking::post("/v1/sps", "admit", &admit),
        Some(json!({"name": "SP", "notice_url": "http://127.0.0.1:9/"})),
    )
    .await;
    let sp = sp["sp_id"].as_str().unwrap().to_owned();
    let upload = json!({"sp_id": sp, "title": "t", "application": "ticketing", "scope": "local", "price": "1.00"});
    let make_upload = || Asking::post("/v1/products", "upload", &upload);
    let product = twice(&shop, 201, make_upload, None).await["product_id"].as_str().unwrap().to_owned();
    let uploaded = shop.ask(make_upload()).await;
    let review = json!({"decision": "approve"});
    let path = |step: &str| format!("/v1/products/{product}/{step}");
    twice(&shop, 200, || Asking::post(path("review"), "review", &review), None).await;
    twice(&shop, 200, || Asking::post(path("publish"), "publish", &json!({})), None).await;
    twice(&shop, 200, || Asking::post(path("withdraw"), "withdraw", &json!({})), None).await;
    twice(&shop, 200, || Asking::change("PUT", format!("/v1/products/{product}"), "put", &upload), None).await;
    assert_eq!(shop.ask(make_upload()).await.bytes, uploaded.bytes);
    twice(&shop, 200, || Asking::post(format!("/v1/sps/{sp}/suspend"), "suspend", &json!({})), None).await;
    let mut policy = shop.get("/v1/policy").await.json();
    policy["version"] = json!(9);
    twice(&shop, 200, || Asking::change("PUT", "/v1/policy", "policy", &policy), None).await;
    let port = json!({"msisdn": local(1).to_string(), "operator": "china-unicom"});
    twice(&shop, 201, || Asking::post("/v1/number-plan/portability", "port", &port), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn white_space_order_and_the_password_do_not_make_another_request() {
    let shop = Shop::open().await;
    let account = shop.account(1, 0).await;
    let path = format!("/v1/accounts/{account}/top-ups");
    let ask = |body: &'static str| Asking::post(path.clone(), "k", &Value::Null).body(body);
    let first = shop.ask(ask(r#"{"method":"cash","amount":"1.00","agent_id":"a"}"#)).await.is(201);
    let again =
        shop.ask(ask(" {\n\"agent_id\" : \"\\u0061\", \"amount\":\"1.00\",\t\"method\":\"cash\"} ")).await.is(201);
    assert_eq!((again.bytes, again.headers.contains_key("idempotent-replayed")), (first.bytes, true));

    let freeze = |digits: &str| {
        Asking::post(format!("/v1/accounts/{account}/freeze"), "f", &json!({"payment_password": digits}))
    };
    let first = shop.ask(freeze(RIGHT)).await.is(200);
    // The digest of a six-digit secret is not kept, so a repetition with another one is a repetition.
    assert_eq!(shop.ask(freeze("555555")).await.is(200).bytes, first.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_the_first_answer_as_well() {
    let shop = Shop::open().await;
    shop.account(1, 0).await;
    let product = shop.product(Scope::Local).await;
    let buy = || Asking::post("/v1/orders", "buy", &purchase(1, &product));
    let first = shop.ask(buy()).await;
    first.problem(422, "insufficient_funds");
    shop.post("/v1/accounts", "x", json!({})).await.is(400);
    shop.trial
        .home
        .top_up_cash(shop.trial.request(), shop.trial.open(local(2), Money::ZERO).await, Money::yuan(1), "a".into())
        .await
        .unwrap();
    let again = shop.ask(buy()).await;
    assert_eq!(again.bytes, first.bytes);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_on_another_resource_is_another_request() {
    let shop = Shop::open().await;
    let account = shop.account(1, 0).await;
    let body = json!({"payment_password": RIGHT});
    shop.post(&format!("/v1/accounts/{account}/freeze"), "same", body.clone()).await.is(200);
    shop.post(&format!("/v1/accounts/{account}/unfreeze"), "same", body).await.problem(422, "duplicate_request");
}
