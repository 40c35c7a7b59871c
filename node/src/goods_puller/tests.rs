//! A province and a national platform that is published to, cut off, and restored.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::{Batch, Command, LogTime, Money, Outcome, ProductId, Scope, SpId, State};
use mpss_routing::peer::PeerDoor;
use mpss_routing::{Dispatch, DispatchOptions, PeerReply, PeerTransport};
use mpss_runtime::BoxFuture;
use parking_lot::Mutex;

use super::*;
use crate::node::trial::Trial;

/// The national platform: its rules without its nodes.
struct National {
    state: Mutex<State>,
    cut_off: AtomicBool,
}

impl National {
    fn new() -> Arc<Self> {
        let national = Self { state: Mutex::new(State::new(ProvinceId::NATIONAL)), cut_off: AtomicBool::new(false) };
        national.does(Verb::RaiseVersion { to: StateVersion::NEWEST });
        Arc::new(national)
    }

    fn does(&self, verb: Verb) -> Outcome {
        let mut state = self.state.lock();
        let (index, at) = (state.index() + 1, LogTime(1_795_437_296_789));
        state.apply(index, &Batch { at, commands: vec![Command::internal(verb)] }).replies.remove(0).outcome
    }

    fn admits(&self, name: &str) -> SpId {
        let admit = Verb::AdmitSp { name: name.into(), notice_url: "http://sp".into() };
        let Outcome::Sp(sp) = self.does(admit) else { panic!("no SP") };
        sp
    }

    fn publishes(&self, sp: SpId, title: &str, product: Option<ProductId>) -> ProductId {
        let terms = Terms {
            sp,
            title: title.into(),
            application: Application::Ticketing,
            scope: Scope::National,
            price: Money::yuan(1),
            delivery_deadline_ms: 60_000,
        };
        let upload = Verb::UploadProduct { product, terms, by: "lucy".into() };
        let Outcome::Product(product) = self.does(upload) else { panic!("no product") };
        self.does(Verb::ReviewProduct { product, rejected: None, by: "rita".into() });
        self.does(Verb::PublishProduct { product });
        product
    }
}

impl PeerTransport for National {
    fn call(
        &self,
        province: ProvinceId,
        _: PeerDoor,
        call: PeerCall,
        _: Duration,
    ) -> BoxFuture<'_, Result<PeerReply, PeerError>> {
        Box::pin(async move {
            if self.cut_off.load(Ordering::Relaxed) {
                return Err(PeerError::Unreachable(province));
            }
            let after = call.path.strip_prefix("/v1/national-goods?after=").unwrap().parse().unwrap();
            let body = ChangesBody::of(&self.state.lock(), after, 500);
            Ok(PeerReply { status: 200, headers: Vec::new(), body: serde_json::to_vec(&body).unwrap().into() })
        })
    }
}

/// Province 44 with the newest rules, connected to a national platform.
async fn province(national: &Arc<National>) -> (Trial, Context, Tenure) {
    let trial = Trial::start().await;
    trial.until("the newest rules", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
    let mut context = trial.context.clone();
    let options = DispatchOptions {
        here: context.province,
        try_deadline: Duration::from_millis(500),
        payment_deadline: Duration::from_millis(700),
        pause_min: Duration::from_millis(10),
        pause_max: Duration::from_millis(50),
        circuit_failures: 1_000_000,
        circuit_open: Duration::from_millis(1),
    };
    let random = context.seams.random.fork("national");
    context.dispatch = Dispatch::new(national.clone(), context.seams.clock.clone(), random, options);
    let tenure = Tenure::of(&context.replica, &context.replica.watch().borrow().clone()).unwrap();
    (trial, context, tenure)
}

/// One question after the other until nothing is new; how many there were.
async fn catch_up(context: &Context, tenure: &Tenure) -> usize {
    for asked in 1.. {
        let known = context.replica.read(State::national_goods_upto);
        if !pull(context, tenure, known).await.unwrap() {
            return asked;
        }
    }
    unreachable!("it ends")
}

/// What a catalogue would show: title and version, in the order of the titles.
fn shown(context: &Context) -> Vec<String> {
    let mut shown: Vec<_> = context.replica.read(|state| {
        state.national_goods().map(|(product, _)| format!("{} {}", product.terms.title, product.version)).collect()
    });
    shown.sort();
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn a_province_shows_what_it_knew_and_catches_up() {
    let national = National::new();
    let (trial, context, tenure) = province(&national).await;
    assert_eq!(catch_up(&context, &tenure).await, 1);
    assert_eq!(context.replica.read(State::national_goods_upto), 0);

    let airline = national.admits("airline");
    let (flight, train) = (national.publishes(airline, "flight", None), national.publishes(airline, "train", None));
    catch_up(&context, &tenure).await;
    assert_eq!(shown(&context), ["flight 1", "train 1"]);

    // Nothing new costs no place in the log.
    let before = context.replica.read(State::index);
    catch_up(&context, &tenure).await;
    assert_eq!(context.replica.read(State::index), before);

    national.cut_off.store(true, Ordering::Relaxed);
    national.does(Verb::WithdrawProduct { product: train });
    national.publishes(airline, "flight", Some(flight));
    let known = context.replica.read(State::national_goods_upto);
    assert!(matches!(pull(&context, &tenure, known).await, Err(NotPulled::Peer(_))));
    assert_eq!(shown(&context), ["flight 1", "train 1"]);
    national.cut_off.store(false, Ordering::Relaxed);
    catch_up(&context, &tenure).await;
    assert_eq!(shown(&context), ["flight 2"]);

    national.does(Verb::SetSpSuspended { sp: airline, suspended: true });
    catch_up(&context, &tenure).await;
    assert_eq!(shown(&context), [""; 0]);
    national.does(Verb::SetSpSuspended { sp: airline, suspended: false });
    catch_up(&context, &tenure).await;
    assert_eq!(shown(&context), ["flight 2"]);
    trial.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_comes_in_pieces_and_anew_after_a_restoration() {
    let national = National::new();
    let (trial, context, tenure) = province(&national).await;
    let airline = national.admits("airline");
    for number in 0..1_200 {
        national.publishes(airline, &format!("{number:04}"), None);
    }
    let asked = catch_up(&context, &tenure).await;
    assert_eq!((asked, shown(&context).len()), (3, 1_200));

    // The platform's books are restored from a copy that knew less.
    *national.state.lock() = State::new(ProvinceId::NATIONAL);
    national.does(Verb::RaiseVersion { to: StateVersion::NEWEST });
    let airline = national.admits("airline");
    national.publishes(airline, "ferry", None);
    catch_up(&context, &tenure).await;
    assert_eq!(shown(&context), ["ferry 1"]);
    trial.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_keeps_its_copies_by_itself() {
    let national = National::new();
    let (trial, mut context, tenure) = province(&national).await;
    let mut settings = (*context.settings).clone();
    settings.dispatch.national_goods_ms = 10;
    context.settings = Arc::new(settings);
    let airline = national.admits("airline");
    let flight = national.publishes(airline, "flight", None);
    let (puller, running) = Actor::spawn(None, GoodsPuller, (context.clone(), tenure)).await.unwrap();
    trial.until("the flight is known", |state| (state.national_goods().count() == 1).then_some(())).await;
    national.does(Verb::WithdrawProduct { product: flight });
    trial.until("the flight is gone", |state| (state.national_goods().count() == 0).then_some(())).await;
    puller.stop(None);
    running.await.unwrap();
    trial.stop().await;
}
