//! Whoever has money outside: the ISMP, a bank, the recharge platform and the UPP, with the books of the
//! simulators that the program ships, in virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::{Money, Msisdn, ProvinceId};
use mpss_node::card_pin::PinSafe;
use mpss_node::gateway::bank::iso8583::{Institution, Message, ResponseCode, SwitchFailure, Transaction};
use mpss_node::gateway::bank::rail::{Acquirer, BankLink, BankRail};
use mpss_node::gateway::ismp::{IsmpLink, IsmpRail, IsmpReason, IsmpReply, IsmpRequest, IsmpVerb};
use mpss_node::gateway::rail::Lost;
use mpss_node::gateway::recharge::{
    RechargeAnswer, RechargeLink, RechargeRail, RechargeReason, RechargeRequest, RechargeVerb,
};
use mpss_node::gateway::upp_account::{UppLink, UppRail, UppReason, UppReply, UppRequest, UppVerb};
use mpss_node::node::Rails;
use mpss_node::simulator::bank::{BankHost, CardState};
use mpss_node::simulator::ismp::IsmpBook;
use mpss_node::simulator::recharge::{Card, RechargeBook};
use mpss_runtime::{BoxFuture, Clock, Spawner};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::upp::{SimUpp, ToUpp, UPP_KEY};
use super::{Mood, Moods};
use crate::world::{SeededRandom, SimClock, SimSpawner, Trace};

/// What the bank signs its requests with.
pub(crate) const BANK_KEY: &[u8] = b"the bank's own key, thirty-two by";

/// What the PINs of cards are sealed with on every machine.
pub(crate) const VAULT_KEY: [u8; 32] = [0xc3; 32];

/// The `nth` card of a subscriber, as the bank names it to us.
#[must_use]
pub fn token_of(msisdn: Msisdn, nth: u32) -> String {
    format!("62{nth:02}{:015}", msisdn.number())
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Has the money of phone bills.
    Ismp,
    /// Has the money on cards.
    Bank,
    /// Knows what recharge cards are worth.
    Recharge,
    /// Takes orders that a province pays for, and keeps virtual accounts.
    Upp,
}

/// The ISMP, the bank, the recharge platform and the UPP.
pub struct SimRails {
    clock: SimClock,
    random: Arc<SeededRandom>,
    trace: Trace,
    ismp: Mutex<IsmpBook>,
    bank: Mutex<BankHost>,
    recharge: Mutex<RechargeBook>,
    ismp_moods: Moods,
    bank_moods: Moods,
    recharge_moods: Moods,
    upp: SimUpp,
    /// Cards that took the place of a subscriber's first.
    replaced: Mutex<BTreeMap<Msisdn, u32>>,
}

/// What becomes of one request.
pub(super) enum Way {
    /// It never arrives, or its answer does not; whether it was done.
    Silence { done: bool },
    /// It is answered after so long, so many times, refused or not.
    Answer { after: Duration, times: u32, refused: bool },
}

impl SimRails {
    /// Peers that can always be reached.
    #[must_use]
    pub fn new(clock: SimClock, random: Arc<SeededRandom>, trace: Trace) -> Arc<Self> {
        let (ismp, bank, recharge) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (ismp_moods, bank_moods, recharge_moods) = (Moods::default(), Moods::default(), Moods::default());
        let (upp, replaced) = (SimUpp::default(), Mutex::default());
        Arc::new(Self {
            clock,
            random,
            trace,
            ismp,
            bank,
            recharge,
            ismp_moods,
            bank_moods,
            recharge_moods,
            upp,
            replaced,
        })
    }

    fn moods(&self, peer: Peer) -> &Moods {
        match peer {
            Peer::Ismp => &self.ismp_moods,
            Peer::Bank => &self.bank_moods,
            Peer::Recharge => &self.recharge_moods,
            Peer::Upp => &self.upp.moods,
        }
    }

    /// A mood of one of them holds from now on; gives its number.
    pub fn begin(&self, peer: Peer, mood: Mood) -> u64 {
        self.moods(peer).begin(mood)
    }

    /// It holds no more.
    pub fn end(&self, peer: Peer, number: u64) {
        self.moods(peer).end(number);
    }

    /// A recharge card comes out of a machine in a shop, unless it has before.
    pub fn print_recharge_card(&self, pin: &str, worth_fen: i64) {
        let mut book = self.recharge.lock();
        if book.card(pin).is_none() {
            book.set_card(pin, Card { worth_fen, state: Default::default(), key: None });
        }
    }

    /// What the recharge platform keeps.
    pub fn look_at_recharge<R>(&self, look: impl FnOnce(&RechargeBook) -> R) -> R {
        look(&self.recharge.lock())
    }

    /// The UPP.
    #[must_use]
    pub const fn upp(&self) -> &SimUpp {
        &self.upp
    }

    pub(super) const fn clock(&self) -> &SimClock {
        &self.clock
    }

    pub(super) fn mark(&self, kind: u8, what: &[u8]) {
        self.trace.mark(kind, what);
    }

    /// The bank puts another card in the place of a subscriber's; what it names that to us.
    pub fn replace_card(&self, msisdn: Msisdn) -> String {
        let mut replaced = self.replaced.lock();
        let nth = replaced.entry(msisdn).or_default();
        *nth += 1;
        let by = token_of(msisdn, *nth);
        self.bank.lock().replace_card(&token_of(msisdn, 0), &by);
        by
    }

    /// What is gone from a subscriber's card, or the one in its place, and what of that is set aside.
    pub fn taken_from_card(&self, msisdn: Msisdn) -> (Money, Money) {
        let card = self.bank.lock().card(&token_of(msisdn, 0));
        (CardState::default().balance - card.balance - card.held, card.held)
    }

    /// What the ISMP keeps.
    pub fn look_at_ismp<R>(&self, look: impl FnOnce(&IsmpBook) -> R) -> R {
        look(&self.ismp.lock())
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
            recharge: Some(Arc::new(RechargeRail::new(Arc::new(ToRecharge(self.clone())), PinSafe::new(&VAULT_KEY)))),
            upp: Some(Arc::new(UppRail::new(Arc::new(ToPurses(self.clone()))))),
            upp_door_key: Some(UPP_KEY.into()),
            upp_notices: Some(Arc::new(ToUpp(self.clone()))),
            bank_door_key: Some(BANK_KEY.into()),
            bank_notices: None,
        }
    }

    pub(super) fn way(&self, mood: Mood, slow_ms: u64) -> Way {
        if self.random.happens(mood.lost) {
            return Way::Silence { done: self.random.happens(500_000) };
        }
        let after = Duration::from_millis(self.random.between(1, slow_ms) + mood.late_ms);
        let times = 1 + u32::from(self.random.happens(mood.twice));
        Way::Answer { after, times, refused: self.random.happens(mood.refused) }
    }
}

impl SimRails {
    /// A request as `work` does it, refused or not, when it arrives; and again when it comes twice.
    async fn serve<A>(
        &self,
        mood: Mood,
        slow_ms: u64,
        patience: Duration,
        work: impl Fn(bool) -> A,
    ) -> Result<A, Lost> {
        match self.way(mood, slow_ms) {
            Way::Silence { done } => {
                if done {
                    work(false);
                }
                self.clock.sleep(patience).await;
                Err(Lost::Unknown)
            }
            Way::Answer { after, times, refused } => {
                self.clock.sleep((after / 2).min(patience)).await;
                let mut answer = work(refused);
                for _ in 1..times {
                    answer = work(false);
                }
                self.clock.sleep((after / 2).min(patience)).await;
                if after > patience { Err(Lost::Unknown) } else { Ok(answer) }
            }
        }
    }
}

struct ToIsmp(Arc<SimRails>);

impl ToIsmp {
    async fn ask(&self, request: IsmpRequest, patience: Duration) -> Result<IsmpReply, Lost> {
        let rails = &self.0;
        rails.trace.mark(6, format!("{request:?}").as_bytes());
        // A question about a line moves nothing; nobody is asked to wait for it long.
        let mood = match request {
            IsmpRequest::Line(_) => Mood::default(),
            IsmpRequest::Query(_) => rails.ismp_moods.now().of_a_question(),
            IsmpRequest::Call(_) => rails.ismp_moods.now(),
        };
        let asked = matches!(&request, IsmpRequest::Call(call) if call.verb == IsmpVerb::Reserve);
        let work = |refused| rails.ismp.lock().answer(&request, (refused && asked).then_some(IsmpReason::Refused));
        rails.serve(mood, 40, patience, work).await
    }
}

impl IsmpLink for ToIsmp {
    fn exchange(&self, request: IsmpRequest, patience: Duration) -> BoxFuture<'_, Result<IsmpReply, Lost>> {
        Box::pin(self.ask(request, patience))
    }
}

struct ToRecharge(Arc<SimRails>);

impl ToRecharge {
    async fn ask(&self, request: RechargeRequest, patience: Duration) -> Result<RechargeAnswer, Lost> {
        let rails = &self.0;
        rails.trace.mark(8, format!("{request:?}").as_bytes());
        // To let go of a card is owed; it may refuse to set one aside, and to use it.
        let may_refuse = matches!(&request, RechargeRequest::Call(call) if call.verb != RechargeVerb::Release);
        let work = |refused| {
            let refused = (refused && may_refuse).then_some(RechargeReason::Refused);
            rails.recharge.lock().answer(&request, refused)
        };
        rails.serve(rails.recharge_moods.now(), 60, patience, work).await
    }
}

impl RechargeLink for ToRecharge {
    fn exchange(&self, request: RechargeRequest, patience: Duration) -> BoxFuture<'_, Result<RechargeAnswer, Lost>> {
        Box::pin(self.ask(request, patience))
    }
}

struct ToPurses(Arc<SimRails>);

impl ToPurses {
    async fn ask(&self, request: UppRequest, patience: Duration) -> Result<UppReply, Lost> {
        let rails = &self.0;
        rails.trace.mark(11, format!("{request:?}").as_bytes());
        // As of the ISMP: a question about an account moves nothing.
        let mood = match request {
            UppRequest::Account(_) => Mood::default(),
            UppRequest::Query(_) => rails.upp.moods.now().of_a_question(),
            UppRequest::Call(_) => rails.upp.moods.now(),
        };
        // It may refuse to set money aside. Everything else it owes.
        let may_refuse = matches!(&request, UppRequest::Call(call) if call.verb == UppVerb::Reserve);
        let work = |refused| {
            let refused = (refused && may_refuse).then_some(UppReason::Refused);
            rails.upp.purses.lock().answer(&request, refused)
        };
        rails.serve(mood, 60, patience, work).await
    }
}

impl UppLink for ToPurses {
    fn exchange(&self, request: UppRequest, patience: Duration) -> BoxFuture<'_, Result<UppReply, Lost>> {
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
