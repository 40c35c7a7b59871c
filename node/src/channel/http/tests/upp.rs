//! The UPP's door: the simulated UPP asks over a socket, signed; the phone bill's payments are driven, and their ends
//! told.

use super::*;
use crate::gateway::ismp::IsmpRail;
use crate::gateway::upp::HttpUppNotices;
use crate::gateway::upp_account::{HttpUppAccounts, UppRail};
use crate::node::trial::{eventually, password, range, visitor};
use crate::simulator::ismp::IsmpSimulator;
use crate::simulator::manner::{Manner, Trouble};
use crate::simulator::upp::{Delivery, Errand, Fulfilment, Heard, Remembered, UppSimulator};
use crate::simulator::upp_accounts::Purse;
use crate::supervision::Tree;
use mpss_domain::{AccountKind, Operator, StateVersion, Verb};

const KEY: [u8; 32] = [7; 32];

/// A shop with a UPP, an ISMP, and somebody who drives calls and tells the UPP.
struct Platform {
    shop: Shop,
    upp: UppSimulator,
    ismp: IsmpSimulator,
    tester: reqwest::Client,
    url: String,
    _end: tokio::sync::watch::Sender<bool>,
    _actors: Tree,
}

impl Platform {
    async fn open() -> Self {
        let mut trial = Trial::start().await;
        let ismp = IsmpSimulator::new(1);
        trial.context.rails.ismp = Some(Arc::new(IsmpRail::new(Arc::new(ismp.clone()))));
        trial.context.rails.upp_door_key = Some(KEY.as_slice().into());
        let [node, here] = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let url_of = |listener: &std::net::TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let (node_url, url) = (url_of(&node), url_of(&here));
        let notices = HttpUppNotices::new(&format!("{url}/upp/v1/notices"), KEY.to_vec(), Duration::from_millis(300));
        trial.context.rails.upp_notices = Some(Arc::new(notices.unwrap()));
        let accounts = HttpUppAccounts::new(&url, KEY.to_vec(), trial.context.seams.clock.clone()).unwrap();
        trial.context.rails.upp = Some(Arc::new(UppRail::new(Arc::new(accounts))));
        trial.home = Home::new(trial.context.clone());
        trial.until("the version of the UPP", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
        let actors = trial.actors().await;
        let upp = UppSimulator::new(1, &[node_url], KEY.to_vec()).unwrap();
        let shop = Shop::open_over(trial, |_| {});
        let (end, ended) = tokio::sync::watch::channel(false);
        tokio::spawn(crate::simulator::serve(node, shop.router.clone(), ended.clone()));
        tokio::spawn(crate::simulator::serve(here, upp.router(), ended));
        Self { shop, upp, ismp, tester: reqwest::Client::new(), url, _end: end, _actors: actors }
    }

    /// An account on the phone bill, beside the one of stored value.
    async fn phone_bill(&self, last: u64) {
        let ask = crate::home::OpenAccount {
            kind: AccountKind::Communication,
            password: password(RIGHT),
            ..crate::node::trial::opening(local(last), RIGHT)
        };
        self.shop.trial.home.open_account(self.shop.trial.request(), ask).await.unwrap();
    }

    async fn run(&self, number: &str, verb: &str, body: Value) -> Heard {
        self.upp.run(number, verb, Errand::once(body)).await.unwrap()
    }

    async fn pay(&self, number: &str, last: u64, kind: &str, fen: i64) -> Heard {
        self.run(number, "payment", payment(last, kind, fen)).await
    }

    async fn about(&self, number: &str, verb: &str, last: u64, more: Value) -> Heard {
        let mut body = json!({"msisdn": local(last).to_string()});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.run(number, verb, body).await
    }

    async fn balance(&self, account: &str) -> String {
        self.shop.get(&format!("/v1/accounts/{account}")).await.is(200).json()["balance"].as_str().unwrap().to_owned()
    }

    /// What the UPP is owed by the books, in yuan.
    async fn owed(&self) -> Value {
        let books = self.shop.get("/v1/trial-balance").await.is(200).json();
        let lines = books["accounts"].as_array().unwrap();
        let line = lines.iter().find(|line| line["name"] == "due_to:upp");
        line.map_or(Value::Null, |line| json!([line["debit"], line["credit"]]))
    }

    /// Waits until what the UPP remembers of an order is so.
    async fn until(&self, number: &str, what: &str, is: impl Fn(&Remembered) -> bool) -> Remembered {
        let known = || self.upp.book.lock().order(number).cloned().filter(|known| is(known));
        eventually(what, || known().is_some()).await;
        known().unwrap()
    }
}

fn payment(last: u64, kind: &str, fen: i64) -> Value {
    json!({
        "msisdn": local(last).to_string(), "account_kind": kind, "amount_fen": fen, "title": "a flight",
        "payment_password": RIGHT,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_paid_once_refunded_and_reversed_by_the_numbers_of_the_upp() {
    let here = Platform::open().await;
    let alice = here.shop.account(1, 100).await;
    // Twice under one request id: byte by byte the same; then under another: what stands now.
    let errand = Errand { times: 2, ..Errand::once(payment(1, "virtual", 2_000)) };
    let paid = here.upp.run("N1", "payment", errand).await.unwrap();
    assert_eq!((paid.status, &paid.body["status"], &paid.body["amount_fen"]), (201, &json!("captured"), &json!(2_000)));
    let remembered = here.upp.book.lock().order("N1").cloned().unwrap();
    assert_eq!(remembered.answers[0], remembered.answers[1]);
    let again = here.pay("N1", 1, "virtual", 2_000).await;
    assert_eq!((again.status, &again.body["payment_id"]), (201, &paid.body["payment_id"]), "{again:?}");
    assert_eq!((here.balance(&alice).await, here.owed().await), ("80.00".into(), json!(["0.00", "20.00"])));
    let other = here.pay("N1", 1, "virtual", 2_001).await;
    assert_eq!((other.status, &other.body["code"]), (422, &json!("upp_order_mismatch")), "{other:?}");

    let confirmed = here.about("N1", "confirmation", 1, json!({})).await;
    assert!(confirmed.status == 200 && confirmed.body["confirmed_at"].is_string(), "{confirmed:?}");
    for _ in 0..2 {
        let refunded = here.about("N1", "refund", 1, json!({"refund_number": "R1", "amount_fen": 500})).await;
        assert_eq!((refunded.status, &refunded.body["refunded_fen"]), (200, &json!(500)), "{refunded:?}");
    }
    let much = here.about("N1", "refund", 1, json!({"refund_number": "R2", "amount_fen": 1_501})).await;
    assert_eq!((much.status, &much.body["code"]), (422, &json!("refund_exceeds_paid")), "{much:?}");
    let back = json!({"reversal_number": "V1", "reason": "the SP refused"});
    let late = here.about("N1", "reversal", 1, back.clone()).await;
    assert_eq!((late.status, &late.body["code"]), (422, &json!("partly_refunded")), "{late:?}");

    assert_eq!(here.pay("N2", 1, "virtual", 1_000).await.status, 201);
    for _ in 0..2 {
        let reversed = here.about("N2", "reversal", 1, back.clone()).await;
        assert_eq!((reversed.status, &reversed.body["status"]), (200, &json!("reversed")), "{reversed:?}");
    }
    assert_eq!((here.balance(&alice).await, here.owed().await), ("85.00".into(), json!(["15.00", "30.00"])));
    let shown = here.about("N2", "query", 1, json!({})).await;
    assert_eq!((shown.status, &shown.body["reversal_number"]), (200, &json!("V1")), "{shown:?}");
    // Asked for with somebody else's number it is not there.
    let elses = here.about("N2", "query", 2, json!({})).await;
    assert_eq!((elses.status, &elses.body["code"]), (404, &json!("upp_order_not_found")), "{elses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reversal_that_comes_first_forbids_the_payment() {
    let here = Platform::open().await;
    let alice = here.shop.account(1, 100).await;
    let back = json!({"reversal_number": "V1", "reason": "no answer"});
    let reversed = here.about("N1", "reversal", 1, back).await;
    assert_eq!((reversed.status, &reversed.body["amount_fen"]), (200, &json!(0)), "{reversed:?}");
    assert!(reversed.body.get("order_id").is_none(), "{reversed:?}");
    let late = here.pay("N1", 1, "virtual", 2_000).await;
    assert_eq!((late.status, &late.body["code"]), (422, &json!("already_reversed")), "{late:?}");
    // And the word of a delivery that should not have been is taken, and moves nothing.
    let confirmed = here.about("N1", "confirmation", 1, json!({})).await;
    assert_eq!((confirmed.status, &confirmed.body["status"]), (200, &json!("reversed")), "{confirmed:?}");
    assert_eq!((here.balance(&alice).await, here.owed().await), ("100.00".into(), Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pending_ends_with_a_notice_that_comes_until_it_is_taken() {
    let here = Platform::open().await;
    here.shop.account(1, 0).await;
    here.phone_bill(1).await;
    // The first notice is lost, the second is taken and its answer lost: the third is the same again.
    here.upp.temper.behave(Manner { next: vec![Trouble::Lost, Trouble::AnswerLost], ..Manner::default() });
    let pending = here.pay("N1", 1, "communication", 1_000).await;
    assert_eq!((pending.status, &pending.body["status"]), (202, &json!("pending")), "{pending:?}");
    let told = here.until("N1", "the notice, twice", |order| order.notices >= 2).await;
    let notice = told.notice.unwrap();
    assert_eq!((notice.status.as_str(), json!(notice.notice_id)), ("paid", pending.body["payment_id"].clone()));
    assert_eq!(here.tester_sees().await["refused"], 0, "the same id tells the same");
    let shown = here.about("N1", "query", 1, json!({})).await;
    assert_eq!(shown.body["status"], "reserved", "{shown:?}");
    // The confirmation has what is held taken.
    let confirmed = here.about("N1", "confirmation", 1, json!({})).await;
    assert_eq!((confirmed.status, &confirmed.body["status"]), (200, &json!("captured")), "{confirmed:?}");
    let settled = |state: &mpss_domain::State| state.calls().all(|call| call.phase.is_final()).then_some(());
    here.shop.trial.until("the capture", settled).await;
    assert_eq!(here.ismp.book.lock().line(local(1)).credit_fen, 99_000);
    here.shop.trial.until("the outbox is empty", told_everything).await;

    // Refused by who has the money: told with the refusal's name, and answered so from then on.
    let refused = Manner { next: vec![Trouble::Refused], refusal: "insufficient_funds".into(), ..Manner::default() };
    here.ismp.temper.behave(refused);
    assert_eq!(here.pay("N2", 1, "communication", 1_000).await.status, 202);
    let told = here.until("N2", "a notice", |order| order.notice.is_some()).await;
    let notice = told.notice.unwrap();
    assert_eq!((notice.status.as_str(), notice.code.as_deref()), ("declined", Some("insufficient_funds")));
    let again = here.pay("N2", 1, "communication", 1_000).await;
    assert_eq!((again.status, &again.body["code"]), (422, &json!("insufficient_funds")), "{again:?}");
}

fn told_everything(state: &mpss_domain::State) -> Option<()> {
    let mut rows = state.effects_from(mpss_domain::EffectId(0));
    (!rows.any(|row| matches!(row.effect, mpss_domain::Effect::TellUpp { .. }))).then_some(())
}

impl Platform {
    /// What the simulator shows a tester.
    async fn tester_sees(&self) -> Value {
        self.tester.get(format!("{}/simulator/upp", self.url)).send().await.unwrap().json().await.unwrap()
    }

    async fn tester_sets(&self, path: &str, body: &Value) {
        let told = self.tester.put(format!("{}{path}", self.url)).json(body).send().await.unwrap();
        assert!(told.status().is_success(), "{path}: {}", told.status());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulated_upp_delivers_as_its_scenario_says() {
    let here = Platform::open().await;
    let alice = here.shop.account(1, 100).await;
    here.phone_bill(1).await;
    let delivery = |fulfilment, after_ms| serde_json::to_value(Delivery { fulfilment, after_ms }).unwrap();
    here.tester_sets("/simulator/upp/delivery", &delivery(Fulfilment::Confirmed, 1)).await;
    // Asked by a tester over HTTP, sent twice; confirmed late and once.
    let errand = json!({"times": 2, "body": payment(1, "virtual", 2_000)});
    let path = format!("{}/simulator/upp/orders/N1/payment", here.url);
    let heard: Value = here.tester.post(path).json(&errand).send().await.unwrap().json().await.unwrap();
    assert_eq!(heard["status"], 201, "{heard}");
    let confirmed = here.until("N1", "the confirmation", |order| order.answers.len() == 3).await;
    assert_eq!((confirmed.answers[2].0.as_str(), confirmed.answers[2].1.status), ("confirmation", 200));
    // Pending at first: it is delivered once the notice says that it is paid.
    assert_eq!(here.pay("N2", 1, "communication", 1_000).await.status, 202);
    let confirmed = here.until("N2", "the confirmation", |order| order.answers.len() == 2).await;
    assert_eq!(confirmed.answers[1].1.body["status"], "captured", "{confirmed:?}");
    // Its SP refuses: the UPP reverses.
    here.tester_sets("/simulator/upp/delivery", &delivery(Fulfilment::Refused, 0)).await;
    assert_eq!(here.pay("N3", 1, "virtual", 2_000).await.status, 201);
    let reversed = here.until("N3", "the reversal", |order| order.answers.len() == 2).await;
    assert_eq!(reversed.answers[1].1.body["status"], "reversed", "{reversed:?}");
    assert_eq!(here.balance(&alice).await, "80.00");
    // One order alone is delivered otherwise, and only the notice about it is lost.
    let lost = json!({"next": ["lost"]});
    here.tester_sets("/simulator/upp/orders/N5/manner", &lost).await;
    let confirmed = Some(Delivery { fulfilment: Fulfilment::Confirmed, after_ms: 0 });
    for number in ["N4", "N5"] {
        let errand = Errand { delivery: confirmed, ..Errand::once(payment(1, "communication", 1_000)) };
        assert_eq!(here.upp.run(number, "payment", errand).await.unwrap().status, 202);
        let told = here.until(number, "the confirmation", |order| order.answers.len() == 2).await;
        assert_eq!((told.notices, &told.answers[1].1.body["status"]), (1, &json!("captured")), "{told:?}");
    }
    assert_eq!(here.upp.temper.manner_to("N5").next, [], "the first notice about it was lost");
    let unknown = here.upp.run("N1", "wish", Errand::once(payment(1, "virtual", 1))).await;
    assert!(unknown.is_err_and(|what| what.contains("reversal")));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_upp_has_signed_is_heard() {
    let here = Platform::open().await;
    here.shop.account(1, 100).await;
    let now = here.shop.trial.context.seams.clock.wall_ms();
    let mut body = payment(1, "virtual", 2_000);
    body["order_number"] = json!("N1");
    let bytes = serde_json::to_vec(&body).unwrap();
    let target = "/v1/upp/payments";
    let sign = |key: &[u8], at, target: &str, body: &[u8]| crate::channel::http::signed(key, at, "POST", target, body);
    let asking = |signature: String| Asking::post(target, "k", &body).header("mpss-signature", signature);
    let before = here.shop.digest();
    for signature in [
        String::new(),
        "t=1".into(),
        format!("t={now},v1="),
        sign(&[8; 32], now, target, &bytes),
        sign(&KEY, now - 301_000, target, &bytes),
        sign(&KEY, now + 301_000, target, &bytes),
        sign(&KEY, now, "/v1/upp/payments/N1/reversal", &bytes),
        sign(&KEY, now, target, b"{}"),
        sign(&KEY, now, target, &bytes).replace(&now.to_string(), &(now + 1).to_string()),
    ] {
        let told = here.shop.ask(asking(signature.clone())).await;
        assert_eq!(told.problem(401, "bad_signature").as_deref(), Some("mpss-signature"), "{signature}");
    }
    here.shop.ask(asking(String::new()).without("mpss-signature")).await.problem(401, "bad_signature");
    let unsigned = format!("/v1/upp/payments/N1?msisdn={}", local(1));
    here.shop.get(&unsigned).await.problem(401, "bad_signature");
    for verb in ["reversal", "refunds", "confirmation"] {
        here.shop.post(&format!("{target}/N1/{verb}"), "k", json!({})).await.problem(401, "bad_signature");
    }
    assert_eq!(here.shop.digest(), before, "something moved");
    let without = here.shop.beside(|context| context.rails.upp_door_key = None);
    ask(&without, asking(sign(&KEY, now, target, &bytes))).await.problem(401, "bad_signature");
    here.shop.ask(asking(sign(&KEY, now, target, &bytes))).await.is(201);
    // A notice that nobody has signed is not taken either.
    let forged = json!({"notice_id": "P1", "order_number": "N1", "status": "reversed"});
    let told = here.tester.post(format!("{}/upp/v1/notices", here.url)).json(&forged).send().await.unwrap();
    assert_eq!((told.status().as_u16(), &here.tester_sees().await["refused"]), (401, &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_of_the_upp_is_refused_by_its_field() {
    let here = Platform::open().await;
    here.shop.account(1, 100).await;
    let back = json!({"reversal_number": "V1", "reason": "r"});
    let give = json!({"refund_number": "R1", "amount_fen": 1});
    for (verb, field, value, status, code) in [
        ("payment", "msisdn", json!("1"), 400, "invalid_msisdn"),
        ("payment", "account_kind", json!("gold"), 400, "invalid_choice"),
        ("payment", "amount_fen", json!(0), 400, "out_of_range"),
        ("payment", "amount_fen", json!("20.00"), 400, "wrong_type"),
        ("payment", "title", json!("\u{0}"), 400, "invalid_text"),
        ("payment", "payment_password", json!("12345"), 400, "invalid_password"),
        ("payment", "note", json!("x"), 400, "unknown_field"),
        ("reversal", "reversal_number", json!("a/b"), 400, "invalid_id"),
        ("reversal", "reason", json!("x".repeat(201)), 400, "invalid_text"),
        ("refund", "refund_number", json!(""), 400, "invalid_id"),
        ("refund", "amount_fen", json!(-1), 400, "out_of_range"),
    ] {
        let mut body = match verb {
            "payment" => payment(1, "virtual", 2_000),
            "reversal" => back.clone(),
            _ => give.clone(),
        };
        body["msisdn"] = json!(local(1).to_string());
        body[field] = value.clone();
        let heard = here.run("N1", verb, body).await;
        assert_eq!((heard.status, &heard.body["code"]), (status, &json!(code)), "{verb} {field} {value}: {heard:?}");
        assert_eq!(heard.body["field"], field, "{heard:?}");
    }
    let long = "N".repeat(33);
    assert_eq!(here.pay(&long, 1, "virtual", 1).await.body["field"], "order_number");
    let heard = here.about("N9", "confirmation", 1, json!({})).await;
    assert_eq!((heard.status, &heard.body["code"]), (404, &json!("upp_order_not_found")), "{heard:?}");
    let kept = here.shop.trial.context.replica.read(|state| state.upp_orders().count());
    assert_eq!(kept, 0, "something was kept");
    // Refused by a rule: kept with the number.
    let poor = here.pay("N1", 1, "virtual", 10_001).await;
    assert_eq!((poor.status, &poor.body["code"]), (422, &json!("insufficient_funds")), "{poor:?}");
    let shown = here.about("N1", "query", 1, json!({})).await;
    assert_eq!(
        (&shown.body["status"], &shown.body["declined_because"]),
        (&json!("declined"), &json!("insufficient_funds")),
        "{shown:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_another_province_is_passed_on_with_its_signature() {
    let here = Platform::open().await;
    let headers = vec![("content-type", "application/json"), ("location", "/v1/upp/payments/N1")];
    here.shop.elsewhere.replies(super::Reply::Answers(202, headers, "{\"status\":\"pending\"}".into()));
    let mut body = payment(1, "virtual", 2_000);
    body["msisdn"] = json!(visitor(1).to_string());
    let heard = here.run("N1", "payment", body).await;
    assert_eq!((heard.status, &heard.body["status"]), (202, &json!("pending")), "{heard:?}");
    let asks = [
        ("reversal", json!({"reversal_number": "V1", "reason": "r"})),
        ("refund", json!({"refund_number": "R1", "amount_fen": 1})),
        ("confirmation", json!({})),
        ("query", json!({})),
    ];
    for (verb, mut body) in asks {
        body["msisdn"] = json!(visitor(1).to_string());
        assert_eq!(here.run("N1", verb, body).await.status, 202, "{verb}");
    }
    let calls = here.shop.elsewhere.calls();
    assert_eq!(calls.len(), 5);
    for (province, _, call) in calls {
        assert_eq!(province.code(), 51, "{}", call.path);
        let signature = call.headers.iter().find(|(name, _)| name == "mpss-signature").expect("it is passed on");
        let now = here.shop.trial.context.seams.clock.wall_ms();
        let good = crate::channel::http::verify(&KEY, &signature.1, now, &call.method, &call.path, &call.body);
        assert_eq!(good, Ok(()), "{}: home must be able to verify it", call.path);
    }
}

/// The UPP keeps virtual accounts that are opened from now on: asked over a socket, signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_account_that_the_upp_keeps_is_opened_and_paid_from() {
    let mut here = Platform::open().await;
    // Opened before: it stays here.
    let old = here.shop.account(2, 50).await;
    let mut settings = (*here.shop.trial.context.settings).clone();
    settings.upp.virtual_accounts = "upp".into();
    let router = here.shop.beside(|context| context.settings = Arc::new(settings));
    let before = std::mem::replace(&mut here.shop.router, router);
    let open = |last: u64| json!({"msisdn": local(last).to_string(), "kind": "virtual", "payment_password": RIGHT});
    here.shop.post("/v1/accounts", "o-1", open(1)).await.problem(422, "account_not_found");
    here.upp.accounts.book.lock().set_purse(local(1), Purse { balance_fen: 5_000, reserved_fen: 0 });
    let opened = here.shop.post("/v1/accounts", "o-2", open(1)).await.is(201);
    let body = opened.json();
    assert_eq!((&body["kind"], body.get("balance")), (&json!("virtual"), None), "{body}");
    assert_eq!(here.shop.post("/v1/accounts", "o-2", open(1)).await.is(201).bytes, opened.bytes);
    let id = body["account_id"].as_str().unwrap().to_owned();
    let shown = here.shop.get(&format!("/v1/accounts/{id}")).await.is(200).json();
    assert!(shown.get("balance").is_none(), "{shown}");
    assert_eq!(here.balance(&old).await, "50.00");
    let top_up = json!({"method": "cash", "amount": "1.00", "agent_id": "a"});
    let told = here.shop.post(&format!("/v1/accounts/{id}/top-ups"), "t-1", top_up).await;
    told.problem(422, "account_kind_unsupported");
    here.upp.accounts.temper.behave(Manner { next: vec![Trouble::AnswerLost], ..Manner::default() });
    let product = here.shop.product(Scope::Local).await;
    // A purchase is reserved there, whose first answer is lost, and captured once it is delivered.
    let order = here.shop.post("/v1/orders", "b-1", purchase(1, &product)).await.is(201).json();
    let path = format!("/v1/orders/{}", order["order_id"].as_str().unwrap());
    let done = here.shop.ask(Asking::get(path).header("prefer", "wait=20")).await.is(200).json();
    assert_eq!((&done["status"], &done["calls"][0]["rail"]), (&json!("delivered"), &json!("upp")), "{done}");
    let settled = |state: &mpss_domain::State| state.calls().all(|call| call.phase.is_final()).then_some(());
    here.shop.trial.until("the capture", settled).await;
    assert_eq!(here.upp.accounts.book.lock().purse(local(1)), Some(Purse { balance_fen: 4_900, reserved_fen: 0 }));
    here.shop.router = before;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_from_before_the_payer_went_to_another_operator_is_at_home() {
    let here = Platform::open().await;
    let alice = here.shop.account(1, 100).await;
    let paid = here.pay("N1", 1, "virtual", 2_000).await;
    assert_eq!(paid.status, 201, "{paid:?}");
    for msisdn in [local(1), visitor(1)] {
        let verb = Verb::PortNumber { msisdn, operator: Operator::ChinaMobile, from: mpss_domain::LogTime(0) };
        assert_eq!(here.shop.trial.propose(verb).await.outcome, mpss_domain::Outcome::Done);
    }
    // Whoever has not heard of it asks again, and is told; what is new is refused.
    let again = here.pay("N1", 1, "virtual", 2_000).await;
    assert_eq!((again.status, &again.body["payment_id"]), (201, &paid.body["payment_id"]), "{again:?}");
    let new = here.pay("N2", 1, "virtual", 2_000).await;
    assert_eq!((new.status, &new.body["code"]), (422, &json!("foreign_operator")), "{new:?}");
    let back = here.about("N1", "reversal", 1, json!({"reversal_number": "V1", "reason": "r"})).await;
    assert_eq!((back.status, here.balance(&alice).await), (200, "100.00".to_owned()), "{back:?}");
    // And of another home it is asked there.
    here.shop.elsewhere.replies(Reply::Answers(201, vec![], json!({"order_id": "O1"}).to_string()));
    let mut body = payment(1, "virtual", 2_000);
    body["msisdn"] = json!(visitor(1).to_string());
    assert_eq!(here.run("N3", "payment", body).await.status, 201);
    assert_eq!(here.shop.elsewhere.calls().pop().unwrap().0.code(), 51);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_from_before_the_payer_moved_is_with_the_home_of_then() {
    let here = Platform::open().await;
    // Numbers of 51 come to be ours.
    let ranges = vec![range(local(0).prefix(), 44), range(visitor(0).prefix(), 44)];
    here.shop.trial.install_plan(9, ranges).await;
    let alice = here.shop.trial.open(visitor(1), Money::yuan(100)).await.to_string();
    let says = |status, body: Value| {
        here.shop.elsewhere.replies(Reply::Answers(
            status,
            vec![("content-type", "application/json")],
            body.to_string(),
        ));
    };
    let ask = async |number: &str, verb: &str, more: Value| {
        let mut body = json!({"msisdn": visitor(1).to_string()});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        here.run(number, verb, body).await
    };
    let wish = json!({
        "account_kind": "virtual", "amount_fen": 2_000, "title": "a flight", "payment_password": RIGHT,
    });
    let back = json!({"reversal_number": "V1", "reason": "no answer"});

    // Paid there: whatever is asked about it is answered there, and nothing happens here.
    says(200, json!({"order_number": "N1", "order_id": "O1", "status": "reversed", "amount_fen": 2_000}));
    for (verb, more) in [("payment", &wish), ("query", &json!({})), ("confirmation", &json!({})), ("reversal", &back)] {
        let told = ask("N1", verb, more.clone()).await;
        assert_eq!((told.status, &told.body["order_id"]), (200, &json!("O1")), "{verb}: {told:?}");
        let (to, door, call) = here.shop.elsewhere.calls().pop().unwrap();
        assert_eq!((to.code(), door), (51, PeerDoor::Public));
        assert_eq!((call.header("mpss-former-home"), call.header("mpss-signature").is_some()), (Some("1"), true));
    }
    let kept = || here.shop.trial.context.replica.read(|state| state.upp_orders().count());
    assert_eq!((kept(), here.balance(&alice).await), (0, "100.00".to_owned()));

    // Nobody knows what they have: it is not paid here, either.
    here.shop.elsewhere.replies(Reply::Fails(PeerError::Unknown));
    assert_eq!(ask("N2", "payment", wish.clone()).await.status, 504);
    assert_eq!((kept(), here.balance(&alice).await), (0, "100.00".to_owned()));

    // They never had it: it is paid here, and from then on they are not asked.
    says(422, json!({"code": "not_home", "status": 422}));
    assert_eq!(ask("N2", "payment", wish.clone()).await.status, 201);
    let asked = here.shop.elsewhere.calls().len();
    assert_eq!(ask("N2", "query", json!({})).await.body["status"], "captured");
    assert_eq!((here.shop.elsewhere.calls().len(), here.balance(&alice).await), (asked, "80.00".to_owned()));

    // They are of the older plan, and have forbidden what never came: so do we.
    says(200, json!({"order_number": "N3", "status": "reversed", "amount_fen": 0}));
    let told = ask("N3", "reversal", back).await;
    assert_eq!((told.status, &told.body["msisdn"]), (200, &json!(visitor(1).to_string())), "{told:?}");
    says(404, json!({"code": "upp_order_not_found", "status": 404}));
    assert_eq!(ask("N3", "payment", wish).await.body["code"], "already_reversed");
    assert_eq!(here.balance(&alice).await, "80.00");

    // They move back: as the home of before we answer for ourselves, and pay nothing that is new.
    here.shop.trial.install_plan(10, vec![range(local(0).prefix(), 44), range(visitor(0).prefix(), 51)]).await;
    let former = async |method: &'static str, target: String, body: &Value| {
        let bytes = if method == "GET" { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        let now = here.shop.trial.context.seams.clock.wall_ms();
        let signature = crate::channel::http::signed(&KEY, now, method, &target, &bytes);
        let asking = if method == "GET" { Asking::get(target) } else { Asking::post(target, "late", body) };
        here.shop.ask(asking.header("mpss-signature", signature).header("mpss-former-home", "1")).await
    };
    let told = former("GET", format!("/v1/upp/payments/N2?msisdn={}", visitor(1)), &Value::Null).await;
    assert_eq!(told.is(200).json()["status"], "captured");
    let mut late = payment(1, "virtual", 2_000);
    (late["msisdn"], late["order_number"]) = (json!(visitor(1).to_string()), json!("N4"));
    former("POST", "/v1/upp/payments".to_owned(), &late).await.problem(422, "not_home");
    assert_eq!(here.balance(&alice).await, "80.00");
}
