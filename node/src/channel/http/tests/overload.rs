//! Too much, too slow, broken: answered early, and never without saying whether something may have
//! happened.

use super::*;
use crate::node::trial::visitor;

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_bound_is_refused_at_once_and_health_still_answers() {
    let shop = Shop::open_with(|options| options.requests_in_flight_max = 1).await;
    shop.elsewhere.replies(Reply::Never);
    let slow = shop.ask(Asking::get(format!("/v1/subscribers/{}", visitor(1))));
    let others = async {
        let told = shop.post("/v1/sps", "k", json!({"name": "n", "notice_url": "http://127.0.0.1:9/"})).await;
        told.problem(503, "busy");
        assert_eq!((told.header("mpss-not-done"), told.header("retry-after")), (Some("1"), Some("1")));
        shop.get("/healthz").await.is(200);
        shop.get("/readyz").await.is(200);
        shop.get("/metrics").await.is(200);
        shop.get("/v1/cluster").await.problem(503, "busy");
    };
    let (slow, ()) = tokio::join!(biased; slow, others);
    slow.is(503);
    shop.get("/v1/cluster").await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_takes_too_long_may_have_happened_a_question_did_not() {
    let shop = Shop::open_with(|options| {
        options.request_deadline = Duration::from_millis(40);
        options.body_deadline = Duration::from_millis(40);
    })
    .await;
    shop.elsewhere.replies(Reply::Never);
    let told = shop.get(&format!("/v1/subscribers/{}", visitor(1))).await;
    told.problem(503, "deadline_passed");
    assert_eq!(told.header("mpss-not-done"), Some("1"));
    let open = json!({"msisdn": visitor(1).to_string(), "kind": "virtual", "payment_password": RIGHT});
    let told = shop.post("/v1/accounts", "k", open).await;
    told.problem(504, "outcome_unknown");
    assert_eq!((told.header("mpss-not-done"), &told.json()["retryable"]), (None, &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_changes_nothing() {
    let shop = Shop::open_with(|options| options.body_deadline = Duration::from_millis(20)).await;
    let never = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let request = Request::post("/v1/sps").header("idempotency-key", "k").header("content-type", "application/json");
    let response = shop.router.clone().oneshot(request.body(never).unwrap()).await.unwrap();
    assert_eq!(response.status(), 408);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_subscriber_is_slowed_down_and_the_others_are_not() {
    let shop = Shop::open_with(|options| options.subscriber_requests_per_second = 1).await;
    let product = shop.product(Scope::Local).await;
    let mut slowed = 0;
    for n in 0..20 {
        let told = shop.post("/v1/orders", &format!("k{n}"), purchase(1, &product)).await;
        if told.status == 429 {
            slowed += 1;
            told.problem(429, "too_many_requests");
            assert_eq!((told.header("mpss-not-done"), told.header("retry-after")), (Some("1"), Some("1")));
        } else {
            told.problem(422, "account_not_found");
        }
    }
    assert!((10..=18).contains(&slowed), "{slowed}");
    shop.post("/v1/orders", "other", purchase(2, &product)).await.problem(422, "account_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_are_a_wish_that_never_outlives_its_bound() {
    let shop = Shop::open().await;
    shop.account(1, 10).await;
    let product = shop.product(Scope::Local).await;
    let buy = shop.post("/v1/orders", "buy", purchase(1, &product)).await.is(201).json();
    let path = format!("/v1/orders/{}", buy["order_id"].as_str().unwrap());
    let told = shop.ask(Asking::get(path).header("prefer", "respond-async; wait=1")).await.is(200);
    assert_eq!(
        (told.json()["status"].clone(), told.header("preference-applied")),
        (json!("delivering"), Some("wait=1"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_replica_says_so() {
    let shop = Shop::open().await;
    shop.account(1, 10).await;
    let product = shop.product(Scope::Local).await;
    shop.trial.context.replica.shutdown().await;
    for asking in [
        Asking::get("/v1/orders/O20260101120000000-44-00001"),
        Asking::get("/v1/trial-balance"),
        Asking::get("/healthz"),
        Asking::get("/readyz"),
        Asking::post("/v1/orders", "k", &purchase(1, &product)),
    ] {
        let path = asking.path.clone();
        let told = shop.ask(asking).await;
        assert_eq!((told.status.as_u16(), told.header("mpss-not-done")), (503, Some("1")), "{path}");
        assert!(told.header("retry-after").is_some(), "{path}");
    }
    shop.get("/").await.is(200);
}
