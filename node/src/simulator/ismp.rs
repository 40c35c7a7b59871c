//! A simulated ISMP: phone bills, what is reserved on them, and what became of every key.
//!
//! Every line of the nation has a bill with credit on it until told otherwise. A key is done once,
//! whatever is repeated, late or out of order; a cancelled reservation that comes later is refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

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
use super::{at_once, over_http};
use crate::gateway::ismp::{
    IsmpAnswer, IsmpBilling, IsmpCall, IsmpLine, IsmpLink, IsmpReason, IsmpReply, IsmpRequest, IsmpVerb,
};
use crate::gateway::rail::Lost;

/// What a line may spend when nobody said otherwise, in fen: a thousand yuan.
const CREDIT_FEN: i64 = 100_000;

/// One phone line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// It can be used.
    pub in_service: bool,
    /// How it is billed.
    pub billing: IsmpBilling,
    /// What may be spent, in fen.
    pub credit_fen: i64,
    /// What is set aside, in fen.
    #[serde(default)]
    pub reserved_fen: i64,
}

impl Default for Line {
    fn default() -> Self {
        Self { in_service: true, billing: IsmpBilling::Prepaid, credit_fen: CREDIT_FEN, reserved_fen: 0 }
    }
}

/// A reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reservation {
    Held(i64),
    /// Confirmed, or cancelled: over.
    Over,
}

/// What an ISMP keeps.
#[derive(Debug, Default)]
pub struct IsmpBook {
    lines: BTreeMap<String, Line>,
    keys: Keys<IsmpAnswer>,
    reservations: BTreeMap<String, Reservation>,
    /// Requests that moved money.
    moved: u64,
}

impl IsmpBook {
    /// Answers a request. `refused` makes it refuse what it would do.
    pub fn answer(&mut self, request: &IsmpRequest, refused: Option<IsmpReason>) -> IsmpReply {
        self.keys.count();
        match request {
            IsmpRequest::Query(key) => IsmpReply::Call(self.keys.ask(key).unwrap_or(IsmpAnswer::NeverSeen)),
            IsmpRequest::Line(msisdn) => {
                let line = self.line(*msisdn);
                IsmpReply::Line(if line.in_service {
                    IsmpLine::InService { billing: line.billing }
                } else {
                    IsmpLine::NotInService
                })
            }
            IsmpRequest::Call(call) => {
                if let Some(known) = self.keys.known(&call.key) {
                    return IsmpReply::Call(known);
                }
                let answer = match refused.map_or_else(|| self.act(call), Err) {
                    Ok(()) => IsmpAnswer::Approved { reference: self.keys.next_reference('R') },
                    Err(reason) => IsmpAnswer::Declined { reason },
                };
                IsmpReply::Call(self.keys.keep(&call.key, answer))
            }
        }
    }

    fn act(&mut self, call: &IsmpCall) -> Result<(), IsmpReason> {
        let amount = call.amount_fen;
        if amount <= 0 {
            return Err(IsmpReason::Refused);
        }
        let of = call.of.clone().unwrap_or_default();
        match call.verb {
            IsmpVerb::Reserve => {
                // It was cancelled before it came.
                if self.reservations.contains_key(&call.key) {
                    return Err(IsmpReason::NoSuchReservation);
                }
                let line = self.lines.entry(call.msisdn.clone()).or_default();
                if !line.in_service {
                    return Err(IsmpReason::NotInService);
                }
                if line.credit_fen < amount {
                    return Err(IsmpReason::InsufficientFunds);
                }
                line.credit_fen -= amount;
                line.reserved_fen += amount;
                self.reservations.insert(call.key.clone(), Reservation::Held(amount));
            }
            IsmpVerb::Confirm => {
                let Some(Reservation::Held(held)) = self.reservations.get(&of).copied() else {
                    return Err(IsmpReason::NoSuchReservation);
                };
                if amount > held {
                    return Err(IsmpReason::LimitExceeded);
                }
                let line = self.lines.entry(call.msisdn.clone()).or_default();
                line.reserved_fen -= held;
                line.credit_fen += held - amount;
                self.reservations.insert(of, Reservation::Over);
            }
            IsmpVerb::Cancel => match self.reservations.insert(of, Reservation::Over) {
                Some(Reservation::Held(held)) => {
                    let line = self.lines.entry(call.msisdn.clone()).or_default();
                    line.reserved_fen -= held;
                    line.credit_fen += held;
                }
                // It never came, and can not come any more.
                None | Some(Reservation::Over) => {}
            },
            IsmpVerb::Credit => {
                self.lines.entry(call.msisdn.clone()).or_default().credit_fen += amount;
            }
        }
        self.moved += 1;
        Ok(())
    }

    /// A line as it is now.
    #[must_use]
    pub fn line(&self, msisdn: Msisdn) -> Line {
        self.lines.get(&msisdn.to_string()).copied().unwrap_or_default()
    }

    /// Sets a line.
    pub fn set_line(&mut self, msisdn: Msisdn, line: Line) {
        self.lines.insert(msisdn.to_string(), line);
    }

    /// The most questions about one key.
    #[must_use]
    pub fn most_asked(&self) -> u32 {
        self.keys.most_asked()
    }

    /// Requests that came: all, and those that moved money.
    #[must_use]
    pub const fn counts(&self) -> (u64, u64) {
        (self.keys.requests(), self.moved)
    }
}

/// The reason of this name; a plain refusal for others.
#[must_use]
pub fn reason_named(name: &str) -> IsmpReason {
    match name {
        "insufficient_funds" => IsmpReason::InsufficientFunds,
        "not_in_service" => IsmpReason::NotInService,
        "limit_exceeded" => IsmpReason::LimitExceeded,
        "no_such_reservation" => IsmpReason::NoSuchReservation,
        _ => IsmpReason::Refused,
    }
}

/// A simulated ISMP behind HTTP. Cheap to clone.
#[derive(Debug, Clone)]
pub struct IsmpSimulator {
    /// What it keeps.
    pub book: Arc<Mutex<IsmpBook>>,
    /// How it behaves.
    pub temper: Arc<Temper>,
    lines: Arc<Whose>,
}

impl IsmpSimulator {
    /// An ISMP where every line is in service.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { book: Arc::default(), temper: Arc::new(Temper::new(seed)), lines: Arc::default() }
    }

    /// Its interface: calls in, behaviour and memory for testers.
    pub fn router(&self) -> Router {
        let routes = Router::new()
            .route("/ismp/v1/calls", post(call))
            .route("/ismp/v1/calls/{key}", get(query))
            .route("/ismp/v1/lines/{msisdn}", get(line))
            .route("/simulator/ismp", get(show))
            .route("/simulator/ismp/lines/{msisdn}", put(set_line).get(show_line))
            .with_state(self.clone());
        self.temper
            .router("/simulator/ismp")
            .merge(self.temper.router_to("/simulator/ismp/lines/{msisdn}/manner"))
            .merge(routes)
    }

    /// What becomes of a request.
    fn fate(&self, request: &IsmpRequest) -> Fate {
        match request {
            IsmpRequest::Call(call) => {
                self.lines.note(&call.key, &call.msisdn);
                self.temper.fate_to(&call.msisdn)
            }
            IsmpRequest::Query(key) => self.temper.fate_to(&self.lines.of(key)),
            IsmpRequest::Line(msisdn) => self.temper.fate_to(&msisdn.to_string()),
        }
    }

    async fn answered(&self, request: IsmpRequest) -> Response {
        let answer = |refused: Option<&str>| match self.book.lock().answer(&request, refused.map(reason_named)) {
            IsmpReply::Call(answer) => Json(answer).into_response(),
            IsmpReply::Line(line) => Json(line).into_response(),
        };
        over_http(self.fate(&request), answer).await
    }
}

async fn call(State(ismp): State<IsmpSimulator>, Json(call): Json<IsmpCall>) -> Response {
    ismp.answered(IsmpRequest::Call(call)).await
}

async fn query(State(ismp): State<IsmpSimulator>, Path(key): Path<String>) -> Response {
    ismp.answered(IsmpRequest::Query(key)).await
}

async fn line(State(ismp): State<IsmpSimulator>, Path(msisdn): Path<String>) -> Response {
    match msisdn.parse() {
        Ok(msisdn) => ismp.answered(IsmpRequest::Line(msisdn)).await,
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn show(State(ismp): State<IsmpSimulator>) -> Json<serde_json::Value> {
    let (requests, moved) = ismp.book.lock().counts();
    let most_asked = ismp.book.lock().most_asked();
    Json(json!({ "manner": ismp.temper.manner(), "requests": requests, "moved": moved, "most_asked": most_asked }))
}

async fn set_line(State(ismp): State<IsmpSimulator>, Path(msisdn): Path<String>, Json(line): Json<Line>) -> Response {
    match msisdn.parse() {
        Ok(msisdn) => {
            ismp.book.lock().set_line(msisdn, line);
            Json(line).into_response()
        }
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn show_line(State(ismp): State<IsmpSimulator>, Path(msisdn): Path<String>) -> Response {
    match msisdn.parse() {
        Ok(msisdn) => Json(ismp.book.lock().line(msisdn)).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

impl IsmpLink for IsmpSimulator {
    fn exchange(&self, request: IsmpRequest, patience: Duration) -> BoxFuture<'_, Result<IsmpReply, Lost>> {
        at_once(&self.fate(&request), patience, |refused| self.book.lock().answer(&request, refused.map(reason_named)))
    }
}
