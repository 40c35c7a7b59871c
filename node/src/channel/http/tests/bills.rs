//! Bills through the callers' door: asked at their SP, paid to the fen, once.

use super::*;
use crate::gateway::sp::{BillAnswer, BillStatus};
use crate::node::trial::SpManner;
use mpss_domain::StateVersion;

const BILL: &str = "E-2026-10-008650";

fn due(amount: &str) -> BillAnswer {
    let (payer, period) = (Some("李*".to_owned()), Some("2026-10".to_owned()));
    BillAnswer { status: BillStatus::Due, amount: Some(amount.to_owned()), payer, period, customer: None }
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
    // Its SP says still what is due; nobody is to pay it.
    let being_paid = json!({
        "product_id": product, "bill_number": BILL, "status": "being_paid", "payer": "李*", "period": "2026-10",
    });
    assert_eq!(shop.standing(&product).await, being_paid);
    shop.post("/v1/orders", "p3", paying(2, &product, BILL, "86.50")).await.problem(422, "bill_being_paid");

    // Once it is paid nobody pays it again, whatever its SP says; and the first request has its first answer,
    // whatever its SP says.
    let id = order["order_id"].as_str().unwrap();
    shop.post(&format!("/v1/orders/{id}/delivery"), "deliver", json!({"result": "accepted"})).await.is(200);
    let paid = shop.standing(&product).await;
    assert_eq!((&paid["status"], paid.get("amount")), (&json!("paid"), None));
    shop.post("/v1/orders", "p4", paying(2, &product, BILL, "86.50")).await.problem(422, "bill_paid");
    shop.bill_is(BillAnswer { status: BillStatus::Paid, amount: None, payer: None, period: None, customer: None });
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
    shop.bill_is(BillAnswer { status: BillStatus::Due, amount: None, payer: None, period: None, customer: None });
    shop.post("/v1/orders", "pay", paying(1, &product, BILL, "86.50")).await.problem(503, "unavailable");
    shop.trial.sps.behave("grid", SpManner::Garbage);
    shop.post("/v1/orders", "pay", paying(1, &product, BILL, "86.50")).await.problem(503, "unavailable");
    shop.trial.sps.behave("grid", SpManner::Accepts);
    shop.bill_is(BillAnswer { status: BillStatus::Paid, amount: None, payer: None, period: None, customer: None });
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

/// As [`paying`], without the password.
fn without_password(last: u64, product: &str, number: &str, amount: &str) -> Value {
    let mut body = paying(last, product, number, amount);
    body.as_object_mut().unwrap().remove("payment_password");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_bill_of_a_customer_goes_without_the_password() {
    let shop = Shop::open().await;
    let account = shop.account(1, 1_000).await;
    shop.account(2, 1_000).await;
    let product = shop.grid().await;
    let bill = |number: &str, amount: &str, customer: Option<&str>| {
        let answer = BillAnswer { customer: customer.map(str::to_owned), ..due(amount) };
        shop.trial.sps.bills.lock().insert(number.to_owned(), answer);
    };
    bill("B-1", "300.00", Some("flat 7"));
    bill("B-2", "200.00", Some("flat 7"));
    bill("B-3", "200.01", Some("flat 7"));
    bill("B-4", "10.00", Some("flat 8"));
    bill("B-5", "10.00", None);
    // Nobody, whoever has paid for it.
    bill("B-6", "10.00", Some(&"7".repeat(65)));
    bill("B-7", "10.00", Some(&"7".repeat(65)));
    bill("B-8", "10.00", Some(""));
    bill("B-9", "10.00", Some(""));
    let order = |key: &'static str, body: Value| shop.post("/v1/orders", key, body);
    order("o1", without_password(1, &product, "B-2", "200.00")).await.problem(422, "password_needed");
    order("o2", paying(1, &product, "B-1", "300.00")).await.is(201);
    for (key, number) in [("p7", "B-7"), ("p9", "B-9")] {
        order(key, paying(1, &product, number, "10.00")).await.is(201);
    }
    let made = || Asking::post("/v1/orders", "o3", &without_password(1, &product, "B-2", "200.00"));
    let first = shop.ask(made()).await.is(201);
    assert_eq!(shop.ask(made()).await.is(201).bytes, first.bytes, "the first answer again");
    // It is another request with the password, and without the bill it needs one.
    order("o3", paying(1, &product, "B-2", "200.00")).await.problem(422, "duplicate_request");
    let mut body = purchase(1, &product);
    body.as_object_mut().unwrap().remove("payment_password");
    assert_eq!(order("o4", body).await.problem(400, "missing_field").as_deref(), Some("payment_password"));
    for (key, who, number, amount) in [
        ("o5", 1, "B-3", "200.01"),
        ("o6", 1, "B-4", "10.00"),
        ("o7", 1, "B-5", "10.00"),
        ("o8", 1, "B-6", "10.00"),
        ("o9", 1, "B-8", "10.00"),
        ("o10", 2, "B-4", "10.00"),
    ] {
        order(key, without_password(who, &product, number, amount)).await.problem(422, "password_needed");
    }
    let shown = shop.get(&format!("/v1/accounts/{account}")).await.is(200).json();
    assert_eq!((&shown["balance"], &shown["used_today"]), (&json!("480.00"), &json!("0.00")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_bills_may_come_to_is_data() {
    let shop = Shop::open().await;
    shop.account(1, 1_000).await;
    let product = shop.grid().await;
    let mut rules = shop.get("/v1/bill-policy").await.is(200).json();
    assert_eq!((&rules["version"], rules["ceilings"].as_array().unwrap().len()), (&json!(0), 9));
    let set = |key: &str, rules: &Value| shop.ask(Asking::change("PUT", "/v1/bill-policy", key, rules));
    assert_eq!(set("same", &rules).await.problem(400, "out_of_range").as_deref(), Some("version"));
    rules["version"] = json!(1);
    let of = |rules: &Value, kind: &str, tier: &str| {
        let lines = rules["ceilings"].as_array().unwrap();
        lines.iter().position(|line| line["account_kind"] == kind && line["tier"] == tier).unwrap()
    };
    let line = of(&rules, "virtual", "basic");
    rules["ceilings"][line]["per_payment"] = json!("80.00");
    for (field, value, told) in [
        ("known_for_ms", json!(0), "known_for_ms"),
        ("without_password_per_payment", json!("-1.00"), "without_password_per_payment"),
        ("without_password_per_payment", json!("500.01"), "ceilings"),
        ("ceilings", json!([]), "ceilings"),
        ("ceilings", json!(vec![rules["ceilings"][0].clone(); 2]), "ceilings"),
        (
            "ceilings",
            json!([{"account_kind": "gold", "tier": "full", "per_payment": "1.00", "daily": "1.00"}]),
            "ceilings.*.account_kind",
        ),
        (
            "ceilings",
            json!([{"account_kind": "bank", "tier": "x", "per_payment": "1.00", "daily": "1.00"}]),
            "ceilings.*.tier",
        ),
    ] {
        let mut wrong = rules.clone();
        wrong[field] = value;
        let answer = set("wrong", &wrong).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (400, &json!(told)), "{}", answer.json());
    }
    let mut upside_down = rules.clone();
    upside_down["ceilings"][line]["daily"] = json!("79.99");
    assert_eq!(set("wrong", &upside_down).await.problem(400, "invalid_policy").as_deref(), Some("ceilings"));

    set("rules", &rules).await.is(200);
    assert_eq!(shop.get("/v1/bill-policy").await.is(200).json(), rules);
    set("again", &rules).await.problem(422, "policy_not_newer");
    shop.bill_is(due("80.01"));
    let pay = |amount: &'static str| shop.post("/v1/orders", amount, paying(1, &product, BILL, amount));
    pay("80.01").await.problem(422, "per_payment_limit_exceeded");
    shop.bill_is(due("80.00"));
    pay("80.00").await.is(201);
}
