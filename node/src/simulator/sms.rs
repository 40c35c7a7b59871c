//! The simulated SMS centre: keeps texts by number, drops repetitions by `message_id`, and can
//! refuse, be slow, or lose its answers. With a node to bring them to it takes what a subscriber sends
//! (`POST /simulator/sms/{msisdn}/words`) and signs it, as often as a tester wants.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;

use super::nodes::{Heard, Nodes};
use super::remembered::Remembered;

/// Message ids remembered.
const MESSAGES_MAX: usize = 1_000_000;
/// Numbers remembered.
const NUMBERS_MAX: usize = 100_000;
/// Texts kept for one number; the oldest go first.
const TEXTS_PER_NUMBER_MAX: usize = 100;
/// Longest delay a slow centre can be given, in ms.
const DELAY_MS_MAX: u64 = 600_000;
/// How often the same words are brought at most.
const TIMES_MAX: u8 = 20;
/// Largest request, in bytes.
const BODY_BYTES_MAX: usize = 8 << 20;

/// Digits of a code.
const CODE_DIGITS: usize = 6;
/// What stands in front of the code in a text that asks, in either language.
const ASKS: [&str; 2] = ["请回复Y", "Reply Y"];

/// The code of a text that asks a subscriber to confirm.
#[must_use]
pub fn code_in(text: &str) -> Option<&str> {
    let behind = ASKS.iter().find_map(|asks| Some(text.split_once(asks)?.1))?;
    behind.get(..CODE_DIGITS).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))
}

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
    /// Messages of subscribers brought to nodes, repetitions included.
    #[serde(default)]
    pub words: u64,
}

/// What a subscriber sends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentWords {
    /// The words.
    pub text: String,
    /// How often the centre brings them: more than once when it did not hear our answer.
    #[serde(default = "once")]
    pub times: u8,
}

const fn once() -> u8 {
    1
}

struct Centre {
    behaviour: Behaviour,
    totals: Totals,
    message_ids: Remembered<()>,
    inboxes: Remembered<Inbox>,
    /// Whoever hears of each text once.
    listener: Option<mpsc::UnboundedSender<Text>>,
}

/// The SMS centre. Cheap to clone.
#[derive(Clone)]
pub struct SmsSimulator {
    centre: Arc<Mutex<Centre>>,
    /// Where what subscribers send is brought.
    nodes: Option<Arc<Nodes>>,
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
                listener: None,
            })),
            nodes: None,
        }
    }
}

impl SmsSimulator {
    /// A centre that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same centre, which brings what subscribers send to the nodes at `urls` and signs it with `key`.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub fn bringing_words_to(mut self, urls: &[String], key: Vec<u8>) -> Result<Self, reqwest::Error> {
        self.nodes = Some(Arc::new(Nodes::new(urls, key)?));
        Ok(self)
    }

    /// Every text that comes from now on, once.
    #[must_use]
    pub fn listen(&self) -> mpsc::UnboundedReceiver<Text> {
        let (listener, texts) = mpsc::unbounded_channel();
        self.centre.lock().listener = Some(listener);
        texts
    }

    /// A subscriber sends words: what the node answered, the last time.
    pub async fn send_words(&self, from: &str, words: &SentWords) -> Option<Heard> {
        let nodes = self.nodes.as_ref()?;
        let body = json!({ "from": from, "text": words.text });
        let body = serde_json::to_vec(&body).expect("two texts can be written as JSON");
        let mut heard = None;
        for _ in 0..words.times.clamp(1, TIMES_MAX) {
            let key = format!("words-{}", self.next_key());
            heard = Some(nodes.ask("POST", "/v1/sms/words", &key, &body).await);
        }
        heard
    }

    /// Another one for each message: the node knows repetitions by their words.
    fn next_key(&self) -> u64 {
        let mut centre = self.centre.lock();
        centre.totals.words += 1;
        centre.totals.words
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
            .route("/simulator/sms/{msisdn}/words", post(bring_words))
            .route("/simulator/sms/{msisdn}/handset", get(show_handset))
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
            if let Some(listener) = &self.listener {
                // Whoever has stopped listening misses nothing that anybody waits for.
                let _ = listener.send(message.clone());
            }
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

async fn bring_words(
    State(simulator): State<SmsSimulator>,
    Path(msisdn): Path<String>,
    Json(words): Json<SentWords>,
) -> Response {
    match simulator.send_words(&msisdn, &words).await {
        Some(heard) => Json(heard).into_response(),
        None => (StatusCode::CONFLICT, "start it with --node and --config, to bring words to a node").into_response(),
    }
}

async fn show_number(State(simulator): State<SmsSimulator>, Path(msisdn): Path<String>) -> Json<serde_json::Value> {
    let centre = simulator.centre.lock();
    let inbox = centre.inboxes.get(&msisdn).cloned().unwrap_or_default();
    Json(json!({ "msisdn": msisdn, "received": inbox.received, "texts": inbox.texts }))
}

/// The screen of a subscriber's phone, for people who would rather look than read JSON.
#[derive(askama::Template)]
#[template(path = "simulator/handset.html")]
struct Handset {
    msisdn: String,
    received: u64,
    /// The newest first.
    texts: Vec<Text>,
}

async fn show_handset(State(simulator): State<SmsSimulator>, Path(msisdn): Path<String>) -> Response {
    let Inbox { received, texts } = simulator.centre.lock().inboxes.get(&msisdn).cloned().unwrap_or_default();
    let handset = Handset { msisdn, received, texts: texts.into_iter().rev().collect() };
    match handset.render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests;
