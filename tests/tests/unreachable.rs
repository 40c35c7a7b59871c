//! Provinces that can not be reached: what is begun is brought to its end when they are back, once,
//! and whoever does not need them goes on.

#![allow(clippy::expect_used, reason = "a test")]

use std::time::Duration;

use mpss_tests::client::{Answer, Ask, yuan};
use mpss_tests::country::{CountryPlan, NATIONAL, Node};
use mpss_tests::seeded::Seeded;
use mpss_tests::stage::Stage;
use mpss_tests::trade::{Errand, Goods, Kind, Trade, purchase};
use mpss_tests::{binary, books, number_table, patience};
use serde_json::{Value, json};

const PRICE: i64 = 100;
const MONEY: i64 = 10_000;
/// Short enough for a test; the usual bound is half a minute.
const PAYMENT_TAKEOVER_MS: u64 = 1_000;
const PAYMENT_BOUND_MS: u64 = 3_000;
const BOUND: Duration = Duration::from_secs(60);

static STAGE: Stage = Stage::new(|| {
    CountryPlan::new(binary::mpss(), &["44", "51"], 1).setting("door", "subscriber_requests_per_second = 0")
});

/// A visitor from 51, what 44 sells to visitors and to its own, and what the nation sells.
struct Scene {
    visitor: String,
    local: String,
    for_visitors: String,
    for_locals: String,
    for_all: String,
}

async fn set_up(trade: Trade<'_>, name: &str) -> Scene {
    for province in ["44", "51", NATIONAL] {
        shorten_bounds(trade, province, name).await;
    }
    let sp = trade.admit_sp("44", &format!("sp-{name}")).await;
    let sp_of_all = trade.admit_sp(NATIONAL, &format!("sp-{name}")).await;
    let mut seeded = Seeded::new(9).fork(name);
    let [visitor, local] = ["51", "44"].map(|province| number_table::subscriber_of(province, &mut seeded));
    trade.open_with("51", &visitor, MONEY).await;
    trade.open_with("44", &local, MONEY).await;
    Scene {
        visitor,
        local,
        for_visitors: trade.publish("44", &Goods::new(&sp, "for visitors", "roaming", PRICE)).await,
        for_locals: trade.publish("44", &Goods::new(&sp, "for locals", "local", PRICE)).await,
        for_all: trade.publish(NATIONAL, &Goods::new(&sp_of_all, "for all", "national", PRICE)).await,
    }
}

async fn shorten_bounds(trade: Trade<'_>, province: &str, name: &str) {
    let mut policy = trade.must(province, &Ask::get("/v1/policy".into())).await.body;
    if policy["payment_bound_ms"] == PAYMENT_BOUND_MS {
        return;
    }
    policy["version"] = (policy["version"].as_u64().expect("a version") + 1).into();
    policy["payment_takeover_ms"] = PAYMENT_TAKEOVER_MS.into();
    policy["payment_bound_ms"] = PAYMENT_BOUND_MS.into();
    policy.as_object_mut().expect("an object").remove("log_index");
    let ask = Ask { key: Some(format!("policy-{name}-{province}")), ..Ask::put("/v1/policy".into(), policy) };
    trade.must(province, &ask).await;
}

fn only_node(trade: Trade<'_>, province: &str) -> std::sync::Arc<Node> {
    trade.country.nodes_of(province).remove(0)
}

/// A purchase of a visitor, in 44.
async fn visitor_buys(trade: Trade<'_>, scene: &Scene, key: &str) -> Result<Answer, String> {
    let ask = purchase(key, &scene.visitor, &scene.for_visitors, Some("44"));
    trade.run("44", Errand { ask, kind: Kind::Purchase { sp_accepts: true } }).await
}

async fn until_order(trade: Trade<'_>, order: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    patience::until(&format!("{order} is {what}"), BOUND, async || {
        let answer = trade.order("44", order, 1).await?;
        if is(&answer.body) { Ok(answer.body) } else { Err(answer.body.to_string()) }
    })
    .await
}

#[test]
fn a_payment_nobody_answers_is_reversed_and_a_late_one_revives_nothing() {
    STAGE.play(async |trade| {
        let scene = set_up(trade, "still").await;
        let home = only_node(trade, "51");
        // From now on 44 has the key that passwords for 51 are sealed with; without it nothing would be begun.
        assert!(visitor_buys(trade, &scene, "still-before").await.expect("answered").is_success());
        for round in 0..3 {
            // It takes the request and answers nothing: whether it debits, nobody can know.
            home.process.freeze();
            let answer = visitor_buys(trade, &scene, &format!("still-{round}")).await.expect("answered");
            assert_eq!((answer.status, answer.text("status").as_str()), (201, "paying"), "{}", answer.body);
            let order = answer.text("order_id");
            let reversing = until_order(trade, &order, "reversing", |order| order["status"] == "reversing").await;
            let asked = reversing["timeline"].as_array().expect("a timeline").iter();
            let asked = asked.filter(|entry| entry["event"] == "reversal_asked").count();
            assert_eq!(asked, 1, "{reversing}");
            // Now it finds the payment and every repetition of it, and then the reversal, or the other
            // way round.
            home.process.thaw();
            until_order(trade, &order, "reversed", |order| order["status"] == "reversed").await;
            let again = visitor_buys(trade, &scene, &format!("still-{round}")).await.expect("answered");
            assert_eq!((again.text("order_id"), again.replayed), (order, true));
        }
        let account = trade.record.rows().wallets[&scene.visitor].account_id.clone();
        assert_eq!(trade.balance("51", &account).await, MONEY - PRICE);
        assert!(visitor_buys(trade, &scene, "still-after").await.expect("answered").is_success());
        books::check(trade).await;
    });
}

#[test]
fn a_home_that_is_gone_costs_nobody_anything() {
    STAGE.play(async |trade| {
        let scene = set_up(trade, "gone").await;
        let home = only_node(trade, "51");
        home.process.kill();
        let url = trade.country.urls("44").remove(0);
        let ask = purchase("gone-1", &scene.visitor, &scene.for_visitors, Some("44"));
        let errand = Errand { ask: ask.clone(), kind: Kind::Purchase { sp_accepts: true } };
        match trade.client.once(&url, &ask).await.expect("answered") {
            // Nothing happened, and it says when to come again.
            answer if answer.status == 503 => assert!(answer.retry_after.is_some(), "{}", answer.body),
            answer => {
                assert!(matches!(answer.status, 201 | 504), "{} {}", answer.status, answer.body);
                trade.record.note("44", &errand.kind, &answer);
            }
        }
        // Those who do not need it go on.
        assert!(trade.buy("44", "gone-local", &scene.local, &scene.for_locals).await.expect("answered").is_success());
        assert!(trade.buy("44", "gone-national", &scene.local, &scene.for_all).await.expect("answered").is_success());
        home.process.start();
        trade.country.ready(&home).await;
        // The same request comes to one end, whatever it came to before.
        trade.run("44", errand).await.expect("answered");
        books::check(trade).await;
    });
}

#[test]
fn without_the_national_platform_provinces_go_on() {
    STAGE.play(async |trade| {
        let scene = set_up(trade, "alone").await;
        let national = only_node(trade, NATIONAL);
        national.process.kill();
        assert!(trade.buy("44", "alone-local", &scene.local, &scene.for_locals).await.expect("answered").is_success());
        assert!(visitor_buys(trade, &scene, "alone-visitor").await.expect("answered").is_success());
        let sent = trade.transfer("44", "alone-transfer", (&scene.local, &scene.visitor), 50).await;
        assert!(sent.expect("answered").is_success());
        let shown = trade.must("44", &Ask::get(format!("/v1/catalogue?msisdn={}", scene.local))).await.body;
        let ids: Vec<_> =
            shown["products"].as_array().expect("products").iter().map(|row| &row["product_id"]).collect();
        assert!(ids.contains(&&json!(scene.for_locals)), "{shown}");
        // What only it can sell is refused as "not now", and nothing happened.
        let ask = purchase("alone-national", &scene.local, &scene.for_all, None);
        let url = trade.country.urls("44").remove(0);
        let refused = trade.client.once(&url, &ask).await.expect("answered");
        assert_eq!((refused.status, refused.retry_after.is_some()), (503, true), "{}", refused.body);
        national.process.start();
        trade.country.ready(&national).await;
        let errand = Errand { ask, kind: Kind::Purchase { sp_accepts: true } };
        assert!(trade.run("44", errand).await.expect("answered").is_success());
        books::check(trade).await;
    });
}

#[test]
fn refunds_reversals_and_transfers_wait_for_a_province_that_is_down() {
    STAGE.play(async |trade| {
        let scene = set_up(trade, "later").await;
        let home = only_node(trade, "51");
        let mut orders = Vec::new();
        for number in 0..2 {
            let order =
                visitor_buys(trade, &scene, &format!("later-{number}")).await.expect("answered").text("order_id");
            until_order(trade, &order, "delivered", |order| order["status"] == "delivered").await;
            orders.push(order);
        }
        home.process.kill();
        let refund = trade.refund("44", "later-refund", &orders[0], 30).await.expect("answered");
        assert_eq!((refund.status, refund.text("status").as_str()), (201, "pending"), "{}", refund.body);
        let reversal = trade.reverse("44", "later-reversal", &orders[1]).await.expect("answered");
        assert_eq!((reversal.status, reversal.text("status").as_str()), (200, "reversing"), "{}", reversal.body);
        let sent = trade.transfer("44", "later-transfer", (&scene.local, &scene.visitor), 70).await.expect("answered");
        assert_eq!((sent.status, sent.text("status").as_str()), (201, "crediting"), "{}", sent.body);
        // The serving side restarts as well: what is to be told is in its log, not in its memory.
        let serving = only_node(trade, "44");
        serving.process.kill();
        serving.process.start();
        trade.country.ready(&serving).await;
        home.process.start();
        trade.country.ready(&home).await;
        until_order(trade, &orders[0], "refunded", |order| order["refunded"] == yuan(30)).await;
        until_order(trade, &orders[1], "reversed", |order| order["status"] == "reversed").await;
        books::check(trade).await;
        let account = trade.record.rows().wallets[&scene.visitor].account_id.clone();
        assert_eq!(trade.balance("51", &account).await, MONEY - PRICE + 30 + 70);
    });
}

#[test]
fn a_transfer_that_can_not_be_credited_comes_back() {
    STAGE.play(async |trade| {
        let scene = set_up(trade, "back").await;
        let nobody = number_table::subscriber_of("51", &mut Seeded::new(10));
        let sent = trade.transfer("44", "back", (&scene.local, &nobody), 70).await.expect("answered");
        assert!(sent.is_success(), "{}", sent.body);
        let id = sent.text("transfer_id");
        patience::until("the money is back", BOUND, async || {
            let now = trade.must("44", &Ask::get(format!("/v1/transfers/{id}"))).await.body;
            if now["status"] == "returned" { Ok(()) } else { Err(now.to_string()) }
        })
        .await;
        let account = trade.record.rows().wallets[&scene.local].account_id.clone();
        assert_eq!(trade.balance("44", &account).await, MONEY);
        books::check(trade).await;
    });
}
