//! The desk against a real replica and a centre that behaves as it is told.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::texts::{Fate, Receipt, ReceiptFate};
use mpss_domain::{Effect, EffectId, Money, Msisdn, State, StateVersion, Verb};
use mpss_runtime::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};
use zeroize::Zeroizing;

use crate::gateway::message_centre::{
    Acknowledge, Came, Cancelled, Handed, Inbound, Manner, MessageCentre, OpenCentre, ShortMessage, Submitted,
    WholeText, named,
};
use crate::gateway::rail::Lost;
use crate::node::trial::{Trial, eventually, local};
use crate::supervision::Tree;

/// What the centre does with the next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Takes,
    /// It has it, and its answer is lost.
    TakesSilently,
    /// It never sees it.
    Loses,
    Busy,
    Refuses,
}

/// A message, or a text, that the centre has.
#[derive(Debug, Clone)]
struct Had {
    id: String,
    handed: Handed,
    gone: bool,
}

impl Had {
    fn to(&self) -> Msisdn {
        match &self.handed {
            Handed::Message(message) => message.to,
            Handed::Text(text) => text.to,
        }
    }

    fn message(&self) -> &ShortMessage {
        let Handed::Message(message) = &self.handed else { panic!("{self:?}") };
        message
    }

    fn text(&self) -> &WholeText {
        let Handed::Text(text) = &self.handed else { panic!("{self:?}") };
        text
    }
}

/// A centre whose line is always open; receipts are sent when a test says so.
struct Fake {
    next: Mutex<VecDeque<Next>>,
    had: Mutex<Vec<Had>>,
    submitted: Mutex<u32>,
    cancels: Mutex<Vec<(String, Msisdn)>>,
    /// What is answered to `cancel_sm` when nothing is there; lost when `None`.
    nothing: Mutex<Option<Cancelled>>,
    inbound: (mpsc::UnboundedSender<Inbound>, AsyncMutex<mpsc::UnboundedReceiver<Inbound>>),
    acknowledged: Arc<Mutex<Vec<bool>>>,
    open: watch::Sender<Option<Duration>>,
    /// What is answered to `query_sm`.
    states: Mutex<Option<ReceiptFate>>,
    manner: Manner,
}

impl Fake {
    fn new(manner: Manner) -> Arc<Self> {
        let (sender, receiver) = mpsc::unbounded_channel();
        Arc::new(Self {
            next: Mutex::default(),
            had: Mutex::default(),
            submitted: Mutex::default(),
            cancels: Mutex::default(),
            nothing: Mutex::new(Some(Cancelled::Nothing)),
            inbound: (sender, AsyncMutex::new(receiver)),
            acknowledged: Arc::default(),
            open: watch::Sender::new(Some(Duration::ZERO)),
            states: Mutex::default(),
            manner,
        })
    }

    fn opener(self: &Arc<Self>) -> OpenCentre {
        let fake = self.clone();
        Arc::new(move |_| fake.clone())
    }

    fn will(&self, next: &[Next]) {
        self.next.lock().extend(next);
    }

    fn comes(&self, what: Came) {
        let acknowledged = self.acknowledged.clone();
        let acknowledge = Acknowledge::new(move |done| acknowledged.lock().push(done));
        self.inbound.0.send(Inbound { what, acknowledge }).unwrap();
    }

    /// The receipt of the `at`th message that it has.
    fn receipt(&self, at: usize, fate: ReceiptFate) {
        let had = self.had.lock()[at].clone();
        self.comes(Came::Receipt(Receipt { to: had.to(), message: had.id, reference: None, fate }));
    }

    fn had(&self) -> usize {
        self.had.lock().len()
    }
}

impl MessageCentre for Fake {
    fn manner(&self) -> Manner {
        self.manner
    }

    fn submit(&self, handed: Handed) -> BoxFuture<'_, Result<Submitted, Lost>> {
        Box::pin(async move {
            *self.submitted.lock() += 1;
            let next = self.next.lock().pop_front().unwrap_or(Next::Takes);
            let take = |handed| {
                let mut had = self.had.lock();
                // The same text under the same name is the same to it.
                if let (Some(had), Handed::Text(_)) = (had.iter().find(|had| had.handed == handed), &handed) {
                    return had.id.clone();
                }
                let id = format!("m{}", had.len());
                had.push(Had { id: id.clone(), handed, gone: false });
                id
            };
            match next {
                Next::Takes => Ok(Submitted::Taken(take(handed))),
                Next::TakesSilently => {
                    take(handed);
                    Err(Lost::Unknown)
                }
                Next::Loses => Err(Lost::Unknown),
                Next::Busy => Ok(Submitted::Busy),
                Next::Refuses => Ok(Submitted::Refused("0x0b".into())),
            }
        })
    }

    fn cancel(&self, source: String, to: Msisdn) -> BoxFuture<'_, Result<Cancelled, Lost>> {
        Box::pin(async move {
            self.cancels.lock().push((source.clone(), to));
            let mut had = self.had.lock();
            let mut meant =
                had.iter_mut().filter(|had| !had.gone && had.to() == to && had.message().source == source).peekable();
            if meant.peek().is_none() {
                return self.nothing.lock().ok_or(Lost::Unknown);
            }
            meant.for_each(|had| had.gone = true);
            Ok(Cancelled::Gone)
        })
    }

    fn query(&self, _source: String, _message: String) -> BoxFuture<'_, Result<ReceiptFate, Lost>> {
        Box::pin(async move { self.states.lock().clone().ok_or(Lost::Unknown) })
    }

    fn next(&self) -> BoxFuture<'_, Inbound> {
        Box::pin(async move { self.inbound.1.lock().await.recv().await.unwrap() })
    }

    fn open_since(&self) -> watch::Receiver<Option<Duration>> {
        self.open.subscribe()
    }
}

fn waiting(state: &State) -> usize {
    state.effects_from(EffectId(0)).filter(|row| matches!(row.effect, Effect::Sms { .. })).count()
}

/// A province with texts to send, and a centre.
struct Scene {
    trial: Trial,
    centre: Arc<Fake>,
}

impl Scene {
    /// One account for each number, so one text each.
    async fn with(numbers: u64, next: &[Next]) -> Self {
        Self::with_a_centre(Manner::Messages, numbers, next).await
    }

    async fn with_a_centre(manner: Manner, numbers: u64, next: &[Next]) -> Self {
        let trial = Trial::start().await;
        let newest = |state: &State| (state.version() == StateVersion::NEWEST).then_some(());
        trial.until("the newest rules", newest).await;
        for last in 1..=numbers {
            trial.open(local(last), Money::ZERO).await;
        }
        let centre = Fake::new(manner);
        centre.will(next);
        Self { trial, centre }
    }

    /// How long a receipt is waited for before something is asked; and nothing is given up.
    fn waits(&mut self, receipt_wait_ms: u64) {
        let mut settings = (*self.trial.context.settings).clone();
        (settings.smpp.receipt_wait_ms, settings.smpp.give_up_ms) = (receipt_wait_ms, 600_000);
        self.trial.context.settings = Arc::new(settings);
    }

    async fn actors(&self) -> Tree {
        self.trial.actors_with(self.centre.opener()).await
    }

    async fn comes_to(&self, last: u64, fate: Fate) {
        let look = move |state: &State| state.texts_of(local(last)).last().filter(|text| text.fate == fate).map(|_| ());
        self.trial.until(fate.name(), look).await;
    }

    fn holds(&self) {
        assert_eq!(self.trial.context.replica.read(State::check_all), Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_sent_taken_and_delivered() {
    let scene = Scene::with(3, &[]).await;
    let _actors = scene.actors().await;
    for last in 1..=3 {
        scene.comes_to(last, Fate::Sent).await;
    }
    assert_eq!((scene.centre.had(), scene.trial.context.replica.read(waiting)), (3, 0));
    scene.centre.receipt(0, ReceiptFate::Delivered);
    scene.centre.receipt(1, ReceiptFate::Failed { why: "UNDELIV".into() });
    let first = scene.centre.had.lock()[0].to();
    scene.comes_to(first.number() - 18_900_000_000, Fate::Delivered).await;
    // Receipts are acknowledged once they are written down, and those that come again too.
    scene.centre.receipt(0, ReceiptFate::Delivered);
    eventually("all are acknowledged", || *scene.centre.acknowledged.lock() == [true; 3]).await;
    let totals = scene.trial.context.replica.read(State::text_totals);
    assert_eq!((totals.of(Fate::Delivered), totals.of(Fate::Failed), totals.of(Fate::Sent)), (1, 1, 1));
    scene.holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_not_sent_again_and_the_receipt_tells() {
    let mut scene = Scene::with(1, &[Next::TakesSilently]).await;
    scene.waits(300_000);
    let _actors = scene.actors().await;
    eventually("it is with the centre", || scene.centre.had() == 1).await;
    scene.centre.receipt(0, ReceiptFate::Delivered);
    scene.comes_to(1, Fate::Delivered).await;
    assert_eq!((scene.centre.had(), scene.centre.cancels.lock().len()), (1, 0));
    scene.holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_taken_is_sent_again_once_that_is_certain() {
    let scene = Scene::with(1, &[Next::Loses]).await;
    let _actors = scene.actors().await;
    scene.comes_to(1, Fate::Sent).await;
    assert_eq!((scene.centre.had(), *scene.centre.submitted.lock()), (1, 2));
    assert_eq!(scene.centre.cancels.lock().len(), 1, "the centre was asked first");
    scene.holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_centre_gives_back_is_sent_again() {
    // Taken, its answer lost, and the handset is off.
    let scene = Scene::with(1, &[Next::TakesSilently]).await;
    let _actors = scene.actors().await;
    scene.comes_to(1, Fate::Sent).await;
    let had = scene.centre.had.lock().clone();
    assert_eq!(had.iter().map(|had| had.gone).collect::<Vec<_>>(), [true, false]);
    // That the first was taken back tells nothing of the second.
    scene.centre.receipt(0, ReceiptFate::Deleted);
    scene.centre.receipt(1, ReceiptFate::Delivered);
    scene.comes_to(1, Fate::Delivered).await;
    scene.holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_centre_that_can_not_be_asked_leaves_it_unknown_and_never_twice() {
    let scene = Scene::with(1, &[Next::Loses]).await;
    *scene.centre.nothing.lock() = Some(Cancelled::Unsupported);
    let _actors = scene.actors().await;
    scene.comes_to(1, Fate::Unknown).await;
    assert_eq!(*scene.centre.submitted.lock(), 1, "nobody knows, so it is not sent again");
    scene.holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_dies_leaves_what_is_in_doubt_to_the_next() {
    let mut scene = Scene::with(1, &[Next::TakesSilently]).await;
    scene.waits(300_000);
    let actors = scene.actors().await;
    eventually("it is with the centre", || scene.centre.had() == 1).await;
    actors.stop().await;
    let _successors = scene.actors().await;
    scene.centre.receipt(0, ReceiptFate::Delivered);
    scene.comes_to(1, Fate::Delivered).await;
    assert_eq!(scene.centre.had(), 1, "the successor did not send it again");
    scene.holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_centre_is_asked_again_and_one_that_refuses_is_not() {
    let scene = Scene::with(2, &[Next::Busy, Next::Busy, Next::Busy]).await;
    let _actors = scene.actors().await;
    scene.comes_to(1, Fate::Sent).await;
    scene.comes_to(2, Fate::Sent).await;
    assert_eq!((scene.centre.had(), *scene.centre.submitted.lock()), (2, 5));
    scene.centre.will(&[Next::Refuses]);
    scene.trial.open(local(3), Money::ZERO).await;
    scene.comes_to(3, Fate::Failed).await;
    scene.holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_to_one_number_go_one_after_the_other() {
    let scene = Scene::with(1, &[Next::Loses]).await;
    for _ in 0..5 {
        let look = |state: &State| {
            let stored = mpss_domain::AccountSelector::Kind(mpss_domain::AccountKind::StoredValue);
            state.select_account(local(1), stored).map(|account| account.id)
        };
        let account = scene.trial.context.replica.read(look).unwrap();
        let request = scene.trial.request();
        scene.trial.home.top_up_cash(request, account, Money::yuan(1), "agent".into()).await.unwrap();
    }
    let _actors = scene.actors().await;
    let all = |state: &State| (state.texts_of(local(1)).count() == 6 && waiting(state) == 0).then_some(());
    scene.trial.until("all six are taken", all).await;
    let words: Vec<_> = scene.centre.had.lock().iter().map(|had| had.message().bytes.clone()).collect();
    assert_eq!(words.len(), 6);
    let first = crate::gateway::smpp::alphabet::read(8, &words[0]);
    assert!(first.contains("已开通"), "the oldest went first, although its first try was lost: {first}");
    scene.holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_centre_is_asked_about_what_it_tells_nothing_of() {
    let scene = Scene::with(1, &[]).await;
    *scene.centre.states.lock() = Some(ReceiptFate::Delivered);
    let _actors = scene.actors().await;
    scene.comes_to(1, Fate::Delivered).await;
    assert_eq!(scene.centre.had(), 1);
    scene.holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_acknowledged_when_they_are_done() {
    let scene = Scene::with(0, &[]).await;
    let _actors = scene.actors().await;
    scene.centre.comes(Came::Words { from: local(7), words: Zeroizing::new("KT 739164".into()) });
    eventually("it is acknowledged", || *scene.centre.acknowledged.lock() == [true]).await;
    assert!(scene.trial.context.replica.read(|state| state.subscriber(local(7)).is_some()));
    scene.comes_to(7, Fate::Sent).await;
}

/// A centre that is handed whole texts, and knows a name that it has had.
const BY_NAME: Manner = Manner::Texts { known_again: true };

#[tokio::test(flavor = "multi_thread")]
async fn a_text_goes_whole_under_a_name_that_says_which_it_is() {
    let scene = Scene::with_a_centre(BY_NAME, 2, &[]).await;
    let _actors = scene.actors().await;
    for last in 1..=2 {
        scene.comes_to(last, Fate::Sent).await;
    }
    for had in scene.centre.had.lock().iter() {
        let text = had.text();
        assert!(text.words.starts_with("【移动支付】") && text.words.contains("已开通"), "{}", text.words);
        let (province, decided, id) = named(&text.name).unwrap();
        assert_eq!(province, scene.trial.context.province);
        let seen = scene.trial.context.replica.read(move |state| state.text(id).cloned()).unwrap();
        assert_eq!((seen.to, seen.at, seen.parts.len()), (text.to, decided, 1));
    }
    scene.holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_asked_for_again_by_the_same_name_until_it_is_had() {
    // Taken, its answer lost; then lost, busy and refused: none of which says anything of the first time.
    let next = [Next::TakesSilently, Next::Loses, Next::Busy, Next::Refuses];
    let mut scene = Scene::with_a_centre(BY_NAME, 1, &next).await;
    scene.waits(100);
    let _actors = scene.actors().await;
    scene.comes_to(1, Fate::Sent).await;
    assert_eq!((scene.centre.had(), *scene.centre.submitted.lock()), (1, 5));
    assert_eq!(scene.centre.cancels.lock().len(), 0, "nothing is taken back");
    scene.centre.receipt(0, ReceiptFate::Delivered);
    scene.comes_to(1, Fate::Delivered).await;
    scene.holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_leader_asks_again_by_the_name_that_the_old_one_gave() {
    let mut scene = Scene::with_a_centre(BY_NAME, 1, &[Next::TakesSilently]).await;
    scene.waits(100);
    let actors = scene.actors().await;
    eventually("it is with the centre", || scene.centre.had() == 1).await;
    actors.stop().await;
    let _successors = scene.actors().await;
    scene.comes_to(1, Fate::Sent).await;
    assert_eq!((scene.centre.had(), *scene.centre.submitted.lock()), (1, 2));
    scene.holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_names_are_not_known_again_a_lost_answer_is_waited_for_and_the_next_text_goes_on() {
    let scene = Scene::with_a_centre(Manner::Texts { known_again: false }, 1, &[Next::TakesSilently]).await;
    let _actors = scene.actors().await;
    eventually("it is with the centre", || scene.centre.had() == 1).await;
    // Its receipt comes by another door, as it does from the ISAG: the desk is not told.
    let receipt = Receipt { to: local(1), message: "r1".into(), reference: None, fate: ReceiptFate::Delivered };
    scene.trial.propose(Verb::RecordTexts { news: Vec::new(), receipts: vec![receipt] }).await;
    scene.comes_to(1, Fate::Delivered).await;
    let stored = mpss_domain::AccountSelector::Kind(mpss_domain::AccountKind::StoredValue);
    let account = scene.trial.context.replica.read(|state| state.select_account(local(1), stored).unwrap().id);
    let request = scene.trial.request();
    scene.trial.home.top_up_cash(request, account, Money::yuan(1), "agent".into()).await.unwrap();
    scene.comes_to(1, Fate::Sent).await;
    assert_eq!((scene.centre.had(), *scene.centre.submitted.lock()), (2, 2));
    // And one that nobody ever tells of ends as unknown, and is not handed over twice.
    scene.centre.will(&[Next::Loses]);
    scene.trial.open(local(2), Money::ZERO).await;
    scene.comes_to(2, Fate::Unknown).await;
    assert_eq!(*scene.centre.submitted.lock(), 3);
    scene.holds();
}
