use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;

async fn ask(simulator: &SmsSimulator, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    let response = simulator.router().oneshot(request).await.expect("the router answers");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn send(simulator: &SmsSimulator, id: &str, to: &str) -> (StatusCode, Value) {
    let message = json!({ "message_id": id, "to": to, "text": "您的账户已开通", "language": "zh" });
    ask(simulator, "POST", "/messages", &json!({ "messages": [message] })).await
}

async fn received(simulator: &SmsSimulator, msisdn: &str) -> (Value, usize) {
    let (_, shown) = ask(simulator, "GET", &format!("/simulator/sms/{msisdn}"), &Value::Null).await;
    (shown["received"].clone(), shown["texts"].as_array().map_or(0, Vec::len))
}

#[tokio::test]
async fn keeps_texts_by_number_and_drops_repetitions() {
    let centre = SmsSimulator::new();
    for (id, to) in [("44-1", "18912345678"), ("44-2", "18912345678"), ("44-1", "18912345678"), ("44-3", "18900000000")]
    {
        let (status, answer) = send(&centre, id, to).await;
        assert_eq!((status, answer), (StatusCode::OK, json!({ "accepted": [id] })));
    }
    assert_eq!(received(&centre, "18912345678").await, (json!(2), 2));
    assert_eq!(received(&centre, "18900000000").await, (json!(1), 1));
    assert_eq!(received(&centre, "18999999999").await, (json!(0), 0), "a number nobody wrote to");
    assert_eq!(centre.totals(), Totals { requests: 4, texts: 3, repetitions: 1, refused: 0, words: 0 });
}

#[tokio::test]
async fn refuses_and_keeps_nothing() {
    let centre = SmsSimulator::new();
    ask(&centre, "PUT", "/simulator/sms", &json!({ "mode": "refuses" })).await;
    assert_eq!(send(&centre, "44-1", "18912345678").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(received(&centre, "18912345678").await, (json!(0), 0));
    ask(&centre, "PUT", "/simulator/sms", &json!({ "mode": "accepts" })).await;
    assert_eq!(send(&centre, "44-1", "18912345678").await.0, StatusCode::OK, "the same id is welcome now");
    assert_eq!(received(&centre, "18912345678").await, (json!(1), 1));
}

#[tokio::test]
async fn a_lost_answer_is_no_second_text() {
    let centre = SmsSimulator::new();
    centre.behave(Behaviour { mode: Mode::LosesAnswers, delay_ms: 0 });
    assert_eq!(send(&centre, "44-1", "18912345678").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    centre.behave(Behaviour::default());
    assert_eq!(send(&centre, "44-1", "18912345678").await.0, StatusCode::OK);
    assert_eq!(received(&centre, "18912345678").await, (json!(1), 1));
}

#[tokio::test(start_paused = true)]
async fn slow_answers_after_its_delay() {
    let centre = SmsSimulator::new();
    centre.behave(Behaviour { mode: Mode::Slow, delay_ms: 250 });
    let before = tokio::time::Instant::now();
    assert_eq!(send(&centre, "44-1", "18912345678").await.0, StatusCode::OK);
    assert_eq!(before.elapsed().as_millis(), 250);
}

#[tokio::test]
async fn a_number_keeps_its_newest_texts_and_an_exact_count() {
    let centre = SmsSimulator::new();
    for n in 0..TEXTS_PER_NUMBER_MAX + 5 {
        send(&centre, &format!("44-{n}"), "18912345678").await;
    }
    assert_eq!(received(&centre, "18912345678").await, (json!(TEXTS_PER_NUMBER_MAX + 5), TEXTS_PER_NUMBER_MAX));
}

#[tokio::test]
async fn the_handset_shows_the_newest_text_first_and_nothing_of_others() {
    let centre = SmsSimulator::new();
    for (id, to, text) in
        [("44-1", "18912345678", "first <b>"), ("44-2", "18900000000", "not yours"), ("44-3", "18912345678", "second")]
    {
        let message = json!({ "message_id": id, "to": to, "text": text, "language": "en" });
        ask(&centre, "POST", "/messages", &json!({ "messages": [message] })).await;
    }
    let request = Request::get("/simulator/sms/18912345678/handset").body(Body::empty()).expect("a request");
    let response = centre.router().oneshot(request).await.expect("the router answers");
    let page = response.into_body().collect().await.expect("a body").to_bytes();
    let page = String::from_utf8(page.to_vec()).expect("text");
    let (second, first) = (page.find("second"), page.find("first &#60;b&#62;"));
    assert!(second.is_some() && second < first && !page.contains("not yours"), "{page}");
}

#[test]
fn the_code_is_found_in_texts_that_ask_and_in_no_others() {
    assert_eq!(code_in("同意请回复Y012345，不同意请回复N012345"), Some("012345"));
    assert_eq!(code_in("Reply Y987654 to agree, N987654 to refuse"), Some("987654"));
    for text in ["", "请回复Y", "请回复Y12345", "请回复Y12345六", "您的验证码是123456", "请回复N123456"]
    {
        assert_eq!(code_in(text), None, "{text}");
    }
}
