//! Payments in one step.

use mpss_domain::{Outcome, Refusal};

use super::{paid, refused, set_aside, spendable};
use crate::bench::{Bench, Check, ensure};

pub(super) fn a_payment_takes_the_money(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    spendable(bench, 380)?;
    set_aside(bench, 0)?;
    let owed = bench.books("due_to:51");
    ensure(owed == 12_000, || format!("{owed} fen is owed to the other province"))
}

pub(super) fn a_payment_asked_twice_takes_once(bench: &mut Bench) -> Check {
    bench.pay(1, 120);
    let again = bench.pay(1, 120);
    ensure(!matches!(again, Outcome::Refused(_)), || format!("asked again it is {again:?}"))?;
    bench.capture(1, None);
    let again = bench.pay(1, 120);
    ensure(matches!(again, Outcome::Paid(_)), || format!("asked again it is {again:?}"))?;
    refused(&bench.pay(1, 121), Refusal::PaymentMismatch)?;
    spendable(bench, 380)
}

pub(super) fn more_than_there_is_is_declined(bench: &mut Bench) -> Check {
    bench.pay(1, 499);
    bench.pay(2, 2);
    ensure(bench.declined(2) == Some(Refusal::InsufficientFunds), || format!("{:?}", bench.status(2)))?;
    refused(&bench.pay(2, 2), Refusal::InsufficientFunds)
}

pub(super) fn what_is_declined_stays_declined(bench: &mut Bench) -> Check {
    bench.pay(1, 499);
    bench.pay(2, 2);
    bench.becomes_rich();
    refused(&bench.pay(2, 2), Refusal::InsufficientFunds)?;
    bench.pay(3, 2);
    ensure(bench.declined(3).is_none(), || "a new payment is declined too".into())
}

pub(super) fn two_payments_take_both(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    paid(bench, 2, 80)?;
    spendable(bench, 300)
}
