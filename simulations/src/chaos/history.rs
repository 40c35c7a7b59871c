//! What callers saw: every request with its begin, its end and what came of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::processes::client::Answer;
use crate::processes::trade::province_of;
use crate::record::Line;

/// Events shown around a violation.
const AROUND_MAX: usize = 30;

/// One request of a caller, with all its tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Who asked; each asks one thing after the other.
    pub caller: usize,
    /// What kind: `local`, `roaming`, `balance`, …
    pub flow: &'static str,
    /// The province asked.
    pub asked: String,
    /// The request id; nothing for a question.
    pub key: Option<String>,
    /// Whom it is about: a number, an account, an order.
    pub about: String,
    /// When it was first sent, since the beginning.
    pub begun: Duration,
    /// When its answer came, or its caller gave up.
    pub ended: Duration,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and told so.
    Done {
        /// The answer's position: whose log, and which entry.
        at: Option<(String, u64)>,
        /// An account's balance there, as it was told.
        balance: Option<String>,
        /// It is the first answer to the same request again.
        again: bool,
    },
    /// Refused, with the refusal's code.
    Refused(String),
    /// Nobody was told.
    Unknown(String),
}

impl Outcome {
    /// What an answer, or none, means.
    #[must_use]
    pub fn of(answer: &Result<Answer, String>) -> Self {
        match answer {
            Ok(answer) if answer.is_success() => Self::Done {
                at: position(&answer.body),
                balance: answer.body["balance"].as_str().map(str::to_owned),
                again: answer.replayed,
            },
            Ok(answer) => Self::Refused(answer.code().to_owned()),
            Err(why) => Self::Unknown(why.clone()),
        }
    }
}

/// The log entry an answer stands at: the province is the one that the id of what is shown names.
fn position(body: &Value) -> Option<(String, u64)> {
    let index = body["log_index"].as_u64()?;
    // A refund shows the order beside its own part, a top-up the account.
    let id = ["order_id", "transfer_id", "account_id"].iter().find_map(|name| body[*name].as_str());
    let id = id.or_else(|| body["order"]["order_id"].as_str())?;
    Some((province_of(id).to_owned(), index))
}

/// All events so far.
#[derive(Debug)]
pub struct History {
    begun: Instant,
    events: Mutex<Vec<Event>>,
}

impl Default for History {
    fn default() -> Self {
        Self { begun: Instant::now(), events: Mutex::default() }
    }
}

/// How requests of one kind ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Endings {
    /// Done, and told so.
    pub done: u64,
    /// Refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// Nobody was told.
    pub unknown: u64,
}

impl History {
    /// Since the beginning.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Writes one down.
    pub fn note(&self, event: Event) {
        self.lock().push(event);
    }

    /// All, in the order they ended.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.lock().clone()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// By kind, how they ended.
    #[must_use]
    pub fn endings(&self) -> BTreeMap<String, Endings> {
        let mut endings: BTreeMap<String, Endings> = BTreeMap::new();
        for event in &*self.lock() {
            let endings = endings.entry(event.flow.to_owned()).or_default();
            match &event.outcome {
                Outcome::Done { .. } => endings.done += 1,
                Outcome::Refused(code) => *endings.refused.entry(code.clone()).or_default() += 1,
                Outcome::Unknown(_) => endings.unknown += 1,
            }
        }
        endings
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The events that were under way between these two moments, for a reader, oldest first; the last ones
/// when there are too many.
#[must_use]
pub fn around(events: &[Event], from: Duration, to: Duration) -> Vec<Line> {
    let mut near: Vec<&Event> = events.iter().filter(|event| event.ended >= from && event.begun <= to).collect();
    near.sort_by_key(|event| (event.begun, event.ended));
    let dropped = near.len().saturating_sub(AROUND_MAX);
    near[dropped..].iter().map(|event| line(event)).collect()
}

/// One event, for a reader.
#[must_use]
pub fn line(event: &Event) -> Line {
    let Event { caller, flow, asked, key, about, begun, ended, outcome } = event;
    let took = ended.saturating_sub(*begun).as_millis();
    let key = key.as_deref().unwrap_or("-");
    let what = match outcome {
        Outcome::Done { at, balance, again } => {
            let at = at.as_ref().map(|(province, index)| format!(" at {province}/{index}")).unwrap_or_default();
            let balance = balance.as_ref().map(|balance| format!(", balance {balance}")).unwrap_or_default();
            format!("done{at}{balance}{}", if *again { ", told before" } else { "" })
        }
        Outcome::Refused(code) => format!("refused {code}"),
        Outcome::Unknown(why) => format!("unknown: {why}"),
    };
    let at_ms = u64::try_from(begun.as_millis()).unwrap_or(u64::MAX);
    Line { at_ms, what: format!("+{took} ms caller {caller} {flow} at {asked}, {about}, key {key}: {what}") }
}
