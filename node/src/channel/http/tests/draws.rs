//! Draws of a lottery, through the callers' door.

use super::*;
use mpss_domain::StateVersion;

impl Shop {
    async fn lottery(&self) -> String {
        self.trial.until("the version of draws", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
        let sp = json!({"name": "lottery", "notice_url": "http://lottery"});
        let sp = self.post("/v1/sps", "lottery", sp).await.is(201).json();
        let upload = json!({
            "sp_id": sp["sp_id"], "title": "双色球", "application": "lottery", "scope": "local", "price": "2.00",
            "delivery_deadline_ms": 90_000,
        });
        let product = self.post("/v1/products", "lottery-upload", upload).await.is(201).json();
        let product = product["product_id"].as_str().unwrap().to_owned();
        let path = format!("/v1/products/{product}");
        self.post(&format!("{path}/review"), "lottery-review", json!({"decision": "approve"})).await.is(200);
        self.post(&format!("{path}/publish"), "lottery-publish", json!({})).await.is(200);
        product
    }

    async fn put_draw(&self, product: &str, key: &str, body: Value) -> Told {
        self.ask(Asking::change("PUT", format!("/v1/products/{product}/draw"), key, &body)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bets_are_for_the_draw_that_is_open() {
    let shop = Shop::open().await;
    shop.account(1, 100).await;
    let product = shop.lottery().await;
    let path = format!("/v1/products/{product}/draw");
    shop.get(&path).await.problem(404, "draw_not_found");
    let before = shop.post("/v1/orders", "before", purchase(1, &product)).await.is(201).json();
    assert_eq!(before.get("draw_id"), None);

    let draw = json!({"draw_id": "26130", "closes_at": "2099-01-01T00:00:00Z"});
    let opened = shop.put_draw(&product, "open", draw.clone()).await.is(200);
    assert_eq!(shop.put_draw(&product, "open", draw).await.is(200).bytes, opened.bytes);
    let shown = shop.get(&path).await.is(200).json();
    assert_eq!((&shown["draw_id"], &shown["closes_at"]), (&json!("26130"), &json!("2099-01-01T00:00:00.000Z")));
    let bet = shop.post("/v1/orders", "bet", purchase(1, &product)).await.is(201).json();
    assert_eq!(bet["draw_id"], "26130");

    for (field, value, code) in [
        ("draw_id", json!("with space"), "invalid_id"),
        ("closes_at", json!("tomorrow"), "invalid_time"),
        ("closes_at", json!(7), "wrong_type"),
    ] {
        let mut body = json!({"draw_id": "26131", "closes_at": "2099-01-01T00:00:00Z"});
        body[field] = value;
        assert_eq!(shop.put_draw(&product, "bad", body).await.problem(400, code).as_deref(), Some(field));
    }
    let past = json!({"draw_id": "26131", "closes_at": "2020-01-01T00:00:00Z"});
    let told = shop.put_draw(&product, "past", past.clone()).await;
    assert_eq!(told.problem(422, "draw_in_past").as_deref(), Some("closes_at"));
    let other = shop.product(Scope::Local).await;
    let nothing = "G20260101120000000-44-00001";
    shop.put_draw(nothing, "no", past).await.problem(404, "product_not_found");
    shop.get(&format!("/v1/products/{nothing}/draw")).await.problem(404, "product_not_found");
    shop.get(&format!("/v1/products/{other}/draw")).await.problem(404, "draw_not_found");
}
