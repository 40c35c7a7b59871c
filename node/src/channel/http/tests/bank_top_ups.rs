//! Top-up from the subscriber's own bank account through the callers' door, the driver of calls and a simulated bank.

use mpss_domain::rail::{CallStep, Phase};
use mpss_domain::{AccountId, Money, StateVersion};

use super::bank_balance::{TOKEN, acquirer, bound};
use super::*;
use crate::gateway::bank::rail::BankRail;
use crate::simulator::bank::{BankSimulator, CardState};
use crate::simulator::manner::{Manner, Trouble};
use crate::supervision::Tree;

/// What is on the card at first.
const ON_CARD: i64 = 100_000;

/// A shop that has a bank, and somebody who drives its calls.
struct Banking {
    shop: Shop,
    bank: BankSimulator,
    _actors: Tree,
}

fn by_bank(amount: &str) -> Value {
    json!({"method": "bank_card", "amount": amount, "payment_password": RIGHT})
}

impl Banking {
    async fn open() -> Self {
        let mut trial = Trial::start().await;
        let bank = BankSimulator::new(1);
        let state = CardState { balance: Money::fen(ON_CARD), held: Money::ZERO, blocked: false };
        bank.host.lock().set_card(TOKEN, state);
        trial.context.rails.bank = Some(Arc::new(BankRail::new(Arc::new(bank.clone()), acquirer())));
        trial.until("the version of cards", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
        let actors = trial.actors().await;
        Self { shop: Shop::open_over(trial, |_| {}), bank, _actors: actors }
    }

    /// A subscriber with both accounts.
    async fn subscriber(&self, last: u64, pre_freeze: bool) -> (String, String) {
        let account = self.shop.account(last, 0).await;
        (account, bound(&self.shop, last, pre_freeze).await)
    }

    /// What becomes of the bank's next requests; an answer that is late comes once it is undone.
    fn next(&self, next: &[Trouble]) {
        self.bank.temper.behave(Manner { next: next.to_vec(), late_ms: 3_600_000, ..Manner::default() });
    }

    async fn ask(&self, account: &str, key: &str, body: Value) -> Told {
        self.shop.post(&format!("/v1/accounts/{account}/top-ups"), key, body).await
    }

    /// What became of a top-up that was taken.
    async fn came_to(&self, taken: &Told) -> Value {
        let path = taken.header("location").expect("it says where").to_owned();
        let told = self.shop.ask(Asking::get(path).header("prefer", "wait=20")).await.is(200);
        assert_eq!(told.header("preference-applied"), Some("wait=20"));
        told.json()
    }

    async fn account(&self, account: &str) -> Value {
        self.shop.get(&format!("/v1/accounts/{account}")).await.is(200).json()
    }

    /// What is on the card: free, set aside. In fen.
    fn card(&self) -> (i64, i64) {
        let card = self.bank.host.lock().card(TOKEN);
        (card.balance.as_fen(), card.held.as_fen())
    }

    /// When the undoing of a top-up's question is acknowledged by the bank.
    async fn undone(&self, step: CallStep) {
        self.shop
            .trial
            .until("the undoing", |state| {
                state.calls().find(|call| {
                    let of = call.original.as_ref().is_some_and(|original| original.step == step);
                    call.step == CallStep::Undo && of && call.phase == Phase::Approved
                })?;
                Some(())
            })
            .await;
    }

    /// The newest line of an account's statement.
    async fn newest_line(&self, account: &str) -> Value {
        let told = self.shop.get(&format!("/v1/accounts/{account}/statement")).await.is(200).json();
        told["entries"][0].clone()
    }
}

fn steps(done: &Value) -> Vec<(&str, &str)> {
    let calls = done["calls"].as_array().unwrap();
    calls.iter().map(|call| (call["step"].as_str().unwrap(), call["phase"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bank_takes_the_money_and_it_lands_once() {
    for (pre_freeze, rail, expected) in [
        (false, "bank_real_time", vec![("take", "approved")]),
        (true, "bank_pre_freeze", vec![("hold", "approved"), ("capture", "approved")]),
    ] {
        let here = Banking::open().await;
        let (alice, card) = here.subscriber(1, pre_freeze).await;
        let taken = here.ask(&alice, "t-1", by_bank("50.00")).await.is(202);
        let body = taken.json();
        assert_eq!(
            (&body["status"], &body["method"], &body["amount"], &body["account_id"], &body["bank_account_id"]),
            (&json!("pending"), &json!("bank_card"), &json!("50.00"), &json!(alice), &json!(card)),
            "{body}"
        );
        assert!(body.get("balance").is_none() && body.get("calls").is_none(), "{body}");
        let done = here.came_to(&taken).await;
        assert_eq!((&done["status"], &done["balance"]), (&json!("credited"), &json!("50.00")), "{done}");
        assert_eq!(steps(&done), expected);
        assert!(done["calls"].as_array().unwrap().iter().all(|call| call["rail"] == rail), "{done}");
        assert_eq!(here.card(), (ON_CARD - 5_000, 0));

        // The same request is the same answer, byte by byte, although it is credited by now.
        let again = here.ask(&alice, "t-1", by_bank("50.00")).await.is(202);
        assert_eq!((&again.bytes, again.header("idempotent-replayed")), (&taken.bytes, Some("true")));
        here.ask(&alice, "t-1", by_bank("50.01")).await.problem(422, "duplicate_request");
        assert_eq!(here.account(&alice).await["balance"], "50.00");
        assert_eq!(here.account(&card).await["used_today"], "50.00");
        // Both statements tell of it.
        let (into, from) = (here.newest_line(&alice).await, here.newest_line(&card).await);
        assert_eq!(
            (&into["kind"], &into["amount"], &into["balance"]),
            (&json!("top_up"), &json!("50.00"), &json!("50.00"))
        );
        assert_eq!((&from["kind"], &from["amount"]), (&json!("top_up"), &json!("-50.00")), "{from}");
        assert_eq!((&into["reference"], &from["reference"]), (&done["top_up_id"], &done["top_up_id"]));
        let books = here.shop.get("/v1/trial-balance").await.is(200).json();
        assert!(books.to_string().contains(&format!("rail_clearing:{rail}")), "{books}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bank_declines_is_refused_by_its_word_and_given_back() {
    let here = Banking::open().await;
    let (alice, card) = here.subscriber(1, false).await;
    here.ask(&alice, "t-1", by_bank("5000.01")).await.problem(422, "per_payment_limit_exceeded");
    // More than is on the card.
    let taken = here.ask(&alice, "t-2", by_bank("1000.01")).await.is(202);
    let done = here.came_to(&taken).await;
    assert_eq!(
        (&done["status"], &done["refused_because"]),
        (&json!("refused"), &json!("insufficient_funds")),
        "{done}"
    );
    assert_eq!(steps(&done), [("take", "declined")]);
    here.bank.temper.behave(Manner { next: vec![Trouble::Refused], refusal: "54".into(), ..Manner::default() });
    let taken = here.ask(&alice, "t-3", by_bank("0.01")).await.is(202);
    assert_eq!(here.came_to(&taken).await["refused_because"], "card_unusable");
    let after = here.account(&card).await;
    assert_eq!((&after["used_today"], here.card()), (&json!("0.00"), (ON_CARD, 0)), "{after}");
    assert_eq!(here.account(&alice).await["balance"], "0.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bank_does_not_answer_is_undone_and_a_late_answer_revives_nothing() {
    for (pre_freeze, step) in [(false, CallStep::Take), (true, CallStep::Hold)] {
        for trouble in [Trouble::Lost, Trouble::AnswerLost, Trouble::Late] {
            let here = Banking::open().await;
            let (alice, card) = here.subscriber(1, pre_freeze).await;
            here.next(&[trouble]);
            let taken = here.ask(&alice, "t-1", by_bank("50.00")).await.is(202);
            let done = here.came_to(&taken).await;
            assert_eq!(
                (&done["status"], &done["refused_because"]),
                (&json!("refused"), &json!("unresolved")),
                "{done}"
            );
            assert!(done["calls"][0]["bound"].is_string() && done["final_at"].is_string(), "{done}");
            here.undone(step).await;
            if trouble == Trouble::Late {
                let late = |state: &mpss_domain::State| state.calls().find_map(|call| call.late_approval);
                here.shop.trial.until("the late answer", late).await;
            }
            let path = taken.header("location").unwrap().to_owned();
            let now = here.shop.get(&path).await.is(200).json();
            assert_eq!(steps(&now), [(step.name(), "superseded"), ("undo", "approved")], "{trouble:?}");
            assert_eq!(here.card(), (ON_CARD, 0), "{trouble:?}: the bank has given it back");
            let (into, from) = (here.account(&alice).await, here.account(&card).await);
            assert_eq!((&into["balance"], &from["used_today"]), (&json!("0.00"), &json!("0.00")), "{trouble:?}");
            here.shop.trial.context.replica.read(mpss_domain::State::check_all).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_open_its_clock_is_shown_and_neither_account_is_closed() {
    let here = Banking::open().await;
    let (alice, card) = here.subscriber(1, true).await;
    // The hold is answered; whether it was completed nobody knows for now.
    here.next(&[Trouble::None, Trouble::AnswerLost]);
    let taken = here.ask(&alice, "t-1", by_bank("50.00")).await.is(202);
    let path = taken.header("location").unwrap().to_owned();
    let unknown = |state: &mpss_domain::State| state.calls().find(|call| call.phase == Phase::Unknown).map(|_| ());
    here.shop.trial.until("a completion without an answer", unknown).await;
    let open = here.shop.get(&path).await.is(200).json();
    assert_eq!(
        (&open["status"], &open["calls"][1]["may_have_happened"]),
        (&json!("capturing"), &json!(true)),
        "{open}"
    );
    assert!(open["calls"][1]["next_at"].is_string() && open["calls"][1]["bound"].is_string(), "{open}");
    assert_eq!(here.account(&alice).await["balance"], "0.00", "nothing is credited before it is known");
    for account in [&alice, &card] {
        let path = format!("/v1/accounts/{account}/close");
        here.shop.post(&path, account, json!({"payment_password": RIGHT})).await.problem(422, "open_orders_remain");
    }
    let freeze = format!("/v1/accounts/{alice}/freeze");
    here.shop.post(&freeze, "f", json!({"payment_password": RIGHT})).await.is(200);
    // It is completed again with the same key, which the bank knows; the money lands on the frozen account.
    let done = here.shop.ask(Asking::get(path).header("prefer", "wait=60")).await.is(200).json();
    assert_eq!((&done["status"], &done["calls"][1]["sent"]), (&json!("credited"), &json!(2)), "{done}");
    assert_eq!((&here.account(&alice).await["balance"], here.card()), (&json!("50.00"), (ON_CARD - 5_000, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_counted_and_locks() {
    let here = Banking::open().await;
    let (alice, _) = here.subscriber(1, false).await;
    let wrong = || json!({"method": "bank_card", "amount": "1.00", "payment_password": "730951"});
    for attempt in 0..5 {
        let told = here.ask(&alice, &format!("w-{attempt}"), wrong()).await;
        told.problem(422, "wrong_password");
        assert!(!String::from_utf8_lossy(&told.bytes).contains("730951"), "a password is never repeated");
    }
    let told = here.ask(&alice, "t-1", by_bank("1.00")).await;
    told.problem(422, "password_locked");
    assert!(told.json()["until"].is_string(), "{}", told.json());
    assert_eq!(here.card(), (ON_CARD, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_top_up_by_bank_card_is_refused_by_its_field() {
    let here = Banking::open().await;
    let alice = here.shop.account(1, 0).await;
    let before = here.shop.digest();
    let with = |field: &str, value: Value| {
        let mut body = by_bank("1.00");
        body[field] = value;
        body
    };
    let without = |field: &str| {
        let mut body = by_bank("1.00");
        body.as_object_mut().unwrap().remove(field);
        body
    };
    for (body, code, field) in [
        (without("amount"), "missing_field", "amount"),
        (without("payment_password"), "missing_field", "payment_password"),
        (with("amount", json!("1.001")), "invalid_amount", "amount"),
        (with("payment_password", json!("12345")), "invalid_password", "payment_password"),
        (with("card_pin", json!("730955118842907716")), "conflicting_fields", "card_pin"),
        (with("agent_id", json!("a")), "conflicting_fields", "agent_id"),
    ] {
        assert_eq!(here.ask(&alice, "key", body).await.problem(400, code).as_deref(), Some(field));
    }
    let cash = json!({"method": "cash", "amount": "1.00", "agent_id": "a", "payment_password": RIGHT});
    let told = here.ask(&alice, "key", cash).await;
    assert_eq!(told.problem(400, "conflicting_fields").as_deref(), Some("payment_password"));
    assert_eq!(here.shop.digest(), before, "something moved");
    // A subscriber without a card, an account that is no virtual one, and one that does not exist.
    here.ask(&alice, "key-1", by_bank("1.00")).await.problem(422, "no_bank_account");
    let card = bound(&here.shop, 1, false).await;
    here.ask(&card, "key-2", by_bank("1.00")).await.problem(422, "account_kind_unsupported");
    here.ask("A20260101120000000-44-00001", "key-3", by_bank("1.00")).await.problem(404, "account_not_found");
    let path = format!("/v1/accounts/{alice}/top-ups");
    let without = here.shop.beside(|context| context.rails.bank = None);
    let told = ask(&without, Asking::post(&path, "key-4", &by_bank("1.00"))).await;
    assert_eq!(told.problem(422, "top_up_method_unsupported").as_deref(), Some("method"));
    let id: AccountId = alice.parse().unwrap();
    assert_eq!(here.shop.trial.context.replica.read(|state| state.account(id).unwrap().open_orders), 0);
}
