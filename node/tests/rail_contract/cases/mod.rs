//! The cases. Each says what must be true at once; what must be true in the end, of the subscriber's
//! money and of the books, is checked after every one.
//!
//! Payments in one step are in `paying.rs`, those that are held first in `holding.rs`; what undoes them in
//! `undoing.rs`; words that get lost, come late or come twice in `losses.rs`; a peer that is down, dead or unwilling
//! in `peer.rs`; a card that is replaced in `card_change.rs`; leaders that die in `leader.rs`; what holds beside the money in `rules.rs`.

use mpss_domain::{Money, Outcome, PaymentStatus, Refusal};

use crate::bench::{Bench, Check, ensure};

mod card_change;
mod holding;
mod leader;
mod losses;
mod paying;
mod peer;
mod rules;
mod undoing;

use card_change::*;
use holding::*;
use leader::*;
use losses::*;
use paying::*;
use peer::*;
use rules::*;
use undoing::*;

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
    a_hold_on_a_replaced_card_is_captured, a_hold_on_a_replaced_card_is_released,
    a_payment_by_a_replaced_card_is_reversed, a_payment_by_a_replaced_card_is_refunded,
    a_refund_is_repeated_to_the_card_it_began_with, the_card_is_replaced_while_nobody_knows, the_new_card_pays,
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
