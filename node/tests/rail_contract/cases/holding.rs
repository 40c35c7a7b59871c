//! Payments that are held first, and captured or released later.

use mpss_domain::{PaymentStatus, Refusal};

use super::{is, refused, set_aside, spendable};
use crate::bench::{Bench, Check, ensure};

pub(super) fn a_hold_sets_aside(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    is(bench, 1, PaymentStatus::Reserved)?;
    spendable(bench, 200)?;
    bench.pay(2, 201);
    ensure(bench.declined(2) == Some(Refusal::InsufficientFunds), || "what is held is there twice".into())
}

pub(super) fn a_hold_is_captured_whole(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.capture(1, None);
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 200)?;
    set_aside(bench, 0)
}

pub(super) fn less_is_captured_than_reserved(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.capture(1, Some(70));
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 430)?;
    set_aside(bench, 0)?;
    let owed = bench.books("due_to:51");
    ensure(owed == 7_000, || format!("{owed} fen is owed to the other province"))?;
    refused(&bench.refund(1, 1, 71), Refusal::RefundExceedsPaid)
}

pub(super) fn a_capture_asked_twice_takes_once(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.capture(1, Some(70));
    bench.capture(1, Some(300));
    bench.capture(1, None);
    spendable(bench, 430)
}

pub(super) fn more_is_not_captured_than_reserved(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    refused(&bench.capture(1, Some(301)), Refusal::AmountOutOfRange)?;
    refused(&bench.capture(1, Some(0)), Refusal::AmountOutOfRange)?;
    is(bench, 1, PaymentStatus::Reserved)
}

pub(super) fn nothing_is_captured_of_what_was_never_asked(bench: &mut Bench) -> Check {
    refused(&bench.capture(9, None), Refusal::PaymentNotFound)
}

pub(super) fn a_hold_is_released(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.reverse(1);
    spendable(bench, 500)?;
    set_aside(bench, 0)?;
    let owed = bench.books("due_to:51");
    ensure(owed == 0, || format!("{owed} fen is owed to the other province"))
}

pub(super) fn a_capture_after_the_release_takes_nothing(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.reverse(1);
    bench.capture(1, None);
    spendable(bench, 500)?;
    refused(&bench.hold(1, 300), Refusal::AlreadyReversed)
}
