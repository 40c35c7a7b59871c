//! What stands before every handler: a bound on requests under way, a deadline, and an answer even
//! when a handler panics.
//!
//! ```text
//!  request ─▶ place free? ─no─▶ 503 at once, nothing happened
//!                 │yes
//!                 ▼
//!             handler ─▶ answer                        counted, timed
//!                 ├─ panics  ─▶ 500, logged
//!                 └─ too slow ─▶ 504 for a change (it may have been proposed), 503 for a question
//! ```

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, Method};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use mpss_runtime::Clock;
use tower::{Layer, Service};
use tracing::Instrument;

use super::in_flight::InFlight;
use super::route_metrics::RouteMetrics;
use crate::intake::{EdgeCode, Problem, trace};

/// How much longer than usual a question may take that asks to wait (`Prefer: wait=N`).
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(60);

/// What a caller would like (RFC 7240).
pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");

/// These must answer when everything else is refused.
const ALWAYS_ANSWERED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// What a guard works with.
pub(crate) struct GuardParts {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) in_flight: InFlight,
    /// Time for a handler once its request is complete; reading the body has its own bound.
    pub(crate) deadline: Duration,
    pub(crate) body_deadline: Duration,
    pub(crate) metrics: RouteMetrics,
    /// The header by which a caller bounds the deadline further, in ms, where one is known.
    pub(crate) deadline_header: Option<HeaderName>,
}

/// The layer.
#[derive(Clone)]
pub(crate) struct Guard(pub(crate) Arc<GuardParts>);

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;
    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { parts: Arc::clone(&self.0), inner }
    }
}

/// A guarded service.
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    parts: Arc<GuardParts>,
    inner: S,
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let parts = Arc::clone(&self.parts);
        let began = parts.clock.monotonic();
        let method = request.method().clone();
        let route = request.extensions().get::<MatchedPath>().cloned();
        let place = parts.in_flight.enter();
        let exempt = place.is_none() && ALWAYS_ANSWERED.contains(&request.uri().path());
        if place.is_none() && !exempt {
            let response = Problem::edge(EdgeCode::Busy).into_response();
            parts.metrics.record(route.as_ref().map(MatchedPath::as_str), &method, 503, Duration::ZERO);
            return Box::pin(std::future::ready(Ok(response)));
        }
        let deadline = parts.deadline_of(request.headers());
        let span = request_span(&method, route.as_ref(), request.headers());
        // Handlers own what they work on and leave it behind when they panic; what is shared is
        // guarded by locks that do not poison.
        let handler = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        let work = async move {
            let mut handler = std::pin::pin!(handler);
            // Whoever can answer at once never sets a timer.
            let answer = match futures::poll!(&mut handler) {
                Poll::Ready(answer) => Some(answer),
                Poll::Pending => {
                    let over = parts.clock.sleep(deadline);
                    tokio::select! {
                        biased;
                        answer = &mut handler => Some(answer),
                        () = over => None,
                    }
                }
            };
            drop(place);
            let changes = is_change(&method);
            let response = match answer {
                Some(Ok(Ok(response))) => response,
                Some(Err(panic)) => {
                    tracing::error!(what = panic_text(panic.as_ref()), "a handler panicked");
                    Problem::edge(EdgeCode::Internal).into_response()
                }
                None if changes => Problem::edge(EdgeCode::OutcomeUnknown).into_response(),
                None => Problem::edge(EdgeCode::DeadlinePassed).into_response(),
            };
            let status = response.status().as_u16();
            let took = parts.clock.monotonic().saturating_sub(began);
            let route = route.as_ref().map(MatchedPath::as_str);
            parts.metrics.record(route, &method, status, took);
            // The span is for whoever looks closely; what went wrong is told in any case.
            if status >= 500 {
                tracing::warn!(%method, route, status, took_ms = took.as_millis(), "not done");
            } else if changes {
                tracing::debug!(status, took_ms = took.as_millis(), "answered");
            }
            Ok(response)
        };
        if span.is_disabled() { Box::pin(work) } else { Box::pin(work.instrument(span)) }
    }
}

impl GuardParts {
    fn deadline_of(&self, headers: &HeaderMap) -> Duration {
        let asked = self.deadline_header.as_ref().and_then(|name| headers.get(name));
        let asked = asked.and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_millis);
        let usual = self.deadline + self.body_deadline;
        let usual = if headers.contains_key(PREFER) { usual + WAIT_MAX } else { usual };
        asked.map_or(usual, |asked| asked.min(usual))
    }
}

/// True for methods that may change something.
pub(crate) fn is_change(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The span of a request. The path is the route's template: what callers put into paths (numbers)
/// does not end in logs.
fn request_span(method: &Method, route: Option<&MatchedPath>, headers: &HeaderMap) -> tracing::Span {
    let span = tracing::debug_span!(
        "request",
        %method,
        route = route.map_or("unmatched", MatchedPath::as_str),
        trace_id = tracing::field::Empty,
        order_id = tracing::field::Empty,
        payment_id = tracing::field::Empty,
        transfer_id = tracing::field::Empty,
    );
    if let Some(trace) = trace::trace_id(headers).filter(|_| !span.is_disabled()) {
        span.record("trace_id", trace);
    }
    span
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::routing::{get, post};
    use mpss_runtime::real::TokioClock;
    use tower::ServiceExt;

    fn guarded(deadline: Duration) -> (Router, InFlight) {
        let in_flight = InFlight::new(1);
        let parts = GuardParts {
            clock: Arc::new(TokioClock::new()),
            in_flight: in_flight.clone(),
            deadline,
            body_deadline: Duration::ZERO,
            metrics: RouteMetrics::new([("/panic", Method::GET)]),
            deadline_header: Some(HeaderName::from_static("mpss-deadline-ms")),
        };
        let router = Router::new()
            .route("/panic", get(|| async { panic!("a bug") as &str }).post(|| async { panic!("a bug") as &str }))
            .route("/never", get(std::future::pending::<&str>).post(std::future::pending::<&str>))
            .route("/good", post(|| async { "done" }))
            .layer(Guard(Arc::new(parts)));
        (router, in_flight)
    }

    async fn ask(router: &Router, method: &str, path: &str, deadline_ms: &str) -> Response {
        let request = Request::builder().method(method).uri(path).header("mpss-deadline-ms", deadline_ms);
        router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("never fails")
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_gives_its_place_back() {
        let (router, in_flight) = guarded(Duration::from_secs(60));
        for method in ["GET", "POST", "GET"] {
            let response = ask(&router, method, "/panic", "60000").await;
            assert_eq!(response.status(), 500);
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            // It may have happened before the bug: nothing may claim that it did not.
            assert!(!response.headers().contains_key("mpss-not-done"));
            assert_eq!(in_flight.count(), 0);
        }
        assert_eq!(ask(&router, "POST", "/good", "60000").await.status(), 200);
    }

    #[tokio::test]
    async fn a_caller_may_bound_the_deadline_but_not_stretch_it() {
        let (router, in_flight) = guarded(Duration::from_millis(50));
        for (method, deadline_ms, status) in [("GET", "10", 503), ("POST", "10", 504), ("POST", "99999999", 504)] {
            assert_eq!(ask(&router, method, "/never", deadline_ms).await.status(), status, "{method} {deadline_ms}");
        }
        assert_eq!(in_flight.count(), 0);
    }

    #[tokio::test]
    async fn a_caller_that_hangs_up_gives_its_place_back() {
        let (router, in_flight) = guarded(Duration::from_secs(60));
        let mut asked = Box::pin(ask(&router, "POST", "/never", "60000"));
        assert!(futures::poll!(&mut asked).is_pending());
        assert_eq!(in_flight.count(), 1);
        assert_eq!(ask(&router, "POST", "/good", "60000").await.status(), 503);
        drop(asked);
        assert_eq!(in_flight.count(), 0);
    }
}
