//! The callers' handlers, asked from inside the node by another door of it: the same code, the same bounds for one
//! subscriber, no socket. Whoever asks has already found out who it is; the handlers do not know.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use http_body_util::BodyExt;
use mpss_domain::{Msisdn, Refusal};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call::{Answer, Call};
use super::door::Door;
use super::{
    accounts, cards, catalogue, confirmations, orders, products, sp_applications, sp_keys, sps, statement, subscribers,
    texts, tickets,
};
use crate::intake::request_id::IDEMPOTENCY_KEY;
use crate::intake::{EdgeCode, Problem, field};
use crate::not_done::NotDone;

/// The callers' interface without a socket. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inside(Door);

/// Why something was not done, as the callers' interface says it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct NotGiven {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Stable name.
    pub(crate) code: String,
    /// In English.
    pub(crate) detail: String,
    /// In Chinese.
    pub(crate) detail_zh: String,
    /// The field to blame.
    #[serde(default)]
    pub(crate) field: Option<String>,
}

impl From<Problem> for NotGiven {
    fn from(problem: Problem) -> Self {
        serde_json::from_slice(&problem.to_json()).expect("a problem is written as one")
    }
}

impl From<EdgeCode> for NotGiven {
    fn from(code: EdgeCode) -> Self {
        Problem::edge(code).into()
    }
}

/// What is asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    Catalogue,
    Subscriber,
    Statement,
    Order,
    Tickets,
    Texts,
    Products,
    Product,
    Sps,
    SpApplications,
    SpKeys,
}

/// A change that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    PlaceOrder,
    Confirm,
    ShowCards,
    Freeze,
    Unfreeze,
    UploadProduct,
    /// Terms of a product.
    Amend,
    ReviewProduct,
    PublishProduct,
    WithdrawProduct,
    ReviewSp,
    SuspendSp,
    ResumeSp,
}

impl Inside {
    pub(super) fn new(door: Door) -> Self {
        Self(door)
    }

    /// The answer to a question about `id`, with these parameters.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        question: Question,
        id: &str,
        query: &[(&str, &str)],
    ) -> Result<T, NotGiven> {
        let door = State(self.0.clone());
        let mut target = question.path().replace("{id}", &encoded(id));
        for (place, (name, value)) in query.iter().enumerate() {
            let sign = if place == 0 { '?' } else { '&' };
            target.push_str(&format!("{sign}{name}={}", encoded(value)));
        }
        let call = call(Method::GET, &target, id, None)?;
        let answer = match question {
            Question::Catalogue => catalogue::show(door, call).await,
            Question::Subscriber => subscribers::show(door, call).await,
            Question::Statement => statement::show(door, call).await,
            Question::Order => orders::show(door, call).await,
            Question::Tickets => tickets::show(door, call).await,
            Question::Texts => texts::show(door, call).await,
            Question::Products => products::list(door, call).await,
            Question::Product => products::show(door, call).await,
            Question::Sps => sps::list(door, call).await,
            Question::SpApplications => sp_applications::list(door, call).await,
            Question::SpKeys => sp_keys::list(door, call).await,
        };
        told(answer).await
    }

    /// The answer to a change of `id`, made once under the request id `key`.
    pub(crate) async fn change<T: DeserializeOwned>(
        &self,
        change: Change,
        id: &str,
        key: &str,
        body: Option<&Value>,
    ) -> Result<T, NotGiven> {
        let door = State(self.0.clone());
        let (method, path) = change.path();
        let call = call(method, &path.replace("{id}", &encoded(id)), id, Some((key, body)))?;
        let answer = match change {
            // Purchases wait for other provinces: on the heap, so that no page has room for them.
            Change::PlaceOrder => Box::pin(orders::place(door, call)).await,
            Change::Confirm => confirmations::confirm(door, call).await,
            Change::ShowCards => cards::reveal(door, call).await,
            Change::Freeze => accounts::freeze(door, call).await,
            Change::Unfreeze => accounts::unfreeze(door, call).await,
            Change::UploadProduct => products::upload(door, call).await,
            Change::Amend => products::change(door, call).await,
            Change::ReviewProduct => products::review(door, call).await,
            Change::PublishProduct => products::publish(door, call).await,
            Change::WithdrawProduct => products::withdraw(door, call).await,
            Change::ReviewSp => sp_applications::review::decide(door, call).await,
            Change::SuspendSp => sps::suspend(door, call).await,
            Change::ResumeSp => sps::resume(door, call).await,
        };
        told(answer).await
    }

    /// Proves who a subscriber of this province is. Gives the number, and the version of the password that was right.
    pub(crate) async fn sign_in(&self, msisdn: &str, password: &str) -> Result<(Msisdn, u32), NotGiven> {
        let (msisdn, password) = (field::msisdn("msisdn", msisdn)?, field::password("payment_password", password)?);
        self.0.admit(msisdn.number())?;
        if self.0.home_elsewhere(msisdn)?.is_some() {
            return Err(Problem::refused(Refusal::NotHome).blaming("msisdn").into());
        }
        let version = self.0.home.sign_in(msisdn, password).await.map_err(Problem::from)?;
        Ok((msisdn, version))
    }

    /// What is seen in a state that holds everything acknowledged before.
    pub(crate) async fn look<R: Send>(
        &self,
        look: impl Fn(&mpss_domain::State) -> R + Send + Sync,
    ) -> Result<R, NotGiven> {
        let found = self.0.context.replica.read_linearizable(look).await;
        found.map_err(|error| Problem::from(NotDone::from(error)).into())
    }
}

impl Question {
    const fn path(self) -> &'static str {
        match self {
            Self::Catalogue => "/v1/catalogue",
            Self::Subscriber => "/v1/subscribers/{id}",
            Self::Statement => "/v1/accounts/{id}/statement",
            Self::Order => "/v1/orders/{id}",
            Self::Tickets => "/v1/orders/{id}/tickets",
            Self::Texts => "/v1/texts",
            Self::Products => "/v1/products",
            Self::Product => "/v1/products/{id}",
            Self::Sps => "/v1/sps",
            Self::SpApplications => "/v1/sp-applications",
            Self::SpKeys => "/v1/sps/{id}/keys",
        }
    }
}

impl Change {
    /// How it is asked at the callers' door, in case another province has to be asked.
    const fn path(self) -> (Method, &'static str) {
        match self {
            Self::PlaceOrder => (Method::POST, "/v1/orders"),
            Self::Confirm => (Method::POST, "/v1/confirmations"),
            Self::ShowCards => (Method::POST, "/v1/orders/{id}/cards"),
            Self::Freeze => (Method::POST, "/v1/accounts/{id}/freeze"),
            Self::Unfreeze => (Method::POST, "/v1/accounts/{id}/unfreeze"),
            Self::UploadProduct => (Method::POST, "/v1/products"),
            Self::Amend => (Method::PUT, "/v1/products/{id}"),
            Self::ReviewProduct => (Method::POST, "/v1/products/{id}/review"),
            Self::PublishProduct => (Method::POST, "/v1/products/{id}/publish"),
            Self::WithdrawProduct => (Method::POST, "/v1/products/{id}/withdraw"),
            Self::ReviewSp => (Method::POST, "/v1/sp-applications/{id}/review"),
            Self::SuspendSp => (Method::POST, "/v1/sps/{id}/suspend"),
            Self::ResumeSp => (Method::POST, "/v1/sps/{id}/resume"),
        }
    }
}

fn call(method: Method, target: &str, id: &str, change: Option<(&str, Option<&Value>)>) -> Result<Call, NotGiven> {
    let mut request = Request::builder().method(method).uri(target);
    let mut bytes = Bytes::new();
    if let Some((key, body)) = change {
        request = request.header(IDEMPOTENCY_KEY, key);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json");
            bytes = serde_json::to_vec(body).expect("a value can be written as JSON").into();
        }
    }
    let request = request.body(Body::empty()).map_err(|_| NotGiven::from(EdgeCode::InvalidId))?;
    // The names of the paths that are asked for by a number.
    let params = ["id", "msisdn"].map(|name| (name.to_owned(), id.to_owned()));
    Ok(Call::inside(request.into_parts().0, bytes, params.into()))
}

/// What an answer says.
async fn told<T: DeserializeOwned>(answer: Answer) -> Result<T, NotGiven> {
    let response = answer.unwrap_or_else(IntoResponse::into_response);
    let status = response.status();
    let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let unclear = |error: serde_json::Error| {
        tracing::error!(%error, %status, "an answer of the callers' interface was not understood");
        // The change may have been made: nothing may claim that it was not.
        NotGiven::from(EdgeCode::OutcomeUnknown)
    };
    if status.is_success() {
        serde_json::from_slice(&body).map_err(unclear)
    } else {
        let mut not_given: NotGiven = serde_json::from_slice(&body).map_err(unclear)?;
        if StatusCode::from_u16(not_given.status).is_err() {
            not_given.status = status.as_u16();
        }
        Err(not_given)
    }
}

/// Percent-encoded, as part of a path or a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
