//! PIN cards through the callers' door: a PIN is in a batch's body and in its buyer's answer, and nowhere
//! in between.

use super::*;
use crate::card_pin::PinSafe;
use mpss_domain::StateVersion;

const PIN: [&str; 3] = ["730955118842907716", "661320058841907211", "AbCd1234"];

fn card(number: &str, pin: &str, expires: &str) -> Value {
    json!({"number": number, "pin": pin, "expires": expires})
}

/// Three cards that are good, and three lines that are not.
fn batch() -> Value {
    json!({"batch_id": "2026/001", "cards": [
        card("8888000000000001", PIN[0], "2099-12-31"),
        card("8888000000000002", PIN[1], "2099-12-30"),
        card("8888000000000001", PIN[2], "2099-12-31"),
        card("8888000000000003", PIN[2], "2020-12-31"),
        card("8888000000000004", "12 34", "2099-12-31"),
        card("8888", PIN[2], "2099-12-31"),
    ]})
}

impl Shop {
    /// A product of application card sale, on sale for one yuan.
    async fn card_product(&self) -> String {
        self.trial
            .until("the version of the vault", |state| (state.version() == StateVersion::NEWEST).then_some(()))
            .await;
        let sp = json!({"name": "cards", "notice_url": "http://127.0.0.1:9/"});
        let sp = self.post("/v1/sps", "card-sp", sp).await.is(201).json();
        let upload = json!({
            "sp_id": sp["sp_id"], "title": "card", "application": "card_sale", "scope": "local", "price": "1.00",
        });
        let product = self.post("/v1/products", "card-upload", upload).await.is(201).json();
        let product = product["product_id"].as_str().unwrap().to_owned();
        let path = format!("/v1/products/{product}");
        self.post(&format!("{path}/review"), "card-review", json!({"decision": "approve"})).await.is(200);
        self.post(&format!("{path}/publish"), "card-publish", json!({})).await.is(200);
        product
    }

    async fn buy(&self, key: &str, last: u64, product: &str) -> String {
        let order = self.post("/v1/orders", key, purchase(last, product)).await.is(201).json();
        order["order_id"].as_str().unwrap().to_owned()
    }

    async fn counts(&self, product: &str) -> [u64; 6] {
        let stock = self.get(&format!("/v1/products/{product}/stock")).await.is(200).json();
        ["loaded", "in_stock", "reserved", "sold", "shown", "expired"].map(|name| stock[name].as_u64().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_are_loaded_bought_and_shown_to_their_buyer() {
    let shop = Shop::open().await;
    shop.account(1, 10).await;
    shop.account(2, 10).await;
    let product = shop.card_product().await;
    assert_eq!(shop.counts(&product).await, [0; 6]);

    // Each line has its result, and nothing of a PIN is repeated.
    let path = format!("/v1/products/{product}/cards");
    let told = shop.post(&path, "load", batch()).await.is(200);
    let body = told.json();
    let results: Vec<_> = body["results"].as_array().unwrap().iter().map(|part| part["result"].clone()).collect();
    assert_eq!(results, ["loaded", "loaded", "duplicate", "expired", "malformed", "malformed"]);
    assert_eq!((&body["loaded"], &body["batch_id"]), (&json!(2), &json!("2026/001")));
    assert_eq!(body["results"][1], json!({"line": 2, "number": "****0002", "result": "loaded"}));
    assert_eq!(body["results"][5], json!({"line": 6, "result": "malformed"}));
    assert!(PIN.iter().all(|pin| !String::from_utf8_lossy(&told.bytes).contains(pin)));
    assert_eq!(shop.counts(&product).await, [2, 2, 0, 0, 0, 0]);

    // The same batch again: by its request id the same bytes, by its own name the same results.
    let again = shop.post(&path, "load", batch()).await.is(200);
    assert_eq!((again.bytes, again.headers.get("idempotent-replayed").is_some()), (told.bytes, true));
    let again = shop.post(&path, "load-2", batch()).await.is(200);
    assert_eq!((again.header("idempotent-replayed"), &again.json()["results"]), (None, &body["results"]));
    // Another PIN is another batch, though PINs are in no digest that could be searched.
    let mut other = batch();
    other["cards"][0]["pin"] = json!("1111");
    shop.post(&path, "load", other.clone()).await.problem(422, "duplicate_request");
    shop.post(&path, "load-3", other).await.problem(422, "batch_mismatch");
    assert_eq!(shop.counts(&product).await, [2, 2, 0, 0, 0, 0]);

    // Sold and delivered in one step, by ourselves: the card that ends first.
    let first = shop.buy("buy-1", 1, &product).await;
    let order = shop.get(&format!("/v1/orders/{first}")).await.is(200).json();
    assert_eq!((&order["status"], order.get("deliver_by")), (&json!("delivered"), None), "{order}");
    let words: Vec<_> = order["timeline"].as_array().unwrap().iter().map(|entry| entry["detail"].clone()).collect();
    assert_eq!(words[2..], ["to be delivered from stock", "delivered from stock"]);
    assert!(PIN.iter().all(|pin| !order.to_string().contains(pin)));

    // Shown to the buyer alone; the same for ever.
    let cards = format!("/v1/orders/{first}/cards");
    let by = |last| json!({"msisdn": local(last).to_string()});
    shop.post(&cards, "look-0", by(2)).await.problem(422, "not_the_buyer");
    assert_eq!(shop.counts(&product).await, [2, 1, 0, 1, 0, 0]);
    let shown = shop.post(&cards, "look-1", by(1)).await.is(200);
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    let body = shown.json();
    assert_eq!(body["cards"], json!([card("8888000000000002", PIN[1], "2099-12-30")]));
    assert!(body["shown_at"].as_str().unwrap().ends_with('Z'));
    let again = shop.post(&cards, "look-1", by(1)).await.is(200);
    assert_eq!((again.bytes, again.headers.get("idempotent-replayed").is_some()), (shown.bytes, true));
    let again = shop.post(&cards, "look-2", by(1)).await.is(200).json();
    assert_eq!((&again["cards"], &again["shown_at"]), (&body["cards"], &body["shown_at"]));
    assert_eq!(shop.counts(&product).await, [2, 1, 0, 0, 1, 0]);
    let order = shop.get(&format!("/v1/orders/{first}")).await.is(200).json();
    assert_eq!(order["timeline"][4]["detail"], "the buyer has seen the cards");

    // What was shown stays sold.
    let reason = json!({"reason": "changed my mind"});
    shop.post(&format!("/v1/orders/{first}/reversal"), "undo", reason.clone()).await.problem(422, "card_shown");
    let refund = json!({"amount": "1.00", "reason": "changed my mind"});
    shop.post(&format!("/v1/orders/{first}/refunds"), "refund", refund).await.problem(422, "card_shown");
    // What was not is for sale again, for the next buyer.
    let second = shop.buy("buy-2", 1, &product).await;
    shop.post("/v1/orders", "buy-3", purchase(2, &product)).await.problem(422, "out_of_stock");
    let half = json!({"amount": "0.50", "reason": "half a card"});
    shop.post(&format!("/v1/orders/{second}/refunds"), "half", half).await.problem(422, "whole_pieces_only");
    shop.post(&format!("/v1/orders/{second}/reversal"), "undo-2", reason).await.is(200);
    shop.post(&format!("/v1/orders/{second}/cards"), "look-3", by(1)).await.problem(422, "already_reversed");
    let third = shop.buy("buy-4", 2, &product).await;
    let shown = shop.post(&format!("/v1/orders/{third}/cards"), "look-4", by(2)).await.is(200).json();
    assert_eq!(shown["cards"], json!([card("8888000000000001", PIN[0], "2099-12-31")]));
    assert_eq!(shop.counts(&product).await, [2, 0, 0, 0, 2, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_batch_is_refused_by_its_field() {
    let shop = Shop::open().await;
    let product = shop.card_product().await;
    let path = format!("/v1/products/{product}/cards");
    let good = json!({"batch_id": "B", "cards": [card("88880001", "1234", "2099-12-31")]});
    for (pointer, value, code, field) in [
        ("/batch_id", json!("with space"), "invalid_id", "batch_id"),
        ("/batch_id", json!("b".repeat(33)), "invalid_id", "batch_id"),
        ("/cards", json!({}), "wrong_type", "cards"),
        ("/cards/0/number", json!(88_880_001), "wrong_type", "cards[0].number"),
        ("/cards/0/pin", json!(730_955), "wrong_type", "cards[0].pin"),
        ("/cards/0", json!({"number": "88880001", "expires": "2099-12-31"}), "missing_field", "cards[0].pin"),
        (
            "/cards/0",
            json!({"number": "88880001", "pin": "1234", "expires": "2099-12-31", "price": "1.00"}),
            "unknown_field",
            "cards[0].price",
        ),
    ] {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        let told = shop.post(&path, "key", body).await;
        assert_eq!(told.problem(400, code).as_deref(), Some(field));
        assert!(!String::from_utf8_lossy(&told.bytes).contains("730955"), "a PIN is never repeated");
    }
    shop.post(&path, "none", json!({"batch_id": "B", "cards": []})).await.problem(422, "batch_size");
    let many: Vec<_> = (0..501).map(|at| card(&format!("{}", 88_880_000 + at), "1234", "2099-12-31")).collect();
    shop.post(&path, "many", json!({"batch_id": "B", "cards": many})).await.problem(422, "batch_size");
    // The largest batch there may be fits into a body.
    let largest: Vec<_> = (0..500).map(|at| card(&format!("{at:024}"), &format!("{at:032}"), "2099-12-31")).collect();
    let told = shop.post(&path, "largest", json!({"batch_id": "B", "cards": largest})).await.is(200).json();
    assert_eq!(told["loaded"], 500);

    let other = shop.product(Scope::Local).await;
    shop.post(&format!("/v1/products/{other}/cards"), "other", good.clone()).await.problem(422, "not_from_vault");
    shop.account(1, 10).await;
    let order = shop.buy("buy", 1, &other).await;
    shop.post(&format!("/v1/orders/{order}/delivery"), "deliver", json!({"result": "accepted"})).await.is(200);
    let buyer = json!({"msisdn": local(1).to_string()});
    shop.post(&format!("/v1/orders/{order}/cards"), "look", buyer.clone()).await.problem(422, "not_from_vault");

    let (product, order) = ("G20260101120000000-44-00001", "O20260101120000000-44-00001");
    shop.post(&format!("/v1/products/{product}/cards"), "p", good).await.problem(404, "product_not_found");
    shop.get(&format!("/v1/products/{product}/stock")).await.problem(404, "product_not_found");
    shop.post(&format!("/v1/orders/{order}/cards"), "o", buyer).await.problem(404, "order_not_found");
    let told = shop.post(&format!("/v1/orders/{order}/cards"), "o2", json!({"msisdn": "110"})).await;
    assert_eq!(told.problem(400, "invalid_msisdn").as_deref(), Some("msisdn"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_nothing_is_loaded_and_nothing_counts_as_shown() {
    let shop = Shop::open().await;
    shop.account(1, 10).await;
    let product = shop.card_product().await;
    let path = format!("/v1/products/{product}/cards");
    let closed = shop.beside(|context| context.pins = None);
    ask(&closed, Asking::post(&path, "load", &batch())).await.problem(422, "vault_closed");
    assert_eq!(shop.counts(&product).await, [0; 6]);
    // It was refused before anything was remembered under the id.
    shop.post(&path, "load", batch()).await.is(200);

    let order = shop.buy("buy", 1, &product).await;
    let look = Asking::post(format!("/v1/orders/{order}/cards"), "look", &json!({"msisdn": local(1).to_string()}));
    ask(&closed, look.clone()).await.problem(422, "vault_closed");
    let wrong = shop.beside(|context| context.pins = Some(PinSafe::new(&[1; 32])));
    ask(&wrong, look.clone()).await.problem(500, "internal");
    // So the order can still be undone, or its cards be shown by a node that can.
    assert_eq!(shop.counts(&product).await, [2, 1, 0, 1, 0, 0]);
    let shown = shop.ask(look).await.is(200).json();
    assert_eq!(shown["cards"][0]["pin"], PIN[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_pin_is_ever_written_to_disk() {
    let shop = Shop::open().await;
    shop.account(1, 10).await;
    let product = shop.card_product().await;
    shop.post(&format!("/v1/products/{product}/cards"), "load", batch()).await.is(200);
    let order = shop.buy("buy", 1, &product).await;
    let by = json!({"msisdn": local(1).to_string()});
    let shown = shop.post(&format!("/v1/orders/{order}/cards"), "look", by).await.is(200).json();
    assert_eq!(shown["cards"][0]["pin"], PIN[1]);
    let bytes = what_is_left_of(shop).await;
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("2026/001"), "the batch is there, so this looks in the right place");
    assert!(PIN.iter().all(|pin| !holds(pin)), "a PIN is on the disk in the clear");
}
