//! What a simulated bank does about cards that subscribers want to be bound: it takes the notice, and answers at a
//! node as its scenario says.
//!
//! ```text
//!  node ─▶ POST /bank/v1/notices ─▶ remembered by the wish, however often it comes
//!                 └─ once ─▶ binds ─signed─▶ POST /v1/bank/bindings
//!                            refuses ──────▶ POST /v1/bank/wishes/{id}/refusal
//!                            silent: nothing; it lapses
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::gateway::bank::iso8583::Pan;
use crate::gateway::bank::notices::WishNotice;
use crate::simulator::nodes::{Heard, Nodes};
use crate::simulator::signed::Signed;

/// How often an answer is tried that no node takes, and the pause between.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// What is answered to a wish.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WishAnswer {
    /// The card is bound.
    #[default]
    Binds,
    /// It is not.
    Refuses,
    /// Nobody says.
    Silent,
}

/// How wishes are answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WishScenario {
    /// What.
    pub answer: WishAnswer,
    /// Why, when it refuses.
    pub reason: String,
    /// The mode of a card that is bound.
    pub mode: String,
    /// So long after the notice, in ms.
    pub after_ms: u64,
    /// Notices are not taken: 503.
    pub deaf: bool,
}

impl Default for WishScenario {
    fn default() -> Self {
        let (reason, mode) = ("not_said".into(), "real_time".into());
        Self { answer: WishAnswer::Binds, reason, mode, after_ms: 0, deaf: false }
    }
}

/// A wish as the bank remembers it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HeardWish {
    /// Whose number.
    pub msisdn: String,
    /// The card, masked.
    pub card: String,
    /// How often it was told.
    pub notices: u32,
    /// What the node answered to the bank's answer.
    pub answered: Option<Heard>,
}

/// What the bank knows of wishes and bindings.
#[derive(Debug, Default)]
pub(super) struct WishBook {
    wishes: BTreeMap<String, HeardWish>,
    scenario: WishScenario,
    /// How bindings stand, as it was told last.
    bindings: BTreeMap<String, String>,
}

/// The bank's desk for wishes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WishDesk {
    book: Arc<Mutex<WishBook>>,
    nodes: Arc<Nodes>,
}

impl WishDesk {
    /// A desk that answers at the node at `url`, and signs with `key`.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub fn new(url: &str, key: Vec<u8>) -> Result<Self, reqwest::Error> {
        Ok(Self { book: Arc::default(), nodes: Arc::new(Nodes::new(&[url.to_owned()], key)?) })
    }

    /// How wishes are answered from now on.
    pub fn play(&self, scenario: WishScenario) {
        self.book.lock().scenario = scenario;
    }

    /// A wish as it is remembered.
    #[must_use]
    pub fn wish(&self, id: &str) -> Option<HeardWish> {
        self.book.lock().wishes.get(id).cloned()
    }

    /// How a binding stands, as the bank was told last.
    #[must_use]
    pub fn binding(&self, id: &str) -> Option<String> {
        self.book.lock().bindings.get(id).cloned()
    }

    /// Notices in; scenario and memory for testers.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/bank/v1/notices", post(notice))
            .route("/simulator/bank/wishes", put(play))
            .route("/simulator/bank/wishes/{id}", get(show))
            .with_state(self.clone())
    }

    /// Takes a wish; true when it is the first time.
    fn take(&self, notice: &WishNotice, card: &Pan) -> bool {
        let mut book = self.book.lock();
        let wish = book.wishes.entry(notice.wish_id.clone()).or_default();
        (wish.msisdn, wish.card) = (notice.msisdn.clone(), card.to_string());
        wish.notices += 1;
        wish.notices == 1
    }

    async fn answer(self, notice: WishNotice, scenario: WishScenario) {
        if scenario.after_ms > 0 {
            tokio::time::sleep(Duration::from_millis(scenario.after_ms)).await;
        }
        let (target, body) = match scenario.answer {
            WishAnswer::Silent => return,
            WishAnswer::Refuses => {
                (format!("/v1/bank/wishes/{}/refusal", notice.wish_id), json!({"reason": scenario.reason}))
            }
            WishAnswer::Binds => (
                "/v1/bank/bindings".to_owned(),
                json!({
                    "msisdn": notice.msisdn, "bank": notice.bank, "card_token": token_of(&notice.card_number),
                    "card_last_four": notice.card_number[notice.card_number.len() - 4..], "mode": scenario.mode,
                    "holder_checked": true, "wish_id": notice.wish_id,
                }),
            ),
        };
        let body = serde_json::to_vec(&body).expect("a value is JSON");
        let key = format!("answer-{}", notice.wish_id);
        for _ in 0..TRIES {
            let heard = self.nodes.ask("POST", &target, &key, &body).await;
            let open = heard.status == 0 || heard.status == 429 || heard.status >= 500;
            if let Some(wish) = self.book.lock().wishes.get_mut(&notice.wish_id) {
                wish.answered = Some(heard);
            }
            if !open {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What stands for a card between the bank and a province; not its number.
#[must_use]
pub fn token_of(card_number: &str) -> String {
    let mixed = card_number
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("62{:017}", mixed % 100_000_000_000_000_000)
}

async fn notice(State(desk): State<WishDesk>, signed: Signed, body: Bytes) -> Response {
    if !signed.is_with(desk.nodes.key(), &body) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let scenario = desk.book.lock().scenario.clone();
    if scenario.deaf {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if let Ok(notice) = serde_json::from_slice::<WishNotice>(&body) {
        let Some(card) = Pan::new(&notice.card_number) else { return StatusCode::BAD_REQUEST.into_response() };
        if desk.take(&notice, &card) {
            tokio::spawn(desk.clone().answer(notice, scenario));
        }
        return StatusCode::NO_CONTENT.into_response();
    }
    let told: Option<Value> = serde_json::from_slice(&body).ok();
    let told =
        told.and_then(|told| Some((told["binding_id"].as_str()?.to_owned(), told["status"].as_str()?.to_owned())));
    let Some((binding, status)) = told else { return StatusCode::BAD_REQUEST.into_response() };
    desk.book.lock().bindings.insert(binding, status);
    StatusCode::NO_CONTENT.into_response()
}

async fn play(State(desk): State<WishDesk>, Json(scenario): Json<WishScenario>) -> Json<WishScenario> {
    desk.play(scenario.clone());
    Json(scenario)
}

async fn show(State(desk): State<WishDesk>, Path(id): Path<String>) -> Response {
    desk.wish(&id).map_or_else(|| StatusCode::NOT_FOUND.into_response(), |wish| Json(wish).into_response())
}
