//! Top-up by recharge card through the callers' door, the driver of calls and a simulated platform.

use super::*;
use crate::gateway::recharge::RechargeRail;
use crate::simulator::manner::{Manner, Trouble};
use crate::simulator::recharge::{Card, RechargeSimulator, Standing};
use crate::supervision::Tree;
use mpss_domain::StateVersion;

const PIN: &str = "730955118842907716";
const OTHER: &str = "661320058841907211";

/// A shop that has a platform, and somebody who drives its calls.
struct Recharging {
    shop: Shop,
    platform: RechargeSimulator,
    _actors: Tree,
}

fn by_card(pin: &str) -> Value {
    json!({"method": "recharge_card", "card_pin": pin})
}

impl Recharging {
    async fn open() -> Self {
        let mut trial = Trial::start().await;
        let platform = RechargeSimulator::new(1);
        for (pin, worth_fen) in [(PIN, 5_000), (OTHER, 3_000)] {
            platform.book.lock().set_card(pin, Card { worth_fen, state: Standing::Active, key: None });
        }
        let safe = trial.context.pins.clone().expect("a trial has a vault");
        trial.context.rails.recharge = Some(Arc::new(RechargeRail::new(Arc::new(platform.clone()), safe)));
        trial
            .until("the version of recharge cards", |state| (state.version() == StateVersion::NEWEST).then_some(()))
            .await;
        let actors = trial.actors().await;
        Self { shop: Shop::open_over(trial, |_| {}), platform, _actors: actors }
    }

    fn next(&self, next: &[Trouble]) {
        self.platform.temper.behave(Manner { next: next.to_vec(), ..Manner::default() });
    }

    async fn take(&self, account: &str, key: &str, pin: &str) -> Told {
        self.shop.post(&format!("/v1/accounts/{account}/top-ups"), key, by_card(pin)).await
    }

    /// What became of a top-up that was taken.
    async fn came_to(&self, taken: &Told) -> Value {
        let path = taken.header("location").expect("it says where").to_owned();
        let told = self.shop.ask(Asking::get(path).header("prefer", "wait=20")).await.is(200);
        assert_eq!(told.header("preference-applied"), Some("wait=20"));
        told.json()
    }

    async fn balance(&self, account: &str) -> String {
        self.shop.get(&format!("/v1/accounts/{account}")).await.is(200).json()["balance"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_checked_used_and_credited_once() {
    let here = Recharging::open().await;
    let (alice, bob) = (here.shop.account(1, 0).await, here.shop.account(2, 0).await);
    let taken = here.take(&alice, "t-1", PIN).await.is(202);
    let body = taken.json();
    assert_eq!((&body["status"], &body["account_id"]), (&json!("checking"), &json!(alice)), "{body}");
    assert!(body.get("amount").is_none() && body.get("calls").is_none(), "{body}");
    let done = here.came_to(&taken).await;
    assert_eq!(
        (&done["status"], &done["amount"], &done["balance"]),
        (&json!("credited"), &json!("50.00"), &json!("50.00"))
    );
    let calls: Vec<_> = done["calls"].as_array().unwrap().iter().map(|call| (&call["step"], &call["phase"])).collect();
    assert_eq!(calls, [(&json!("hold"), &json!("approved")), (&json!("capture"), &json!("approved"))], "{done}");
    assert!(done["calls"].as_array().unwrap().iter().all(|call| call["rail"] == "recharge"));

    // The same request is the same answer, byte by byte, although it is credited by now.
    let again = here.take(&alice, "t-1", PIN).await.is(202);
    assert_eq!((&again.bytes, again.header("idempotent-replayed")), (&taken.bytes, Some("true")));
    // Another PIN under the same id is another content, though no digest tells a PIN.
    here.take(&alice, "t-1", OTHER).await.problem(422, "duplicate_request");
    // The card is used up, for everybody.
    let told = here.take(&bob, "t-2", PIN).await;
    assert_eq!(told.problem(422, "recharge_card_used").as_deref(), Some("card_pin"));
    assert_eq!((here.balance(&alice).await, here.balance(&bob).await), ("50.00".into(), "0.00".into()));
    assert_eq!(here.platform.book.lock().used_fen(), 5_000);
    let statement = here.shop.get(&format!("/v1/accounts/{alice}/statement")).await.is(200).json();
    assert_eq!(statement["entries"][0]["amount"], "50.00", "{statement}");
    let books = here.shop.get("/v1/trial-balance").await.is(200).json();
    assert!(books.to_string().contains("rail_clearing:recharge"), "{books}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_answered_is_asked_about_and_credited_once() {
    let here = Recharging::open().await;
    let alice = here.shop.account(1, 0).await;
    // Both the setting aside and the use are done, and neither answer comes.
    here.next(&[Trouble::AnswerLost, Trouble::None, Trouble::AnswerLost]);
    let taken = here.take(&alice, "t-1", PIN).await.is(202);
    let path = taken.header("location").unwrap().to_owned();
    let open = here.shop.get(&path).await.is(200).json();
    assert!(open["calls"][0]["next_at"].is_string() && open["calls"][0]["bound"].is_string(), "{open}");
    here.shop
        .post(&format!("/v1/accounts/{alice}/close"), "c", json!({"payment_password": RIGHT}))
        .await
        .problem(422, "open_orders_remain");
    let done = here.came_to(&taken).await;
    assert_eq!(
        (&done["status"], &done["calls"][0]["asked"], &done["calls"][1]["sent"]),
        (&json!("credited"), &json!(1), &json!(2)),
        "{done}"
    );
    assert_eq!((here.balance(&alice).await, here.platform.book.lock().used_fen()), ("50.00".into(), 5_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_requests_for_one_card_have_one_winner() {
    let here = Recharging::open().await;
    let mut accounts = Vec::new();
    for last in 1..=6 {
        accounts.push(here.shop.account(last, 0).await);
    }
    let mut racing = tokio::task::JoinSet::new();
    for account in &accounts {
        let router = here.shop.router.clone();
        let asking = Asking::post(format!("/v1/accounts/{account}/top-ups"), account, &by_card(PIN));
        racing.spawn(async move { ask(&router, asking).await });
    }
    let told = racing.join_all().await;
    let taken: Vec<_> = told.iter().filter(|told| told.status == 202).collect();
    assert_eq!(taken.len(), 1, "{told:?}");
    for refused in told.iter().filter(|told| told.status != 202) {
        let code = refused.json()["code"].as_str().unwrap().to_owned();
        assert!(matches!(code.as_str(), "recharge_card_in_use" | "recharge_card_used"), "{code}");
    }
    assert_eq!(here.came_to(taken[0]).await["status"], "credited");
    let mut rich = 0;
    for account in &accounts {
        let balance = here.balance(account).await;
        assert!(matches!(balance.as_str(), "50.00" | "0.00"), "{balance}");
        rich += usize::from(balance == "50.00");
    }
    assert_eq!((rich, here.platform.book.lock().used_fen()), (1, 5_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_platform_refuses_is_told_by_its_name_and_guessing_is_locked() {
    let here = Recharging::open().await;
    let alice = here.shop.account(1, 0).await;
    let set = |pin: &str, state| here.platform.book.lock().set_card(pin, Card { worth_fen: 100, state, key: None });
    set("10000001", Standing::Expired);
    set("10000002", Standing::NotActive);
    set("10000003", Standing::Used);
    set("10000004", Standing::SetAside);
    for (pin, because) in [
        ("10000001", "recharge_card_expired"),
        ("10000002", "recharge_card_blocked"),
        ("10000003", "recharge_card_used"),
        ("10000004", "recharge_card_in_use"),
    ] {
        let taken = here.take(&alice, pin, pin).await.is(202);
        let done = here.came_to(&taken).await;
        assert_eq!((&done["status"], &done["refused_because"]), (&json!("refused"), &json!(because)), "{done}");
    }
    // The platform refuses what it would do, with a code of its own.
    let refused = Manner { next: vec![Trouble::Refused], refusal: "not_active".into(), ..Manner::default() };
    here.platform.temper.behave(refused);
    let taken = here.take(&alice, "t-1", PIN).await.is(202);
    assert_eq!(here.came_to(&taken).await["refused_because"], "recharge_card_blocked");
    for guess in 0..5 {
        let pin = format!("2000000{guess}");
        let taken = here.take(&alice, &pin, &pin).await.is(202);
        assert_eq!(here.came_to(&taken).await["refused_because"], "recharge_card_unknown");
    }
    let told = here.take(&alice, "t-2", PIN).await;
    told.problem(422, "recharge_locked");
    assert!(told.json()["until"].is_string(), "{}", told.json());
    assert_eq!(here.balance(&alice).await, "0.00");
    // A frozen account is not topped up, and nothing is asked.
    let bob = here.shop.account(2, 0).await;
    let path = format!("/v1/accounts/{bob}/freeze");
    here.shop.post(&path, "f", json!({"payment_password": RIGHT})).await.is(200);
    let before = here.platform.book.lock().counts();
    here.take(&bob, "t-3", OTHER).await.problem(422, "account_frozen");
    assert_eq!(here.platform.book.lock().counts(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_top_up_by_card_is_refused_by_its_field() {
    let here = Recharging::open().await;
    let alice = here.shop.account(1, 0).await;
    let path = format!("/v1/accounts/{alice}/top-ups");
    let before = here.shop.digest();
    for (body, status, code, field) in [
        (json!({"method": "recharge_card"}), 400, "missing_field", "card_pin"),
        (by_card("1234567"), 400, "invalid_value", "card_pin"),
        (by_card("7309551188429077x"), 400, "invalid_value", "card_pin"),
        (json!({"method": "recharge_card", "card_pin": 730_955_118}), 400, "wrong_type", "card_pin"),
        (json!({"method": "recharge_card", "card_pin": PIN, "amount": "1.00"}), 400, "conflicting_fields", "amount"),
        (json!({"method": "recharge_card", "card_pin": PIN, "agent_id": "a"}), 400, "conflicting_fields", "agent_id"),
        (json!({"method": "cheque", "card_pin": PIN}), 400, "invalid_choice", "method"),
        (
            json!({"method": "recharge_card", "card_pin": PIN, "payment_password": RIGHT}),
            400,
            "conflicting_fields",
            "payment_password",
        ),
    ] {
        let told = here.shop.post(&path, "key", body).await;
        assert_eq!(told.problem(status, code).as_deref(), Some(field));
        assert!(!String::from_utf8_lossy(&told.bytes).contains("730955"), "a PIN is never repeated");
    }
    assert_eq!(here.shop.digest(), before, "something moved");
    let closed = here.shop.beside(|context| context.pins = None);
    ask(&closed, Asking::post(&path, "key", &by_card(PIN))).await.problem(422, "vault_closed");
    let without = here.shop.beside(|context| context.rails.recharge = None);
    ask(&without, Asking::post(&path, "key", &by_card(PIN))).await.problem(422, "top_up_method_unsupported");
    let nobody = "/v1/accounts/A20260101120000000-44-00001/top-ups";
    here.shop.post(nobody, "key", by_card(PIN)).await.problem(404, "account_not_found");
    here.shop.get("/v1/top-ups/U20260101120000000-44-00001").await.problem(404, "top_up_not_found");
    here.shop.get("/v1/top-ups/x").await.problem(400, "invalid_id");
}
