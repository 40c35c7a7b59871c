//! What went past between the SP and the sandbox, the newest of it.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use mpss_runtime::Clock;
use mpss_runtime::real::TokioClock;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Sandbox;

/// Exchanges that are remembered.
const SEEN_MAX: usize = 2_000;
/// Longest answer that is shown, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Who spoke first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    /// The SP asked the platform.
    Asked,
    /// The platform told the SP.
    Told,
}

/// A request and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Exchange {
    /// 1, 2, 3 … in the order of the answers.
    #[serde(default)]
    pub(crate) number: u64,
    /// When it was answered, in ms since 1970.
    #[serde(default)]
    pub(crate) at_ms: u64,
    pub(crate) direction: Direction,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// `Idempotency-Key`; empty without one.
    pub(crate) request_id: String,
    /// The parameter of the signature; empty without one.
    pub(crate) key_id: String,
    /// The parameter of the signature; empty without one.
    pub(crate) nonce: String,
    /// SHA-256 of the body, hex.
    pub(crate) digest: String,
    /// What it was told: kinds and orders.
    #[serde(default)]
    pub(crate) notices: Vec<(String, String)>,
    /// What was played; empty when nothing was.
    pub(crate) played: String,
    /// How the SP answered, or what it was answered; 0 when there was no answer.
    pub(crate) status: u16,
    /// The JSON that was answered; null when it is none, or too long.
    pub(crate) answer: Value,
    /// From request to answer, in ms.
    pub(crate) took_ms: u64,
}

impl Exchange {
    /// Orders that the SP has accepted with this answer.
    pub(crate) fn accepts(&self, order: &str) -> bool {
        let answers = self.answer["answers"].as_array();
        let of_order = |answer: &&Value| answer["order_id"] == order;
        self.status == 200
            && answers.is_some_and(|answers| {
                let mut mine = answers.iter().filter(of_order).peekable();
                mine.peek().is_some() && mine.all(|answer| answer["result"] == "accepted")
            })
    }

    /// The platform has told the SP this of this order.
    pub(crate) fn tells(&self, kind: &str, order: &str) -> bool {
        let named = |(a, b): &(String, String)| a == kind && b == order;
        self.direction == Direction::Told && self.notices.iter().any(named)
    }
}

/// An answer as it is shown.
pub(super) fn answer_of(bytes: &[u8]) -> Value {
    if bytes.len() > ANSWER_BYTES_MAX {
        return Value::Null;
    }
    serde_json::from_slice(bytes).unwrap_or(Value::Null)
}

#[derive(Default)]
struct Inner {
    last: u64,
    exchanges: VecDeque<Exchange>,
}

/// What went past. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Inner>>);

impl Seen {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The number of the last exchange; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.0.lock().last
    }

    pub(super) fn note(&self, exchange: Exchange) {
        let mut inner = self.0.lock();
        inner.last += 1;
        if inner.exchanges.len() >= SEEN_MAX {
            inner.exchanges.pop_front();
        }
        let exchange = Exchange { number: inner.last, at_ms: TokioClock::new().wall_ms(), ..exchange };
        inner.exchanges.push_back(exchange);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

/// What went past after that number.
pub(super) async fn list(State(sandbox): State<Sandbox>, Query(After { after }): Query<After>) -> Json<Value> {
    let inner = sandbox.seen.0.lock();
    let newer: Vec<_> = inner.exchanges.iter().filter(|exchange| exchange.number > after).collect();
    Json(json!({ "exchanges": newer, "last": inner.last }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(order: &str, status: u16, answer: Value) -> Exchange {
        Exchange {
            number: 0,
            at_ms: 0,
            direction: Direction::Told,
            method: "POST".into(),
            target: "/notices".into(),
            request_id: String::new(),
            key_id: String::new(),
            nonce: String::new(),
            digest: String::new(),
            notices: vec![("deliver".into(), order.into())],
            played: String::new(),
            status,
            answer,
            took_ms: 0,
        }
    }

    #[tokio::test]
    async fn the_oldest_goes_first_and_numbers_go_on() {
        let seen = Seen::new();
        for number in 0..=SEEN_MAX as u64 {
            seen.note(told(&number.to_string(), 200, Value::Null));
        }
        assert_eq!(seen.last(), SEEN_MAX as u64 + 1);
        let inner = seen.0.lock();
        assert_eq!((inner.exchanges.len(), inner.exchanges[0].number), (SEEN_MAX, 2));
    }

    #[test]
    fn an_order_is_accepted_by_one_word_about_it_and_by_no_other() {
        let answers = |results: &[(&str, &str)]| {
            let each = |(order, result): &(&str, &str)| json!({ "order_id": order, "result": result });
            json!({ "answers": results.iter().map(each).collect::<Vec<_>>() })
        };
        let good = told("O1", 200, answers(&[("O2", "refused"), ("O1", "accepted")]));
        assert!(good.accepts("O1") && !good.accepts("O2") && !good.accepts("O3"));
        assert!(good.tells("deliver", "O1") && !good.tells("cancel", "O1") && !good.tells("deliver", "O2"));
        for bad in [
            told("O1", 503, answers(&[("O1", "accepted")])),
            told("O1", 200, answers(&[("O1", "accepted"), ("O1", "refused")])),
            told("O1", 200, answers(&[])),
            told("O1", 200, Value::Null),
        ] {
            assert!(!bad.accepts("O1"), "{bad:?}");
        }
        assert_eq!(answer_of(&vec![b' '; ANSWER_BYTES_MAX + 1]), Value::Null);
        assert_eq!(answer_of(b"[1]"), json!([1]));
    }
}
