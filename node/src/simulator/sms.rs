//! The simulated SMS centre: keeps texts by number, drops repetitions by `message_id`, and can
//! refuse, be slow, or lose its answers.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::remembered::Remembered;

/// Message ids remembered.
const MESSAGES_MAX: usize = 1_000_000;
/// Numbers remembered.
const NUMBERS_MAX: usize = 100_000;
/// Texts kept for one number; the oldest go first.
const TEXTS_PER_NUMBER_MAX: usize = 100;
/// Longest delay a slow centre can be given, in ms.
const DELAY_MS_MAX: u64 = 600_000;
/// Largest request, in bytes.
const BODY_BYTES_MAX: usize = 8 << 20;

/// How the centre answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Takes every text.
    #[default]
    Accepts,
    /// Takes none: 503.
    Refuses,
    /// Takes every text and answers 500, so that the sender believes it failed.
    LosesAnswers,
    /// Takes every text after `delay_ms`.
    Slow,
}

/// How the centre behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// How it answers.
    pub mode: Mode,
    /// How long a slow centre takes, in ms.
    #[serde(default)]
    pub delay_ms: u64,
}

/// A text as it reached the centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The sender's id; a repetition has the same.
    pub message_id: String,
    /// To whom.
    pub to: String,
    /// What.
    pub text: String,
    /// In which language.
    #[serde(default)]
    pub language: String,
}

/// What one number was sent.
#[derive(Debug, Clone, Default)]
struct Inbox {
    received: u64,
    texts: std::collections::VecDeque<Text>,
}

/// How many texts reached the centre.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Requests.
    pub requests: u64,
    /// Texts, each counted once.
    pub texts: u64,
    /// Texts that came again.
    pub repetitions: u64,
    /// Texts turned away.
    pub refused: u64,
}

struct Centre {
    behaviour: Behaviour,
    totals: Totals,
    message_ids: Remembered<()>,
    inboxes: Remembered<Inbox>,
}

/// The SMS centre. Cheap to clone.
#[derive(Clone)]
pub struct SmsSimulator {
    centre: Arc<Mutex<Centre>>,
}

impl std::fmt::Debug for SmsSimulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmsSimulator").field("totals", &self.totals()).finish()
    }
}

impl Default for SmsSimulator {
    fn default() -> Self {
        Self {
            centre: Arc::new(Mutex::new(Centre {
                behaviour: Behaviour::default(),
                totals: Totals::default(),
                message_ids: Remembered::new(MESSAGES_MAX),
                inboxes: Remembered::new(NUMBERS_MAX),
            })),
        }
    }
}

impl SmsSimulator {
    /// A centre that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how the centre behaves from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.centre.lock().behaviour = behaviour;
    }

    /// How many texts reached it.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.centre.lock().totals
    }

    /// The centre's interface: texts in, behaviour and memory for testers.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/messages", post(take_messages))
            .route("/simulator/sms", get(show_totals).put(set_behaviour))
            .route("/simulator/sms/{msisdn}", get(show_number))
            .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(self.clone())
    }
}

/// What the centre is sent.
#[derive(Debug, Deserialize)]
struct Messages {
    messages: Vec<Text>,
}

impl Centre {
    fn take(&mut self, messages: Vec<Text>) {
        for message in messages {
            if !self.message_ids.note(&message.message_id) {
                self.totals.repetitions += 1;
                continue;
            }
            self.totals.texts += 1;
            let inbox = self.inboxes.entry(&message.to, Inbox::default);
            inbox.received += 1;
            if inbox.texts.len() >= TEXTS_PER_NUMBER_MAX {
                inbox.texts.pop_front();
            }
            inbox.texts.push_back(message);
        }
    }
}

async fn take_messages(State(simulator): State<SmsSimulator>, Json(request): Json<Messages>) -> Response {
    let ids: Vec<_> = request.messages.iter().map(|message| message.message_id.clone()).collect();
    let behaviour = {
        let mut centre = simulator.centre.lock();
        centre.totals.requests += 1;
        if centre.behaviour.mode == Mode::Refuses {
            centre.totals.refused += ids.len() as u64;
        } else {
            centre.take(request.messages);
        }
        centre.behaviour
    };
    match behaviour.mode {
        Mode::Refuses => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mode::LosesAnswers => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mode::Slow => tokio::time::sleep(Duration::from_millis(behaviour.delay_ms.min(DELAY_MS_MAX))).await,
        Mode::Accepts => {}
    }
    Json(json!({ "accepted": ids })).into_response()
}

async fn set_behaviour(State(simulator): State<SmsSimulator>, Json(behaviour): Json<Behaviour>) -> Json<Behaviour> {
    simulator.behave(behaviour);
    Json(behaviour)
}

async fn show_totals(State(simulator): State<SmsSimulator>) -> Json<serde_json::Value> {
    let centre = simulator.centre.lock();
    Json(json!({ "behaviour": centre.behaviour, "totals": centre.totals }))
}

async fn show_number(State(simulator): State<SmsSimulator>, Path(msisdn): Path<String>) -> Json<serde_json::Value> {
    let centre = simulator.centre.lock();
    let inbox = centre.inboxes.get(&msisdn).cloned().unwrap_or_default();
    Json(json!({ "msisdn": msisdn, "received": inbox.received, "texts": inbox.texts }))
}

#[cfg(test)]
mod tests;
