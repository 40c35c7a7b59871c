//! Service providers. How one behaves is said by the first word of its address.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mpss_domain::Money;
use mpss_node::gateway::NoAnswer;
use mpss_node::gateway::sp::{Answer, BillAnswer, BillQuery, BillStatus, Notice, NoticeKind, SpGateway};
use mpss_runtime::{BoxFuture, Clock};
use parking_lot::Mutex;

use super::{Mood, Moods, PATIENCE, SILENCE};
use crate::oracle::{Oracles, Seen};
use crate::record::Hop;
use crate::world::{Exchanges, SeededRandom, SimClock, Trace};

const REFUSES: &str = "refuses";
const SILENT: &str = "silent";
const SLOW: &str = "slow";

/// What the SPs have done.
#[derive(Debug, Default)]
pub struct Deliveries {
    /// Orders an SP has said yes to; said once, said for ever.
    pub accepted: BTreeSet<String>,
    /// Orders an SP has refused.
    pub refused: BTreeSet<String>,
    /// Orders that were called off.
    pub cancelled: BTreeSet<String>,
    /// Notices that came, repeated ones included.
    pub notices: u64,
    /// Notices that came again.
    pub repeated: u64,
    /// Answers that were given and got lost.
    pub answers_lost: u64,
    /// Which order has paid a bill of an SP.
    pub bills: BTreeMap<(String, String), String>,
}

/// What is due on a bill, in fen: the digits at the end of its number; a number without has no bill.
#[must_use]
pub fn due_on(number: &str) -> Option<i64> {
    let fen = number.rsplit('-').next()?.parse().ok()?;
    (fen > 0).then_some(fen)
}

/// Service providers.
pub struct SimSps {
    clock: SimClock,
    random: Arc<SeededRandom>,
    trace: Trace,
    oracles: Oracles,
    exchanges: Exchanges,
    moods: Moods,
    /// Those who are silent speak again.
    awake: AtomicBool,
    done: Mutex<Deliveries>,
}

impl SimSps {
    /// SPs that can always be reached.
    #[must_use]
    pub fn new(
        clock: SimClock,
        random: Arc<SeededRandom>,
        trace: Trace,
        oracles: Oracles,
        exchanges: Exchanges,
    ) -> Arc<Self> {
        let (moods, awake, done) = (Moods::default(), AtomicBool::new(false), Mutex::default());
        Arc::new(Self { clock, random, trace, oracles, exchanges, moods, awake, done })
    }

    /// A mood holds from now on; gives its number.
    pub fn begin(&self, mood: Mood) -> u64 {
        self.moods.begin(mood)
    }

    /// It holds no more.
    pub fn end(&self, number: u64) {
        self.moods.end(number);
    }

    /// Those who were silent answer from now on: their faults are over too.
    pub fn wake(&self) {
        self.awake.store(true, Ordering::Relaxed);
    }

    /// What was done so far.
    pub fn look<R>(&self, look: impl FnOnce(&Deliveries) -> R) -> R {
        look(&self.done.lock())
    }

    /// The way to them from one machine.
    #[must_use]
    pub fn gateway(self: &Arc<Self>, machine: &str) -> Arc<dyn SpGateway> {
        Arc::new(Gateway { sps: self.clone(), machine: machine.to_owned() })
    }

    async fn answer(&self, machine: &str, url: &str, notices: Vec<Notice>) -> Result<Vec<Answer>, NoAnswer> {
        let mood = self.moods.now();
        let name = url.trim_start_matches("http://");
        let numbers = self.asked(machine, name, &notices);
        let slow = if name.starts_with(SLOW) { 4_000 } else { 30 };
        self.clock.sleep(Duration::from_millis(self.random.between(1, slow) + mood.late_ms)).await;
        let silent = name.starts_with(SILENT) && !self.awake.load(Ordering::Relaxed);
        if silent || self.random.happens(mood.lost) {
            self.clock.sleep(PATIENCE).await;
            return Err(SILENCE);
        }
        if self.random.happens(mood.refused) {
            return Err(NoAnswer::Status(500));
        }
        let times = 1 + usize::from(self.random.happens(mood.twice));
        let mut answers = Vec::new();
        for _ in 0..times {
            answers = notices.iter().map(|notice| self.decide(notice, name.starts_with(REFUSES))).collect();
        }
        let lost = self.random.happens(mood.lost);
        self.answered(machine, name, &numbers, &answers, lost);
        if lost {
            self.done.lock().answers_lost += 1;
            self.clock.sleep(PATIENCE).await;
            return Err(SILENCE);
        }
        Ok(answers)
    }

    fn decide(&self, notice: &Notice, refuses: bool) -> Answer {
        self.trace.mark(4, notice.notice_id.as_bytes());
        self.oracles.see(&Seen::Noticed { notice });
        let mut done = self.done.lock();
        done.notices += 1;
        let order = notice.order_id.clone();
        let known = done.accepted.contains(&order) || done.refused.contains(&order);
        done.repeated += u64::from(known && notice.kind == NoticeKind::Deliver);
        let bill = notice.bill_number.clone().map(|number| (notice.sp_id.clone(), number));
        let taken = bill.as_ref().and_then(|bill| done.bills.get(bill)).is_some_and(|payer| *payer != order);
        let result = match notice.kind {
            NoticeKind::Cancel => {
                done.cancelled.insert(order.clone());
                if let Some(bill) = bill.filter(|bill| done.bills.get(bill) == Some(&order)) {
                    done.bills.remove(&bill);
                }
                "accepted"
            }
            // A bill that another order has paid is not paid again.
            NoticeKind::Deliver if refuses || taken => {
                done.refused.insert(order.clone());
                "refused"
            }
            // What was called off before it was known is not delivered any more.
            NoticeKind::Deliver if done.cancelled.contains(&order) => "refused",
            NoticeKind::Deliver => {
                done.accepted.insert(order.clone());
                if let Some(bill) = bill {
                    done.bills.insert(bill, order.clone());
                }
                "accepted"
            }
        };
        Answer { order_id: order, result: result.to_owned() }
    }

    /// Says what is due on a bill.
    async fn bill(&self, url: &str, query: BillQuery) -> Result<BillAnswer, NoAnswer> {
        self.trace.mark(9, query.bill_number.as_bytes());
        let (mood, name) = (self.moods.now(), url.trim_start_matches("http://"));
        let slow = if name.starts_with(SLOW) { 4_000 } else { 30 };
        self.clock.sleep(Duration::from_millis(self.random.between(1, slow) + mood.late_ms)).await;
        if self.random.happens(mood.lost) {
            self.clock.sleep(PATIENCE).await;
            return Err(SILENCE);
        }
        if self.random.happens(mood.refused) {
            return Err(NoAnswer::Status(500));
        }
        let Some(fen) = due_on(&query.bill_number) else { return Ok(BillAnswer::UNKNOWN) };
        let customer = query.bill_number.split('-').next().map(str::to_owned);
        let is_paid = self.done.lock().bills.contains_key(&(query.sp_id, query.bill_number));
        let status = if is_paid { BillStatus::Paid } else { BillStatus::Due };
        let amount = Some(Money::fen(fen).to_string()).filter(|_| !is_paid);
        Ok(BillAnswer { status, amount, payer: None, period: None, customer })
    }

    fn asked(&self, machine: &str, name: &str, notices: &[Notice]) -> Vec<usize> {
        if !self.exchanges.are_kept() {
            return Vec::new();
        }
        let at_ms = self.clock.elapsed_ms();
        let hop = |notice: &Notice| {
            let what = match notice.kind {
                NoticeKind::Deliver => "deliver",
                NoticeKind::Cancel => "call off",
            };
            let (from, to) = (machine.to_owned(), format!("SP {name}"));
            Hop { at_ms, arrived_ms: Some(at_ms), from, to, what: what.to_owned() }
        };
        notices.iter().map(|notice| self.exchanges.asked(hop(notice), "", &[notice.order_id.as_bytes()])).collect()
    }

    fn answered(&self, machine: &str, name: &str, numbers: &[usize], answers: &[Answer], lost: bool) {
        let at_ms = self.clock.elapsed_ms();
        for (number, answer) in numbers.iter().zip(answers) {
            let (from, to) = (format!("SP {name}"), machine.to_owned());
            let arrived_ms = (!lost).then_some(at_ms);
            let hop = Hop { at_ms, arrived_ms, from, to, what: answer.result.clone() };
            self.exchanges.answered(*number, hop, &[]);
        }
    }
}

struct Gateway {
    sps: Arc<SimSps>,
    machine: String,
}

impl SpGateway for Gateway {
    fn bill<'a>(&'a self, url: &'a str, query: BillQuery) -> BoxFuture<'a, Result<BillAnswer, NoAnswer>> {
        Box::pin(self.sps.bill(url, query))
    }

    fn notify<'a>(&'a self, url: &'a str, notices: Vec<Notice>) -> BoxFuture<'a, Result<Vec<Answer>, NoAnswer>> {
        Box::pin(self.sps.answer(&self.machine, url, notices))
    }
}

impl std::fmt::Debug for SimSps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimSps")
    }
}
