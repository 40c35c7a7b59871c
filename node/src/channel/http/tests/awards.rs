//! Awards over HTTP: pools, awards alone and as files, the second person, prizes that wait.

use mpss_domain::{Outcome, ProductId, Scope, StateVersion, Verb};

use super::*;
use crate::node::trial::visitor;

/// A shop whose newest rules are in force, its SP's id, and a product that is bet on.
async fn hall() -> (Shop, String, String) {
    let shop = Shop::open().await;
    shop.trial.until("the newest rules", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
    let product = shop.product(Scope::Local).await;
    let id: ProductId = product.parse().unwrap();
    let sp = shop.trial.context.replica.read(|state| state.product(id).unwrap().terms().sp);
    (shop, sp.to_string(), product)
}

impl Shop {
    /// A bet that was delivered.
    async fn bet(&self, last: u64, product: &str, key: &str) -> String {
        let order = self.post("/v1/orders", key, purchase(last, product)).await.is(201).json();
        let order = order["order_id"].as_str().unwrap().to_owned();
        let verb = Verb::RecordDeliveries { answers: vec![(order.parse().unwrap(), true)] };
        assert_eq!(self.trial.propose(verb).await.outcome, Outcome::Done);
        order
    }

    async fn fund(&self, sp: &str, amount: &str) -> Told {
        let body = json!({"amount": amount, "direction": "in", "by": "finance-07"});
        self.post(&format!("/v1/sps/{sp}/prize-pool"), &format!("fund-{amount}"), body).await
    }
}

fn award(sp: &str, order: &str, reference: &str, prize: &str) -> Value {
    json!({
        "sp_id": sp, "reference": reference, "order_id": order, "msisdn": local(1).to_string(), "prize": prize,
        "account_kind": "virtual", "by": "clerk",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bet_is_awarded_and_then_stands() {
    let (shop, sp, product) = hall().await;
    let account = shop.account(1, 10).await;
    let order = shop.bet(1, &product, "bet").await;
    shop.post("/v1/awards", "early", award(&sp, &order, "L-1", "5.00")).await.problem(422, "pool_too_small");
    assert_eq!(shop.fund(&sp, "100.00").await.is(200).json()["balance"], "100.00");

    let made = || Asking::post("/v1/awards", "award", &award(&sp, &order, "L-1", "5.00"));
    let first = shop.ask(made()).await.is(201);
    let body = first.json();
    assert_eq!((&body["status"], &body["tax"], &body["home"]), (&json!("accepted"), &json!("0.00"), &json!("44")));
    let again = shop.ask(made()).await.is(201);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.bytes, first.bytes);
    // The same number under another request id is the same award.
    let same = shop.post("/v1/awards", "award-2", award(&sp, &order, "L-1", "5.00")).await.is(201).json();
    assert_eq!(same["award_id"], body["award_id"]);
    shop.post("/v1/awards", "other", award(&sp, &order, "L-2", "5.00")).await.problem(422, "already_awarded");
    shop.post("/v1/awards", "more", award(&sp, &order, "L-1", "6.00")).await.problem(422, "award_mismatch");

    let shown = shop.get(first.header("location").unwrap()).await.is(200).json();
    assert_eq!((&shown["award_id"], &shown["reference"]), (&body["award_id"], &json!("L-1")));
    let statement = shop.get(&format!("/v1/accounts/{account}/statement")).await.is(200).json();
    let newest = statement["entries"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&newest["kind"], &newest["amount"], &newest["balance"], &newest["reference"]),
        (&json!("award"), &json!("5.00"), &json!("14.00"), &body["award_id"])
    );
    let reversal = format!("/v1/orders/{order}/reversal");
    shop.post(&reversal, "reverse", json!({"reason": "no"})).await.problem(422, "order_awarded");
    let pool = shop.get(&format!("/v1/sps/{sp}/prize-pool")).await.is(200).json();
    assert_eq!(pool["balance"], "95.00");
    let out = json!({"amount": "95.01", "direction": "out", "by": "finance-07"});
    shop.post(&format!("/v1/sps/{sp}/prize-pool"), "out", out).await.problem(422, "pool_too_small");
    shop.get("/v1/awards/W20260101120000000-44-00001").await.problem(404, "award_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_prize_is_taxed_and_two_people_give_it() {
    let (shop, sp, product) = hall().await;
    shop.account(1, 10).await;
    let order = shop.bet(1, &product, "bet").await;
    shop.fund(&sp, "100.00").await.is(200);
    let rules = json!({
        "version": 1, "tax_free_up_to": "10.00", "tax_ppm": 200_000, "approval_from": "20.00",
        "fallback": ["communication", "virtual"],
    });
    let set = |key: &str, rules: &Value| shop.ask(Asking::change("PUT", "/v1/award-policy", key, rules));
    set("rules", &rules).await.is(200);
    assert_eq!(shop.get("/v1/award-policy").await.is(200).json(), rules);
    for (field, wrong) in [
        ("tax_ppm", json!(500_001)),
        ("fallback", json!(["bank", "bank"])),
        ("approval_from", json!("0.00")),
        ("version", json!(0)),
    ] {
        let mut rules = rules.clone();
        rules[field] = wrong;
        let told = set("wrong", &rules).await;
        assert_eq!(told.json()["field"], field, "{}", told.json());
        assert_eq!(told.status.as_u16(), 400);
    }

    let asked = shop.post("/v1/awards", "award", award(&sp, &order, "L-1", "30.01")).await.is(201).json();
    assert_eq!((&asked["status"], &asked["tax"]), (&json!("awaiting_approval"), &json!("6.00")));
    let path = format!("/v1/awards/{}/decision", asked["award_id"].as_str().unwrap());
    let decide = |key: &'static str, by: &'static str| shop.post(&path, key, json!({"approved": true, "by": by}));
    decide("same", "clerk").await.problem(422, "approved_by_asker");
    decide("boss", "boss").await.is(200);
    decide("late", "boss").await.problem(422, "wrong_award_status");
    // What was said first is said again, although it has been paid since.
    let again = shop.post("/v1/awards", "award", award(&sp, &order, "L-1", "30.01")).await.is(201).json();
    assert_eq!(again, asked);
    let shown = shop.get(&format!("/v1/awards/{}", asked["award_id"].as_str().unwrap())).await.is(200).json();
    assert_eq!(shown["status"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_taken_line_by_line_and_may_come_again() {
    let (shop, sp, product) = hall().await;
    shop.account(1, 10).await;
    let (first, second) = (shop.bet(1, &product, "one").await, shop.bet(1, &product, "two").await);
    shop.fund(&sp, "20.00").await.is(200);
    let winner = local(1);
    let file = format!(
        "reference,order_id,msisdn,prize,account_kind\n\
         L-1,{first},{winner},3.00,virtual\n\
         L-2,{first},{winner},3.00,virtual\n\
         L-3,{second},{winner},1.00,gold\n\
         \"L-4\", {second} ,{winner},18.00,virtual\n\
         L-5,{second},{winner},4.00,virtual\n"
    );
    let send = |key: &str| {
        let path = format!("/v1/sps/{sp}/award-files?by=clerk");
        shop.ask(Asking::post(path, key, &json!({})).header("content-type", "text/csv").body(file.clone()))
    };
    let told = send("file").await.is(200).json();
    let lines: Vec<_> = told["lines"].as_array().unwrap().iter().collect();
    let codes: Vec<_> = lines.iter().map(|line| line["refused"].as_str().unwrap_or("taken")).collect();
    // Lines share log entries and keep their order.
    assert_eq!(codes, ["taken", "already_awarded", "invalid_choice", "pool_too_small", "taken"], "{told}");
    assert_eq!((&told["taken"], &told["refused"]), (&json!(2), &json!(3)));
    assert_eq!((&lines[2]["line"], &lines[2]["detail"]), (&json!(4), &json!("account_kind")));
    assert_eq!((&lines[3]["come_again"], &lines[1]["come_again"]), (&json!(true), &Value::Null));
    let pool = || async { shop.get(&format!("/v1/sps/{sp}/prize-pool")).await.json()["balance"].clone() };
    assert_eq!(pool().await, "13.00");
    // Sent again it changes nothing.
    let again = send("file-again").await.is(200).json();
    assert_eq!((&again["lines"][0], &again["lines"][4]), (lines[0], lines[4]));
    assert_eq!(pool().await, "13.00");

    let path = format!("/v1/sps/{sp}/award-files");
    let raw = |path: &str, body: &str| {
        let asking = Asking::post(path, "raw", &json!({})).header("content-type", "text/csv");
        shop.ask(asking.body(body.to_owned()))
    };
    assert_eq!(raw(&path, "reference\n").await.problem(400, "missing_field").as_deref(), Some("by"));
    let path = format!("{path}?by=clerk");
    let short = raw(&path, "reference,msisdn\nL-9,1\n").await;
    assert_eq!(short.problem(400, "invalid_text").as_deref(), Some("body"));
    let header = "reference,order_id,msisdn,prize,account_kind";
    let lines = raw(&path, &format!("{header},tax\nL-9,O,1,1.00,virtual,0\n")).await.is(200).json();
    assert_eq!(lines["lines"][0]["refused"], "invalid_text", "{lines}");
    raw(&path, &format!("{header}\nL-9\n")).await.problem(400, "invalid_text");
    let json = Asking::post(path.clone(), "json", &json!({}));
    shop.ask(json).await.problem(415, "unsupported_media_type");
    let elsewhere = "/v1/sps/S20260101120000000-44-00001/award-files?by=clerk";
    raw(elsewhere, "reference\n").await.problem(404, "sp_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prize_waits_for_whoever_has_no_account() {
    let (shop, _, _) = hall().await;
    let winner = local(7);
    let credit = Verb::CreditAward {
        award: "W20260101120000000-51-00001".parse().unwrap(),
        order: "O20260101120000000-51-00001".parse().unwrap(),
        msisdn: winner,
        amount: Money::yuan(5),
        wanted: mpss_domain::AccountKind::Bank,
        epoch: 1,
    };
    shop.trial.propose(credit).await;
    let path = format!("/v1/subscribers/{winner}/prizes");
    let shown = shop.get(&path).await.is(200).json();
    assert_eq!(shown["prizes"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!((&shown["prizes"][0]["status"], &shown["prizes"][0]["amount"]), (&json!("waiting"), &json!("5.00")));
    // Asked about elsewhere, the question is passed home.
    shop.elsewhere.replies(Reply::Answers(200, vec![("content-type", "application/json")], "{}".into()));
    shop.get(&format!("/v1/subscribers/{}/prizes", visitor(1))).await.is(200);
    assert_eq!(shop.elsewhere.calls().len(), 1);
}
