//! A simulated recharge platform: its cards, and what became of every key.
//!
//! It has no card until it is told of one. A key is done once, whatever is repeated, late or out of order; a
//! card that was released before it was asked for can not be set aside under that key any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use mpss_runtime::BoxFuture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::keys::{Keys, Whose};
use super::manner::{Fate, Temper};
use super::{at_once, over_http};
use crate::gateway::rail::Lost;
use crate::gateway::recharge::{
    RechargeAnswer, RechargeCall, RechargeLink, RechargeReason, RechargeRequest, RechargeVerb,
};

/// Where a card is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It can be used.
    #[default]
    Active,
    /// It was not activated, or it is locked.
    NotActive,
    /// Its last day is over.
    Expired,
    /// Kept for a key.
    SetAside,
    /// Used by a key.
    Used,
}

/// One card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// What it is worth, in fen.
    pub worth_fen: i64,
    /// Where it is: `active` when not given.
    #[serde(default)]
    pub state: Standing,
    /// Who has set it aside, or used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// What a platform keeps.
#[derive(Debug, Default)]
pub struct RechargeBook {
    cards: BTreeMap<String, Card>,
    keys: Keys<RechargeAnswer>,
    forbidden: BTreeSet<String>,
    /// Requests that changed a card.
    moved: u64,
}

impl RechargeBook {
    /// Answers a request. `refused` makes it refuse what it would do.
    pub fn answer(&mut self, request: &RechargeRequest, refused: Option<RechargeReason>) -> RechargeAnswer {
        self.keys.count();
        let call = match request {
            RechargeRequest::Query(key) => return self.keys.ask(key).unwrap_or(RechargeAnswer::NeverSeen),
            RechargeRequest::Call(call) => call,
        };
        if let Some(known) = self.keys.known(&call.key) {
            return known;
        }
        let answer = match refused.map_or_else(|| self.act(call), Err) {
            Ok(amount_fen) => {
                self.moved += 1;
                RechargeAnswer::Approved { reference: self.keys.next_reference('X'), amount_fen }
            }
            Err(reason) => RechargeAnswer::Declined { reason },
        };
        self.keys.keep(&call.key, answer)
    }

    fn act(&mut self, call: &RechargeCall) -> Result<Option<i64>, RechargeReason> {
        if call.verb == RechargeVerb::SetAside {
            let pin = call.pin.as_ref().ok_or(RechargeReason::Refused)?;
            if self.forbidden.contains(&call.key) {
                return Err(RechargeReason::NotSetAside);
            }
            let card = self.cards.get_mut(pin.reveal()).ok_or(RechargeReason::UnknownPin)?;
            match card.state {
                Standing::Active => (card.state, card.key) = (Standing::SetAside, Some(call.key.clone())),
                Standing::NotActive => return Err(RechargeReason::NotActive),
                Standing::Expired => return Err(RechargeReason::Expired),
                Standing::SetAside => return Err(RechargeReason::SetAside),
                Standing::Used => return Err(RechargeReason::Used),
            }
            return Ok(Some(card.worth_fen));
        }
        let of = call.of.clone().ok_or(RechargeReason::Refused)?;
        let kept = |card: &&mut Card| card.state == Standing::SetAside && card.key.as_ref() == Some(&of);
        let card = self.cards.values_mut().find(kept);
        match (call.verb, card) {
            (RechargeVerb::Use, Some(card)) => card.state = Standing::Used,
            (RechargeVerb::Use, None) => return Err(RechargeReason::NotSetAside),
            (_, card) => {
                self.forbidden.insert(of);
                if let Some(card) = card {
                    (card.state, card.key) = (Standing::Active, None);
                }
            }
        }
        Ok(None)
    }

    /// A card as it is now.
    #[must_use]
    pub fn card(&self, pin: &str) -> Option<&Card> {
        self.cards.get(pin)
    }

    /// Makes a card, or changes it.
    pub fn set_card(&mut self, pin: &str, card: Card) {
        self.cards.insert(pin.to_owned(), card);
    }

    /// What was used, in fen.
    #[must_use]
    pub fn used_fen(&self) -> i64 {
        let used = self.cards.values().filter(|card| card.state == Standing::Used);
        used.map(|card| card.worth_fen).sum()
    }

    /// How many cards are set aside.
    #[must_use]
    pub fn set_aside(&self) -> usize {
        self.cards.values().filter(|card| card.state == Standing::SetAside).count()
    }

    /// The most questions about one key.
    #[must_use]
    pub fn most_asked(&self) -> u32 {
        self.keys.most_asked()
    }

    /// Requests that came: all, and those that changed a card.
    #[must_use]
    pub const fn counts(&self) -> (u64, u64) {
        (self.keys.requests(), self.moved)
    }
}

/// The reason of this name; a plain refusal for others.
#[must_use]
pub fn reason_named(name: &str) -> RechargeReason {
    match name {
        "unknown_pin" => RechargeReason::UnknownPin,
        "used" => RechargeReason::Used,
        "expired" => RechargeReason::Expired,
        "set_aside" => RechargeReason::SetAside,
        "not_active" => RechargeReason::NotActive,
        "not_set_aside" => RechargeReason::NotSetAside,
        _ => RechargeReason::Refused,
    }
}

/// A simulated recharge platform behind HTTP. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RechargeSimulator {
    /// What it keeps.
    pub book: Arc<Mutex<RechargeBook>>,
    /// How it behaves.
    pub temper: Arc<Temper>,
    /// By PIN; only a `set_aside` names it.
    pins: Arc<Whose>,
}

impl RechargeSimulator {
    /// A platform without cards.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { book: Arc::default(), temper: Arc::new(Temper::new(seed)), pins: Arc::default() }
    }

    /// Its interface: calls in, behaviour and memory for testers.
    pub fn router(&self) -> Router {
        let routes = Router::new()
            .route("/recharge/v1/calls", post(call))
            .route("/recharge/v1/calls/{key}", get(query))
            .route("/simulator/recharge", get(show))
            .route("/simulator/recharge/cards/{pin}", put(set_card).get(show_card))
            .with_state(self.clone());
        self.temper
            .router("/simulator/recharge")
            .merge(self.temper.router_to("/simulator/recharge/cards/{pin}/manner"))
            .merge(routes)
    }

    /// What becomes of a request.
    fn fate(&self, request: &RechargeRequest) -> Fate {
        let key = match request {
            RechargeRequest::Call(call) => {
                if let Some(pin) = &call.pin {
                    self.pins.note(&call.key, pin.reveal());
                }
                call.of.as_ref().unwrap_or(&call.key)
            }
            RechargeRequest::Query(key) => key,
        };
        self.temper.fate_to(&self.pins.of(key))
    }

    async fn answered(&self, request: RechargeRequest) -> Response {
        let answer = |refused: Option<&str>| self.book.lock().answer(&request, refused.map(reason_named));
        over_http(self.fate(&request), |refused| Json(answer(refused)).into_response()).await
    }
}

async fn call(State(platform): State<RechargeSimulator>, Json(call): Json<RechargeCall>) -> Response {
    platform.answered(RechargeRequest::Call(call)).await
}

async fn query(State(platform): State<RechargeSimulator>, Path(key): Path<String>) -> Response {
    platform.answered(RechargeRequest::Query(key)).await
}

async fn show(State(platform): State<RechargeSimulator>) -> Json<serde_json::Value> {
    let manner = platform.temper.manner();
    let book = platform.book.lock();
    let (requests, moved) = book.counts();
    let (used_fen, most_asked) = (book.used_fen(), book.most_asked());
    Json(json!({
        "manner": manner, "requests": requests, "moved": moved, "used_fen": used_fen, "most_asked": most_asked,
    }))
}

async fn set_card(
    State(platform): State<RechargeSimulator>,
    Path(pin): Path<String>,
    Json(card): Json<Card>,
) -> Json<Card> {
    platform.book.lock().set_card(&pin, card.clone());
    Json(card)
}

async fn show_card(State(platform): State<RechargeSimulator>, Path(pin): Path<String>) -> Response {
    let card = platform.book.lock().card(&pin).cloned();
    card.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |card| Json(card).into_response())
}

impl RechargeLink for RechargeSimulator {
    fn exchange(&self, request: RechargeRequest, patience: Duration) -> BoxFuture<'_, Result<RechargeAnswer, Lost>> {
        at_once(&self.fate(&request), patience, |refused| self.book.lock().answer(&request, refused.map(reason_named)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::recharge::WirePin;

    fn call(key: &str, verb: RechargeVerb, pin: Option<&str>, of: Option<&str>) -> RechargeRequest {
        RechargeRequest::Call(RechargeCall {
            key: key.into(),
            verb,
            msisdn: "18900000001".into(),
            pin: pin.map(WirePin::new),
            of: of.map(str::to_owned),
        })
    }

    #[test]
    fn a_card_is_used_once_and_a_key_is_answered_the_same() {
        let mut book = RechargeBook::default();
        let card: Card = serde_json::from_str(r#"{"worth_fen": 5000}"#).expect("a card");
        book.set_card("12345678", card);
        let set_aside = |key| call(key, RechargeVerb::SetAside, Some("12345678"), None);
        let first = book.answer(&set_aside("a"), None);
        assert!(matches!(first, RechargeAnswer::Approved { amount_fen: Some(5_000), .. }), "{first:?}");
        assert_eq!(book.answer(&set_aside("a"), None), first);
        assert_eq!(book.answer(&RechargeRequest::Query("a".into()), None), first);
        let declined = |reason| RechargeAnswer::Declined { reason };
        assert_eq!(book.answer(&set_aside("b"), None), declined(RechargeReason::SetAside));
        let used = |key| call(key, RechargeVerb::Use, None, Some("a"));
        assert!(matches!(book.answer(&used("u"), None), RechargeAnswer::Approved { amount_fen: None, .. }));
        assert_eq!(book.answer(&used("v"), None), declined(RechargeReason::NotSetAside));
        assert_eq!(book.answer(&set_aside("c"), None), declined(RechargeReason::Used));
        let unknown = call("d", RechargeVerb::SetAside, Some("99999999"), None);
        assert_eq!(book.answer(&unknown, None), declined(RechargeReason::UnknownPin));
        assert_eq!(book.used_fen(), 5_000);
    }

    #[test]
    fn what_was_released_before_it_came_can_not_come() {
        let mut book = RechargeBook::default();
        book.set_card("12345678", Card { worth_fen: 100, state: Standing::Active, key: None });
        let release = call("r", RechargeVerb::Release, None, Some("a"));
        assert!(matches!(book.answer(&release, None), RechargeAnswer::Approved { .. }));
        let late = call("a", RechargeVerb::SetAside, Some("12345678"), None);
        let refused = RechargeAnswer::Declined { reason: RechargeReason::NotSetAside };
        assert_eq!(book.answer(&late, None), refused);
        assert_eq!(book.card("12345678").expect("made").state, Standing::Active);
    }

    /// The gateway and the simulator over a socket, with the manners a tester sets.
    #[tokio::test(flavor = "multi_thread")]
    async fn it_is_spoken_with_over_http() {
        use crate::gateway::recharge::HttpRecharge;

        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let (end, ended) = tokio::sync::watch::channel(false);
        let served = tokio::spawn(super::super::serve(listener, RechargeSimulator::new(1).router(), ended));
        let tester = reqwest::Client::new();
        let put = async |path: &str, body: serde_json::Value| {
            let answer = tester.put(format!("{url}{path}")).json(&body).send().await.expect("an answer");
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
        };
        let seen = async |path: &str| {
            let answer = tester.get(format!("{url}{path}")).send().await.expect("an answer");
            answer.json::<serde_json::Value>().await.expect("JSON")
        };
        put("/simulator/recharge/cards/12345678", json!({"worth_fen": 5_000})).await;
        let link = HttpRecharge::new(&url).expect("a client");
        let (long, short) = (Duration::from_secs(20), Duration::from_millis(150));
        let set_aside = call("a", RechargeVerb::SetAside, Some("12345678"), None);
        let query = || RechargeRequest::Query("a".into());
        assert_eq!(link.exchange(query(), long).await, Ok(RechargeAnswer::NeverSeen));

        // Done, and nobody hears of it; then it is asked about.
        put("/simulator/recharge/cards/12345678/manner", json!({"next": ["answer_lost"]})).await;
        assert_eq!(link.exchange(set_aside.clone(), short).await, Err(Lost::Unknown));
        let worth = RechargeAnswer::Approved { reference: "X00000000001".into(), amount_fen: Some(5_000) };
        assert_eq!(link.exchange(query(), long).await, Ok(worth.clone()));
        assert_eq!(link.exchange(set_aside.clone(), long).await, Ok(worth), "the same key is answered the same");
        assert_eq!(seen("/simulator/recharge/cards/12345678").await["state"], "set_aside");

        // Refused with a code, late, and lost: what is lost is not done.
        put("/simulator/recharge", json!({"next": ["refused"], "refusal": "expired"})).await;
        let other = call("b", RechargeVerb::SetAside, Some("87654321"), None);
        let expired = RechargeAnswer::Declined { reason: RechargeReason::Expired };
        assert_eq!(link.exchange(other, long).await, Ok(expired));
        put("/simulator/recharge/cards/12345678/manner", json!({"next": ["lost"], "latency_ms": 1})).await;
        let used = call("u", RechargeVerb::Use, None, Some("a"));
        assert_eq!(link.exchange(used.clone(), short).await, Err(Lost::Unknown));
        assert_eq!(seen("/simulator/recharge").await["used_fen"], 0);
        put("/simulator/recharge/cards/12345678/manner", json!({"next": ["late"], "late_ms": 5_000})).await;
        assert_eq!(link.exchange(used.clone(), short).await, Err(Lost::Unknown));
        let told = seen("/simulator/recharge").await;
        assert_eq!((&told["used_fen"], &told["most_asked"]), (&json!(5_000), &json!(2)), "{told}");
        assert!(matches!(link.exchange(used, long).await, Ok(RechargeAnswer::Approved { amount_fen: None, .. })));
        assert_eq!(seen("/simulator/recharge/cards/12345678").await["key"], "a");

        let _ = end.send(true);
        drop((link, tester));
        let _ = tokio::time::timeout(Duration::from_secs(5), served).await;
        let gone = HttpRecharge::new("http://127.0.0.1:1").expect("a client");
        assert_eq!(gone.exchange(query(), short).await, Err(Lost::NotSent), "nobody listens there");
    }
}
