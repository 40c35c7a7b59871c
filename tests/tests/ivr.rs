//! A caller hears the balance, freezes the account, is refused when buying, thaws it and confirms an order by voice: a
//! scripted gateway brings each step to a province of three replicas, whose leader is killed between two steps.

#![allow(clippy::expect_used, reason = "a test")]
#![allow(clippy::print_stdout, reason = "what was said is what is to be shown")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mpss_tests::client::{Answer, Ask, yuan};
use mpss_tests::country::CountryPlan;
use mpss_tests::seeded::Seeded;
use mpss_tests::stage::Stage;
use mpss_tests::trade::{Errand, Goods, Kind, PASSWORD, Trade, purchase};
use mpss_tests::{binary, books, number_table, patience};
use serde_json::{Value, json};

const PRICE: i64 = 1_250;
const MONEY: i64 = 10_000;
const BOUND: Duration = Duration::from_secs(60);

/// What the gateway signs with.
const GATEWAY_KEY: [u8; 32] = [0x7c; 32];

static STAGE: Stage = Stage::new(|| {
    CountryPlan::new(binary::mpss(), &["44"], 3)
        .setting("ivr", &format!("state_key = \"{}\"", "6e".repeat(32)))
        .setting("ivr_gateways.gz_1", &format!("key = \"{}\"", "7c".repeat(32)))
        .setting("door", "subscriber_requests_per_second = 0")
});

/// A call as the gateway holds it.
struct Caller<'a> {
    trade: Trade<'a>,
    call: &'a str,
    from: &'a str,
    started_at: String,
    step: u64,
    state: Option<String>,
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(now.as_millis()).expect("not that late")
}

impl<'a> Caller<'a> {
    fn rings(trade: Trade<'a>, call: &'a str, from: &'a str) -> Self {
        let started_at = mpss_domain::LogTime(now_ms()).to_string();
        Self { trade, call, from, started_at, step: 1, state: None }
    }

    /// The present step, once more or for the first time.
    async fn brings(&self, digits: Option<&str>) -> Answer {
        let path = format!("/v1/ivr/calls/{}/steps", self.call);
        let body = json!({
            "caller": self.from, "called": "10001", "started_at": self.started_at, "step": self.step,
            "state": self.state, "digits": digits,
        });
        let bytes = serde_json::to_vec(&body).expect("JSON");
        let signature = mpss_node::channel::http::signed(&GATEWAY_KEY, now_ms(), "POST", &path, &bytes);
        let key = format!("{}-{}", self.call, self.step);
        self.trade.must("44", &Ask::post(path, key, body).header("mpss-signature", signature)).await
    }

    /// The step whose answer was `answer` is over; says what was said.
    fn goes_on(&mut self, answer: &Answer) -> Vec<String> {
        self.step += 1;
        self.state = answer.body["state"].as_str().map(str::to_owned);
        let parts = answer.body["prompts"].as_array().cloned().unwrap_or_default();
        parts.iter().filter_map(|part| Some(part["id"].as_str()?.to_owned())).collect()
    }

    /// Keys one after the other; gives what the last answer says.
    async fn plays(&mut self, keys: &[Option<&str>]) -> (Vec<String>, Value) {
        let mut last = (Vec::new(), Value::Null);
        for digits in keys {
            let answer = self.brings(*digits).await;
            last = (self.goes_on(&answer), answer.body);
        }
        last
    }
}

/// The code of the text that asks the subscriber.
async fn code_sent_to(trade: Trade<'_>, msisdn: &str) -> String {
    patience::until("the subscriber is asked by text", BOUND, async || {
        let inbox = trade.country.texts_of(msisdn).await;
        let texts = inbox["texts"].as_array().cloned().unwrap_or_default();
        texts.iter().rev().find_map(|text| code_in(text["text"].as_str()?)).ok_or_else(|| inbox.to_string())
    })
    .await
}

/// The six digits behind the Y of a text that asks.
fn code_in(text: &str) -> Option<String> {
    let (_, behind) = text.split_once("请回复Y")?;
    let digits: String = behind.chars().take(6).collect();
    (digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_digit())).then_some(digits)
}

/// How often words were told to a number by text, once they were.
async fn told_by_text(trade: Trade<'_>, msisdn: &str, words: &str) {
    patience::until(&format!("{words} is told by text"), BOUND, async || {
        let inbox = trade.country.texts_of(msisdn).await.to_string();
        if inbox.matches(words).count() == 1 { Ok(()) } else { Err(inbox) }
    })
    .await;
}

#[test]
fn a_call_goes_on_when_the_leader_dies_between_two_steps() {
    STAGE.play(async |trade| {
        let sp = trade.admit_sp("44", "by-voice").await;
        let product = trade.publish("44", &Goods::new(&sp, "a film", "local", PRICE)).await;
        let caller = number_table::subscriber_of("44", &mut Seeded::new(6).fork("voice"));
        let account = trade.open_with("44", &caller, MONEY).await;

        let mut call = Caller::rings(trade, "c-1", &caller);
        let (says, answer) = call.plays(&[None, Some("1"), Some("1")]).await;
        assert_eq!(says[..4], ["account_virtual", "status_active", "available", "amount"], "{answer}");
        assert_eq!(answer["prompts"][3]["value"], json!(yuan(MONEY)));

        // Between the question for the password and the answer the leader dies.
        let (says, _) = call.plays(&[Some("2")]).await;
        assert_eq!(says, ["enter_password"]);
        let leader = trade.country.leader("44").await;
        leader.process.kill();
        let frozen = call.brings(Some(PASSWORD)).await;
        let again = call.brings(Some(PASSWORD)).await;
        assert_eq!(again.body, frozen.body, "the step comes again and gets the same answer");
        assert_eq!(call.goes_on(&frozen)[0], "account_frozen", "{}", frozen.body);
        leader.process.start();
        trade.country.ready(&leader).await;

        let refused = trade
            .run(
                "44",
                Errand { ask: purchase("buys", &caller, &product, None), kind: Kind::Purchase { sp_accepts: true } },
            )
            .await
            .expect("answered");
        assert_eq!((refused.status, refused.code()), (422, "account_frozen"), "{}", refused.body);
        assert_eq!(trade.balance("44", &account).await, MONEY);

        let (says, answer) = call.plays(&[Some("3"), Some(PASSWORD)]).await;
        assert_eq!(says[0], "account_thawed", "{answer}");
        told_by_text(trade, &caller, "已冻结").await;
        told_by_text(trade, &caller, "已解冻").await;

        let body = json!({
            "msisdn": caller, "product_id": product, "quantity": 1, "account_kind": "virtual", "confirm_by_sms": true,
            "channel": "ivr",
        });
        let ask = Ask::post("/v1/orders", "order", body);
        let taken = patience::until("nobody says `not_yet` any more", BOUND, async || {
            let errand = Errand { ask: ask.clone(), kind: Kind::Purchase { sp_accepts: true } };
            let answer = trade.run("44", errand).await?;
            if answer.code() == "not_yet" { Err(answer.body.to_string()) } else { Ok(answer) }
        })
        .await;
        assert_eq!((taken.status, taken.text("status").as_str()), (201, "awaiting_confirmation"), "{}", taken.body);
        let order = taken.text("order_id");
        let code = code_sent_to(trade, &caller).await;
        let (says, _) = call.plays(&[Some("4"), Some("1")]).await;
        assert_eq!(says, ["enter_code"]);
        // The leader dies once more, and the answer to the code is lost twice.
        let leader = trade.country.leader("44").await;
        leader.process.kill();
        let agreed = call.brings(Some(&code)).await;
        for _ in 0..2 {
            assert_eq!(call.brings(Some(&code)).await.body, agreed.body);
        }
        assert_eq!(call.goes_on(&agreed)[..3], ["purchase_agreed", "name", "amount"], "{}", agreed.body);
        leader.process.start();
        trade.country.ready(&leader).await;
        let delivered = patience::until(&format!("{order} is delivered"), BOUND, async || {
            let answer = trade.order("44", &order, 1).await?;
            if answer.body["status"] == "delivered" { Ok(answer.body) } else { Err(answer.body.to_string()) }
        })
        .await;
        assert_eq!(delivered["channel"], "ivr");
        assert_eq!(trade.balance("44", &account).await, MONEY - PRICE);
        books::check(trade).await;
        println!(
            "{order}: frozen, thawed and confirmed by voice over two leaders that died, {} debited once",
            yuan(PRICE)
        );
    });
}
