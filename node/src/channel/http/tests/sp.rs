//! The doors of SPs: keys that the operator sets, signed requests, an SP's own orders, and what it reads by number.

use axum::http::HeaderValue;
use mpss_domain::sp_keys::SpKeyAlgorithm;
use mpss_domain::{Scope, StateVersion};

use super::*;
use crate::message_signature::{CONTENT_DIGEST, Message, SignKey, Signature, Signer, content_digest};

const HOST: &str = "node-1.example:8080";
/// What an SP must never be shown again, nor a disk hold.
const SECRET: &str = "7365637265742d6f662d74776f2d70617274696573";

/// An SP with a product, and the key it signs with.
struct Partner {
    sp: String,
    product: String,
    signer: Signer,
}

fn private(algorithm: SpKeyAlgorithm, byte: u8) -> SignKey {
    let bytes = if algorithm == SpKeyAlgorithm::HmacSha256 { hex::decode(SECRET).unwrap() } else { vec![byte; 32] };
    SignKey::new(algorithm, &bytes).unwrap()
}

/// What sets this key.
fn setting(id: &str, key: &SignKey) -> Value {
    let check = key.check_key();
    let mut body = json!({"key_id": id, "algorithm": check.algorithm().name()});
    match check.public_bytes() {
        Some(bytes) => body["public_key"] = json!(hex::encode(bytes)),
        None => body["secret"] = json!(SECRET),
    }
    body
}

impl Shop {
    async fn open_newest() -> Self {
        let shop = Self::open().await;
        shop.trial.until("the newest rules", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
        shop
    }

    fn wall_s(&self) -> u64 {
        self.trial.context.seams.clock.wall_ms() / 1_000
    }

    async fn set_key(&self, sp: &str, id: &str, key: &SignKey) -> Told {
        self.post(&format!("/v1/sps/{sp}/keys"), &format!("set-{sp}-{id}"), setting(id, key)).await
    }

    async fn partner(&self, algorithm: SpKeyAlgorithm, byte: u8) -> Partner {
        let product = self.product(Scope::Local).await;
        let id = product.parse().unwrap();
        let sp = self.trial.context.replica.read(|state| state.product(id).unwrap().terms().sp).to_string();
        let key = private(algorithm, byte);
        let told = self.set_key(&sp, "k1", &key).await.is(201).json();
        assert_eq!(told["signature_key_id"], format!("{sp}/k1"));
        Partner { signer: Signer { key_id: format!("{sp}/k1"), key }, sp, product }
    }

    /// Asks signed, now.
    async fn as_sp(&self, partner: &Partner, asking: Asking) -> Told {
        self.ask(self.sign(&partner.signer, asking)).await
    }

    fn sign(&self, signer: &Signer, asking: Asking) -> Asking {
        let signature = Signature::draw(self.wall_s(), &*self.trial.context.seams.random);
        sign(signer, asking, &signature)
    }

    async fn bought(&self, partner: &Partner, key: &str) -> String {
        let order = self.post("/v1/orders", key, purchase(1, &partner.product)).await.is(201).json();
        order["order_id"].as_str().unwrap().to_owned()
    }

    async fn events(&self, partner: &Partner, query: &str) -> Value {
        self.as_sp(partner, Asking::get(format!("/v1/sp/events{query}"))).await.is(200).json()
    }
}

fn sign(signer: &Signer, asking: Asking, signature: &Signature) -> Asking {
    let changes = asking.method != "GET";
    let mut asking = asking.header("host", HOST);
    if changes {
        let digest = content_digest(&asking.body);
        asking = asking.header(CONTENT_DIGEST, digest);
    }
    let headers: HeaderMap = asking
        .headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect();
    let (path, query) =
        asking.path.split_once('?').map_or((asking.path.as_str(), None), |(path, query)| (path, Some(query)));
    let message = Message { method: asking.method, scheme: "http", authority: HOST, path, query, headers: &headers };
    let covered: &[&str] = if changes {
        &["@method", "@target-uri", "content-type", CONTENT_DIGEST, "idempotency-key"]
    } else {
        &["@method", "@target-uri"]
    };
    let signed = signer.sign(&message, covered, signature);
    for name in ["signature-input", "signature"] {
        asking = asking.header(name, signed[name].to_str().unwrap());
    }
    asking
}

fn kinds(events: &Value) -> Vec<(u64, String)> {
    let events = events["events"].as_array().unwrap();
    let of = |event: &Value| (event["number"].as_u64().unwrap(), event["kind"].as_str().unwrap().to_owned());
    events.iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_set_listed_and_ended_and_no_secret_is_shown_or_kept() {
    let shop = Shop::open_newest().await;
    let partner = shop.partner(SpKeyAlgorithm::HmacSha256, 1).await;
    let sp = &partner.sp;
    let path = format!("/v1/sps/{sp}/keys");
    let ed25519 = private(SpKeyAlgorithm::Ed25519, 2);
    shop.set_key(sp, "k2", &ed25519).await.is(201);
    shop.set_key(sp, "k3", &private(SpKeyAlgorithm::Sm2Sm3, 3)).await.is(201);
    let isag = json!({"key_id": "isag", "algorithm": "isag-md5", "secret": "pass-word-1"});
    shop.post(&path, "isag", isag).await.is(201);
    let listed = shop.get(&path).await.is(200);
    let text = String::from_utf8(listed.bytes.to_vec()).unwrap();
    assert!(!text.contains(SECRET) && !text.contains("pass-word"), "{text}");
    let body = listed.json();
    let shown: Vec<_> =
        body["keys"].as_array().unwrap().iter().map(|key| (key["key_id"].clone(), key["status"].clone())).collect();
    assert_eq!(json!(shown), json!([["isag", "good"], ["k1", "good"], ["k2", "good"], ["k3", "good"]]));
    assert_eq!(body["keys"][2]["public_key"], setting("k2", &ed25519)["public_key"]);

    // The same again is the same; with other content it is not.
    let again = shop.set_key(sp, "k2", &ed25519).await.is(201);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    for (body, code, field) in [
        (json!({"key_id": "a/b", "algorithm": "ed25519"}), "invalid_id", "key_id"),
        (json!({"key_id": "k", "algorithm": "rsa"}), "invalid_choice", "algorithm"),
        (json!({"key_id": "k", "algorithm": "ed25519"}), "missing_field", "public_key"),
        (json!({"key_id": "k", "algorithm": "ed25519", "public_key": "00"}), "invalid_value", "public_key"),
        (json!({"key_id": "k", "algorithm": "sm2-sm3", "public_key": "04".repeat(65)}), "invalid_value", "public_key"),
        (json!({"key_id": "k", "algorithm": "ed25519", "secret": SECRET}), "conflicting_fields", "secret"),
        (json!({"key_id": "k", "algorithm": "hmac-sha256"}), "missing_field", "secret"),
        (json!({"key_id": "k", "algorithm": "hmac-sha256", "secret": "00"}), "invalid_value", "secret"),
        (json!({"key_id": "k", "algorithm": "isag-md5", "secret": "short"}), "invalid_value", "secret"),
        (json!({"key_id": "k", "algorithm": "hmac-sha256", "public_key": "00"}), "conflicting_fields", "public_key"),
        (
            json!({"key_id": "k", "algorithm": "ed25519", "public_key": "00", "good_from": "soon"}),
            "invalid_time",
            "good_from",
        ),
    ] {
        let told = shop.post(&path, "wrong", body).await;
        assert_eq!(told.problem(400, code).as_deref(), Some(field));
    }
    let other = setting("k2", &private(SpKeyAlgorithm::Ed25519, 9));
    shop.post(&path, "other", other).await.problem(422, "sp_key_exists");
    let mut past = setting("k9", &ed25519);
    past["good_until"] = json!("2020-01-01T00:00:00+08:00");
    shop.post(&path, "past", past).await.problem(422, "sp_key_period");

    let end = format!("{path}/end");
    shop.post(&end, "end", json!({"key_id": "k1"})).await.is(200);
    shop.post(&end, "end-2", json!({"key_id": "k1"})).await.problem(422, "sp_key_ended");
    shop.post(&end, "end-3", json!({"key_id": "nobody"})).await.problem(404, "sp_key_not_found");
    assert_eq!(shop.get(&path).await.is(200).json()["keys"][1]["status"], "ended");
    shop.get("/v1/sps/S20260101120000000-44-00001/keys").await.problem(404, "sp_not_found");

    // A node without the vault's key keeps no secret.
    let closed = shop.beside(|context| context.pins = None);
    let asking =
        Asking::post(path.clone(), "closed", &json!({"key_id": "k7", "algorithm": "hmac-sha256", "secret": SECRET}));
    ask(&closed, asking).await.problem(422, "secrets_closed");

    let bytes = what_is_left_of(shop).await;
    let clear = hex::decode(SECRET).unwrap();
    for secret in [clear.as_slice(), SECRET.as_bytes(), b"pass-word-1"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "a secret is on the disk in the clear");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sp_acts_on_its_own_orders_with_whatever_it_signs() {
    let shop = Shop::open_newest().await;
    shop.account(1, 100).await;
    let other = shop.partner(SpKeyAlgorithm::Ed25519, 77).await;
    for (place, algorithm) in
        [SpKeyAlgorithm::HmacSha256, SpKeyAlgorithm::Ed25519, SpKeyAlgorithm::Sm2Sm3].into_iter().enumerate()
    {
        let partner = shop.partner(algorithm, 10 + place as u8).await;
        let (first, second) =
            (shop.bought(&partner, &format!("a{place}")).await, shop.bought(&partner, &format!("b{place}")).await);
        let path = |order: &str, what: &str| format!("/v1/sp/orders/{order}{what}");
        let shown = shop.as_sp(&partner, Asking::get(path(&first, ""))).await.is(200).json();
        assert_eq!((&shown["status"], &shown["amount"]), (&json!("delivering"), &json!("1.00")));
        assert!(shown["msisdn_masked"].as_str().unwrap().contains('*') && shown.get("msisdn").is_none(), "{shown}");

        let accept = Asking::post(path(&first, "/delivery"), "deliver", &json!({"result": "accepted"}));
        assert_eq!(shop.as_sp(&partner, accept).await.is(200).json()["status"], "delivered");
        let refund =
            || Asking::post(path(&first, "/refunds"), "refund", &json!({"amount": "0.40", "reason": "broken"}));
        let refunded = shop.as_sp(&partner, refund()).await.is(201);
        let body = refunded.json();
        assert_eq!((&body["status"], &body["order"]["refunded"]), (&json!("refunded"), &json!("0.40")));
        // The same request under a new signature is the same request.
        let again = shop.as_sp(&partner, refund()).await.is(201);
        assert_eq!((again.header("idempotent-replayed"), &again.bytes), (Some("true"), &refunded.bytes));
        let more = Asking::post(path(&first, "/refunds"), "more", &json!({"amount": "0.61", "reason": "broken"}));
        shop.as_sp(&partner, more).await.problem(422, "refund_exceeds_paid");
        let reversal = || Asking::post(path(&second, "/reversal"), "reverse", &json!({"reason": "sold out"}));
        assert_eq!(shop.as_sp(&partner, reversal()).await.is(200).json()["status"], "reversed");

        // What became of a request is asked by its id; nothing is known of one that was never made.
        let request = |id: &str| Asking::get(format!("/v1/sp/requests/{id}"));
        let known = shop.as_sp(&partner, request("refund")).await.is(200).json();
        assert_eq!(
            (&known["status"], &known["order_id"], &known["refund_id"]),
            (&json!("done"), &json!(first), &body["refund_id"])
        );
        let known = shop.as_sp(&partner, request("more")).await.is(200).json();
        assert_eq!((&known["status"], &known["refused_because"]), (&json!("refused"), &json!("refund_exceeds_paid")));
        shop.as_sp(&partner, request("never")).await.problem(404, "request_not_found");
        shop.as_sp(&other, request("refund")).await.problem(404, "request_not_found");

        // Another SP's order is not there, whatever is asked about it.
        for asking in [
            Asking::get(path(&first, "")),
            Asking::post(path(&first, "/refunds"), "theirs", &json!({"amount": "0.10", "reason": "mine"})),
            Asking::post(path(&first, "/reversal"), "theirs", &json!({"reason": "mine"})),
            Asking::post(path(&first, "/delivery"), "theirs", &json!({"result": "refused"})),
            Asking::get(path("O20260101120000000-51-00001", "")),
        ] {
            shop.as_sp(&other, asking).await.problem(404, "order_not_found");
        }
        assert_eq!(shop.events(&other, "").await["last_number"], 0);
        // Their request ids are their own: this one was used by each of the three.
        assert!(place == 0 || shop.as_sp(&partner, reversal()).await.header("idempotent-replayed").is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_signature_is_named_and_nothing_happens() {
    let shop = Shop::open_newest().await;
    shop.account(1, 100).await;
    let partner = shop.partner(SpKeyAlgorithm::Ed25519, 5).await;
    let other = shop.partner(SpKeyAlgorithm::Ed25519, 6).await;
    let order = shop.bought(&partner, "o").await;
    let reversal = || Asking::post(format!("/v1/sp/orders/{order}/reversal"), "r", &json!({"reason": "no"}));
    let now = shop.wall_s();
    let at =
        |created_s| sign(&partner.signer, reversal(), &Signature { created_s, nonce: format!("nonce-{created_s}") });
    let by = |key_id: &str, byte, algorithm| {
        let signer = Signer { key_id: key_id.to_owned(), key: private(algorithm, byte) };
        shop.sign(&signer, reversal())
    };
    let good = || shop.sign(&partner.signer, reversal());
    let digest = shop.digest();
    let (own, unknown, theirs) =
        (format!("{}/k1", partner.sp), format!("{}/k2", partner.sp), format!("{}/k1", other.sp));
    let input = good().headers.iter().find(|(name, _)| *name == "signature-input").unwrap().1.clone();
    for (asking, status, code, field) in [
        (reversal(), 401, "signature_missing", "signature-input"),
        (good().without("signature"), 401, "signature_missing", "signature-input"),
        (good().header("signature", "x".repeat(9_000)), 431, "signature_too_large", "signature-input"),
        (good().header("signature-input", "nonsense ="), 401, "signature_malformed", "signature-input"),
        (
            good().header("signature-input", input.replace(" \"content-digest\"", "")),
            401,
            "signature_incomplete",
            "content-digest",
        ),
        (good().header("signature-input", input.replace("\"@method\" ", "")), 401, "signature_incomplete", "@method"),
        (at(now - 400), 401, "signature_expired", "created"),
        (at(now + 400), 401, "signature_from_future", "created"),
        (good().without("content-digest"), 401, "digest_missing", "content-digest"),
        (good().body(br#"{"reason": "nO"}"#.to_vec()), 401, "digest_mismatch", "content-digest"),
        (by("nonsense", 5, SpKeyAlgorithm::Ed25519), 401, "unknown_key", "keyid"),
        (by(&unknown, 5, SpKeyAlgorithm::Ed25519), 401, "unknown_key", "keyid"),
        (by(&own, 5, SpKeyAlgorithm::Sm2Sm3), 401, "algorithm_mismatch", "alg"),
        (by(&own, 6, SpKeyAlgorithm::Ed25519), 401, "signature_wrong", "signature"),
        (by(&theirs, 5, SpKeyAlgorithm::Ed25519), 401, "signature_wrong", "signature"),
        (good().header("host", "node-2.example:8080"), 401, "signature_wrong", "signature"),
        (good().header("idempotency-key", "r-2"), 401, "signature_wrong", "signature"),
    ] {
        let told = shop.ask(asking).await;
        assert_eq!(told.problem(status, code).as_deref(), Some(field), "{code}");
    }
    assert_eq!(shop.digest(), digest, "nothing happened");

    // A signature is good once; the same request is good again under a new one.
    let signed = good();
    shop.ask(signed.clone()).await.is(200);
    shop.ask(signed.clone()).await.problem(401, "signature_replayed");
    // At another node it is the same request, and is answered the same.
    let beside = shop.beside(|_| {});
    let told = ask(&beside, signed.clone()).await.is(200);
    assert_eq!(told.header("idempotent-replayed"), Some("true"));
    ask(&beside, signed).await.problem(401, "signature_replayed");

    // A key in its time, one after the other, and none once it was ended.
    let mut later = setting("k5", &private(SpKeyAlgorithm::Ed25519, 8));
    later["good_from"] = json!("2199-01-01T00:00:00+08:00");
    shop.post(&format!("/v1/sps/{}/keys", partner.sp), "later", later).await.is(201);
    shop.ask(by(&format!("{}/k5", partner.sp), 8, SpKeyAlgorithm::Ed25519)).await.problem(401, "key_not_good");
    let second = Signer { key_id: format!("{}/k6", partner.sp), key: private(SpKeyAlgorithm::Sm2Sm3, 7) };
    shop.set_key(&partner.sp, "k6", &second.key).await.is(201);
    for signer in [&partner.signer, &second] {
        shop.ask(shop.sign(signer, Asking::get(format!("/v1/sp/orders/{order}")))).await.is(200);
    }
    shop.post(&format!("/v1/sps/{}/keys/end", partner.sp), "end", json!({"key_id": "k1"})).await.is(200);
    shop.ask(good()).await.problem(401, "key_not_good");
    shop.ask(shop.sign(&second, Asking::get(format!("/v1/sp/orders/{order}")))).await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_concerns_an_sp_is_read_on_from_any_number() {
    let shop = Shop::open_newest().await;
    shop.account(1, 100).await;
    let partner = shop.partner(SpKeyAlgorithm::HmacSha256, 1).await;
    let none = shop.events(&partner, "").await;
    assert_eq!(none, json!({"events": [], "last_number": 0}));
    let order = shop.bought(&partner, "o1").await;
    let accept = Asking::post(format!("/v1/sp/orders/{order}/delivery"), "d", &json!({"result": "accepted"}));
    shop.as_sp(&partner, accept).await.is(200);
    let refund = Asking::post(format!("/v1/sp/orders/{order}/refunds"), "f", &json!({"amount": "0.40", "reason": "x"}));
    shop.as_sp(&partner, refund).await.is(201);
    let gone = shop.bought(&partner, "o2").await;
    let reason = json!({"reason": "the subscriber asked"});
    shop.post(&format!("/v1/orders/{gone}/reversal"), "v", reason).await.is(200);

    let all = shop.events(&partner, "").await;
    let expected = ["deliver", "delivered", "refunded", "deliver", "cancelled", "reversed"];
    let numbered: Vec<_> = (1..).zip(expected.map(str::to_owned)).collect();
    assert_eq!((kinds(&all), &all["last_number"]), (numbered.clone(), &json!(6)));
    assert_eq!((&all["events"][2]["amount"], &all["events"][2]["order_id"]), (&json!("0.40"), &json!(order)));
    let cancelled = &all["events"][4];
    assert_eq!((&cancelled["reason"], &cancelled["was_delivered"]), (&json!("requested"), &json!(false)));
    // In pieces, and from an old number once more: the same.
    for after in 0..=6 {
        let rest = shop.events(&partner, &format!("?after={after}&limit=2")).await;
        assert_eq!(kinds(&rest), numbered[after..(after + 2).min(6)], "{after}");
    }
    let problem = shop.as_sp(&partner, Asking::get("/v1/sp/events?after=7")).await;
    assert_eq!(problem.problem(400, "invalid_cursor").as_deref(), Some("after"));
    for query in ["?after=x", "?after=-1", "?limit=0", "?limit=1001"] {
        shop.as_sp(&partner, Asking::get(format!("/v1/sp/events{query}"))).await.problem(400, "out_of_range");
    }

    // Who waits hears of the next at once.
    let waiting = Asking::get("/v1/sp/events?after=6").header("prefer", "wait=30");
    let waiting = shop.as_sp(&partner, waiting);
    let buying = async {
        shop.bought(&partner, "o3").await;
    };
    let (heard, ()) = futures::join!(waiting, buying);
    let heard = heard.is(200);
    assert_eq!(heard.header("preference-applied"), Some("wait=30"));
    assert_eq!(kinds(&heard.json()), [(7, "deliver".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sp_gives_prizes_for_bets_of_its_own() {
    let shop = Shop::open_newest().await;
    shop.account(1, 10).await;
    let (partner, other) =
        (shop.partner(SpKeyAlgorithm::Sm2Sm3, 1).await, shop.partner(SpKeyAlgorithm::Sm2Sm3, 2).await);
    let bet = shop.bought(&partner, "bet").await;
    let accept = Asking::post(format!("/v1/sp/orders/{bet}/delivery"), "d", &json!({"result": "accepted"}));
    shop.as_sp(&partner, accept).await.is(200);
    for sp in [&partner.sp, &other.sp] {
        let body = json!({"amount": "100.00", "direction": "in", "by": "finance-07"});
        shop.post(&format!("/v1/sps/{sp}/prize-pool"), &format!("fund-{sp}"), body).await.is(200);
    }
    let award = || {
        let body = json!({
            "reference": "L-1", "order_id": bet, "msisdn": local(1).to_string(), "prize": "5.00",
            "account_kind": "virtual", "by": "clerk",
        });
        Asking::post("/v1/sp/awards", "award", &body)
    };
    shop.as_sp(&other, award()).await.problem(422, "not_a_bet");
    let made = shop.as_sp(&partner, award()).await.is(201);
    let id = made.json()["award_id"].as_str().unwrap().to_owned();
    let path = made.header("location").unwrap().to_owned();
    assert_eq!(shop.as_sp(&partner, Asking::get(path.clone())).await.is(200).json()["status"], "accepted");
    shop.as_sp(&other, Asking::get(path)).await.problem(404, "award_not_found");
    let known = shop.as_sp(&partner, Asking::get("/v1/sp/requests/award")).await.is(200).json();
    assert_eq!(known["award_id"], id);
    let told = shop.events(&partner, "?after=2").await;
    assert_eq!((kinds(&told), &told["events"][0]["award_id"]), (vec![(3, "award_accepted".to_owned())], &json!(id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sp_that_asks_without_end_is_told_to_slow_down() {
    let trial = Trial::start_with(|settings| settings.sp.requests_per_second = 1).await;
    let shop = Shop::open_over(trial, |_| {});
    shop.trial.until("the newest rules", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
    let partner = shop.partner(SpKeyAlgorithm::Ed25519, 1).await;
    let other = shop.partner(SpKeyAlgorithm::Ed25519, 2).await;
    let mut taken = 0;
    let refused = loop {
        let told = shop.as_sp(&partner, Asking::get("/v1/sp/events")).await;
        if told.status != 200 {
            break told;
        }
        taken += 1;
    };
    refused.problem(429, "too_many_requests");
    assert!(taken >= 2, "a burst of two seconds' requests passes");
    // Who only says that it is this SP uses up nothing of what the SP may ask.
    let forger = Signer { key_id: partner.signer.key_id.clone(), key: private(SpKeyAlgorithm::Ed25519, 9) };
    for _ in 0..20 {
        let told = shop.ask(shop.sign(&forger, Asking::get("/v1/sp/events"))).await;
        told.problem(401, "signature_wrong");
    }
    shop.as_sp(&other, Asking::get("/v1/sp/events")).await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_own_keys_are_shown_without_what_is_secret() {
    let shop = Shop::open_newest().await;
    assert_eq!(shop.get("/v1/keys").await.is(200).json(), json!({"keys": []}));
    let trial = Trial::start_with(|settings| {
        settings.sp.notice_key = "5c".repeat(32);
        settings.sp.published_key = "5d".repeat(32);
        settings.sp.notice_algorithm = "sm2-sm3".to_owned();
    });
    let shop = Shop::open_over(trial.await, |_| {});
    let told = shop.get("/v1/keys").await.is(200);
    let text = String::from_utf8(told.bytes.to_vec()).unwrap();
    assert!(!text.contains("5c5c") && !text.contains("5d5d"), "{text}");
    let body = told.json();
    let statuses: Vec<_> = body["keys"].as_array().unwrap().iter().map(|key| key["status"].clone()).collect();
    assert_eq!(json!(statuses), json!(["signs", "published"]));
    assert_ne!(body["keys"][0]["key_id"], body["keys"][1]["key_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_sp_begins_waits_for_the_subscribers_word_and_its_end_is_told() {
    let shop = Shop::open_newest().await;
    shop.account(1, 100).await;
    let (partner, other) =
        (shop.partner(SpKeyAlgorithm::Ed25519, 1).await, shop.partner(SpKeyAlgorithm::Ed25519, 2).await);
    let charge = |product: &str, key: &str, reserve: bool| {
        let body = json!({
            "msisdn": local(1).to_string(), "product_id": product, "quantity": 2, "reserve": reserve,
        });
        Asking::post("/v1/sp/charges", key, &body)
    };
    shop.as_sp(&other, charge(&partner.product, "theirs", false)).await.problem(422, "product_not_found");
    let asked = shop.as_sp(&partner, charge(&partner.product, "c1", false)).await.is(201);
    let body = asked.json();
    assert_eq!((&body["status"], &body["amount"]), (&json!("awaiting_confirmation"), &json!("2.00")));
    let again = shop.as_sp(&partner, charge(&partner.product, "c1", false)).await.is(201);
    assert_eq!((again.header("idempotent-replayed"), &again.bytes), (Some("true"), &asked.bytes));
    let order = body["order_id"].as_str().unwrap().to_owned();
    let known = shop.as_sp(&partner, Asking::get("/v1/sp/requests/c1")).await.is(200).json();
    assert_eq!(known["order_id"], json!(order));
    let code = shop.code_sent();
    shop.post("/v1/confirmations", "yes", confirmations::word(1, &code, "agree")).await.is(201);
    let shown = shop.as_sp(&partner, Asking::get(asked.header("location").unwrap())).await.is(200).json();
    assert_eq!(shown["status"], "delivering");

    // Set aside first, then charged in part.
    let first = shop.as_sp(&partner, charge(&partner.product, "c2", true)).await.is(201);
    let asked = first.json();
    let reserved = asked["order_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/sp/orders/{reserved}/charge");
    let part = || Asking::post(path.clone(), "part", &json!({"quantity": 1}));
    shop.as_sp(&other, part()).await.problem(404, "order_not_found");
    let code = shop.code_sent();
    shop.post("/v1/confirmations", "yes-2", confirmations::word(1, &code, "agree")).await.is(201);
    let charged = shop.as_sp(&partner, part()).await.is(200).json();
    assert_eq!((&charged["status"], &charged["amount"]), (&json!("delivering"), &json!("1.00")));
    let again = shop.as_sp(&partner, charge(&partner.product, "c2", true)).await.is(201);
    assert_eq!(again.bytes, first.bytes, "the first answer, whatever was charged since");

    let asked = shop.as_sp(&partner, charge(&partner.product, "c3", false)).await.is(201).json();
    let code = shop.code_sent();
    shop.post("/v1/confirmations", "no", confirmations::word(1, &code, "refuse")).await.is(201);
    // Asked from behind the third, it is waited for: the read side is fed a moment after the log.
    let waited = Asking::get("/v1/sp/events?after=3").header("prefer", "wait=20");
    shop.as_sp(&partner, waited).await.is(200);
    let events = shop.events(&partner, "").await;
    let told: Vec<_> = kinds(&events).into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(told, ["deliver", "reserved", "deliver", "declined"]);
    assert_eq!(
        (&events["events"][3]["order_id"], &events["events"][3]["reason"]),
        (&asked["order_id"], &json!("confirmation_refused"))
    );
}

/// What a file of goods came to: what was taken, and line, code and field of what was refused.
fn of_file(told: &Told) -> (Vec<u64>, Vec<(u64, String, String)>) {
    assert_eq!(told.status, 200, "{}", String::from_utf8_lossy(&told.bytes));
    let text = String::from_utf8(told.bytes.to_vec()).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.pop().unwrap().get("taken").is_some(), "the counts come last: {text}");
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or("-").to_owned();
    let (taken, refused): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.get("product_id").is_some());
    let number = |line: &&Value| line["line"].as_u64().unwrap();
    let refused = refused.iter().map(|line| (number(line), text(line, "refused"), text(line, "field"))).collect();
    (taken.iter().map(number).collect(), refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sp_uploads_its_own_goods_and_nobody_elses() {
    let shop = Shop::open_newest().await;
    let partner = shop.partner(SpKeyAlgorithm::Ed25519, 1).await;
    let stranger = shop.partner(SpKeyAlgorithm::Ed25519, 2).await;
    let body = json!({"title": "a ticket", "application": "ticketing", "scope": "local", "price": "3.00"});
    let upload = |key: &str| Asking::post("/v1/sp/products", key, &body);
    let first = shop.as_sp(&partner, upload("one")).await.is(201).json();
    assert_eq!((&first["sp_id"], &first["status"]), (&json!(partner.sp), &json!("in_review")), "{first}");
    assert_eq!(first["uploaded_by"], format!("sp:{}", partner.sp));
    let again = shop.as_sp(&partner, upload("one")).await.is(201).json();
    assert_eq!(again["product_id"], first["product_id"], "the same request makes nothing twice");
    let others = shop.as_sp(&stranger, upload("one")).await.is(201).json();
    assert_ne!(others["product_id"], first["product_id"], "request ids of two SPs never meet");
    shop.ask(upload("unsigned")).await.problem(401, "signature_missing");
    let named =
        json!({"sp_id": stranger.sp, "title": "a", "application": "ticketing", "scope": "local", "price": "3.00"});
    shop.as_sp(&partner, Asking::post("/v1/sp/products", "named", &named)).await.problem(400, "unknown_field");

    let file = format!(
        "reference,title,application,scope,price,sp_id\n\
         r1,one,ticketing,local,1.00,\n\
         r2,two,ticketing,local,1.0.0,\n\
         r3,three,ticketing,local,2.00,{}\n\
         r4,four,ticketing,local,2.00,{}\n",
        partner.sp, stranger.sp,
    );
    let send = |key: &str| {
        let asking = Asking::post("/v1/sp/product-files", key, &json!({})).header("content-type", "text/csv");
        asking.body(file.clone())
    };
    let expected = (
        vec![2, 4],
        vec![(3, "invalid_amount".to_owned(), "price".to_owned()), (5, "sp_not_found".to_owned(), "sp_id".to_owned())],
    );
    let count = || shop.trial.context.replica.read(|state| state.products().count());
    let told = shop.as_sp(&partner, send("file")).await;
    assert_eq!(of_file(&told), expected);
    let before = count();
    let told = shop.as_sp(&partner, send("sent-again")).await;
    assert_eq!((of_file(&told), count()), (expected, before), "the same file makes nothing twice");
    shop.ask(send("unsigned")).await.problem(401, "signature_missing");
}
