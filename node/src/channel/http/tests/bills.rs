//! Bills through the callers' door: asked at their SP, paid to the fen, once.

use super::*;
use crate::gateway::sp::{BillAnswer, BillStatus};
use crate::node::trial::SpManner;
use mpss_domain::StateVersion;

const BILL: &str = "E-2026-10-008650";

fn due(amount: &str) -> BillAnswer {
    let (payer, period) = (Some("李*".to_owned()), Some("2026-10".to_owned()));
    BillAnswer { status: BillStatus::Due, amount: Some(amount.to_owned()), payer, period }
}

fn paying(last: u64, product: &str, number: &str, amount: &str) -> Value {
    let mut body = purchase(last, product);
    body["bill_number"] = json!(number);
    body["bill_amount"] = json!(amount);
    body
}

impl Shop {
    /// A product that pays bills of up to 500 yuan.
    async fn grid(&self) -> String {
        self.trial.until("the version of bills", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
        let sp =
            self.post("/v1/sps", "grid", json!({"name": "grid", "notice_url": "http://grid"})).await.is(201).json();
        let upload = json!({
            "sp_id": sp["sp_id"], "title": "power", "application": "bill_payment", "scope": "local",
            "price": "500.00",
        });
        let product = self.post("/v1/products", "grid-upload", upload).await.is(201).json();
        let product = product["product_id"].as_str().unwrap().to_owned();
        let path = format!("/v1/products/{product}");
        self.post(&format!("{path}/review"), "grid-review", json!({"decision": "approve"})).await.is(200);
        self.post(&format!("{path}/publish"), "grid-publish", json!({})).await.is(200);
        product
    }

    fn bill_is(&self, answer: BillAnswer) {
        self.trial.sps.bills.lock().insert(BILL.to_owned(), answer);
    }

    async fn standing(&self, product: &str) -> Value {
        self.get(&format!("/v1/products/{product}/bill?number={BILL}")).await.is(200).json()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_is_shown_and_paid_to_the_fen() {
    let shop = Shop::open().await;
    let account = shop.account(1, 100).await;
    shop.account(2, 100).await;
    let product = shop.grid().await;
    assert_eq!(shop.standing(&product).await["status"], "unknown");
    shop.post("/v1/orders", "p0", paying(1, &product, BILL, "86.50")).await.problem(422, "bill_not_found");

    shop.bill_is(due("86.50"));
    let shown = shop.standing(&product).await;
    assert_eq!(
        shown,
        json!({
            "product_id": product, "bill_number": BILL, "status": "due", "amount": "86.50", "payer": "李*",
            "period": "2026-10",
        })
    );
    shop.post("/v1/orders", "p1", paying(1, &product, BILL, "86.49")).await.problem(422, "price_changed");
    shop.post("/v1/orders", "p2", purchase(1, &product)).await.problem(422, "bill_needed");
    let made = || Asking::post("/v1/orders", "pay", &paying(1, &product, BILL, "86.50"));
    let first = shop.ask(made()).await.is(201);
    let order = first.json();
    assert_eq!((&order["amount"], &order["bill_number"]), (&json!("86.50"), &json!(BILL)));
    let statement = shop.get(&format!("/v1/accounts/{account}/statement")).await.is(200).json();
    assert_eq!(statement["entries"].as_array().unwrap().last().unwrap()["balance"], "13.50");
    assert_eq!(shop.standing(&product).await["status"], "being_paid");
    shop.post("/v1/orders", "p3", paying(2, &product, BILL, "86.50")).await.problem(422, "bill_being_paid");

    // Once it is paid nobody pays it again, whatever its SP says; and the first request has its first answer,
    // whatever its SP says.
    let id = order["order_id"].as_str().unwrap();
    shop.post(&format!("/v1/orders/{id}/delivery"), "deliver", json!({"result": "accepted"})).await.is(200);
    assert_eq!(shop.standing(&product).await["status"], "paid");
    shop.post("/v1/orders", "p4", paying(2, &product, BILL, "86.50")).await.problem(422, "bill_paid");
    shop.bill_is(BillAnswer { status: BillStatus::Paid, amount: None, payer: None, period: None });
    let again = shop.ask(made()).await.is(201);
    assert_eq!((again.header("idempotent-replayed"), &again.bytes), (Some("true"), &first.bytes));
    shop.trial.sps.behave("grid", SpManner::Silent);
    shop.ask(made()).await.is(201);
    let half = json!({"amount": "40.00", "reason": "half"});
    shop.post(&format!("/v1/orders/{id}/refunds"), "half", half).await.problem(422, "whole_pieces_only");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_sp_says_wrong_or_not_at_all_moves_nothing() {
    let shop = Shop::open().await;
    let account = shop.account(1, 100).await;
    let product = shop.grid().await;
    for amount in ["86.505", "-1.00", "0.00", "much", "99999999999999999999.00"] {
        shop.bill_is(due(amount));
        shop.post("/v1/orders", "pay", paying(1, &product, BILL, "86.50")).await.problem(503, "unavailable");
        shop.get(&format!("/v1/products/{product}/bill?number={BILL}")).await.problem(503, "unavailable");
    }
    shop.bill_is(BillAnswer { status: BillStatus::Due, amount: None, payer: None, period: None });
    shop.post("/v1/orders", "pay", paying(1, &product, BILL, "86.50")).await.problem(503, "unavailable");
    shop.trial.sps.behave("grid", SpManner::Garbage);
    shop.post("/v1/orders", "pay", paying(1, &product, BILL, "86.50")).await.problem(503, "unavailable");
    shop.trial.sps.behave("grid", SpManner::Accepts);
    shop.bill_is(BillAnswer { status: BillStatus::Paid, amount: None, payer: None, period: None });
    shop.post("/v1/orders", "pay", paying(1, &product, BILL, "86.50")).await.problem(422, "bill_paid");

    for (field, value, code) in [
        ("bill_number", json!("with space"), "invalid_id"),
        ("bill_number", json!("9".repeat(33)), "invalid_id"),
        ("bill_number", json!(7), "wrong_type"),
        ("bill_amount", json!("1.001"), "invalid_amount"),
        ("bill_amount", json!(86.5), "wrong_type"),
    ] {
        let mut body = paying(1, &product, BILL, "86.50");
        body[field] = value;
        let told = shop.post("/v1/orders", "bad", body).await;
        assert_eq!(told.problem(400, code).as_deref(), Some(field));
    }
    for missing in ["bill_number", "bill_amount"] {
        let mut body = paying(1, &product, BILL, "86.50");
        body.as_object_mut().unwrap().remove(missing);
        let told = shop.post("/v1/orders", "half", body).await;
        assert_eq!(told.problem(400, "missing_field").as_deref(), Some(missing));
    }
    let path = format!("/v1/products/{product}/bill");
    assert_eq!(shop.get(&path).await.problem(400, "missing_field").as_deref(), Some("number"));
    let nothing = "/v1/products/G20260101120000000-44-00001/bill?number=1";
    shop.get(nothing).await.problem(404, "product_not_found");
    let other = shop.product(Scope::Local).await;
    shop.get(&format!("/v1/products/{other}/bill?number=1")).await.problem(422, "not_for_bills");
    // It was refused before anything was remembered under the id.
    shop.bill_is(due("86.50"));
    shop.post("/v1/orders", "pay", paying(1, &product, BILL, "86.50")).await.is(201);
    let statement = shop.get(&format!("/v1/accounts/{account}/statement")).await.is(200).json();
    assert_eq!(statement["entries"].as_array().unwrap().last().unwrap()["balance"], "13.50");
}
