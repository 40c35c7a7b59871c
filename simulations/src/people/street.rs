//! Where people ask: any node of a province, with the same request id on every try, until there is an
//! answer that is one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mpss_domain::ProvinceId;
use mpss_routing::http::NoReply;
use mpss_runtime::Clock;
use parking_lot::Mutex;
use serde_json::Value;

use super::{Ack, Told};
use crate::country::{Country, name_of};
use crate::record::{Ending, Operation};
use crate::world::SeededRandom;
use crate::world::clock::BEGIN_MS;
use crate::world::network::{HttpAsk, HttpReply};

/// Where callers come from.
pub(crate) const STREET: &str = "street";
/// How long one try may take.
const TRY_MAX: Duration = Duration::from_secs(20);
/// How long somebody keeps trying before the outcome is unknown.
const PATIENCE: Duration = Duration::from_secs(90);

/// Something to ask for.
#[derive(Debug, Clone)]
pub struct Question {
    /// Who asks.
    pub who: String,
    /// What kind of request it is, as a record names it.
    pub flow: &'static str,
    /// The province asked.
    pub province: ProvinceId,
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// The request id; empty for questions that change nothing.
    pub key: String,
    /// The body.
    pub body: Body,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub enum Body {
    /// Nothing.
    Nothing,
    /// JSON.
    Json(Value),
    /// JSON, signed with somebody's key.
    Signed(&'static [u8], Value),
    /// Anything, with its media type.
    Other(&'static str, Bytes),
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// The position in the province's log, when the answer names it.
    pub index: Option<u64>,
    /// It is the first answer again.
    pub replayed: bool,
    /// Tries it took.
    pub tries: u32,
    /// When it was first sent, in milliseconds since the run began.
    pub sent_ms: u64,
    /// When it came.
    pub answered_ms: u64,
}

impl Answer {
    /// It was done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A text of the body.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_default().to_owned()
    }
}

/// Where people ask. Cheap to clone.
#[derive(Clone)]
pub struct Street {
    country: Country,
    random: Arc<SeededRandom>,
    told: Arc<Mutex<Told>>,
}

impl Street {
    /// A street in this country.
    #[must_use]
    pub fn new(country: &Country) -> Self {
        Self { country: country.clone(), random: country.random().named(STREET), told: Arc::default() }
    }

    /// The country.
    #[must_use]
    pub fn country(&self) -> &Country {
        &self.country
    }

    /// What people were told.
    pub fn look<R>(&self, look: impl FnOnce(&Told) -> R) -> R {
        look(&self.told.lock())
    }

    /// Writes down what somebody was told.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Told)) {
        note(&mut self.told.lock());
    }

    /// Asks until there is an answer; nothing when there was none: the outcome is unknown.
    pub async fn ask(&self, question: &Question) -> Option<Answer> {
        self.ask_for(question, PATIENCE).await
    }

    /// The same, for so long at most.
    pub async fn ask_for(&self, question: &Question, patience: Duration) -> Option<Answer> {
        let clock = self.country.clock();
        let (sent_ms, until) = (clock.elapsed_ms(), clock.monotonic() + patience);
        let mut tries = 0;
        while clock.monotonic() < until {
            tries += 1;
            let node = name_of(question.province, self.random.between(1, self.country.plan().replicas));
            let pause = match self.try_once(&node, question).await {
                Ok(reply) if !matches!(reply.status, 429 | 503 | 504) => {
                    let answer = self.read(reply, tries, sent_ms);
                    self.write_down(question, tries, sent_ms, Some(&answer));
                    return Some(answer);
                }
                Ok(reply) => {
                    self.country.tally().count(&format!("told to come again: {}", reply.status));
                    200
                }
                Err(NoReply::NotSent) => 50,
                Err(NoReply::Unknown) => 10,
            };
            clock.sleep(Duration::from_millis(self.random.between(pause / 2, pause))).await;
        }
        self.write_down(question, tries, sent_ms, None);
        None
    }

    async fn try_once(&self, node: &str, question: &Question) -> Result<HttpReply, NoReply> {
        let (media, body) = match &question.body {
            Body::Nothing => ("application/json", Bytes::new()),
            Body::Json(value) | Body::Signed(_, value) => ("application/json", Bytes::from(value.to_string())),
            Body::Other(media, bytes) => (*media, bytes.clone()),
        };
        let mut headers = vec![("content-type".to_owned(), media.to_owned())];
        if !question.key.is_empty() {
            headers.push(("idempotency-key".to_owned(), question.key.clone()));
        }
        if let Body::Signed(key, _) = question.body {
            let at = BEGIN_MS.unsigned_abs() + self.country.clock().elapsed_ms();
            let signature = mpss_node::channel::http::signed(key, at, question.method, &question.path, &body);
            headers.push(("mpss-signature".to_owned(), signature));
        }
        let (method, path) = (question.method.to_owned(), question.path.clone());
        let ask = HttpAsk { method, path, headers, body };
        self.country.network().ask(STREET, &format!("{node}:80"), ask, TRY_MAX).await
    }

    fn read(&self, reply: HttpReply, tries: u32, sent_ms: u64) -> Answer {
        Answer {
            status: reply.status,
            body: serde_json::from_slice(&reply.body).unwrap_or(Value::Null),
            index: reply.header("mpss-log-index").and_then(|index| index.parse().ok()),
            replayed: reply.header("idempotent-replayed").is_some(),
            tries,
            sent_ms,
            answered_ms: self.country.clock().elapsed_ms(),
        }
    }

    /// Writes down a request and what came of it.
    pub(super) fn write_down(&self, question: &Question, tries: u32, sent_ms: u64, answer: Option<&Answer>) {
        let now = self.country.clock().elapsed_ms();
        let (result, code) = match answer {
            None => (Ending::Unknown, String::new()),
            Some(answer) if answer.is_done() => (Ending::Done, String::new()),
            Some(answer) => (Ending::Refused, answer.text("code")),
        };
        let flow = question.flow;
        let tally = self.country.tally();
        match result {
            Ending::Done => tally.count(&format!("done: {flow}")),
            Ending::Refused => tally.count(&format!("refused: {code}")),
            Ending::Unknown => tally.count("outcomes nobody was told"),
        }
        let mut told = self.told.lock();
        if let Some(answer) = answer.filter(|answer| answer.is_done())
            && let Some(index) = answer.index
        {
            let key = question.key.clone();
            // Whose position it is: an order names who took it, everything else is done at home.
            if let Some(province) = province_named(answer, question.province) {
                told.acks.push(Ack { province, key, index, at_ms: answer.answered_ms });
            }
        }
        told.operations.push(Operation {
            at_ms: sent_ms,
            took_ms: now - sent_ms,
            who: question.who.clone(),
            flow: flow.to_owned(),
            asked: question.province.to_string(),
            result,
            code,
            tries,
            order: answer.map(|answer| answer.text("order_id")).unwrap_or_default(),
        });
    }
}

/// The province whose log a position belongs to, by the id that the answer carries.
fn province_named(answer: &Answer, asked: ProvinceId) -> Option<ProvinceId> {
    for name in ["order_id", "transfer_id", "account_id", "top_up_id", "binding_id", "payment_id"] {
        if let Some(id) = answer.body[name].as_str() {
            return id.split('-').nth(1)?.parse().ok();
        }
    }
    Some(asked)
}

impl std::fmt::Debug for Street {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Street")
    }
}
