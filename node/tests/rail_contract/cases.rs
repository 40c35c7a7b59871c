//! The cases. Each says what must be true at once; what must be true in the end, of the subscriber's
//! money and of the books, is checked after every one.

use mpss_domain::rail::{Answer, CallAnswer, CallStep, Phase};
use mpss_domain::{Money, Outcome, PaymentStatus, Refusal, Verb};
use mpss_node::simulator::manner::Trouble;

use crate::bench::{Bench, Check, MONEY, Rail, ensure};

/// One case.
pub(crate) type Case = fn(&mut Bench) -> Check;

macro_rules! cases {
    ($($name:ident),* $(,)?) => { pub(crate) const ALL: &[(&str, Case)] = &[$((stringify!($name), $name)),*]; };
}

cases! {
    a_payment_takes_the_money, a_payment_asked_twice_takes_once, more_than_there_is_is_declined,
    what_is_declined_stays_declined, two_payments_take_both, a_hold_sets_aside, a_hold_is_captured_whole,
    less_is_captured_than_reserved, a_capture_asked_twice_takes_once, more_is_not_captured_than_reserved,
    nothing_is_captured_of_what_was_never_asked, a_hold_is_released, a_capture_after_the_release_takes_nothing,
    what_was_captured_is_reversed, a_reversal_asked_twice_gives_back_once, a_reversal_before_the_original,
    a_reversal_before_anything_was_sent, a_reversal_while_nobody_knows, a_part_is_refunded, all_is_refunded_in_two,
    no_more_is_refunded_than_was_paid, a_refund_asked_twice_gives_back_once, no_refund_after_a_reversal,
    no_reversal_after_a_refund, the_request_is_lost, committed_but_the_answer_was_lost,
    the_answer_to_a_hold_is_lost, the_answer_to_a_capture_is_lost, the_answer_to_a_release_is_lost,
    the_answer_to_a_reversal_is_lost, the_answer_to_a_refund_is_lost, the_capture_is_lost, the_release_is_lost,
    the_reversal_is_lost, the_refund_is_lost, every_answer_to_a_refund_is_lost_but_the_last,
    late_approval_after_reversal, the_peer_answers_twice, the_peer_answers_a_capture_twice,
    the_peer_answers_a_refund_twice, the_peer_can_not_be_reached, the_peer_can_not_be_reached_for_the_capture,
    the_peer_is_dead_past_the_bound, the_peer_is_dead_past_the_bound_of_a_refund,
    the_peer_comes_back_before_the_bound, the_peer_crashes_after_it_has_done_it, the_peer_refuses_for_no_reason,
    the_leader_dies_before_it_sends, the_leader_dies_after_it_sent, the_leader_dies_before_it_sends_a_capture,
    the_leader_dies_after_it_sent_a_refund, two_leaders_send, the_day_of_the_peer_is_over,
    limits_are_given_back, racing_payments_keep_to_the_limit, a_frozen_account_is_given_back_to,
    an_account_is_not_closed_while_something_is_open, every_change_is_told_once,
    a_call_is_repeated_under_the_same_keys, the_order_of_calls_is_kept,
}

fn is(bench: &Bench, n: u16, status: PaymentStatus) -> Check {
    ensure(bench.status(n) == Some(status), || format!("payment {n} is {:?}, not {status:?}", bench.status(n)))
}

fn spendable(bench: &Bench, yuan: i64) -> Check {
    let there = bench.spendable();
    ensure(there == Money::yuan(yuan), || format!("{there} can be spent, not {yuan}.00"))
}

fn set_aside(bench: &Bench, yuan: i64) -> Check {
    let there = bench.set_aside();
    ensure(there == Money::yuan(yuan), || format!("{there} is set aside, not {yuan}.00"))
}

/// Paid, and captured where the rail holds first.
fn paid(bench: &mut Bench, n: u16, yuan: i64) -> Check {
    bench.pay(n, yuan);
    bench.capture(n, None);
    is(bench, n, PaymentStatus::Captured)
}

fn refused(outcome: &Outcome, refusal: Refusal) -> Check {
    ensure(*outcome == Outcome::Refused(refusal), || format!("the answer is {outcome:?}, not {refusal:?}"))
}

fn a_payment_takes_the_money(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    spendable(bench, 380)?;
    set_aside(bench, 0)?;
    let owed = bench.books("due_to:51");
    ensure(owed == 12_000, || format!("{owed} fen is owed to the other province"))
}

fn a_payment_asked_twice_takes_once(bench: &mut Bench) -> Check {
    bench.pay(1, 120);
    let again = bench.pay(1, 120);
    ensure(!matches!(again, Outcome::Refused(_)), || format!("asked again it is {again:?}"))?;
    bench.capture(1, None);
    let again = bench.pay(1, 120);
    ensure(matches!(again, Outcome::Paid(_)), || format!("asked again it is {again:?}"))?;
    refused(&bench.pay(1, 121), Refusal::PaymentMismatch)?;
    spendable(bench, 380)
}

fn more_than_there_is_is_declined(bench: &mut Bench) -> Check {
    bench.pay(1, 499);
    bench.pay(2, 2);
    ensure(bench.declined(2) == Some(Refusal::InsufficientFunds), || format!("{:?}", bench.status(2)))?;
    refused(&bench.pay(2, 2), Refusal::InsufficientFunds)
}

fn what_is_declined_stays_declined(bench: &mut Bench) -> Check {
    bench.pay(1, 499);
    bench.pay(2, 2);
    bench.becomes_rich();
    refused(&bench.pay(2, 2), Refusal::InsufficientFunds)?;
    bench.pay(3, 2);
    ensure(bench.declined(3).is_none(), || "a new payment is declined too".into())
}

fn two_payments_take_both(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    paid(bench, 2, 80)?;
    spendable(bench, 300)
}

fn a_hold_sets_aside(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    is(bench, 1, PaymentStatus::Reserved)?;
    spendable(bench, 200)?;
    bench.pay(2, 201);
    ensure(bench.declined(2) == Some(Refusal::InsufficientFunds), || "what is held is there twice".into())
}

fn a_hold_is_captured_whole(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.capture(1, None);
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 200)?;
    set_aside(bench, 0)
}

fn less_is_captured_than_reserved(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.capture(1, Some(70));
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 430)?;
    set_aside(bench, 0)?;
    let owed = bench.books("due_to:51");
    ensure(owed == 7_000, || format!("{owed} fen is owed to the other province"))?;
    refused(&bench.refund(1, 1, 71), Refusal::RefundExceedsPaid)
}

fn a_capture_asked_twice_takes_once(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.capture(1, Some(70));
    bench.capture(1, Some(300));
    bench.capture(1, None);
    spendable(bench, 430)
}

fn more_is_not_captured_than_reserved(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    refused(&bench.capture(1, Some(301)), Refusal::AmountOutOfRange)?;
    refused(&bench.capture(1, Some(0)), Refusal::AmountOutOfRange)?;
    is(bench, 1, PaymentStatus::Reserved)
}

fn nothing_is_captured_of_what_was_never_asked(bench: &mut Bench) -> Check {
    refused(&bench.capture(9, None), Refusal::PaymentNotFound)
}

fn a_hold_is_released(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.reverse(1);
    spendable(bench, 500)?;
    set_aside(bench, 0)?;
    let owed = bench.books("due_to:51");
    ensure(owed == 0, || format!("{owed} fen is owed to the other province"))
}

fn a_capture_after_the_release_takes_nothing(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.reverse(1);
    bench.capture(1, None);
    spendable(bench, 500)?;
    refused(&bench.hold(1, 300), Refusal::AlreadyReversed)
}

fn what_was_captured_is_reversed(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    let outcome = bench.reverse(1);
    ensure(outcome == Outcome::Reversed, || format!("{outcome:?}"))?;
    is(bench, 1, PaymentStatus::Reversed)?;
    spendable(bench, 500)
}

fn a_reversal_asked_twice_gives_back_once(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.reverse(1);
    let again = bench.reverse(1);
    ensure(again == Outcome::Reversed, || format!("{again:?}"))?;
    spendable(bench, 500)
}

fn a_reversal_before_the_original(bench: &mut Bench) -> Check {
    bench.reverse(1);
    refused(&bench.pay(1, 120), Refusal::AlreadyReversed)?;
    refused(&bench.hold(1, 120), Refusal::AlreadyReversed)?;
    spendable(bench, 500)
}

fn a_reversal_before_anything_was_sent(bench: &mut Bench) -> Check {
    bench.begin_payment(1, 120);
    bench.begin_reversal(1);
    bench.drive();
    is(bench, 1, PaymentStatus::Reversed)?;
    spendable(bench, 500)?;
    let sent = bench.state.calls_of(Bench::payment(1)).any(|call| call.sent > 0);
    ensure(!sent, || "something was sent for nothing".into())
}

fn a_reversal_while_nobody_knows(bench: &mut Bench) -> Check {
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

fn a_part_is_refunded(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    let outcome = bench.refund(1, 1, 50);
    ensure(outcome == Outcome::Refunded, || format!("{outcome:?}"))?;
    is(bench, 1, PaymentStatus::PartlyRefunded)?;
    spendable(bench, 430)
}

fn all_is_refunded_in_two(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.refund(1, 1, 50);
    bench.refund(1, 2, 70);
    is(bench, 1, PaymentStatus::Refunded)?;
    bench.settle();
    spendable(bench, 500)
}

fn no_more_is_refunded_than_was_paid(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.refund(1, 1, 50);
    refused(&bench.refund(1, 2, 71), Refusal::RefundExceedsPaid)?;
    spendable(bench, 430)
}

fn a_refund_asked_twice_gives_back_once(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.refund(1, 1, 50);
    bench.refund(1, 1, 50);
    refused(&bench.refund(1, 1, 51), Refusal::PaymentMismatch)?;
    spendable(bench, 430)
}

fn no_refund_after_a_reversal(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.reverse(1);
    refused(&bench.refund(1, 1, 50), Refusal::AlreadyReversed)
}

fn no_reversal_after_a_refund(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.refund(1, 1, 50);
    refused(&bench.reverse(1), Refusal::PartlyRefunded)
}

fn the_request_is_lost(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::Lost]);
    bench.pay(1, 120);
    bench.settle();
    if bench.is_outside() {
        is(bench, 1, PaymentStatus::Reversed)?;
        spendable(bench, 500)?;
    }
    Ok(())
}

fn committed_but_the_answer_was_lost(bench: &mut Bench) -> Check {
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

fn the_answer_to_a_hold_is_lost(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::AnswerLost]);
    bench.hold(1, 300);
    bench.settle();
    let known = matches!(bench.status(1), Some(PaymentStatus::Reserved | PaymentStatus::Reversed));
    ensure(known, || format!("{:?}", bench.status(1)))
}

fn the_answer_to_a_capture_is_lost(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.troubles(&[Trouble::AnswerLost, Trouble::AnswerLost]);
    bench.capture(1, Some(100));
    bench.settle();
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 400)?;
    set_aside(bench, 0)
}

fn the_answer_to_a_release_is_lost(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.troubles(&[Trouble::AnswerLost]);
    bench.reverse(1);
    bench.settle();
    spendable(bench, 500)
}

fn the_answer_to_a_reversal_is_lost(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.troubles(&[Trouble::AnswerLost, Trouble::AnswerLost]);
    bench.reverse(1);
    bench.settle();
    is(bench, 1, PaymentStatus::Reversed)?;
    spendable(bench, 500)
}

fn the_answer_to_a_refund_is_lost(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.troubles(&[Trouble::AnswerLost]);
    bench.refund(1, 1, 50);
    bench.settle();
    spendable(bench, 430)
}

fn the_capture_is_lost(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.troubles(&[Trouble::Lost]);
    bench.capture(1, Some(100));
    bench.settle();
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 400)
}

fn the_release_is_lost(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.troubles(&[Trouble::Lost]);
    bench.reverse(1);
    bench.settle();
    spendable(bench, 500)
}

fn the_reversal_is_lost(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.troubles(&[Trouble::Lost, Trouble::Lost]);
    bench.reverse(1);
    bench.settle();
    is(bench, 1, PaymentStatus::Reversed)?;
    spendable(bench, 500)
}

fn the_refund_is_lost(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.troubles(&[Trouble::Lost]);
    bench.refund(1, 1, 50);
    bench.settle();
    spendable(bench, 430)
}

fn every_answer_to_a_refund_is_lost_but_the_last(bench: &mut Bench) -> Check {
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

fn late_approval_after_reversal(bench: &mut Bench) -> Check {
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

fn the_peer_answers_twice(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::Twice]);
    paid(bench, 1, 120)?;
    spendable(bench, 380)
}

fn the_peer_answers_a_capture_twice(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.troubles(&[Trouble::Twice]);
    bench.capture(1, Some(100));
    bench.settle();
    spendable(bench, 400)
}

fn the_peer_answers_a_refund_twice(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    bench.troubles(&[Trouble::Twice]);
    bench.refund(1, 1, 50);
    spendable(bench, 430)
}

fn the_peer_can_not_be_reached(bench: &mut Bench) -> Check {
    bench.down(true);
    bench.pay(1, 120);
    if bench.is_outside() {
        let declined = bench.declined(1);
        ensure(declined == Some(Refusal::RailUnavailable), || format!("{:?}", bench.status(1)))?;
    }
    bench.down(false);
    paid(bench, 2, 120)
}

fn the_peer_can_not_be_reached_for_the_capture(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.down(true);
    bench.capture(1, Some(100));
    bench.pass(600_000);
    bench.down(false);
    bench.settle();
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 400)
}

fn the_peer_is_dead_past_the_bound(bench: &mut Bench) -> Check {
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

fn the_peer_is_dead_past_the_bound_of_a_refund(bench: &mut Bench) -> Check {
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

fn the_peer_comes_back_before_the_bound(bench: &mut Bench) -> Check {
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

fn the_peer_crashes_after_it_has_done_it(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::Crash]);
    bench.pay(1, 120);
    bench.settle();
    let known = !matches!(bench.status(1), None | Some(PaymentStatus::Pending));
    ensure(known, || format!("{:?}", bench.status(1)))
}

fn the_peer_refuses_for_no_reason(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::Refused]);
    bench.pay(1, 120);
    if bench.is_outside() {
        ensure(bench.declined(1) == Some(Refusal::DeclinedOutside), || format!("{:?}", bench.status(1)))?;
        spendable(bench, 500)?;
    }
    Ok(())
}

fn the_leader_dies_before_it_sends(bench: &mut Bench) -> Check {
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

fn the_leader_dies_after_it_sent(bench: &mut Bench) -> Check {
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

fn the_leader_dies_before_it_sends_a_capture(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.begin_capture(1, Some(100));
    bench.begin();
    bench.pass_without_leader(1_000);
    bench.settle();
    is(bench, 1, PaymentStatus::Captured)?;
    spendable(bench, 400)
}

fn the_leader_dies_after_it_sent_a_refund(bench: &mut Bench) -> Check {
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

use mpss_domain::ids::IssuedId;

fn two_leaders_send(bench: &mut Bench) -> Check {
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

fn the_day_of_the_peer_is_over(bench: &mut Bench) -> Check {
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

fn limits_are_given_back(bench: &mut Bench) -> Check {
    let used = |bench: &Bench| bench.account().used_on(bench.state.now().business_day());
    paid(bench, 1, 120)?;
    ensure(used(bench) == Money::yuan(120), || format!("{} is used", used(bench)))?;
    bench.reverse(1);
    bench.pay(2, 499);
    bench.pay(3, 2);
    ensure(used(bench) == Money::yuan(499), || format!("{} is used", used(bench)))?;
    bench.reverse(2);
    bench.hold(4, 300);
    bench.capture(4, Some(100));
    ensure(used(bench) == Money::yuan(100), || format!("{} is used", used(bench)))
}

fn racing_payments_keep_to_the_limit(bench: &mut Bench) -> Check {
    bench.apply(Verb::ChangeAccount {
        account: bench.account,
        verdict: mpss_domain::PasswordVerdict { verifier_version: 1, matches: true },
        verifier: None,
        per_payment_limit: Some(Money::yuan(100)),
        daily_limit: Some(Money::yuan(150)),
    });
    bench.begin_payment(1, 100);
    refused(&bench.begin_payment(2, 51), Refusal::DailyLimitExceeded)?;
    bench.begin_payment(3, 50);
    refused(&bench.begin_payment(4, 101), Refusal::PerPaymentLimitExceeded)?;
    bench.drive();
    spendable(bench, 350)
}

fn a_frozen_account_is_given_back_to(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    let verdict = mpss_domain::PasswordVerdict { verifier_version: 1, matches: true };
    bench.apply(Verb::FreezeAccount { account: bench.account, verdict, until: None });
    refused(&bench.pay(2, 10), Refusal::AccountFrozen)?;
    bench.refund(1, 1, 50);
    spendable(bench, 430)
}

fn an_account_is_not_closed_while_something_is_open(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.begin_capture(1, Some(100));
    let verdict = mpss_domain::PasswordVerdict { verifier_version: 1, matches: true };
    let close = Verb::CloseAccount { account: bench.account, verdict, pay_out_agent: None };
    let outcome = bench.apply(close.clone());
    match bench.rail {
        Rail::StoredValue => refused(&outcome, Refusal::BalanceRemains)?,
        _ => {
            refused(&outcome, Refusal::OpenOrdersRemain)?;
            bench.settle();
            let outcome = bench.apply(close);
            ensure(matches!(outcome, Outcome::Account(_)), || format!("{outcome:?}"))?;
        }
    }
    bench.settle();
    spendable(bench, 400)
}

fn every_change_is_told_once(bench: &mut Bench) -> Check {
    bench.troubles(&[Trouble::Twice, Trouble::Twice, Trouble::AnswerLost, Trouble::Twice]);
    bench.pay(1, 120);
    bench.capture(1, None);
    bench.settle();
    if bench.status(1) == Some(PaymentStatus::Captured) {
        bench.refund(1, 1, 50);
        bench.settle();
        let told = (bench.told("支付120.00元成功"), bench.told("退款50.00元"));
        ensure(told == (1, 1), || format!("told {told:?} times"))?;
    }
    Ok(())
}

fn a_call_is_repeated_under_the_same_keys(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.begin_capture(1, Some(100));
    let mut keys = Vec::new();
    for _ in 0..4 {
        let begun = bench.begin();
        keys.extend(begun.iter().map(|request| (request.call.id, request.call.keys, request.call.amount)));
        for request in begun {
            let answer = Answer::NoAnswer;
            bench.apply(Verb::RecordCalls { answers: vec![CallAnswer { call: request.call.id, answer }] });
        }
        bench.pass_without_leader(3_600_000);
    }
    keys.dedup();
    ensure(keys.len() <= 1, || format!("{} different calls for one capture", keys.len()))?;
    bench.settle();
    spendable(bench, 400)
}

fn the_order_of_calls_is_kept(bench: &mut Bench) -> Check {
    bench.hold(1, 300);
    bench.begin_capture(1, None);
    bench.begin_reversal(1);
    if let Some(void) = bench.state.calls_of(Bench::payment(1)).find(|call| call.step == CallStep::Void) {
        // Where the rail takes in a second step, it is taken before it is given back.
        let waits = void.phase == Phase::Queued || bench.rail == Rail::BankRealTime;
        ensure(waits, || format!("the void is {:?}", void.phase))?;
    }
    bench.settle();
    is(bench, 1, PaymentStatus::Reversed)?;
    ensure(bench.spendable() == MONEY, || format!("{} can be spent", bench.spendable()))
}
