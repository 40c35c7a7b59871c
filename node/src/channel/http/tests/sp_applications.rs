//! SPs that come with documents.

use mpss_domain::StateVersion;

use super::*;

/// No part of it stands in anything else.
const ACCOUNT: &str = "4402739160058812";

fn application() -> Value {
    json!({
        "name": "Pearl River Lottery", "notice_url": "http://sp.example/", "contact_name": "李雷",
        "contact_phone": "020-87654321", "settlement_bank": "中国工商银行", "settlement_account": ACCOUNT,
        "entered_by": "lucy", "documents": [
            {"kind": "trade_permit", "number": "B-1", "file": "permit.pdf", "valid_until": "2099-01-31"},
            {"kind": "business_licence", "number": "A-1", "file": "licence.pdf", "valid_until": "2099-12-31",
             "sha256": "ab".repeat(32)},
        ],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sp_is_admitted_by_somebody_else_and_its_account_is_seen_by_nobody() {
    let shop = Shop::open().await;
    shop.trial.until("the newest rules", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
    let asked = shop.post("/v1/sp-applications", "ask", application()).await.is(201);
    let again = shop.post("/v1/sp-applications", "ask", application()).await.is(201);
    assert_eq!((again.header("idempotent-replayed"), &again.bytes), (Some("true"), &asked.bytes));
    let mut other = application();
    other["settlement_account"] = json!("4402739160058813");
    shop.post("/v1/sp-applications", "ask", other).await.problem(422, "duplicate_request");
    let path = asked.header("location").unwrap().to_owned();
    let shown = shop.get(&path).await.is(200);
    assert!(!String::from_utf8_lossy(&shown.bytes).contains(ACCOUNT));
    let shown = shown.json();
    assert_eq!((&shown["status"], &shown["settlement_account_last_four"]), (&json!("in_review"), &json!("8812")));
    assert_eq!(shown["documents"][0], application()["documents"][1]);

    for (field, value, code, blamed) in [
        ("settlement_account", json!("1234567"), "invalid_value", "settlement_account"),
        (
            "documents",
            json!([{"kind": "diploma", "number": "1", "file": "a", "valid_until": "2099-01-31"}]),
            "invalid_choice",
            "documents.kind",
        ),
        (
            "documents",
            json!([{"kind": "agreement", "number": "1", "file": "a", "valid_until": "soon"}]),
            "invalid_time",
            "documents.valid_until",
        ),
    ] {
        let mut wrong = application();
        wrong[field] = value;
        let told = shop.post("/v1/sp-applications", "wrong", wrong).await;
        assert_eq!(told.problem(400, code).as_deref(), Some(blamed));
    }
    let review = format!("{path}/review");
    let decide = async |key: &str, body: Value| shop.post(&review, key, body).await;
    let approve = |by: &str| json!({"decision": "approve", "risk_grade": "b", "reviewed_by": by});
    let told = decide("1", json!({"decision": "approve", "reviewed_by": "rita"})).await;
    assert_eq!(told.problem(400, "missing_field").as_deref(), Some("risk_grade"));
    decide("2", json!({"decision": "reject", "reviewed_by": "rita"})).await.problem(400, "missing_field");
    decide("3", approve("lucy")).await.problem(422, "admitted_by_asker");
    let admitted = decide("4", approve("rita")).await.is(200).json();
    decide("5", approve("rita")).await.problem(422, "sp_application_over");
    let sp = admitted["sp_id"].as_str().unwrap();
    let shown = shop.get(&format!("/v1/sps/{sp}")).await.is(200).json();
    assert_eq!((&shown["risk_grade"], &shown["status"]), (&json!("b"), &json!("active")));

    // The grade bounds the price as the rules say.
    let rules = json!({"version": 1, "price_max_b": "10.00", "price_max_c": "1.00"});
    shop.ask(Asking::change("PUT", "/v1/sp-admission-policy", "rules", &rules)).await.is(200);
    assert_eq!(shop.get("/v1/sp-admission-policy").await.is(200).json(), rules);
    let product = json!({"sp_id": sp, "title": "a", "application": "lottery", "scope": "local", "price": "10.01"});
    shop.post("/v1/products", "dear", product).await.problem(422, "price_above_grade");

    // What is due, and what comes in its place.
    assert_eq!(shop.get("/v1/sp-documents").await.is(200).json()["documents"], json!([]));
    let document = json!({"kind": "agreement", "number": "C-1", "file": "c.pdf", "valid_until": "2098-01-31"});
    let renew = async |key: &str, checked: &str, until: &str| {
        let mut document = document.clone();
        document["valid_until"] = json!(until);
        let body = json!({"document": document, "entered_by": "lucy", "checked_by": checked});
        shop.post(&format!("{path}/documents"), key, body).await
    };
    renew("r1", "lucy", "2098-01-31").await.problem(422, "admitted_by_asker");
    renew("r2", "rita", "2020-01-31").await.problem(422, "document_expired");
    let today = shop.trial.context.replica.read(|state| state.now().business_day().to_string());
    renew("r3", "rita", &today).await.is(200);
    let due = shop.get("/v1/sp-documents?due_within_days=1").await.is(200).json();
    let due = due["documents"].as_array().unwrap();
    assert_eq!((due.len(), &due[0]["document"]["kind"], &due[0]["over"]), (1, &json!("agreement"), &json!(false)));
    let listed = shop.get("/v1/sp-applications?status=admitted").await.is(200).json();
    assert_eq!(listed["applications"].as_array().unwrap().len(), 1);
    shop.get("/v1/sp-applications/L20260101120000000-44-00001").await.problem(404, "sp_application_not_found");

    // Sealed for its SP, and nowhere in the clear.
    let safe = shop.trial.context.pins.clone().unwrap();
    let sealed =
        shop.trial.context.replica.read(|state| state.sp_applications().next().unwrap().account.number.clone());
    assert_eq!(safe.open_bank_account("Pearl River Lottery", &sealed).unwrap().as_str(), ACCOUNT);
    assert!(safe.open_bank_account("Another", &sealed).is_err());
    let left = what_is_left_of(shop).await;
    assert!(!left.windows(ACCOUNT.len()).any(|bytes| bytes == ACCOUNT.as_bytes()));
}
