//! The SMS centre.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mpss_node::gateway::NoAnswer;
use mpss_node::gateway::smsc::{SmsGateway, Text};
use mpss_runtime::{BoxFuture, Clock};
use parking_lot::Mutex;

use super::{Mood, Moods, PATIENCE, SILENCE};
use crate::oracle::{Oracles, Seen};
use crate::world::{SeededRandom, SimClock, Trace};

/// The SMS centre.
pub struct SimSmsc {
    clock: SimClock,
    random: Arc<SeededRandom>,
    trace: Trace,
    oracles: Oracles,
    moods: Moods,
    /// What came, by message id: how often.
    received: Mutex<BTreeMap<String, u32>>,
}

impl SimSmsc {
    /// A centre that can always be reached.
    #[must_use]
    pub fn new(clock: SimClock, random: Arc<SeededRandom>, trace: Trace, oracles: Oracles) -> Arc<Self> {
        Arc::new(Self { clock, random, trace, oracles, moods: Moods::default(), received: Mutex::default() })
    }

    /// A mood holds from now on; gives its number.
    pub fn begin(&self, mood: Mood) -> u64 {
        self.moods.begin(mood)
    }

    /// It holds no more.
    pub fn end(&self, number: u64) {
        self.moods.end(number);
    }

    /// Texts received, and how many of them came again.
    #[must_use]
    pub fn received(&self) -> (usize, usize) {
        let received = self.received.lock();
        (received.len(), received.values().filter(|times| **times > 1).count())
    }

    /// True when a text has come.
    #[must_use]
    pub fn has(&self, message_id: &str) -> bool {
        self.received.lock().contains_key(message_id)
    }

    /// The way to it.
    #[must_use]
    pub fn gateway(self: &Arc<Self>) -> Arc<dyn SmsGateway> {
        Arc::new(Gateway(self.clone()))
    }

    async fn send(&self, texts: Vec<Text>) -> Result<Vec<String>, NoAnswer> {
        let mood = self.moods.now();
        self.clock.sleep(Duration::from_millis(self.random.between(1, 20) + mood.late_ms)).await;
        if self.random.happens(mood.lost) {
            self.clock.sleep(PATIENCE).await;
            return Err(SILENCE);
        }
        if self.random.happens(mood.refused) {
            return Err(NoAnswer::Status(503));
        }
        let times = 1 + u32::from(self.random.happens(mood.twice));
        let mut accepted = Vec::new();
        for text in texts {
            self.trace.mark(5, text.message_id.as_bytes());
            self.oracles.see(&Seen::Text { message_id: &text.message_id });
            *self.received.lock().entry(text.message_id.clone()).or_default() += times;
            accepted.push(text.message_id);
        }
        if self.random.happens(mood.lost) {
            self.clock.sleep(PATIENCE).await;
            return Err(SILENCE);
        }
        Ok(accepted)
    }
}

struct Gateway(Arc<SimSmsc>);

impl SmsGateway for Gateway {
    fn send(&self, texts: Vec<Text>) -> BoxFuture<'_, Result<Vec<String>, NoAnswer>> {
        Box::pin(self.0.send(texts))
    }
}

impl std::fmt::Debug for SimSmsc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimSmsc")
    }
}
