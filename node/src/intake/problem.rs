//! The one form in which a request is answered that was not done: RFC 9457, with a stable code.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use mpss_domain::{OrderId, Refusal};
use serde::Serialize;
use utoipa::ToSchema;

use super::refusal_text;
use crate::not_done::NotDone;

use super::EdgeCode;

/// Media type of a problem document.
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// With value `1` on 429 and 503: the request was surely not carried out.
pub const NOT_DONE: HeaderName = HeaderName::from_static(mpss_routing::wire::NOT_DONE_HEADER);
/// With value `true` when the answer is the first answer to this request id again.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// When a caller without better knowledge should come again, in seconds.
const RETRY_AFTER_S: u32 = 1;
/// Characters of a caller's own text that are repeated to it at most.
const ECHO_CHARS_MAX: usize = 64;

/// Why a request was not done, for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    cause: Cause,
    status: u16,
    detail: Option<Cow<'static, str>>,
    field: Option<Cow<'static, str>>,
    order: Option<OrderId>,
    retry_after_s: Option<u32>,
    replayed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Edge(EdgeCode),
    Refused(Refusal),
}

/// A problem document (RFC 9457) with a stable code and number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Names the kind of problem: `urn:mpss:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "urn:mpss:problem:insufficient_funds")]
    kind: Shown<'a>,
    /// The kind of problem in English, the same for every occurrence.
    #[schema(example = "The available balance is smaller than the amount.")]
    title: &'a str,
    /// The HTTP status, again.
    #[schema(example = 422, minimum = 400, maximum = 599)]
    status: u16,
    /// What happened this time, in English.
    detail: &'a str,
    /// The kind of problem in Chinese.
    #[schema(example = "余额不足")]
    detail_zh: &'a str,
    /// Stable name.
    #[schema(example = "insufficient_funds")]
    code: &'a str,
    /// Stable number: 100 to 999 from the edge, 1000 and above from the rules.
    #[schema(example = 3011)]
    number: u16,
    /// Whether the same request may succeed later without being changed.
    retryable: bool,
    /// The field, query parameter or header to blame, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// The order that was recorded and declined, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "O20260101120000000-44-00001")]
    order_id: Option<String>,
    /// Until when the refusal holds, when that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
    /// With `ticket_used`: when the ticket was checked first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    checked_at: Option<String>,
    /// With `not_visible`: which rule hides the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "roaming_is_for_visitors")]
    because: Option<&'a str>,
}

/// The problem's type, written out.
#[derive(Debug)]
struct Shown<'a>(&'a str);

impl Serialize for Shown<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("urn:mpss:problem:{}", self.0))
    }
}

impl Problem {
    /// The edge does not pass the request on.
    #[must_use]
    pub fn edge(code: EdgeCode) -> Self {
        let retry_after_s = matches!(code.status(), 429 | 503).then_some(RETRY_AFTER_S);
        Self {
            cause: Cause::Edge(code),
            status: code.status(),
            detail: None,
            field: None,
            order: None,
            retry_after_s,
            replayed: false,
        }
    }

    /// The same, with a sentence about this occurrence.
    #[must_use]
    pub fn detailed(code: EdgeCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..Self::edge(code) }
    }

    /// The same, with the field, parameter or header to blame. Names that the caller made up are
    /// shortened and cleaned before they are repeated.
    #[must_use]
    pub fn field(code: EdgeCode, field: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        let field = match field.into() {
            Cow::Borrowed(field) => Cow::Borrowed(field),
            Cow::Owned(field) => Cow::Owned(echo(&field)),
        };
        Self { field: Some(field), ..Self::detailed(code, detail) }
    }

    /// A rule refuses.
    #[must_use]
    pub fn refused(refusal: Refusal) -> Self {
        Self {
            cause: Cause::Refused(refusal),
            status: 422,
            detail: None,
            field: None,
            order: None,
            retry_after_s: None,
            replayed: false,
        }
    }

    /// A question, not a change, that was not answered: nothing can have happened.
    #[must_use]
    pub fn unanswered(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Unknown => Self::edge(EdgeCode::DeadlinePassed),
            not_done => not_done.into(),
        }
    }

    /// What the path names does not exist: 404 where the refusal says so.
    #[must_use]
    pub fn of_path(mut self) -> Self {
        if let Cause::Refused(
            Refusal::AccountNotFound
            | Refusal::OrderNotFound
            | Refusal::PaymentNotFound
            | Refusal::ProductNotFound
            | Refusal::SpNotFound
            | Refusal::TransferNotFound
            | Refusal::BindingNotFound
            | Refusal::WishNotFound
            | Refusal::AwardNotFound
            | Refusal::TopUpNotFound
            | Refusal::UppOrderNotFound
            | Refusal::SpKeyNotFound
            | Refusal::SpApplicationNotFound
            | Refusal::UnknownNumber,
        ) = self.cause
        {
            self.status = 404;
        }
        self
    }

    /// The field of the request that the refusal is about.
    #[must_use]
    pub fn blaming(mut self, field: &'static str) -> Self {
        self.field = Some(Cow::Borrowed(field));
        self
    }

    /// When to come again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        // Rounded up: coming earlier is what must not happen.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        self.retry_after_s = Some(u32::try_from(seconds).unwrap_or(u32::MAX).max(1));
        self
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.cause {
            Cause::Edge(code) => code.code(),
            Cause::Refused(refusal) => refusal.code(),
        }
    }

    /// A sentence about this occurrence.
    #[must_use]
    pub fn because(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// What happened this time, when there is more to say than the code does.
    #[must_use]
    pub fn detail_text(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The field to blame.
    #[must_use]
    pub fn field_name(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// The document.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let (number, title, zh, retryable) = match self.cause {
            Cause::Edge(code) => (code.number(), code.title(), code.text_zh(), code.retryable()),
            Cause::Refused(refusal) => {
                let number = refusal.number();
                (number, refusal_text::english(number), refusal.text_zh(), refusal.retryable())
            }
        };
        let (until, because, explained) = match self.cause {
            Cause::Refused(
                Refusal::PasswordLocked(until) | Refusal::RechargeLocked(until) | Refusal::PaymentCodesLocked(until),
            ) => (Some(until.to_string()), None, None),
            Cause::Refused(Refusal::NotVisible(because)) => (None, Some(because.name()), Some(because.explain())),
            _ => (None, None, None),
        };
        let checked_at = match self.cause {
            Cause::Refused(Refusal::TicketUsed(at)) => Some(at.to_string()),
            _ => None,
        };
        let body = ProblemBody {
            kind: Shown(self.code()),
            title,
            status: self.status,
            detail: self.detail.as_deref().or(explained).unwrap_or(title),
            detail_zh: zh,
            code: self.code(),
            number,
            retryable,
            field: self.field.as_deref(),
            order_id: self.order.map(|order| order.to_string()),
            until,
            checked_at,
            because,
        };
        serde_json::to_vec(&body).expect("a struct of texts and numbers can be written as JSON")
    }
}

impl From<EdgeCode> for Problem {
    fn from(code: EdgeCode) -> Self {
        Self::edge(code)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::refused(refusal)
    }
}

impl From<NotDone> for Problem {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Refused { refusal, order, replayed, .. } => Self { order, replayed, ..Self::refused(refusal) },
            NotDone::Malformed { code: "too_large", what, .. } => Self::detailed(EdgeCode::BodyTooLarge, what),
            NotDone::Malformed { code, field, what } => {
                let known = EdgeCode::ALL.iter().copied().find(|known| known.code() == code);
                Self::field(known.unwrap_or(EdgeCode::InvalidValue), field, what)
            }
            NotDone::Busy { retry_after } => Self::edge(EdgeCode::Busy).retry_after(retry_after),
            NotDone::Unavailable(why) => Self::detailed(EdgeCode::Unavailable, why),
            NotDone::SealKey(why) => Self::detailed(EdgeCode::SealKeyUnavailable, why),
            NotDone::Unknown => Self::edge(EdgeCode::OutcomeUnknown),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_json()));
        *response.status_mut() = StatusCode::from_u16(self.status).expect("the codes' statuses are HTTP's");
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self.status, 429 | 503) {
            headers.insert(NOT_DONE, HeaderValue::from_static("1"));
        }
        if self.replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// A caller's own text as it may be repeated to it: short, and without what could do harm on a
/// screen or in a log.
fn echo(text: &str) -> String {
    text.chars()
        .take(ECHO_CHARS_MAX)
        .map(|char| if char.is_ascii_graphic() || char == ' ' { char } else { '?' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mpss_domain::{HiddenBecause, LogTime};

    fn json(problem: &Problem) -> serde_json::Value {
        serde_json::from_slice(&problem.to_json()).expect("JSON")
    }

    #[test]
    fn a_problem_names_its_kind_its_number_and_the_field() {
        let problem = Problem::field(EdgeCode::InvalidAmount, "price", "at most two places");
        assert_eq!(
            json(&problem),
            serde_json::json!({
                "type": "urn:mpss:problem:invalid_amount", "title": "An amount is not valid", "status": 400,
                "detail": "at most two places", "detail_zh": "金额格式错误", "code": "invalid_amount",
                "number": 105, "retryable": false, "field": "price",
            })
        );
    }

    #[test]
    fn a_refusal_tells_what_it_knows() {
        let locked = json(&Refusal::PasswordLocked(LogTime(1_795_437_296_789)).into());
        assert_eq!((&locked["code"], &locked["number"]), (&"password_locked".into(), &4002.into()));
        assert_eq!(locked["until"], "2026-11-23T12:34:56.789Z");
        let hidden = json(&Refusal::NotVisible(HiddenBecause::RoamingIsForVisitors).into());
        assert_eq!(hidden["because"], "roaming_is_for_visitors");
        assert!(hidden["detail"].as_str().expect("text").contains("visitors"));
    }

    #[test]
    fn only_what_surely_did_not_happen_says_so() {
        for (not_done, status, sure) in [
            (NotDone::Busy { retry_after: Duration::from_millis(1_200) }, 503, true),
            (NotDone::Unavailable("no leader".into()), 503, true),
            (NotDone::SealKey("province 51".into()), 503, true),
            (NotDone::Unknown, 504, false),
            (NotDone::weak_password("new_payment_password"), 400, false),
            (NotDone::Malformed { code: "too_large", field: "", what: "large".into() }, 413, false),
            (NotDone::Refused { refusal: Refusal::AccountFrozen, order: None, replayed: false }, 422, false),
        ] {
            let response = Problem::from(not_done.clone()).into_response();
            assert_eq!(response.status(), status, "{not_done:?}");
            assert_eq!(response.headers().contains_key(NOT_DONE), sure, "{not_done:?}");
            assert_eq!(response.headers().contains_key(RETRY_AFTER), sure, "{not_done:?}");
        }
        let busy = Problem::from(NotDone::Busy { retry_after: Duration::from_millis(1_200) }).into_response();
        assert_eq!(busy.headers()[RETRY_AFTER], "2");
        assert_eq!(Problem::unanswered(NotDone::Unknown).status(), 503);
    }

    #[test]
    fn missing_things_are_404_only_when_the_path_names_them() {
        assert_eq!(Problem::refused(Refusal::OrderNotFound).status(), 422);
        assert_eq!(Problem::refused(Refusal::OrderNotFound).of_path().status(), 404);
        assert_eq!(Problem::refused(Refusal::AccountFrozen).of_path().status(), 422);
    }

    #[test]
    fn made_up_names_are_repeated_harmlessly() {
        let name = format!("<b>\u{202E}\n\u{0}{}", "x".repeat(500));
        let problem = Problem::field(EdgeCode::UnknownField, name, "not known");
        let shown = problem.field_name().expect("a field");
        assert!(shown.starts_with("<b>???x") && shown.len() == ECHO_CHARS_MAX, "{shown}");
    }
}
