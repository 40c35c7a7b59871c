//! The circuit of a province: what opens it, what closes it, and what it has no part in.

use mpss_domain::ids::IssuedId;
use mpss_domain::{LogTime, OrderId, PaymentId, ProvinceId, Refusal, ReversalId};
use mpss_routing::wire::PeerResult;
use mpss_routing::{Paid, PeerError};
use mpss_runtime::Clock;

use crate::link::{Fortune, Rule, problem};
use crate::scene::{here, home, message, ms, scene, scene_with};
use crate::virtual_time::run;

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
