//! Bad input at the callers' door: every request here is wrong in one way that is known, so every
//! answer must be a refusal that says so (4xx, problem+json, code, number, the field to blame), and
//! nothing moves, panics or hangs.
//!
//! `MPSS_BAD_INPUT_SEED` repeats the choices, `MPSS_BAD_INPUT_REQUESTS` sets how many.

#![allow(clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::future::join_all;
use mpss_tests::client::Ask;
use mpss_tests::country::CountryPlan;
use mpss_tests::raw_http::{Connection, RawAnswer};
use mpss_tests::seeded::Seeded;
use mpss_tests::stage::Stage;
use mpss_tests::trade::{Goods, PASSWORD, Trade};
use mpss_tests::{binary, number_table};
use serde_json::{Value, json};

const REQUESTS_USUAL: usize = 30_000;
const LANES: usize = 8;
const HEADER_DEADLINE: Duration = Duration::from_secs(1);
const BODY_BYTES_MAX: usize = 65_536;

static STAGE: Stage = Stage::new(|| {
    CountryPlan::new(binary::mpss(), &["44"], 1)
        .setting("door", "subscriber_requests_per_second = 0")
        .setting("door", &format!("header_deadline_ms = {}", HEADER_DEADLINE.as_millis()))
        .setting("door", &format!("body_bytes_max = {BODY_BYTES_MAX}"))
});

/// What a field may hold, and so how it can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Msisdn,
    Amount,
    Id,
    Choice,
    Password,
    Text,
    Url,
    Time,
    Number,
}

/// A field of a request: name, what it may hold, whether it must be there, a good value.
#[derive(Debug, Clone)]
struct Field {
    name: &'static str,
    kind: Kind,
    required: bool,
    good: Value,
}

/// A request that would be understood.
#[derive(Debug, Clone)]
struct Form {
    method: &'static str,
    path: String,
    fields: Vec<Field>,
}

/// What an answer must be.
#[derive(Debug, Clone)]
struct Must {
    codes: &'static [&'static str],
    field: Option<String>,
}

/// One wrong request as it is sent, and what must come back.
#[derive(Debug, Clone)]
struct Wrong {
    what: String,
    bytes: Vec<u8>,
    must: Must,
}

const fn must(codes: &'static [&'static str]) -> Must {
    Must { codes, field: None }
}

fn blaming(codes: &'static [&'static str], field: &str) -> Must {
    Must { codes, field: Some(field.into()) }
}

/// What exists in the country the requests talk about.
struct Place {
    account: String,
    order: String,
    product: String,
    sp: String,
    buyer: String,
    payee: String,
}

fn forms(place: &Place) -> Vec<Form> {
    let field = |name, kind, required, good: Value| Field { name, kind, required, good };
    let Place { account, order, product, sp, buyer, payee } = place;
    let password = || field("payment_password", Kind::Password, true, json!(PASSWORD));
    let form = |method, path: String, fields| Form { method, path, fields };
    vec![
        form(
            "POST",
            "/v1/accounts".into(),
            vec![
                field("msisdn", Kind::Msisdn, true, json!(buyer)),
                field("kind", Kind::Choice, true, json!("virtual")),
                password(),
                field("daily_limit", Kind::Amount, false, json!("500.00")),
                field("per_payment_limit", Kind::Amount, false, json!("50.00")),
            ],
        ),
        form(
            "PATCH",
            format!("/v1/accounts/{account}"),
            vec![
                password(),
                field("new_payment_password", Kind::Password, false, json!("111222")),
                field("daily_limit", Kind::Amount, false, json!("500.00")),
            ],
        ),
        form(
            "POST",
            format!("/v1/accounts/{account}/top-ups"),
            vec![
                field("method", Kind::Choice, true, json!("cash")),
                field("amount", Kind::Amount, false, json!("10.00")),
                field("agent_id", Kind::Text, false, json!("agent-1")),
            ],
        ),
        form(
            "POST",
            format!("/v1/accounts/{account}/freeze"),
            vec![password(), field("until", Kind::Time, false, json!("2099-01-01T00:00:00Z"))],
        ),
        form("POST", format!("/v1/accounts/{account}/unfreeze"), vec![password()]),
        form("POST", format!("/v1/accounts/{account}/close"), vec![password()]),
        form(
            "POST",
            "/v1/sps".into(),
            vec![
                field("name", Kind::Text, true, json!("shop")),
                field("notice_url", Kind::Url, true, json!("http://127.0.0.1:9/x")),
            ],
        ),
        form(
            "POST",
            "/v1/products".into(),
            vec![
                field("sp_id", Kind::Id, true, json!(sp)),
                field("title", Kind::Text, true, json!("票 ticket")),
                field("application", Kind::Choice, true, json!("ticketing")),
                field("scope", Kind::Choice, true, json!("local")),
                field("price", Kind::Amount, true, json!("1.00")),
                field("delivery_deadline_ms", Kind::Number, false, json!(60_000)),
            ],
        ),
        form(
            "POST",
            format!("/v1/products/{product}/review"),
            vec![
                field("decision", Kind::Choice, true, json!("approve")),
                field("reason", Kind::Text, false, json!("fine")),
            ],
        ),
        form(
            "POST",
            "/v1/orders".into(),
            vec![
                field("msisdn", Kind::Msisdn, true, json!(buyer)),
                field("product_id", Kind::Id, true, json!(product)),
                field("quantity", Kind::Number, false, json!(1)),
                field("account_kind", Kind::Choice, false, json!("virtual")),
                password(),
                field("channel", Kind::Choice, true, json!("web")),
                field("location", Kind::Choice, false, json!("44")),
            ],
        ),
        form("POST", format!("/v1/orders/{order}/reversal"), vec![field("reason", Kind::Text, true, json!("no"))]),
        form(
            "POST",
            format!("/v1/orders/{order}/refunds"),
            vec![
                field("amount", Kind::Amount, true, json!("0.01")),
                field("reason", Kind::Text, true, json!("broken")),
            ],
        ),
        form(
            "POST",
            "/v1/transfers".into(),
            vec![
                field("payer_msisdn", Kind::Msisdn, true, json!(buyer)),
                field("payee_msisdn", Kind::Msisdn, true, json!(payee)),
                field("amount", Kind::Amount, true, json!("0.01")),
                password(),
            ],
        ),
    ]
}

/// A value of the right JSON type that the field can not hold, and the code that says so.
fn bad_value(kind: Kind, seeded: &mut Seeded) -> (Value, &'static [&'static str]) {
    let text = |choices: &[&str], seeded: &mut Seeded| json!(*seeded.pick(choices));
    match kind {
        Kind::Msisdn => {
            let bad = [
                "",
                "1",
                "1891234567",
                "189123456789",
                "28912345678",
                "+1-555-0100",
                "１８９１２３４５６７８",
                "18912 45678",
                "tel:",
                "+86",
                "18912345678\u{0}",
                "-8912345678",
                "189123456७8",
                "1.8e10",
                "0x1891234567",
                "tel:tel:18912345678",
            ];
            (text(&bad, seeded), &["invalid_msisdn"])
        }
        Kind::Amount => {
            let bad = [
                "",
                "-1.00",
                "-0.01",
                "+1.00",
                "1.001",
                "0.005",
                "1e3",
                "1.0e0",
                "NaN",
                "inf",
                "Infinity",
                "1,000.00",
                "1 000.00",
                "¥1.00",
                "１.００",
                "١٢",
                "1.",
                ".5",
                "00.10",
                "0x10",
                "10000000.01",
                "99999999999999999999999999.99",
                "1.00\u{0}",
                " 1.00",
                "1.00 ",
                "1.-5",
                "--1",
                "1..0",
                "null",
                "९.००",
            ];
            (text(&bad, seeded), &["invalid_amount"])
        }
        Kind::Id => {
            let bad = [
                "",
                "X",
                "../../etc/passwd",
                "A20260101120000000-44-00001'--",
                "G20260101120000000-99-00001",
                "G20261301120000000-44-00001",
                "G20260101120000000-44-99999",
                "ｇ20260101120000000-44-00001",
                "G20260101120000000-44-0000",
                "\u{202e}G20260101120000000-44-00001",
                "O2026",
                "%00",
            ];
            (text(&bad, seeded), &["invalid_id"])
        }
        Kind::Choice => (
            text(&["", "none", "VIRTUAL", "virtual ", "0", "999", "４４", "\u{0}", "web\u{200b}", "null"], seeded),
            &["invalid_choice"],
        ),
        Kind::Password => {
            let bad = [
                "",
                "1",
                "12345",
                "1234567",
                "12345a",
                "１２３４５６",
                "12 456",
                "-12345",
                "123456\n",
                "१२३४५६",
                "      ",
            ];
            (text(&bad, seeded), &["invalid_password"])
        }
        Kind::Url => {
            let bad = [
                "",
                "x",
                "ftp://a/b",
                "http://",
                "javascript:alert(1)",
                "http://a b/",
                "http://u:p@h/",
                "//h/x",
                "http://é/",
            ];
            (text(&bad, seeded), &["invalid_url"])
        }
        Kind::Time => {
            let bad = [
                "",
                "tomorrow",
                "2026-13-01T00:00:00Z",
                "2026-02-30T00:00:00Z",
                "1",
                "2026-01-01",
                "2026-01-01T00:00:00",
            ];
            (text(&bad, seeded), &["invalid_time"])
        }
        Kind::Text => {
            let long = "长".repeat(5_000);
            let piled = format!("Z{}", "\u{0301}".repeat(60));
            let bad = [
                "",
                " ",
                "\t",
                "\u{0}",
                "a\u{0}b",
                "a\nb",
                "\u{202e}evil",
                "a\u{200b}b",
                "\u{feff}",
                "\u{1b}[31mred",
                "\u{7f}",
                "\u{2066}x\u{2069}",
                " padded",
                "padded\u{a0}",
                "\u{301}",
                long.as_str(),
                piled.as_str(),
            ];
            (text(&bad, seeded), &["invalid_text"])
        }
        Kind::Number => {
            let bad = [
                json!(-1),
                json!(0),
                json!(1.5),
                json!(-0.0),
                json!(1e30),
                json!(4_294_967_296_u64),
                json!(u64::MAX),
                json!(i64::MIN),
            ];
            (seeded.pick(&bad).clone(), &["out_of_range", "wrong_type"])
        }
    }
}

/// A value of a JSON type the field does not take. Null is left out for optional fields: there it
/// may mean "not given".
fn wrong_type(field: &Field, seeded: &mut Seeded) -> Value {
    let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
    let mut choices = vec![json!(true), json!([]), json!({}), json!([1, "x"]), json!({"a": {"b": []}}), deep];
    choices.push(if field.kind == Kind::Number { json!("1") } else { json!(12.5) });
    if field.kind != Kind::Number {
        choices.push(json!(-7));
        choices.push(json!(18_912_345_678_u64));
    }
    if field.required {
        choices.push(Value::Null);
    }
    seeded.pick(&choices).clone()
}

/// Bytes of a request with this body, as it should be but for what the caller put in.
fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: node\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").expect("a string");
    }
    write!(head, "content-length: {}\r\n\r\n", body.len()).expect("a string");
    [head.as_bytes(), body].concat()
}

/// One of the ways to be wrong, applied to one of the forms.
fn wrong(forms: &[Form], number: usize, seeded: &mut Seeded) -> Wrong {
    let form = seeded.pick(forms).clone();
    let key = format!("bad-{number}");
    let good: Vec<(String, Value)> =
        form.fields.iter().map(|field| (field.name.to_owned(), field.good.clone())).collect();
    let write = |fields: &[(String, Value)]| -> Vec<u8> {
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        format!("{{{}}}", fields.join(",")).into_bytes()
    };
    let json_headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
    let send = |body: &[u8]| request(form.method, &form.path, &json_headers, body);
    let told = |what: &str| format!("{what}: {} {}", form.method, form.path);
    let picked = seeded.index(form.fields.len());
    let field = form.fields[picked].clone();
    let with = |value: Value| {
        let mut fields = good.clone();
        fields[picked].1 = value;
        fields
    };
    match seeded.below(22) {
        0..6 => {
            let (value, codes) = bad_value(field.kind, seeded);
            let body = write(&with(value.clone()));
            Wrong {
                what: told(&format!("{} = {value:.60}", field.name)),
                bytes: send(&body),
                must: blaming(codes, field.name),
            }
        }
        6..9 => {
            let value = wrong_type(&field, seeded);
            let body = write(&with(value.clone()));
            Wrong {
                what: told(&format!("{} = {value:.60}", field.name)),
                bytes: send(&body),
                must: blaming(&["wrong_type"], field.name),
            }
        }
        9 => {
            let required: Vec<_> = (0..good.len()).filter(|place| form.fields[*place].required).collect();
            let gone = *seeded.pick(&required);
            let mut fields = good.clone();
            let (name, _) = fields.remove(gone);
            Wrong {
                what: told(&format!("without {name}")),
                bytes: send(&write(&fields)),
                must: blaming(&["missing_field"], &name),
            }
        }
        10 => {
            let names = [
                "more",
                "Amount",
                "amount ",
                "__proto__",
                "constructor",
                "$where",
                "payment_password2",
                "",
                "数",
                "a\u{0}b",
                "\u{202e}x",
            ];
            let name = *seeded.pick(&names);
            let mut fields = good.clone();
            fields.insert(seeded.index(fields.len() + 1), (name.into(), json!(1)));
            Wrong {
                what: told(&format!("unknown {name:?}")),
                bytes: send(&write(&fields)),
                must: Must { codes: &["unknown_field"], field: Some(String::new()) },
            }
        }
        11 => {
            let mut fields = good.clone();
            fields.push(fields[picked].clone());
            Wrong {
                what: told(&format!("{} twice", field.name)),
                bytes: send(&write(&fields)),
                must: blaming(&["duplicate_field"], field.name),
            }
        }
        12 => {
            let body = write(&good);
            let cut = seeded.index(body.len());
            Wrong { what: told("cut"), bytes: send(&body[..cut]), must: must(&["malformed_json"]) }
        }
        13 => {
            let noise: [Vec<u8>; 10] = [
                b"\xff\xfe\x00".to_vec(),
                b"{\"a\":\"\\ud800\"}".to_vec(),
                b"{'a':1}".to_vec(),
                b"{\"a\":NaN}".to_vec(),
                b"{\"a\":01}".to_vec(),
                "\u{feff}{}".into(),
                "[".repeat(5_000).into_bytes(),
                "{\"a\":".repeat(5_000).into_bytes(),
                [write(&good), b"{}".to_vec()].concat(),
                b"amount=1&msisdn=2".to_vec(),
            ];
            let body = seeded.pick(&noise).clone();
            let codes: &[&str] = &["malformed_json", "unknown_field", "wrong_type"];
            Wrong {
                what: told(&format!("{:.40}", String::from_utf8_lossy(&body))),
                bytes: send(&body),
                must: must(codes),
            }
        }
        14 => {
            let body = seeded.pick(&[&b"null"[..], b"true", b"17", b"\"x\"", b"[]", b"[[1]]", b"-0"]).to_vec();
            Wrong { what: told("no object"), bytes: send(&body), must: must(&["wrong_type", "malformed_json"]) }
        }
        15 => {
            let long = "k".repeat(65);
            let keys: [Option<&str>; 7] =
                [None, Some(""), Some("a b"), Some(&long), Some("键"), Some("a\tb"), Some("\u{e9}")];
            let given = *seeded.pick(&keys);
            let mut headers = vec![("content-type", "application/json")];
            headers.extend(given.map(|key| ("idempotency-key", key)));
            let codes: &[&str] = if given.is_none() {
                &["missing_idempotency_key"]
            } else {
                &["invalid_idempotency_key", "missing_idempotency_key"]
            };
            let bytes = request(form.method, &form.path, &headers, &write(&good));
            Wrong { what: told(&format!("key {given:?}")), bytes, must: blaming(codes, "idempotency-key") }
        }
        16 => {
            let types = [
                "",
                "text/plain",
                "application/xml",
                "application/x-www-form-urlencoded",
                "application/jsonp",
                "multipart/form-data; boundary=x",
                "\u{ff}",
            ];
            let content_type = *seeded.pick(&types);
            let headers = [("content-type", content_type), ("idempotency-key", key.as_str())];
            let bytes = request(form.method, &form.path, &headers, &write(&good));
            Wrong {
                what: told(&format!("content-type {content_type:?}")),
                bytes,
                must: must(&["unsupported_media_type"]),
            }
        }
        17 => {
            let method = *seeded.pick(&["PUT", "DELETE", "BREW", "post", "PROPFIND", "PATCHY"]);
            let bytes = request(method, &form.path, &json_headers, &write(&good));
            Wrong { what: format!("{method} {}", form.path), bytes, must: must(&["method_not_allowed"]) }
        }
        18 => {
            let paths = [
                "/",
                "/v1",
                "/v2/orders",
                "/v1/order",
                "/v1/orders/",
                "/v1//orders",
                "/v1/orders/x/y/z",
                "/V1/orders",
                "/../v1/orders",
                "/v1/accounts/x/y",
                "/%00",
                "/%",
                "/v1/%ff",
            ];
            let path = *seeded.pick(&paths);
            let bytes = request(form.method, path, &json_headers, &write(&good));
            Wrong {
                what: format!("{} {path}", form.method),
                bytes,
                must: must(&["unknown_route", "invalid_id", "method_not_allowed"]),
            }
        }
        19 => {
            let body = match seeded.below(3) {
                0 => write(&with(json!("x".repeat(BODY_BYTES_MAX)))),
                1 => vec![b' '; BODY_BYTES_MAX + 1 + seeded.index(200_000)],
                _ => [b"{\"a\":\"".to_vec(), vec![b'\\'; BODY_BYTES_MAX * 2]].concat(),
            };
            Wrong { what: told(&format!("{} bytes", body.len())), bytes: send(&body), must: must(&["body_too_large"]) }
        }
        20 => {
            // Another thing's id, or none at all, where the path names one.
            let ids = [
                "x",
                "%2e%2e",
                "A2026",
                "O20260101120000000-44-0000%00",
                "%F0%9F%92%B0",
                "G20260101120000000-98-00001",
            ];
            let path = seeded.pick(&[
                "/v1/accounts/{}/freeze",
                "/v1/orders/{}/refunds",
                "/v1/products/{}/review",
                "/v1/orders/{}/reversal",
            ]);
            let path = path.replace("{}", seeded.pick::<&str>(&ids));
            let fitting =
                forms.iter().find(|form| form.path.rsplit('/').next() == path.rsplit('/').next()).expect("a form");
            let fields: Vec<_> =
                fitting.fields.iter().map(|field| (field.name.to_owned(), field.good.clone())).collect();
            let bytes = request("POST", &path, &json_headers, &write(&fields));
            Wrong { what: format!("POST {path}"), bytes, must: must(&["invalid_id"]) }
        }
        _ => {
            let queries: [(&str, &'static [&'static str], &str); 12] = [
                ("/v1/catalogue", &["missing_field"], "msisdn"),
                ("/v1/catalogue?msisdn=1", &["invalid_msisdn"], "msisdn"),
                ("/v1/catalogue?msisdn=18912345678&location=99", &["invalid_choice"], "location"),
                ("/v1/catalogue?msisdn=18912345678&explain=perhaps", &["invalid_choice"], "explain"),
                ("/v1/catalogue?msisdn=18912345678&msisdn=18912345678", &["duplicate_field"], "msisdn"),
                ("/v1/catalogue?msisdn=%ff", &["invalid_text", "invalid_msisdn"], "msisdn"),
                ("/v1/catalogue?who=me", &["unknown_field"], "who"),
                ("/v1/number-plan/1", &["invalid_msisdn"], "msisdn"),
                ("/v1/number-plan/%F0%9F%93%B1", &["invalid_msisdn"], "msisdn"),
                ("/v1/subscribers/abc", &["invalid_msisdn"], "msisdn"),
                ("/v1/orders/O1", &["invalid_id"], "id"),
                ("/v1/accounts/O20260101120000000-44-00001", &["invalid_id"], "id"),
            ];
            let (path, codes, field) = *seeded.pick(&queries);
            Wrong { what: format!("GET {path}"), bytes: request("GET", path, &[], b""), must: blaming(codes, field) }
        }
    }
}

/// How an answer is not what it must be.
fn differs(answer: &RawAnswer, must: &Must) -> Option<String> {
    let body = answer.json();
    let is = format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
    let complaint = |what: &str| Some(format!("{what}: {is}"));
    if answer.status == 503 && body["code"] == "busy" && answer.header("retry-after").is_some() {
        return None;
    }
    if !(400..500).contains(&answer.status) {
        return complaint("no 4xx");
    }
    if answer.header("content-type") != Some("application/problem+json") {
        return complaint("no problem+json");
    }
    for (name, right) in [
        ("type", body["type"].is_string()),
        ("title", body["title"].is_string()),
        ("status", body["status"] == answer.status),
        ("detail", body["detail"].is_string()),
        ("number", body["number"].as_u64().is_some_and(|number| number > 0)),
        ("retryable", body["retryable"].is_boolean()),
    ] {
        if !right {
            return complaint(&format!("wrong {name}"));
        }
    }
    if !must.codes.contains(&body["code"].as_str().unwrap_or_default()) {
        return complaint(&format!("code is none of {:?}", must.codes));
    }
    match (&must.field, body["field"].as_str()) {
        (None, _) => None,
        (Some(_), None) => complaint("no field"),
        // Any field will do: the caller made it up.
        (Some(field), Some(_)) if field.is_empty() => None,
        (Some(field), Some(told))
            if told == field || told.starts_with(&format!("{field}[")) || told.starts_with(&format!("{field}.")) =>
        {
            None
        }
        (Some(field), Some(_)) => complaint(&format!("field is not {field}")),
    }
}

/// Sends the requests one after the other, on a connection for as long as the node keeps it.
async fn lane(address: SocketAddr, asks: Vec<Wrong>, tally: &Mutex<BTreeMap<String, usize>>) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut connection = Connection::open(address).await.expect("the node takes connections");
    for ask in asks {
        connection.send(&ask.bytes).await;
        let mut answer = connection.answer().await;
        if answer.is_none() {
            // The node may close a connection after an answer; then the next request needs a new one.
            connection = Connection::open(address).await.expect("the node takes connections");
            connection.send(&ask.bytes).await;
            answer = connection.answer().await;
        }
        let Some(answer) = answer else {
            complaints.push(format!("{}: no answer", ask.what));
            continue;
        };
        *tally
            .lock()
            .expect("a count")
            .entry(answer.json()["code"].as_str().unwrap_or("none").to_owned())
            .or_default() += 1;
        complaints.extend(differs(&answer, &ask.must).map(|complaint| format!("{}: {complaint}", ask.what)));
        if answer.header("connection") == Some("close") {
            connection = Connection::open(address).await.expect("the node takes connections");
        }
    }
    complaints
}

async fn set_up(trade: Trade<'_>) -> Place {
    let mut seeded = Seeded::new(4);
    let [buyer, payee] = [(); 2].map(|()| number_table::subscriber_of("44", &mut seeded));
    let sp = trade.admit_sp("44", "sp").await;
    let product = trade.publish("44", &Goods::new(&sp, "thing", "local", 100)).await;
    let account = trade.open_with("44", &buyer, 100_000).await;
    trade.open("44", &payee, None).await;
    let order = trade.buy("44", "the-order", &buyer, &product).await.expect("answered").text("order_id");
    mpss_tests::patience::until("delivered", Duration::from_secs(30), async || {
        let status = trade.order("44", &order, 5).await?.text("status");
        if status == "delivered" { Ok(()) } else { Err(status) }
    })
    .await;
    Place { account, order, product, sp, buyer, payee }
}

/// Everything that could have moved: the books, the accounts, the order, the goods; without the log
/// position, which moves when a wrong outcome is remembered.
async fn everything(trade: Trade<'_>, place: &Place) -> Value {
    let mut seen = Vec::new();
    for path in [
        "/v1/trial-balance".to_owned(),
        format!("/v1/accounts/{}", place.account),
        format!("/v1/subscribers/{}", place.payee),
        format!("/v1/subscribers/{}", place.buyer),
        format!("/v1/orders/{}", place.order),
        format!("/v1/catalogue?msisdn={}", place.buyer),
    ] {
        let mut body = trade.must("44", &Ask::get(path)).await.body;
        forget_position(&mut body);
        seen.push(body);
    }
    Value::Array(seen)
}

fn forget_position(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| name != "log_index" && name != "digest");
            fields.values_mut().for_each(forget_position);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_position),
        _ => {}
    }
}

async fn requests(trade: Trade<'_>) {
    let count = std::env::var("MPSS_BAD_INPUT_REQUESTS").map_or(REQUESTS_USUAL, |text| text.parse().expect("a count"));
    let mut seeded = Seeded::from_environment("MPSS_BAD_INPUT_SEED");
    let country = trade.country;
    let place = set_up(trade).await;
    let before = everything(trade, &place).await;
    let node = &country.nodes_of("44")[0];
    let pid = node.process.pid();

    let forms = forms(&place);
    let mut lanes = vec![Vec::new(); LANES];
    for number in 0..count {
        lanes[number % LANES].push(wrong(&forms, number, &mut seeded));
    }
    let (begun, tally) = (Instant::now(), Mutex::default());
    let complaints: Vec<_> =
        join_all(lanes.into_iter().map(|asks| lane(node.public, asks, &tally))).await.into_iter().flatten().collect();
    eprintln!("{count} wrong requests in {:?}: {:?}", begun.elapsed(), tally.lock().expect("a count"));
    let shown = complaints.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(complaints.is_empty(), "{} of {count} answers are wrong, such as:\n{shown}", complaints.len());
    unharmed(trade, &place, &before, pid).await;
}

async fn unharmed(trade: Trade<'_>, place: &Place, before: &Value, pid: Option<u32>) {
    let node = &trade.country.nodes_of("44")[0];
    assert!(node.process.runs() && node.process.pid() == pid, "the node ended");
    assert_eq!(everything(trade, place).await, *before, "something moved");
    let log = node.process.log();
    assert!(!log.contains("panicked"), "a panic:\n{}", node.process.log_tail());
    assert!(!log.contains(PASSWORD), "a payment password is in the log");
}

/// What breaks HTTP itself is answered with a 4xx or ended, never left hanging.
async fn broken_http(trade: Trade<'_>) {
    let country = trade.country;
    let node = &country.nodes_of("44")[0];
    let pid = node.process.pid();
    let mut seeded = Seeded::from_environment("MPSS_BAD_INPUT_SEED");
    let books = trade.must("44", &Ask::get("/v1/trial-balance".into())).await.body["accounts"].clone();
    let order = "POST /v1/orders HTTP/1.1\r\nhost: n\r\nidempotency-key: h\r\ncontent-type: application/json\r\n";
    let many: String = (0..2_000).fold(String::new(), |mut text, number| {
        write!(text, "x-{number}: y\r\n").expect("a string");
        text
    });
    let mut pieces: Vec<(String, Vec<u8>)> = [
        ("no HTTP".to_owned(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("no version".into(), b"GET /healthz\r\n\r\n".to_vec()),
        ("version 9".into(), b"GET /healthz HTTP/9.9\r\nhost: n\r\n\r\n".to_vec()),
        ("HTTP/2 preface".into(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("bare line feeds".into(), b"GET /nowhere HTTP/1.1\nhost: n\n\n".to_vec()),
        ("a header without a colon".into(), b"GET /healthz HTTP/1.1\r\nhost n\r\n\r\n".to_vec()),
        ("a header name with a blank".into(), b"GET /healthz HTTP/1.1\r\nho st: n\r\n\r\n".to_vec()),
        ("a null in a header".into(), b"GET /healthz HTTP/1.1\r\nhost: n\x00m\r\n\r\n".to_vec()),
        ("two lengths".into(), format!("{order}content-length: 1\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes()),
        ("a negative length".into(), format!("{order}content-length: -1\r\n\r\n{{}}").into_bytes()),
        ("an absurd length".into(), format!("{order}content-length: 99999999999999999999999\r\n\r\n{{}}").into_bytes()),
        (
            "length and chunks".into(),
            format!("{order}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").into_bytes(),
        ),
        (
            "chunks of no size".into(),
            format!("{order}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n").into_bytes(),
        ),
        (
            "a chunk past all bounds".into(),
            format!("{order}transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n{{}}").into_bytes(),
        ),
        ("unknown coding".into(), format!("{order}transfer-encoding: gzip\r\n\r\n{{}}").into_bytes()),
        ("many headers".into(), format!("GET /nowhere HTTP/1.1\r\nhost: n\r\n{many}\r\n").into_bytes()),
        (
            "a long header".into(),
            format!("GET /nowhere HTTP/1.1\r\nhost: {}\r\n\r\n", "n".repeat(600_000)).into_bytes(),
        ),
        ("a long path".into(), format!("GET /{} HTTP/1.1\r\nhost: n\r\n\r\n", "p".repeat(600_000)).into_bytes()),
        ("a body that ends early".into(), format!("{order}content-length: 500\r\n\r\n{{\"msisdn\":").into_bytes()),
    ]
    .into();
    // One byte more than nothing: whoever says nothing at all is merely idle.
    pieces.extend((0..200).map(|number| (format!("noise {number}"), [vec![b'~'], seeded.bytes(400)].concat())));
    let alone = pieces.iter().map(|(what, bytes)| async move {
        let mut connection = Connection::open(node.public).await.expect("the node takes connections");
        connection.send(bytes).await;
        let answer = connection.answer().await?;
        (!(400..500).contains(&answer.status)).then(|| format!("{what}: {}", answer.status))
    });
    let complaints: Vec<_> = join_all(alone).await.into_iter().flatten().collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));

    // Garbage behind a good request does not spoil the good one.
    for (what, bytes) in &pieces {
        let mut connection = Connection::open(node.public).await.expect("the node takes connections");
        let good = request("GET", "/healthz", &[], b"");
        connection.send(&[good, bytes.clone()].concat()).await;
        let first = connection.answer().await;
        assert_eq!(first.map(|answer| answer.status), Some(200), "{what} behind a good request");
    }

    // Many good and wrong requests in one go are answered in their order.
    let mut connection = Connection::open(node.public).await.expect("the node takes connections");
    let mut all = Vec::new();
    for number in 0..100 {
        let path = if number % 2 == 0 { "/healthz" } else { "/nowhere" };
        all.extend(request("GET", path, &[], b""));
    }
    connection.send(&all).await;
    for number in 0..100 {
        let answer = connection.answer().await.expect("an answer for each");
        assert_eq!(answer.status, if number % 2 == 0 { 200 } else { 404 }, "in order");
    }
    slow(node.public, order).await;
    let after = trade.must("44", &Ask::get("/v1/trial-balance".into())).await.body["accounts"].clone();
    assert_eq!(after, books, "something moved");
    assert!(node.process.runs() && node.process.pid() == pid, "the node ended");
    assert!(!node.process.log().contains("panicked"), "a panic:\n{}", node.process.log_tail());
}

/// Callers that send their headers or body drop by drop are sent away, and hold nobody up.
async fn slow(address: SocketAddr, order: &str) {
    const DROPS_MAX: u32 = 200;
    let drip = async |begin: Vec<u8>| {
        let mut connection = Connection::open(address).await.expect("the node takes connections");
        let begun = Instant::now();
        connection.send(&begin).await;
        let answered = connection.answer();
        tokio::pin!(answered);
        let answer = answered.await;
        assert!(begun.elapsed() < HEADER_DEADLINE * DROPS_MAX / 10, "held for {:?}", begun.elapsed());
        if let Some(answer) = answer {
            assert!((400..500).contains(&answer.status), "{}", answer.status);
        }
    };
    let dripping = (0..50).map(|number| {
        let begin = match number % 3 {
            0 => b"GET /healthz HTTP/1.1\r\nhost: n\r\nx-slow: ".to_vec(),
            1 => b"G".to_vec(),
            _ => format!("{order}content-length: 50\r\n\r\n{{").into_bytes(),
        };
        drip(begin)
    });
    let others = async {
        for _ in 0..50 {
            let mut connection = Connection::open(address).await.expect("the node takes connections");
            connection.send(&request("GET", "/healthz", &[], b"")).await;
            assert_eq!(connection.answer().await.expect("an answer").status, 200);
        }
    };
    tokio::join!(join_all(dripping), others);
}

#[test]
fn every_wrong_request_is_refused_by_name_and_nothing_moves() {
    STAGE.play(requests);
}

#[test]
fn what_is_no_http_is_sent_away() {
    STAGE.play(broken_http);
}
