//! Payments sent home over a link that loses, delays and repeats, in virtual time.
#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod virtual_time;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mpss_domain::ids::IssuedId;
use mpss_domain::{LogTime, Money, Msisdn, OrderId, PaymentId, ProvinceId, RefundId, Refusal, ReversalId, TransferId};
use mpss_routing::peer::{PeerDoor, PeerTransport};
use mpss_routing::wire::{
    FORWARDED_HEADER, PaymentFate, PaymentMessage, PeerAnswer, PeerResult, RefundMessage, ReversalMessage,
    TransferMessage, decode, encode,
};
use mpss_routing::{Dispatch, DispatchOptions, Paid, PeerCall, PeerError, PeerReply};
use mpss_runtime::{BoxFuture, Clock, Random};
use virtual_time::{Seeded, VirtualClock, run};

/// What happens to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fortune {
    /// Arrives, and so does the answer.
    Good,
    /// Arrives twice; the second answer comes back.
    Twice,
    /// Never arrives.
    RequestLost,
    /// Arrives; the answer does not.
    AnswerLost,
    /// Arrives; the answer comes after this time.
    AnswerAfter(Duration),
    /// Arrives after this time; the answer is lost.
    ArrivesAfter(Duration),
    /// No node can be reached.
    Unreachable,
    /// No address.
    NotConnected,
    /// A node answers this and does nothing.
    Says(PeerReply),
}

/// What the home province decides about a payment the first time it sees it.
type Rule = Box<dyn Fn(&PaymentMessage) -> PeerResult + Send>;

/// A link, and the home province behind it.
struct World {
    clock: VirtualClock,
    fortunes: VecDeque<Fortune>,
    /// What happens when no fortune is left.
    then: Fortune,
    rule: Rule,
    decided: BTreeMap<String, PeerAnswer>,
    captures: BTreeMap<String, u32>,
    on_the_way: Vec<(Duration, PeerCall)>,
    calls: Vec<(Duration, PeerDoor, PeerCall, Duration)>,
}

#[derive(Clone)]
struct Link(Arc<Mutex<World>>);

impl World {
    /// The home province sees a call.
    fn arrives(&mut self, call: &PeerCall) -> PeerReply {
        if call.path != "/peer/v1/payments" {
            return ok(&PeerAnswer { result: PeerResult::Done, log_index: 77 });
        }
        let message: PaymentMessage = decode(&call.body).unwrap();
        let id = message.payment_id.clone();
        if let Some(first) = self.decided.get(&id) {
            return ok(first);
        }
        let answer = PeerAnswer { result: (self.rule)(&message), log_index: 1 + self.decided.len() as u64 };
        if answer.result == PeerResult::Done {
            *self.captures.entry(id.clone()).or_default() += 1;
        }
        let passing = matches!(&answer.result, PeerResult::Refused { number, .. }
            if [Refusal::NotHome.number(), Refusal::PasswordChanged.number()].contains(number));
        if !passing {
            self.decided.insert(id, answer.clone());
        }
        ok(&answer)
    }

    /// Lets everything arrive that was still on its way.
    fn settle(&mut self, until: Duration) {
        let (due, later) = std::mem::take(&mut self.on_the_way).into_iter().partition(|(at, _)| *at <= until);
        self.on_the_way = later;
        for (_, call) in due {
            self.arrives(&call);
        }
    }

    fn captured(&self) -> u32 {
        self.captures.values().sum()
    }
}

impl PeerTransport for Link {
    fn call(
        &self,
        province: ProvinceId,
        door: PeerDoor,
        call: PeerCall,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<PeerReply, PeerError>> {
        let mut world = self.0.lock().unwrap();
        let now = world.clock.monotonic();
        world.settle(now);
        world.calls.push((now, door, call.clone(), deadline));
        let fortune = world.fortunes.pop_front().unwrap_or_else(|| world.then.clone());
        let reply = match fortune {
            Fortune::Good => Ok(world.arrives(&call)),
            Fortune::Twice => {
                world.arrives(&call);
                Ok(world.arrives(&call))
            }
            Fortune::RequestLost => return Box::pin(futures::future::pending()),
            Fortune::AnswerLost => {
                world.arrives(&call);
                return Box::pin(futures::future::pending());
            }
            Fortune::AnswerAfter(delay) => {
                let reply = world.arrives(&call);
                let wait = world.clock.sleep(delay);
                return Box::pin(async move {
                    wait.await;
                    Ok(reply)
                });
            }
            Fortune::ArrivesAfter(delay) => {
                world.on_the_way.push((now + delay, call));
                return Box::pin(futures::future::pending());
            }
            Fortune::Unreachable => Err(PeerError::Unreachable(province)),
            Fortune::NotConnected => Err(PeerError::NotConnected(province)),
            Fortune::Says(reply) => Ok(reply),
        };
        Box::pin(std::future::ready(reply))
    }
}

fn ok(answer: &PeerAnswer) -> PeerReply {
    PeerReply { status: 200, headers: vec![("content-type".into(), "application/json".into())], body: encode(answer) }
}

fn problem(status: u16, headers: &[(&str, &str)]) -> Fortune {
    let mut all = vec![("content-type".to_owned(), "application/problem+json".to_owned())];
    all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Fortune::Says(PeerReply { status, headers: all, body: Bytes::from_static(b"{}") })
}

fn home() -> ProvinceId {
    ProvinceId::new(51).unwrap()
}

fn here() -> ProvinceId {
    ProvinceId::new(44).unwrap()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn options() -> DispatchOptions {
    DispatchOptions {
        here: here(),
        try_deadline: ms(2_000),
        payment_deadline: ms(4_000),
        pause_min: ms(50),
        pause_max: ms(2_000),
        circuit_failures: 5,
        circuit_open: ms(2_000),
    }
}

struct Scene {
    clock: VirtualClock,
    world: Arc<Mutex<World>>,
    dispatch: Dispatch,
}

fn scene_with(fortunes: Vec<Fortune>, then: Fortune, seed: u64, rule: Rule) -> Scene {
    let clock = VirtualClock::default();
    let world = Arc::new(Mutex::new(World {
        clock: clock.clone(),
        fortunes: fortunes.into(),
        then,
        rule,
        decided: BTreeMap::new(),
        captures: BTreeMap::new(),
        on_the_way: Vec::new(),
        calls: Vec::new(),
    }));
    let random: Arc<dyn Random> = Arc::new(Seeded::new(seed));
    let dispatch = Dispatch::new(Arc::new(Link(world.clone())), Arc::new(clock.clone()), random, options());
    Scene { clock, world, dispatch }
}

fn scene(fortunes: Vec<Fortune>, then: Fortune) -> Scene {
    scene_with(fortunes, then, 1, Box::new(|_| PeerResult::Done))
}

fn message(serial: u16) -> PaymentMessage {
    let at = LogTime(1_795_437_296_789);
    PaymentMessage {
        payment_id: PaymentId::issue(at, here(), serial).to_string(),
        order_id: OrderId::issue(at, here(), serial).to_string(),
        serving: here().to_string(),
        msisdn: "18900001234".into(),
        epoch: 1,
        scope: "roaming".into(),
        location: here().to_string(),
        account_id: None,
        account_kind: Some("virtual".into()),
        amount_fen: 1_230,
        title: "航班预订".into(),
        payment_password: "135790".into(),
    }
}

impl Scene {
    fn pay(&self, serial: u16) -> Result<Result<u64, Refusal>, PeerError> {
        let paid = run(&self.clock, self.dispatch.pay(home(), message(serial)))?;
        Ok(paid.map(|paid| paid.log_index))
    }

    fn tries(&self) -> usize {
        self.world.lock().unwrap().calls.len()
    }

    /// Everything that is still on its way arrives, then counts.
    fn captured(&self) -> u32 {
        let mut world = self.world.lock().unwrap();
        world.settle(Duration::MAX);
        world.captured()
    }

    fn settled_captures(&self) -> BTreeMap<String, u32> {
        let mut world = self.world.lock().unwrap();
        world.settle(Duration::MAX);
        world.captures.clone()
    }
}

#[test]
fn a_good_link_needs_one_try_and_no_time() {
    let scene = scene(vec![], Fortune::Good);
    assert_eq!(scene.pay(1), Ok(Ok(1)));
    assert_eq!((scene.tries(), scene.captured(), scene.clock.monotonic()), (1, 1, Duration::ZERO));
    let world = scene.world.lock().unwrap();
    let (_, door, call, deadline) = &world.calls[0];
    assert_eq!((*door, call.method.as_str(), call.path.as_str()), (PeerDoor::Peer, "POST", "/peer/v1/payments"));
    assert_eq!(call.header("content-type"), Some("application/json"));
    assert_eq!(call.header("mpss-deadline-ms"), Some("2000"), "the budget is told");
    assert_eq!(*deadline, ms(2_000));
    assert_eq!(decode::<PaymentMessage>(&call.body), Ok(message(1)));
}

#[test]
fn a_lost_request_is_sent_again() {
    let scene = scene(vec![Fortune::RequestLost], Fortune::Good);
    assert_eq!(scene.pay(1), Ok(Ok(1)));
    assert_eq!((scene.tries(), scene.captured()), (2, 1));
}

#[test]
fn a_lost_answer_does_not_debit_twice() {
    let scene = scene(vec![Fortune::AnswerLost], Fortune::Good);
    assert_eq!(scene.pay(1), Ok(Ok(1)), "the first answer again");
    assert_eq!((scene.tries(), scene.captured()), (2, 1));
    let world = scene.world.lock().unwrap();
    assert_eq!(world.calls[0].2.body, world.calls[1].2.body, "the same message with the same id");
}

#[test]
fn an_answer_that_comes_too_late_is_asked_for_again() {
    let scene = scene(vec![Fortune::AnswerAfter(ms(2_001))], Fortune::Good);
    assert_eq!(scene.pay(1), Ok(Ok(1)));
    assert_eq!((scene.tries(), scene.captured()), (2, 1));
    // In the last moment is in time.
    let scene = self::scene(vec![Fortune::AnswerAfter(ms(2_000))], Fortune::Unreachable);
    assert_eq!(scene.pay(1), Ok(Ok(1)));
    assert_eq!(scene.tries(), 1);
}

#[test]
fn a_request_that_arrives_twice_or_late_debits_once() {
    let scene = scene(vec![Fortune::Twice], Fortune::RequestLost);
    assert_eq!((scene.pay(1), scene.captured()), (Ok(Ok(1)), 1));
    let scene = self::scene(vec![Fortune::ArrivesAfter(ms(2_010)), Fortune::Good], Fortune::RequestLost);
    assert_eq!((scene.pay(1), scene.captured()), (Ok(Ok(1)), 1));
}

#[test]
fn a_refusal_is_an_answer_and_is_not_argued_with() {
    for refusal in [Refusal::InsufficientFunds, Refusal::PasswordLocked(LogTime(1_795_440_000_000)), Refusal::NotHome] {
        let rule: Rule = Box::new(move |_| PeerResult::refused(refusal));
        let scene = scene_with(vec![], Fortune::Good, 1, rule);
        assert_eq!(scene.pay(1), Ok(Err(refusal)));
        assert_eq!((scene.tries(), scene.captured()), (1, 0));
        assert!(scene.dispatch.open_circuits().is_empty());
    }
}

#[test]
fn a_passing_refusal_after_a_try_that_may_still_arrive_decides_nothing() {
    let refuse: Rule = Box::new(|_| PeerResult::refused(Refusal::NotHome));
    let scene = scene_with(vec![Fortune::ArrivesAfter(ms(10_000))], Fortune::Good, 1, refuse);
    assert_eq!(scene.pay(1), Err(PeerError::Unknown(home())));
    // A refusal that is kept under the payment id does decide it.
    let refuse: Rule = Box::new(|_| PeerResult::refused(Refusal::InsufficientFunds));
    let scene = scene_with(vec![Fortune::ArrivesAfter(ms(10_000))], Fortune::Good, 1, refuse);
    assert_eq!((scene.pay(1), scene.captured()), (Ok(Err(Refusal::InsufficientFunds)), 0));
}

#[test]
fn silence_to_the_end_is_unknown_and_ends_in_time() {
    for then in [Fortune::RequestLost, Fortune::AnswerLost] {
        let scene = scene(vec![], then);
        assert_eq!(scene.pay(1), Err(PeerError::Unknown(home())));
        let took = scene.clock.monotonic();
        assert!(took <= ms(4_000) && took > ms(3_000), "{took:?}");
        assert!(scene.tries() >= 2 && scene.captured() <= 1);
    }
}

#[test]
fn never_reached_is_surely_never_sent() {
    let scene = scene(vec![], Fortune::Unreachable);
    assert_eq!(scene.pay(1), Err(PeerError::Unreachable(home())));
    assert_eq!(scene.captured(), 0);
    assert!(scene.clock.monotonic() < ms(4_000));
    let pauses: Vec<Duration> =
        scene.world.lock().unwrap().calls.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    for (pause, longest) in pauses.iter().zip([50, 100, 200, 400]) {
        assert!((ms(longest / 2)..=ms(longest)).contains(pause), "{pauses:?}: doubling, with jitter");
    }
}

#[test]
fn one_unknown_try_among_unreachable_ones_makes_all_of_it_unknown() {
    let before = scene(vec![Fortune::AnswerLost], Fortune::Unreachable);
    assert_eq!((before.pay(1), before.captured()), (Err(PeerError::Unknown(home())), 1));
    let after = scene(vec![Fortune::Unreachable, Fortune::ArrivesAfter(ms(9_000))], Fortune::Unreachable);
    assert_eq!((after.pay(1), after.captured()), (Err(PeerError::Unknown(home())), 1));
    let busy = scene(vec![Fortune::AnswerLost], problem(503, &[]));
    assert_eq!(busy.pay(1), Err(PeerError::Unknown(home())));
    let gone = scene(vec![Fortune::AnswerLost], Fortune::NotConnected);
    assert_eq!(gone.pay(1), Err(PeerError::Unknown(home())));
    let lost = scene(vec![Fortune::AnswerLost], problem(400, &[]));
    assert_eq!(lost.pay(1), Err(PeerError::Unknown(home())));
}

#[test]
fn a_province_without_an_address_is_not_waited_for() {
    let scene = scene(vec![], Fortune::NotConnected);
    assert_eq!(scene.pay(1), Err(PeerError::NotConnected(home())));
    assert_eq!((scene.tries(), scene.clock.monotonic()), (1, Duration::ZERO));
}

#[test]
fn not_now_is_asked_again_when_it_wants_to_be() {
    let scene = scene(vec![problem(503, &[("retry-after", "1")]), problem(429, &[])], Fortune::Good);
    assert_eq!(scene.pay(1), Ok(Ok(1)));
    let world = scene.world.lock().unwrap();
    let pauses: Vec<Duration> = world.calls.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert_eq!(pauses[0], ms(1_000), "Retry-After is longer than the pause");
    assert!(pauses[1] <= ms(100), "the second pause doubles as if nothing had been said: {pauses:?}");
}

#[test]
fn not_now_to_the_end_is_busy_and_nothing_was_done() {
    let scene = scene(vec![], problem(503, &[("retry-after", "1")]));
    assert_eq!(scene.pay(1), Err(PeerError::Busy(home())));
    assert_eq!(scene.tries(), 4, "now, after one, two and three seconds");
    // Coming again after the buyer has left is no use.
    let scene = self::scene(vec![], problem(429, &[("retry-after", "4")]));
    assert_eq!((scene.pay(1), scene.tries()), (Err(PeerError::Busy(home())), 1));
    assert_eq!(scene.clock.monotonic(), Duration::ZERO);
    assert!(scene.dispatch.open_circuits().is_empty());
}

#[test]
fn a_503_from_something_in_between_proves_nothing() {
    let plain = Fortune::Says(PeerReply { status: 503, headers: vec![], body: Bytes::new() });
    let scene = scene(vec![], plain);
    assert_eq!(scene.pay(1), Err(PeerError::Unknown(home())));
}

#[test]
fn what_was_not_understood_is_not_repeated() {
    let scene = scene(vec![], problem(400, &[]));
    assert_eq!(scene.pay(1), Err(PeerError::NotUnderstood { province: home(), status: 400 }));
    assert_eq!(scene.tries(), 1);
}

#[test]
fn an_answer_nobody_can_read_may_hide_a_debit() {
    let garbled = PeerReply { status: 200, headers: vec![], body: Bytes::from_static(b"{\"result\":") };
    let scene = scene(vec![Fortune::Says(garbled)], Fortune::Good);
    assert_eq!(scene.pay(1), Ok(Ok(1)), "asked again with the same id");
    let scene = self::scene(vec![], Fortune::Says(PeerReply { status: 500, headers: vec![], body: Bytes::new() }));
    assert_eq!(scene.pay(1), Err(PeerError::Unknown(home())));
}

#[test]
fn after_failures_in_a_row_payments_are_refused_at_once_until_one_gets_through() {
    let scene = scene(vec![], Fortune::Unreachable);
    // The first payment's own tries open the circuit; it goes on waiting for the province to come back.
    assert_eq!(scene.pay(1), Err(PeerError::Unreachable(home())));
    assert_eq!(scene.dispatch.open_circuits(), [home()]);
    let (tries, now) = (scene.tries(), scene.clock.monotonic());
    assert_eq!(scene.pay(2), Err(PeerError::Unreachable(home())));
    assert_eq!((scene.tries(), scene.clock.monotonic()), (tries, now), "not sent, not waited for");
    // Another province is none of its business.
    let other = ProvinceId::new(11).unwrap();
    scene.world.lock().unwrap().then = Fortune::Good;
    let paid = run(&scene.clock, scene.dispatch.pay(other, message(3)));
    assert_eq!(paid, Ok(Ok(Paid { held: false, log_index: 1 })));
    // When its time is over, the next payment probes and closes it.
    run(&scene.clock, scene.clock.sleep(ms(2_000)));
    assert_eq!(scene.pay(4), Ok(Ok(2)));
    assert!(scene.dispatch.open_circuits().is_empty());
}

#[test]
fn a_reversal_probes_an_open_circuit_and_closes_it() {
    let scene = scene(vec![], Fortune::RequestLost);
    assert_eq!(scene.pay(1), Err(PeerError::Unknown(home())));
    while scene.dispatch.open_circuits().is_empty() {
        assert!(scene.pay(1).is_err());
    }
    let at = LogTime(1_795_437_296_789);
    let reverse = || {
        let payment = PaymentId::issue(at, here(), 1);
        let reversal = ReversalId::issue(at, here(), 1);
        run(&scene.clock, scene.dispatch.reverse(home(), payment, reversal, OrderId::issue(at, here(), 1)))
    };
    assert_eq!(reverse(), Err(PeerError::Unknown(home())), "it was sent");
    assert_eq!(scene.pay(2), Err(PeerError::Unreachable(home())), "still open");
    scene.world.lock().unwrap().then = Fortune::Good;
    assert_eq!(reverse(), Ok(Ok(77)));
    assert_eq!(scene.pay(2), Ok(Ok(1)));
}

#[test]
fn refusals_do_not_open_a_circuit_and_time_outs_inside_the_province_do() {
    let refuse: Rule = Box::new(|_| PeerResult::refused(Refusal::InsufficientFunds));
    let scene = scene_with(vec![], Fortune::Good, 1, refuse);
    for serial in 0..50 {
        assert_eq!(scene.pay(serial), Ok(Err(Refusal::InsufficientFunds)));
    }
    assert!(scene.dispatch.open_circuits().is_empty());
    let scene = self::scene(vec![], problem(504, &[]));
    assert_eq!(scene.pay(1), Err(PeerError::Unknown(home())));
    assert_eq!(scene.dispatch.open_circuits(), [home()]);
}

#[test]
fn a_home_that_waits_for_whoever_has_the_money_is_asked_again_and_stays_reachable() {
    let pending = PeerAnswer { result: PeerResult::fate(PaymentFate::Unknown, None), log_index: 1 };
    let scene = scene(vec![Fortune::Says(ok(&pending)), Fortune::Says(ok(&pending))], Fortune::Good);
    assert_eq!(scene.pay(1), Ok(Ok(1)));
    assert_eq!(scene.tries(), 3);
    let scene = self::scene(vec![], Fortune::Says(ok(&pending)));
    for serial in 0..5 {
        assert_eq!(scene.pay(serial), Err(PeerError::Unknown(home())), "left to the order driver");
    }
    assert!(scene.dispatch.open_circuits().is_empty());
}

#[test]
fn what_is_stored_and_forwarded_is_tried_once_with_its_own_message() {
    let scene = scene(vec![], Fortune::Good);
    let at = LogTime(1_795_437_296_789);
    let (payment, order) = (PaymentId::issue(at, here(), 7), OrderId::issue(at, here(), 7));
    let (reversal, refund) = (ReversalId::issue(at, here(), 8), RefundId::issue(at, here(), 9));
    let transfer = TransferId::issue(at, here(), 10);
    let (payer, payee) = (Msisdn::new(18_900_000_001).unwrap(), Msisdn::new(18_900_000_002).unwrap());
    run(&scene.clock, async {
        assert_eq!(scene.dispatch.reverse(home(), payment, reversal, order).await, Ok(Ok(77)));
        assert_eq!(scene.dispatch.refund(home(), payment, refund, Money::fen(5)).await, Ok(Ok(77)));
        let credit = scene.dispatch.credit_transfer(home(), transfer, payer, payee, Money::fen(6), 3);
        assert_eq!(credit.await, Ok(Ok(77)));
        assert_eq!(scene.dispatch.fate(home(), payment).await, Err(PeerError::Unknown(home())), "no fate in it");
    });
    let world = scene.world.lock().unwrap();
    let calls: Vec<&PeerCall> = world.calls.iter().map(|(_, _, call, _)| call).collect();
    assert_eq!(calls[0].path, format!("/peer/v1/payments/{payment}/reversal"));
    assert_eq!(
        decode::<ReversalMessage>(&calls[0].body).unwrap(),
        ReversalMessage { reversal_id: reversal.to_string(), order_id: order.to_string(), serving: "44".into() }
    );
    assert_eq!(calls[1].path, format!("/peer/v1/payments/{payment}/refunds"));
    assert_eq!(
        decode::<RefundMessage>(&calls[1].body).unwrap(),
        RefundMessage { refund_id: refund.to_string(), amount_fen: 5, serving: "44".into() }
    );
    assert_eq!(calls[2].path, "/peer/v1/transfers");
    let credit = decode::<TransferMessage>(&calls[2].body).unwrap();
    assert_eq!((credit.payer, credit.payee), ("18900000001".into(), "18900000002".into()));
    assert_eq!((calls[3].method.as_str(), calls[3].path.clone()), ("GET", format!("/peer/v1/payments/{payment}")));
}

#[test]
fn a_fate_comes_back_with_its_reason() {
    let payment = PaymentId::issue(LogTime(1_795_437_296_789), here(), 7);
    for (fate, because) in [
        (PaymentFate::Captured, None),
        (PaymentFate::Reversed, None),
        (PaymentFate::Unknown, None),
        (PaymentFate::Declined, Some(Refusal::PasswordLocked(LogTime(9)))),
    ] {
        let answer = ok(&PeerAnswer { result: PeerResult::fate(fate, because), log_index: 3 });
        let scene = scene(vec![Fortune::Says(answer)], Fortune::RequestLost);
        assert_eq!(run(&scene.clock, scene.dispatch.fate(home(), payment)), Ok((fate, because)));
        assert_eq!(run(&scene.clock, scene.dispatch.fate(home(), payment)), Err(PeerError::Unknown(home())));
        assert_eq!(scene.tries(), 2, "one try each");
    }
}

fn public_call(headers: &[(&str, &str)]) -> PeerCall {
    PeerCall {
        method: "POST".into(),
        path: "/v1/orders?explain=true".into(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Bytes::from_static(b"{\"quantity\":1}"),
    }
}

#[test]
fn a_callers_request_is_passed_on_as_it_is_and_once() {
    let reply = PeerReply {
        status: 201,
        headers: vec![("idempotent-replayed".into(), "true".into()), ("connection".into(), "close".into())],
        body: Bytes::from_static(b"{\"order_id\":\"O\"}"),
    };
    let scene = scene(vec![Fortune::Says(reply)], Fortune::Unreachable);
    let call = public_call(&[("idempotency-key", "k1"), ("host", "node"), ("connection", "keep-alive")]);
    let back = run(&scene.clock, scene.dispatch.forward(home(), call.clone())).unwrap();
    assert_eq!((back.status, back.body), (201, Bytes::from_static(b"{\"order_id\":\"O\"}")));
    assert_eq!(back.headers, [("idempotent-replayed".to_owned(), "true".to_owned())]);
    let sent = scene.world.lock().unwrap().calls[0].clone();
    assert_eq!((sent.1, sent.2.path.as_str()), (PeerDoor::Public, "/v1/orders?explain=true"));
    assert_eq!(sent.2.body, call.body);
    assert_eq!(sent.2.header("idempotency-key"), Some("k1"));
    assert_eq!(sent.2.header(FORWARDED_HEADER), Some("44"));
    assert_eq!((sent.2.header("host"), sent.2.header("connection")), (None, None));
    // The receiving side does not pass it on again.
    let again = run(&scene.clock, scene.dispatch.forward(home(), sent.2));
    assert_eq!((again, scene.tries()), (Err(PeerError::ForwardedBefore(home())), 1));
    assert_eq!(
        run(&scene.clock, scene.dispatch.forward(home(), public_call(&[("MPSS-Forwarded", "11")]))),
        Err(PeerError::ForwardedBefore(home()))
    );
}

#[test]
fn passing_on_tells_not_reached_from_unknown_and_hands_back_every_status() {
    let scene = scene(vec![Fortune::Unreachable, Fortune::AnswerLost], problem(503, &[("retry-after", "2")]));
    let forward = |call| run(&scene.clock, scene.dispatch.forward(home(), call));
    assert_eq!(forward(public_call(&[])), Err(PeerError::Unreachable(home())));
    assert_eq!(scene.clock.monotonic(), Duration::ZERO);
    assert_eq!(forward(public_call(&[])), Err(PeerError::Unknown(home())));
    assert_eq!(scene.clock.monotonic(), ms(8_000), "as long as a purchase there can take");
    let busy = forward(public_call(&[])).unwrap();
    assert_eq!((busy.status, busy.header("retry-after")), (503, Some("2")));
}

#[test]
fn passing_on_waits_as_long_as_the_caller_does() {
    for (headers, waited) in [
        (vec![("mpss-deadline-ms", "1500")], 1_500),
        (vec![("mpss-deadline-ms", "999999999")], 60_000),
        (vec![("prefer", "wait=20")], 28_000),
        (vec![("mpss-deadline-ms", "soon")], 8_000),
    ] {
        let scene = scene(vec![], Fortune::RequestLost);
        assert_eq!(
            run(&scene.clock, scene.dispatch.forward(home(), public_call(&headers))),
            Err(PeerError::Unknown(home()))
        );
        assert_eq!(scene.clock.monotonic(), ms(waited), "{headers:?}");
        let world = scene.world.lock().unwrap();
        let told: Vec<_> = world.calls[0].2.headers.iter().filter(|(name, _)| name == "mpss-deadline-ms").collect();
        assert_eq!(told, [&("mpss-deadline-ms".to_owned(), waited.to_string())], "told once, as it is");
    }
}

/// Whatever the link does: no payment is captured twice, what is said to be captured is, what is said
/// to be refused or not done is not and never will be, and nobody waits longer than promised.
#[test]
fn what_is_returned_is_true_whatever_the_link_does() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..3_000 {
        let draw = Seeded::new(seed);
        let fortune = |draw: &Seeded| match draw.draw() % 12 {
            0 | 1 => Fortune::Good,
            2 => Fortune::Twice,
            3 => Fortune::RequestLost,
            4 => Fortune::AnswerLost,
            5 => Fortune::AnswerAfter(ms(draw.draw() % 5_000)),
            6 => Fortune::ArrivesAfter(ms(draw.draw() % 9_000)),
            7 | 8 => Fortune::Unreachable,
            9 => problem(503, &[("retry-after", "1")]),
            10 => problem(504, &[]),
            _ => problem(429, &[]),
        };
        let fortunes = (0..draw.draw() % 6).map(|_| fortune(&draw)).collect();
        let verdict = draw.draw() % 4;
        let turn = Mutex::new(draw.draw());
        let rule: Rule = Box::new(move |_| match verdict {
            0 => PeerResult::refused(Refusal::InsufficientFunds),
            // Not home for now: the plan is just being replaced, and some of its nodes know it already.
            1 => {
                let mut turn = turn.lock().unwrap();
                *turn /= 2;
                if turn.is_multiple_of(2) { PeerResult::refused(Refusal::NotHome) } else { PeerResult::Done }
            }
            _ => PeerResult::Done,
        });
        let last = fortune(&draw);
        let scene = scene_with(fortunes, last, seed, rule);
        for serial in 0..3 {
            let id = message(serial).payment_id;
            let begun = scene.clock.monotonic();
            let result = scene.pay(serial);
            let took = scene.clock.monotonic() - begun;
            assert!(took <= ms(4_000), "seed {seed}: {took:?}");
            let captured = scene.settled_captures().get(&id).copied().unwrap_or_default();
            assert!(captured <= 1, "seed {seed}: debited twice");
            let word = match &result {
                Ok(Ok(_)) => {
                    assert_eq!(captured, 1, "seed {seed}: said to be captured");
                    "captured"
                }
                Ok(Err(_)) => {
                    assert_eq!(captured, 0, "seed {seed}: said to be refused");
                    "refused"
                }
                Err(PeerError::Unknown(_)) => "unknown",
                Err(error) => {
                    assert_eq!(captured, 0, "seed {seed}: said to be surely not done: {error}");
                    "not done"
                }
            };
            *seen.entry(word).or_default() += 1;
        }
        let world = scene.world.lock().unwrap();
        for (_, _, call, deadline) in &world.calls {
            assert!(*deadline <= ms(2_000) && call.header("mpss-deadline-ms").is_some());
        }
    }
    for word in ["captured", "refused", "unknown", "not done"] {
        assert!(seen.get(word).copied().unwrap_or_default() > 300, "the search reaches everything: {seen:?}");
    }
}
