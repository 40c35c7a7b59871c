//! A peer that can not be reached, is dead, crashes or refuses.

use mpss_domain::rail::{CallStep, Phase};
use mpss_domain::{PaymentStatus, Refusal};
use mpss_node::simulator::manner::Trouble;

use super::{is, paid, spendable};
use crate::bench::{Bench, Check, ensure};

pub(super) fn the_peer_can_not_be_reached(bench: &mut Bench) -> Check {
    bench.down(true);
    bench.pay(1, 120);
    if bench.is_outside() {
        let declined = bench.declined(1);
        ensure(declined == Some(Refusal::RailUnavailable), || format!("{:?}", bench.status(1)))?;
    }
    bench.down(false);
    paid(bench, 2, 120)
}

pub(super) fn the_peer_can_not_be_reached_for_the_capture(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.down(true);
    bench.capture(1, Some(100));
    bench.pass(600_000);
    bench.down(false);
    bench.settle();
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 400)
}

pub(super) fn the_peer_is_dead_past_the_bound(bench: &mut Bench) -> Check {
    bench.dead(true);
    bench.pay(1, 120);
    bench.settle();
    if bench.is_outside() {
        is(bench, 1, PaymentStatus::Reversed)?;
        let open = bench.state.calls().filter(|call| !call.phase.is_final()).count();
        ensure(open == 0, || format!("{open} calls are open past their bound"))?;
        let undo = bench.call(1, CallStep::Undo).map(|call| call.phase);
        ensure(undo == Some(Phase::Abandoned), || format!("the undoing is {undo:?}"))?;
    }
    bench.dead(false);
    Ok(())
}

pub(super) fn the_peer_is_dead_past_the_bound_of_a_refund(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.dead(true);
    bench.refund(1, 1, 50);
    bench.settle();
    if bench.is_outside() {
        let suspense = bench.books("suspense");
        ensure(suspense == 5_000, || format!("{suspense} fen is in suspense"))?;
        spendable(bench, 380)?;
    }
    bench.dead(false);
    Ok(())
}

pub(super) fn the_peer_comes_back_before_the_bound(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.dead(true);
    bench.refund(1, 1, 50);
    bench.pass(6 * 3_600_000);
    bench.dead(false);
    bench.settle();
    spendable(bench, 430)?;
    let suspense = bench.books("suspense");
    ensure(suspense == 0, || format!("{suspense} fen is in suspense"))
}

pub(super) fn the_peer_crashes_after_it_has_done_it(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::Crash]);
    bench.pay(1, 120);
    bench.settle();
    let known = !matches!(bench.status(1), None | Some(PaymentStatus::Pending));
    ensure(known, || format!("{:?}", bench.status(1)))
}

pub(super) fn the_peer_refuses_for_no_reason(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::Refused]);
    bench.pay(1, 120);
    if bench.is_outside() {
        ensure(bench.declined(1) == Some(Refusal::DeclinedOutside), || format!("{:?}", bench.status(1)))?;
        spendable(bench, 500)?;
    }
    Ok(())
}
