//! Whoever has the money of accounts outside: the ISMP and a bank, with the books of the simulators
//! that the program ships, in virtual time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::{Msisdn, ProvinceId};
use mpss_node::gateway::bank::iso8583::{Institution, Message, ResponseCode, SwitchFailure, Transaction};
use mpss_node::gateway::bank::rail::{Acquirer, BankLink, BankRail};
use mpss_node::gateway::ismp::{IsmpLink, IsmpRail, IsmpReason, IsmpReply, IsmpRequest, IsmpVerb};
use mpss_node::gateway::rail::Lost;
use mpss_node::node::Rails;
use mpss_node::simulator::bank::BankHost;
use mpss_node::simulator::ismp::IsmpBook;
use mpss_runtime::{BoxFuture, Clock, Spawner};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Mood, Moods};
use crate::world::{SeededRandom, SimClock, SimSpawner, Trace};

/// What the bank signs its requests with.
pub(crate) const BANK_KEY: &[u8] = b"the bank's own key, thirty-two by";

/// The card of a subscriber, as the bank names it to us.
#[must_use]
pub fn token_of(msisdn: Msisdn) -> String {
    format!("62{:017}", msisdn.number())
}

/// The ISMP and the bank.
pub struct SimRails {
    clock: SimClock,
    random: Arc<SeededRandom>,
    trace: Trace,
    ismp: Mutex<IsmpBook>,
    bank: Mutex<BankHost>,
    ismp_moods: Moods,
    bank_moods: Moods,
}

/// What becomes of one request.
enum Way {
    /// It never arrives, or its answer does not; whether it was done.
    Silence { done: bool },
    /// It is answered after so long, so many times, refused or not.
    Answer { after: Duration, times: u32, refused: bool },
}

impl SimRails {
    /// Peers that can always be reached.
    #[must_use]
    pub fn new(clock: SimClock, random: Arc<SeededRandom>, trace: Trace) -> Arc<Self> {
        let (ismp, bank) = (Mutex::default(), Mutex::default());
        Arc::new(Self { clock, random, trace, ismp, bank, ismp_moods: Moods::default(), bank_moods: Moods::default() })
    }

    /// A mood of the ISMP, or of the bank, holds from now on; gives its number.
    pub fn begin(&self, is_bank: bool, mood: Mood) -> u64 {
        if is_bank { self.bank_moods.begin(mood) } else { self.ismp_moods.begin(mood) }
    }

    /// It holds no more.
    pub fn end(&self, is_bank: bool, number: u64) {
        if is_bank { self.bank_moods.end(number) } else { self.ismp_moods.end(number) }
    }

    /// What the ISMP keeps.
    pub fn look_at_ismp<R>(&self, look: impl FnOnce(&IsmpBook) -> R) -> R {
        look(&self.ismp.lock())
    }

    /// What the bank keeps.
    pub fn look_at_bank<R>(&self, look: impl FnOnce(&BankHost) -> R) -> R {
        look(&self.bank.lock())
    }

    /// The ways of one process of a province to them.
    #[must_use]
    pub fn ways(self: &Arc<Self>, province: ProvinceId, spawner: &SimSpawner) -> Rails {
        let acquirer = Acquirer {
            institution: Institution::new(&format!("0001{province}00")).expect("a code"),
            forwarder: None,
            terminal: "MPSS0001".into(),
            merchant: "898110048140001".into(),
            merchant_category: "4814".into(),
            switch_failure: SwitchFailure::Unknown,
        };
        let to_bank = ToBank { rails: self.clone(), late: Arc::default(), spawner: spawner.clone() };
        Rails {
            ismp: Some(Arc::new(IsmpRail::new(Arc::new(ToIsmp(self.clone()))))),
            bank: Some(Arc::new(BankRail::new(Arc::new(to_bank), acquirer))),
            // Nobody in a simulated country has a recharge card.
            recharge: None,
            // Nor is there a UPP.
            upp: None,
            upp_door_key: None,
            upp_notices: None,
            bank_door_key: Some(BANK_KEY.into()),
            bank_notices: None,
        }
    }

    fn way(&self, mood: Mood, slow_ms: u64) -> Way {
        if self.random.happens(mood.lost) {
            return Way::Silence { done: self.random.happens(500_000) };
        }
        let after = Duration::from_millis(self.random.between(1, slow_ms) + mood.late_ms);
        let times = 1 + u32::from(self.random.happens(mood.twice));
        Way::Answer { after, times, refused: self.random.happens(mood.refused) }
    }
}

struct ToIsmp(Arc<SimRails>);

impl ToIsmp {
    async fn ask(&self, request: IsmpRequest, patience: Duration) -> Result<IsmpReply, Lost> {
        let rails = &self.0;
        rails.trace.mark(6, format!("{request:?}").as_bytes());
        // A question about a line moves nothing; nobody is asked to wait for it long.
        let mood = if matches!(request, IsmpRequest::Line(_)) { Mood::default() } else { rails.ismp_moods.now() };
        match rails.way(mood, 40) {
            Way::Silence { done } => {
                if done {
                    rails.ismp.lock().answer(&request, None);
                }
                rails.clock.sleep(patience).await;
                Err(Lost::Unknown)
            }
            Way::Answer { after, times, refused } => {
                rails.clock.sleep((after / 2).min(patience)).await;
                let asked = matches!(&request, IsmpRequest::Call(call) if call.verb == IsmpVerb::Reserve);
                let refused = (refused && asked).then_some(IsmpReason::Refused);
                let mut reply = rails.ismp.lock().answer(&request, refused);
                for _ in 1..times {
                    reply = rails.ismp.lock().answer(&request, None);
                }
                rails.clock.sleep((after / 2).min(patience)).await;
                if after > patience { Err(Lost::Unknown) } else { Ok(reply) }
            }
        }
    }
}

impl IsmpLink for ToIsmp {
    fn exchange(&self, request: IsmpRequest, patience: Duration) -> BoxFuture<'_, Result<IsmpReply, Lost>> {
        Box::pin(self.ask(request, patience))
    }
}

/// What the bank may refuse for reasons of its own: to give money, and to undo on the same day what it
/// gave. A completion and a refund it owes.
fn may_refuse(request: &Message) -> bool {
    matches!(
        request.transaction(),
        Some(
            Transaction::Purchase
                | Transaction::PreAuthorization
                | Transaction::PurchaseVoid
                | Transaction::CompletionVoid
        )
    )
}

/// Answers that came after their requests were given up.
#[derive(Default)]
struct Late {
    answers: Mutex<VecDeque<Message>>,
    came: Notify,
}

impl Late {
    fn add(&self, answer: Message) {
        self.answers.lock().push_back(answer);
        self.came.notify_one();
    }
}

struct ToBank {
    rails: Arc<SimRails>,
    late: Arc<Late>,
    /// A late answer comes to the process that asked, or to nobody.
    spawner: SimSpawner,
}

impl ToBank {
    async fn ask(&self, request: Message, patience: Duration) -> Result<Message, Lost> {
        let rails = &self.rails;
        rails.trace.mark(7, format!("{request:?}").as_bytes());
        match rails.way(rails.bank_moods.now(), 300) {
            Way::Silence { done } => {
                if done {
                    rails.bank.lock().answer(&request, None);
                }
                rails.clock.sleep(patience).await;
                Err(Lost::Unknown)
            }
            Way::Answer { after, times, refused } => {
                rails.clock.sleep((after / 2).min(patience)).await;
                let refused = (refused && may_refuse(&request)).then(|| ResponseCode::new(b"05").expect("two digits"));
                let Some(answer) = rails.bank.lock().answer(&request, refused) else { return Err(Lost::Unknown) };
                let late = after > patience;
                let again = if late { times } else { times - 1 };
                for _ in 0..again {
                    let (clock, late, answer) = (rails.clock.clone(), self.late.clone(), answer.clone());
                    let comes = Box::pin(async move {
                        clock.sleep(after).await;
                        late.add(answer);
                    });
                    self.spawner.spawn("late answer", comes);
                }
                rails.clock.sleep((after / 2).min(patience)).await;
                if late { Err(Lost::Unknown) } else { Ok(answer) }
            }
        }
    }

    async fn next_late(&self) -> Message {
        loop {
            let came = self.late.came.notified();
            if let Some(answer) = self.late.answers.lock().pop_front() {
                return answer;
            }
            came.await;
        }
    }
}

impl BankLink for ToBank {
    fn exchange(&self, request: Message, patience: Duration) -> BoxFuture<'_, Result<Message, Lost>> {
        Box::pin(self.ask(request, patience))
    }

    fn late(&self) -> BoxFuture<'_, Message> {
        Box::pin(self.next_late())
    }
}

impl std::fmt::Debug for SimRails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimRails")
    }
}
