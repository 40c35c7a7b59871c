use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::simulator::SILENCE_MS;

const ORDER: &str = "O20261123123456789-44-00017";

fn notice(id: &str, kind: &str, order: &str, product: &str) -> Value {
    json!({ "notice_id": id, "kind": kind, "order_id": order, "product_id": product, "title": "彩票", "amount": "2.00" })
}

async fn ask(simulator: &SpSimulator, method: &str, path: &str, body: &Value) -> (StatusCode, Vec<u8>) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    let response = simulator.router().oneshot(request).await.expect("the router answers");
    let status = response.status();
    (status, response.into_body().collect().await.expect("a body").to_bytes().to_vec())
}

async fn tell(simulator: &SpSimulator, notices: &[Value]) -> (StatusCode, Value) {
    let (status, body) = ask(simulator, "POST", "/sps/lotto/notices", &json!({ "notices": notices })).await;
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn set(simulator: &SpSimulator, behaviour: Value) {
    let (status, _) = ask(simulator, "PUT", "/simulator/sps/lotto", &behaviour).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn accepts_and_delivers_once_however_often_it_is_told() {
    let simulator = SpSimulator::new();
    for _ in 0..3 {
        let (status, answer) = tell(&simulator, &[notice("44-7", "deliver", ORDER, "G1")]).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(answer, json!({ "answers": [{ "order_id": ORDER, "result": "accepted" }] }));
    }
    let (_, body) = ask(&simulator, "GET", "/simulator/sps/lotto", &Value::Null).await;
    let shown: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((&shown["notices"], &shown["repetitions"], &shown["delivered"]), (&json!(3), &json!(2), &json!(1)));
    assert_eq!(
        shown["orders"][ORDER],
        json!({ "deliver_notices": 3, "cancel_notices": 0, "delivered": 1, "cancelled": false })
    );
}

#[tokio::test]
async fn a_second_notice_for_the_same_order_is_not_a_second_delivery() {
    let simulator = SpSimulator::new();
    tell(&simulator, &[notice("44-7", "deliver", ORDER, "G1"), notice("44-8", "deliver", ORDER, "G1")]).await;
    assert_eq!(simulator.order("lotto", ORDER).map(|seen| (seen.deliver_notices, seen.delivered)), Some((2, 1)));
}

#[tokio::test]
async fn the_same_notices_are_taken_in_soap() {
    let simulator = SpSimulator::new();
    let notice = |id: &str, kind: &str| {
        format!(
            "<n:notice><n:noticeIdentifier>{id}</n:noticeIdentifier><n:kind>{kind}</n:kind><n:orderIdentifier>{ORDER}\
             </n:orderIdentifier><n:productIdentifier>G1</n:productIdentifier></n:notice>"
        )
    };
    let tell = async |notices: String| {
        let message = format!(
            "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body><n:notifyDelivery \
             xmlns:n='urn:mpss:isag:delivery_notification:v1'>{notices}</n:notifyDelivery></e:Body></e:Envelope>"
        );
        let request = Request::post("/sps/lotto/isag").body(Body::from(message)).expect("a request");
        let response = simulator.router().oneshot(request).await.expect("the router answers");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8(bytes.to_vec()).expect("text"))
    };
    let (status, answer) = tell(notice("44-7", "deliver")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(answer.contains(&format!("<n:orderIdentifier>{ORDER}</n:orderIdentifier><n:result>accepted</n:result>")));
    set(&simulator, json!({ "mode": "refuses" })).await;
    let (_, answer) = tell(notice("44-8", "deliver") + &notice("44-9", "cancel")).await;
    assert!(answer.contains("refused") && answer.contains("accepted"), "{answer}");
    set(&simulator, json!({ "mode": "garbage" })).await;
    assert!(tell(notice("44-10", "deliver")).await.1.contains("garbage"));
    let seen = simulator.order("lotto", ORDER).expect("the order");
    assert_eq!((seen.deliver_notices, seen.delivered, seen.cancelled), (3, 1, true));
    for wrong in [notice("44-11", "perhaps"), notice("", "deliver"), "<n:notice/>".to_owned()] {
        assert_eq!(tell(wrong).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    }
}

#[tokio::test]
async fn refuses() {
    let simulator = SpSimulator::new();
    set(&simulator, json!({ "mode": "refuses" })).await;
    let (_, answer) = tell(&simulator, &[notice("44-7", "deliver", ORDER, "G1")]).await;
    assert_eq!(answer["answers"][0]["result"], "refused");
    assert_eq!(simulator.order("lotto", ORDER).map(|seen| seen.delivered), Some(0));
    // Calling an order off is something even this SP takes note of.
    let (_, answer) = tell(&simulator, &[notice("44-8", "cancel", ORDER, "G1")]).await;
    assert_eq!(answer["answers"][0]["result"], "accepted");
    assert_eq!(simulator.order("lotto", ORDER).map(|seen| seen.cancelled), Some(true));
}

#[tokio::test]
async fn a_product_can_be_answered_in_another_way() {
    let simulator = SpSimulator::new();
    set(&simulator, json!({ "mode": "accepts", "products": { "G2": "refuses", "G3": "silent" } })).await;
    let (_, answer) = tell(
        &simulator,
        &[notice("1", "deliver", "O1", "G1"), notice("2", "deliver", "O2", "G2"), notice("3", "deliver", "O3", "G3")],
    )
    .await;
    let results: Vec<_> = answer["answers"]
        .as_array()
        .expect("answers")
        .iter()
        .map(|a| (a["order_id"].clone(), a["result"].clone()))
        .collect();
    assert_eq!(results, [(json!("O1"), json!("accepted")), (json!("O2"), json!("refused"))], "nothing about O3");
}

#[tokio::test(start_paused = true)]
async fn silent_holds_the_request_and_delivers_nothing() {
    let simulator = SpSimulator::new();
    set(&simulator, json!({ "mode": "silent" })).await;
    let notices = [notice("44-7", "deliver", ORDER, "G1")];
    let early = tokio::time::timeout(Duration::from_millis(SILENCE_MS - 1), tell(&simulator, &notices)).await;
    assert!(early.is_err(), "no answer while the bound lasts");
    assert_eq!(simulator.order("lotto", ORDER).map(|s| (s.deliver_notices, s.delivered)), Some((1, 0)));
    // Found again later, it does what it was asked.
    set(&simulator, json!({ "mode": "accepts" })).await;
    tell(&simulator, &notices).await;
    assert_eq!(simulator.order("lotto", ORDER).map(|s| (s.deliver_notices, s.delivered)), Some((2, 1)));
}

#[tokio::test(start_paused = true)]
async fn slow_answers_after_its_delay() {
    let simulator = SpSimulator::new();
    set(&simulator, json!({ "mode": "slow", "delay_ms": 300 })).await;
    let before = tokio::time::Instant::now();
    let (_, answer) = tell(&simulator, &[notice("44-7", "deliver", ORDER, "G1")]).await;
    assert_eq!(before.elapsed().as_millis(), 300);
    assert_eq!(answer["answers"][0]["result"], "accepted");
}

#[tokio::test]
async fn duplicates_says_everything_twice_and_names_an_order_nobody_placed() {
    let simulator = SpSimulator::new();
    set(&simulator, json!({ "mode": "duplicates" })).await;
    let (_, answer) = tell(&simulator, &[notice("44-7", "deliver", ORDER, "G1")]).await;
    let answers = answer["answers"].as_array().expect("answers");
    assert_eq!(answers.iter().filter(|a| a["order_id"] == ORDER).count(), 2);
    assert_eq!(answers.len(), 3);
    assert_eq!(simulator.order("lotto", ORDER).map(|seen| seen.delivered), Some(1));
}

#[tokio::test]
async fn garbage_is_two_hundred_and_no_json() {
    let simulator = SpSimulator::new();
    set(&simulator, json!({ "mode": "garbage" })).await;
    let (status, body) =
        ask(&simulator, "POST", "/sps/lotto/notices", &json!({ "notices": [notice("1", "deliver", ORDER, "G1")] }))
            .await;
    assert_eq!(status, StatusCode::OK);
    assert!(serde_json::from_slice::<Value>(&body).is_err());
    assert_eq!(simulator.order("lotto", ORDER).map(|seen| seen.delivered), Some(0));
}

#[tokio::test]
async fn an_order_called_off_is_not_delivered_by_a_late_notice() {
    let simulator = SpSimulator::new();
    tell(&simulator, &[notice("2", "cancel", ORDER, "G1")]).await;
    tell(&simulator, &[notice("1", "deliver", ORDER, "G1")]).await;
    assert_eq!(simulator.order("lotto", ORDER).map(|seen| (seen.delivered, seen.cancelled)), Some((0, true)));
}

#[tokio::test]
async fn a_mode_that_does_not_exist_is_refused() {
    let (status, body) = ask(&SpSimulator::new(), "PUT", "/simulator/sps/lotto", &json!({ "mode": "sulks" })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(String::from_utf8_lossy(&body).contains("sulks"));
}

#[tokio::test]
async fn a_bill_is_due_until_an_order_has_paid_it() {
    let simulator = SpSimulator::new();
    let bill = async |number: &str| {
        let query = json!({ "bill_query": { "sp_id": "S1", "product_id": "G1", "bill_number": number } });
        let (_, body) = ask(&simulator, "POST", "/sps/lotto/notices", &query).await;
        serde_json::from_slice::<Value>(&body).expect("JSON")["bill"].clone()
    };
    let for_bill = |id: &str, kind: &str, order: &str| {
        let mut notice = notice(id, kind, order, "G1");
        notice["bill_number"] = json!("E-2026-10-008650");
        notice
    };
    let due = json!({ "status": "due", "amount": "86.50", "payer": "李*", "customer": "E" });
    assert_eq!(bill("E-2026-10-008650").await, due);
    assert_eq!(bill("12345678").await["amount"], "3456.78", "the last six digits");
    for nothing in ["", "E-", "E-000000", "账单"] {
        assert_eq!(bill(nothing).await, json!({ "status": "unknown" }), "{nothing}");
    }
    let (_, answer) = tell(&simulator, &[for_bill("44-1", "deliver", ORDER)]).await;
    assert_eq!(answer["answers"][0]["result"], "accepted");
    assert_eq!(bill("E-2026-10-008650").await, json!({ "status": "paid" }));
    let other = "O20261123123456789-44-00018";
    let (_, answer) = tell(&simulator, &[for_bill("44-2", "deliver", other), for_bill("44-1", "deliver", ORDER)]).await;
    assert_eq!(answer["answers"][0], json!({ "order_id": other, "result": "refused", "reason": "paid already" }));
    assert_eq!(answer["answers"][1]["result"], "accepted", "the same notice again");
    // Calling off what has not paid it changes nothing; calling off what has, does.
    tell(&simulator, &[for_bill("44-3", "cancel", other)]).await;
    assert_eq!(bill("E-2026-10-008650").await, json!({ "status": "paid" }));
    tell(&simulator, &[for_bill("44-4", "cancel", ORDER)]).await;
    assert_eq!(bill("E-2026-10-008650").await, due);
}

#[tokio::test]
async fn once_it_knows_the_platforms_keys_it_takes_only_what_is_signed() {
    use crate::gateway::notice_signing::NoticeSigning;
    use crate::gateway::sp::{HttpSpGateway, Notice, NoticeKind, SpGateway};
    use crate::message_signature::{SignKey, Signer};
    use mpss_domain::sp_keys::SpKeyAlgorithm;

    let simulator = SpSimulator::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/sps/lotto/notices", listener.local_addr().expect("bound"));
    let (_end, ended) = tokio::sync::watch::channel(false);
    let served = tokio::spawn(crate::simulator::serve(listener, simulator.router(), ended));
    let folder = tempfile::tempdir().expect("a folder");
    let transport = std::sync::Arc::new(mpss_runtime::real::TcpTransport::bind("127.0.0.1:0").await.expect("a port"));
    let spawner = std::sync::Arc::new(mpss_runtime::real::TokioSpawner::new());
    let seams = crate::node::real_seams_over(folder.path(), transport, spawner).expect("seams");
    let notice = || Notice {
        notice_id: "44-7".into(),
        event_number: Some(1),
        kind: NoticeKind::Deliver,
        order_id: ORDER.into(),
        sp_id: "S1".into(),
        product_id: "G1".into(),
        title: "彩票".into(),
        application: "lottery",
        quantity: 1,
        amount: "2.00".into(),
        bill_number: None,
        draw_id: None,
        recipient: None,
        serving_province: "44".into(),
        msisdn_masked: "189****0001".into(),
        deliver_by: "2026-11-23T10:00:00+08:00".into(),
    };
    let key = |algorithm, byte| SignKey::new(algorithm, &[byte; 32]).expect("a key");
    let gateway = |key: Option<SignKey>| {
        let signer = key.map(|key| NoticeSigning::new(Signer { key_id: "mpss-1".into(), key }, seams.clone()));
        HttpSpGateway::new(Duration::from_secs(20), signer).expect("a client")
    };
    for algorithm in [SpKeyAlgorithm::Ed25519, SpKeyAlgorithm::Sm2Sm3] {
        let public = hex::encode(key(algorithm, 1).check_key().public_bytes().expect("public"));
        let keys = json!({"keys": [{"key_id": "mpss-1", "algorithm": algorithm.name(), "public_key": public, "status": "signs"}]});
        let (status, _) = ask(&simulator, "PUT", "/simulator/platform-keys", &keys).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        let right = gateway(Some(key(algorithm, 1)));
        // Each retry is signed anew.
        for _ in 0..2 {
            assert_eq!(right.notify(&url, vec![notice()]).await.expect("taken").len(), 1);
        }
        for wrong in [None, Some(key(algorithm, 2)), Some(key(SpKeyAlgorithm::HmacSha256, 1))] {
            let refused = gateway(wrong).notify(&url, vec![notice()]).await;
            assert!(matches!(refused, Err(crate::gateway::NoAnswer::Status(401))), "{refused:?}");
        }
    }
    let (_, body) = ask(&simulator, "GET", "/simulator/sps/lotto", &Value::Null).await;
    let shown: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((&shown["not_signed"], &shown["notices"]), (&json!(6), &json!(4)));
    served.abort();
}
