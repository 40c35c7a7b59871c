//! One payment over a link that fails: it is tried again under the same id, debits at most once, and what is
//! said of it is true.

use std::time::Duration;

use mpss_domain::{LogTime, Refusal};
use mpss_routing::PeerError;
use mpss_routing::peer::PeerDoor;
use mpss_routing::wire::{PaymentMessage, PeerResult, decode};
use mpss_runtime::Clock;

use crate::link::{Fortune, Rule, problem};
use crate::scene::{home, message, ms, scene, scene_with};

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
