//! Subscribers who answer when they are asked by text.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::Sandbox;
use super::cast::Cast;
use crate::simulator::sms::{SentWords, SmsSimulator, code_in};

/// Longest time that somebody takes, in ms.
const AFTER_MS_MAX: u64 = 600_000;
/// How often somebody answers whom the platform does not hear.
const TRIES_MAX: u32 = 100;
/// Pause before that.
const PAUSE: Duration = Duration::from_millis(250);
/// What somebody answers who is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answers {
    #[default]
    Yes,
    No,
    Silent,
}

/// How somebody behaves who is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Behaviour {
    answers: Answers,
    /// After so many ms.
    #[serde(default)]
    after_ms: u64,
}

/// Everybody. Cheap to clone.
#[derive(Clone)]
pub(super) struct Subscribers(Arc<Mutex<BTreeMap<String, Behaviour>>>);

impl Subscribers {
    /// Those of this cast; whoever is asked and is not among them says yes.
    pub(super) fn of(cast: &Cast) -> Self {
        let all = cast.subscribers.iter().flat_map(|(name, numbers)| {
            let answers = match *name {
                "no" => Answers::No,
                "silent" => Answers::Silent,
                _ => Answers::Yes,
            };
            numbers.iter().map(move |msisdn| (msisdn.clone(), Behaviour { answers, after_ms: 0 }))
        });
        Self(Arc::new(Mutex::new(all.collect())))
    }

    /// Answers every text that asks, until the SMS centre is gone.
    pub(super) async fn answer(self, sms: SmsSimulator) {
        let mut texts = sms.listen();
        while let Some(text) = texts.recv().await {
            let Some(code) = code_in(&text.text) else { continue };
            let Behaviour { answers, after_ms } = self.0.lock().get(&text.to).copied().unwrap_or_default();
            let word = match answers {
                Answers::Yes => 'Y',
                Answers::No => 'N',
                Answers::Silent => continue,
            };
            let words = SentWords { text: format!("{word}{code}"), times: 1 };
            let sms = sms.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(after_ms.min(AFTER_MS_MAX))).await;
                for _ in 0..TRIES_MAX {
                    let heard = sms.send_words(&text.to, &words).await;
                    if heard.is_none_or(|heard| heard.is_answer()) {
                        break;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
    }
}

/// How this number behaves from now on.
pub(super) async fn behave(
    State(sandbox): State<Sandbox>,
    Path(msisdn): Path<String>,
    Json(behaviour): Json<Behaviour>,
) -> Json<Behaviour> {
    sandbox.subscribers.0.lock().insert(msisdn, behaviour);
    Json(behaviour)
}
