//! What is not understood, and what a rule refuses: each with its code and the field to blame, and
//! nothing moves.

use super::*;
use crate::node::trial::visitor;

const ACCOUNT: &str = "/v1/accounts/A20260101120000000-44-00001";
const ORDER: &str = "/v1/orders/O20260101120000000-44-00001";
const PRODUCT: &str = "/v1/products/G20260101120000000-44-00001";

#[tokio::test(flavor = "multi_thread")]
async fn each_field_of_each_request_is_checked_by_name() {
    let shop = Shop::open().await;
    let before = shop.digest();
    let open = json!({"msisdn": "18900000001", "kind": "virtual", "payment_password": RIGHT});
    let change = json!({"payment_password": RIGHT, "daily_limit": "5.00"});
    let top_up = json!({"method": "cash", "amount": "5.00", "agent_id": "a"});
    let password = json!({"payment_password": RIGHT});
    let sp = json!({"name": "n", "notice_url": "http://127.0.0.1:9/"});
    let upload = json!({"sp_id": "S20260101120000000-44-00001", "title": "t", "application": "lottery", "scope": "local", "price": "1.00"});
    let review = json!({"decision": "approve"});
    let order = json!({
        "msisdn": "18900000001", "product_id": "G20260101120000000-44-00001", "quantity": 1,
        "payment_password": RIGHT, "channel": "app",
    });
    let reversal = json!({"reason": "r"});
    let refund = json!({"amount": "1.00", "reason": "r"});
    let delivery = json!({"result": "accepted"});
    let transfer = json!({
        "payer_msisdn": "18900000001", "payee_msisdn": "18900000002", "amount": "1.00", "payment_password": RIGHT,
    });
    let port = json!({"msisdn": "18900000001", "operator": "china-mobile"});
    let wrong = [
        ("POST", "/v1/accounts", &open, "msisdn", json!("110"), "invalid_msisdn"),
        ("POST", "/v1/accounts", &open, "kind", json!("Virtual"), "invalid_choice"),
        ("POST", "/v1/accounts", &open, "payment_password", json!("12345"), "invalid_password"),
        ("POST", "/v1/accounts", &open, "payment_password", json!("123456"), "weak_password"),
        ("POST", "/v1/accounts", &open, "daily_limit", json!("1.001"), "invalid_amount"),
        ("POST", "/v1/accounts", &open, "per_payment_limit", json!("-1"), "invalid_amount"),
        ("POST", "/v1/accounts", &open, "tier", json!("gold"), "invalid_choice"),
        ("POST", "/v1/accounts", &open, "language", json!("de"), "invalid_choice"),
        ("POST", "/v1/accounts", &open, "balance", json!("1.00"), "unknown_field"),
        ("PATCH", ACCOUNT, &change, "payment_password", json!("x"), "invalid_password"),
        ("PATCH", ACCOUNT, &change, "new_payment_password", json!("x"), "invalid_password"),
        ("PATCH", ACCOUNT, &change, "daily_limit", json!(5), "wrong_type"),
        ("PATCH", ACCOUNT, &change, "per_payment_limit", json!("1e3"), "invalid_amount"),
        (
            "POST",
            "/v1/accounts/A20260101120000000-44-00001/top-ups",
            &top_up,
            "method",
            json!("gold"),
            "invalid_choice",
        ),
        (
            "POST",
            "/v1/accounts/A20260101120000000-44-00001/top-ups",
            &top_up,
            "amount",
            json!("10000000.01"),
            "invalid_amount",
        ),
        (
            "POST",
            "/v1/accounts/A20260101120000000-44-00001/top-ups",
            &top_up,
            "agent_id",
            json!("a\u{0}"),
            "invalid_text",
        ),
        (
            "POST",
            "/v1/accounts/A20260101120000000-44-00001/top-ups",
            &top_up,
            "card_pin",
            json!("1"),
            "conflicting_fields",
        ),
        ("POST", "/v1/accounts/A20260101120000000-44-00001/freeze", &password, "until", json!("soon"), "invalid_time"),
        (
            "POST",
            "/v1/accounts/A20260101120000000-44-00001/freeze",
            &password,
            "payment_password",
            json!(""),
            "invalid_password",
        ),
        (
            "POST",
            "/v1/accounts/A20260101120000000-44-00001/unfreeze",
            &password,
            "payment_password",
            json!(739_164),
            "wrong_type",
        ),
        (
            "POST",
            "/v1/accounts/A20260101120000000-44-00001/close",
            &password,
            "pay_out_agent",
            json!(" "),
            "invalid_text",
        ),
        ("POST", "/v1/sps", &sp, "name", json!("\u{202E}n"), "invalid_text"),
        ("POST", "/v1/sps", &sp, "name", json!("n".repeat(65)), "invalid_text"),
        ("POST", "/v1/sps", &sp, "notice_url", json!("file:///etc/passwd"), "invalid_url"),
        ("POST", "/v1/products", &upload, "sp_id", json!("S1"), "invalid_id"),
        ("POST", "/v1/products", &upload, "title", json!("t".repeat(101)), "invalid_text"),
        ("POST", "/v1/products", &upload, "application", json!("gambling"), "invalid_choice"),
        ("POST", "/v1/products", &upload, "scope", json!("world"), "invalid_choice"),
        ("POST", "/v1/products", &upload, "price", json!("0.001"), "invalid_amount"),
        ("POST", "/v1/products", &upload, "delivery_deadline_ms", json!(0), "out_of_range"),
        ("POST", "/v1/products", &upload, "delivery_deadline_ms", json!(-1), "wrong_type"),
        ("POST", "/v1/products", &upload, "uploaded_by", json!("\n"), "invalid_text"),
        (
            "POST",
            "/v1/products/G20260101120000000-44-00001/review",
            &review,
            "decision",
            json!("maybe"),
            "invalid_choice",
        ),
        ("POST", "/v1/products/G20260101120000000-44-00001/review", &review, "reason", json!(""), "invalid_text"),
        ("POST", "/v1/orders", &order, "msisdn", json!("1"), "invalid_msisdn"),
        ("POST", "/v1/orders", &order, "product_id", json!("O20260101120000000-44-00001"), "invalid_id"),
        ("POST", "/v1/orders", &order, "quantity", json!(0), "out_of_range"),
        ("POST", "/v1/orders", &order, "quantity", json!(1_001), "out_of_range"),
        ("POST", "/v1/orders", &order, "quantity", json!(1.0), "wrong_type"),
        ("POST", "/v1/orders", &order, "account_id", json!("A"), "invalid_id"),
        ("POST", "/v1/orders", &order, "account_kind", json!("gold"), "invalid_choice"),
        ("POST", "/v1/orders", &order, "channel", json!("fax"), "invalid_choice"),
        ("POST", "/v1/orders", &order, "location", json!("99"), "invalid_choice"),
        ("POST", "/v1/orders", &order, "amount", json!("0.01"), "unknown_field"),
        ("POST", "/v1/orders/O20260101120000000-44-00001/reversal", &reversal, "reason", json!(""), "invalid_text"),
        (
            "POST",
            "/v1/orders/O20260101120000000-44-00001/reversal",
            &reversal,
            "asked_by",
            json!("me"),
            "invalid_choice",
        ),
        ("POST", "/v1/orders/O20260101120000000-44-00001/refunds", &refund, "amount", json!("1,00"), "invalid_amount"),
        (
            "POST",
            "/v1/orders/O20260101120000000-44-00001/refunds",
            &refund,
            "reason",
            json!("x".repeat(201)),
            "invalid_text",
        ),
        ("POST", "/v1/orders/O20260101120000000-44-00001/delivery", &delivery, "result", json!("ok"), "invalid_choice"),
        (
            "POST",
            "/v1/orders/O20260101120000000-44-00001/delivery",
            &delivery,
            "reason",
            json!("\u{7}"),
            "invalid_text",
        ),
        ("POST", "/v1/transfers", &transfer, "payer_msisdn", json!("x"), "invalid_msisdn"),
        ("POST", "/v1/transfers", &transfer, "payee_msisdn", json!("x"), "invalid_msisdn"),
        ("POST", "/v1/transfers", &transfer, "amount", json!("+1"), "invalid_amount"),
        ("POST", "/v1/number-plan/portability", &port, "operator", json!("vodafone"), "invalid_choice"),
        ("POST", "/v1/number-plan/portability", &port, "from", json!("1"), "invalid_time"),
    ];
    for (method, path, good, field, value, code) in wrong {
        let mut body = good.clone();
        body[field] = value.clone();
        let told = shop.ask(Asking::change(method, path, "key", &body)).await;
        assert_eq!(told.problem(400, code).as_deref(), Some(field), "{method} {path} {field} {value}");
        if let Some(shown) = value.as_str().filter(|shown| shown.len() > 3 && field.contains("password")) {
            assert!(!String::from_utf8_lossy(&told.bytes).contains(shown), "a password is never repeated");
        }
    }
    for (path, good) in [
        ("/v1/accounts", &open),
        ("/v1/sps", &sp),
        ("/v1/products", &upload),
        ("/v1/orders", &order),
        ("/v1/transfers", &transfer),
        ("/v1/number-plan/portability", &port),
    ] {
        for field in good.as_object().unwrap().keys() {
            let mut body = good.clone();
            body.as_object_mut().unwrap().remove(field);
            let told = shop.post(path, "key", body.clone()).await;
            assert_eq!(told.problem(400, "missing_field").as_deref(), Some(field.as_str()), "{path} {field}");
            let text = good.to_string();
            let doubled = format!("{},\"{field}\":{}}}", &text[..text.len() - 1], good[field]);
            let told = shop.ask(Asking::post(path, "key", good).body(doubled)).await;
            assert_eq!(told.problem(400, "duplicate_field").as_deref(), Some(field.as_str()), "{path} {field}");
        }
    }
    let both = json!({
        "msisdn": "18900000001", "product_id": "G20260101120000000-44-00001", "quantity": 1, "payment_password": RIGHT,
        "channel": "app", "account_kind": "virtual", "account_id": "A20260101120000000-44-00001",
    });
    shop.post("/v1/orders", "key", both).await.problem(400, "conflicting_fields");
    let nothing = Asking::change("PATCH", ACCOUNT, "key", &json!({"payment_password": RIGHT}));
    shop.ask(nothing).await.problem(400, "nothing_to_change");
    let reject = shop.post(&format!("{PRODUCT}/review"), "key", json!({"decision": "reject"})).await;
    assert_eq!(reject.problem(400, "missing_field").as_deref(), Some("reason"));
    for field in ["amount", "agent_id"] {
        let mut body = top_up.clone();
        body.as_object_mut().unwrap().remove(field);
        let told = shop.post(&format!("{ACCOUNT}/top-ups"), "key", body).await;
        assert_eq!(told.problem(400, "missing_field").as_deref(), Some(field));
    }
    for body in [
        json!({"method": "recharge_card", "card_pin": "730955118842907716"}),
        json!({"method": "bank_card", "amount": "1.00", "payment_password": RIGHT}),
    ] {
        let told = shop.post(&format!("{ACCOUNT}/top-ups"), "key", body).await;
        assert_eq!(told.problem(422, "top_up_method_unsupported").as_deref(), Some("method"));
    }
    assert_eq!(shop.digest(), before, "something moved");
}

#[tokio::test(flavor = "multi_thread")]
async fn request_ids_and_media_types_are_checked() {
    let shop = Shop::open().await;
    let good = || Asking::post("/v1/sps", "key", &json!({"name": "n", "notice_url": "http://127.0.0.1:9/"}));
    let told = shop.ask(good().without("idempotency-key")).await;
    assert_eq!(told.problem(400, "missing_idempotency_key").as_deref(), Some("idempotency-key"));
    for key in ["", "a b", &"k".repeat(65)] {
        let told = shop.ask(good().header("idempotency-key", key)).await;
        assert_eq!(told.problem(400, "invalid_idempotency_key").as_deref(), Some("idempotency-key"), "{key}");
    }
    for media in ["text/plain", "application/xml", "application/jsonp", ""] {
        let told = shop.ask(good().header("content-type", media)).await;
        assert_eq!(told.problem(415, "unsupported_media_type").as_deref(), Some("content-type"), "{media}");
    }
    shop.ask(good().without("content-type")).await.problem(415, "unsupported_media_type");
    let told = shop.ask(good().header("content-encoding", "gzip")).await;
    assert_eq!(told.problem(415, "unsupported_media_type").as_deref(), Some("content-encoding"));
    shop.ask(good().header("content-type", "Application/JSON; charset=utf-8")).await.is(201);
    let plan = Asking::change("PUT", "/v1/number-plan?epoch=5", "key", &json!({}));
    shop.ask(plan).await.problem(415, "unsupported_media_type");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_bounded() {
    let shop = Shop::open_with(|options| options.body_bytes_max = 1_000).await;
    let long = json!({"name": "n".repeat(2_000), "notice_url": "http://127.0.0.1:9/"});
    shop.post("/v1/sps", "key", long).await.problem(413, "body_too_large");
    let announced = Asking::post("/v1/sps", "key", &json!({})).header("content-length", "99999999999");
    shop.ask(announced).await.problem(413, "body_too_large");
    // A number plan is larger than any other body.
    let plan = Asking::change("PUT", "/v1/number-plan?epoch=5", "key", &Value::Null)
        .header("content-type", "text/csv")
        .body("x".repeat(5_000));
    shop.ask(plan).await.problem(400, "invalid_number_plan");
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_methods_and_parameters_are_checked() {
    let shop = Shop::open().await;
    for path in ["/v1", "/v1/orders/", "/v2/orders", "/v1/prizes", "/favicon.ico", "/v1/accounts/a/b", "/%ff"] {
        shop.get(path).await.problem(404, "unknown_route");
    }
    for (method, path, allow) in [
        ("DELETE", "/v1/orders", "POST"),
        ("GET", "/v1/orders", "POST"),
        ("PUT", ACCOUNT, "GET"),
        ("BREW", "/healthz", "GET"),
        ("POST", "/v1/number-plan/18900000001", "GET"),
    ] {
        let told = shop.ask(Asking::change(method, path, "key", &json!({}))).await;
        told.problem(405, "method_not_allowed");
        assert!(told.header("allow").unwrap_or_default().contains(allow), "{method} {path}: {:?}", told.headers);
    }
    for (path, code, field) in [
        ("/v1/accounts/x", "invalid_id", "id"),
        ("/v1/accounts/%00", "invalid_id", "id"),
        ("/v1/orders/G20260101120000000-44-00001", "invalid_id", "id"),
        ("/v1/subscribers/189", "invalid_msisdn", "msisdn"),
        ("/v1/number-plan/portability2", "invalid_msisdn", "msisdn"),
        ("/v1/catalogue", "missing_field", "msisdn"),
        ("/v1/catalogue?msisdn=x", "invalid_msisdn", "msisdn"),
        ("/v1/catalogue?msisdn=18900000001&where=44", "unknown_field", "where"),
        ("/v1/catalogue?msisdn=18900000001&msisdn=18900000001", "duplicate_field", "msisdn"),
        ("/v1/catalogue?msisdn=18900000001&location=4", "invalid_choice", "location"),
        ("/v1/catalogue?msisdn=18900000001&explain=1", "invalid_choice", "explain"),
        ("/v1/products?limit=501", "out_of_range", "limit"),
        ("/v1/products?status=new", "invalid_choice", "status"),
        ("/v1/products?cursor=x", "invalid_id", "cursor"),
        ("/v1/cluster?x=1", "unknown_field", "x"),
        ("/v1/trial-balance?day=1", "unknown_field", "day"),
    ] {
        let told = shop.get(path).await;
        assert_eq!(told.problem(400, code).as_deref(), Some(field), "{path}");
    }
    let account = shop.account(1, 0).await;
    for cursor in ["x", "-1", "99999999999999999999", "+1", "18446744073709551615", "1"] {
        let told = shop.get(&format!("/v1/accounts/{account}/statement?cursor={cursor}")).await;
        let status = told.status.as_u16();
        assert!(status == 400 || (cursor == "1" && status == 503), "{cursor}: {status}");
    }
    for epoch in ["", "?epoch=0", "?epoch=x", "?epoch=-1", "?era=1"] {
        let plan = Asking::change("PUT", format!("/v1/number-plan{epoch}"), "key", &Value::Null);
        shop.ask(plan.header("content-type", "text/csv")).await.is(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_path_names_and_is_not_there_is_404() {
    let shop = Shop::open().await;
    let password = json!({"payment_password": RIGHT});
    for (asking, code) in [
        (Asking::get(ACCOUNT), "account_not_found"),
        (Asking::get(format!("{ACCOUNT}/statement")), "account_not_found"),
        (Asking::get(ORDER), "order_not_found"),
        (Asking::get(ORDER).header("prefer", "wait=1"), "order_not_found"),
        (Asking::get(PRODUCT), "product_not_found"),
        (Asking::get("/v1/sps/S20260101120000000-44-00001"), "sp_not_found"),
        (Asking::get("/v1/transfers/T20260101120000000-44-00001"), "transfer_not_found"),
        (Asking::get("/v1/subscribers/18900000001"), "subscriber_not_found"),
        (Asking::get("/v1/subscribers/13999999999"), "unknown_number"),
        (Asking::post(format!("{ACCOUNT}/freeze"), "1", &password), "account_not_found"),
        (Asking::post(format!("{ACCOUNT}/close"), "2", &password), "account_not_found"),
        (Asking::post(format!("{ORDER}/reversal"), "3", &json!({"reason": "r"})), "order_not_found"),
        (Asking::post(format!("{ORDER}/refunds"), "4", &json!({"amount": "1.00", "reason": "r"})), "order_not_found"),
        (Asking::post(format!("{ORDER}/delivery"), "5", &json!({"result": "accepted"})), "order_not_found"),
        (Asking::post(format!("{PRODUCT}/publish"), "6", &json!({})), "product_not_found"),
        (Asking::post("/v1/sps/S20260101120000000-44-00001/suspend", "7", &json!({})), "sp_not_found"),
    ] {
        let path = asking.path.clone();
        let told = shop.ask(asking).await;
        assert_eq!(told.status, 404, "{path}: {}", String::from_utf8_lossy(&told.bytes));
        told.problem(404, code);
    }
    // What the body names is a matter of rules.
    shop.post("/v1/orders", "8", purchase(1, "G20260101120000000-44-00001")).await.problem(422, "product_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_refuse_by_name_and_say_what_they_know() {
    let shop = Shop::open().await;
    let account = shop.account(1, 2).await;
    let product = shop.product(Scope::Local).await;
    let roaming = shop.product(Scope::Roaming).await;
    let told = shop.post("/v1/orders", "1", purchase(1, &roaming)).await;
    told.problem(422, "not_visible");
    assert_eq!(told.json()["because"], "roaming_is_for_visitors");
    let mut much = purchase(1, &product);
    much["quantity"] = json!(3);
    shop.post("/v1/orders", "2", much).await.problem(422, "insufficient_funds");
    let open = json!({"msisdn": local(1).to_string(), "kind": "virtual", "payment_password": RIGHT});
    shop.post("/v1/accounts", "3", open).await.problem(422, "account_exists");
    let open = json!({"msisdn": local(2).to_string(), "kind": "bank", "payment_password": RIGHT});
    shop.post("/v1/accounts", "4", open).await.problem(422, "account_kind_unsupported");
    let open = json!({"msisdn": "13999999999", "kind": "virtual", "payment_password": RIGHT});
    shop.post("/v1/accounts", "5", open).await.problem(422, "unknown_number");
    let zero = json!({"method": "cash", "amount": "0.00", "agent_id": "a"});
    shop.post(&format!("/v1/accounts/{account}/top-ups"), "6", zero).await.problem(422, "amount_out_of_range");
    let close = json!({"payment_password": RIGHT});
    shop.post(&format!("/v1/accounts/{account}/close"), "7", close).await.problem(422, "balance_remains");
    let past = json!({"payment_password": RIGHT, "until": "2001-01-01T00:00:00Z"});
    shop.post(&format!("/v1/accounts/{account}/freeze"), "8", past).await.problem(422, "thaw_date_in_past");
    let upload = json!({
        "sp_id": "S20260101120000000-44-00001", "title": "t", "application": "lottery", "scope": "local", "price": "1.00",
    });
    shop.post("/v1/products", "9", upload).await.problem(422, "sp_not_found");
    let wrong = json!({"payment_password": "555555"});
    for n in 0..5 {
        let told = shop.post(&format!("/v1/accounts/{account}/freeze"), &format!("w{n}"), wrong.clone()).await;
        told.problem(422, "wrong_password");
    }
    let told = shop.post(&format!("/v1/accounts/{account}/freeze"), "right", json!({"payment_password": RIGHT})).await;
    told.problem(422, "password_locked");
    assert!(told.json()["until"].as_str().unwrap().ends_with('Z'));
    assert_eq!(told.json()["retryable"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_says_why_the_rest_is_hidden() {
    let shop = Shop::open().await;
    let (own, guests) = (shop.product(Scope::Local).await, shop.product(Scope::Roaming).await);
    let national = json!({"products": [{
        "product_id": "G20260101120000000-00-00001", "province": "00", "sp_id": "S20260101120000000-00-00001",
        "sp_name": "n", "title": "national", "application": "ticketing", "scope": "national", "price": "9.00",
        "delivery_deadline_ms": 60_000,
    }]});
    shop.elsewhere.replies(Reply::Answers(200, vec![("content-type", "application/json")], national.to_string()));
    let look = async |msisdn: mpss_domain::Msisdn, location: &str| {
        let told = shop.get(&format!("/v1/catalogue?msisdn={msisdn}&explain=true{location}")).await.is(200).json();
        let ids = |rows: &Value| -> Vec<String> {
            rows.as_array().unwrap().iter().map(|row| row["product_id"].as_str().unwrap().to_owned()).collect()
        };
        let because = told["hidden"].as_array().unwrap().iter().map(|row| row["because"].as_str().unwrap().to_owned());
        assert_eq!(told["complete"], true);
        (ids(&told["products"]), because.collect::<Vec<_>>())
    };
    let everywhere = "G20260101120000000-00-00001".to_owned();
    for (msisdn, location, shown, because) in [
        (local(1), "", &own, "roaming_is_for_visitors"),
        (local(1), "&location=51", &own, "roaming_is_for_visitors"),
        (visitor(1), "", &guests, "not_its_subscriber"),
    ] {
        assert_eq!(look(msisdn, location).await, (vec![shown.clone(), everywhere.clone()], vec![because.to_owned()]));
    }
    let (shown, because) = look(visitor(1), "&location=51").await;
    assert_eq!(shown, [everywhere.as_str()]);
    assert_eq!(because, ["not_its_subscriber", "not_visiting_now"]);
    assert_eq!(shop.elsewhere.calls().len(), 1, "what the national platform said is kept for a moment");
    let silent = shop.get("/v1/catalogue?msisdn=13999999999").await;
    assert_eq!(silent.problem(422, "unknown_number").as_deref(), Some("msisdn"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_national_platform_that_is_down_hides_nothing_else() {
    let shop = Shop::open().await;
    let own = shop.product(Scope::Local).await;
    shop.elsewhere.replies(Reply::Fails(PeerError::Unreachable));
    let told = shop.get(&format!("/v1/catalogue?msisdn={}", local(1))).await.is(200).json();
    assert_eq!((&told["products"][0]["product_id"], &told["complete"]), (&json!(own), &json!(false)));
    assert!(told.get("hidden").is_none());
}
