//! Wrong requests sent one after the other, and how an answer is not what it must be.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use mpss_tests::raw_http::{Connection, RawAnswer};

use crate::wrong::{Must, Wrong};

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
pub(crate) async fn lane(address: SocketAddr, asks: Vec<Wrong>, tally: &Mutex<BTreeMap<String, usize>>) -> Vec<String> {
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
