//! Virtual accounts that a simulated UPP keeps, and what became of every key.
//!
//! It has no account until it is told of one. A key is done once, whatever is repeated, late or out of order; a
//! reservation that was released before it came is refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use mpss_domain::Msisdn;
use mpss_runtime::BoxFuture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::keys::{Keys, Whose};
use super::manner::{Fate, Temper};
use super::signed::Signed;
use super::{at_once, over_http};
use crate::gateway::rail::Lost;
use crate::gateway::upp_account::{UppAccount, UppAnswer, UppCall, UppLink, UppReason, UppReply, UppRequest, UppVerb};

/// One account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purse {
    /// What can be spent, in fen.
    pub balance_fen: i64,
    /// What is set aside, in fen.
    #[serde(default)]
    pub reserved_fen: i64,
}

/// Where a reservation, or a capture, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// Set aside.
    Held(i64),
    /// Taken.
    Taken(i64),
    /// Captured, released, or reversed: over.
    Over,
}

/// What a UPP keeps of accounts.
#[derive(Debug, Default)]
pub struct Purses {
    purses: BTreeMap<String, Purse>,
    keys: Keys<UppAnswer>,
    pieces: BTreeMap<String, Piece>,
}

impl Purses {
    /// Answers a request. `refused` makes it refuse what it would do.
    pub fn answer(&mut self, request: &UppRequest, refused: Option<UppReason>) -> UppReply {
        self.keys.count();
        match request {
            UppRequest::Query(key) => UppReply::Call(self.keys.ask(key).unwrap_or(UppAnswer::NeverSeen)),
            UppRequest::Account(msisdn) => {
                let purse = self.purses.get(&msisdn.to_string());
                UppReply::Account(
                    purse.map_or(UppAccount::None, |purse| UppAccount::Open { balance_fen: purse.balance_fen }),
                )
            }
            UppRequest::Call(call) => {
                if let Some(known) = self.keys.known(&call.key) {
                    return UppReply::Call(known);
                }
                let answer = match refused.map_or_else(|| self.act(call), Err) {
                    Ok(()) => UppAnswer::Approved { reference: self.keys.next_reference('U') },
                    Err(reason) => UppAnswer::Declined { reason },
                };
                UppReply::Call(self.keys.keep(&call.key, answer))
            }
        }
    }

    fn act(&mut self, call: &UppCall) -> Result<(), UppReason> {
        let amount = call.amount_fen;
        if amount <= 0 {
            return Err(UppReason::Refused);
        }
        let of = call.of.clone().unwrap_or_default();
        let purse = self.purses.get_mut(&call.msisdn).ok_or(UppReason::NoAccount)?;
        match call.verb {
            UppVerb::Reserve => {
                // It was released before it came.
                if self.pieces.contains_key(&call.key) {
                    return Err(UppReason::NothingThere);
                }
                if purse.balance_fen < amount {
                    return Err(UppReason::InsufficientFunds);
                }
                purse.balance_fen -= amount;
                purse.reserved_fen += amount;
                self.pieces.insert(call.key.clone(), Piece::Held(amount));
            }
            UppVerb::Capture => {
                let Some(Piece::Held(held)) = self.pieces.get(&of).copied() else {
                    return Err(UppReason::NothingThere);
                };
                if amount > held {
                    return Err(UppReason::LimitExceeded);
                }
                purse.reserved_fen -= held;
                purse.balance_fen += held - amount;
                self.pieces.insert(of, Piece::Over);
                self.pieces.insert(call.key.clone(), Piece::Taken(amount));
            }
            UppVerb::Release => {
                let held = self.pieces.insert(of.clone(), Piece::Over);
                match held {
                    Some(Piece::Held(held)) => {
                        purse.reserved_fen -= held;
                        purse.balance_fen += held;
                    }
                    // What was taken is not released: it is reversed.
                    Some(Piece::Taken(taken)) => {
                        self.pieces.insert(of, Piece::Taken(taken));
                        return Err(UppReason::Refused);
                    }
                    Some(Piece::Over) | None => {}
                }
            }
            UppVerb::Reverse => {
                let Some(Piece::Taken(taken)) = self.pieces.get(&of).copied() else {
                    return Err(UppReason::NothingThere);
                };
                if amount != taken {
                    return Err(UppReason::LimitExceeded);
                }
                purse.balance_fen += taken;
                self.pieces.insert(of, Piece::Over);
            }
            UppVerb::Credit => purse.balance_fen += amount,
        }
        Ok(())
    }

    /// An account as it is now.
    #[must_use]
    pub fn purse(&self, msisdn: Msisdn) -> Option<Purse> {
        self.purses.get(&msisdn.to_string()).copied()
    }

    /// Makes an account, or changes it.
    pub fn set_purse(&mut self, msisdn: Msisdn, purse: Purse) {
        self.purses.insert(msisdn.to_string(), purse);
    }

    /// The most questions about one key.
    #[must_use]
    pub fn most_asked(&self) -> u32 {
        self.keys.most_asked()
    }
}

/// The reason of this name; a plain refusal for others.
#[must_use]
pub fn reason_named(name: &str) -> UppReason {
    match name {
        "insufficient_funds" => UppReason::InsufficientFunds,
        "no_account" => UppReason::NoAccount,
        "limit_exceeded" => UppReason::LimitExceeded,
        "nothing_there" => UppReason::NothingThere,
        _ => UppReason::Refused,
    }
}

/// The accounts of a simulated UPP. Cheap to clone.
#[derive(Debug, Clone)]
pub struct UppAccounts {
    /// What it keeps.
    pub book: Arc<Mutex<Purses>>,
    /// How it behaves.
    pub temper: Arc<Temper>,
    owners: Arc<Whose>,
    key: Arc<Vec<u8>>,
}

impl UppAccounts {
    /// Without an account; requests over HTTP have to be signed with `key`.
    #[must_use]
    pub fn new(seed: u64, key: Vec<u8>) -> Self {
        let temper = Arc::new(Temper::new(seed));
        Self { book: Arc::default(), temper, owners: Arc::default(), key: Arc::new(key) }
    }

    /// Its interface: calls in, behaviour and memory for testers.
    pub fn router(&self) -> Router {
        let routes = Router::new()
            .route("/upp/v1/calls", post(call))
            .route("/upp/v1/calls/{key}", get(query))
            .route("/upp/v1/accounts/{msisdn}", get(account))
            .route("/simulator/upp/accounts", get(show))
            .route("/simulator/upp/accounts/{msisdn}", put(set_purse).get(show_purse))
            .with_state(self.clone());
        self.temper
            .router("/simulator/upp/accounts")
            .merge(self.temper.router_to("/simulator/upp/accounts/{msisdn}/manner"))
            .merge(routes)
    }

    /// What becomes of a request.
    fn fate(&self, request: &UppRequest) -> Fate {
        match request {
            UppRequest::Call(call) => {
                self.owners.note(&call.key, &call.msisdn);
                self.temper.fate_to(&call.msisdn)
            }
            UppRequest::Query(key) => self.temper.fate_to(&self.owners.of(key)),
            UppRequest::Account(msisdn) => self.temper.fate_to(&msisdn.to_string()),
        }
    }

    async fn answered(&self, from: &Signed, body: &[u8], request: UppRequest) -> Response {
        if !from.is_with(&self.key, body) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let answer = |refused: Option<&str>| match self.book.lock().answer(&request, refused.map(reason_named)) {
            UppReply::Call(answer) => Json(answer).into_response(),
            UppReply::Account(account) => Json(account).into_response(),
        };
        over_http(self.fate(&request), answer).await
    }
}

async fn call(State(upp): State<UppAccounts>, signed: Signed, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(call) => upp.answered(&signed, &body, UppRequest::Call(call)).await,
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn query(State(upp): State<UppAccounts>, Path(key): Path<String>, signed: Signed) -> Response {
    upp.answered(&signed, &[], UppRequest::Query(key)).await
}

async fn account(State(upp): State<UppAccounts>, Path(msisdn): Path<String>, signed: Signed) -> Response {
    match msisdn.parse() {
        Ok(msisdn) => upp.answered(&signed, &[], UppRequest::Account(msisdn)).await,
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn show(State(upp): State<UppAccounts>) -> Json<serde_json::Value> {
    let manner = upp.temper.manner();
    let book = upp.book.lock();
    Json(json!({
        "manner": manner, "accounts": book.purses.len(), "requests": book.keys.requests(), "most_asked": book.most_asked(),
    }))
}

async fn set_purse(State(upp): State<UppAccounts>, Path(msisdn): Path<String>, Json(purse): Json<Purse>) -> Response {
    let Ok(msisdn) = msisdn.parse::<Msisdn>() else { return StatusCode::BAD_REQUEST.into_response() };
    upp.book.lock().set_purse(msisdn, purse);
    Json(purse).into_response()
}

async fn show_purse(State(upp): State<UppAccounts>, Path(msisdn): Path<String>) -> Response {
    let purse = msisdn.parse::<Msisdn>().ok().and_then(|msisdn| upp.book.lock().purse(msisdn));
    purse.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |purse| Json(purse).into_response())
}

impl UppLink for UppAccounts {
    fn exchange(&self, request: UppRequest, patience: Duration) -> BoxFuture<'_, Result<UppReply, Lost>> {
        at_once(&self.fate(&request), patience, |refused| self.book.lock().answer(&request, refused.map(reason_named)))
    }
}

#[cfg(test)]
mod tests {
    use mpss_runtime::real::TokioClock;

    use super::*;
    use crate::gateway::upp_account::HttpUppAccounts;
    use crate::simulator::manner::{Manner, Trouble};

    fn whom() -> Msisdn {
        Msisdn::new(18_900_000_001).expect("a number")
    }

    fn call(key: &str, verb: UppVerb, amount_fen: i64, of: Option<&str>) -> UppRequest {
        let of = of.map(str::to_owned);
        UppRequest::Call(UppCall { key: key.into(), verb, msisdn: whom().to_string(), amount_fen, of })
    }

    fn approved(reply: &UppReply) -> bool {
        matches!(reply, UppReply::Call(UppAnswer::Approved { .. }))
    }

    #[test]
    fn money_is_set_aside_taken_and_given_back_once() {
        let mut book = Purses::default();
        let declined = |reason| UppReply::Call(UppAnswer::Declined { reason });
        assert_eq!(book.answer(&call("a", UppVerb::Reserve, 60, None), None), declined(UppReason::NoAccount));
        book.set_purse(whom(), Purse { balance_fen: 100, reserved_fen: 0 });
        let first = book.answer(&call("b", UppVerb::Reserve, 60, None), None);
        assert!(approved(&first));
        assert_eq!(book.answer(&call("b", UppVerb::Reserve, 60, None), None), first, "a key is answered the same");
        assert_eq!(book.answer(&call("c", UppVerb::Reserve, 41, None), None), declined(UppReason::InsufficientFunds));
        assert_eq!(book.answer(&call("d", UppVerb::Capture, 61, Some("b")), None), declined(UppReason::LimitExceeded));
        assert!(approved(&book.answer(&call("e", UppVerb::Capture, 50, Some("b")), None)));
        assert_eq!(book.purse(whom()), Some(Purse { balance_fen: 50, reserved_fen: 0 }));
        assert_eq!(book.answer(&call("f", UppVerb::Capture, 1, Some("b")), None), declined(UppReason::NothingThere));
        assert_eq!(book.answer(&call("g", UppVerb::Reverse, 49, Some("e")), None), declined(UppReason::LimitExceeded));
        assert!(approved(&book.answer(&call("h", UppVerb::Reverse, 50, Some("e")), None)));
        assert_eq!(book.answer(&call("i", UppVerb::Reverse, 50, Some("e")), None), declined(UppReason::NothingThere));
        assert_eq!(book.purse(whom()), Some(Purse { balance_fen: 100, reserved_fen: 0 }));
        // What was released before it came can not come.
        assert!(approved(&book.answer(&call("j", UppVerb::Release, 10, Some("k")), None)));
        assert_eq!(book.answer(&call("k", UppVerb::Reserve, 10, None), None), declined(UppReason::NothingThere));
    }

    /// The gateway and the simulator over a socket, signed, with the manners a tester sets.
    #[tokio::test(flavor = "multi_thread")]
    async fn it_is_spoken_with_over_http() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let (end, ended) = tokio::sync::watch::channel(false);
        let upp = UppAccounts::new(1, vec![7; 32]);
        let served = tokio::spawn(super::super::serve(listener, upp.router(), ended));
        let tester = reqwest::Client::new();
        let at = format!("{url}/simulator/upp/accounts/{}", whom());
        let made = tester.put(&at).json(&json!({"balance_fen": 100})).send().await.expect("an answer");
        assert!(made.status().is_success());
        let link = |key: u8| HttpUppAccounts::new(&url, vec![key; 32], Arc::new(TokioClock::new())).expect("a client");
        let (long, short) = (Duration::from_secs(20), Duration::from_millis(150));
        let reserve = call("a", UppVerb::Reserve, 60, None);
        assert_eq!(link(8).exchange(reserve.clone(), long).await, Err(Lost::Unknown), "signed by somebody else");
        let link = link(7);
        let query = || UppRequest::Query("a".into());
        assert_eq!(link.exchange(query(), long).await, Ok(UppReply::Call(UppAnswer::NeverSeen)));
        let account = link.exchange(UppRequest::Account(whom()), long).await;
        assert_eq!(account, Ok(UppReply::Account(UppAccount::Open { balance_fen: 100 })));
        // Done, and nobody hears of it; then it is asked about.
        upp.temper.behave(Manner { next: vec![Trouble::AnswerLost], ..Manner::default() });
        assert_eq!(link.exchange(reserve.clone(), short).await, Err(Lost::Unknown));
        let known = link.exchange(query(), long).await.expect("an answer");
        assert!(approved(&known));
        assert_eq!(link.exchange(reserve, long).await, Ok(known));
        // Another subscriber's calls are answered, also the questions about them, while this one's are lost.
        let lost = tester.put(format!("{at}/manner")).json(&json!({"next": ["lost", "lost"]})).send().await;
        assert!(lost.expect("an answer").status().is_success());
        let other = UppRequest::Account(Msisdn::new(18_900_000_002).expect("a number"));
        assert_eq!(link.exchange(other, long).await, Ok(UppReply::Account(UppAccount::None)));
        assert_eq!(link.exchange(UppRequest::Query("z".into()), long).await, Ok(UppReply::Call(UppAnswer::NeverSeen)));
        assert_eq!(link.exchange(query(), short).await, Err(Lost::Unknown));
        assert_eq!(link.exchange(call("b", UppVerb::Reserve, 1, None), short).await, Err(Lost::Unknown));
        let shown: Purse = tester.get(&at).send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(shown, Purse { balance_fen: 40, reserved_fen: 60 });
        let _ = end.send(true);
        drop((link, tester));
        let _ = tokio::time::timeout(Duration::from_secs(5), served).await;
    }
}
