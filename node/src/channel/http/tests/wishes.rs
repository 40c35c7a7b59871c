//! A subscriber asks from our side for a card to be bound: the simulated bank is told over a socket, and answers at the
//! bank's door.

use super::*;
use crate::gateway::bank::notices::HttpBankNotices;
use crate::node::trial::{eventually, visitor};
use crate::simulator::bank::{HeardWish, WishAnswer, WishDesk, WishScenario, token_of};
use crate::supervision::Tree;
use mpss_domain::StateVersion;

const KEY: [u8; 32] = [9; 32];
const CARD: &str = "6222021234567890128";

/// A shop with a bank that answers wishes, and somebody who tells it.
struct Desk {
    shop: Shop,
    bank: WishDesk,
    _end: tokio::sync::watch::Sender<bool>,
    _actors: Tree,
}

impl Desk {
    async fn open() -> Self {
        let mut trial = Trial::start().await;
        trial.context.rails.bank_door_key = Some(KEY.as_slice().into());
        let [node, here] = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let url_of = |listener: &std::net::TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let (node_url, url) = (url_of(&node), format!("{}/bank/v1/notices", url_of(&here)));
        let notices = HttpBankNotices::new(&url, KEY.to_vec(), Duration::from_millis(300));
        trial.context.rails.bank_notices = Some(Arc::new(notices.unwrap()));
        trial.home = Home::new(trial.context.clone());
        trial.until("the version of wishes", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
        let actors = trial.actors().await;
        let bank = WishDesk::new(&node_url, KEY.to_vec()).unwrap();
        let shop = Shop::open_over(trial, |_| {});
        let (end, ended) = tokio::sync::watch::channel(false);
        tokio::spawn(crate::simulator::serve(node, shop.router.clone(), ended.clone()));
        tokio::spawn(crate::simulator::serve(here, bank.router(), ended));
        Self { shop, bank, _end: end, _actors: actors }
    }

    async fn ask(&self, last: u64, key: &str, card: &str) -> Told {
        self.shop.post("/v1/bindings", key, wish(last, card)).await
    }

    async fn show(&self, id: &str) -> Value {
        self.shop.get(&format!("/v1/bindings/{id}")).await.is(200).json()
    }

    /// Waits until a wish is so.
    async fn until(&self, id: &str, status: &str) -> Value {
        let wish = id.parse().unwrap();
        let is = |state: &mpss_domain::State| (state.wish(wish)?.status.name() == status).then_some(());
        self.shop.trial.until(status, is).await;
        let shown = self.show(id).await;
        assert_eq!(shown["status"], status, "{shown}");
        shown
    }

    async fn heard(&self, id: &str) -> HeardWish {
        eventually("the bank has heard", || self.bank.wish(id).is_some_and(|wish| wish.answered.is_some())).await;
        self.bank.wish(id).unwrap()
    }
}

fn wish(last: u64, card: &str) -> Value {
    json!({"msisdn": local(last).to_string(), "bank": "01020000", "card_number": card})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_asked_for_bound_by_the_bank_and_confirmed() {
    let desk = Desk::open().await;
    let asked = desk.ask(1, "ask", CARD).await.is(202);
    let body = asked.json();
    let id = body["wish_id"].as_str().unwrap().to_owned();
    assert_eq!(asked.header("location"), Some(&*format!("/v1/bindings/{id}")));
    assert_eq!((&body["status"], &body["card_last_four"]), (&json!("waiting"), &json!("0128")));
    let shown = desk.until(&id, "bound").await;
    let heard = desk.heard(&id).await;
    assert_eq!((heard.notices, heard.card.as_str()), (1, "622202*********0128"));
    assert_eq!(heard.answered.unwrap().status, 201);
    assert_eq!(desk.ask(1, "ask", CARD).await.is(202).bytes, asked.bytes, "the first answer again");
    desk.ask(1, "ask", "4111111111111111").await.problem(422, "duplicate_request");

    let (code, card) = desk.shop.trial.context.replica.read(|state| {
        let binding = state.waiting_binding(local(1)).unwrap();
        (binding.code, binding.card.clone())
    });
    assert_eq!((card.last_four.as_str(), card.token.as_str()), ("0128", token_of(CARD).as_str()));
    let confirm = json!({"msisdn": local(1).to_string(), "code": format!("{code:06}"), "payment_password": RIGHT});
    assert_eq!(desk.shop.post("/v1/bindings/confirm", "confirm", confirm).await.is(201).json()["kind"], "bank");
    let binding = shown["binding_id"].as_str().unwrap();
    eventually("the bank is told", || desk.bank.binding(binding).as_deref() == Some("active")).await;
    desk.ask(1, "again", CARD).await.problem(422, "account_exists");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_the_bank_does_not_bind_says_why_and_may_be_asked_for_again() {
    let desk = Desk::open().await;
    desk.bank.play(WishScenario { deaf: true, ..WishScenario::default() });
    let asked = desk.ask(1, "ask", CARD).await.is(202).json();
    let id = asked["wish_id"].as_str().unwrap();
    desk.ask(1, "more", CARD).await.problem(422, "wish_waits");
    assert_eq!(desk.show(id).await["status"], "waiting", "the bank does not listen yet");
    // It was told nothing, and is told until it listens.
    let refuses =
        WishScenario { answer: WishAnswer::Refuses, reason: "not_the_holder".into(), ..WishScenario::default() };
    desk.bank.play(refuses);
    let shown = desk.until(id, "refused").await;
    assert_eq!(shown["refused_because"], "not_the_holder");
    assert_eq!(desk.heard(id).await.answered.unwrap().status, 200);
    let shown = desk.shop.trial.context.replica.read(|state| {
        let wish = state.wishes().next().unwrap();
        (format!("{wish:?}"), wish.number.as_bytes().is_empty())
    });
    assert!(!shown.0.contains(CARD) && shown.1, "{shown:?}");

    desk.bank.play(WishScenario { answer: WishAnswer::Silent, ..WishScenario::default() });
    let again = desk.ask(1, "again", CARD).await.is(202).json();
    desk.until(again["wish_id"].as_str().unwrap(), "told").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_card_is_refused_and_never_repeated() {
    let desk = Desk::open().await;
    for (field, value, code) in [
        ("card_number", json!("6222021234567890129"), "invalid_value"),
        ("card_number", json!("62220212345"), "invalid_value"),
        ("card_number", json!("62220212345678901a8"), "invalid_value"),
        ("card_number", json!(6_222_021_234_567_890_128_u64), "wrong_type"),
        ("bank", json!("bank"), "invalid_text"),
        ("msisdn", json!("1"), "invalid_msisdn"),
    ] {
        let mut body = wish(1, CARD);
        body[field] = value.clone();
        let told = desk.shop.post("/v1/bindings", "bad", body).await;
        assert_eq!(told.problem(400, code).as_deref(), Some(field));
        let text = String::from_utf8_lossy(&told.bytes).into_owned();
        assert!(!text.contains("62220212345"), "{text}");
    }
    desk.shop.get("/v1/bindings/Q20260101120000000-44-00001").await.problem(404, "wish_not_found");
    // Who is at home elsewhere is asked there.
    let mut body = wish(1, CARD);
    body["msisdn"] = json!(visitor(1).to_string());
    desk.shop.post("/v1/bindings", "there", body).await.is(404);
    assert_eq!(desk.shop.elsewhere.calls().len(), 1);
    // Without a bank that is told there is nobody to ask; without a key nothing is sealed.
    let nobody = desk.shop.beside(|context| context.rails.bank_notices = None);
    ask(&nobody, Asking::post("/v1/bindings", "n", &wish(1, CARD))).await.problem(422, "rail_unavailable");
    let open = desk.shop.beside(|context| context.pins = None);
    ask(&open, Asking::post("/v1/bindings", "n", &wish(1, CARD))).await.problem(422, "vault_closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_bank_answers_a_wish() {
    let desk = Desk::open().await;
    let path = "/v1/bank/wishes/Q20260101120000000-44-00001/refusal";
    let body = json!({"reason": "not_said"});
    desk.shop.post(path, "u", body.clone()).await.problem(401, "bad_signature");
    let signed = |asking: Asking| {
        let at = desk.shop.trial.context.seams.clock.wall_ms();
        let signature = super::super::signed(&KEY, at, asking.method, &asking.path, &asking.body);
        asking.header("mpss-signature", signature)
    };
    desk.shop.ask(signed(Asking::post(path, "s", &body))).await.problem(404, "wish_not_found");
    let told = desk.shop.ask(signed(Asking::post(path, "w", &json!({"reason": "bored"})))).await;
    assert_eq!(told.problem(400, "invalid_choice").as_deref(), Some("reason"));
    let bind = json!({
        "msisdn": local(1).to_string(), "bank": "01020000", "card_token": token_of(CARD), "card_last_four": "0128",
        "mode": "real_time", "holder_checked": true, "wish_id": "Q20260101120000000-44-00001",
    });
    let told = desk.shop.ask(signed(Asking::post("/v1/bank/bindings", "b", &bind))).await;
    assert_eq!(told.problem(422, "wish_not_found").as_deref(), Some("wish_id"));
}
