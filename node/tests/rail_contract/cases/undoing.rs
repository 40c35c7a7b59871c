//! Reversals and refunds: each gives back once, in whatever order they come.

use mpss_domain::rail::{Answer, CallStep, Phase};
use mpss_domain::{Outcome, PaymentStatus, Refusal};
use mpss_node::simulator::manner::Trouble;

use super::{is, paid, refused, spendable};
use crate::bench::{Bench, Check, Rail, ensure};

pub(super) fn what_was_captured_is_reversed(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    let outcome = bench.reverse(1);
    ensure(outcome == Outcome::Reversed, || format!("{outcome:?}"))?;
    is(bench, 1, PaymentStatus::Reversed)?;
    spendable(bench, 500)
}

pub(super) fn a_reversal_asked_twice_gives_back_once(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.reverse(1);
    let again = bench.reverse(1);
    ensure(again == Outcome::Reversed, || format!("{again:?}"))?;
    spendable(bench, 500)
}

pub(super) fn a_reversal_before_the_original(bench: &mut Bench) -> Check {
    bench.reverse(1);
    refused(&bench.pay(1, 120), Refusal::AlreadyReversed)?;
    refused(&bench.hold(1, 120), Refusal::AlreadyReversed)?;
    spendable(bench, 500)
}

pub(super) fn a_reversal_before_anything_was_sent(bench: &mut Bench) -> Check {
    bench.begin_payment(1, 120);
    bench.begin_reversal(1);
    bench.drive();
    is(bench, 1, PaymentStatus::Reversed)?;
    spendable(bench, 500)?;
    let sent = bench.state.calls_of(Bench::payment(1)).any(|call| call.sent > 0);
    ensure(!sent, || "something was sent for nothing".into())
}

pub(super) fn a_reversal_while_nobody_knows(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::AnswerLost]);
    bench.begin_payment(1, 120);
    let begun = bench.begin();
    if bench.is_outside() {
        // It is done there, and nobody here knows.
        let answers = bench.send(&begun);
        ensure(answers.iter().all(|answer| answer.answer == Answer::NoAnswer), || format!("{answers:?}"))?;
    }
    bench.begin_reversal(1);
    bench.drive();
    is(bench, 1, PaymentStatus::Reversed)?;
    spendable(bench, 500)
}

pub(super) fn a_part_is_refunded(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    let outcome = bench.refund(1, 1, 50);
    ensure(outcome == Outcome::Refunded, || format!("{outcome:?}"))?;
    is(bench, 1, PaymentStatus::PartlyRefunded)?;
    spendable(bench, 430)
}

pub(super) fn all_is_refunded_in_two(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.refund(1, 1, 50);
    bench.refund(1, 2, 70);
    is(bench, 1, PaymentStatus::Refunded)?;
    bench.settle();
    spendable(bench, 500)
}

pub(super) fn no_more_is_refunded_than_was_paid(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.refund(1, 1, 50);
    refused(&bench.refund(1, 2, 71), Refusal::RefundExceedsPaid)?;
    spendable(bench, 430)
}

pub(super) fn a_refund_asked_twice_gives_back_once(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.refund(1, 1, 50);
    bench.refund(1, 1, 50);
    refused(&bench.refund(1, 1, 51), Refusal::PaymentMismatch)?;
    spendable(bench, 430)
}

pub(super) fn no_refund_after_a_reversal(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.reverse(1);
    refused(&bench.refund(1, 1, 50), Refusal::AlreadyReversed)
}

pub(super) fn no_reversal_after_a_refund(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.refund(1, 1, 50);
    refused(&bench.reverse(1), Refusal::PartlyRefunded)
}

pub(super) fn the_day_of_the_peer_is_over(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.cut_day();
    bench.reverse(1);
    bench.settle();
    is(bench, 1, PaymentStatus::Reversed)?;
    if matches!(bench.rail, Rail::BankRealTime | Rail::BankPreFreeze) {
        let refund = bench.call(1, CallStep::Refund).map(|call| call.phase);
        ensure(refund == Some(Phase::Approved), || format!("the engine made up for the void with {refund:?}"))?;
    }
    spendable(bench, 500)
}
