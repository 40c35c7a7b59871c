//! What no program should send: each must be refused by name, and nothing moves.

use bytes::Bytes;
use mpss_domain::ProvinceId;
use mpss_runtime::Random;
use serde_json::json;

use super::flows::Flow;
use super::scene::{PASSWORD, Person};
use super::street::{Body, Question, Street};
use crate::world::SeededRandom;

/// Sends one mistake and looks at how it is refused.
pub(super) async fn send(street: &Street, me: &Person, key: &str, random: &SeededRandom) {
    let good = json!({
        "msisdn": me.msisdn, "product_id": "G20260105020000000-44-00000", "quantity": 1, "account_kind": "virtual",
        "payment_password": PASSWORD, "channel": "app",
    });
    let with = |name: &str, value: serde_json::Value| {
        let mut body = good.clone();
        body[name] = value;
        Body::Json(body)
    };
    let orders = "/v1/orders".to_owned();
    let account = format!("/v1/accounts/{}/top-ups", me.account);
    let (path, key, body) = match random.below(9) {
        0 => (orders, key, with("quantity", json!(-1))),
        1 => (orders, key, with("msisdn", json!("12"))),
        2 => (orders, key, with("surprise", json!(true))),
        3 => (orders, key, with("channel", json!("pigeon"))),
        4 => (orders, key, Body::Other("application/json", Bytes::from_static(b"{\"msisdn\":"))),
        5 => (orders, key, Body::Other("text/plain", Bytes::from_static(b"buy me something"))),
        6 => (orders, "", Body::Json(good.clone())),
        7 => (account, key, Body::Json(json!({ "method": "cash", "amount": "-5.00", "agent_id": "agent-1" }))),
        _ => (account, key, Body::Json(json!({ "method": "cash", "amount": "1.005", "agent_id": "agent-1" }))),
    };
    let province: ProvinceId = me.home;
    let (who, flow) = (me.msisdn.clone(), Flow::BadInput.name());
    let question = Question { who, flow, province, method: "POST", path, key: key.to_owned(), body };
    let Some(answer) = street.ask(&question).await else { return };
    let named = !answer.text("code").is_empty();
    if !(400..=422).contains(&answer.status) || !named {
        let what = format!("a mistake was answered with {} {}: {question:?}", answer.status, answer.body);
        street.note(|told| told.contradictions.push(what));
    }
}
