//! One home province, one subscriber with an account on the rail under test, and the peer behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use mpss_domain::account::{Language, Tier};
use mpss_domain::command::PayRequest;
use mpss_domain::ids::IssuedId;
use mpss_domain::outside::{Billing, Card, Means};
use mpss_domain::rail::{CallAnswer, CallStep, Phase};
use mpss_domain::{
    AccountId, AccountKind, AccountSelector, Batch, BindingId, CallId, Command, Effect, EffectId, LogTime, Money,
    Msisdn, OrderId, Outcome, PasswordVerdict, PasswordVerifier, PaymentId, PaymentStatus, ProvinceId, RefundId,
    Refusal, ReversalId, Scope, State, StateVersion, Verb,
};
use mpss_node::gateway::bank::iso8583::{Institution, Message, SwitchFailure};
use mpss_node::gateway::bank::rail::{Acquirer, BankLink, BankRail};
use mpss_node::gateway::ismp::{IsmpLink, IsmpRail, IsmpReply, IsmpRequest};
use mpss_node::gateway::rail::{Lost, RailGateway, RailRequest};
use mpss_node::gateway::upp_account::{UppLink, UppRail, UppReply, UppRequest};
use mpss_node::simulator::bank::{BankSimulator, CardState};
use mpss_node::simulator::ismp::{IsmpSimulator, Line};
use mpss_node::simulator::manner::{Manner, Trouble};
use mpss_node::simulator::upp_accounts::{Purse, UppAccounts};
use mpss_runtime::BoxFuture;

use crate::broken::{Break, Broken};

/// What the subscriber has before anything happens.
pub(crate) const MONEY: Money = Money::yuan(500);

const TOKEN: &str = "6200000000000000001";
/// What comes in its place.
const NEW_TOKEN: &str = "6200000000000000002";
const HOUR_MS: u64 = 3_600_000;

/// A rail under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rail {
    StoredValue,
    Communication,
    BankRealTime,
    BankPreFreeze,
    /// A virtual account that the UPP keeps.
    Upp,
}

impl Rail {
    pub(crate) const ALL: [Self; 5] =
        [Self::StoredValue, Self::Communication, Self::BankRealTime, Self::BankPreFreeze, Self::Upp];
    pub(crate) const OUTSIDE: [Self; 4] = [Self::Communication, Self::BankRealTime, Self::BankPreFreeze, Self::Upp];

    fn means(self) -> Option<Means> {
        let card = |pre_freeze| {
            Means::Card(Box::new(Card {
                bank: "01020000".into(),
                token: TOKEN.into(),
                last_four: "0001".into(),
                pre_freeze,
            }))
        };
        match self {
            Self::StoredValue => None,
            Self::Communication => Some(Means::PhoneBill(Billing::Postpaid)),
            Self::BankRealTime => Some(card(false)),
            Self::BankPreFreeze => Some(card(true)),
            Self::Upp => Some(Means::Upp),
        }
    }
}

/// A link that can be down.
struct MayBeDown<L> {
    link: L,
    down: Arc<AtomicBool>,
}

impl<L: IsmpLink> IsmpLink for MayBeDown<L> {
    fn exchange(&self, request: IsmpRequest, patience: Duration) -> BoxFuture<'_, Result<IsmpReply, Lost>> {
        if self.down.load(Ordering::SeqCst) {
            return Box::pin(std::future::ready(Err(Lost::NotSent)));
        }
        self.link.exchange(request, patience)
    }
}

impl<L: UppLink> UppLink for MayBeDown<L> {
    fn exchange(&self, request: UppRequest, patience: Duration) -> BoxFuture<'_, Result<UppReply, Lost>> {
        if self.down.load(Ordering::SeqCst) {
            return Box::pin(std::future::ready(Err(Lost::NotSent)));
        }
        self.link.exchange(request, patience)
    }
}

impl<L: BankLink> BankLink for MayBeDown<L> {
    fn exchange(&self, request: Message, patience: Duration) -> BoxFuture<'_, Result<Message, Lost>> {
        if self.down.load(Ordering::SeqCst) {
            return Box::pin(std::future::ready(Err(Lost::NotSent)));
        }
        self.link.exchange(request, patience)
    }

    fn late(&self) -> BoxFuture<'_, Message> {
        self.link.late()
    }
}

enum Peer {
    Nobody,
    Ismp(IsmpSimulator),
    Bank(BankSimulator),
    Upp(UppAccounts),
}

/// The scene of one case.
pub(crate) struct Bench {
    pub(crate) state: State,
    pub(crate) rail: Rail,
    pub(crate) account: AccountId,
    /// The binding of a bank account.
    binding: Option<BindingId>,
    peer: Peer,
    gateway: Option<Arc<dyn RailGateway>>,
    down: Arc<AtomicBool>,
    index: u64,
    now: LogTime,
    /// What has come to the subscriber so far.
    money: Money,
}

pub(crate) type Check = Result<(), String>;

/// Complains unless it holds.
pub(crate) fn ensure(holds: bool, complaint: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(complaint()) }
}

pub(crate) fn msisdn() -> Msisdn {
    Msisdn::new(18_900_000_001).expect("a number")
}

fn serving() -> ProvinceId {
    ProvinceId::new(51).expect("Sichuan")
}

const RIGHT: PasswordVerdict = PasswordVerdict { verifier_version: 1, matches: true };

impl Bench {
    pub(crate) fn new(rail: Rail, how: Option<Break>) -> Self {
        let down = Arc::new(AtomicBool::new(false));
        let (peer, whole): (Peer, Option<Arc<dyn RailGateway>>) = match rail {
            Rail::StoredValue => (Peer::Nobody, None),
            Rail::Communication => {
                let ismp = IsmpSimulator::new(1);
                let line = Line { credit_fen: MONEY.as_fen(), ..Line::default() };
                ismp.book.lock().set_line(msisdn(), line);
                let link = MayBeDown { link: ismp.clone(), down: down.clone() };
                (Peer::Ismp(ismp), Some(Arc::new(IsmpRail::new(Arc::new(link)))))
            }
            Rail::Upp => {
                let upp = UppAccounts::new(1, vec![7; 32]);
                upp.book.lock().set_purse(msisdn(), Purse { balance_fen: MONEY.as_fen(), reserved_fen: 0 });
                let link = MayBeDown { link: upp.clone(), down: down.clone() };
                (Peer::Upp(upp), Some(Arc::new(UppRail::new(Arc::new(link)))))
            }
            Rail::BankRealTime | Rail::BankPreFreeze => {
                let bank = BankSimulator::new(1);
                bank.host.lock().set_card(TOKEN, CardState { balance: MONEY, ..CardState::default() });
                let link = MayBeDown { link: bank.clone(), down: down.clone() };
                let acquirer = Acquirer {
                    institution: Institution::new("00010000").expect("a code"),
                    forwarder: None,
                    terminal: "MPSS0001".into(),
                    merchant: "898110048140001".into(),
                    merchant_category: "4814".into(),
                    switch_failure: SwitchFailure::Unknown,
                };
                (Peer::Bank(bank), Some(Arc::new(BankRail::new(Arc::new(link), acquirer))))
            }
        };
        let gateway = match (whole, how) {
            (Some(whole), Some(how)) => Some(Arc::new(Broken { whole, how }) as Arc<dyn RailGateway>),
            (whole, _) => whole,
        };
        let mut bench = Self {
            state: State::new(ProvinceId::new(44).expect("Guangdong")),
            rail,
            account: AccountId::from_bits(1),
            binding: None,
            peer,
            gateway,
            down,
            index: 0,
            now: LogTime(1_795_399_200_000),
            money: MONEY,
        };
        bench.apply(Verb::RaiseVersion { to: StateVersion::NEWEST });
        bench.open();
        bench
    }

    fn open(&mut self) {
        let verifier = PasswordVerifier { pepper: 1, salt: [7; 16], tag: [9; 32] };
        let (tier, language, verdict) = (Tier::Full, Language::Chinese, RIGHT);
        let (per_payment_limit, daily_limit) = (None, None);
        let verb = match self.rail.means() {
            Some(Means::Card(card)) => {
                let Outcome::Binding(id) = self.apply(Verb::BindCard { msisdn: msisdn(), card: *card, code: 1 }) else {
                    panic!("the subscriber is asked")
                };
                self.binding = Some(id);
                Verb::ConfirmBinding {
                    msisdn: msisdn(),
                    code: 1,
                    language,
                    tier,
                    verifier,
                    verdict,
                    per_payment_limit,
                    daily_limit,
                }
            }
            Some(means) => Verb::OpenOutside {
                msisdn: msisdn(),
                tier,
                language,
                verifier,
                verdict,
                per_payment_limit,
                daily_limit,
                means,
            },
            None => Verb::OpenAccount {
                msisdn: msisdn(),
                kind: AccountKind::StoredValue,
                tier,
                language,
                verifier,
                verdict,
                per_payment_limit,
                daily_limit,
            },
        };
        let Outcome::Account(view) = self.apply(verb) else { panic!("the account opens") };
        self.account = view.account.id;
        if self.rail == Rail::StoredValue {
            let (account, amount) = (self.account, MONEY);
            self.apply(Verb::TopUpCash { account, amount, agent: "agent".into() });
        }
    }

    pub(crate) fn apply(&mut self, verb: Verb) -> Outcome {
        self.index += 1;
        let batch = Batch { at: self.now, commands: vec![Command::internal(verb)] };
        let outcome = self.state.apply(self.index, &batch).replies.remove(0).outcome;
        self.state.check_all().unwrap_or_else(|broken| panic!("{broken}"));
        outcome
    }

    /// The `n`-th payment of the case.
    pub(crate) fn payment(n: u16) -> PaymentId {
        PaymentId::issue(LogTime(1_795_399_199_000), serving(), n)
    }

    fn order(n: u16) -> OrderId {
        OrderId::issue(LogTime(1_795_399_199_000), serving(), n)
    }

    fn request(n: u16, amount: Money) -> Box<PayRequest> {
        Box::new(PayRequest {
            payment: Self::payment(n),
            order: Self::order(n),
            serving: serving(),
            msisdn: msisdn(),
            epoch: 0,
            scope: Scope::Roaming,
            location: serving(),
            account: AccountSelector::Kind(AccountKind::StoredValue),
            amount,
            title: "a thing".into(),
            verdict: RIGHT,
        })
    }

    fn asked(&self, n: u16, yuan: i64) -> Box<PayRequest> {
        Box::new(PayRequest { account: AccountSelector::Id(self.account), ..*Self::request(n, Money::yuan(yuan)) })
    }

    /// Asks for a payment; nothing is sent yet.
    pub(crate) fn begin_payment(&mut self, n: u16, yuan: i64) -> Outcome {
        let request = self.asked(n, yuan);
        self.apply(Verb::Pay(request))
    }

    /// Asks for a payment and lets what is due happen.
    pub(crate) fn pay(&mut self, n: u16, yuan: i64) -> Outcome {
        let outcome = self.begin_payment(n, yuan);
        self.drive();
        outcome
    }

    /// Asks for a hold and lets what is due happen.
    pub(crate) fn hold(&mut self, n: u16, yuan: i64) -> Outcome {
        let request = self.asked(n, yuan);
        let outcome = self.apply(Verb::HoldPayment(request));
        self.drive();
        outcome
    }

    pub(crate) fn begin_capture(&mut self, n: u16, yuan: Option<i64>) -> Outcome {
        self.apply(Verb::CapturePayment { payment: Self::payment(n), amount: yuan.map(Money::yuan) })
    }

    pub(crate) fn capture(&mut self, n: u16, yuan: Option<i64>) -> Outcome {
        let outcome = self.begin_capture(n, yuan);
        self.drive();
        outcome
    }

    pub(crate) fn begin_reversal(&mut self, n: u16) -> Outcome {
        let reversal = ReversalId::issue(self.now, serving(), n);
        self.apply(Verb::ReversePayment { payment: Self::payment(n), reversal, order: Self::order(n) })
    }

    pub(crate) fn reverse(&mut self, n: u16) -> Outcome {
        let outcome = self.begin_reversal(n);
        self.drive();
        outcome
    }

    pub(crate) fn refund(&mut self, n: u16, id: u16, yuan: i64) -> Outcome {
        let refund = RefundId::issue(LogTime(1_795_399_199_000), serving(), id);
        let outcome = self.apply(Verb::RefundPayment { payment: Self::payment(n), refund, amount: Money::yuan(yuan) });
        self.drive();
        outcome
    }

    /// What becomes of the next requests at the peer.
    pub(crate) fn troubles(&self, next: &[Trouble]) {
        // Later than anybody waits.
        self.behave(Manner { next: next.to_vec(), late_ms: HOUR_MS, ..Manner::default() });
    }

    pub(crate) fn behave(&self, manner: Manner) {
        match &self.peer {
            Peer::Nobody => {}
            Peer::Ismp(ismp) => ismp.temper.behave(manner),
            Peer::Bank(bank) => bank.temper.behave(manner),
            Peer::Upp(upp) => upp.temper.behave(manner),
        }
    }

    /// The peer does not answer at all.
    pub(crate) fn dead(&self, dead: bool) {
        self.behave(Manner { dead, ..Manner::default() });
    }

    /// The way to the peer is down: nothing is sent.
    pub(crate) fn down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// The bank's day is over.
    pub(crate) fn cut_day(&self) {
        if let Peer::Bank(bank) = &self.peer {
            bank.host.lock().cut_day();
        }
    }

    /// The bank replaces the card and says so; it may debit the new one in the other mode. Nothing where there is no
    /// card.
    pub(crate) fn replace_card(&mut self, pre_freeze: bool) {
        let (Some(binding), Peer::Bank(bank)) = (self.binding, &self.peer) else { return };
        bank.host.lock().replace_card(TOKEN, NEW_TOKEN);
        let card = Card { bank: "01020000".into(), token: NEW_TOKEN.into(), last_four: "0002".into(), pre_freeze };
        let outcome = self.apply(Verb::ChangeCard { binding, card, code: 2 });
        assert_eq!(outcome, Outcome::Binding(binding), "the card is changed");
    }

    /// Money comes to the subscriber, at the peer.
    pub(crate) fn becomes_rich(&mut self) {
        self.money += Money::yuan(1_000);
        match &self.peer {
            Peer::Nobody => {
                let account = self.account;
                self.apply(Verb::TopUpCash { account, amount: Money::yuan(1_000), agent: "agent".into() });
            }
            Peer::Ismp(ismp) => {
                let mut book = ismp.book.lock();
                let line = book.line(msisdn());
                book.set_line(msisdn(), Line { credit_fen: line.credit_fen + 100_000, ..line });
            }
            Peer::Upp(upp) => {
                let mut book = upp.book.lock();
                let purse = book.purse(msisdn()).expect("it was made");
                book.set_purse(msisdn(), Purse { balance_fen: purse.balance_fen + 100_000, ..purse });
            }
            Peer::Bank(bank) => {
                let mut host = bank.host.lock();
                let card = host.card(TOKEN);
                host.set_card(TOKEN, CardState { balance: card.balance + Money::yuan(1_000), ..card });
            }
        }
    }

    /// What the subscriber can spend, where the money is.
    pub(crate) fn spendable(&self) -> Money {
        match &self.peer {
            Peer::Nobody => self.account().available,
            Peer::Ismp(ismp) => Money::fen(ismp.book.lock().line(msisdn()).credit_fen),
            Peer::Bank(bank) => bank.host.lock().card(TOKEN).balance,
            Peer::Upp(upp) => Money::fen(upp.book.lock().purse(msisdn()).expect("it was made").balance_fen),
        }
    }

    /// What is set aside, where the money is.
    pub(crate) fn set_aside(&self) -> Money {
        match &self.peer {
            Peer::Nobody => self.account().held,
            Peer::Ismp(ismp) => Money::fen(ismp.book.lock().line(msisdn()).reserved_fen),
            Peer::Bank(bank) => bank.host.lock().card(TOKEN).held,
            Peer::Upp(upp) => Money::fen(upp.book.lock().purse(msisdn()).expect("it was made").reserved_fen),
        }
    }

    pub(crate) fn account(&self) -> &mpss_domain::Account {
        self.state.account(self.account).expect("it was opened")
    }

    pub(crate) fn is_outside(&self) -> bool {
        self.rail != Rail::StoredValue
    }

    pub(crate) fn status(&self, n: u16) -> Option<PaymentStatus> {
        self.state.payment(Self::payment(n)).map(|payment| payment.status)
    }

    pub(crate) fn declined(&self, n: u16) -> Option<Refusal> {
        match self.status(n) {
            Some(PaymentStatus::Declined(refusal)) => Some(refusal),
            _ => None,
        }
    }

    /// A call of a payment, the newest of its step.
    pub(crate) fn call(&self, n: u16, step: CallStep) -> Option<&mpss_domain::rail::Call> {
        self.state.calls_of(Self::payment(n)).filter(|call| call.step == step).last()
    }

    /// What the books say of a line: credit less debit, in fen.
    pub(crate) fn books(&self, name: &str) -> i128 {
        let balance = self.state.trial_balance();
        balance.lines.iter().filter(|line| line.name.starts_with(name)).map(|line| line.credit - line.debit).sum()
    }

    fn due(&self) -> Vec<CallId> {
        let rows = self.state.effects_from(EffectId(0)).filter(|row| row.not_before <= self.now);
        rows.filter_map(|row| match row.effect {
            Effect::Call { call, .. } => Some(call),
            _ => None,
        })
        .collect()
    }

    /// Marks what is due as sent, as a leader does, and gives what it would send now.
    pub(crate) fn begin(&mut self) -> Vec<RailRequest> {
        let calls = self.due();
        if calls.is_empty() {
            return Vec::new();
        }
        self.apply(Verb::BeginCalls { calls: calls.clone() });
        let begun = calls.into_iter().filter_map(|id| self.state.call(id));
        begun
            .filter(|call| matches!(call.phase, Phase::Sent | Phase::Asking))
            .map(|call| RailRequest { call: call.clone(), pin: None })
            .collect()
    }

    /// Sends what was begun; gives the answers without recording them.
    pub(crate) fn send(&self, begun: &[RailRequest]) -> Vec<CallAnswer> {
        let gateway = self.gateway.as_ref().expect("only what is outside has calls");
        let answer = |request: &RailRequest| match request.call.phase {
            Phase::Asking => block_on(gateway.ask(request)),
            _ => block_on(gateway.send(request)),
        };
        begun.iter().map(|request| CallAnswer { call: request.call.id, answer: answer(request) }).collect()
    }

    /// Lets everything happen that is due now.
    pub(crate) fn drive(&mut self) {
        loop {
            let begun = self.begin();
            if begun.is_empty() {
                break;
            }
            let answers = self.send(&begun);
            self.apply(Verb::RecordCalls { answers });
        }
        while let Some(late) = self.gateway.as_ref().and_then(|gateway| gateway.late().now_or_never()) {
            self.apply(Verb::RecordCalls { answers: vec![late] });
        }
    }

    /// Time passes; what is due happens.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
        self.apply(Verb::Tick);
        self.drive();
    }

    /// Time passes and nobody leads: nothing happens that a leader has to do.
    pub(crate) fn pass_without_leader(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
        self.apply(Verb::Tick);
    }

    /// Time passes until nothing is open, at most a day and a half.
    pub(crate) fn settle(&mut self) {
        let end = self.now.plus_ms(36 * HOUR_MS);
        while self.now < end {
            let next = self
                .state
                .effects_from(EffectId(0))
                .filter(|row| matches!(row.effect, Effect::Call { .. }))
                .map(|row| row.not_before)
                .min();
            let Some(next) = next else { break };
            self.pass(next.ms_since(self.now).max(1));
        }
    }

    /// After everything: nothing is open, and the peer has taken what the payments and the books say.
    pub(crate) fn is_consistent(&mut self) -> Check {
        self.settle();
        let open: Vec<_> = self.state.calls().filter(|call| !call.phase.is_final()).map(|call| call.phase).collect();
        ensure(open.is_empty(), || format!("open after a day and a half: {open:?}"))?;
        let (mut taken, mut held) = (Money::ZERO, Money::ZERO);
        for payment in self.state.payments() {
            match payment.status {
                PaymentStatus::Captured | PaymentStatus::PartlyRefunded | PaymentStatus::Refunded => {
                    taken += payment.amount - payment.refunded;
                }
                PaymentStatus::Reserved if self.rail == Rail::BankRealTime => taken += payment.amount,
                PaymentStatus::Reserved => held += payment.amount,
                PaymentStatus::Pending => return Err("a payment is still asked for".into()),
                _ => {}
            }
        }
        let given_up: Money = self
            .state
            .calls()
            .filter(|call| call.phase == Phase::Abandoned && call.step != CallStep::Undo)
            .map(|call| call.amount)
            .sum();
        if given_up == Money::ZERO {
            let gone = self.money - self.spendable() - self.set_aside();
            ensure(gone == taken, || format!("{gone} is gone at the peer and {taken} was paid"))?;
            let aside = self.set_aside();
            ensure(aside == held, || format!("{aside} is set aside at the peer and {held} is held"))?;
        }
        if self.is_outside() {
            let clearing = -self.books("rail_clearing");
            let suspense = self.books("suspense");
            let owed = i128::from(taken.as_fen());
            ensure(clearing - suspense == owed || given_up.is_positive(), || {
                format!("the books claim {clearing} of the peer, {suspense} in suspense, and {owed} was paid")
            })?;
            ensure(self.books("rail_returning") == 0, || "something is still returning in the books".into())?;
            let most = self.most_asked();
            ensure(most <= 3, || format!("the peer was asked {most} times about one call"))?;
        }
        Ok(())
    }

    /// The most questions about one call that the peer has heard.
    pub(crate) fn most_asked(&self) -> u32 {
        match &self.peer {
            Peer::Ismp(ismp) => ismp.book.lock().most_asked(),
            Peer::Upp(upp) => upp.book.lock().most_asked(),
            _ => self.state.calls().map(|call| u32::from(call.asked)).max().unwrap_or_default(),
        }
    }

    /// Texts to the subscriber so far that have these words.
    pub(crate) fn told(&self, words: &str) -> usize {
        let texts = self.state.effects_from(EffectId(0)).filter_map(|row| match &row.effect {
            Effect::Sms { language, text, .. } => Some(text.render(*language)),
            _ => None,
        });
        texts.filter(|text| text.contains(words)).count()
    }
}
