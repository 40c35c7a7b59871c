//! Requests and answers that are lost, come late or come twice.

use mpss_domain::rail::{Answer, CallAnswer, CallStep, Phase};
use mpss_domain::{PaymentStatus, Verb};
use mpss_node::simulator::manner::Trouble;

use super::{is, paid, set_aside, spendable};
use crate::bench::{Bench, Check, Rail, ensure};

pub(super) fn the_request_is_lost(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::Lost]);
    bench.pay(1, 120);
    bench.settle();
    if bench.is_outside() {
        is(bench, 1, PaymentStatus::Reversed)?;
        spendable(bench, 500)?;
    }
    Ok(())
}

pub(super) fn committed_but_the_answer_was_lost(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::AnswerLost]);
    bench.pay(1, 120);
    bench.settle();
    match bench.rail {
        Rail::StoredValue => is(bench, 1, PaymentStatus::Captured),
        // It can be asked, and says that it was done.
        Rail::Communication | Rail::Upp => is(bench, 1, PaymentStatus::Reserved),
        // It can not be asked: undone.
        Rail::BankRealTime | Rail::BankPreFreeze => {
            is(bench, 1, PaymentStatus::Reversed)?;
            spendable(bench, 500)
        }
    }
}

pub(super) fn the_answer_to_a_hold_is_lost(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::AnswerLost]);
    bench.hold(1, 300);
    bench.settle();
    let known = matches!(bench.status(1), Some(PaymentStatus::Reserved | PaymentStatus::Reversed));
    ensure(known, || format!("{:?}", bench.status(1)))
}

pub(super) fn the_answer_to_a_capture_is_lost(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.troubles(&[Trouble::AnswerLost, Trouble::AnswerLost]);
    bench.capture(1, Some(100));
    bench.settle();
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 400)?;
    set_aside(bench, 0)
}

pub(super) fn the_answer_to_a_release_is_lost(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.troubles(&[Trouble::AnswerLost]);
    bench.reverse(1);
    bench.settle();
    spendable(bench, 500)
}

pub(super) fn the_answer_to_a_reversal_is_lost(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.troubles(&[Trouble::AnswerLost, Trouble::AnswerLost]);
    bench.reverse(1);
    bench.settle();
    is(bench, 1, PaymentStatus::Reversed)?;
    spendable(bench, 500)
}

pub(super) fn the_answer_to_a_refund_is_lost(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.troubles(&[Trouble::AnswerLost]);
    bench.refund(1, 1, 50);
    bench.settle();
    spendable(bench, 430)
}

pub(super) fn the_capture_is_lost(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.troubles(&[Trouble::Lost]);
    bench.capture(1, Some(100));
    bench.settle();
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 400)
}

pub(super) fn the_release_is_lost(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.troubles(&[Trouble::Lost]);
    bench.reverse(1);
    bench.settle();
    spendable(bench, 500)
}

pub(super) fn the_reversal_is_lost(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.troubles(&[Trouble::Lost, Trouble::Lost]);
    bench.reverse(1);
    bench.settle();
    is(bench, 1, PaymentStatus::Reversed)?;
    spendable(bench, 500)
}

pub(super) fn the_refund_is_lost(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.troubles(&[Trouble::Lost]);
    bench.refund(1, 1, 50);
    bench.settle();
    spendable(bench, 430)
}

pub(super) fn every_answer_to_a_refund_is_lost_but_the_last(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.troubles(&[Trouble::AnswerLost; 9]);
    bench.refund(1, 1, 50);
    bench.settle();
    spendable(bench, 430)?;
    if let Some(call) = bench.call(1, CallStep::Refund) {
        ensure(call.phase == Phase::Approved && call.sent == 10, || format!("{:?} after {}", call.phase, call.sent))?;
    }
    Ok(())
}

pub(super) fn late_approval_after_reversal(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::Late]);
    bench.begin_payment(1, 120);
    let begun = bench.begin();
    let answers = if bench.is_outside() { bench.send(&begun) } else { Vec::new() };
    bench.begin_reversal(1);
    // The word of the time-out comes, then the approval that was on its way all the time.
    bench.apply(Verb::RecordCalls { answers });
    for request in &begun {
        let answer = Answer::Approved { reference: "late".into() };
        bench.apply(Verb::RecordCalls { answers: vec![CallAnswer { call: request.call.id, answer }] });
    }
    bench.settle();
    is(bench, 1, PaymentStatus::Reversed)?;
    for request in &begun {
        let call = bench.state.call(request.call.id).expect("kept");
        ensure(call.late_approval.is_some(), || "nobody knows of the late approval".into())?;
    }
    spendable(bench, 500)
}

pub(super) fn the_peer_answers_twice(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::Twice]);
    paid(bench, 1, 120)?;
    spendable(bench, 380)
}

pub(super) fn the_peer_answers_a_capture_twice(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.troubles(&[Trouble::Twice]);
    bench.capture(1, Some(100));
    bench.settle();
    spendable(bench, 400)
}

pub(super) fn the_peer_answers_a_refund_twice(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.troubles(&[Trouble::Twice]);
    bench.refund(1, 1, 50);
    spendable(bench, 430)
}
