//! Who stands outside: service providers and the SMS centre, each with its own ways.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mpss_node::gateway::NoAnswer;
use mpss_node::gateway::smsc::{SmsGateway, Text};
use mpss_node::gateway::sp::{Answer, Notice, NoticeKind, SpGateway};
use mpss_runtime::{BoxFuture, Clock};
use parking_lot::Mutex;

use crate::world::{SeededRandom, SimClock, Trace};

/// What a node hears of a request that nobody answers.
const SILENCE: NoAnswer = NoAnswer::Status(504);
/// How long a silent party is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How an SP behaves, by the first word of its address.
const REFUSES: &str = "refuses";
const SILENT: &str = "silent";
const SLOW: &str = "slow";

/// What the SPs have done.
#[derive(Debug, Default)]
pub struct Deliveries {
    /// Orders each SP has said yes to; said once, said for ever.
    pub accepted: BTreeSet<String>,
    /// Orders each SP has refused.
    pub refused: BTreeSet<String>,
    /// Orders that were called off.
    pub cancelled: BTreeSet<String>,
    /// Notices that came, repeated ones included.
    pub notices: u64,
    /// Answers that were given and got lost.
    pub answers_lost: u64,
}

/// Service providers.
pub struct SimSps {
    clock: SimClock,
    random: Arc<SeededRandom>,
    trace: Trace,
    /// Requests or answers that get lost, in parts of a million.
    lost: Mutex<u32>,
    /// Those who are silent speak again.
    awake: AtomicBool,
    done: Mutex<Deliveries>,
}

impl SimSps {
    /// SPs that can always be reached.
    #[must_use]
    pub fn new(clock: SimClock, random: Arc<SeededRandom>, trace: Trace) -> Arc<Self> {
        Arc::new(Self {
            clock,
            random,
            trace,
            lost: Mutex::new(0),
            awake: AtomicBool::new(false),
            done: Mutex::default(),
        })
    }

    /// Sets how many requests and answers get lost.
    pub fn set_lost(&self, parts: u32) {
        *self.lost.lock() = parts;
    }

    /// Those who were silent answer from now on: their faults are over too.
    pub fn wake(&self) {
        self.awake.store(true, Ordering::Relaxed);
    }

    /// What was done so far.
    pub fn look<R>(&self, look: impl FnOnce(&Deliveries) -> R) -> R {
        look(&self.done.lock())
    }

    async fn answer(&self, url: &str, notices: Vec<Notice>) -> Result<Vec<Answer>, NoAnswer> {
        let lost = *self.lost.lock();
        let name = url.trim_start_matches("http://");
        let slow = if name.starts_with(SLOW) { 4_000 } else { 30 };
        self.clock.sleep(Duration::from_millis(self.random.between(1, slow))).await;
        let silent = name.starts_with(SILENT) && !self.awake.load(Ordering::Relaxed);
        if silent || self.random.happens(lost) {
            self.clock.sleep(PATIENCE).await;
            return Err(SILENCE);
        }
        let answers = {
            let mut done = self.done.lock();
            notices.iter().map(|notice| decide(&mut done, notice, name.starts_with(REFUSES))).collect()
        };
        for notice in &notices {
            self.trace.mark(4, notice.notice_id.as_bytes());
        }
        if self.random.happens(lost) {
            self.done.lock().answers_lost += 1;
            self.clock.sleep(PATIENCE).await;
            return Err(SILENCE);
        }
        Ok(answers)
    }
}

fn decide(done: &mut Deliveries, notice: &Notice, refuses: bool) -> Answer {
    done.notices += 1;
    let order = notice.order_id.clone();
    let result = match notice.kind {
        NoticeKind::Cancel => {
            done.cancelled.insert(order.clone());
            "accepted"
        }
        NoticeKind::Deliver if refuses => {
            done.refused.insert(order.clone());
            "refused"
        }
        // What was called off before it was known is not delivered any more.
        NoticeKind::Deliver if done.cancelled.contains(&order) => "refused",
        NoticeKind::Deliver => {
            done.accepted.insert(order.clone());
            "accepted"
        }
    };
    Answer { order_id: order, result: result.to_owned() }
}

impl SpGateway for SimSps {
    fn notify<'a>(&'a self, url: &'a str, notices: Vec<Notice>) -> BoxFuture<'a, Result<Vec<Answer>, NoAnswer>> {
        Box::pin(self.answer(url, notices))
    }
}

impl std::fmt::Debug for SimSps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimSps")
    }
}

/// The SMS centre.
pub struct SimSmsc {
    clock: SimClock,
    random: Arc<SeededRandom>,
    trace: Trace,
    lost: Mutex<u32>,
    /// What came, by message id: how often.
    received: Mutex<BTreeMap<String, u32>>,
}

impl SimSmsc {
    /// A centre that can always be reached.
    #[must_use]
    pub fn new(clock: SimClock, random: Arc<SeededRandom>, trace: Trace) -> Arc<Self> {
        Arc::new(Self { clock, random, trace, lost: Mutex::new(0), received: Mutex::default() })
    }

    /// Sets how many requests and answers get lost, in parts of a million.
    pub fn set_lost(&self, parts: u32) {
        *self.lost.lock() = parts;
    }

    /// Texts received, and how many of them came again.
    #[must_use]
    pub fn received(&self) -> (usize, usize) {
        let received = self.received.lock();
        (received.len(), received.values().filter(|times| **times > 1).count())
    }
}

impl SmsGateway for SimSmsc {
    fn send(&self, texts: Vec<Text>) -> BoxFuture<'_, Result<Vec<String>, NoAnswer>> {
        Box::pin(async move {
            let lost = *self.lost.lock();
            self.clock.sleep(Duration::from_millis(self.random.between(1, 20))).await;
            if self.random.happens(lost) {
                self.clock.sleep(PATIENCE).await;
                return Err(SILENCE);
            }
            let mut accepted = Vec::new();
            for text in texts {
                self.trace.mark(5, text.message_id.as_bytes());
                *self.received.lock().entry(text.message_id.clone()).or_default() += 1;
                accepted.push(text.message_id);
            }
            if self.random.happens(lost) {
                self.clock.sleep(PATIENCE).await;
                return Err(SILENCE);
            }
            Ok(accepted)
        })
    }
}

impl std::fmt::Debug for SimSmsc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimSmsc")
    }
}
