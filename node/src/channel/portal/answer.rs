//! Headers that every answer of the portals has.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use super::page::Bare;
use crate::intake::problem::PROBLEM_JSON;

/// Nothing but pages, our stylesheet and forms that come back here; nobody's frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// `no-referrer` would have browsers send `Origin: null` with our own forms; nothing leaves for anywhere else this way.
const REFERRER: HeaderValue = HeaderValue::from_static("same-origin");

static ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, REFERRER),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// Adds them; and what the guard answers in place of a page is said as a page.
pub(super) async fn with_headers(response: Response) -> Response {
    let mut response =
        if response.headers().get(CONTENT_TYPE) == Some(&PROBLEM_JSON) { bare(response.status()) } else { response };
    let headers = response.headers_mut();
    for (name, value) in &ALWAYS {
        headers.insert(name, value.clone());
    }
    // Pages are personal; the stylesheet has said for itself.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A page where nobody knows who asks, in both languages.
fn bare(status: StatusCode) -> Response {
    let (zh, en) = match status {
        StatusCode::GATEWAY_TIMEOUT => (
            "结果未知，请稍后查询，不要重复提交。",
            "The outcome is not known yet. Look again before you send anything twice.",
        ),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            ("系统繁忙，请稍后再试。", "Busy. Try again in a moment.")
        }
        _ => ("系统错误，请稍后再试。", "Something went wrong. Try again later."),
    };
    let page = askama::Template::render(&Bare { zh, en }).unwrap_or_default();
    (status, Html(page)).into_response()
}
