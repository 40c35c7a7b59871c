//! The bank replaces the card while something is under way on it, or after. On other rails nothing is replaced.

use mpss_domain::rail::CallStep;
use mpss_domain::{Money, PaymentStatus};
use mpss_node::simulator::manner::Trouble;

use super::{is, spendable};
use crate::bench::{Bench, Check, Rail, ensure};

/// Still in the mode it was in.
fn replaced(bench: &mut Bench) {
    bench.replace_card(bench.rail == Rail::BankPreFreeze);
}

/// In the other mode.
fn replaced_and_moved(bench: &mut Bench) {
    bench.replace_card(bench.rail != Rail::BankPreFreeze);
}

pub(super) fn a_hold_on_a_replaced_card_is_captured(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    replaced_and_moved(bench);
    bench.capture(1, Some(100));
    bench.settle();
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 400)
}

pub(super) fn a_hold_on_a_replaced_card_is_released(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    replaced(bench);
    bench.reverse(1);
    bench.settle();
    spendable(bench, 500)?;
    ensure(bench.set_aside() == Money::ZERO, || format!("{} is set aside", bench.set_aside()))
}

pub(super) fn a_payment_by_a_replaced_card_is_reversed(bench: &mut Bench) -> Check {
    bench.pay(1, 120);
    bench.capture(1, None);
    replaced_and_moved(bench);
    bench.reverse(1);
    bench.settle();
    is(bench, 1, PaymentStatus::Reversed)?;
    spendable(bench, 500)
}

pub(super) fn a_payment_by_a_replaced_card_is_refunded(bench: &mut Bench) -> Check {
    bench.pay(1, 120);
    bench.capture(1, None);
    replaced_and_moved(bench);
    bench.refund(1, 1, 50);
    bench.settle();
    spendable(bench, 430)
}

pub(super) fn a_refund_is_repeated_to_the_card_it_began_with(bench: &mut Bench) -> Check {
    bench.pay(1, 120);
    bench.capture(1, None);
    bench.troubles(&[Trouble::AnswerLost]);
    bench.refund(1, 1, 50);
    let before = bench.call(1, CallStep::Refund).map(|call| call.card.clone());
    replaced(bench);
    bench.settle();
    let after = bench.call(1, CallStep::Refund).map(|call| call.card.clone());
    ensure(before == after, || format!("a refund began on {before:?} and ended on {after:?}"))?;
    spendable(bench, 430)
}

pub(super) fn the_card_is_replaced_while_nobody_knows(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::AnswerLost]);
    bench.pay(1, 120);
    replaced(bench);
    bench.reverse(1);
    bench.settle();
    spendable(bench, 500)
}

pub(super) fn the_new_card_pays(bench: &mut Bench) -> Check {
    replaced_and_moved(bench);
    bench.pay(1, 120);
    bench.capture(1, None);
    bench.settle();
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 380)
}
