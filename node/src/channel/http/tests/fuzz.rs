//! Whatever is sent: never a 5xx, never a panic, always a problem with its code, and nothing moves.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::*;

/// Cases in one run, unless `PROPTEST_CASES` in the environment says another number.
const CASES: u32 = 1_500;

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES)
}

/// Strings that have broken something somewhere.
const NASTY: [&str; 24] = [
    "",
    " ",
    "0",
    "-1",
    "1e999",
    "NaN",
    "12.345",
    "99999999999999999999",
    "\u{0}",
    "\u{202E}",
    "\u{FEFF}",
    "𠮷",
    "é\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "../../etc/passwd",
    "' OR 1=1 --",
    "<script>",
    "${jndi:ldap://x}",
    "A20260101120000000-44-00001",
    "O99991231235959999-65-65535",
    "18900000001",
    "+8618900000001",
    "virtual",
    "2026-01-01T00:00:00Z",
    "null",
];

fn nasty_text() -> impl Strategy<Value = String> {
    prop_oneof![3 => proptest::sample::select(&NASTY[..]).prop_map(str::to_owned), 1 => any::<String>(), 1 => "[0-9A-Za-z.:+-]{0,40}"]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (any::<f64>()).prop_map(Value::from),
        nasty_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(nasty_text(), inner, 0..4).prop_map(|fields| json!(fields)),
        ]
    })
}

/// The fields that exist somewhere.
const FIELDS: [&str; 30] = [
    "msisdn",
    "kind",
    "payment_password",
    "new_payment_password",
    "daily_limit",
    "per_payment_limit",
    "tier",
    "language",
    "until",
    "pay_out_agent",
    "method",
    "amount",
    "card_pin",
    "agent_id",
    "name",
    "notice_url",
    "sp_id",
    "title",
    "application",
    "scope",
    "price",
    "delivery_deadline_ms",
    "product_id",
    "quantity",
    "account_id",
    "channel",
    "reason",
    "payer_msisdn",
    "payee_msisdn",
    "result",
];

fn near_body() -> impl Strategy<Value = Value> {
    let field = prop_oneof![6 => proptest::sample::select(&FIELDS[..]).prop_map(str::to_owned), 1 => nasty_text()];
    proptest::collection::btree_map(field, json_value(), 0..12).prop_map(|fields| json!(fields))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => near_body().prop_map(|body| body.to_string().into_bytes()),
        1 => json_value().prop_map(|body| body.to_string().into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => (near_body(), any::<proptest::sample::Index>()).prop_map(|(body, cut)| {
            let bytes = body.to_string().into_bytes();
            bytes[..cut.index(bytes.len())].to_vec()
        }),
        1 => (1_usize..3_000).prop_map(|deep| format!("{{\"msisdn\":{}", "[".repeat(deep)).into_bytes()),
    ]
}

fn asking() -> impl Strategy<Value = Asking> {
    let routes: Vec<(&'static str, &'static str)> = vec![
        ("POST", "/v1/accounts"),
        ("PATCH", "/v1/accounts/{}"),
        ("POST", "/v1/accounts/{}/top-ups"),
        ("POST", "/v1/accounts/{}/freeze"),
        ("POST", "/v1/accounts/{}/unfreeze"),
        ("POST", "/v1/accounts/{}/close"),
        ("POST", "/v1/sps"),
        ("POST", "/v1/sps/{}/suspend"),
        ("POST", "/v1/products"),
        ("PUT", "/v1/products/{}"),
        ("POST", "/v1/products/{}/review"),
        ("POST", "/v1/products/{}/publish"),
        ("POST", "/v1/orders"),
        ("POST", "/v1/orders/{}/reversal"),
        ("POST", "/v1/orders/{}/refunds"),
        ("POST", "/v1/orders/{}/delivery"),
        ("POST", "/v1/transfers"),
        ("PUT", "/v1/policy"),
        ("PUT", "/v1/bill-policy"),
        ("PUT", "/v1/number-plan?epoch=7"),
        ("POST", "/v1/number-plan/portability"),
        ("POST", "/v1/cluster/members"),
        ("GET", "/v1/accounts/{}"),
        ("GET", "/v1/accounts/{}/statement?cursor={}"),
        ("GET", "/v1/orders/{}"),
        ("GET", "/v1/catalogue?msisdn={}&location={}"),
        ("GET", "/v1/number-plan/{}"),
        ("GET", "/v1/subscribers/{}"),
        ("GET", "/v1/products?cursor={}&limit={}"),
        ("GET", "/{}"),
    ];
    let media =
        proptest::sample::select(&["application/json", "application/json", "application/json", "text/csv", "x"][..]);
    let key = prop_oneof![6 => "[!-~]{1,64}", 1 => "[ -~]{0,80}"];
    (proptest::sample::select(routes), nasty_text(), body(), media, key).prop_map(
        |((method, path), hole, body, media, key)| {
            let hole: String = hole.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let asking = Asking { method, path: path.replace("{}", &hole), headers: Vec::new(), body };
            asking.header("content-type", media).header("idempotency-key", key)
        },
    )
}

fn check(told: &Told, question: bool) -> Result<(), TestCaseError> {
    let status = told.status.as_u16();
    prop_assert!(status < 500, "{status}: {}", String::from_utf8_lossy(&told.bytes));
    if status < 400 {
        prop_assert!(question, "something was done: {}", String::from_utf8_lossy(&told.bytes));
        return Ok(());
    }
    prop_assert_eq!(told.header("content-type"), Some("application/problem+json"));
    let body = told.json();
    prop_assert!(body["code"].is_string() && body["number"].is_u64() && body["title"].is_string(), "{}", body);
    let blamed = ["wrong_type", "malformed_json", "nothing_to_change", "unsupported_media_type"];
    if status == 400 && !blamed.contains(&body["code"].as_str().unwrap()) {
        prop_assert!(body["field"].is_string(), "no field: {}", body);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_is_refused_by_name_and_nothing_moves() {
    let shop = Shop::open().await;
    shop.account(1, 10).await;
    let balance = shop.get("/v1/trial-balance").await.json();
    let handle = tokio::runtime::Handle::current();
    let router = shop.router.clone();
    let fuzz = move || {
        let mut runner = TestRunner::new(Config { cases: cases(), failure_persistence: None, ..Config::default() });
        runner.run(&asking(), |asking| {
            let question = asking.method == "GET";
            check(&handle.block_on(ask(&router, asking)), question)
        })
    };
    tokio::task::spawn_blocking(fuzz).await.unwrap().unwrap();
    let after = shop.get("/v1/trial-balance").await.json();
    assert_eq!((&after["accounts"], &after["debits"]), (&balance["accounts"], &balance["debits"]));
    assert_eq!(shop.trial.context.replica.read(|state| state.row_counts().accounts), 1);
}
