//! Goods that are sent, through the callers' door: to somebody, on their way, there.

use super::*;
use mpss_domain::StateVersion;

fn buying(last: u64, product: &str) -> Value {
    let mut body = purchase(last, product);
    body["recipient_name"] = json!("王芳");
    body["recipient_phone"] = json!("02088886666");
    body["recipient_address"] = json!("广州市天河区五山路381号");
    body
}

impl Shop {
    /// A product that is sent to whoever buys it, of 30 yuan.
    async fn mall(&self) -> String {
        self.trial.until("the version of goods", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
        let sp =
            self.post("/v1/sps", "mall", json!({"name": "mall", "notice_url": "http://mall"})).await.is(201).json();
        let upload = json!({
            "sp_id": sp["sp_id"], "title": "shoes", "application": "shopping", "scope": "local", "price": "30.00",
        });
        let product = self.post("/v1/products", "mall-upload", upload).await.is(201).json();
        let product = product["product_id"].as_str().unwrap().to_owned();
        let path = format!("/v1/products/{product}");
        self.post(&format!("{path}/review"), "mall-review", json!({"decision": "approve"})).await.is(200);
        self.post(&format!("{path}/publish"), "mall-publish", json!({})).await.is(200);
        product
    }

    async fn where_is(&self, order: &str) -> Value {
        self.get(&format!("/v1/orders/{order}")).await.is(200).json()["shipment"].take()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_are_sent_to_somebody_and_are_there() {
    let shop = Shop::open().await;
    shop.account(1, 100).await;
    let product = shop.mall().await;
    shop.post("/v1/orders", "p0", purchase(1, &product)).await.problem(422, "recipient_needed");
    let first = shop.post("/v1/orders", "buy", buying(1, &product)).await.is(201);
    let mut other = buying(1, &product);
    other["recipient_name"] = json!("李雷");
    shop.post("/v1/orders", "buy", other).await.problem(422, "duplicate_request");
    let again = shop.post("/v1/orders", "buy", buying(1, &product)).await.is(201);
    assert_eq!(again.bytes, first.bytes);
    // Nobody who looks at an order is shown where somebody lives.
    let id = first.json()["order_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/orders/{id}");
    let shown = shop.get(&path).await.is(200);
    assert!(!String::from_utf8_lossy(&shown.bytes).contains("五山路"), "{shown:?}");
    assert_eq!(shop.where_is(&id).await, json!({"status": "not_shipped"}));

    let sent = |carrier: &str| json!({"carrier": carrier, "tracking_number": "SF1020304050607"});
    let (ship, receive) = (format!("{path}/shipment"), format!("{path}/receipt"));
    shop.post(&ship, "s0", sent("顺丰")).await.problem(422, "wrong_order_status");
    shop.post(&format!("{path}/delivery"), "deliver", json!({"result": "accepted"})).await.is(200);
    let me = json!({"msisdn": "18900000001"});
    shop.post(&receive, "r0", me.clone()).await.problem(422, "not_shipped");
    shop.post(&ship, "s1", sent("顺丰")).await.is(200);
    shop.post(&ship, "s2", sent("圆通")).await.problem(422, "already_shipped");
    let where_is = shop.where_is(&id).await;
    assert_eq!((&where_is["status"], &where_is["carrier"]), (&json!("shipped"), &json!("顺丰")));
    shop.post(&format!("{path}/reversal"), "back", json!({"reason": "no"})).await.problem(422, "already_shipped");
    shop.post(&receive, "r1", json!({"msisdn": "18900000002"})).await.problem(422, "not_the_buyer");
    shop.post(&receive, "r2", me).await.is(200);
    let where_is = shop.where_is(&id).await;
    assert_eq!((&where_is["status"], &where_is["tracking_number"]), (&json!("received"), &json!("SF1020304050607")));
    let known = shop.trial.context.replica.read(|state| {
        let order = id.parse().expect("an order");
        state.shipment_of(order).is_some_and(|row| row.to.is_some())
    });
    assert!(!known, "whoever has received goods need not be known any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_is_whole_or_refused_by_its_field() {
    let shop = Shop::open().await;
    shop.account(1, 100).await;
    let product = shop.mall().await;
    for missing in ["recipient_name", "recipient_phone", "recipient_address"] {
        let mut body = buying(1, &product);
        body.as_object_mut().unwrap().remove(missing);
        let told = shop.post("/v1/orders", "half", body).await;
        assert_eq!(told.problem(400, "missing_field").as_deref(), Some(missing));
    }
    for (field, value, code) in [
        ("recipient_name", json!(""), "invalid_text"),
        ("recipient_phone", json!("1".repeat(21)), "invalid_text"),
        ("recipient_address", json!("天".repeat(201)), "invalid_text"),
        ("recipient_address", json!(7), "wrong_type"),
    ] {
        let mut body = buying(1, &product);
        body[field] = value;
        let told = shop.post("/v1/orders", "bad", body).await;
        assert_eq!(told.problem(400, code).as_deref(), Some(field));
    }
    let mut both = buying(1, &product);
    both["bill_number"] = json!("E-1");
    both["bill_amount"] = json!("1.00");
    let told = shop.post("/v1/orders", "both", both).await;
    assert_eq!(told.problem(400, "conflicting_fields").as_deref(), Some("recipient_name"));
    let other = shop.product(Scope::Local).await;
    shop.post("/v1/orders", "soap", buying(1, &other)).await.problem(422, "not_shipped_goods");
    let path = "/v1/orders/O20260101120000000-44-00001";
    let sent = json!({"carrier": "顺丰", "tracking_number": "with space"});
    let told = shop.post(&format!("{path}/shipment"), "s", sent).await;
    assert_eq!(told.problem(400, "invalid_id").as_deref(), Some("tracking_number"));
    let sent = json!({"carrier": "顺丰", "tracking_number": "SF1"});
    shop.post(&format!("{path}/shipment"), "s", sent).await.problem(404, "order_not_found");
    shop.post(&format!("{path}/receipt"), "r", json!({"msisdn": "18900000001"})).await.problem(404, "order_not_found");
}
