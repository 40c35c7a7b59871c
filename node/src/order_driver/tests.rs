//! The order driver killed at every step, and started again.

#![allow(clippy::unwrap_used, reason = "tests")]

use mpss_domain::award::AwardStatus;
use mpss_domain::transfer::TransferStatus;
use mpss_domain::{AccountKind, Money, OrderId, OrderStatus, Outcome, Refusal, Scope, StateVersion, TransferId, Verb};
use mpss_routing::wire::PaymentFate;

use crate::node::trial::{Manner, RIGHT, Trial, local, password, visitor};

/// What is driven in one trial.
#[derive(Debug, Clone, Copy)]
enum Work {
    Resolve(OrderId),
    Reverse(OrderId),
    Refund(OrderId),
    Credit(TransferId),
}

/// An order whose asker died; the home province has debited it.
async fn resolve(trial: &Trial) -> Work {
    trial.change_policy(|policy| policy.payment_takeover_ms = 1).await;
    let product = trial.product(Scope::Roaming).await;
    let order = trial.paying_order(product).await;
    trial.peers.knows(&trial.order(order).payment.to_string(), PaymentFate::Captured, None);
    Work::Resolve(order)
}

/// A debited order that has to be reversed at home.
async fn reverse(trial: &Trial) -> Work {
    let product = trial.product(Scope::Roaming).await;
    let order = trial.paying_order(product).await;
    trial.peers.knows(&trial.order(order).payment.to_string(), PaymentFate::Captured, None);
    trial.propose(Verb::GiveUpPayment { order }).await;
    Work::Reverse(order)
}

/// A delivered order, half of which has to be refunded at home.
async fn refund(trial: &Trial) -> Work {
    let product = trial.product(Scope::Roaming).await;
    let order = trial.paying_order(product).await;
    trial.propose(Verb::RecordPayment { order, result: Ok(()) }).await;
    trial.propose(Verb::RecordDeliveries { answers: vec![(order, true)] }).await;
    let reply = trial.propose(Verb::RefundOrder { order, amount: Money::fen(50), note: String::new() }).await;
    assert!(matches!(reply.outcome, Outcome::Refund(..)), "{reply:?}");
    Work::Refund(order)
}

/// A transfer that has to be credited elsewhere.
async fn credit(trial: &Trial) -> Work {
    trial.open(local(1), Money::yuan(10)).await;
    let sent = trial.home.transfer(trial.request(), local(1), visitor(1), Money::yuan(2), password(RIGHT)).await;
    match sent.unwrap().outcome {
        Outcome::Transfer(transfer) => Work::Credit(transfer),
        outcome => panic!("{outcome:?}"),
    }
}

impl Work {
    /// Waits for the end, and checks that money moved exactly as often as it had to.
    async fn ended(self, trial: &Trial) {
        trial
            .until("the end", |state| match self {
                Self::Resolve(id) => state.order(id).filter(|order| order.booked).map(|_| ()),
                Self::Reverse(id) => state.order(id).filter(|order| order.status == OrderStatus::Reversed).map(|_| ()),
                Self::Refund(id) => state.order(id).filter(|order| order.refunded == Money::fen(50)).map(|_| ()),
                Self::Credit(id) => {
                    state.transfer(id).filter(|transfer| transfer.status == TransferStatus::Completed).map(|_| ())
                }
            })
            .await;
        let moved = match self {
            Self::Resolve(_) => 0,
            Self::Reverse(_) | Self::Refund(_) | Self::Credit(_) => 1,
        };
        assert_eq!(trial.peers.books().movements, moved, "{self:?}");
    }
}

async fn prepare(trial: &Trial, which: usize) -> Work {
    match which {
        0 => resolve(trial).await,
        1 => reverse(trial).await,
        2 => refund(trial).await,
        _ => credit(trial).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_dies_before_or_after_the_other_province_acted_is_followed_by_one_that_ends_it() {
    for which in 0..4 {
        for dies_while in [Manner::HoldsBefore, Manner::HoldsAfter, Manner::LosesAnswers, Manner::Unreachable] {
            let trial = Trial::start().await;
            let work = prepare(&trial, which).await;
            let calls_before = trial.peers.books().calls.len();
            trial.peers.behave(dies_while);
            let actors = trial.actors().await;
            trial.peers.until("home is asked", |books| books.calls.len() > calls_before).await;
            actors.kill();
            trial.peers.behave(Manner::Answers);
            let successors = trial.actors().await;
            work.ended(&trial).await;
            successors.stop().await;
            // A third finds nothing left to do.
            let calls = trial.peers.books().calls.len();
            let third = trial.actors().await;
            trial.open(local(9), Money::yuan(1)).await;
            let told = |state: &mpss_domain::State| (state.row_counts().effects == 0).then_some(());
            trial.until("every effect is done", told).await;
            assert_eq!(trial.peers.books().calls.len(), calls, "{work:?}, {dies_while:?}");
            third.stop().await;
            trial.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_declined_or_reversed_at_home_declines_the_order() {
    let cases = [
        (PaymentFate::Declined, Some(Refusal::InsufficientFunds.number()), Refusal::InsufficientFunds),
        (PaymentFate::Reversed, None, Refusal::AlreadyReversed),
    ];
    let trial = Trial::start().await;
    trial.change_policy(|policy| policy.payment_takeover_ms = 1).await;
    let product = trial.product(Scope::Roaming).await;
    let _actors = trial.actors().await;
    for (fate, number, refusal) in cases {
        trial.peers.behave(Manner::Unreachable);
        let order = trial.paying_order(product).await;
        trial.peers.knows(&trial.order(order).payment.to_string(), fate, number);
        trial.peers.behave(Manner::Answers);
        let declined = |state: &mpss_domain::State| {
            state.order(order)?.timeline.iter().find_map(|entry| match entry.event {
                mpss_domain::order::OrderEvent::Declined(why) => Some(why),
                _ => None,
            })
        };
        assert_eq!(trial.until("declined", declined).await, refusal);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_nobody_knows_is_given_up_at_its_bound_and_can_never_be_made_later() {
    let trial = Trial::start().await;
    trial
        .change_policy(|policy| {
            policy.payment_takeover_ms = 1;
            policy.payment_bound_ms = 200;
        })
        .await;
    let product = trial.product(Scope::Roaming).await;
    let order = trial.paying_order(product).await;
    let _actors = trial.actors().await;
    let reversed =
        |state: &mpss_domain::State| state.order(order).filter(|order| order.status == OrderStatus::Reversed).cloned();
    let order = trial.until("reversed", reversed).await;
    let given_up = order.timeline.iter().find(|entry| entry.event.name() == "reversal_asked").unwrap();
    assert!(given_up.at.ms_since(order.timeline[0].at) >= 200, "not before its bound");
    let books = trial.peers.books();
    assert_eq!(books.payments[&order.payment.to_string()], (PaymentFate::Reversed, None));
    assert_eq!(books.movements, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_whose_asker_may_still_be_there_is_left_alone_and_holds_nothing_up() {
    let trial = Trial::start().await;
    trial.change_policy(|policy| policy.payment_takeover_ms = policy.payment_bound_ms).await;
    let product = trial.product(Scope::Roaming).await;
    let asked = trial.paying_order(product).await;
    let work = reverse(&trial).await;
    let actors = trial.actors().await;
    work.ended(&trial).await;
    actors.stop().await;
    assert_eq!(trial.order(asked).status, OrderStatus::Paying);
    let calls = trial.peers.books().calls;
    assert!(calls.iter().all(|call| call.starts_with("POST")), "nobody asks what became of it: {calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_is_refused_comes_back() {
    let trial = Trial::start().await;
    let Work::Credit(transfer) = credit(&trial).await else { unreachable!() };
    trial.peers.behave(Manner::Refuses(Refusal::PayeeNotFound.number()));
    let _actors = trial.actors().await;
    let returned = |state: &mpss_domain::State| match state.transfer(transfer)?.status {
        TransferStatus::Returned(why) => Some(why),
        _ => None,
    };
    assert_eq!(trial.until("returned", returned).await, Refusal::PayeeNotFound);
}

/// A copy that is still on its way would be taken once home has the newer rules, so nothing is decided.
#[tokio::test(flavor = "multi_thread")]
async fn an_award_whose_home_does_not_know_awards_yet_waits_for_it() {
    let trial = Trial::start().await;
    trial.propose(Verb::RaiseVersion { to: StateVersion::NEWEST }).await;
    let product = trial.product(Scope::Roaming).await;
    let order = trial.paying_order(product).await;
    trial.propose(Verb::RecordPayment { order, result: Ok(()) }).await;
    trial.propose(Verb::RecordDeliveries { answers: vec![(order, true)] }).await;
    let sp = trial.order(order).sp;
    trial.propose(Verb::FundPool { sp, amount: Money::yuan(100), out: false, by: "finance".into() }).await;
    let ask = Verb::AskAward {
        sp,
        reference: "L-1".into(),
        key: 1,
        order,
        msisdn: visitor(1),
        prize: Money::yuan(5),
        wanted: AccountKind::StoredValue,
        by: "clerk".into(),
    };
    let Outcome::Award(award) = trial.propose(ask).await.outcome else { panic!("no award") };
    trial.peers.behave(Manner::Refuses(Refusal::NotYet.number()));
    let _actors = trial.actors().await;
    trial.peers.until("asked twice", |books| books.calls.len() >= 2).await;
    let status = trial.context.replica.read(|state| state.award(award).map(|award| award.status));
    assert_eq!(status, Some(AwardStatus::Crediting));
    trial.peers.behave(Manner::Answers);
    let accepted = |state: &mpss_domain::State| (state.award(award)?.status == AwardStatus::Accepted).then_some(());
    trial.until("accepted", accepted).await;
    assert_eq!(trial.peers.books().movements, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_lane_can_hold_is_driven_to_the_end() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    let mut orders = Vec::new();
    for _ in 0..super::HANDED_MAX + 40 {
        let order = trial.paying_order(product).await;
        trial.propose(Verb::GiveUpPayment { order }).await;
        orders.push(order);
    }
    let _actors = trial.actors().await;
    for order in orders {
        let reversed = |state: &mpss_domain::State| {
            state.order(order).filter(|order| order.status == OrderStatus::Reversed).map(|_| ())
        };
        trial.until("reversed", reversed).await;
    }
}
