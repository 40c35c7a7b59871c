//! A visitor orders on a page of the province visited, without the payment password, is asked by text at home, and confirms by
//! text: the order is taken in 44 and debited in 51 (product §5, 6.3.1 step 1 and 6.3.3).

#![allow(clippy::expect_used, reason = "a test")]
#![allow(clippy::print_stdout, reason = "the orders are what is to be shown")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mpss_tests::client::{Answer, Ask, yuan};
use mpss_tests::country::CountryPlan;
use mpss_tests::seeded::Seeded;
use mpss_tests::stage::Stage;
use mpss_tests::trade::{Errand, Goods, Kind, Trade};
use mpss_tests::{binary, books, number_table, patience};
use serde_json::{Value, json};

const PRICE: i64 = 1_250;
const MONEY: i64 = 10_000;
const BOUND: Duration = Duration::from_secs(60);

/// What the SMS centre signs with what subscribers send.
const DOOR_KEY: [u8; 32] = [0x5b; 32];

static STAGE: Stage = Stage::new(|| {
    CountryPlan::new(binary::mpss(), &["44", "51"], 3)
        .setting("outbox", &format!("sms_door_key = \"{}\"", "5b".repeat(32)))
        .setting("door", "subscriber_requests_per_second = 0")
});

/// The order of a visitor who gives no password.
fn on_the_web(key: &str, visitor: &str, product: &str) -> Errand {
    let body = json!({
        "msisdn": visitor, "product_id": product, "quantity": 1, "account_kind": "virtual", "confirm_by_sms": true,
        "channel": "web", "location": "44",
    });
    Errand { ask: Ask::post("/v1/orders", key, body), kind: Kind::Purchase { sp_accepts: true } }
}

/// What the visitor's handset sends, brought by the SMS centre of the home province.
async fn sends(trade: Trade<'_>, key: &str, from: &str, text: &str) -> Answer {
    let body = json!({ "from": from, "text": text });
    let ask = Ask::post("/v1/sms/words", key, body.clone());
    let bytes = serde_json::to_vec(&body).expect("JSON");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let at = u64::try_from(now.as_millis()).expect("not that late");
    let signature = mpss_node::channel::http::signed(&DOOR_KEY, at, "POST", "/v1/sms/words", &bytes);
    trade.must("51", &ask.header("mpss-signature", signature)).await
}

/// The code of the newest text that asks the visitor, once there is one that is not `before`.
async fn code_sent_to(trade: Trade<'_>, msisdn: &str, before: Option<&str>) -> String {
    patience::until("the visitor is asked by text", BOUND, async || {
        let inbox = trade.country.texts_of(msisdn).await;
        let texts = inbox["texts"].as_array().cloned().unwrap_or_default();
        let asked = texts.iter().rev().filter_map(|text| code_in(text["text"].as_str()?));
        asked.filter(|code| Some(code.as_str()) != before).take(1).next().ok_or_else(|| inbox.to_string())
    })
    .await
}

/// The six digits behind the Y of a text that asks.
fn code_in(text: &str) -> Option<String> {
    let (_, behind) = text.split_once("请回复Y")?;
    let digits: String = behind.chars().take(6).collect();
    digits.bytes().all(|digit| digit.is_ascii_digit()).then_some(digits)
}

async fn until_order(trade: Trade<'_>, order: &str, status: &str) -> Value {
    patience::until(&format!("{order} is {status}"), BOUND, async || {
        let answer = trade.order("44", order, 1).await?;
        if answer.body["status"] == status { Ok(answer.body) } else { Err(answer.body.to_string()) }
    })
    .await
}

#[test]
fn ordered_on_the_web_in_44_confirmed_by_sms_debited_in_51() {
    STAGE.play(async |trade| {
        let sp = trade.admit_sp("44", "lounge").await;
        let product = trade.publish("44", &Goods::new(&sp, "a lounge", "roaming", PRICE)).await;
        let visitor = number_table::subscriber_of("51", &mut Seeded::new(5).fork("roaming by sms"));
        let account = trade.open_with("51", &visitor, MONEY).await;

        let taken = patience::until("nobody says `not_yet` any more", BOUND, async || {
            let answer = trade.run("44", on_the_web("order", &visitor, &product)).await?;
            if answer.code() == "not_yet" { Err(answer.body.to_string()) } else { Ok(answer) }
        })
        .await;
        assert_eq!((taken.status, taken.text("status").as_str()), (201, "awaiting_confirmation"), "{}", taken.body);
        let order = taken.text("order_id");
        let code = code_sent_to(trade, &visitor, None).await;
        assert_eq!(trade.balance("51", &account).await, MONEY, "nothing moves before the visitor's word");

        // A word that is not the code, a bare yes, and then the right one, which the centre brings three times.
        sends(trade, "bare", &visitor, "Y").await;
        until_order(trade, &order, "awaiting_confirmation").await;
        for again in 0..3 {
            sends(trade, &format!("yes-{again}"), &visitor, &format!("Ｙ {code}")).await;
        }
        let delivered = until_order(trade, &order, "delivered").await;
        assert_eq!((&delivered["serving_province"], &delivered["home_province"]), (&json!("44"), &json!("51")));
        assert_eq!(delivered["channel"], "web");
        assert_eq!(trade.balance("51", &account).await, MONEY - PRICE);
        let events: Vec<&str> = delivered["timeline"]
            .as_array()
            .expect("a timeline")
            .iter()
            .filter_map(|entry| entry["event"].as_str())
            .collect();
        assert_eq!(events, ["created", "confirmation_asked", "paid", "delivery_asked", "delivered"]);
        let due = |books: &Value, name: &str, side: &str| {
            let lines = books["accounts"].as_array().cloned().unwrap_or_default();
            lines.iter().find(|line| line["name"] == name).map(|line| line[side].clone())
        };
        let home = trade.must("51", &Ask::get("/v1/trial-balance".into())).await.body;
        let serving = trade.must("44", &Ask::get("/v1/trial-balance".into())).await.body;
        assert_eq!(due(&home, "due_to:44", "credit"), Some(json!(yuan(PRICE))), "{home}");
        assert_eq!(due(&serving, "due_from:51", "debit"), Some(json!(yuan(PRICE))), "{serving}");

        // And no.
        let taken = trade.run("44", on_the_web("another", &visitor, &product)).await.expect("answered");
        let refused = taken.text("order_id");
        let other = code_sent_to(trade, &visitor, Some(&code)).await;
        sends(trade, "no", &visitor, &format!("N{other}")).await;
        until_order(trade, &refused, "declined").await;
        assert_eq!(trade.balance("51", &account).await, MONEY - PRICE);
        let texts = trade.country.texts_of(&visitor).await.to_string();
        assert_eq!(texts.matches("支付12.50元成功").count(), 1, "the debit is told once: {texts}");
        books::check(trade).await;
        println!("{order}: taken in 44, confirmed by text, {} debited in 51; {refused}: declined by text", yuan(PRICE));
    });
}
