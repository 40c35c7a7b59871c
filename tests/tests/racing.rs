//! Bounds are accounts, not checks: requests that race each other at all nodes of a province at once
//! overrun neither a price, nor a daily limit, nor a balance, nor the count of wrong passwords.

#![allow(clippy::expect_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mpss_tests::client::{Answer, Ask, Client, yuan};
use mpss_tests::country::CountryPlan;
use mpss_tests::seeded::Seeded;
use mpss_tests::stage::Stage;
use mpss_tests::trade::{Errand, Goods, Kind, PASSWORD, Trade, purchase};
use mpss_tests::{binary, books, number_table, patience};
use serde_json::json;

const REQUESTS: usize = 1_000;
const CONNECTIONS: usize = 50;
/// How long a race may take; no business day may end in it.
const RACE_BOUND: Duration = Duration::from_secs(120);

static STAGE: Stage = Stage::new(|| {
    CountryPlan::new(binary::mpss(), &["44", "51"], 3)
        .replicas("51", 1)
        .replicas("00", 1)
        .setting("door", "subscriber_requests_per_second = 0")
});

/// Sends every request once, over [`CONNECTIONS`] connections that go to all nodes of the province,
/// and gives back every answer in the order of the requests.
async fn race(trade: Trade<'_>, province: &str, asks: Vec<Ask>) -> Vec<Answer> {
    let urls = trade.country.urls(province);
    let lanes = CONNECTIONS.min(asks.len());
    let clients: Vec<Client> = (0..lanes).map(|_| trade.client.another()).collect();
    let racing = clients.iter().enumerate().map(|(lane, client)| {
        let mut urls = urls.clone();
        let nodes = urls.len();
        urls.rotate_left(lane % nodes);
        let mine: Vec<_> = asks.iter().cloned().enumerate().skip(lane).step_by(lanes).collect();
        async move {
            let mut answers = Vec::new();
            for (place, ask) in mine {
                let answer = client.ask(&urls, &ask, RACE_BOUND).await.expect("answered");
                answers.push((place, answer));
            }
            answers
        }
    });
    let mut answers: Vec<_> = futures::future::join_all(racing).await.into_iter().flatten().collect();
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// How many were done, and how many were refused by which name.
fn tally(answers: &[Answer]) -> (usize, BTreeMap<String, usize>) {
    let mut refused = BTreeMap::new();
    for answer in answers.iter().filter(|answer| !answer.is_success()) {
        *refused.entry(answer.code().to_owned()).or_default() += 1;
    }
    (answers.iter().filter(|answer| answer.is_success()).count(), refused)
}

fn refusals(rows: &[(&str, usize)]) -> BTreeMap<String, usize> {
    rows.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect()
}

/// A product of 44 and a buyer of `home` with `fen`.
async fn shop(
    trade: Trade<'_>,
    name: &str,
    scope: &str,
    price: i64,
    (home, fen): (&str, i64),
) -> (String, String, String) {
    let sp = trade.admit_sp("44", &format!("sp-{name}")).await;
    let product = trade.publish("44", &Goods::new(&sp, name, scope, price)).await;
    let buyer = number_table::subscriber_of(home, &mut Seeded::new(1).fork(name));
    let account = trade.open_with(home, &buyer, fen).await;
    (product, buyer, account)
}

/// One order of `price`, and a thousand refunds that all together ask for more than it.
async fn refunds(trade: Trade<'_>, scope: &str, home: &str, location: &str) {
    const PRICE: i64 = 50_000;
    let (product, buyer, account) = shop(trade, &format!("refunds-{scope}"), scope, PRICE, (home, PRICE)).await;
    let ask = purchase(&format!("bought-{scope}"), &buyer, &product, Some(location));
    let order = trade
        .run("44", Errand { ask, kind: Kind::Purchase { sp_accepts: true } })
        .await
        .expect("answered")
        .text("order_id");
    let settled = async |what: &str, settled: &dyn Fn(&serde_json::Value) -> bool| {
        patience::until(what, RACE_BOUND, async || {
            let answer = trade.order("44", &order, 5).await?;
            if settled(&answer.body) { Ok(answer.body) } else { Err(answer.body.to_string()) }
        })
        .await
    };
    settled("the order is delivered", &|order| order["status"] == "delivered").await;

    // Amounts between 0.50 and 1.50 that together are twice the price.
    let amounts: Vec<i64> = (0..REQUESTS).map(|number| 50 + i64::try_from(number * 7 % 101).expect("small")).collect();
    assert!(amounts.iter().sum::<i64>() > PRICE * 3 / 2);
    let asks = amounts.iter().enumerate().map(|(number, amount)| {
        let body = json!({ "amount": yuan(*amount), "reason": "race" });
        Ask::post(format!("/v1/orders/{order}/refunds"), format!("refund-{scope}-{number}"), body)
    });
    let answers = race(trade, "44", asks.collect()).await;
    let mut accepted: i64 = 0;
    for (answer, amount) in answers.iter().zip(&amounts) {
        if answer.is_success() {
            accepted += amount;
            trade.record.note("44", &Kind::Refund { order_id: order.clone(), amount: *amount }, answer);
        } else {
            assert_eq!(answer.code(), "refund_exceeds_paid", "{}", answer.body);
        }
    }
    assert!(accepted <= PRICE, "{accepted} fen were given back for {PRICE}");
    // What is left is smaller than anything that was refused; now it is asked for exactly.
    if accepted < PRICE {
        assert!(PRICE - accepted < 150, "{} fen could still have been given back", PRICE - accepted);
        let rest = trade.refund("44", &format!("rest-{scope}"), &order, PRICE - accepted).await.expect("answered");
        assert!(rest.is_success(), "{}", rest.body);
    }
    let one_fen = trade.refund("44", &format!("one-fen-{scope}"), &order, 1).await.expect("answered");
    assert!(matches!(one_fen.code(), "refund_exceeds_paid" | "wrong_order_status"), "{}", one_fen.body);
    let order = settled("all is given back", &|order| order["status"] == "refunded").await;
    assert_eq!(order["refunded"], yuan(PRICE));
    assert_eq!(trade.balance(home, &account).await, PRICE);
    let (done, refused) = tally(&answers);
    eprintln!("{scope}: {done} of {REQUESTS} refunds taken, refused {refused:?}, together exactly {}", yuan(PRICE));
    books::check(trade).await;
}

#[test]
fn a_thousand_refunds_give_back_the_price_and_no_fen_more() {
    STAGE.play(async |trade| refunds(trade, "local", "44", "44").await);
}

#[test]
fn a_thousand_refunds_of_a_visitors_order_give_back_the_price_and_no_fen_more() {
    STAGE.play(async |trade| refunds(trade, "roaming", "51", "44").await);
}

/// A thousand purchases of 1.00 by one buyer.
async fn purchases(trade: Trade<'_>, name: &str, fen: i64, daily: i64, (fits, code): (usize, &str)) {
    const PRICE: i64 = 100;
    patience::no_midnight_within(RACE_BOUND).await;
    let (product, _, _) = shop(trade, name, "local", PRICE, ("44", 0)).await;
    let buyer = number_table::subscriber_of("44", &mut Seeded::new(2).fork(name));
    let account = trade.open("44", &buyer, Some((PRICE, daily))).await;
    trade.top_up("44", &buyer, &format!("money-{name}"), fen).await.expect("answered");

    let asks = (0..REQUESTS).map(|number| purchase(&format!("{name}-{number}"), &buyer, &product, None)).collect();
    let answers = race(trade, "44", asks).await;
    assert_eq!(tally(&answers), (fits, refusals(&[(code, REQUESTS - fits)])), "{name}");
    for answer in &answers {
        trade.record.note("44", &Kind::Purchase { sp_accepts: true }, answer);
    }
    let ids: BTreeSet<_> = answers.iter().filter(|a| a.is_success()).map(|a| a.text("order_id")).collect();
    assert_eq!(ids.len(), fits, "one order for each purchase");
    let spent = PRICE * i64::try_from(fits).expect("small");
    let account = trade.must("44", &Ask::get(format!("/v1/accounts/{account}"))).await;
    assert_eq!((account.fen("balance"), account.fen("used_today")), (fen - spent, spent));
    books::check(trade).await;
}

#[test]
fn a_thousand_purchases_use_a_daily_limit_up_exactly() {
    STAGE.play(async |trade| purchases(trade, "daily-limit", 200_000, 40_000, (400, "daily_limit_exceeded")).await);
}

#[test]
fn a_thousand_purchases_use_a_balance_up_exactly() {
    STAGE.play(async |trade| purchases(trade, "balance", 30_000, 400_000, (300, "insufficient_funds")).await);
}

#[test]
fn one_request_id_sent_from_everywhere_has_one_effect() {
    STAGE.play(async |trade| {
        const KEYS: usize = 40;
        const TIMES: usize = 25;
        let (product, buyer, account) = shop(trade, "one-request-id", "local", 100, ("44", 100_000)).await;
        let asks = (0..KEYS * TIMES).map(|number| purchase(&format!("same-{}", number % KEYS), &buyer, &product, None));
        let answers = race(trade, "44", asks.collect()).await;
        for answer in &answers {
            trade.record.note("44", &Kind::Purchase { sp_accepts: true }, answer);
        }
        for key in 0..KEYS {
            let same: Vec<_> = answers.iter().skip(key).step_by(KEYS).collect();
            assert_eq!(same.len(), TIMES);
            let first: Vec<_> = same.iter().filter(|answer| !answer.replayed).collect();
            assert!(first.len() <= 1, "same-{key}: {} first answers", first.len());
            let told: BTreeSet<_> = same.iter().map(|answer| (answer.status, answer.text("order_id"))).collect();
            assert_eq!(told.len(), 1, "same-{key} was answered in more than one way: {told:?}");
            assert_eq!(same[0].status, 201, "{}", same[0].body);
        }
        let spent = 100 * i64::try_from(KEYS).expect("small");
        assert_eq!(trade.balance("44", &account).await, 100_000 - spent);

        // The same id with other content, at every node: refused, and nothing moves.
        let other = purchase("same-0", &buyer, &product, Some("51"));
        for url in trade.country.urls("44") {
            let answer = trade.client.ask(&[url], &other, RACE_BOUND).await.expect("answered");
            assert_eq!((answer.status, answer.code()), (422, "duplicate_request"), "{}", answer.body);
        }
        assert_eq!(trade.balance("44", &account).await, 100_000 - spent);
        books::check(trade).await;
    });
}

#[test]
fn guessing_in_parallel_at_many_nodes_is_not_faster() {
    STAGE.play(async |trade| {
        const GUESSES: usize = 100;
        const EARLY: usize = 2;
        const LEFT: usize = 5 - EARLY;
        patience::no_midnight_within(RACE_BOUND).await;
        let (product, buyer, account) = shop(trade, "guesses", "local", 100, ("44", 100_000)).await;
        // Five in a day are five: a right password in between does not start the count anew.
        let guess = |key: String, password: &str| {
            let mut ask = purchase(&key, &buyer, &product, None);
            ask.body.as_mut().expect("a body")["payment_password"] = password.into();
            ask
        };
        for number in 0..EARLY {
            let answer = trade.ask("44", &guess(format!("early-{number}"), "000000")).await.expect("answered");
            assert_eq!(answer.code(), "wrong_password");
        }
        assert!(trade.buy("44", "right-in-time", &buyer, &product).await.expect("answered").is_success());

        // Half of the guesses are purchases, half ask to unfreeze; one subscriber, one count.
        let asks = (0..GUESSES).map(|number| {
            let password = format!("{:06}", 100_000 + number);
            assert_ne!(password, PASSWORD);
            if number % 2 == 0 {
                guess(format!("guess-{number}"), &password)
            } else {
                let body = json!({ "payment_password": password });
                Ask::post(format!("/v1/accounts/{account}/unfreeze"), format!("guess-{number}"), body)
            }
        });
        let answers = race(trade, "44", asks.collect()).await;
        assert_eq!(
            tally(&answers),
            (0, refusals(&[("wrong_password", LEFT), ("password_locked", GUESSES - LEFT)])),
            "exactly five guesses of the day are answered"
        );
        // Asked again, each guess gets its first answer and is not counted anew.
        let again = trade.ask("44", &guess("guess-0".into(), "100000")).await.expect("answered");
        assert_eq!((again.code(), again.replayed), (answers[0].code(), true));
        // The right password is refused as well while the lock holds, here and from another province.
        for (number, province) in ["44", "44", "44", "51"].into_iter().enumerate() {
            let answer = trade.buy(province, &format!("right-{number}"), &buyer, &product).await.expect("answered");
            assert_eq!(answer.code(), "password_locked", "{}", answer.body);
        }
        assert_eq!(trade.balance("44", &account).await, 100_000 - 100);
    });
}
