//! More than a node can do is answered early with "not now", and nothing of it is half done.

#![allow(clippy::expect_used, reason = "a test")]

use mpss_tests::client::{Ask, Client};
use mpss_tests::country::CountryPlan;
use mpss_tests::seeded::Seeded;
use mpss_tests::stage::Stage;
use mpss_tests::trade::{Goods, Kind, purchase};
use mpss_tests::{binary, books, number_table};

const IN_FLIGHT_MAX: usize = 4;
const REQUESTS_PER_SECOND: usize = 20;
const CALLERS: usize = 120;
const PURCHASES: usize = 10;

static STAGE: Stage = Stage::new(|| {
    CountryPlan::new(binary::mpss(), &["44"], 3)
        .replicas("00", 1)
        .setting("door", &format!("requests_in_flight_max = {IN_FLIGHT_MAX}"))
        .setting("door", &format!("subscriber_requests_per_second = {REQUESTS_PER_SECOND}"))
});

#[test]
fn too_much_is_refused_early_and_nothing_is_half_done() {
    STAGE.play(async |trade| {
        let sp = trade.admit_sp("44", "sp").await;
        let product = trade.publish("44", &Goods::new(&sp, "thing", "local", 100)).await;
        let buyers = number_table::subscribers_of("44", CALLERS, &mut Seeded::new(11));
        for buyer in &buyers {
            trade.open_with("44", buyer, 10_000).await;
        }
        let urls = trade.country.urls("44");
        let clients: Vec<Client> = (0..CALLERS).map(|_| trade.client.another()).collect();
        let storm = buyers.iter().zip(&clients).enumerate().map(|(number, (buyer, client))| {
            let (urls, product) = (&urls, &product);
            async move {
                let (mut done, mut busy) = (0, 0);
                for turn in 0..PURCHASES {
                    let ask = purchase(&format!("storm-{buyer}-{turn}"), buyer, product, None);
                    let answer = client.once(&urls[number % urls.len()], &ask).await.expect("an answer, early");
                    match answer.status {
                        201 => {
                            done += 1;
                            trade.record.note("44", &Kind::Purchase { sp_accepts: true }, &answer);
                        }
                        429 | 503 => {
                            busy += 1;
                            assert!(answer.retry_after.is_some(), "it does not say when: {}", answer.body);
                            assert_eq!(answer.body["retryable"], true, "{}", answer.body);
                        }
                        _ => panic!("{} {}", answer.status, answer.body),
                    }
                }
                (done, busy)
            }
        });
        let told = futures::future::join_all(storm).await;
        let (done, busy) = told.iter().fold((0, 0), |sum: (usize, usize), one| (sum.0 + one.0, sum.1 + one.1));
        eprintln!("{CALLERS} callers at once: {done} purchases done, {busy} told to come later");
        assert!(done > 0 && busy > 0, "{done} done, {busy} busy");
        // What was refused did not happen: the books hold what was acknowledged and nothing else.
        let findings = books::check(trade).await;
        assert_eq!(findings.orders, done);
        // Whoever comes again with the same request id is served now.
        let ask = purchase(&format!("storm-{}-0", buyers[0]), &buyers[0], &product, None);
        let answer = trade.ask("44", &ask).await.expect("answered");
        assert!(answer.is_success(), "{}", answer.body);
        trade.record.note("44", &Kind::Purchase { sp_accepts: true }, &answer);
    });
}

#[test]
fn one_subscriber_can_not_take_everybody_elses_turn() {
    STAGE.play(async |trade| {
        let numbers = number_table::subscribers_of("44", 2, &mut Seeded::new(12));
        for number in &numbers {
            trade.open_with("44", number, 0).await;
        }
        let (greedy, modest) = (&numbers[0], &numbers[1]);
        let url = trade.country.urls("44").remove(0);
        let account = |who: &str| trade.record.rows().wallets[who].account_id.clone();
        let ask = |key: String, who: &str| {
            let body = serde_json::json!({ "payment_password": "000000", "daily_limit": "1.00" });
            Ask::patch(format!("/v1/accounts/{}", account(who)), key, body)
        };
        let mut refused = 0;
        for turn in 0..REQUESTS_PER_SECOND * 5 {
            let answer = trade.client.once(&url, &ask(format!("greedy-{turn}"), greedy)).await.expect("answered");
            if answer.status == 429 {
                refused += 1;
                assert_eq!(answer.code(), "too_many_requests");
                assert!(answer.retry_after.is_some());
            }
        }
        assert!(refused > 0, "{} requests in a row were all let in", REQUESTS_PER_SECOND * 5);
        let answer = trade.client.once(&url, &ask("modest".into(), modest)).await.expect("answered");
        assert_eq!(answer.code(), "wrong_password", "{}", answer.body);
    });
}
