//! Serving against a real replica and a home province that behaves as it is told.

#![allow(clippy::unwrap_used, reason = "tests")]

use mpss_domain::catalogue::Application;
use mpss_domain::{Order, OrderStatus, Refusal, Scope, State, StateVersion};
use mpss_routing::wire::PaymentFate;

use super::*;
use crate::code_digits::CodeDigits;
use crate::gateway::sp::{BillAnswer, BillStatus};
use crate::home_keys::HomeKeys;
use crate::node::trial::{Manner, RIGHT, Sealing, Trial, guangdong, local, purchase, range, sichuan, visitor};

fn order_of(reply: &Reply) -> OrderId {
    match reply.outcome {
        Outcome::Order(order) => order,
        ref outcome => panic!("{outcome:?}"),
    }
}

fn status(status: OrderStatus) -> impl Fn(&Order) -> bool {
    move |order| order.status == status
}

async fn until(trial: &Trial, id: OrderId, is: impl Fn(&Order) -> bool) -> Order {
    trial.until("the order's status", |state| state.order(id).filter(|order| is(order)).cloned()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_purchase_is_one_step_and_the_same_request_gets_the_same_answer() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Local).await;
    trial.open(local(1), Money::yuan(10)).await;
    let request = trial.request();
    let first = trial.serving.place_order(request, purchase(local(1), product, RIGHT)).await.unwrap();
    let order = trial.order(order_of(&first));
    assert_eq!(order.status, OrderStatus::Delivering);
    assert_eq!(order.as_of(first.index).status, OrderStatus::Delivering, "taken and paid in one entry");
    let again = trial.serving.place_order(request, purchase(local(1), product, RIGHT)).await.unwrap();
    assert_eq!(again, Reply { replayed: true, ..first });
    assert!(trial.peers.books().calls.is_empty(), "nobody else is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_is_debited_at_home_once_with_the_password_as_typed() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    let request = trial.request();
    let first = trial.serving.place_order(request, purchase(visitor(1), product, RIGHT)).await.unwrap();
    let order = trial.order(order_of(&first));
    assert_eq!(order.status, OrderStatus::Delivering);
    assert_eq!(order.as_of(first.index).status, OrderStatus::Delivering, "answered as of the payment's record");
    let again = trial.serving.place_order(request, purchase(visitor(1), product, RIGHT)).await.unwrap();
    assert_eq!(again, Reply { replayed: true, ..first });
    let books = trial.peers.books();
    assert_eq!((books.movements, books.calls.len()), (1, 1));
    assert_eq!(books.passwords, [RIGHT]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_home_declines_is_refused_with_the_order_now_and_when_asked_again() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    trial.peers.behave(Manner::Refuses(Refusal::InsufficientFunds.number()));
    let request = trial.request();
    let mut orders = Vec::new();
    for expected_replay in [false, true] {
        let answer = trial.serving.place_order(request, purchase(visitor(1), product, RIGHT)).await;
        match answer.unwrap_err() {
            NotDone::Refused { refusal: Refusal::InsufficientFunds, order: Some(order), replayed } => {
                assert_eq!(replayed, expected_replay);
                assert_eq!(trial.order(order).status, OrderStatus::Declined);
                orders.push(order);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(orders[0], orders[1]);
    assert_eq!(trial.peers.books().calls.len(), 1, "a decided payment is not asked for again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_reached_home_can_never_be_debited_later() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    trial.peers.behave(Manner::Unreachable);
    let reply = trial.serving.place_order(trial.request(), purchase(visitor(1), product, RIGHT)).await.unwrap();
    let order = trial.order(order_of(&reply));
    assert_eq!(order.status, OrderStatus::Reversing);
    let _actors = trial.actors().await;
    trial.peers.behave(Manner::Answers);
    until(&trial, order.id, status(OrderStatus::Reversed)).await;
    let books = trial.peers.books();
    assert_eq!(books.payments[&order.payment.to_string()], (PaymentFate::Reversed, None));
    assert_eq!(books.movements, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_refuses_for_now_is_not_left_with_a_payment_that_may_still_be_made() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    trial.peers.behave(Manner::Refuses(Refusal::NotHome.number()));
    let reply = trial.serving.place_order(trial.request(), purchase(visitor(1), product, RIGHT)).await.unwrap();
    let order = trial.order(order_of(&reply));
    assert_eq!(order.status, OrderStatus::Reversing);
    let _actors = trial.actors().await;
    until(&trial, order.id, status(OrderStatus::Reversed)).await;
    assert_eq!(trial.peers.books().payments[&order.payment.to_string()], (PaymentFate::Reversed, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_leaves_the_order_paying_until_the_driver_finds_out() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    trial.change_policy(|policy| policy.payment_takeover_ms = 1).await;
    trial.peers.behave(Manner::LosesAnswers);
    let reply = trial.serving.place_order(trial.request(), purchase(visitor(1), product, RIGHT)).await.unwrap();
    let order = trial.order(order_of(&reply));
    assert_eq!(order.status, OrderStatus::Paying);
    trial.peers.behave(Manner::Answers);
    let _actors = trial.actors().await;
    until(&trial, order.id, |order| order.booked).await;
    assert_eq!(trial.peers.books().movements, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_hangs_up_does_not_cut_the_payment_off_from_its_record() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    trial.peers.behave(Manner::HoldsAfter);
    let (serving, request) = (trial.serving.clone(), trial.request());
    let caller = tokio::spawn(async move { serving.place_order(request, purchase(visitor(1), product, RIGHT)).await });
    trial.peers.until("the payment is asked for", |books| books.movements == 1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    trial.peers.behave(Manner::Answers);
    let paid = |state: &State| {
        let row = state.effects_from(mpss_domain::EffectId(0)).find_map(|row| match row.effect {
            mpss_domain::Effect::DeliveryNotice { order, .. } => Some(order),
            _ => None,
        })?;
        state.order(row).filter(|order| order.booked).cloned()
    };
    trial.until("the payment is recorded", paid).await;
    assert_eq!(trial.peers.books().movements, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_goes_on_with_the_payment_the_first_could_not_finish() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    trial.peers.behave(Manner::HoldsBefore);
    let request = trial.request();
    let first = trial.serving.place_order(request, purchase(visitor(1), product, RIGHT)).await.unwrap();
    assert_eq!(trial.order(order_of(&first)).status, OrderStatus::Paying);
    trial.peers.behave(Manner::Answers);
    let again = trial.serving.place_order(request, purchase(visitor(1), product, RIGHT)).await.unwrap();
    assert_eq!(order_of(&again), order_of(&first));
    assert_eq!(trial.order(order_of(&first)).status, OrderStatus::Delivering);
    assert_eq!(trial.peers.books().payments.len(), 1, "the same payment id");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_recorded_for_a_home_that_is_not_connected() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    trial.install_plan(2, vec![range(1_330_000, 11)]).await;
    let before = trial.context.replica.read(|state| state.row_counts().orders);
    let answer = trial.serving.place_order(trial.request(), purchase(visitor(1), product, RIGHT)).await;
    assert!(matches!(answer, Err(NotDone::Unavailable(_))), "{answer:?}");
    assert_eq!(trial.context.replica.read(|state| state.row_counts().orders), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_rules_come_from_the_log_and_are_remembered() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Local).await;
    trial.open(local(1), Money::yuan(10)).await;
    let cases = [
        (purchase(visitor(1), product, RIGHT), Refusal::NotVisible(mpss_domain::HiddenBecause::NotItsSubscriber)),
        (purchase(Msisdn::new(13_900_000_001).unwrap(), product, RIGHT), Refusal::UnknownNumber),
        (purchase(local(1), product, "862539"), Refusal::WrongPassword),
    ];
    for (ask, expected) in cases {
        let request = trial.request();
        for expected_replay in [false, true] {
            let answer = trial.serving.place_order(request, ask.clone()).await;
            match answer.unwrap_err() {
                NotDone::Refused { refusal, order: None, replayed } => {
                    assert_eq!((refusal, replayed), (expected, expected_replay));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reversal_and_refund_are_answered_when_home_has_acknowledged_them() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    let _actors = trial.actors().await;
    let buy = || async {
        let reply = trial.serving.place_order(trial.request(), purchase(visitor(1), product, RIGHT)).await.unwrap();
        until(&trial, order_of(&reply), status(OrderStatus::Delivered)).await
    };
    let order = buy().await;
    let request = trial.request();
    let half = Money::fen(50);
    let reply = trial.serving.refund_order(request, order.id, half, String::new()).await.unwrap();
    let then = trial.order(order.id);
    assert_eq!(then.as_of(reply.index).status, OrderStatus::PartlyRefunded);
    assert_eq!(then.as_of(reply.index).refunded, half);
    let again = trial.serving.refund_order(request, order.id, half, String::new()).await.unwrap();
    assert_eq!(again, Reply { replayed: true, ..reply });

    let order = buy().await;
    let reason = ReversalReason::Requested;
    let reply = trial.serving.reverse_order(trial.request(), order.id, reason, String::new()).await.unwrap();
    assert_eq!(trial.order(order.id).as_of(reply.index).status, OrderStatus::Reversed);
    assert_eq!(trial.peers.books().movements, 2 + 1 + 1, "two payments, a refund, a reversal");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reversal_of_an_unreachable_home_is_answered_as_on_its_way() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    let reply = trial.serving.place_order(trial.request(), purchase(visitor(1), product, RIGHT)).await.unwrap();
    trial.peers.behave(Manner::Unreachable);
    let _actors = trial.actors().await;
    let order = order_of(&reply);
    let reason = ReversalReason::Requested;
    let reply = trial.serving.reverse_order(trial.request(), order, reason, String::new()).await.unwrap();
    assert_eq!(trial.order(order).as_of(reply.index).status, OrderStatus::Reversing);
    trial.peers.behave(Manner::Answers);
    until(&trial, order, status(OrderStatus::Reversed)).await;
}

/// A machine's order by a code of the other province.
fn by_code(product: ProductId) -> OrderByCode {
    let code = CodeDigits::draw(sichuan(), &mpss_runtime::real::OsRandom);
    OrderByCode { product, quantity: 1, code, location: guangdong() }
}

async fn bike(trial: &Trial) -> ProductId {
    trial.until("the version of codes", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
    trial.product_for(Application::PayPerUse, Scope::Roaming).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitors_code_is_resolved_and_debited_at_home_once() {
    let trial = Trial::start().await;
    let product = bike(&trial).await;
    let (request, ask) = (trial.request(), by_code(product));
    let first = trial.serving.place_by_code(request, ask.clone()).await.unwrap();
    let order = trial.order(order_of(&first));
    assert_eq!((order.status, order.msisdn, order.home), (OrderStatus::Delivering, visitor(1), sichuan()));
    let books = trial.peers.books();
    assert_eq!(books.calls, ["POST /peer/v1/payment-codes", "POST /peer/v1/payments"]);
    assert_eq!((books.movements, books.passwords), (1, vec![ask.code.reveal().to_owned()]));
    // Home would refuse it by now, and is not asked.
    trial.peers.behave(Manner::Refuses(Refusal::PaymentCodeUsed.number()));
    let again = trial.serving.place_by_code(request, ask.clone()).await.unwrap();
    assert_eq!(again, Reply { replayed: true, ..first });
    assert_eq!(trial.peers.books().calls.len(), 2);
    let other = trial.serving.place_by_code(trial.request(), ask).await.unwrap_err();
    assert_eq!(other, NotDone::refused(Refusal::PaymentCodeUsed));
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_a_code_is_can_not_be_asked_so_nothing_is_recorded() {
    let trial = Trial::start().await;
    let product = bike(&trial).await;
    for manner in [Manner::Unreachable, Manner::LosesAnswers] {
        trial.peers.behave(manner);
        let answer = trial.serving.place_by_code(trial.request(), by_code(product)).await;
        assert!(matches!(answer, Err(NotDone::Unavailable(_))), "{answer:?}");
    }
    assert_eq!(trial.context.replica.read(|state| state.orders().count()), 0);
    assert_eq!(trial.peers.books().movements, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn home_is_told_that_it_is_a_bill_and_whose() {
    let trial = Trial::start().await;
    trial.until("the version of bills", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
    let product = trial.product_for(Application::BillPayment, Scope::Roaming).await;
    let mut customers = Vec::new();
    for (number, customer) in [("B-1", Some("flat 7")), ("B-2", Some("flat 7")), ("B-3", Some("flat 8")), ("B-4", None)]
    {
        let due = BillAnswer {
            status: BillStatus::Due,
            amount: Some("0.50".into()),
            payer: None,
            period: None,
            customer: customer.map(str::to_owned),
        };
        trial.sps.bills.lock().insert(number.to_owned(), due);
        let bill = Bill { number: number.parse().unwrap(), amount: Money::fen(50), customer: None };
        let ask = PlaceOrder { password: None, with: With::Bill(bill), ..purchase(visitor(1), product, RIGHT) };
        let reply = trial.serving.place_order(trial.request(), ask).await.unwrap();
        assert_eq!(trial.order(order_of(&reply)).status, OrderStatus::Delivering);
        let books = trial.peers.books();
        assert_eq!(books.passwords.last().map(String::as_str), Some(""), "none was given");
        customers.push(books.bills.last().expect("it is a bill").customer.clone());
    }
    assert!(customers[0].as_ref().is_some_and(|customer| customer.len() == 32));
    assert_eq!(customers[0], customers[1], "the same from bill to bill");
    assert_ne!(customers[0], customers[2]);
    assert_eq!(customers[3], None);
    // Anything else is no bill.
    let product = trial.product(Scope::Roaming).await;
    trial.serving.place_order(trial.request(), purchase(visitor(1), product, RIGHT)).await.unwrap();
    assert_eq!(trial.peers.books().bills.len(), 4);
}

async fn knows_doors(trial: &Trial) {
    trial.until("the version of doors", |state| state.version().has_doors().then_some(())).await;
}

fn asking(product: mpss_domain::ProductId, quantity: u32, reserve: bool) -> PlaceOrder {
    PlaceOrder { password: None, quantity, with: With::Consent { reserve }, ..purchase(visitor(1), product, RIGHT) }
}

#[tokio::test(flavor = "multi_thread")]
async fn home_asks_its_subscriber_and_is_asked_until_it_says_what_came_of_it() {
    let trial = Trial::start().await;
    knows_doors(&trial).await;
    let product = trial.product(Scope::Roaming).await;
    let reply = trial.serving.place_order(trial.request(), asking(product, 1, false)).await.unwrap();
    let order = trial.order(order_of(&reply));
    assert_eq!(order.status, OrderStatus::AwaitingConfirmation);
    let _actors = trial.actors().await;
    until(&trial, order.id, status(OrderStatus::Delivering)).await;
    let books = trial.peers.books();
    assert_eq!((books.asked[&order.payment.to_string()], books.movements), ((3, false), 1));
    assert!(books.passwords.iter().all(String::is_empty), "there is no password to send");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_who_says_no_and_a_home_that_refuses_decline_the_order() {
    let trial = Trial::start().await;
    knows_doors(&trial).await;
    let product = trial.product(Scope::Roaming).await;
    let _actors = trial.actors().await;
    for (refusal, ends) in [
        (Refusal::ConfirmationRefused, OrderStatus::Declined),
        (Refusal::ConfirmationExpired, OrderStatus::Expired),
        (Refusal::AccountNotFound, OrderStatus::Declined),
    ] {
        trial.peers.behave(Manner::Refuses(refusal.number()));
        let reply = trial.serving.place_order(trial.request(), asking(product, 1, false)).await.unwrap();
        let order = until(&trial, order_of(&reply), status(ends)).await;
        let declined = |entry: &mpss_domain::order::TimelineEntry| match entry.event {
            mpss_domain::order::OrderEvent::Declined(why) => Some(why),
            _ => None,
        };
        assert_eq!(order.timeline.iter().find_map(declined), Some(refusal));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_home_holds_as_much_is_taken_as_is_charged() {
    let trial = Trial::start().await;
    knows_doors(&trial).await;
    let product = trial.product(Scope::Roaming).await;
    let reply = trial.serving.place_order(trial.request(), asking(product, 3, true)).await.unwrap();
    let id = order_of(&reply);
    let _actors = trial.actors().await;
    let reserved = until(&trial, id, status(OrderStatus::Reserved)).await;
    assert_eq!(trial.serving.until_decided(id, RAIL_WAIT).await, Some(OrderStatus::Reserved));
    let request = trial.request();
    let charged = trial.serving.charge_reservation(request, id, 2).await.unwrap();
    assert_eq!(trial.serving.charge_reservation(request, id, 2).await.unwrap(), Reply { replayed: true, ..charged });
    let payment = reserved.payment.to_string();
    trial.peers.until("home is told how much to take", |books| books.captured.contains_key(&payment)).await;
    assert_eq!(trial.peers.books().captured[&payment], Some(200));
    assert_eq!(trial.order(id).amount, Money::yuan(2));

    let reply = trial.serving.place_order(trial.request(), asking(product, 1, true)).await.unwrap();
    let id = order_of(&reply);
    let reserved = until(&trial, id, status(OrderStatus::Reserved)).await;
    trial.serving.release_reservation(trial.request(), id).await.unwrap();
    until(&trial, id, status(OrderStatus::Reversed)).await;
    assert_eq!(trial.peers.books().payments[&reserved.payment.to_string()].0, PaymentFate::Reversed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sp_asks_to_be_paid_for_what_is_its_own() {
    let trial = Trial::start().await;
    knows_doors(&trial).await;
    let product = trial.product(Scope::Local).await;
    let others = trial.product(Scope::Local).await;
    trial.open(local(1), Money::yuan(10)).await;
    let sp = trial.context.replica.read(|state| state.product(product).unwrap().terms().sp);
    let ask = |product| AskCharge {
        sp,
        product,
        msisdn: local(1),
        quantity: 1,
        account: AccountSelector::Kind(mpss_domain::AccountKind::StoredValue),
        channel: Channel::Web,
        location: guangdong(),
        reserve: false,
    };
    let answer = trial.serving.ask_charge(trial.request(), ask(others)).await;
    assert!(matches!(answer, Err(NotDone::Refused { refusal: Refusal::ProductNotFound, .. })), "{answer:?}");
    let reply = trial.serving.ask_charge(trial.request(), ask(product)).await.unwrap();
    assert_eq!(trial.order(order_of(&reply)).status, OrderStatus::AwaitingConfirmation);
}

/// What stands in a payment message of a visitor's purchase, as bytes.
fn shows_password(raw: &[u8]) -> bool {
    raw.windows(RIGHT.len()).any(|window| window == RIGHT.as_bytes())
}

/// The serving side of a node that has just started, with these words about passwords in the clear.
fn started_anew(trial: &Trial, clear: &str) -> Serving {
    let mut settings = (*trial.context.settings).clone();
    clear.clone_into(&mut settings.seal.clear);
    let context = Context { home_keys: HomeKeys::default(), settings: settings.into(), ..trial.context.clone() };
    Serving::new(context.clone(), Home::new(context))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_goes_home_sealed_and_the_key_is_asked_for_once() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    let buy = || trial.serving.place_order(trial.request(), purchase(visitor(1), product, RIGHT));
    let all = futures::future::join_all((0..8).map(|_| buy())).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let books = trial.peers.books();
    assert_eq!((books.asked_for_key, books.movements, books.raw.len()), (1, 8, 8));
    assert!(books.passwords.iter().all(|password| password == RIGHT), "home opens them");
    for (raw, version) in &books.raw {
        assert_eq!(*version, Some(7));
        assert!(!shows_password(raw), "{raw:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_a_purchase_is_refused_before_anything_is_recorded() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    trial.peers.seals(Sealing::Silent);
    let orders = |state: &State| state.orders().count();
    let request = trial.request();
    let refused = trial.serving.place_order(request, purchase(visitor(1), product, RIGHT)).await;
    assert!(matches!(refused, Err(NotDone::SealKey(_))), "{refused:?}");
    assert_eq!((trial.context.replica.read(orders), trial.peers.books().raw.len()), (0, 0));

    // The same request succeeds once there is a key, and keeps its answer when there is none again.
    trial.peers.seals(Sealing::Gives(7));
    let first = trial.serving.place_order(request, purchase(visitor(1), product, RIGHT)).await.unwrap();
    trial.peers.seals(Sealing::Silent);
    let anew = started_anew(&trial, "allowed");
    let again = anew.place_order(request, purchase(visitor(1), product, RIGHT)).await.unwrap();
    assert_eq!(again, Reply { replayed: true, ..first });
    assert_eq!(trial.peers.books().movements, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn to_a_province_that_does_not_seal_yet_it_goes_in_the_clear_only_where_that_is_allowed() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    trial.peers.seals(Sealing::No);
    let strict = started_anew(&trial, "refused");
    let refused = strict.place_order(trial.request(), purchase(visitor(1), product, RIGHT)).await;
    assert!(matches!(refused, Err(NotDone::SealKey(_))), "{refused:?}");
    assert!(trial.peers.books().raw.is_empty());
    trial.serving.place_order(trial.request(), purchase(visitor(1), product, RIGHT)).await.unwrap();
    let books = trial.peers.books();
    assert_eq!((books.raw.len(), books.raw[0].1, shows_password(&books.raw[0].0)), (1, None, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_given_a_key_is_never_sent_a_password_in_the_clear() {
    let trial = Trial::start().await;
    let product = trial.product(Scope::Roaming).await;
    let buy = || trial.serving.place_order(trial.request(), purchase(visitor(1), product, RIGHT));
    buy().await.unwrap();
    for sealing in [Sealing::No, Sealing::Silent] {
        trial.peers.seals(sealing);
        trial.context.home_keys.doubt(sichuan());
        buy().await.unwrap();
    }
    let books = trial.peers.books();
    assert_eq!(books.asked_for_key, 3);
    assert!(books.raw.iter().all(|(raw, version)| *version == Some(7) && !shows_password(raw)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_moved_since_is_asked_for_at_the_home_of_then_by_its_key() {
    let trial = Trial::start_with(|settings| {
        let sichuan = settings.provinces["51"].clone();
        settings.provinces.insert("11".into(), sichuan);
        settings.dispatch.circuit_failures = 1_000;
    })
    .await;
    let product = trial.product(Scope::Roaming).await;
    let request = trial.request();
    let buy =
        |serving: Serving| async move { serving.place_order(request, purchase(visitor(1), product, RIGHT)).await };
    trial.peers.behave(Manner::LosesAnswers);
    let open = buy(trial.serving.clone()).await.unwrap();
    assert_eq!(trial.order(order_of(&open)).status, OrderStatus::Paying);
    let tries = trial.peers.books().raw.len();
    // Beijing does not seal yet; the order is Sichuan's, which does.
    trial.install_plan(2, vec![range(1_890_000, 44), range(1_330_000, 11)]).await;
    trial.peers.behave(Manner::Answers);
    trial.peers.seals(Sealing::No);
    let again = buy(trial.serving.clone()).await.unwrap();
    assert_eq!((order_of(&again), again.replayed), (order_of(&open), true));
    let books = trial.peers.books();
    assert_eq!((books.raw.len(), books.movements), (tries + 1, 1));
    assert!(books.raw.iter().all(|(raw, version)| *version == Some(7) && !shows_password(raw)), "{:?}", books.raw);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_moved_since_sends_no_password_to_a_home_of_then_that_gives_no_key() {
    let trial = Trial::start_with(|settings| {
        let sichuan = settings.provinces["51"].clone();
        settings.provinces.insert("11".into(), sichuan);
        settings.dispatch.circuit_failures = 1_000;
    })
    .await;
    let product = trial.product(Scope::Roaming).await;
    let request = trial.request();
    let buy =
        |serving: Serving| async move { serving.place_order(request, purchase(visitor(1), product, RIGHT)).await };
    trial.peers.behave(Manner::LosesAnswers);
    let open = buy(trial.serving.clone()).await.unwrap();
    let tries = trial.peers.books().raw.len();
    trial.install_plan(2, vec![range(1_890_000, 44), range(1_330_000, 11)]).await;
    trial.peers.behave(Manner::Answers);
    // Beijing's key is known to this node, Sichuan's can not be had.
    let anew = started_anew(&trial, "refused");
    anew.place_order(trial.request(), purchase(visitor(2), product, RIGHT)).await.unwrap();
    trial.peers.seals(Sealing::Silent);
    let again = buy(anew).await.unwrap();
    assert_eq!((order_of(&again), again.replayed), (order_of(&open), true));
    assert_eq!(trial.order(order_of(&open)).status, OrderStatus::Paying, "the driver finds out what became of it");
    assert_eq!(trial.peers.books().raw.len(), tries + 1, "only the other purchase");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_home_did_not_take_is_asked_for_again() {
    // Otherwise home would not be asked anything for a while.
    let trial = Trial::start_with(|settings| settings.dispatch.circuit_failures = 1_000).await;
    let product = trial.product(Scope::Roaming).await;
    let buy = || trial.serving.place_order(trial.request(), purchase(visitor(1), product, RIGHT));
    buy().await.unwrap();
    trial.peers.seals(Sealing::Gives(8));
    buy().await.unwrap();
    trial.peers.behave(Manner::Unreachable);
    let given_up = buy().await.unwrap();
    trial.peers.behave(Manner::Answers);
    until(&trial, order_of(&given_up), status(OrderStatus::Reversing)).await;
    buy().await.unwrap();
    let books = trial.peers.books();
    let versions: Vec<_> = books.raw.iter().map(|(_, version)| *version).collect();
    assert_eq!((versions, books.asked_for_key), (vec![Some(7), Some(7), Some(8)], 2));
}
