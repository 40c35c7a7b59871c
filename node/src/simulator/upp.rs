//! A simulated UPP: it asks a province, or the national platform, to pay for its orders, has them delivered as its
//! scenario says, and takes notices.
//!
//! ```text
//!  tester ─▶ POST /simulator/upp/orders/{number}/{verb} ─signed─▶ a node's door, or the next ─▶ what it answered
//!  node ─▶ POST /upp/v1/notices ─▶ remembered by its id, however often it comes
//!  paid ─▶ delivery: confirmed, at once or late; never; or refused by the SP, and reversed
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::manner::Temper;
use super::nodes::Nodes;
use super::over_http;
use super::signed::Signed;
use super::upp_accounts::UppAccounts;
use crate::gateway::upp::UppNotice;

pub use super::nodes::Heard;

/// How often the word of a delivery is sent, and the pause in between.
const TRIES: u32 = 120;
const PAUSE: Duration = Duration::from_millis(500);

/// What becomes of the delivery of an order that is paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fulfilment {
    /// Nobody says: a tester does.
    #[default]
    Silent,
    /// The SP delivers, and the UPP confirms.
    Confirmed,
    /// The SP refuses, and the UPP reverses.
    Refused,
}

/// What becomes of deliveries, and when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// What.
    pub fulfilment: Fulfilment,
    /// So long after it was paid, in ms.
    pub after_ms: u64,
}

/// What a tester has the UPP ask.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Errand {
    /// The body of the request; of a query nothing but the payer's number.
    pub body: Value,
    /// How often it is sent, one after the other, under the same request id.
    #[serde(default = "once")]
    pub times: u32,
    /// The caller's request id; one of its own for each errand when not given.
    #[serde(default)]
    pub key: Option<String>,
    /// Of a payment: what becomes of the delivery of this order, however others are delivered.
    #[serde(default)]
    pub delivery: Option<Delivery>,
}

impl Errand {
    /// Asks for this once, under a request id of its own.
    #[must_use]
    pub const fn once(body: Value) -> Self {
        Self { body, times: once(), key: None, delivery: None }
    }
}

const fn once() -> u32 {
    1
}

/// An order as the UPP remembers it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Remembered {
    /// Who pays.
    pub msisdn: String,
    /// What was asked, and answered, oldest first.
    pub answers: Vec<(String, Heard)>,
    /// The notice about it.
    pub notice: Option<UppNotice>,
    /// How often it came.
    pub notices: u32,
    /// What becomes of its delivery, when not what becomes of all.
    pub delivery: Option<Delivery>,
    /// Its delivery was begun.
    pub fulfilled: bool,
}

/// What a UPP keeps.
#[derive(Debug, Default)]
pub struct UppBook {
    orders: BTreeMap<String, Remembered>,
    delivery: Delivery,
    errands: u64,
    /// Notices whose signature was wrong, or that contradict one of the same id.
    refused: u64,
}

impl UppBook {
    /// An order as it is remembered.
    #[must_use]
    pub fn order(&self, number: &str) -> Option<&Remembered> {
        self.orders.get(number)
    }

    /// Takes a notice; false when it contradicts what the same id has told before.
    fn take(&mut self, notice: UppNotice) -> bool {
        let order = self.orders.entry(notice.order_number.clone()).or_default();
        let contradicts = order.notice.as_ref().is_some_and(|known| *known != notice);
        order.notices += 1;
        order.notice.get_or_insert(notice);
        self.refused += u64::from(contradicts);
        !contradicts
    }
}

/// A simulated UPP. Cheap to clone.
#[derive(Debug, Clone)]
pub struct UppSimulator {
    /// What it keeps.
    pub book: Arc<Mutex<UppBook>>,
    /// How it behaves to whoever tells it something.
    pub temper: Arc<Temper>,
    /// The virtual accounts it keeps.
    pub accounts: UppAccounts,
    nodes: Arc<Nodes>,
}

impl UppSimulator {
    /// A UPP that asks the nodes at `urls`, whichever answers, and signs with `key`.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub fn new(seed: u64, urls: &[String], key: Vec<u8>) -> Result<Self, reqwest::Error> {
        let accounts = UppAccounts::new(seed, key.clone());
        let nodes = Nodes::new(urls, key)?;
        Ok(Self { book: Arc::default(), temper: Arc::new(Temper::new(seed)), accounts, nodes: Arc::new(nodes) })
    }

    /// Its interface: notices in; errands, behaviour and memory for testers.
    pub fn router(&self) -> Router {
        let routes = Router::new()
            .route("/upp/v1/notices", post(notice))
            .route("/simulator/upp", get(show))
            .route("/simulator/upp/delivery", put(deliver))
            .route("/simulator/upp/orders/{number}", get(show_order))
            .route("/simulator/upp/orders/{number}/{verb}", post(errand))
            .with_state(self.clone());
        self.temper
            .router("/simulator/upp")
            .merge(self.temper.router_to("/simulator/upp/orders/{number}/manner"))
            .merge(self.accounts.router())
            .merge(routes)
    }

    /// Has one thing asked about an order, as often as the errand says; what was answered last.
    ///
    /// # Errors
    /// A sentence about an errand that can not be run.
    pub async fn run(&self, number: &str, verb: &str, errand: Errand) -> Result<Heard, &'static str> {
        let msisdn = errand.body["msisdn"].as_str().ok_or("body.msisdn is missing")?.to_owned();
        let (method, target) = match verb {
            "payment" => ("POST", "/v1/upp/payments".to_owned()),
            "query" => ("GET", format!("/v1/upp/payments/{number}?msisdn={msisdn}")),
            "reversal" | "confirmation" => ("POST", format!("/v1/upp/payments/{number}/{verb}")),
            "refund" => ("POST", format!("/v1/upp/payments/{number}/refunds")),
            _ => return Err("a verb is payment, query, reversal, refund or confirmation"),
        };
        let mut body = errand.body;
        if verb == "payment" {
            body["order_number"] = json!(number);
        }
        let key = {
            let mut book = self.book.lock();
            book.errands += 1;
            let errands = book.errands;
            let order = book.orders.entry(number.to_owned()).or_default();
            order.msisdn = msisdn;
            if verb == "payment" {
                order.delivery = errand.delivery.or(order.delivery);
            }
            errand.key.unwrap_or_else(|| format!("upp-{errands}-{number}"))
        };
        let body = if method == "GET" { Vec::new() } else { serde_json::to_vec(&body).expect("a value is JSON") };
        let mut last = Heard { status: 0, body: Value::Null };
        for _ in 0..errand.times {
            last = self.nodes.ask(method, &target, &key, &body).await;
            let mut book = self.book.lock();
            let order = book.orders.entry(number.to_owned()).or_default();
            order.answers.push((verb.to_owned(), last.clone()));
        }
        if verb == "payment" && last.status == 201 {
            self.fulfil(number);
        }
        Ok(last)
    }

    /// An order is paid: its delivery goes as the scenario says, once.
    fn fulfil(&self, number: &str) {
        let (delivery, msisdn) = {
            let mut book = self.book.lock();
            let usual = book.delivery;
            let Some(order) = book.orders.get_mut(number) else { return };
            let delivery = order.delivery.unwrap_or(usual);
            if delivery.fulfilment == Fulfilment::Silent || std::mem::replace(&mut order.fulfilled, true) {
                return;
            }
            (delivery, order.msisdn.clone())
        };
        let (upp, number) = (self.clone(), number.to_owned());
        tokio::spawn(async move {
            if delivery.after_ms > 0 {
                tokio::time::sleep(Duration::from_millis(delivery.after_ms)).await;
            }
            let (verb, body) = match delivery.fulfilment {
                Fulfilment::Refused => {
                    let reversal = format!("R.{number}").chars().take(32).collect::<String>();
                    ("reversal", json!({"msisdn": msisdn, "reversal_number": reversal, "reason": "the SP refused"}))
                }
                Fulfilment::Silent | Fulfilment::Confirmed => ("confirmation", json!({"msisdn": msisdn})),
            };
            // Boxed: an errand may begin a delivery, which runs an errand.
            let run: std::pin::Pin<Box<dyn Future<Output = _> + Send>> =
                Box::pin(async move { upp.run_until_answered(&number, verb, body).await });
            if let Err(what) = run.await {
                tracing::error!(what, "a delivery came to nothing");
            }
        });
    }

    /// Asks under one request id until a node answers: a UPP that hears nothing does not give up.
    async fn run_until_answered(&self, number: &str, verb: &str, body: Value) -> Result<Heard, &'static str> {
        let errand = Errand { key: Some(format!("{verb}-{number}")), ..Errand::once(body) };
        let mut heard = self.run(number, verb, errand.clone()).await?;
        for _ in 1..TRIES {
            if heard.is_answer() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            heard = self.run(number, verb, errand.clone()).await?;
        }
        Ok(heard)
    }
}

async fn notice(State(upp): State<UppSimulator>, signed: Signed, body: Bytes) -> Response {
    let (true, Ok(notice)) = (signed.is_with(upp.nodes.key(), &body), serde_json::from_slice::<UppNotice>(&body))
    else {
        upp.book.lock().refused += 1;
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let of = notice.order_number.clone();
    let paid = (notice.status == "paid").then(|| of.clone());
    let answer = |refused: Option<&str>| {
        if refused.is_some() {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        let taken = upp.book.lock().take(notice);
        if let Some(number) = paid.filter(|_| taken) {
            upp.fulfil(&number);
        }
        if taken { StatusCode::NO_CONTENT } else { StatusCode::CONFLICT }.into_response()
    };
    over_http(upp.temper.fate_to(&of), answer).await
}

async fn errand(
    State(upp): State<UppSimulator>,
    Path((number, verb)): Path<(String, String)>,
    Json(errand): Json<Errand>,
) -> Response {
    match upp.run(&number, &verb, errand).await {
        Ok(heard) => Json(heard).into_response(),
        Err(what) => (StatusCode::BAD_REQUEST, what).into_response(),
    }
}

async fn deliver(State(upp): State<UppSimulator>, Json(delivery): Json<Delivery>) -> Json<Delivery> {
    upp.book.lock().delivery = delivery;
    Json(delivery)
}

async fn show(State(upp): State<UppSimulator>) -> Json<Value> {
    let manner = upp.temper.manner();
    let book = upp.book.lock();
    let notices: u32 = book.orders.values().map(|order| order.notices).sum();
    Json(json!({
        "manner": manner, "delivery": book.delivery, "orders": book.orders.len(), "errands": book.errands,
        "notices": notices, "refused": book.refused,
    }))
}

async fn show_order(State(upp): State<UppSimulator>, Path(number): Path<String>) -> Response {
    let order = upp.book.lock().order(&number).cloned();
    order.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |order| Json(order).into_response())
}
