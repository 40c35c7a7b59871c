//! Leaders that die before or after they send, and two that send the same.

use mpss_domain::ids::IssuedId;
use mpss_domain::{Money, PaymentStatus, Verb};

use super::{is, paid, spendable};
use crate::bench::{Bench, Check, ensure};

pub(super) fn the_leader_dies_before_it_sends(bench: &mut Bench) -> Check {
    bench.begin_payment(1, 120);
    // Marked as sent, and never sent.
    bench.begin();
    bench.pass_without_leader(1_000);
    bench.settle();
    if bench.is_outside() {
        is(bench, 1, PaymentStatus::Reversed)?;
        spendable(bench, 500)?;
    }
    Ok(())
}

pub(super) fn the_leader_dies_after_it_sent(bench: &mut Bench) -> Check {
    bench.begin_payment(1, 120);
    let begun = bench.begin();
    if bench.is_outside() {
        // The answer dies with the leader.
        bench.send(&begun);
    }
    bench.pass_without_leader(2_000);
    bench.settle();
    let known = !matches!(bench.status(1), None | Some(PaymentStatus::Pending));
    ensure(known, || format!("{:?}", bench.status(1)))
}

pub(super) fn the_leader_dies_before_it_sends_a_capture(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.begin_capture(1, Some(100));
    bench.begin();
    bench.pass_without_leader(1_000);
    bench.settle();
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 400)
}

pub(super) fn the_leader_dies_after_it_sent_a_refund(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.troubles(&[]);
    let refund = mpss_domain::RefundId::from_bits(9);
    bench.apply(Verb::RefundPayment { payment: Bench::payment(1), refund, amount: Money::yuan(50) });
    let begun = bench.begin();
    if bench.is_outside() {
        bench.send(&begun);
    }
    bench.pass_without_leader(2_000);
    bench.settle();
    spendable(bench, 430)
}

pub(super) fn two_leaders_send(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.begin_capture(1, Some(100));
    let begun = bench.begin();
    // A deposed leader and its successor send the same call.
    for _ in 0..2 {
        if bench.is_outside() {
            let answers = bench.send(&begun);
            bench.apply(Verb::RecordCalls { answers });
        }
    }
    bench.settle();
    spendable(bench, 400)
}
