//! Random lives of three provinces, each followed by a reference that is written from the
//! specification alone: every answer, record and row must agree after every entry.

#![allow(clippy::expect_used, reason = "a test")]

mod draw;
mod goods;
mod money_moves;
mod province;
mod roaming;
mod rules;
mod walk;

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::walk::Walk;

/// What a test of so many steps has to come across, or it has shown nothing.
const MUST_BE_SEEN: &[&str] = &[
    "account",
    "topped_up",
    "sp",
    "product",
    "order",
    "refund",
    "paid",
    "reversed",
    "refunded",
    "transfer",
    "credited",
    "order_declined",
    "again",
    "again after the window",
    "forgotten after the window",
    "forgotten row",
    "duplicate_request",
    "request_too_old",
    "unknown_number",
    "foreign_operator",
    "not_home",
    "account_not_found",
    "account_exists",
    "account_frozen",
    "account_closed",
    "balance_remains",
    "open_orders_remain",
    "limit_above_ceiling",
    "per_payment_limit_exceeded",
    "daily_limit_exceeded",
    "insufficient_funds",
    "balance_ceiling_exceeded",
    "account_not_frozen",
    "thaw_date_in_past",
    "account_kind_unsupported",
    "invalid_limit",
    "already_frozen",
    "wrong_password",
    "password_locked",
    "password_changed",
    "sp_not_found",
    "sp_suspended",
    "product_not_found",
    "product_not_published",
    "not_visible",
    "reviewed_by_uploader",
    "wrong_product_status",
    "wrong_place_for_scope",
    "wrong_sp_status",
    "order_not_found",
    "payment_not_found",
    "already_reversed",
    "reversal_window_closed",
    "refund_exceeds_paid",
    "wrong_order_status",
    "payment_mismatch",
    "amount_out_of_range",
    "partly_refunded",
    "payer_is_payee",
    "payee_not_found",
    "payee_not_active",
    "payee_ceiling_exceeded",
    "transfer_not_found",
    "plan_not_newer",
    "policy_not_newer",
    "thawed by itself",
    "delivery timed out",
    "payment given up",
    "late payment",
    "late acceptance",
    "not_yet",
    "cards loaded",
    "card duplicate",
    "card expired",
    "card malformed",
    "a number again",
    "batch_size",
    "batch_mismatch",
    "not_from_vault",
    "out_of_stock",
    "cards shown",
    "not_the_buyer",
    "card_shown",
    "whole_pieces_only",
    "ticket checked",
    "ticket_not_found",
    "ticket_used",
    "ticket_void",
    "bill",
    "bill_needed",
    "not_for_bills",
    "bill_being_paid",
    "bill_paid",
    "goods to be sent",
    "recipient_needed",
    "not_shipped_goods",
    "not_shipped",
    "already_shipped",
    "shipped",
    "received",
    "taken for received",
    "not_a_lottery",
    "draw_in_past",
    "draw_closed",
    "bet on a draw",
    "paid after the close",
];

#[test]
fn the_real_province_and_the_reference_never_part() {
    let config =
        ProptestConfig { cases: 250, max_shrink_iters: 3_000, failure_persistence: None, ..ProptestConfig::default() };
    let seen = RefCell::new(BTreeMap::<String, u64>::new());
    let commands = RefCell::new(0);
    let run = TestRunner::new(config).run(&prop::collection::vec(any::<u64>(), 500..1_500), |steps| {
        let mut walk = Walk::new();
        for step in &steps {
            walk.step(*step);
            if let Some(difference) = walk.difference() {
                return Err(TestCaseError::fail(difference));
            }
        }
        for (what, times) in walk.seen() {
            *seen.borrow_mut().entry(what).or_default() += times;
        }
        *commands.borrow_mut() += walk.commands();
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
    let (seen, commands) = (seen.into_inner(), commands.into_inner());
    let missed: Vec<_> = MUST_BE_SEEN.iter().filter(|what| !seen.contains_key(**what)).collect();
    assert!(missed.is_empty(), "{commands} commands never came across {missed:?}: {seen:?}");
    assert!(commands > 250_000, "only {commands} commands");
}
