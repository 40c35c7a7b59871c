//! Files of goods, line by line; and the rest of a product's life over HTTP.

use mpss_domain::StateVersion;

use super::*;

/// A shop whose newest rules are in force, and an SP's id.
async fn market() -> (Shop, String) {
    let shop = Shop::open().await;
    shop.trial.until("the newest rules", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
    let sp = shop.post("/v1/sps", "sp", json!({"name": "Lotto", "notice_url": "http://sp.example/"})).await.is(201);
    let sp = sp.json()["sp_id"].as_str().unwrap().to_owned();
    (shop, sp)
}

impl Shop {
    async fn file(&self, key: &str, query: &str, file: impl Into<Vec<u8>>) -> Told {
        self.file_as("text/csv", key, query, file).await
    }

    async fn file_as(&self, content_type: &str, key: &str, query: &str, file: impl Into<Vec<u8>>) -> Told {
        let path = format!("/v1/product-files?by=lucy{query}");
        self.ask(Asking::post(path, key, &json!({})).header("content-type", content_type).body(file)).await
    }
}

/// The lines of an answer, and the counts it ends with.
fn lines(told: &Told) -> (Vec<Value>, Value) {
    assert_eq!(told.status, 200, "{}", String::from_utf8_lossy(&told.bytes));
    assert_eq!(told.header("content-type"), Some("application/x-ndjson"));
    let text = String::from_utf8(told.bytes.to_vec()).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counts = lines.pop().unwrap();
    (lines, counts)
}

/// Line, code and field of what was refused.
fn refused(lines: &[Value]) -> Vec<(u64, &str, &str)> {
    let refused = lines.iter().filter(|line| line.get("product_id").is_none());
    refused
        .map(|line| {
            (line["line"].as_u64().unwrap(), line["refused"].as_str().unwrap(), line["field"].as_str().unwrap_or("-"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_a_file_has_its_own_end() {
    let (shop, sp) = market().await;
    let elsewhere = sp.replace("-44-", "-51-");
    let long = "票".repeat(101);
    let file = format!(
        "\u{feff}price,title,reference,scope,application,sp_id,delivery_deadline_ms\r\n\
         1.00,双色球,r1,local,lottery,{sp},30000\r\n\
         2.00,\"one, two\",r2,roaming,ticketing,{sp},\r\n\
         1.0.0,a,r3,local,lottery,{sp},\r\n\
         1.001,a,r4,local,lottery,{sp},\r\n\
         0.00,a,r5,local,lottery,{sp},\r\n\
         1.00,,r6,local,lottery,{sp},\r\n\
         1.00,{long},r7,local,lottery,{sp},\r\n\
         1.00,a\u{202e}b,r8,local,lottery,{sp},\r\n\
         1.00,a,,local,lottery,{sp},\r\n\
         1.00,a,r 10,local,lottery,{sp},\r\n\
         1.00,a,r11,abroad,lottery,{sp},\r\n\
         1.00,a,r12,national,lottery,{sp},\r\n\
         1.00,a,r13,local,gambling,{sp},\r\n\
         1.00,a,r14,local,lottery,S1,\r\n\
         1.00,a,r15,local,lottery,,\r\n\
         1.00,a,r16,local,lottery,{elsewhere},\r\n\
         1.00,a,r17,local,lottery,{sp},soon\r\n\
         1.00,a,r18,local,lottery,{sp},0\r\n\
         1.00,a,r19,local,lottery,{sp},86400001\r\n\
         1.00,a,r20,local,lottery,{sp}\r\n\
         1.00,\"a,r21,local,lottery,{sp},\r\n\
         1.00,b,r1,local,lottery,{sp},\r\n\
         \r\n\
         1.00,last,r24,local,lottery,{sp},"
    );
    let first = shop.file("file", "", file.clone()).await;
    let (told, counts) = lines(&first);
    assert_eq!(
        refused(&told),
        [
            (4, "invalid_amount", "price"),
            (5, "invalid_amount", "price"),
            (6, "amount_out_of_range", "price"),
            (7, "missing_field", "title"),
            (8, "invalid_text", "title"),
            (9, "invalid_text", "title"),
            (10, "missing_field", "reference"),
            (11, "invalid_id", "reference"),
            (12, "invalid_choice", "scope"),
            (13, "wrong_place_for_scope", "scope"),
            (14, "invalid_choice", "application"),
            (15, "invalid_id", "sp_id"),
            (16, "missing_field", "sp_id"),
            (17, "sp_not_found", "sp_id"),
            (18, "wrong_type", "delivery_deadline_ms"),
            (19, "out_of_range", "delivery_deadline_ms"),
            (20, "out_of_range", "delivery_deadline_ms"),
            (21, "invalid_text", "line"),
            (22, "invalid_text", "line"),
            (23, "goods_reference_used", "reference"),
        ]
    );
    assert_eq!(counts, json!({"taken": 3, "refused": 20, "come_again": 0}));
    // What is taken is a product like any other, in review.
    let product = told[1]["product_id"].as_str().unwrap();
    let shown = shop.get(&format!("/v1/products/{product}")).await.is(200).json();
    assert_eq!(
        (&shown["title"], &shown["status"], &shown["uploaded_by"], &shown["delivery_deadline_ms"]),
        (&json!("one, two"), &json!("in_review"), &json!("lucy"), &json!(60_000))
    );

    // The same again: the same answers, and nothing that was not there.
    let products = shop.trial.context.replica.read(|state| state.products().count());
    for key in ["file", "another"] {
        let again = shop.file(key, "", file.clone()).await;
        assert_eq!(again.bytes, first.bytes);
    }
    assert_eq!(shop.trial.context.replica.read(|state| state.products().count()), products);
    // Corrected and sent whole: what was wrong is taken now, what was there stays what it was.
    let better = file.replace("1.0.0,a,r3", "1.00,a,r3").replace(",S1,", &format!(",{sp},"));
    let (better, counts) = lines(&shop.file("better", "", better).await);
    assert_eq!((&better[0], &counts["taken"]), (&told[0], &json!(5)));
    // Something else under a number that is used.
    let other = format!("sp_id,reference,title,application,scope,price\n{sp},r1,双色球,lottery,local,1.01\n");
    let (other, _) = lines(&shop.file("other", "", other).await);
    assert_eq!(refused(&other), [(2, "goods_reference_used", "reference")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_as_a_whole_is_refused_before_its_lines() {
    let (shop, sp) = market().await;
    let good = "reference,title,application,scope,price\nr1,a,lottery,local,1.00\n";
    let query = format!("&sp_id={sp}");
    shop.ask(Asking::post("/v1/product-files", "k", &json!({})).header("content-type", "text/csv").body(good))
        .await
        .problem(400, "missing_field");
    assert_eq!(shop.file("k", "", good).await.problem(400, "missing_field").as_deref(), Some("sp_id"));
    shop.file("k", "", "").await.problem(400, "invalid_text");
    shop.file_as("application/json", "k", &query, good).await.problem(415, "unsupported_media_type");
    shop.file_as("text/csv; charset=big5", "k", &query, good).await.problem(415, "unsupported_media_type");
    shop.file("k", &query, "reference,title,application,scope,price,colour\n").await.problem(400, "unknown_field");
    let mut long = good.to_owned();
    for number in 2..=10_001 {
        long.push_str(&format!("r{number},a,lottery,local,1.00\n"));
    }
    shop.file("k", &query, long).await.problem(413, "body_too_large");
    assert_eq!(shop.trial.context.replica.read(|state| state.products().count()), 0);
    // The SP beside the file; GB18030 when the charset says so, and only then.
    let (gb, _, _) =
        encoding_rs::GB18030.encode("reference,title,application,scope,price\nr1,双色球,lottery,local,1.00\n");
    let (told, _) = lines(&shop.file("k", &query, gb.to_vec()).await);
    assert_eq!(refused(&told), [(2, "invalid_text", "title")]);
    let (told, _) = lines(&shop.file_as("text/csv; charset=gb18030", "k", &query, gb.to_vec()).await);
    let product = told[0]["product_id"].as_str().unwrap();
    assert_eq!(shop.get(&format!("/v1/products/{product}")).await.is(200).json()["title"], "双色球");
    // Another request under a key that was used for a line.
    let other = "reference,title,application,scope,price\nr9,a,lottery,local,1.00\n";
    let (told, _) = lines(&shop.file("k", &query, other).await);
    assert_eq!(refused(&told), [(2, "duplicate_request", "-")]);
    // An SP of another province: the file goes there as it came.
    shop.file("k", &format!("&sp_id={}", sp.replace("-44-", "-51-")), good).await.is(404);
    let (province, _, passed) = shop.elsewhere.calls().pop().unwrap();
    assert_eq!((province.code(), &*passed.body), (51, good.as_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_deleted_when_it_is_off_sale_and_is_gone_then() {
    let (shop, sp) = market().await;
    let body = json!({"sp_id": sp, "title": "a", "application": "lottery", "scope": "local", "price": "1.00"});
    let product = shop.post("/v1/products", "up", body.clone()).await.is(201).json();
    let product = product["product_id"].as_str().unwrap().to_owned();
    let step = async |step: &str, body: Value| shop.post(&format!("/v1/products/{product}/{step}"), step, body).await;
    step("review", json!({"decision": "approve"})).await.is(200);
    step("publish", json!({})).await.is(200);
    // Another deadline alone is no change that anybody has to look at.
    let change = async |key: &str, body: &Value| {
        shop.ask(Asking::change("PUT", format!("/v1/products/{product}"), key, body)).await
    };
    let mut slower = body.clone();
    slower["delivery_deadline_ms"] = json!(30_000);
    for replayed in [None, Some("true")] {
        let told = change("slower", &slower).await.is(200);
        assert_eq!((&told.json()["status"], told.header("idempotent-replayed")), (&json!("published"), replayed));
    }
    step("delete", json!({})).await.problem(422, "wrong_product_status");
    step("withdraw", json!({})).await.is(200);
    let again = async |key: &str| shop.post(&format!("/v1/products/{product}/delete"), key, json!({})).await;
    assert_eq!(again("delete-2").await.is(200).json()["status"], "deleted");
    again("delete-3").await.problem(404, "product_not_found");
    shop.get(&format!("/v1/products/{product}")).await.problem(404, "product_not_found");
    let list = shop.get("/v1/products").await.is(200).json();
    assert_eq!(list["products"], json!([]));
    let shown = shop.get(&format!("/v1/catalogue?msisdn={}&explain=true", local(1))).await.is(200).json();
    assert_eq!(shown["hidden"], json!([]));
    assert_eq!(change("late", &slower).await.problem(404, "product_not_found"), None);
}
