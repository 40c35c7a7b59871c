//! What each route answers when all is well.

use super::*;
use crate::node::trial::visitor;

#[track_caller]
fn has(body: &Value, names: &[&str]) {
    for name in names {
        assert!(body.get(*name).is_some(), "{name} is missing: {body}");
    }
}

#[track_caller]
fn index(told: &Told) -> u64 {
    let header: u64 = told.header("mpss-log-index").expect("a change names its log position").parse().unwrap();
    assert_eq!(told.json()["log_index"], header);
    assert!(header > 0);
    header
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_lives_from_opening_to_closing() {
    let shop = Shop::open().await;
    let msisdn = local(1).to_string();
    let open = json!({
        "msisdn": format!("tel:+86{msisdn}"), "kind": "virtual", "payment_password": RIGHT,
        "daily_limit": "500.00", "per_payment_limit": "200.00", "tier": "full", "language": "en",
    });
    let told = shop.post("/v1/accounts", "open", open).await.is(201);
    let opened = index(&told);
    let account = told.json();
    let id = account["account_id"].as_str().unwrap().to_owned();
    assert_eq!(told.header("location"), Some(format!("/v1/accounts/{id}").as_str()));
    assert_eq!(told.header("content-type"), Some("application/json"));
    for (name, value) in [
        ("msisdn", json!(msisdn)),
        ("kind", json!("virtual")),
        ("status", json!("active")),
        ("home_province", json!("44")),
        ("balance", json!("0.00")),
        ("held", json!("0.00")),
        ("daily_limit", json!("500.00")),
        ("per_payment_limit", json!("200.00")),
        ("used_today", json!("0.00")),
    ] {
        assert_eq!(account[name], value, "{name}");
    }
    assert!(account["opened_at"].as_str().unwrap().ends_with('Z'));

    let top_up = json!({"method": "cash", "amount": "12.3", "agent_id": "agent-1"});
    let told = shop.post(&format!("/v1/accounts/{id}/top-ups"), "top-up", top_up).await.is(201);
    assert!(index(&told) > opened);
    let body = told.json();
    assert_eq!((&body["amount"], &body["balance"]), (&json!("12.30"), &json!("12.30")));
    assert!(body["top_up_id"].as_str().unwrap().starts_with('U'));

    let limits = json!({"payment_password": RIGHT, "daily_limit": "300", "new_payment_password": "518274"});
    let told = shop.ask(Asking::change("PATCH", format!("/v1/accounts/{id}"), "change", &limits)).await.is(200);
    assert_eq!((&told.json()["daily_limit"], &told.json()["balance"]), (&json!("300.00"), &json!("12.30")));
    index(&told);

    let freeze = json!({"payment_password": "518274", "until": "2099-01-01T00:00:00+08:00"});
    let told = shop.post(&format!("/v1/accounts/{id}/freeze"), "freeze", freeze).await.is(200);
    assert_eq!(told.json()["status"], "frozen");
    assert_eq!(told.json()["frozen_until"], "2098-12-31T16:00:00.000Z");
    let unfreeze = json!({"payment_password": "518274"});
    let told = shop.post(&format!("/v1/accounts/{id}/unfreeze"), "unfreeze", unfreeze).await.is(200);
    assert_eq!(told.json()["status"], "active");

    let subscriber = shop.get(&format!("/v1/subscribers/{msisdn}")).await.is(200).json();
    assert_eq!((&subscriber["operator"], &subscriber["home_province"]), (&json!("china-telecom"), &json!("44")));
    assert_eq!((&subscriber["tier"], &subscriber["language"]), (&json!("full"), &json!("en")));
    assert_eq!(subscriber["customer_code"].as_str().unwrap().len(), 13);
    assert_eq!(subscriber["accounts"][0]["account_id"], json!(id));

    let statement = shop.get(&format!("/v1/accounts/{id}/statement")).await.is(200).json();
    assert_eq!(statement["entries"].as_array().unwrap().len(), 1, "{statement}");
    assert_eq!(statement["entries"][0]["kind"], "top_up");

    let close = json!({"payment_password": "518274", "pay_out_agent": "agent-1"});
    let told = shop.post(&format!("/v1/accounts/{id}/close"), "close", close).await.is(200);
    assert_eq!((&told.json()["status"], &told.json()["paid_out"]), (&json!("closed"), &json!("12.30")));
    let shown = shop.get(&format!("/v1/accounts/{id}")).await.is(200).json();
    assert_eq!((&shown["status"], &shown["balance"]), (&json!("closed"), &json!("0.00")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_goes_from_upload_to_sale_and_back() {
    let shop = Shop::open().await;
    let admit = json!({"name": "珠江彩票", "notice_url": "http://127.0.0.1:9/notices"});
    let told = shop.post("/v1/sps", "admit", admit).await.is(201);
    index(&told);
    let sp = told.json()["sp_id"].as_str().unwrap().to_owned();
    assert_eq!(told.header("location"), Some(format!("/v1/sps/{sp}").as_str()));
    let shown = shop.get(&format!("/v1/sps/{sp}")).await.is(200).json();
    assert_eq!((&shown["name"], &shown["status"]), (&json!("珠江彩票"), &json!("active")));
    assert_eq!(shown["admitted_at"], told.json()["admitted_at"]);

    let upload = json!({
        "sp_id": sp, "title": "双色球", "application": "lottery", "scope": "local", "price": "2.00", "uploaded_by": "alice",
    });
    let told = shop.post("/v1/products", "upload", upload.clone()).await.is(201);
    index(&told);
    let product = told.json()["product_id"].as_str().unwrap().to_owned();
    assert_eq!((&told.json()["status"], &told.json()["delivery_deadline_ms"]), (&json!("in_review"), &json!(60_000)));

    let path = |step: &str| format!("/v1/products/{product}/{step}");
    let own = json!({"decision": "approve", "reviewed_by": "alice"});
    shop.post(&path("review"), "own", own).await.problem(422, "reviewed_by_uploader");
    let reject = json!({"decision": "reject", "reason": "no picture", "reviewed_by": "bob"});
    assert_eq!(shop.post(&path("review"), "reject", reject).await.is(200).json()["status"], "rejected");
    let shown = shop.get(&format!("/v1/products/{product}")).await.is(200).json();
    assert_eq!((&shown["rejected_because"], &shown["version"]), (&json!("no picture"), &json!(1)));

    let mut better = upload;
    better["price"] = json!("3.00");
    let change = Asking::change("PUT", format!("/v1/products/{product}"), "change", &better);
    assert_eq!(shop.ask(change).await.is(200).json()["status"], "in_review");
    let approve = json!({"decision": "approve", "reviewed_by": "bob"});
    assert_eq!(shop.post(&path("review"), "approve", approve).await.is(200).json()["status"], "approved");
    let told = shop.ask(Asking::post(path("publish"), "publish", &Value::Null).body("")).await.is(200);
    assert_eq!(told.json()["status"], "published");
    index(&told);
    let shown = shop.get(&format!("/v1/products/{product}")).await.is(200).json();
    assert_eq!((&shown["version"], &shown["price"]), (&json!(2), &json!("3.00")));

    let told = shop.post(&format!("/v1/sps/{sp}/suspend"), "suspend", json!({})).await.is(200);
    assert_eq!(told.json()["status"], "suspended");
    let msisdn = local(1);
    let look = format!("/v1/catalogue?msisdn={msisdn}&explain=true");
    assert_eq!(shop.get(&look).await.is(200).json()["hidden"][0]["because"], "sp_suspended");
    shop.post(&format!("/v1/sps/{sp}/resume"), "resume", json!({})).await.is(200);
    assert_eq!(shop.get(&look).await.is(200).json()["products"][0]["product_id"], json!(product));
    assert_eq!(shop.post(&path("withdraw"), "withdraw", json!({})).await.is(200).json()["status"], "withdrawn");
    assert_eq!(shop.get(&look).await.is(200).json()["products"], json!([]));

    let listed = shop.get("/v1/products?status=withdrawn&limit=1").await.is(200).json();
    assert_eq!(listed["products"][0]["product_id"], json!(product));
    assert_eq!(shop.get("/v1/sps").await.is(200).json()["sps"][0]["sp_id"], json!(sp));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_without_gap_or_repetition() {
    let shop = Shop::open().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(shop.product(Scope::Local).await);
    }
    made.sort();
    for (path, name, id) in [("/v1/products", "products", "product_id"), ("/v1/sps", "sps", "sp_id")] {
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let next = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
            let page = shop.get(&format!("{path}?limit=2{next}")).await.is(200).json();
            seen.extend(page[name].as_array().unwrap().iter().map(|row| row[id].as_str().unwrap().to_owned()));
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 5, "{path}");
        if name == "products" {
            assert_eq!(seen, made);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_bought_delivered_refunded_and_told() {
    let shop = Shop::open().await;
    let account = shop.account(1, 100).await;
    let product = shop.product(Scope::Local).await;
    let mut buy = purchase(1, &product);
    buy["quantity"] = json!(3);
    let told = shop.post("/v1/orders", "buy", buy).await.is(201);
    let bought = index(&told);
    let order = told.json();
    let id = order["order_id"].as_str().unwrap().to_owned();
    assert_eq!(told.header("location"), Some(format!("/v1/orders/{id}").as_str()));
    for (name, value) in [
        ("status", json!("delivering")),
        ("msisdn", json!(local(1).to_string())),
        ("serving_province", json!("44")),
        ("home_province", json!("44")),
        ("location", json!("44")),
        ("scope", json!("local")),
        ("quantity", json!(3)),
        ("amount", json!("3.00")),
        ("refunded", json!("0.00")),
        ("account_kind", json!("virtual")),
        ("channel", json!("app")),
    ] {
        assert_eq!(order[name], value, "{name}: {order}");
    }
    assert!(order["payment_id"].as_str().unwrap().starts_with('P'));
    assert_eq!(order["product"]["product_id"], json!(product));
    assert_eq!((&order["product"]["title"], &order["product"]["price"]), (&json!("a thing"), &json!("1.00")));
    let events: Vec<_> = order["timeline"].as_array().unwrap().iter().map(|entry| entry["event"].clone()).collect();
    assert!(events.contains(&json!("created")) && events.contains(&json!("paid")), "{events:?}");
    for entry in order["timeline"].as_array().unwrap() {
        has(entry, &["at", "event", "detail", "log_index"]);
        assert!(entry["log_index"].as_u64().unwrap() <= bought);
    }

    let told = shop.post(&format!("/v1/orders/{id}/delivery"), "deliver", json!({"result": "accepted"})).await.is(200);
    assert_eq!(told.json()["status"], "delivered");
    index(&told);

    let refund = json!({"amount": "1.00", "reason": "one of three was broken"});
    let told = shop.post(&format!("/v1/orders/{id}/refunds"), "refund", refund).await.is(201);
    index(&told);
    let body = told.json();
    assert!(body["refund_id"].as_str().unwrap().starts_with('R'));
    assert_eq!((&body["amount"], &body["status"]), (&json!("1.00"), &json!("refunded")));
    assert_eq!((&body["order"]["status"], &body["order"]["refunded"]), (&json!("partly_refunded"), &json!("1.00")));

    let shown = shop.get(&format!("/v1/orders/{id}")).await.is(200).json();
    assert_eq!((&shown["status"], &shown["refunded"]), (&json!("partly_refunded"), &json!("1.00")));
    let account = shop.get(&format!("/v1/accounts/{account}")).await.is(200).json();
    assert_eq!((&account["balance"], &account["open_orders"]), (&json!("98.00"), &json!(0)));

    let books = shop.get("/v1/trial-balance").await.is(200).json();
    assert_eq!(books["debits"], books["credits"]);
    assert_eq!(books["digest"].as_str().unwrap().len(), 32);
    for line in books["accounts"].as_array().unwrap() {
        has(line, &["name", "debit", "credit"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_reversed_whole() {
    let shop = Shop::open().await;
    let account = shop.account(1, 10).await;
    let product = shop.product(Scope::Local).await;
    let mut buy = purchase(1, &product);
    buy.as_object_mut().unwrap().remove("account_kind");
    buy["account_id"] = json!(account);
    let id = shop.post("/v1/orders", "buy", buy).await.is(201).json()["order_id"].as_str().unwrap().to_owned();
    let reversal = json!({"reason": "the bus was cancelled", "asked_by": "sp"});
    let told = shop.post(&format!("/v1/orders/{id}/reversal"), "reverse", reversal).await.is(200);
    assert_eq!(told.json()["status"], "reversed");
    assert_eq!(shop.get(&format!("/v1/accounts/{account}")).await.json()["balance"], "10.00");
    let statement = shop.get(&format!("/v1/accounts/{account}/statement")).await.is(200).json();
    let kinds: Vec<_> = statement["entries"].as_array().unwrap().iter().map(|entry| entry["kind"].clone()).collect();
    assert_eq!(kinds, ["top_up", "purchase", "reversal"]);
    assert_eq!(statement["entries"][1]["reference"], json!(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_waits_is_answered_when_the_order_ends() {
    let shop = Shop::open().await;
    shop.account(1, 10).await;
    let product = shop.product(Scope::Local).await;
    let buy = shop.post("/v1/orders", "buy", purchase(1, &product)).await.is(201);
    let id = buy.json()["order_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/orders/{id}");
    let now = shop.get(&path).await.is(200);
    assert_eq!((now.json()["status"].clone(), now.header("preference-applied")), (json!("delivering"), None));
    assert!(now.json()["resolves_by"].is_string(), "an open order shows its clock");
    let waiting = shop.ask(Asking::get(path.clone()).header("prefer", "wait=30"));
    let deliver = async {
        // The question is under way before the answer it waits for exists: it is polled first.
        shop.post(&format!("{path}/delivery"), "deliver", json!({"result": "accepted"})).await.is(200)
    };
    let (waited, _) = tokio::join!(biased; waiting, deliver);
    let waited = waited.is(200);
    assert_eq!(waited.json()["status"], "delivered");
    assert_eq!(waited.header("preference-applied"), Some("wait=30"));
    let began = std::time::Instant::now();
    shop.ask(Asking::get(path).header("prefer", "wait=30")).await.is(200);
    assert!(began.elapsed() < Duration::from_secs(10), "a final order is not waited for");
}

#[tokio::test(flavor = "multi_thread")]
async fn money_goes_from_phone_to_phone() {
    let shop = Shop::open().await;
    let payer = shop.account(1, 10).await;
    let payee = shop.account(2, 0).await;
    let send = json!({
        "payer_msisdn": local(1).to_string(), "payee_msisdn": local(2).to_string(), "amount": "4.00",
        "payment_password": RIGHT,
    });
    let told = shop.post("/v1/transfers", "send", send).await.is(201);
    index(&told);
    let transfer = told.json();
    assert_eq!((&transfer["status"], &transfer["payee_home"]), (&json!("completed"), &json!("44")));
    let id = transfer["transfer_id"].as_str().unwrap();
    let shown = shop.get(&format!("/v1/transfers/{id}")).await.is(200).json();
    assert_eq!((&shown["amount"], &shown["status"]), (&json!("4.00"), &json!("completed")));
    for (account, balance, amount) in [(payer, "6.00", "-4.00"), (payee, "4.00", "4.00")] {
        assert_eq!(shop.get(&format!("/v1/accounts/{account}")).await.json()["balance"], balance);
        let statement = shop.get(&format!("/v1/accounts/{account}/statement")).await.is(200).json();
        let last = statement["entries"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(
            (&last["kind"], &last["amount"], &last["reference"]),
            (&json!("transfer"), &json!(amount), &json!(id))
        );
    }
    // Of another province: debited here, credited there by the driver.
    let abroad = json!({
        "payer_msisdn": local(1).to_string(), "payee_msisdn": visitor(1).to_string(), "amount": "1.00",
        "payment_password": RIGHT,
    });
    let told = shop.post("/v1/transfers", "abroad", abroad).await.is(201).json();
    assert_eq!(told["payee_home"], "51");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_paged_back_without_gap_and_bounded_by_time() {
    let shop = Shop::open().await;
    let account = shop.account(1, 0).await;
    for n in 1..=7 {
        let top_up = json!({"method": "cash", "amount": format!("{n}.00"), "agent_id": "a"});
        shop.post(&format!("/v1/accounts/{account}/top-ups"), &format!("t{n}"), top_up).await.is(201);
    }
    let path = format!("/v1/accounts/{account}/statement");
    let (mut amounts, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = shop.get(&format!("{path}?limit=3{cursor}")).await.is(200).json();
        let entries = page["entries"].as_array().unwrap().clone();
        let here: Vec<String> = entries.iter().map(|entry| entry["amount"].as_str().unwrap().to_owned()).collect();
        amounts.splice(0..0, here);
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(amounts, ["1.00", "2.00", "3.00", "4.00", "5.00", "6.00", "7.00"]);
    assert!((3..=4).contains(&pages), "{pages}");
    let all = shop.get(&path).await.is(200).json();
    let third = all["entries"][2]["at"].as_str().unwrap().to_owned();
    let from = shop.get(&format!("{path}?from={third}")).await.is(200).json();
    let until = shop.get(&format!("{path}?to={third}")).await.is(200).json();
    let count = |page: &Value| page["entries"].as_array().unwrap().len();
    assert_eq!(count(&from) + count(&until), 7);
    assert!(count(&until) <= 2, "{until}");
    shop.get(&format!("{path}?from=2099-01-01T00:00:00Z")).await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_are_data_are_shown_and_replaced() {
    let shop = Shop::open().await;
    let mut policy = shop.get("/v1/policy").await.is(200).json();
    assert_eq!(policy["ceilings"]["virtual"]["basic"]["per_payment"], "1000.00");
    policy["version"] = json!(policy["version"].as_u64().unwrap() + 1);
    policy["ceilings"]["virtual"]["basic"]["per_payment"] = json!("900.00");
    let told = shop.ask(Asking::change("PUT", "/v1/policy", "policy", &policy)).await.is(200);
    index(&told);
    assert_eq!(shop.get("/v1/policy").await.is(200).json(), policy);
    let again = shop.ask(Asking::change("PUT", "/v1/policy", "again", &policy)).await;
    again.problem(422, "policy_not_newer");

    let msisdn = local(1);
    let found = shop.get(&format!("/v1/number-plan/{msisdn}")).await.is(200).json();
    let expected =
        json!({"msisdn": msisdn.to_string(), "home_province": "44", "operator": "china-telecom", "epoch": 1});
    assert_eq!(found, expected);
    shop.get("/v1/number-plan/19999999999").await.problem(404, "unknown_number");
    let port = json!({"msisdn": msisdn.to_string(), "operator": "china-mobile"});
    index(&shop.post("/v1/number-plan/portability", "port", port).await.is(201));
    let found = shop.get(&format!("/v1/number-plan/{msisdn}")).await.is(200).json();
    assert_eq!((&found["operator"], &found["home_province"]), (&json!("china-mobile"), &json!("44")));
    shop.get(&format!("/v1/subscribers/{msisdn}")).await.problem(422, "foreign_operator");

    let csv = "first_prefix,last_prefix,province,operator\n1890000,1890000,44,china-telecom\n1999999,1999999,51,china-telecom\n";
    let install = |epoch: u64, key: &str, csv: &str| {
        Asking::change("PUT", format!("/v1/number-plan?epoch={epoch}"), key, &Value::Null)
            .header("content-type", "text/csv; charset=utf-8")
            .body(csv)
    };
    let told = shop.ask(install(2, "plan", csv)).await.is(200);
    assert_eq!((index(&told) > 0, &told.json()["ranges"]), (true, &json!(2)));
    let found = shop.get("/v1/number-plan/19999999999").await.is(200).json();
    assert_eq!((&found["home_province"], &found["epoch"]), (&json!("51"), &json!(2)));
    shop.ask(install(2, "old", csv)).await.problem(422, "plan_not_newer");
    let broken = format!("{csv}1999999,1999999,44,china-telecom\n");
    let refused = shop.ask(install(3, "broken", &broken)).await;
    assert_eq!(refused.problem(400, "invalid_number_plan").as_deref(), Some("line 4"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_tells_how_it_is() {
    let shop = Shop::open().await;
    assert_eq!(shop.get("/healthz").await.is(200).json(), json!({"status": "ok", "role": "leader"}));
    assert_eq!(shop.get("/readyz").await.is(200).json(), json!({"status": "ready", "role": "leader"}));
    let metrics = shop.get("/metrics").await.is(200);
    assert_eq!(
        (metrics.header("content-type").unwrap().starts_with("text/plain"), &*metrics.bytes),
        (true, &b"# metrics\n"[..])
    );
    let cluster = shop.get("/v1/cluster").await.is(200).json();
    assert_eq!((&cluster["province"], &cluster["leader"], &cluster["told_by"]), (&json!("44"), &json!(1), &json!(1)));
    let replica = &cluster["replicas"][0];
    assert_eq!(
        (&replica["role"], &replica["health"], &replica["votes"]),
        (&json!("leader"), &json!("up_to_date"), &json!(true))
    );
    has(&cluster["log"], &["first", "last", "committed", "applied", "snapshot"]);
    let page = shop.get("/").await.is(200);
    let text = String::from_utf8(page.bytes.to_vec()).unwrap();
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    assert!(text.contains("广东") && text.contains("Guangdong") && text.contains("借贷平衡"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_group_is_changed_by_naming_what_is_wanted() {
    let shop = Shop::open().await;
    let members = "/v1/cluster/members";
    // The group of one already has exactly this voter.
    let told = shop.post(members, "same", json!({"change": "change_voters", "voters": [1]})).await.is(200).json();
    assert_eq!(told["replicas"][0]["node"], 1);
    let stranger = shop.post(members, "stranger", json!({"change": "change_voters", "voters": [1, 9]})).await;
    stranger.problem(422, "cluster_change_refused");
    let voter = shop.post(members, "voter", json!({"change": "remove_learner", "node": 1})).await;
    voter.problem(422, "cluster_change_refused");
    shop.post(members, "nobody", json!({"change": "remove_learner", "node": 9})).await.is(200);
    for (body, code, field) in [
        (json!({"change": "remove_learner"}), "missing_field", "node"),
        (json!({"change": "add_learner", "node": 2}), "missing_field", "http_url"),
        (
            json!({"change": "add_learner", "node": 0, "raft_address": "h:1", "http_url": "http://h"}),
            "out_of_range",
            "node",
        ),
        (
            json!({"change": "add_learner", "node": 2, "raft_address": "h", "http_url": "http://h"}),
            "invalid_url",
            "raft_address",
        ),
        (
            json!({"change": "add_learner", "node": 2, "raft_address": "h:1", "http_url": "h"}),
            "invalid_url",
            "http_url",
        ),
        (json!({"change": "change_voters", "voters": []}), "out_of_range", "voters"),
        (json!({"change": "change_voters", "voters": [1, 1]}), "out_of_range", "voters"),
        (json!({"change": "change_voters", "voters": [1], "node": 1}), "conflicting_fields", "node"),
        (json!({"change": "transfer_leadership"}), "missing_field", "node"),
        (json!({"change": "destroy"}), "invalid_choice", "change"),
    ] {
        let told = shop.post(members, "wrong", body.clone()).await;
        assert_eq!(told.problem(400, code).as_deref(), Some(field), "{body}");
    }
}
