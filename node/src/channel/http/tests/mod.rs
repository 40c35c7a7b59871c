//! The callers' interface against a real replica, request by request.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use mpss_domain::{Money, ProvinceId, Scope};
use mpss_routing::peer::PeerDoor;
use mpss_routing::{Dispatch, DispatchOptions, PeerCall, PeerError, PeerReply, PeerTransport};
use mpss_runtime::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{HttpOptions, router_with};
use crate::home::Home;
use crate::node::Context;
use crate::node::trial::{RIGHT, Trial, local};
use crate::serving::Serving;

mod answers;
mod awards;
mod bank_balance;
mod bank_top_ups;
mod bills;
mod card_change;
mod cards;
mod confirmations;
mod document;
mod draws;
mod fuzz;
mod ivr;
mod national_goods;
mod overload;
mod passing_on;
mod payment_codes;
mod product_files;
mod recharge;
mod refusals;
mod replay;
mod shipping;
mod sms;
mod sp;
mod sp_applications;
mod tickets;
mod upp;
mod wishes;

/// A router over a province of one replica, and the provinces it passes requests on to.
struct Shop {
    trial: Trial,
    router: Router,
    elsewhere: Arc<Elsewhere>,
}

/// What was answered.
#[derive(Debug, Clone)]
struct Told {
    status: StatusCode,
    headers: HeaderMap,
    bytes: bytes::Bytes,
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.bytes)))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The answer, which must be of this status.
    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// A problem of this status and code, and the field it blames.
    #[track_caller]
    fn problem(&self, status: u16, code: &str) -> Option<String> {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let body = self.json();
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status, "{body}");
        for text in ["type", "title", "detail", "detail_zh"] {
            assert!(body[text].as_str().is_some_and(|text| !text.is_empty()), "{text}: {body}");
        }
        assert!(body["number"].as_u64().is_some_and(|number| number >= 100), "{body}");
        assert!(body["retryable"].is_boolean(), "{body}");
        body["field"].as_str().map(str::to_owned)
    }
}

/// One request as it is put together.
#[derive(Debug, Clone)]
struct Asking {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Asking {
    fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    fn change(method: &'static str, path: impl Into<String>, key: &str, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned()), ("idempotency-key", key.to_owned())];
        Self { method, path: path.into(), headers, body: serde_json::to_vec(body).unwrap() }
    }

    fn post(path: impl Into<String>, key: &str, body: &Value) -> Self {
        Self::change("POST", path, key, body)
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

async fn ask(router: &Router, asking: Asking) -> Told {
    let mut request = Request::builder().method(asking.method).uri(asking.path);
    for (name, value) in asking.headers {
        request = request.header(name, value);
    }
    let response = router.clone().oneshot(request.body(Body::from(asking.body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    Told { status: parts.status, headers: parts.headers, bytes: body.collect().await.unwrap().to_bytes() }
}

impl Shop {
    async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    async fn open_with(change: impl FnOnce(&mut HttpOptions)) -> Self {
        Self::open_over(Trial::start().await, change)
    }

    fn open_over(trial: Trial, change: impl FnOnce(&mut HttpOptions)) -> Self {
        let elsewhere = Arc::new(Elsewhere::default());
        let mut context = trial.context.clone();
        let options = DispatchOptions {
            here: context.province,
            try_deadline: Duration::from_millis(500),
            payment_deadline: Duration::from_millis(700),
            pause_min: Duration::from_millis(10),
            pause_max: Duration::from_millis(50),
            circuit_failures: 1_000_000,
            circuit_open: Duration::from_millis(1),
        };
        let random = context.seams.random.fork("elsewhere");
        context.dispatch = Dispatch::new(elsewhere.clone(), context.seams.clock.clone(), random, options);
        let home = Home::new(context.clone());
        let serving = Serving::new(context.clone(), home.clone());
        let mut options = HttpOptions::new(&context.settings.door, Arc::new(|| "# metrics\n".to_owned()));
        options.subscriber_requests_per_second = 0;
        change(&mut options);
        let (router, _) = router_with(context, home, serving, options);
        Self { trial, router, elsewhere }
    }

    /// The door of another node of the province, as it were.
    fn beside(&self, change: impl FnOnce(&mut Context)) -> Router {
        let mut context = self.trial.context.clone();
        change(&mut context);
        let home = Home::new(context.clone());
        let serving = Serving::new(context.clone(), home.clone());
        let options = HttpOptions::new(&context.settings.door, Arc::new(|| "# metrics\n".to_owned()));
        router_with(context, home, serving, options).0
    }

    async fn ask(&self, asking: Asking) -> Told {
        ask(&self.router, asking).await
    }

    async fn get(&self, path: &str) -> Told {
        self.ask(Asking::get(path)).await
    }

    async fn post(&self, path: &str, key: &str, body: Value) -> Told {
        self.ask(Asking::post(path, key, &body)).await
    }

    /// An account with money in it.
    async fn account(&self, last: u64, yuan: i64) -> String {
        self.trial.open(local(last), Money::yuan(yuan)).await.to_string()
    }

    /// A product for one yuan.
    async fn product(&self, scope: Scope) -> String {
        self.trial.product(scope).await.to_string()
    }

    /// Everything that could have moved.
    fn digest(&self) -> u128 {
        self.trial.context.replica.read(mpss_domain::State::digest)
    }
}

/// The body of a purchase.
fn purchase(last: u64, product: &str) -> Value {
    json!({
        "msisdn": local(last).to_string(), "product_id": product, "quantity": 1, "account_kind": "virtual",
        "payment_password": RIGHT, "channel": "app",
    })
}

/// How the other provinces answer what is passed on to them.
#[derive(Debug, Clone)]
enum Reply {
    Answers(u16, Vec<(&'static str, &'static str)>, String),
    Fails(fn(ProvinceId) -> PeerError),
    Never,
}

/// The other provinces.
struct Elsewhere {
    reply: Mutex<Reply>,
    calls: Mutex<Vec<(ProvinceId, PeerDoor, PeerCall)>>,
}

impl Default for Elsewhere {
    fn default() -> Self {
        let problem = json!({"code": "elsewhere", "number": 1, "status": 404}).to_string();
        let reply = Reply::Answers(404, vec![("content-type", "application/problem+json")], problem);
        Self { reply: Mutex::new(reply), calls: Mutex::default() }
    }
}

impl Elsewhere {
    fn replies(&self, reply: Reply) {
        *self.reply.lock() = reply;
    }

    fn calls(&self) -> Vec<(ProvinceId, PeerDoor, PeerCall)> {
        self.calls.lock().clone()
    }
}

impl PeerTransport for Elsewhere {
    fn call(
        &self,
        province: ProvinceId,
        door: PeerDoor,
        call: PeerCall,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<PeerReply, PeerError>> {
        if call.path == "/peer/v1/seal-key" {
            // It does not seal yet; the tests of sealing have provinces that do.
            let headers = vec![("content-type".to_owned(), "application/problem+json".to_owned())];
            return Box::pin(async move { Ok(PeerReply { status: 404, headers, body: "{}".into() }) });
        }
        self.calls.lock().push((province, door, call));
        let reply = self.reply.lock().clone();
        Box::pin(async move {
            match reply {
                Reply::Answers(status, headers, body) => {
                    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
                    Ok(PeerReply { status, headers: headers.collect(), body: body.into() })
                }
                Reply::Fails(error) => Err(error(province)),
                Reply::Never => {
                    // As a real link: the deadline is the transport's to keep.
                    let _ = tokio::time::timeout(deadline, std::future::pending::<()>()).await;
                    Err(PeerError::Unknown(province))
                }
            }
        })
    }
}

/// Every byte that a shop leaves on its disk.
async fn what_is_left_of(shop: Shop) -> Vec<u8> {
    let folder = shop.trial.stop().await;
    let mut bytes = Vec::new();
    let mut folders = vec![folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { bytes.extend(std::fs::read(path).unwrap()) }
        }
    }
    bytes
}
