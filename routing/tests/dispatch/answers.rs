//! Answers that neither pay nor refuse: not now, not understood, not readable, not known yet.

use std::time::Duration;

use bytes::Bytes;
use mpss_routing::wire::{PaymentFate, PeerAnswer, PeerResult};
use mpss_routing::{PeerError, PeerReply};
use mpss_runtime::Clock;

use crate::link::{Fortune, ok, problem};
use crate::scene::{home, ms, scene};

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
