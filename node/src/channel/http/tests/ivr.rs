//! Calls that voice gateways bring, step by step.

use mpss_domain::{AccountKind, AccountSelector, AccountStatus, Effect, EffectId, SmsText, State, StateVersion};

use super::*;
use crate::node::trial::visitor;

const KEY: [u8; 32] = [0x7c; 32];
const OTHER_KEY: [u8; 32] = [0x7d; 32];
const WRONG: &str = "591837";

/// A shop that two gateways bring calls to.
async fn shop() -> Shop {
    shop_with(|_| {}).await
}

async fn shop_with(change: impl FnOnce(&mut mpss_config::Settings)) -> Shop {
    let mut trial = Trial::start().await;
    let mut settings = mpss_config::Settings::clone(&trial.context.settings);
    settings.ivr.state_key = hex::encode([0x6e; 32]);
    settings.ivr.operator = "10000".into();
    for (name, key) in [("gz_1", KEY), ("gz_2", OTHER_KEY)] {
        settings.ivr_gateways.insert(name.into(), mpss_config::IvrGatewaySettings { key: hex::encode(key) });
    }
    change(&mut settings);
    trial.context.settings = Arc::new(settings);
    let shop = Shop::open_over(trial, |_| {});
    let newest = |state: &State| (state.version() == StateVersion::NEWEST).then_some(());
    shop.trial.until("the newest rules", newest).await;
    shop
}

/// A call as a gateway holds it.
#[derive(Debug, Clone)]
struct Caller {
    call: String,
    from: String,
    started_at: String,
    step: u64,
    state: Option<String>,
}

impl Caller {
    fn body(&self, digits: Option<&str>) -> Value {
        let mut body =
            json!({"caller": self.from, "called": "10001", "started_at": self.started_at, "step": self.step});
        if let Some(state) = &self.state {
            body["state"] = json!(state);
        }
        if let Some(digits) = digits {
            body["digits"] = json!(digits);
        }
        body
    }

    fn path(&self) -> String {
        format!("/v1/ivr/calls/{}/steps", self.call)
    }
}

impl Shop {
    fn signed_step(&self, path: &str, body: &Value, with: &[u8]) -> Asking {
        let now = self.trial.context.seams.clock.wall_ms();
        let bytes = serde_json::to_vec(body).unwrap();
        let signature = crate::channel::http::signed(with, now, "POST", path, &bytes);
        Asking::post(path, "any", body).header("mpss-signature", signature)
    }

    fn rings(&self, call: &str, from: impl std::fmt::Display) -> Caller {
        let started_at = mpss_domain::LogTime(self.trial.context.seams.clock.wall_ms()).to_string();
        Caller { call: call.into(), from: from.to_string(), started_at, step: 1, state: None }
    }

    async fn steps(&self, caller: &Caller, digits: Option<&str>) -> Told {
        self.ask(self.signed_step(&caller.path(), &caller.body(digits), &KEY)).await
    }

    /// Plays keys one after the other; gives the ids of what the last answer says, and the answer.
    async fn plays(&self, caller: &mut Caller, keys: &[&str]) -> (Vec<String>, Value) {
        let first = (caller.step == 1).then_some(None);
        let mut last = Value::Null;
        for digits in first.into_iter().chain(keys.iter().map(|digits| Some(*digits))) {
            last = self.steps(caller, digits).await.is(200).json();
            caller.step += 1;
            caller.state = last["state"].as_str().map(str::to_owned);
        }
        let ids = last["prompts"].as_array().unwrap().iter().map(|part| part["id"].as_str().unwrap().to_owned());
        (ids.collect(), last)
    }

    fn account_is(&self, last: u64) -> AccountStatus {
        let stored = AccountSelector::Kind(AccountKind::StoredValue);
        self.trial.context.replica.read(|state| state.select_account(local(last), stored).unwrap().status)
    }

    fn failures(&self, last: u64) -> u8 {
        self.trial.context.replica.read(|state| state.subscriber(local(last)).unwrap().credential.failures)
    }

    /// What a step can have changed; a repetition is an entry of the log, and changes nothing of it.
    fn moved(&self, last: u64) -> (AccountStatus, u8, usize) {
        (self.account_is(last), self.failures(last), self.texts_about(|_| true))
    }

    fn texts_about(&self, wanted: fn(&SmsText) -> bool) -> usize {
        let count = |state: &State| {
            let rows = state.effects_from(EffectId(0));
            rows.filter(|row| matches!(&row.effect, Effect::Sms { text, .. } if wanted(text))).count()
        };
        self.trial.context.replica.read(count)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_hears_the_balance_freezes_and_thaws_and_is_told_by_text() {
    let shop = shop().await;
    shop.account(1, 50).await;
    let mut call = shop.rings("c-1", local(1));
    let (says, answer) = shop.plays(&mut call, &["1", "1"]).await;
    assert_eq!(says, ["account_virtual", "status_active", "available", "amount", "menu", "menu_operator"]);
    assert_eq!((&answer["prompts"][3]["value"], &answer["prompts"][3]["text"]), (&json!("50.00"), &json!("50.00元。")));
    assert_eq!((&answer["language"], &answer["next"]), (&json!("zh-CN"), &json!("collect")));
    let (says, answer) = shop.plays(&mut call, &["2"]).await;
    assert_eq!((says, &answer["collect"]["digits_max"]), (vec!["enter_password".to_owned()], &json!(6)));
    assert_eq!(answer["collect"]["secret"], json!(true));
    let (says, answer) = shop.plays(&mut call, &[&format!("{RIGHT}#")]).await;
    assert_eq!(says[0], "account_frozen", "{answer}");
    assert_eq!(shop.account_is(1), AccountStatus::Frozen { until: None });
    assert_eq!(shop.texts_about(|text| matches!(text, SmsText::AccountFrozen { .. })), 1, "told by text as well");
    let (says, _) = shop.plays(&mut call, &["3", RIGHT]).await;
    assert_eq!(says[0], "account_thawed");
    assert_eq!(shop.account_is(1), AccountStatus::Active);
    assert_eq!(shop.texts_about(|text| matches!(text, SmsText::AccountThawed { .. })), 1);
    let (says, answer) = shop.plays(&mut call, &["0"]).await;
    assert_eq!((says, &answer["transfer_to"]), (vec!["put_through".to_owned()], &json!("10000")));
    assert!(answer["state"].is_null());
    // Somebody without an account, in English.
    let (says, answer) = shop.plays(&mut shop.rings("c-2", local(2)), &["2", "1"]).await;
    assert_eq!((says[0].as_str(), &answer["language"]), ("no_accounts", &json!("en-US")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_comes_again_gets_the_same_answer_and_does_nothing_again() {
    let shop = shop().await;
    shop.account(1, 50).await;
    let mut call = shop.rings("c-1", local(1));
    for digits in [None, Some("1"), Some("2"), Some(WRONG), Some(RIGHT), Some("9")] {
        let first = shop.steps(&call, digits).await.is(200);
        let moved = shop.moved(1);
        for _ in 0..2 {
            let again = shop.steps(&call, digits).await.is(200);
            assert_eq!(again.bytes, first.bytes, "step {}", call.step);
        }
        // What is entered the second time is not looked at: a step is done once.
        if matches!(digits, Some(WRONG | RIGHT)) {
            let other = if digits == Some(WRONG) { RIGHT } else { WRONG };
            assert_eq!(shop.steps(&call, Some(other)).await.is(200).bytes, first.bytes);
        }
        assert_eq!(shop.moved(1), moved, "step {} again", call.step);
        call.step += 1;
        call.state = first.json()["state"].as_str().map(str::to_owned);
    }
    assert_eq!(shop.account_is(1), AccountStatus::Frozen { until: None });
    assert_eq!(shop.texts_about(|text| matches!(text, SmsText::AccountFrozen { .. })), 1);
    // Another node, the next step, and the last one once more.
    let beside = shop.beside(|_| {});
    let asking = shop.signed_step(&call.path(), &call.body(Some("1")), &KEY);
    assert_eq!(ask(&beside, asking).await.is(200).json()["prompts"][1]["id"], "status_frozen");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_count_and_lock_by_voice_too() {
    let shop = shop().await;
    shop.account(1, 50).await;
    let mut call = shop.rings("c-1", local(1));
    let (says, answer) = shop.plays(&mut call, &["1", "2", WRONG, WRONG, WRONG]).await;
    assert_eq!((says, &answer["next"]), (vec!["refusal.wrong_password".into(), "goodbye".into()], &json!("hang_up")));
    assert_eq!(shop.failures(1), 3);
    let mut call = shop.rings("c-2", local(1));
    let (says, _) = shop.plays(&mut call, &["1", "2", WRONG, WRONG]).await;
    assert!(says[0].starts_with("refusal."), "{says:?}");
    // Locked: the right one does not help.
    let (says, _) = shop.plays(&mut shop.rings("c-3", local(1)), &["1", "2", RIGHT]).await;
    assert_eq!(says, ["refusal.password_locked", "goodbye"]);
    assert_eq!(shop.account_is(1), AccountStatus::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_confirmed_by_the_code_of_the_text() {
    let shop = shop().await;
    let account = shop.account(1, 10).await;
    let product = shop.product(Scope::Local).await;
    let mut body = purchase(1, &product);
    body.as_object_mut().unwrap().remove("payment_password");
    body["confirm_by_sms"] = json!(true);
    let order = shop.post("/v1/orders", "ask", body.clone()).await.is(201).json();
    let order = order["order_id"].as_str().unwrap().to_owned();
    let code = shop.code_sent();
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    let mut call = shop.rings("c-1", local(1));
    let (says, _) = shop.plays(&mut call, &["1", "4", "1", &wrong]).await;
    assert_eq!(says, ["refusal.wrong_code", "enter_code"]);
    let (says, answer) = shop.plays(&mut call, &[&code]).await;
    assert_eq!(says[..4], ["purchase_agreed", "name", "amount", "result_by_text"]);
    assert_eq!(answer["prompts"][2]["value"], json!("1.00"));
    assert_eq!(shop.get(&format!("/v1/orders/{order}")).await.is(200).json()["status"], "delivering");
    let (says, _) = shop.plays(&mut call, &["4", "1", &code]).await;
    assert_eq!(says[0], "refusal.nothing_to_confirm");
    assert_eq!(shop.get(&format!("/v1/accounts/{account}")).await.is(200).json()["balance"], "9.00");
    // And no.
    let order = shop.post("/v1/orders", "ask-2", body).await.is(201).json()["order_id"].as_str().unwrap().to_owned();
    let (says, _) = shop.plays(&mut call, &["4", "2", &shop.code_sent()]).await;
    assert_eq!(says[..3], ["purchase_refused", "name", "amount"]);
    assert_eq!(shop.get(&format!("/v1/orders/{order}")).await.is(200).json()["status"], "declined");
}

#[tokio::test(flavor = "multi_thread")]
async fn states_that_are_forged_foreign_or_too_old_are_refused() {
    let shop = shop().await;
    shop.account(1, 50).await;
    let mut call = shop.rings("c-1", local(1));
    shop.plays(&mut call, &["1", "2"]).await;
    let digest = shop.digest();
    let refused = async |caller: &Caller, with: &[u8]| {
        let told = shop.ask(shop.signed_step(&caller.path(), &caller.body(Some(RIGHT)), with)).await;
        assert_eq!(told.problem(400, "invalid_call_state").as_deref(), Some("state"), "{caller:?}");
    };
    let change = |change: fn(&mut Caller)| {
        let mut other = call.clone();
        change(&mut other);
        other
    };
    refused(&change(|call| call.call = "c-2".into()), &KEY).await;
    refused(&change(|call| call.from = local(2).to_string()), &KEY).await;
    refused(&change(|call| call.step += 1), &KEY).await;
    refused(&change(|call| call.step = 1), &KEY).await;
    refused(&change(|call| call.state = None), &KEY).await;
    refused(&change(|call| call.state.as_mut().unwrap().replace_range(2..4, "05")), &KEY).await;
    refused(&call, &OTHER_KEY).await;
    let stranger = shop.ask(shop.signed_step(&call.path(), &call.body(Some(RIGHT)), &[1; 32])).await;
    assert_eq!(stranger.problem(401, "bad_signature").as_deref(), Some("mpss-signature"));
    let unsigned = shop.ask(Asking::post(call.path(), "k", &call.body(Some(RIGHT)))).await;
    unsigned.problem(401, "bad_signature");
    let now = shop.trial.context.seams.clock.wall_ms();
    let old = mpss_domain::LogTime(now - 600_001).to_string();
    let early = mpss_domain::LogTime(now + 600_000).to_string();
    let caller = Caller { started_at: old, ..call.clone() };
    let told = shop.steps(&caller, Some(RIGHT)).await;
    assert_eq!(told.problem(422, "call_expired").as_deref(), Some("started_at"));
    let told = shop.steps(&Caller { started_at: early, ..call.clone() }, Some(RIGHT)).await;
    assert_eq!(told.problem(400, "invalid_time").as_deref(), Some("started_at"));
    assert_eq!(shop.digest(), digest, "nothing moved");
    assert_eq!(shop.account_is(1), AccountStatus::Active);
    assert_eq!(shop.plays(&mut call, &[RIGHT]).await.0[0], "account_frozen", "the right one still does");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_refused_by_field_and_without_the_keys() {
    let shop = shop().await;
    let call = shop.rings("c-1", local(1));
    for (field, value, code) in [
        ("caller", json!("1"), "invalid_msisdn"),
        ("called", json!("sip:1"), "invalid_value"),
        ("started_at", json!("yesterday"), "invalid_time"),
        ("step", json!(0), "out_of_range"),
        ("digits", json!("73916x"), "invalid_value"),
        ("status", json!("perhaps"), "invalid_choice"),
        ("tone", json!("1"), "unknown_field"),
    ] {
        let mut body = call.body(None);
        body[field] = value;
        let told = shop.ask(shop.signed_step(&call.path(), &body, &KEY)).await;
        assert_eq!(told.problem(400, code).as_deref(), Some(field));
        assert!(!String::from_utf8_lossy(&told.bytes).contains("73916"));
    }
    let long = Caller { call: "c".repeat(65), ..call.clone() };
    assert_eq!(shop.steps(&long, None).await.problem(400, "invalid_id").as_deref(), Some("call"));
    shop.ask(shop.signed_step(&call.path(), &call.body(None), &KEY).without("idempotency-key"))
        .await
        .problem(400, "missing_idempotency_key");
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_are_told_where_to_call_and_strangers_nothing() {
    let shop = shop().await;
    let (says, answer) = shop.plays(&mut shop.rings("c-1", visitor(1)), &["1"]).await;
    assert_eq!(says, ["home_elsewhere", "digits", "call_home", "goodbye"]);
    assert_eq!((&answer["prompts"][1]["value"], &answer["next"]), (&json!("51"), &json!("hang_up")));
    let (says, _) = shop.plays(&mut shop.rings("c-2", "13900000000"), &["2"]).await;
    assert_eq!(says, ["no_subscriber", "goodbye"]);
    let one = shop_with(|settings| settings.ivr.languages = "english".into()).await;
    let (says, answer) = one.plays(&mut one.rings("c-1", visitor(1)), &[]).await;
    assert_eq!((says[0].as_str(), &answer["language"]), ("home_elsewhere", &json!("en-US")));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_end_when_the_caller_hangs_up_or_after_so_many_steps() {
    let shop = shop_with(|settings| settings.ivr.call_steps_max = 4).await;
    shop.account(1, 50).await;
    let mut call = shop.rings("c-1", local(1));
    shop.plays(&mut call, &["1"]).await;
    let mut ended = call.body(None);
    ended["status"] = json!("ended");
    let told = shop.ask(shop.signed_step(&call.path(), &ended, &KEY)).await.is(200).json();
    assert_eq!((&told["next"], &told["prompts"]), (&json!("hang_up"), &json!([])));
    let (says, answer) = shop.plays(&mut call, &["2", RIGHT]).await;
    assert_eq!(says, ["account_frozen", "call_too_long", "goodbye"], "{answer}");
    assert_eq!(shop.account_is(1), AccountStatus::Frozen { until: None }, "what was entered in time is done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_driven_gateway_gets_voicexml_and_submits_its_form() {
    let shop = shop().await;
    shop.account(1, 50).await;
    let call = shop.rings("c-1", local(1));
    let asks = |asking: Asking| asking.header("accept", "application/voicexml+xml, */*;q=0.1");
    let told = shop.ask(asks(shop.signed_step(&call.path(), &call.body(None), &KEY))).await.is(200);
    assert_eq!(told.header("content-type"), Some("application/voicexml+xml"));
    let mut xml = String::from_utf8(told.bytes.to_vec()).unwrap();
    for keys in ["1", "2", RIGHT] {
        assert!(crate::soap::read(xml.as_bytes()).is_ok(), "well-formed: {xml}");
        assert!(xml.contains("termchar") && xml.contains("prompts/zh-CN/"), "{xml}");
        // As an interpreter does: every variable of the form, and the field.
        let mut form = format!("digits={}", keys.replace('#', "%23"));
        for part in xml.split("<var name=\"").skip(1) {
            let (name, rest) = part.split_once('"').unwrap();
            let value = rest.split("&apos;").nth(1).unwrap();
            form.push_str(&format!("&{name}={}", value.replace('+', "%2B").replace(':', "%3A")));
        }
        let now = shop.trial.context.seams.clock.wall_ms();
        let signature = crate::channel::http::signed(&KEY, now, "POST", &call.path(), form.as_bytes());
        let asking = Asking::post(call.path(), "any", &Value::Null)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("mpss-signature", signature)
            .body(form);
        xml = String::from_utf8(shop.ask(asks(asking)).await.is(200).bytes.to_vec()).unwrap();
    }
    assert!(xml.contains("prompts/zh-CN/account_frozen.wav") && xml.contains("账户已冻结"), "{xml}");
    assert_eq!(shop.account_is(1), AccountStatus::Frozen { until: None });
    assert!(!xml.contains(RIGHT));
}
