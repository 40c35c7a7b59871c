//! Reversals, refunds, credits and questions for a fate: one try each, with its own message, because whoever
//! stored them asks again.

use mpss_domain::ids::IssuedId;
use mpss_domain::{LogTime, Money, Msisdn, OrderId, PaymentId, RefundId, Refusal, ReversalId, TransferId};
use mpss_routing::wire::{
    PaymentFate, PeerAnswer, PeerResult, RefundMessage, ReversalMessage, TransferMessage, decode,
};
use mpss_routing::{PeerCall, PeerError};

use crate::link::{Fortune, ok};
use crate::scene::{here, home, scene};
use crate::virtual_time::run;

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
