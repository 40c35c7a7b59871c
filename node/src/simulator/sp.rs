//! Any number of simulated service providers.
//!
//! An SP comes to life with its first notice and accepts until told otherwise. A notice that comes
//! twice (same `notice_id`) is answered twice and acted on once: what an SP *did* is counted apart
//! from what it was *asked*.
//!
//! Once it was told the platform's keys (`PUT /simulator/platform-keys`) it takes only what is signed with one of them,
//! and an SP that was given a key (`PUT /simulator/sps/{name}/key`) asks nodes what a tester has it ask
//! (`POST /simulator/sps/{name}/requests`), signed.
//!
//! Every SP has every bill whose number ends in digits: the last six of them, as fen, are due, so
//! `E-2026-10-008650` is of 86.50 yuan; none is due when they are all zero. A bill is paid once an order
//! for it was accepted, until that order is called off. Its customer is what its number begins with, up to
//! the first `-`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::remembered::Remembered;
use super::silence;
use super::sp_signing::{Asking, Checks, OwnKey, PlatformKeys, ask};
use crate::message_signature::Signer;

mod isag;

/// Digits at the end of a bill's number that say what is due, in fen.
const BILL_DIGITS: usize = 6;
/// Orders one SP remembers.
const ORDERS_MAX: usize = 200_000;
/// Notice ids one SP remembers.
const NOTICES_MAX: usize = 400_000;
/// SPs one simulator plays.
const SPS_MAX: usize = 10_000;
/// Longest delay a slow SP can be given, in ms.
const DELAY_MS_MAX: u64 = 600_000;
/// Largest request, in bytes.
const BODY_BYTES_MAX: usize = 8 << 20;

/// How an SP answers a delivery notice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Accepts every order.
    #[default]
    Accepts,
    /// Refuses every order.
    Refuses,
    /// Takes the request and never answers.
    Silent,
    /// Accepts after `delay_ms`.
    Slow,
    /// Accepts, says everything twice, and adds an answer nobody asked for.
    Duplicates,
    /// Answers 200 with bytes that are no answer.
    Garbage,
}

/// How an SP behaves, and where a product differs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// For every product that is not named.
    pub mode: Mode,
    /// How long a slow SP takes, in ms.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// Products that are answered in another way.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub products: BTreeMap<String, Mode>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl Behaviour {
    fn mode_for(&self, product: &str) -> Mode {
        self.products.get(product).copied().unwrap_or(self.mode)
    }
}

/// What one order came to at an SP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSeen {
    /// Delivery notices that came for it, repetitions included.
    pub deliver_notices: u64,
    /// Cancel notices that came for it, repetitions included.
    pub cancel_notices: u64,
    /// How often the goods were handed out. More than once would be a double delivery.
    pub delivered: u64,
    /// It was called off.
    pub cancelled: bool,
    /// The bill it pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill_number: Option<String>,
}

struct Sp {
    behaviour: Behaviour,
    requests: u64,
    notices: u64,
    repetitions: u64,
    delivered: u64,
    refused: u64,
    cancelled: u64,
    /// Requests that were not taken because of their signature.
    not_signed: u64,
    /// What it signs with when it asks.
    signer: Option<Arc<Signer>>,
    notice_ids: Remembered<()>,
    orders: Remembered<OrderSeen>,
    /// Which order has paid a bill.
    bills: Remembered<Option<String>>,
}

impl Default for Sp {
    fn default() -> Self {
        Self {
            behaviour: Behaviour::default(),
            requests: 0,
            notices: 0,
            repetitions: 0,
            delivered: 0,
            refused: 0,
            cancelled: 0,
            not_signed: 0,
            signer: None,
            notice_ids: Remembered::new(NOTICES_MAX),
            orders: Remembered::new(ORDERS_MAX),
            bills: Remembered::new(ORDERS_MAX),
        }
    }
}

/// All SPs of one simulator. Cheap to clone.
#[derive(Clone, Default)]
pub struct SpSimulator {
    sps: Arc<Mutex<BTreeMap<String, Sp>>>,
    /// What notices must be signed with, once that was said.
    checks: Arc<Mutex<Option<Arc<Checks>>>>,
}

impl std::fmt::Debug for SpSimulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpSimulator").field("sps", &self.sps.lock().len()).finish()
    }
}

impl SpSimulator {
    /// A simulator without any SP yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how an SP behaves from now on.
    pub fn behave(&self, sp: &str, behaviour: Behaviour) {
        self.with_sp(sp, |sp| sp.behaviour = behaviour);
    }

    /// What became of one order at one SP.
    #[must_use]
    pub fn order(&self, sp: &str, order: &str) -> Option<OrderSeen> {
        self.sps.lock().get(sp)?.orders.get(order).cloned()
    }

    /// The simulator's interface: notices in, behaviour and memory for testers.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/sps/{name}/notices", post(take_notices))
            .route("/sps/{name}/isag", post(isag::take))
            .route("/simulator/sps", get(list))
            .route("/simulator/platform-keys", put(set_platform_keys))
            .route("/simulator/sps/{name}/key", put(set_key))
            .route("/simulator/sps/{name}/requests", post(ask_node))
            .route("/simulator/sps/{name}", put(set_behaviour).get(show))
            .route("/simulator/sps/{name}/orders/{order}", get(show_order))
            .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(self.clone())
    }

    fn with_sp<R>(&self, name: &str, act: impl FnOnce(&mut Sp) -> R) -> R {
        let mut sps = self.sps.lock();
        if sps.len() >= SPS_MAX && !sps.contains_key(name) {
            // Names come from tests; the one that sorts first goes, so that memory stays bounded.
            sps.pop_first();
        }
        act(sps.entry(name.to_owned()).or_default())
    }
}

/// What comes to an SP: `POST {notice_url}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Coming {
    Notices { notices: Vec<Notice> },
    Bill { bill_query: BillQuery },
}

#[derive(Debug, Clone, Deserialize)]
struct BillQuery {
    product_id: String,
    bill_number: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Notice {
    notice_id: String,
    kind: NoticeKind,
    order_id: String,
    #[serde(default)]
    product_id: String,
    #[serde(default)]
    bill_number: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NoticeKind {
    Deliver,
    Cancel,
}

#[derive(Debug, Clone, Serialize)]
struct Answer {
    order_id: String,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// What one request leads to, decided under the lock and carried out without it.
#[derive(Default)]
struct Plan {
    answers: Vec<Answer>,
    delay_ms: u64,
    garbage: bool,
}

impl Sp {
    /// Remembers the notices, does what they ask for at most once, and decides on the answer.
    fn take(&mut self, notices: &[Notice]) -> Plan {
        self.requests += 1;
        let mut plan = Plan::default();
        for notice in notices {
            self.notices += 1;
            let first_time = self.notice_ids.note(&notice.notice_id);
            self.repetitions += u64::from(!first_time);
            let mode = self.behaviour.mode_for(&notice.product_id);
            let seen = self.orders.entry(&notice.order_id, OrderSeen::default);
            match notice.kind {
                NoticeKind::Deliver => seen.deliver_notices += 1,
                NoticeKind::Cancel => seen.cancel_notices += 1,
            }
            match mode {
                Mode::Silent => continue,
                Mode::Garbage => {
                    plan.garbage = true;
                    continue;
                }
                Mode::Slow => plan.delay_ms = self.behaviour.delay_ms,
                Mode::Accepts | Mode::Refuses | Mode::Duplicates => {}
            }
            let payer = notice.bill_number.as_ref().map(|number| self.bills.entry(number, || None));
            // A bill that another order has paid is not paid again.
            let taken = payer.as_ref().is_some_and(|payer| payer.as_ref().is_some_and(|by| *by != notice.order_id));
            let refuses = (mode == Mode::Refuses || taken) && notice.kind == NoticeKind::Deliver;
            seen.bill_number.clone_from(&notice.bill_number);
            match notice.kind {
                NoticeKind::Deliver if refuses => self.refused += u64::from(first_time),
                // An order that was called off is not delivered by a notice that overtook the cancel.
                NoticeKind::Deliver if seen.delivered == 0 && !seen.cancelled => {
                    seen.delivered += 1;
                    self.delivered += 1;
                    if let Some(payer) = payer {
                        *payer = Some(notice.order_id.clone());
                    }
                }
                NoticeKind::Deliver => {}
                NoticeKind::Cancel => {
                    self.cancelled += u64::from(!seen.cancelled);
                    seen.cancelled = true;
                    if let Some(payer) = payer.filter(|payer| payer.as_ref() == Some(&notice.order_id)) {
                        *payer = None;
                    }
                }
            }
            let answer = Answer {
                order_id: notice.order_id.clone(),
                result: if refuses { "refused" } else { "accepted" },
                reason: refuses.then_some(if taken { "paid already" } else { "not available" }),
            };
            if mode == Mode::Duplicates {
                plan.answers.push(answer.clone());
                plan.answers.push(Answer {
                    order_id: "O20200101000000000-00-00000".into(),
                    result: "accepted",
                    reason: None,
                });
            }
            plan.answers.push(answer);
        }
        plan
    }

    /// What is due on a bill, in its SP's words; `None` from one that says nothing.
    fn bill(&self, query: &BillQuery) -> Option<serde_json::Value> {
        if matches!(self.behaviour.mode_for(&query.product_id), Mode::Silent | Mode::Garbage) {
            return None;
        }
        let number = query.bill_number.as_str();
        let digits = number.len() - number.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let due: u64 = number[number.len() - digits.min(BILL_DIGITS)..].parse().unwrap_or(0);
        let paid = self.bills.get(number).is_some_and(Option::is_some);
        Some(match due {
            0 => json!({ "status": "unknown" }),
            _ if paid => json!({ "status": "paid" }),
            fen => json!({
                "status": "due", "amount": format!("{}.{:02}", fen / 100, fen % 100), "payer": "李*",
                "customer": number.split('-').next(),
            }),
        })
    }

    fn shown(&self, name: &str, orders_limit: usize) -> serde_json::Value {
        let orders: BTreeMap<_, _> = self.orders.newest(orders_limit).collect();
        json!({
            "name": name, "behaviour": self.behaviour, "requests": self.requests, "notices": self.notices,
            "repetitions": self.repetitions, "delivered": self.delivered, "refused": self.refused,
            "cancelled": self.cancelled, "not_signed": self.not_signed, "orders": orders,
        })
    }
}

async fn take_notices(
    State(simulator): State<SpSimulator>,
    Path(name): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let checks = simulator.checks.lock().clone();
    if let Some(fault) = checks.and_then(|checks| checks.check(&method, &uri, &headers, &body).err()) {
        simulator.with_sp(&name, |sp| sp.not_signed += 1);
        return (StatusCode::UNAUTHORIZED, fault.to_string()).into_response();
    }
    let Ok(coming) = serde_json::from_slice::<Coming>(&body) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    let notices = match coming {
        Coming::Notices { notices } => notices,
        Coming::Bill { bill_query } => {
            return match simulator.with_sp(&name, |sp| sp.bill(&bill_query)) {
                Some(bill) => Json(json!({ "bill": bill })).into_response(),
                None => silence().await,
            };
        }
    };
    let plan = simulator.with_sp(&name, |sp| sp.take(&notices));
    if plan.garbage {
        return ([(header::CONTENT_TYPE, "application/json")], "{\"answers\": [}\u{0}garbage").into_response();
    }
    answered(&plan, notices.len(), || Json(json!({ "answers": plan.answers })).into_response()).await
}

/// Answers so many notices as planned: in time, late or never.
async fn answered(plan: &Plan, notices: usize, answer: impl FnOnce() -> Response) -> Response {
    if plan.answers.is_empty() && notices > 0 && !plan.garbage {
        return silence().await;
    }
    if plan.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(plan.delay_ms.min(DELAY_MS_MAX))).await;
    }
    answer()
}

async fn set_behaviour(
    State(simulator): State<SpSimulator>,
    Path(name): Path<String>,
    Json(behaviour): Json<Behaviour>,
) -> Json<Behaviour> {
    simulator.behave(&name, behaviour.clone());
    Json(behaviour)
}

/// From now on only what is signed with one of these keys is taken: what `GET /v1/keys` of a node shows.
async fn set_platform_keys(State(simulator): State<SpSimulator>, Json(shown): Json<PlatformKeys>) -> StatusCode {
    let Some(checks) = Checks::new(&shown) else { return StatusCode::UNPROCESSABLE_ENTITY };
    *simulator.checks.lock() = Some(Arc::new(checks));
    StatusCode::NO_CONTENT
}

/// What an SP signs with when it asks.
async fn set_key(
    State(simulator): State<SpSimulator>,
    Path(name): Path<String>,
    Json(key): Json<OwnKey>,
) -> StatusCode {
    let Some(signer) = key.signer() else { return StatusCode::UNPROCESSABLE_ENTITY };
    simulator.with_sp(&name, |sp| sp.signer = Some(Arc::new(signer)));
    StatusCode::NO_CONTENT
}

/// Has an SP ask a node, signed, and shows what it was answered.
async fn ask_node(
    State(simulator): State<SpSimulator>,
    Path(name): Path<String>,
    Json(asking): Json<Asking>,
) -> Response {
    let Some(signer) = simulator.with_sp(&name, |sp| sp.signer.clone()) else {
        return (StatusCode::CONFLICT, "this SP has no key").into_response();
    };
    match ask(&signer, &asking).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error).into_response(),
    }
}

#[derive(Debug, Deserialize)]
struct ShowQuery {
    /// Orders shown, newest first.
    orders: Option<usize>,
}

async fn show(
    State(simulator): State<SpSimulator>,
    Path(name): Path<String>,
    Query(query): Query<ShowQuery>,
) -> Response {
    const ORDERS_SHOWN: usize = 100;
    match simulator.sps.lock().get(&name) {
        Some(sp) => Json(sp.shown(&name, query.orders.unwrap_or(ORDERS_SHOWN))).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn show_order(State(simulator): State<SpSimulator>, Path((name, order)): Path<(String, String)>) -> Response {
    match simulator.order(&name, &order) {
        Some(seen) => Json(seen).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn list(State(simulator): State<SpSimulator>) -> Json<serde_json::Value> {
    let sps: Vec<_> = simulator.sps.lock().iter().map(|(name, sp)| sp.shown(name, 0)).collect();
    Json(json!({ "sps": sps }))
}

#[cfg(test)]
mod tests;
