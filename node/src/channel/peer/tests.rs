//! The provinces' own interface against a real replica.

#![allow(clippy::unwrap_used, reason = "tests")]

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use mpss_domain::{LogTime, Refusal, StateVersion};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::home::IssueCode;
use crate::node::trial::{RIGHT, Trial, local, password};

struct Border {
    trial: Trial,
    router: Router,
    next: std::sync::atomic::AtomicU16,
}

impl Border {
    async fn open() -> Self {
        let trial = Trial::start().await;
        trial.open(local(1), Money::yuan(10)).await;
        let (router, _) = router(trial.context.clone(), trial.home.clone());
        Self { trial, router, next: 1.into() }
    }

    async fn send(&self, method: &str, path: &str, body: impl Into<Vec<u8>>) -> (u16, Response, Value) {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let response = self.router.clone().oneshot(request.body(Body::from(body.into())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let value = serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("{bytes:?}"));
        (parts.status.as_u16(), Response::from_parts(parts, Body::empty()), value)
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, _, value) = self.send("POST", path, body.to_string()).await;
        (status, value)
    }

    async fn fate(&self, payment: &str) -> Value {
        let (status, _, value) = self.send("GET", &format!("/peer/v1/payments/{payment}"), "").await;
        assert_eq!(status, 200, "{value}");
        value["result"].clone()
    }

    /// An identity as 51 would issue it.
    fn id(&self, letter: char) -> String {
        let serial = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let now = self.trial.context.replica.read(mpss_domain::State::now);
        PaymentId::issue(now, sichuan(), serial).to_string().replacen('P', &letter.to_string(), 1)
    }

    fn payment(&self, fen: i64) -> Value {
        json!({
            "payment_id": self.id('P'), "order_id": self.id('O'), "serving": "51", "msisdn": local(1).to_string(),
            "epoch": 1, "scope": "roaming", "location": "51", "account_kind": "virtual", "amount_fen": fen,
            "title": "a thing", "payment_password": RIGHT,
        })
    }

    fn balance(&self) -> i64 {
        self.trial.context.replica.read(|state| {
            let account = state.subscriber(local(1)).unwrap().accounts[1].unwrap();
            state.account(account).unwrap().available.as_fen()
        })
    }
}

fn sichuan() -> ProvinceId {
    ProvinceId::new(51).unwrap()
}

fn done(answer: &(u16, Value)) {
    assert_eq!((answer.0, &answer.1["result"]), (200, &json!({"kind": "done"})), "{answer:?}");
    assert!(answer.1["log_index"].as_u64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_made_once_however_often_it_is_asked_for() {
    let border = Border::open().await;
    let payment = border.payment(300);
    let id = payment["payment_id"].as_str().unwrap().to_owned();
    assert_eq!(border.fate(&id).await, json!({"kind": "fate", "fate": "unknown"}));
    for _ in 0..3 {
        done(&border.post(PAYMENTS, &payment).await);
    }
    assert_eq!((border.balance(), border.fate(&id).await), (700, json!({"kind": "fate", "fate": "captured"})));

    let refund = json!({"refund_id": border.id('R'), "amount_fen": 100, "serving": "51"});
    for _ in 0..2 {
        done(&border.post(&format!("/peer/v1/payments/{id}/refunds"), &refund).await);
    }
    assert_eq!((border.balance(), border.fate(&id).await["fate"].clone()), (800, json!("captured")));

    let second = border.payment(200);
    let id = second["payment_id"].as_str().unwrap().to_owned();
    done(&border.post(PAYMENTS, &second).await);
    let reversal = json!({"reversal_id": border.id('V'), "order_id": second["order_id"], "serving": "51"});
    for _ in 0..2 {
        done(&border.post(&format!("/peer/v1/payments/{id}/reversal"), &reversal).await);
    }
    assert_eq!((border.balance(), border.fate(&id).await["fate"].clone()), (800, json!("reversed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reversal_that_comes_first_forbids_the_payment() {
    let border = Border::open().await;
    let payment = border.payment(300);
    let id = payment["payment_id"].as_str().unwrap().to_owned();
    let reversal = json!({"reversal_id": border.id('V'), "order_id": payment["order_id"], "serving": "51"});
    done(&border.post(&format!("/peer/v1/payments/{id}/reversal"), &reversal).await);
    let (status, late) = border.post(PAYMENTS, &payment).await;
    assert_eq!((status, &late["result"]["number"]), (200, &json!(Refusal::AlreadyReversed.number())));
    assert_eq!((border.balance(), border.fate(&id).await["fate"].clone()), (1_000, json!("reversed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_an_answer_and_keeps_its_data() {
    let border = Border::open().await;
    let mut payment = border.payment(300);
    payment["payment_password"] = json!("555555");
    let (status, answer) = border.post(PAYMENTS, &payment).await;
    assert_eq!((status, &answer["result"]["number"]), (200, &json!(Refusal::WrongPassword.number())));
    let id = payment["payment_id"].as_str().unwrap().to_owned();
    let fate = border.fate(&id).await;
    assert_eq!((&fate["fate"], &fate["refusal"]), (&json!("declined"), &json!(Refusal::WrongPassword.number())));
    for _ in 0..4 {
        let mut payment = border.payment(300);
        payment["payment_password"] = json!("555555");
        border.post(PAYMENTS, &payment).await;
    }
    let (_, locked) = border.post(PAYMENTS, &border.payment(300)).await;
    assert_eq!(locked["result"]["number"], json!(Refusal::PasswordLocked(LogTime(0)).number()));
    assert!(locked["result"]["detail"].as_str().unwrap().parse::<u64>().unwrap() > 1_000_000_000_000);
    let (_, much) = border.post(PAYMENTS, &border.payment(1_000_000_000)).await;
    assert_eq!(much["result"]["kind"], "refused");
    assert_eq!(border.balance(), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_credited_once() {
    let border = Border::open().await;
    let transfer = json!({
        "transfer_id": border.id('T'), "payer": "13300000001", "payee": local(1).to_string(), "amount_fen": 250, "epoch": 1,
    });
    for _ in 0..2 {
        done(&border.post(TRANSFERS, &transfer).await);
    }
    assert_eq!(border.balance(), 1_250);
    let nobody = json!({
        "transfer_id": border.id('T'), "payer": "13300000001", "payee": local(9).to_string(), "amount_fen": 250, "epoch": 1,
    });
    let (status, answer) = border.post(TRANSFERS, &nobody).await;
    assert_eq!((status, &answer["result"]["number"]), (200, &json!(Refusal::PayeeNotFound.number())));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_refused_by_field_and_nothing_moves() {
    let border = Border::open().await;
    let id = border.id('P');
    let reversal = format!("/peer/v1/payments/{id}/reversal");
    let refunds = format!("/peer/v1/payments/{id}/refunds");
    let here = "20260101120000000-44-00001";
    let (pay, back) =
        (border.payment(300), json!({"reversal_id": border.id('V'), "order_id": border.id('O'), "serving": "51"}));
    let bill = border.bill("0123456789abcdef0123456789abcdef", 300, false);
    let give = json!({"refund_id": border.id('R'), "amount_fen": 1, "serving": "51"});
    let send = json!({"transfer_id": border.id('T'), "payer": "13300000001", "payee": local(1).to_string(), "amount_fen": 1, "epoch": 1});
    for (path, good, field, value, code) in [
        (PAYMENTS, &pay, "payment_id", json!("P1"), "invalid_id"),
        (PAYMENTS, &pay, "payment_id", json!(format!("P{here}")), "invalid_id"),
        (PAYMENTS, &pay, "order_id", json!(format!("O{here}")), "invalid_id"),
        (PAYMENTS, &pay, "serving", json!("99"), "invalid_choice"),
        (PAYMENTS, &pay, "msisdn", json!("1"), "invalid_msisdn"),
        (PAYMENTS, &pay, "epoch", json!(-1), "wrong_type"),
        (PAYMENTS, &pay, "scope", json!("local"), "invalid_choice"),
        (PAYMENTS, &pay, "location", json!(""), "invalid_choice"),
        (PAYMENTS, &pay, "account_kind", json!("gold"), "invalid_choice"),
        (PAYMENTS, &pay, "account_kind", Value::Null, "conflicting_fields"),
        (PAYMENTS, &pay, "amount_fen", json!(0), "out_of_range"),
        (PAYMENTS, &pay, "amount_fen", json!(1_000_000_001), "out_of_range"),
        (PAYMENTS, &pay, "amount_fen", json!(1.5), "wrong_type"),
        (PAYMENTS, &pay, "title", json!("\u{0}"), "invalid_text"),
        (PAYMENTS, &pay, "payment_password", json!("12345"), "invalid_password"),
        (PAYMENTS, &pay, "payment_password", json!(""), "invalid_password"),
        (PAYMENTS, &bill, "payment_password", json!("12345"), "invalid_password"),
        (PAYMENTS, &bill, "payment_code", json!("4401234567890128"), "conflicting_fields"),
        (PAYMENTS, &bill, "bill", json!({"customer": "7"}), "invalid_value"),
        (PAYMENTS, &bill, "bill", json!({"customer": "F".repeat(32)}), "invalid_value"),
        (PAYMENTS, &bill, "bill", json!({"customer": "+".to_owned() + &"1".repeat(31)}), "invalid_value"),
        (PAYMENTS, &bill, "bill", json!({"flat": 7}), "unknown_field"),
        (PAYMENTS, &pay, "extra", json!(1), "unknown_field"),
        (&reversal, &back, "reversal_id", json!(format!("V{here}")), "invalid_id"),
        (&reversal, &back, "serving", json!("44"), "invalid_id"),
        (&refunds, &give, "amount_fen", json!(-5), "out_of_range"),
        (&refunds, &give, "refund_id", json!(""), "invalid_id"),
        (TRANSFERS, &send, "payee", json!("2"), "invalid_msisdn"),
        (TRANSFERS, &send, "transfer_id", json!("x"), "invalid_id"),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let (status, answer) = border.post(path, &body).await;
        assert_eq!((status, &answer["code"]), (400, &json!(code)), "{path} {field} {value}: {answer}");
        assert!(answer["field"].is_string(), "{answer}");
    }
    for (method, path, body, status) in [
        ("POST", PAYMENTS, "", 400),
        ("POST", PAYMENTS, "{", 400),
        ("POST", PAYMENTS, "[]", 400),
        ("GET", PAYMENTS, "", 405),
        ("DELETE", TRANSFERS, "", 405),
        ("GET", "/peer/v1/payments/x", "", 400),
        ("GET", "/peer/v2/payments/x", "", 404),
        ("POST", "/v1/orders", "{}", 404),
    ] {
        assert_eq!(border.send(method, path, body).await.0, status, "{method} {path}");
    }
    let large = format!("{{\"title\":\"{}\"}}", "x".repeat(MESSAGE_BYTES_MAX));
    assert_eq!(border.send("POST", PAYMENTS, large).await.0, 413);
    assert_eq!(border.balance(), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_province_that_can_not_decide_says_that_nothing_was_done() {
    let border = Border::open().await;
    let payment = border.payment(300);
    let id = payment["payment_id"].as_str().unwrap().to_owned();
    border.trial.context.replica.shutdown().await;
    for (method, path, body) in
        [("POST", PAYMENTS.to_owned(), payment.to_string()), ("GET", format!("/peer/v1/payments/{id}"), String::new())]
    {
        let (status, response, problem) = border.send(method, &path, body).await;
        assert_eq!((status, &problem["code"]), (503, &json!("unavailable")), "{problem}");
        assert_eq!(response.headers()["mpss-not-done"], "1");
        assert!(response.headers().contains_key("retry-after"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_done_in_time_is_unknown() {
    let border = Border::open().await;
    let payment = border.payment(300);
    let request = Request::post(PAYMENTS).header(wire::DEADLINE_HEADER, "0").body(Body::from(payment.to_string()));
    let response = border.router.clone().oneshot(request.unwrap()).await.unwrap();
    // Unknown, or done: never "nothing happened" once it was begun.
    assert!(matches!(response.status().as_u16(), 200 | 504), "{}", response.status());
    assert!(!response.headers().contains_key("mpss-not-done"));
}

impl Border {
    /// A code of the subscriber, good for so much.
    async fn code(&self, yuan: i64) -> String {
        self.trial.until("the version of codes", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
        let account = self.trial.context.replica.read(|state| state.subscriber(local(1)).unwrap().accounts[1].unwrap());
        let safe = self.trial.context.pins.clone().unwrap();
        let ask = IssueCode { account, amount: Money::yuan(yuan), password: password(RIGHT) };
        let reply = self.trial.home.issue_code(self.trial.request(), &safe, ask).await.unwrap();
        let Outcome::PaymentCode(view) = reply.outcome else { panic!("{reply:?}") };
        safe.open_code(account, &view.sealed).unwrap().reveal().to_owned()
    }

    fn payment_by(&self, code: &str, fen: i64) -> Value {
        let account = self.trial.context.replica.read(|state| state.subscriber(local(1)).unwrap().accounts[1].unwrap());
        let mut payment = self.payment(fen);
        let fields = payment.as_object_mut().unwrap();
        fields.remove("payment_password");
        fields.remove("account_kind");
        fields.insert("account_id".into(), json!(account.to_string()));
        fields.insert("payment_code".into(), json!(code));
        payment
    }

    async fn whose(&self, code: &str) -> Value {
        let (status, answer) = self.post(CODES, &json!({"payment_code": code, "serving": "51"})).await;
        assert_eq!(status, 200, "{answer}");
        answer["result"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_says_whose_it_is_and_pays_once() {
    let border = Border::open().await;
    let code = border.code(5).await;
    let whose = border.whose(&code).await;
    assert_eq!((&whose["kind"], &whose["msisdn"]), (&json!("code_of"), &json!(local(1).to_string())));
    let payment = border.payment_by(&code, 300);
    for _ in 0..3 {
        done(&border.post(PAYMENTS, &payment).await);
    }
    assert_eq!(border.balance(), 700, "the same payment is the same answer, though the code is used");
    let used = json!({"kind": "refused", "number": Refusal::PaymentCodeUsed.number()});
    assert_eq!(border.post(PAYMENTS, &border.payment_by(&code, 100)).await.1["result"], used);
    assert_eq!(border.whose(&code).await, used);
    let much = border.post(PAYMENTS, &border.payment_by(&border.code(5).await, 501)).await.1;
    assert_eq!(much["result"]["number"], Refusal::AmountAboveCode.number());
    assert_eq!(border.balance(), 700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_nobody_has_is_refused_and_counted() {
    let border = Border::open().await;
    border.code(5).await;
    let random = &*border.trial.context.seams.random;
    let guess = CodeDigits::draw(ProvinceId::new(44).unwrap(), random);
    let before = border.trial.context.replica.read(mpss_domain::State::index);
    let unknown = json!({"kind": "refused", "number": Refusal::PaymentCodeUnknown.number()});
    assert_eq!(border.whose(guess.reveal()).await, unknown);
    assert!(border.trial.context.replica.read(mpss_domain::State::index) > before, "it is counted in the log");
    assert_eq!(border.post(PAYMENTS, &border.payment_by(guess.reveal(), 100)).await.1["result"], unknown);
    // What is no code of this province, and what says two things.
    let far = CodeDigits::draw(sichuan(), random);
    let (status, answer) = border.post(CODES, &json!({"payment_code": far.reveal(), "serving": "51"})).await;
    assert_eq!((status, &answer["code"]), (400, &json!("invalid_value")), "{answer}");
    let mut both = border.payment_by(guess.reveal(), 100);
    both["payment_password"] = json!(RIGHT);
    let (status, answer) = border.post(PAYMENTS, &both).await;
    assert_eq!((status, &answer["code"]), (400, &json!("conflicting_fields")), "{answer}");
    assert_eq!(border.balance(), 1_000);
}

impl Border {
    async fn knows_bills(&self) {
        self.trial.until("the version of bills", |state| state.version().has_outside_rails().then_some(())).await;
    }

    fn bill(&self, customer: &str, fen: i64, with_password: bool) -> Value {
        let mut body = self.payment(fen);
        body["bill"] = json!({ "customer": customer });
        if !with_password {
            body.as_object_mut().unwrap().remove("payment_password");
        }
        body
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_goes_without_the_password_once_one_of_its_customer_went_with_it() {
    let border = Border::open().await;
    border.knows_bills().await;
    let (flat, other) = ("0".repeat(32), "f".repeat(32));
    let needed = json!({"kind": "refused", "number": Refusal::PasswordNeeded.number()});
    let early = border.bill(&flat, 100, false);
    assert_eq!(border.post(PAYMENTS, &early).await.1["result"], needed);
    done(&border.post(PAYMENTS, &border.bill(&flat, 300, true)).await);
    assert_eq!(border.post(PAYMENTS, &early).await.1["result"], needed, "a payment id is decided once");
    let next = border.bill(&flat, 100, false);
    for _ in 0..2 {
        done(&border.post(PAYMENTS, &next).await);
    }
    assert_eq!(border.post(PAYMENTS, &border.bill(&other, 100, false)).await.1["result"], needed);
    let mut nobodys = border.bill(&flat, 100, false);
    nobodys["bill"] = json!({});
    assert_eq!(border.post(PAYMENTS, &nobodys).await.1["result"], needed);
    assert_eq!(border.balance(), 600);
}

impl Border {
    /// A payment that the subscriber is to be asked about.
    fn to_confirm(&self, fen: i64, reserve: bool) -> Value {
        let mut body = self.payment(fen);
        body.as_object_mut().unwrap().remove("payment_password");
        body["confirmation"] = json!({"merchant": "a shop", "reserve": reserve});
        body
    }

    /// The subscriber gives the code of the newest text back.
    async fn says(&self, agreed: bool) {
        let code = self.trial.context.replica.read(|state| state.confirmations_of(local(1)).last().unwrap().code);
        self.trial.home.confirm(self.trial.request(), local(1), code, agreed).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_of_ours_is_asked_once_however_often_the_other_province_asks() {
    let border = Border::open().await;
    border.trial.until("the doors", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
    let payment = border.to_confirm(300, false);
    let waits = json!({"kind": "fate", "fate": "unknown"});
    assert_eq!(border.post(PAYMENTS, &payment).await.1["result"], waits);
    let before = border.trial.context.replica.read(mpss_domain::State::index);
    for _ in 0..3 {
        assert_eq!(border.post(PAYMENTS, &payment).await.1["result"], waits);
    }
    assert_eq!(border.trial.context.replica.read(mpss_domain::State::index), before, "nothing is proposed for that");
    border.says(true).await;
    for _ in 0..2 {
        done(&border.post(PAYMENTS, &payment).await);
    }
    assert_eq!(border.balance(), 700);
    let refused = border.to_confirm(300, false);
    border.post(PAYMENTS, &refused).await;
    border.says(false).await;
    let no = json!({"kind": "refused", "number": Refusal::ConfirmationRefused.number()});
    assert_eq!(border.post(PAYMENTS, &refused).await.1["result"], no);
    let held = border.to_confirm(300, true);
    border.post(PAYMENTS, &held).await;
    border.says(true).await;
    assert_eq!(border.post(PAYMENTS, &held).await.1["result"], json!({"kind": "held"}));
    assert_eq!(border.balance(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_gives_no_password() {
    let border = Border::open().await;
    for (field, value) in
        [("payment_password", json!(RIGHT)), ("bill", json!({})), ("payment_code", json!("4401234567890128"))]
    {
        let mut both = border.to_confirm(300, false);
        both[field] = value;
        let (status, answer) = border.post(PAYMENTS, &both).await;
        assert_eq!((status, &answer["code"]), (400, &json!("conflicting_fields")), "{field}: {answer}");
    }
    let mut nobody = border.to_confirm(300, false);
    nobody["confirmation"]["merchant"] = json!("");
    assert_eq!(border.post(PAYMENTS, &nobody).await.0, 400);
}

/// A payment whose password is sealed to what the province gives out; `spoiled` may change the binding.
async fn sealed_payment(border: &Border, fen: i64, spoil: impl FnOnce(&mut Binding)) -> Value {
    let newest = |state: &mpss_domain::State| state.version().has_doors().then_some(());
    border.trial.until("every node takes sealed passwords", newest).await;
    let (status, _, given) = border.send("GET", SEAL_KEY, "").await;
    assert_eq!((status, &given["result"]["kind"]), (200, &json!("seal_key")), "{given}");
    let key = crate::seal::HomeKey::read(&wire::SealKeyMessage {
        version: u16::try_from(given["result"]["version"].as_u64().unwrap()).unwrap(),
        public_key: given["result"]["public_key"].as_str().unwrap().to_owned(),
    });
    let mut payment = border.payment(fen);
    let mut binding = Binding {
        home: border.trial.context.province,
        serving: sichuan(),
        payment: payment["payment_id"].as_str().unwrap().parse().unwrap(),
        order: payment["order_id"].as_str().unwrap().parse().unwrap(),
        msisdn: local(1),
        amount: Money::fen(fen),
    };
    spoil(&mut binding);
    let sealed = key.unwrap().seal(&password(RIGHT), &binding, &*border.trial.context.seams.random).unwrap();
    payment.as_object_mut().unwrap().remove("payment_password");
    payment["sealed_password"] = serde_json::to_value(sealed).unwrap();
    payment
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_password_pays_once_and_for_its_own_payment_only() {
    let border = Border::open().await;
    let payment = sealed_payment(&border, 300, |_| {}).await;
    for _ in 0..2 {
        done(&border.post(PAYMENTS, &payment).await);
    }
    assert_eq!(border.balance(), 700);

    // Moved to another payment, to another amount, sealed for somebody else, or for another province.
    let mut moved = border.payment(300);
    moved.as_object_mut().unwrap().remove("payment_password");
    moved["sealed_password"] = payment["sealed_password"].clone();
    let mut raised = sealed_payment(&border, 300, |_| {}).await;
    raised["amount_fen"] = json!(301);
    let stranger = sealed_payment(&border, 300, |binding| binding.msisdn = local(2)).await;
    let elsewhere = sealed_payment(&border, 300, |binding| binding.home = sichuan()).await;
    for wrong in [moved, raised, stranger, elsewhere] {
        let (status, answer) = border.post(PAYMENTS, &wrong).await;
        assert_eq!((status, &answer["field"]), (400, &json!("sealed_password")), "{answer}");
    }
    assert_eq!(border.balance(), 700);
    let failures = border.trial.context.replica.read(|state| state.subscriber(local(1)).unwrap().credential.failures);
    assert_eq!(failures, 0, "none of them was an attempt");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_for_another_node_and_two_passwords_are_for_none() {
    let border = Border::open().await;
    let mut payment = sealed_payment(&border, 300, |_| {}).await;
    payment["sealed_password"]["key_version"] = json!(9);
    let (status, response, answer) = border.send("POST", PAYMENTS, payment.to_string()).await;
    assert_eq!((status, &answer["code"]), (503, &json!("seal_key_unavailable")), "{answer}");
    assert_eq!(response.headers()[wire::NOT_DONE_HEADER], "1", "so that the next node is tried");
    payment["payment_password"] = json!(RIGHT);
    let (status, answer) = border.post(PAYMENTS, &payment).await;
    assert_eq!((status, &answer["code"]), (400, &json!("conflicting_fields")), "{answer}");
    assert_eq!(border.balance(), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_given_once_all_nodes_take_sealed_passwords() {
    let old = |settings: &mut mpss_config::Settings| settings.replication.state_version_max = 3;
    let trial = Trial::start_with(old).await;
    let (router, _) = router(trial.context.clone(), trial.home.clone());
    let border = Border { trial, router, next: 1.into() };
    let (status, _, answer) = border.send("GET", SEAL_KEY, "").await;
    assert_eq!((status, &answer["code"]), (404, &json!("unknown_route")), "as a program from before says: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_passwords_must_be_sealed_one_in_the_clear_is_not_judged() {
    let mut border = Border::open().await;
    let mut settings = (*border.trial.context.settings).clone();
    "refused".clone_into(&mut settings.seal.clear);
    let context = Context { settings: settings.into(), ..border.trial.context.clone() };
    border.router = router(context, border.trial.home.clone()).0;
    let (status, answer) = border.post(PAYMENTS, &border.payment(300)).await;
    assert_eq!((status, &answer["field"]), (400, &json!("payment_password")), "{answer}");
    done(&border.post(PAYMENTS, &sealed_payment(&border, 300, |_| {}).await).await);
    assert_eq!(border.balance(), 700);
}
