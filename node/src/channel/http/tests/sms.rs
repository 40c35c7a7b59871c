//! What subscribers send by text, brought by the SMS centre; and what became of texts to them.

use mpss_domain::texts::{PartNews, Receipt, ReceiptFate, TextNews};
use mpss_domain::{Effect, EffectId, StateVersion, Verb};

use super::*;

const KEY: [u8; 32] = [0x6d; 32];
const PATH: &str = "/v1/sms/words";

/// A shop whose SMS centre may bring what subscribers send.
async fn shop() -> Shop {
    let mut trial = Trial::start().await;
    let mut settings = mpss_config::Settings::clone(&trial.context.settings);
    settings.outbox.sms_door_key = hex::encode(KEY);
    trial.context.settings = Arc::new(settings);
    let shop = Shop::open_over(trial, |_| {});
    let newest = |state: &mpss_domain::State| (state.version() == StateVersion::NEWEST).then_some(());
    shop.trial.until("the newest rules", newest).await;
    shop
}

impl Shop {
    fn words(&self, key: &str, body: &Value, with: &[u8]) -> Asking {
        let now = self.trial.context.seams.clock.wall_ms();
        let bytes = serde_json::to_vec(body).unwrap();
        let signature = crate::channel::http::signed(with, now, "POST", PATH, &bytes);
        Asking::post(PATH, key, body).header("mpss-signature", signature)
    }

    async fn says(&self, key: &str, last: u64, text: &str) -> Told {
        let body = json!({"from": local(last).to_string(), "text": text});
        self.ask(self.words(key, &body, &KEY)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_centre_brings_what_subscribers_send_and_signs_it() {
    let shop = shop().await;
    let body = json!({"from": local(1).to_string(), "text": format!("KT {RIGHT}")});
    for asking in [Asking::post(PATH, "k1", &body), shop.words("k2", &body, &[7; 32])] {
        assert_eq!(shop.ask(asking).await.problem(401, "bad_signature").as_deref(), Some("mpss-signature"));
    }
    assert!(shop.trial.context.replica.read(|state| state.subscriber(local(1)).is_none()));
    let told = shop.says("k3", 1, &format!("KT {RIGHT}")).await.is(200);
    assert_eq!(told.json()["status"], "heard");
    assert!(shop.trial.context.replica.read(|state| state.subscriber(local(1)).is_some()));
    // The same words under another key are the same message.
    let again = shop.says("k4", 1, &format!("KT {RIGHT}")).await.is(200);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let listed = shop.get(&format!("/v1/texts?msisdn={}", local(1))).await.is(200).json();
    assert_eq!(listed["texts"].as_array().unwrap().len(), 1, "{listed}");
    let long = json!({"from": local(1).to_string(), "text": "a".repeat(501)});
    assert_eq!(shop.ask(shop.words("k5", &long, &KEY)).await.problem(400, "invalid_text").as_deref(), Some("text"));
    let nobody = json!({"from": "1", "text": "YE"});
    assert_eq!(shop.ask(shop.words("k6", &nobody, &KEY)).await.problem(400, "invalid_msisdn").as_deref(), Some("from"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_shows_what_became_of_each_text() {
    let shop = shop().await;
    for last in 1..=3 {
        shop.trial.open(local(last), Money::ZERO).await;
    }
    let path = format!("/v1/texts?msisdn={}", local(2));
    let listed = shop.get(&path).await.is(200).json();
    assert_eq!((&listed["totals"]["waiting"], &listed["texts"][0]["status"]), (&json!(3), &json!("waiting")));
    let find = |state: &mpss_domain::State| {
        let mut rows = state.effects_from(EffectId(0));
        rows.find(|row| matches!(row.effect, Effect::Sms { to, .. } if to == local(2))).map(|row| row.id)
    };
    let text = shop.trial.context.replica.read(find).unwrap();
    let say = |news: PartNews| TextNews { text, part: 0, news };
    let news = vec![say(PartNews::Asks { parts: 1 }), say(PartNews::Taken { message: "m1".into() })];
    shop.trial.propose(Verb::RecordTexts { news, receipts: Vec::new() }).await;
    let listed = shop.get(&path).await.is(200).json();
    let row = &listed["texts"][0];
    assert_eq!((&row["status"], &row["tries"]), (&json!("sent"), &json!(1)));
    assert_eq!(row["messages"], json!([{"message_id": "m1", "status": "taken"}]));
    let fate = ReceiptFate::Failed { why: "UNDELIV 069".into() };
    let receipts = vec![Receipt { to: local(2), message: "m1".into(), reference: None, fate }];
    shop.trial.propose(Verb::RecordTexts { news: Vec::new(), receipts }).await;
    let listed = shop.get(&path).await.is(200).json();
    let row = &listed["texts"][0];
    assert_eq!((&row["status"], &row["reason"]), (&json!("failed"), &json!("UNDELIV 069")));
    assert!(row["final_at"].is_string());
    assert_eq!((&listed["totals"]["failed"], &listed["totals"]["waiting"]), (&json!(1), &json!(2)));
    let totals = shop.get("/v1/texts").await.is(200).json();
    assert_eq!((totals["texts"].as_array().unwrap().len(), &totals["totals"]["failed"]), (0, &json!(1)));
    assert_eq!(shop.get("/v1/texts?msisdn=1").await.problem(400, "invalid_msisdn").as_deref(), Some("msisdn"));
}
