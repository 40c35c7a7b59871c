//! The number plan through the interface: the real national table against another reading of it,
//! numbers that are nobody's, plans that are broken, a newer plan, carried numbers.

#![allow(clippy::expect_used, reason = "a test")]

use futures::StreamExt;
use mpss_tests::binary;
use mpss_tests::client::{Answer, Ask};
use mpss_tests::country::CountryPlan;
use mpss_tests::number_table::{self, Row};
use mpss_tests::seeded::Seeded;
use mpss_tests::stage::Stage;
use mpss_tests::trade::{Goods, Trade};
use serde_json::json;

const NUMBERS: usize = 10_000;
const ASKED_AT_ONCE: usize = 16;

static STAGE: Stage =
    Stage::new(|| CountryPlan::new(binary::mpss(), &["44"], 1).setting("door", "subscriber_requests_per_second = 0"));

async fn look_up(trade: Trade<'_>, msisdn: &str) -> Answer {
    let ask = Ask::get(format!("/v1/number-plan/{msisdn}"));
    trade.ask("44", &ask).await.expect("answered")
}

/// Looks many numbers up at once; each with what is wrong about its answer.
async fn all(trade: Trade<'_>, numbers: Vec<String>, differs: impl Fn(&str, &Answer) -> Option<String>) -> Vec<String> {
    let asked = numbers.into_iter().map(|number| async move {
        let answer = look_up(trade, &number).await;
        (number, answer)
    });
    let mut asked = futures::stream::iter(asked).buffer_unordered(ASKED_AT_ONCE);
    let mut wrong = Vec::new();
    while let Some((number, answer)) = asked.next().await {
        wrong.extend(
            differs(&number, &answer).map(|what| format!("{number}: {what}: {} {}", answer.status, answer.body)),
        );
    }
    wrong
}

fn is_row(number: &str, row: &Row, answer: &Answer) -> Option<String> {
    let right = answer.status == 200
        && answer.body["msisdn"] == number
        && answer.body["home_province"] == row.province
        && answer.body["operator"] == row.operator;
    (!right).then(|| format!("must be {row:?}"))
}

/// A plan of these lines, under a number no earlier plan had.
async fn install(trade: Trade<'_>, key: &str, epoch: u64, lines: &[String]) -> Answer {
    let text = format!("first_prefix,last_prefix,province,operator\n{}\n", lines.join("\n"));
    let url = &trade.country.urls("44")[0];
    let sent = reqwest::Client::new()
        .put(format!("{url}/v1/number-plan?epoch={epoch}"))
        .header("idempotency-key", key)
        .header("content-type", "text/csv")
        .body(text)
        .send()
        .await
        .expect("answered");
    let status = sent.status().as_u16();
    let body = sent.json().await.expect("JSON");
    Answer { status, replayed: false, body, content_type: String::new(), retry_after: None, tries: 1 }
}

fn lines() -> Vec<String> {
    let line = |row: &Row| format!("{},{},{},{}", row.first, row.last, row.province, row.operator);
    number_table::rows().iter().map(line).collect()
}

async fn numbers_of_the_plan(trade: Trade<'_>) {
    let mut seeded = Seeded::from_environment("MPSS_NUMBERS_SEED");
    let rows = number_table::rows();
    let mut numbers: Vec<String> =
        (0..NUMBERS).map(|_| number_table::number_in(&rows[seeded.index(rows.len())], &mut seeded)).collect();
    // Both ends of some ranges: where an error by one would show.
    for _ in 0..500 {
        let row = seeded.pick(rows);
        numbers.extend([format!("{}0000", row.first), format!("{}9999", row.last)]);
    }
    let mut provinces: Vec<_> =
        numbers.iter().filter_map(|number| number_table::row_of(number)).map(|row| &row.province).collect();
    provinces.sort();
    provinces.dedup();
    assert_eq!(provinces.len(), 31, "every province was drawn");
    let wrong = all(trade, numbers, |number, answer| {
        is_row(number, number_table::row_of(number).expect("drawn from the plan"), answer)
    })
    .await;
    assert!(wrong.is_empty(), "{} of {NUMBERS} differ:\n{}", wrong.len(), wrong.join("\n"));
    for written in ["+8618912345678", "8618912345678", "tel:+8618912345678", "%2B8618912345678"] {
        assert_eq!(look_up(trade, written).await.body["msisdn"], "18912345678", "{written}");
    }
}

async fn numbers_outside(trade: Trade<'_>) {
    let mut seeded = Seeded::new(6);
    let mut numbers: Vec<String> = (0..500).map(|_| number_table::unassigned(&mut seeded)).collect();
    // Just beside ranges.
    let beside = number_table::rows().windows(2).filter(|pair| pair[0].last + 1 < pair[1].first);
    numbers.extend(beside.take(200).map(|pair| format!("{}0000", pair[0].last + 1)));
    let wrong = all(trade, numbers, |_, answer| {
        let right = answer.status == 404 && answer.code() == "unknown_number" && answer.body["number"] == 2001;
        (!right).then(|| "must be unknown".to_owned())
    })
    .await;
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    // Nobody can open an account or buy with such a number, nor with another operator's.
    let foreign = number_table::rows().iter().find(|row| row.operator == "china-mobile").expect("there are");
    for (number, code) in [
        (number_table::unassigned(&mut seeded), "unknown_number"),
        (number_table::number_in(foreign, &mut seeded), "foreign_operator"),
    ] {
        let body = json!({ "msisdn": number, "kind": "virtual", "payment_password": "482913" });
        let answer =
            trade.ask("44", &Ask::post("/v1/accounts", format!("nobody-{number}"), body)).await.expect("answered");
        assert_eq!((answer.status, answer.code()), (422, code), "{}", answer.body);
    }
}

async fn broken_plans(trade: Trade<'_>) {
    let epoch = look_up(trade, "18912345678").await.body["epoch"].as_u64().expect("an epoch");
    let good = lines();
    type Breakage<'a> = (&'a str, usize, &'a dyn Fn(&mut Vec<String>));
    let broken: [Breakage<'_>; 7] = [
        ("overlap", 1_001, &|lines| lines[999] = lines[998].clone()),
        ("province", 17, &|lines| {
            let fields: Vec<_> = lines[15].split(',').map(str::to_owned).collect();
            lines[15] = format!("{},{},99,{}", fields[0], fields[1], fields[3]);
        }),
        ("operator", 25_320, &|lines| {
            let last = lines.last_mut().expect("lines");
            last.push('x');
        }),
        ("order", 11, &|lines| lines.swap(8, 9)),
        ("fields", 5, &|lines| lines[3].push_str(",more")),
        ("prefix", 9, &|lines| lines[7] = lines[7].replacen('1', "l", 1)),
        ("empty line", 4, &|lines| lines[2].clear()),
    ];
    for (what, line, spoil) in broken {
        let mut lines = good.clone();
        spoil(&mut lines);
        let changed = lines.iter().zip(&good).position(|(spoilt, good)| spoilt != good).expect("spoilt") + 2;
        let answer = install(trade, &format!("broken-{}", what.replace(' ', "-")), epoch + 1, &lines).await;
        assert_eq!((answer.status, answer.code()), (400, "invalid_number_plan"), "{what}: {}", answer.body);
        let told = answer.text("detail");
        let named = told.contains(&format!("line {line}")) || told.contains(&format!("line {changed}"));
        assert!(named, "{what}: line {line} or {changed} is not in {told:?}");
    }
    let answer = install(trade, "not-newer", epoch, &good).await;
    assert_eq!((answer.status, answer.code()), (422, "plan_not_newer"), "{}", answer.body);
    let now = look_up(trade, "18912345678").await;
    assert_eq!(now.body["epoch"], epoch, "a refused plan changes nothing");
}

/// A newer plan moves a range to another province while the node runs: who was a subscriber of 44
/// is not any more, and the other way round.
async fn newer_plan(trade: Trade<'_>) {
    let epoch = look_up(trade, "18912345678").await.body["epoch"].as_u64().expect("an epoch");
    let rows = number_table::rows();
    let moved =
        rows.iter().position(|row| row.province == "44" && row.operator == "china-telecom").expect("there is one");
    let mut seeded = Seeded::new(7);
    let number = number_table::number_in(&rows[moved], &mut seeded);
    let mut lines = lines();
    lines[moved] = lines[moved].replace(",44,", ",51,");
    let answer = install(trade, "newer", epoch + 5, &lines).await;
    assert_eq!((answer.status, &answer.body["epoch"]), (200, &json!(epoch + 5)), "{}", answer.body);
    let now = look_up(trade, &number).await.body;
    assert_eq!((&now["home_province"], &now["epoch"]), (&json!("51"), &json!(epoch + 5)));
    // Everything else is as it was.
    let others = (0..1_000).map(|_| seeded.index(rows.len())).filter(|row| *row != moved);
    let numbers = others.map(|row| number_table::number_in(&rows[row], &mut Seeded::new(row as u64))).collect();
    let wrong =
        all(trade, numbers, |number, answer| is_row(number, number_table::row_of(number).expect("in it"), answer))
            .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let back = install(trade, "back", epoch + 6, &self::lines()).await;
    assert_eq!(back.status, 200, "{}", back.body);
    assert_eq!(look_up(trade, &number).await.body["home_province"], "44");
}

/// Carrying a number to another operator changes the operator and never the home.
async fn carried_number(trade: Trade<'_>) {
    let mut seeded = Seeded::new(8);
    let number = number_table::subscriber_of("44", &mut seeded);
    let sp = trade.admit_sp("44", "sp").await;
    let product = trade.publish("44", &Goods::new(&sp, "thing", "local", 100)).await;
    let account = trade.open_with("44", &number, 10_000).await;
    assert!(trade.buy("44", "buy-before", &number, &product).await.expect("answered").is_success());

    let port = async |key: &str, operator: &str| {
        let body = json!({ "msisdn": number, "operator": operator });
        trade.must("44", &Ask::post("/v1/number-plan/portability", format!("port-{key}"), body)).await
    };
    port("away", "china-unicom").await;
    let now = look_up(trade, &number).await.body;
    assert_eq!((&now["home_province"], &now["operator"]), (&json!("44"), &json!("china-unicom")));
    let refused = trade.buy("44", "buy-away", &number, &product).await.expect("answered");
    assert_eq!((refused.status, refused.code()), (422, "foreign_operator"), "{}", refused.body);
    assert_eq!(trade.balance("44", &account).await, 9_900);

    port("back", "china-telecom").await;
    assert_eq!(look_up(trade, &number).await.body["operator"], "china-telecom");
    assert!(trade.buy("44", "buy-after", &number, &product).await.expect("answered").is_success());

    // Another operator's number that came to us is a subscriber of where it always belonged.
    let foreign =
        number_table::rows().iter().find(|row| row.province == "44" && row.operator == "china-mobile").expect("some");
    let came = number_table::number_in(foreign, &mut seeded);
    let body = json!({ "msisdn": came, "operator": "china-telecom" });
    trade.must("44", &Ask::post("/v1/number-plan/portability", "port-came", body)).await;
    let now = look_up(trade, &came).await.body;
    assert_eq!((&now["home_province"], &now["operator"]), (&json!("44"), &json!("china-telecom")));
    trade.open_with("44", &came, 10_000).await;
    assert!(trade.buy("44", "buy-came", &came, &product).await.expect("answered").is_success());
}

#[test]
fn ten_thousand_numbers_belong_where_the_table_says() {
    STAGE.play(numbers_of_the_plan);
}

#[test]
fn numbers_outside_the_plan_are_refused_by_name() {
    STAGE.play(numbers_outside);
}

#[test]
fn a_broken_plan_is_refused_with_its_line() {
    STAGE.play(broken_plans);
}

#[test]
fn a_newer_plan_is_put_in_force_while_running() {
    STAGE.play(newer_plan);
}

#[test]
fn a_carried_number_changes_operator_and_not_home() {
    STAGE.play(carried_number);
}
