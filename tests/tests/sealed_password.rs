//! A payment password that is typed in a province visited is nowhere to be found there in the clear, nor between the
//! provinces: not on disk, not in what the node writes about itself at its most talkative, not on the wire.
//!
//! Six digits are soon found by chance among timestamps and identities, so what counts as found is told exactly: see
//! [`Form`].

#![allow(clippy::expect_used, reason = "a test")]
#![allow(clippy::print_stdout, reason = "what was searched is what is to be shown")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mpss_tests::client::{Answer, Ask, yuan};
use mpss_tests::country::{Country, CountryPlan, NATIONAL, SeenAt};
use mpss_tests::seeded::Seeded;
use mpss_tests::trade::{Errand, Goods, Kind, Record, Trade};
use mpss_tests::{binary, number_table, patience};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// None of them is tried first by whoever guesses, and no two are near each other.
const PASSWORDS: [&str; 8] = ["838291", "190573", "746028", "502917", "369184", "617405", "284736", "951062"];
/// As much alike, and typed nowhere: what is found of these is found by chance.
const NEVER_TYPED: [&str; 8] = ["838219", "190537", "746082", "502971", "369148", "617450", "284763", "951026"];
const PRICE: i64 = 1_250;
const MONEY: i64 = 100_000;
const BOUND: Duration = Duration::from_secs(60);

/// How digits may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As text of its own: no letter or digit at either side, and no fraction of a second.
    Ascii,
    Utf16Le,
    Utf16Be,
    /// As text whose letters are escaped: `\u0038…`.
    JsonEscaped,
    /// Two digits a byte. Three bytes are found by chance in a few megabytes.
    Bcd,
    /// As numbers 0 to 9, a byte each.
    Digits,
}

impl Form {
    const ALL: [Self; 6] = [Self::Ascii, Self::Utf16Le, Self::Utf16Be, Self::JsonEscaped, Self::Bcd, Self::Digits];

    fn bytes(self, digits: &str) -> Vec<u8> {
        let plain = digits.as_bytes();
        match self {
            Self::Ascii => plain.to_vec(),
            Self::Utf16Le => plain.iter().flat_map(|digit| [*digit, 0]).collect(),
            Self::Utf16Be => plain.iter().flat_map(|digit| [0, *digit]).collect(),
            Self::JsonEscaped => plain.iter().flat_map(|digit| format!("\\u{digit:04x}").into_bytes()).collect(),
            Self::Bcd => plain.chunks(2).map(|pair| (pair[0] - b'0') << 4 | (pair[1] - b'0')).collect(),
            Self::Digits => plain.iter().map(|digit| digit - b'0').collect(),
        }
    }

    /// Where `digits` stand in `text`.
    fn find(self, text: &[u8], digits: &str) -> Option<usize> {
        let wanted = self.bytes(digits);
        let places = text.windows(wanted.len()).enumerate().filter(|(_, window)| **window == wanted);
        let mut places = places.map(|(at, _)| at).filter(|at| {
            let before = at.checked_sub(1).map(|before| text[before]);
            let after = text.get(at + wanted.len());
            self != Self::Ascii
                || !(before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
                    || after.is_some_and(u8::is_ascii_alphanumeric))
        });
        places.next()
    }
}

/// What was found of `passwords` in `text`.
fn found<'a>(text: &[u8], passwords: &[&'a str], form: Form) -> Vec<&'a str> {
    passwords.iter().copied().filter(|digits| form.find(text, digits).is_some()).collect()
}

/// Fails when any password stands in `text`. Of two digits a byte half of them have to: a leak has all.
fn holds_none(what: &str, text: &[u8]) {
    for form in Form::ALL {
        let typed = found(text, &PASSWORDS, form);
        let by_chance = found(text, &NEVER_TYPED, form);
        let allowed = if form == Form::Bcd { PASSWORDS.len() / 2 } else { 0 };
        let shown = typed.first().and_then(|digits| {
            let at = form.find(text, digits)?;
            Some(String::from_utf8_lossy(&text[at.saturating_sub(80)..text.len().min(at + 80)]).into_owned())
        });
        assert!(typed.len() <= allowed, "{what} holds {typed:?} as {form:?} (by chance: {by_chance:?}): {shown:?}");
    }
    println!("{what}: {} bytes, none of {} passwords in {} forms", text.len(), PASSWORDS.len(), Form::ALL.len());
}

/// Everything that went over the wire between two provinces, both ways.
type Wire = Arc<Mutex<Vec<u8>>>;

/// A door at which everything that passes is recorded.
async fn recording_door(leads_to: SocketAddr, wire: Wire) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let wire = Arc::clone(&wire);
            tokio::spawn(async move {
                let Ok(far) = TcpStream::connect(leads_to).await else { return };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::join!(pass(near_in, far_out, Arc::clone(&wire)), pass(far_in, near_out, wire));
            });
        }
    });
    address
}

async fn pass(mut from: tokio::net::tcp::OwnedReadHalf, mut to: tokio::net::tcp::OwnedWriteHalf, wire: Wire) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        wire.lock().expect("whole").extend_from_slice(&bytes[..length]);
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// Every byte below a folder.
fn all_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { bytes.extend(std::fs::read(path).expect("a file")) }
        }
    }
    bytes
}

fn order_of(key: &str, msisdn: &str, product: &str, password: &str, more: &Value) -> Ask {
    let mut body = json!({
        "msisdn": msisdn, "product_id": product, "quantity": 1, "account_kind": "virtual", "payment_password": password,
        "channel": "app",
    });
    let more = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(more);
    Ask::post("/v1/orders", key, body)
}

/// Opens an account with a password of its own and puts money in.
async fn open(trade: Trade<'_>, msisdn: &str, password: &str) {
    let body = json!({ "msisdn": msisdn, "kind": "virtual", "payment_password": password });
    let account = trade.must("51", &Ask::post("/v1/accounts", format!("open-{msisdn}"), body)).await.text("account_id");
    let body = json!({ "method": "cash", "amount": yuan(MONEY), "agent_id": "agent-1" });
    trade.must("51", &Ask::post(format!("/v1/accounts/{account}/top-ups"), format!("cash-{msisdn}"), body)).await;
}

async fn bought(trade: Trade<'_>, serving: &str, ask: Ask) -> Answer {
    let answer = patience::until("the order is taken", BOUND, async || {
        let answer = trade.run(serving, Errand { ask: ask.clone(), kind: Kind::Purchase { sp_accepts: true } }).await?;
        // Until every replica of the home province takes sealed passwords, its key is not given out.
        if answer.code() == "seal_key_unavailable" { Err(answer.body.to_string()) } else { Ok(answer) }
    })
    .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer
}

async fn country(wire: &Wire) -> Country {
    let plan = CountryPlan::new(binary::mpss(), &["44", "51"], 1)
        .replicas(NATIONAL, 1)
        .setting("door", "subscriber_requests_per_second = 0")
        .setting("telemetry", "log = \"trace\"")
        .setting("replication", "snapshot_log_bytes = 1048576\nsegment_bytes = 1048576")
        .setting("seal", "clear = \"refused\"");
    let country = Country::placed(plan);
    let mut doors = std::collections::BTreeMap::new();
    for callee in country.nodes() {
        let peer = recording_door(callee.peer, Arc::clone(wire)).await;
        let public = recording_door(callee.public, Arc::clone(wire)).await;
        doors.insert(callee.name().to_owned(), SeenAt { public, peer, raft: callee.raft });
    }
    country
        .found(&|caller, callee| {
            if caller.province == callee.province { callee.listens() } else { doors[callee.name()] }
        })
        .await;
    country
}

#[test]
fn a_password_typed_in_another_province_is_nowhere_in_the_clear() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let wire = Wire::default();
        let country = country(&wire).await;
        let record = Record::default();
        let trade = Trade::new(&country, &record);
        let sp = trade.admit_sp("44", "sealed").await;
        let product = trade.publish("44", &Goods::new(&sp, "for visitors", "roaming", PRICE)).await;
        let national_sp = trade.admit_sp(NATIONAL, "sealed").await;
        let for_all = trade.publish(NATIONAL, &Goods::new(&national_sp, "for all", "national", PRICE)).await;
        let mut seeded = Seeded::new(11).fork("sealed");
        let mut visitors = Vec::new();
        for (number, password) in PASSWORDS.iter().enumerate() {
            let msisdn = number_table::subscriber_of("51", &mut seeded);
            open(trade, &msisdn, password).await;
            let here = json!({ "location": "44" });
            let ask = order_of(&format!("roaming-{number}"), &msisdn, &product, password, &here);
            let order = bought(trade, "44", ask).await.text("order_id");
            patience::until("it is delivered", BOUND, async || {
                let order = trade.order("44", &order, 1).await?;
                if order.text("status") == "delivered" { Ok(()) } else { Err(order.body.to_string()) }
            })
            .await;
            bought(trade, NATIONAL, order_of(&format!("national-{number}"), &msisdn, &for_all, password, &here)).await;
            visitors.push(msisdn);
        }
        // A wrong password is a password too: the home province says so, having opened it.
        let wrong = order_of("wrong", &visitors[0], &product, PASSWORDS[1], &json!({ "location": "44" }));
        let answer = trade.run("44", Errand { ask: wrong, kind: Kind::Purchase { sp_accepts: true } }).await;
        assert_eq!(answer.expect("answered").code(), "wrong_password");

        let written = wire.lock().expect("whole").clone();
        let sealed = written.windows(15).filter(|window| *window == b"sealed_password").count();
        assert!(sealed > 2 * PASSWORDS.len(), "{sealed} sealed passwords passed the recording doors");
        holds_none("the wire between provinces", &written);
        for province in ["44", NATIONAL] {
            for node in country.nodes_of(province) {
                node.process.terminate();
                assert_eq!(node.process.ended(BOUND).await.code(), Some(0));
                let log = node.process.log();
                assert!(log.contains("TRACE"), "{} writes everything it knows", node.name());
                holds_none(&format!("what {} wrote of itself", node.name()), log.as_bytes());
                let data = all_below(&node.data_dir);
                assert!(visitors.iter().any(|msisdn| found_number(&data, msisdn)), "the search finds what is there");
                holds_none(&format!("the folder of {}", node.name()), &data);
            }
        }
    });
}

/// A subscriber's number is where the password is not: as text or as a whole number.
fn found_number(data: &[u8], msisdn: &str) -> bool {
    let number: u64 = msisdn.parse().expect("digits");
    let as_bytes = [number.to_le_bytes().to_vec(), number.to_be_bytes().to_vec(), msisdn.as_bytes().to_vec()];
    as_bytes.iter().any(|wanted| data.windows(wanted.len()).any(|window| window == wanted))
}

#[test]
fn the_search_finds_a_password_in_every_form_and_tells_chance_from_a_leak() {
    for form in Form::ALL {
        let text = [b"\x00\xff ".to_vec(), form.bytes(PASSWORDS[3]), b" \x00".to_vec()].concat();
        assert_eq!(form.find(&text, PASSWORDS[3]), Some(3), "{form:?}");
        assert_eq!(found(&text, &NEVER_TYPED, form), Vec::<&str>::new(), "{form:?}");
    }
    for chance in ["16:00:34.502917Z", "O2026112750291700", "ab502917cd", "5029171"] {
        assert_eq!(Form::Ascii.find(chance.as_bytes(), PASSWORDS[3]), None, "{chance}");
    }
    for leak in ["\"payment_password\":\"502917\"", "502917", "password=502917&", "[502917]"] {
        assert!(Form::Ascii.find(leak.as_bytes(), PASSWORDS[3]).is_some(), "{leak}");
    }
}
