//! Tickets through the callers' door: shown to their buyer, checked once at a gate.

use super::*;
use crate::ticket_code::TicketPen;
use mpss_domain::StateVersion;

impl Shop {
    /// A concert on sale for two yuan, and an order of `quantity` tickets that is delivered.
    async fn tickets(&self, quantity: u32) -> String {
        self.trial
            .until("the version of tickets", |state| (state.version() == StateVersion::NEWEST).then_some(()))
            .await;
        let sp = json!({"name": "hall", "notice_url": "http://127.0.0.1:9/"});
        let sp = self.post("/v1/sps", "hall-sp", sp).await.is(201).json();
        let upload = json!({
            "sp_id": sp["sp_id"], "title": "concert", "application": "ticketing", "scope": "local", "price": "2.00",
        });
        let product = self.post("/v1/products", "hall-upload", upload).await.is(201).json();
        let product = product["product_id"].as_str().unwrap().to_owned();
        let path = format!("/v1/products/{product}");
        self.post(&format!("{path}/review"), "hall-review", json!({"decision": "approve"})).await.is(200);
        self.post(&format!("{path}/publish"), "hall-publish", json!({})).await.is(200);
        let mut purchase = purchase(1, &product);
        purchase["quantity"] = json!(quantity);
        let order = self.post("/v1/orders", "hall-buy", purchase).await.is(201).json();
        let order = order["order_id"].as_str().unwrap().to_owned();
        assert!(self.shown(&order).await.is_empty(), "nothing is given out before it is delivered");
        let accepted = json!({"result": "accepted"});
        self.post(&format!("/v1/orders/{order}/delivery"), "hall-deliver", accepted).await.is(200);
        order
    }

    async fn shown(&self, order: &str) -> Vec<Value> {
        let told = self.get(&format!("/v1/orders/{order}/tickets?msisdn={}", local(1))).await.is(200);
        assert_eq!(told.header("cache-control"), Some("no-store"));
        told.json()["tickets"].as_array().unwrap().clone()
    }

    async fn gate(&self, key: &str, code: &Value) -> Told {
        self.post("/v1/tickets/check", key, json!({ "code": code })).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_lets_one_in_once() {
    let shop = Shop::open().await;
    shop.account(1, 10).await;
    let order = shop.tickets(3).await;
    let tickets = shop.shown(&order).await;
    let seen: Vec<_> = tickets.iter().map(|ticket| (&ticket["place"], &ticket["status"])).collect();
    assert_eq!(seen, [1, 2, 3].map(|place| (json!(place), json!("valid"))).each_ref().map(|(a, b)| (a, b)));

    let first = shop.gate("gate-1", &tickets[0]["code"]).await.is(200);
    let body = first.json();
    assert_eq!((&body["order_id"], &body["place"], &body["title"]), (&json!(order), &json!(1), &json!("concert")));
    // The gate did not hear it and asks again; another gate sees the same ticket, typed by hand.
    let again = shop.gate("gate-1", &tickets[0]["code"]).await.is(200);
    assert_eq!((again.header("idempotent-replayed"), &again.bytes), (Some("true"), &first.bytes));
    let typed = json!(tickets[0]["code"].as_str().unwrap().to_lowercase().replace('-', " "));
    let second = shop.gate("gate-2", &typed).await;
    second.problem(422, "ticket_used");
    assert_eq!(second.json()["checked_at"], body["checked_at"], "with the time of the first");
    let now = shop.shown(&order).await;
    assert_eq!((&now[0]["status"], &now[0]["checked_at"]), (&json!("checked"), &body["checked_at"]));

    // What is unused can be given back, and is void from then on.
    let refund = |amount: &str| json!({"amount": amount, "reason": "it rains"});
    let refunds = format!("/v1/orders/{order}/refunds");
    shop.post(&refunds, "all", refund("6.00")).await.problem(422, "ticket_used");
    shop.post(&refunds, "half", refund("1.00")).await.problem(422, "whole_pieces_only");
    shop.post(&refunds, "one", refund("2.00")).await.is(201);
    assert_eq!(shop.shown(&order).await[2]["status"], "refunded");
    shop.gate("gate-3", &tickets[2]["code"]).await.problem(422, "ticket_void");
    let reason = json!({"reason": "it rains"});
    let reversal = shop.post(&format!("/v1/orders/{order}/reversal"), "undo", reason).await;
    assert!(reversal.status.is_client_error(), "somebody has been in: {}", reversal.json());
    shop.gate("gate-4", &tickets[1]["code"]).await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_did_not_sign_lets_nobody_in() {
    let shop = Shop::open().await;
    shop.account(1, 10).await;
    let order = shop.tickets(1).await;
    let code = shop.shown(&order).await[0]["code"].as_str().unwrap().to_owned();
    let last = if code.ends_with('7') { '8' } else { '7' };
    let forged = format!("{}{last}", &code[..code.len() - 1]);
    for (key, code) in [("f1", forged.as_str()), ("f2", ""), ("f3", "票"), ("f4", &code[..38]), ("f5", &order)] {
        shop.gate(key, &json!(code)).await.problem(422, "ticket_not_found");
    }
    assert_eq!(shop.gate("f6", &json!(7)).await.problem(400, "wrong_type").as_deref(), Some("code"));
    // A code of another province is for that province to judge.
    let order_id = format!("{}51{}", &order[..19], &order[21..]).parse().unwrap();
    let theirs = TicketPen::new(&[9; 32]).sign(mpss_domain::tickets::TicketId { order: order_id, place: 1 });
    let told = shop.gate("f7", &json!(theirs)).await;
    assert_ne!(told.json()["code"], "ticket_not_found", "it was passed on");

    let path = format!("/v1/orders/{order}/tickets");
    shop.get(&format!("{path}?msisdn={}", local(2))).await.problem(422, "not_the_buyer");
    assert_eq!(shop.get(&path).await.problem(400, "missing_field").as_deref(), Some("msisdn"));
    let nobody = format!("/v1/orders/O20260101120000000-44-00001/tickets?msisdn={}", local(1));
    shop.get(&nobody).await.problem(404, "order_not_found");

    let closed = shop.beside(|context| context.tickets = None);
    let check = Asking::post("/v1/tickets/check", "closed", &json!({ "code": code }));
    ask(&closed, check.clone()).await.problem(422, "tickets_closed");
    let other = shop.beside(|context| context.tickets = Some(TicketPen::new(&[1; 32])));
    ask(&other, check.clone()).await.problem(422, "ticket_not_found");
    // Neither used it up.
    ask(&shop.router, check).await.is(200);
}
