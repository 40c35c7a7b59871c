//! One-time payment codes, through the callers' door.

use super::*;
use crate::code_digits::CodeDigits;
use mpss_domain::StateVersion;

impl Shop {
    /// Something for two yuan that is paid per use.
    async fn rides(&self) -> String {
        self.trial.until("the version of codes", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
        let sp = json!({"name": "metro", "notice_url": "http://metro"});
        let sp = self.post("/v1/sps", "metro", sp).await.is(201).json();
        let upload = json!({
            "sp_id": sp["sp_id"], "title": "a ride", "application": "pay_per_use", "scope": "local", "price": "2.00",
        });
        let product = self.post("/v1/products", "ride-upload", upload).await.is(201).json();
        let product = product["product_id"].as_str().unwrap().to_owned();
        let path = format!("/v1/products/{product}");
        self.post(&format!("{path}/review"), "ride-review", json!({"decision": "approve"})).await.is(200);
        self.post(&format!("{path}/publish"), "ride-publish", json!({})).await.is(200);
        assert_eq!(self.get(&path).await.is(200).json()["delivery_deadline_ms"], 15_000);
        product
    }

    async fn code(&self, account: &str, key: &str, amount: &str) -> Told {
        let body = json!({"payment_password": RIGHT, "amount": amount});
        self.post(&format!("/v1/accounts/{account}/payment-codes"), key, body).await
    }

    async fn present(&self, key: &str, product: &str, code: &str) -> Told {
        self.post("/v1/pay-per-use/orders", key, presented(product, code)).await
    }

    async fn balance(&self, account: &str) -> Value {
        self.get(&format!("/v1/accounts/{account}")).await.is(200).json()["balance"].clone()
    }
}

fn presented(product: &str, code: &str) -> Value {
    json!({"product_id": product, "quantity": 1, "payment_code": code})
}

fn digits(told: &Told) -> String {
    told.json()["payment_code"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_pays_once_without_number_or_password() {
    let shop = Shop::open().await;
    let account = shop.account(1, 100).await;
    let product = shop.rides().await;
    let issued = shop.code(&account, "code", "20.00").await.is(201);
    let body = issued.json();
    assert_eq!((&body["account_id"], &body["amount"]), (&json!(account), &json!("20.00")));
    let code = digits(&issued);
    assert!(code.starts_with("44") && code.len() == 16);
    assert_eq!(shop.code(&account, "code", "20.00").await.is(201).bytes, issued.bytes, "the first answer again");
    assert_ne!(digits(&shop.code(&account, "other", "20.00").await.is(201)), code);

    let ordered = shop.present("buy", &product, &code).await.is(201);
    let order = ordered.json();
    assert_eq!((&order["amount"], &order["channel"]), (&json!("2.00"), &json!("pos")));
    assert_eq!(shop.balance(&account).await, "98.00");
    assert_eq!(shop.present("buy", &product, &code).await.is(201).bytes, ordered.bytes, "the first answer again");
    shop.present("more", &product, &code).await.problem(422, "payment_code_used");
    let other = digits(&shop.code(&account, "third", "1.99").await.is(201));
    shop.present("buy", &product, &other).await.problem(422, "duplicate_request");
    shop.present("much", &product, &other).await.problem(422, "amount_above_code");
    assert_eq!(shop.balance(&account).await, "98.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_machines_at_once_one_is_paid() {
    let shop = Shop::open().await;
    let account = shop.account(1, 100).await;
    let product = shop.rides().await;
    let code = digits(&shop.code(&account, "code", "20.00").await.is(201));
    let machines = ["a", "b", "c", "d", "e", "f"].map(|key| shop.present(key, &product, &code));
    let told = futures::future::join_all(machines).await;
    let taken = told.iter().filter(|told| told.status == 201).count();
    for told in told.iter().filter(|told| told.status != 201) {
        told.problem(422, "payment_code_used");
    }
    assert_eq!((taken, shop.balance(&account).await), (1, json!("98.00")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_code_is_refused_by_name() {
    let shop = Shop::open().await;
    let account = shop.account(1, 100).await;
    let product = shop.rides().await;
    let good = digits(&shop.code(&account, "code", "20.00").await.is(201));
    let slip = format!("{}{}", &good[..15], (good.as_bytes()[15] - b'0' + 1) % 10);
    for (code, name) in [(json!(slip), "invalid_value"), (json!("44"), "invalid_value"), (json!(44), "wrong_type")] {
        let mut body = presented(&product, "");
        body["payment_code"] = code;
        let told = shop.post("/v1/pay-per-use/orders", "bad", body).await;
        assert_eq!(told.problem(400, name).as_deref(), Some("payment_code"));
        assert!(!String::from_utf8_lossy(&told.bytes).contains(&good[..12]), "it is not repeated");
    }
    let guess = CodeDigits::draw(ProvinceId::new(44).unwrap(), &*shop.trial.context.seams.random);
    shop.present("guess", &product, guess.reveal()).await.problem(422, "payment_code_unknown");
    let book = shop.product(Scope::Local).await;
    shop.present("book", &book, &good).await.problem(422, "not_pay_per_use");
    let nothing = "G20260101120000000-44-00001";
    shop.present("nothing", nothing, &good).await.problem(422, "product_not_found");
    // A code of a province that nobody is connected to.
    let far = CodeDigits::draw(ProvinceId::new(65).unwrap(), &*shop.trial.context.seams.random);
    shop.present("far", &product, far.reveal()).await.problem(503, "unavailable");

    for (field, value, status, code) in [
        ("payment_password", json!("739165"), 422, "wrong_password"),
        ("amount", json!("0.00"), 422, "amount_out_of_range"),
        ("amount", json!("1000.01"), 422, "per_payment_limit_exceeded"),
    ] {
        let mut body = json!({"payment_password": RIGHT, "amount": "20.00"});
        body[field] = value;
        let path = format!("/v1/accounts/{account}/payment-codes");
        shop.post(&path, &format!("{code}-{field}"), body).await.problem(status, code);
    }
    let nobody = "A20260101120000000-44-00001";
    shop.code(nobody, "nobody", "20.00").await.problem(404, "account_not_found");
    for key in ["second", "third"] {
        shop.code(&account, key, "20.00").await.is(201);
    }
    shop.code(&account, "fourth", "20.00").await.problem(422, "payment_codes_open");
    let closed = shop.beside(|context| context.pins = None);
    let body = json!({"payment_password": RIGHT, "amount": "20.00"});
    let asking = Asking::post(format!("/v1/accounts/{account}/payment-codes"), "closed", &body);
    ask(&closed, asking).await.problem(422, "vault_closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_code_is_ever_written_to_disk() {
    let shop = Shop::open().await;
    let account = shop.account(1, 100).await;
    let product = shop.rides().await;
    let code = digits(&shop.code(&account, "code", "20.00").await.is(201));
    shop.present("buy", &product, &code).await.is(201);
    let bytes = what_is_left_of(shop).await;
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("a ride"), "the product is there, so this looks in the right place");
    assert!(!holds(&code), "a code is on the disk in the clear");
}
