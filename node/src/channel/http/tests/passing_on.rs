//! Requests that belong to another province: passed on as they came, once, and answered as it
//! answers.

use super::*;
use crate::node::trial::visitor;

fn sichuan() -> ProvinceId {
    ProvinceId::new(51).unwrap()
}

fn elsewhere() -> Vec<(Asking, u8)> {
    let order = json!({
        "msisdn": local(1).to_string(), "product_id": "G20260101120000000-51-00001", "quantity": 1,
        "payment_password": RIGHT, "channel": "app",
    });
    let mut national = order.clone();
    national["product_id"] = json!("G20260101120000000-00-00001");
    let upload = json!({
        "sp_id": "S20260101120000000-00-00001", "title": "t", "application": "lottery", "scope": "national", "price": "1.00",
    });
    let open = json!({"msisdn": visitor(1).to_string(), "kind": "virtual", "payment_password": RIGHT});
    let send = json!({
        "payer_msisdn": visitor(1).to_string(), "payee_msisdn": local(1).to_string(), "amount": "1.00",
        "payment_password": RIGHT,
    });
    let password = json!({"payment_password": RIGHT});
    let id = |letter: char| format!("{letter}20260101120000000-51-00001");
    let top_up = json!({"method": "cash", "amount": "1.00", "agent_id": "a"});
    let by_bank = json!({"method": "bank_card", "amount": "1.00", "payment_password": RIGHT});
    vec![
        (Asking::post("/v1/accounts", "k", &open), 51),
        (Asking::get(format!("/v1/accounts/{}", id('A'))), 51),
        (Asking::get(format!("/v1/accounts/{}/statement?limit=5", id('A'))), 51),
        (
            Asking::change(
                "PATCH",
                format!("/v1/accounts/{}", id('A')),
                "k",
                &json!({"payment_password": RIGHT, "daily_limit": "1.00"}),
            ),
            51,
        ),
        (Asking::post(format!("/v1/accounts/{}/top-ups", id('A')), "k", &top_up), 51),
        (Asking::post(format!("/v1/accounts/{}/top-ups", id('A')), "k", &by_bank), 51),
        (Asking::get(format!("/v1/top-ups/{}", id('U'))).header("prefer", "wait=5"), 51),
        (Asking::post(format!("/v1/accounts/{}/freeze", id('A')), "k", &password), 51),
        (Asking::post(format!("/v1/accounts/{}/unfreeze", id('A')), "k", &password), 51),
        (Asking::post(format!("/v1/accounts/{}/close", id('A')), "k", &password), 51),
        (Asking::get(format!("/v1/subscribers/{}", visitor(1))), 51),
        (Asking::post("/v1/orders", "k", &order), 51),
        (Asking::post("/v1/orders", "k", &national), 0),
        (Asking::get(format!("/v1/orders/{}", id('O'))).header("prefer", "wait=5"), 51),
        (Asking::post(format!("/v1/orders/{}/reversal", id('O')), "k", &json!({"reason": "r"})), 51),
        (Asking::post(format!("/v1/orders/{}/refunds", id('O')), "k", &json!({"amount": "1.00", "reason": "r"})), 51),
        (Asking::post(format!("/v1/orders/{}/delivery", id('O')), "k", &json!({"result": "refused"})), 51),
        (Asking::post("/v1/transfers", "k", &send), 51),
        (Asking::get(format!("/v1/transfers/{}", id('T'))), 51),
        (Asking::post("/v1/products", "k", &upload), 0),
        (Asking::get(format!("/v1/products/{}", id('G'))), 51),
        (Asking::post(format!("/v1/products/{}/publish", id('G')), "k", &json!({})), 51),
        (Asking::get(format!("/v1/sps/{}", id('S'))), 51),
        (Asking::post(format!("/v1/sps/{}/suspend", id('S')), "k", &json!({})), 51),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_goes_where_it_belongs_as_it_came() {
    let shop = Shop::open().await;
    let headers = vec![
        ("content-type", "application/json"),
        ("mpss-log-index", "77"),
        ("idempotent-replayed", "true"),
        ("x-internal", "stays"),
    ];
    shop.elsewhere.replies(Reply::Answers(201, headers, "{\"told\":\"elsewhere\"}".to_owned()));
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (asking, province) in elsewhere() {
        let (method, path, body) = (asking.method, asking.path.clone(), asking.body.clone());
        let prefer = asking.headers.iter().find(|(name, _)| *name == "prefer").map(|(_, value)| value.clone());
        let told = shop.ask(asking.header("traceparent", TRACE).header("cookie", "mine")).await.is(201);
        assert_eq!(told.bytes, "{\"told\":\"elsewhere\"}", "{path}");
        assert_eq!((told.header("mpss-log-index"), told.header("idempotent-replayed")), (Some("77"), Some("true")));
        assert_eq!(told.header("x-internal"), None);
        let (to, door, call) = shop.elsewhere.calls().pop().unwrap();
        assert_eq!((to.code(), door), (province, PeerDoor::Public), "{path}");
        assert_eq!((call.method.as_str(), &call.path, call.body.to_vec()), (method, &path, body));
        assert_eq!((call.header("mpss-forwarded"), call.header("traceparent")), (Some("44"), Some(TRACE)));
        assert_eq!((call.header("cookie"), call.header("prefer").map(str::to_owned)), (None, prefer));
        assert_eq!(call.header("idempotency-key"), (method != "GET").then_some("k"), "{path}");
    }
    assert_eq!(shop.trial.context.replica.read(|state| state.row_counts().orders), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_passed_on_is_not_passed_on_again() {
    let shop = Shop::open().await;
    for (asking, _) in elsewhere() {
        let path = asking.path.clone();
        let told = shop.ask(asking.header("mpss-forwarded", "51")).await;
        told.problem(422, "not_home");
        assert_eq!(told.json()["retryable"], true, "{path}");
    }
    assert!(shop.elsewhere.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn certainly_not_done_and_not_known_are_never_confused() {
    let shop = Shop::open().await;
    for (error, sure) in [
        (PeerError::NotConnected as fn(ProvinceId) -> PeerError, true),
        (PeerError::Unreachable, true),
        (PeerError::Unknown, false),
    ] {
        shop.elsewhere.replies(Reply::Fails(error));
        for (asking, _) in elsewhere() {
            let (question, path) = (asking.method == "GET", asking.path.clone());
            let told = shop.ask(asking).await;
            if sure || question {
                assert_eq!((told.status.as_u16(), told.header("mpss-not-done")), (503, Some("1")), "{path}");
                assert!(told.header("retry-after").is_some());
            } else {
                told.problem(504, "outcome_unknown");
                assert_eq!(told.header("mpss-not-done"), None, "{path}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_taken_where_the_buyer_was_when_it_was_asked_elsewhere() {
    let shop = Shop::open().await;
    let roaming = shop.product(Scope::Roaming).await;
    let buy = |key: &str| {
        let body = json!({
            "msisdn": visitor(1).to_string(), "product_id": roaming, "quantity": 1, "payment_password": RIGHT, "channel": "app",
        });
        Asking::post("/v1/orders", key, &body)
    };
    // Asked first at a node of 51: the buyer is there, so what is sold to visitors of 44 is hidden.
    let told = shop.ask(buy("far").header("mpss-forwarded", "51")).await;
    told.problem(422, "not_visible");
    assert_eq!(told.json()["because"], "not_visiting_now");
    // The same request asked here is the same request: the body does not change on the way.
    let again = shop.ask(buy("far")).await;
    assert_eq!((again.bytes, again.headers.contains_key("idempotent-replayed")), (told.bytes, true));
    let here = shop.ask(buy("here")).await;
    assert_ne!(here.json()["code"], "not_visible");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitors_order_is_taken_here_and_paid_at_home() {
    let shop = Shop::open().await;
    let roaming = shop.product(Scope::Roaming).await;
    let done = json!({"result": {"kind": "done"}, "log_index": 5}).to_string();
    shop.elsewhere.replies(Reply::Answers(200, vec![("content-type", "application/json")], done));
    let body = json!({
        "msisdn": visitor(1).to_string(), "product_id": roaming, "quantity": 2, "payment_password": RIGHT, "channel": "wap",
    });
    let make = || Asking::post("/v1/orders", "roam", &body);
    let told = shop.ask(make()).await.is(201);
    let order = told.json();
    assert_eq!((&order["status"], &order["home_province"]), (&json!("delivering"), &json!("51")));
    let paid: Vec<_> = shop.elsewhere.calls().into_iter().filter(|(_, door, _)| *door == PeerDoor::Peer).collect();
    assert_eq!((paid.len(), paid[0].0), (1, sichuan()));
    let message: Value = serde_json::from_slice(&paid[0].2.body).unwrap();
    assert_eq!((&message["order_id"], &message["amount_fen"]), (&order["order_id"], &json!(200)));
    let again = shop.ask(make()).await.is(201);
    assert_eq!((again.bytes, again.headers.contains_key("idempotent-replayed")), (told.bytes, true));
    assert_eq!(shop.elsewhere.calls().len(), 1, "what is decided is not asked for again");
}
