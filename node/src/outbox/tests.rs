//! The outbox against a real replica, an SMS centre and SPs that behave as they are told.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use mpss_domain::{Effect, EffectId, Money, OrderId, OrderStatus, Outcome, ProductId, Scope, State};

use crate::gateway::sp::NoticeKind;
use crate::node::trial::{Centre, RIGHT, SpManner, Trial, eventually, local, purchase};

fn rows(state: &State, is: fn(&Effect) -> bool) -> usize {
    state.effects_from(EffectId(0)).filter(|row| is(&row.effect)).count()
}

fn texts(state: &State) -> usize {
    rows(state, |effect| matches!(effect, Effect::Sms { .. }))
}

async fn all_texts_told(trial: &Trial) {
    trial.until("every text is acknowledged", |state| (texts(state) == 0).then_some(())).await;
}

/// Ten subscribers, two texts each.
async fn twenty_texts(trial: &Trial) {
    for last in 1..=10 {
        trial.open(local(last), Money::yuan(10)).await;
    }
    assert_eq!(trial.context.replica.read(texts), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_text_is_sent_once_in_order_and_in_batches() {
    let trial = Trial::start().await;
    twenty_texts(&trial).await;
    let _actors = trial.actors().await;
    all_texts_told(&trial).await;
    let sent = trial.smsc.texts.lock().clone();
    assert_eq!(sent.len(), 20);
    assert!(*trial.smsc.tries.lock() <= 6, "four at a time");
    let numbers: Vec<u64> =
        sent.iter().map(|text| text.message_id.strip_prefix("44-").unwrap().parse().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    assert!(sent[0].text.contains("已开通") && sent[1].text.contains("充值"), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_is_acknowledged_before_the_centre_accepted_it_and_none_is_lost() {
    let trial = Trial::start().await;
    twenty_texts(&trial).await;
    *trial.smsc.manner.lock() = Centre::Down;
    let actors = trial.actors().await;
    eventually("the centre is asked again and again", || *trial.smsc.tries.lock() >= 3).await;
    assert_eq!(trial.context.replica.read(texts), 20);
    *trial.smsc.manner.lock() = Centre::LosesAnswers;
    eventually("texts came, their answer was lost", || trial.smsc.texts.lock().len() >= 8).await;
    assert_eq!(trial.context.replica.read(texts), 20, "without an answer nothing is acknowledged");
    actors.kill();
    *trial.smsc.manner.lock() = Centre::Half;
    let _successors = trial.actors().await;
    all_texts_told(&trial).await;
    let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
    for text in trial.smsc.texts.lock().iter() {
        *by_id.entry(text.message_id.clone()).or_default() += 1;
    }
    assert_eq!(by_id.len(), 20, "each came at least once, always under the same id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_breaks_loses_nothing() {
    let trial = Trial::start().await;
    twenty_texts(&trial).await;
    *trial.smsc.manner.lock() = Centre::Panics;
    let _actors = trial.actors().await;
    eventually("it broke twice", || *trial.smsc.tries.lock() >= 2).await;
    *trial.smsc.manner.lock() = Centre::Accepts;
    all_texts_told(&trial).await;
    assert_eq!(trial.smsc.texts.lock().len(), 20);
}

async fn buy(trial: &Trial, product: ProductId) -> OrderId {
    let reply = trial.serving.place_order(trial.request(), purchase(local(1), product, RIGHT)).await.unwrap();
    match reply.outcome {
        Outcome::Order(order) => order,
        outcome => panic!("{outcome:?}"),
    }
}

async fn until(trial: &Trial, id: OrderId, status: OrderStatus) {
    let is = |state: &State| state.order(id).filter(|order| order.status == status).map(|_| ());
    trial.until(status.name(), is).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sp_that_accepts_delivers_and_one_that_refuses_has_the_order_reversed() {
    let trial = Trial::start().await;
    trial.open(local(1), Money::yuan(100)).await;
    let yes = trial.product_of("yes", Scope::Local, 60_000).await;
    let no = trial.product_of("no", Scope::Local, 60_000).await;
    let twice = trial.product_of("twice", Scope::Local, 60_000).await;
    trial.sps.behave("no", SpManner::Refuses);
    trial.sps.behave("twice", SpManner::Duplicates);
    let _actors = trial.actors().await;
    until(&trial, buy(&trial, yes).await, OrderStatus::Delivered).await;
    until(&trial, buy(&trial, no).await, OrderStatus::Reversed).await;
    until(&trial, buy(&trial, twice).await, OrderStatus::Delivered).await;
    let notices = trial.sps.notices.lock().clone();
    assert_eq!(notices.len(), 3, "answered at once, told once; a refused order needs no cancelling");
    assert_eq!(notices[0].amount, "1.00");
    assert_eq!(notices[0].msisdn_masked, "189****0001");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sp_that_does_not_answer_by_the_deadline_has_its_orders_reversed_and_delays_nobody() {
    let trial = Trial::start().await;
    trial.open(local(1), Money::yuan(100)).await;
    let silent = trial.product_of("silent", Scope::Local, 300).await;
    let garbage = trial.product_of("garbage", Scope::Local, 300).await;
    let good = trial.product_of("good", Scope::Local, 60_000).await;
    trial.sps.behave("silent", SpManner::Silent);
    trial.sps.behave("garbage", SpManner::Garbage);
    let _actors = trial.actors().await;
    let mut late = Vec::new();
    for product in [silent, garbage] {
        for _ in 0..6 {
            late.push((buy(&trial, product).await, product));
        }
    }
    until(&trial, buy(&trial, good).await, OrderStatus::Delivered).await;
    for (order, _) in &late {
        until(&trial, *order, OrderStatus::Reversed).await;
    }
    // The one that talks garbage comes to its senses: it is still to be told what was cancelled.
    trial.sps.behave("garbage", SpManner::Accepts);
    let told = |state: &State| {
        let open = state.effects_from(EffectId(0)).any(|row| match row.effect {
            Effect::CancelNotice { order, .. } => late.iter().any(|(id, product)| *id == order && *product == garbage),
            _ => false,
        });
        (!open).then_some(())
    };
    trial.until("every cancel notice is acknowledged", told).await;
    let cancelled = trial.sps.notices.lock().iter().filter(|notice| notice.kind == NoticeKind::Cancel).count();
    assert!(cancelled >= 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_sp_leaves_out_is_asked_again_under_the_same_notice_id() {
    let trial = Trial::start().await;
    trial.open(local(1), Money::yuan(100)).await;
    let product = trial.product_of("half", Scope::Local, 60_000).await;
    trial.sps.behave("half", SpManner::Half);
    let mut orders = Vec::new();
    for _ in 0..16 {
        orders.push(buy(&trial, product).await);
    }
    let actors = trial.actors().await;
    until(&trial, orders[0], OrderStatus::Delivered).await;
    actors.kill();
    let _successors = trial.actors().await;
    for order in &orders {
        until(&trial, *order, OrderStatus::Delivered).await;
    }
    let notices = trial.sps.notices.lock().clone();
    let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
    for notice in &notices {
        let known = ids.insert(&notice.order_id, &notice.notice_id);
        assert!(known.is_none_or(|known| known == notice.notice_id), "one notice id for each order");
    }
    assert!(notices.len() > orders.len(), "some were asked again");
    assert!(trial.sps.sizes.lock().iter().all(|size| *size <= 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_sp_is_told_in_full_batches() {
    let trial = Trial::start().await;
    trial.open(local(1), Money::yuan(500)).await;
    let product = trial.product_of("hot", Scope::Local, 60_000).await;
    let mut orders = Vec::new();
    for _ in 0..100 {
        orders.push(buy(&trial, product).await);
    }
    let _actors = trial.actors().await;
    for order in &orders {
        until(&trial, *order, OrderStatus::Delivered).await;
    }
    let sizes = trial.sps.sizes.lock().clone();
    assert_eq!(sizes.iter().sum::<usize>(), 100);
    assert!(sizes.len() <= 30, "four at a time: {sizes:?}");
}
