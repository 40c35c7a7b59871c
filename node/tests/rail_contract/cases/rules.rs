//! What holds beside the money: limits, the state of the account, texts, and the keys and order of calls.

use mpss_domain::rail::{Answer, CallAnswer, CallStep, Phase};
use mpss_domain::{Money, Outcome, PaymentStatus, Refusal, Verb};
use mpss_node::simulator::manner::Trouble;

use super::{is, paid, refused, spendable};
use crate::bench::{Bench, Check, MONEY, Rail, ensure};

pub(super) fn limits_are_given_back(bench: &mut Bench) -> Check {
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

pub(super) fn racing_payments_keep_to_the_limit(bench: &mut Bench) -> Check {
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

pub(super) fn a_frozen_account_is_given_back_to(bench: &mut Bench) -> Check {
    paid(bench, 1, 120)?;
    let verdict = mpss_domain::PasswordVerdict { verifier_version: 1, matches: true };
    bench.apply(Verb::FreezeAccount { account: bench.account, verdict, until: None });
    refused(&bench.pay(2, 10), Refusal::AccountFrozen)?;
    bench.refund(1, 1, 50);
    spendable(bench, 430)
}

pub(super) fn an_account_is_not_closed_while_something_is_open(bench: &mut Bench) -> Check {
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

pub(super) fn every_change_is_told_once(bench: &mut Bench) -> Check {
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

pub(super) fn a_call_is_repeated_under_the_same_keys(bench: &mut Bench) -> Check {
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

pub(super) fn the_order_of_calls_is_kept(bench: &mut Bench) -> Check {
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
