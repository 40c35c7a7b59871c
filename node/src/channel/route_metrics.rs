//! Counters and durations of each route. Handles are made once and kept, so that a request costs no
//! look-up in the recorder.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use axum::http::Method;

/// Statuses that are counted by themselves; any other is counted as `other`.
const STATUSES: [u16; 16] = [200, 201, 202, 204, 400, 404, 405, 408, 413, 415, 422, 429, 500, 502, 503, 504];

/// Metrics of all routes of one door.
pub(crate) struct RouteMetrics {
    routes: HashMap<String, Vec<(Method, Slot)>>,
    unmatched: Slot,
}

struct Slot {
    method: &'static str,
    route: String,
    seconds: OnceLock<metrics::Histogram>,
    statuses: [OnceLock<metrics::Counter>; STATUSES.len()],
    other: OnceLock<metrics::Counter>,
}

impl RouteMetrics {
    /// Metrics of these routes: path template and methods.
    pub(crate) fn new<'a>(routes: impl IntoIterator<Item = (&'a str, Method)>) -> Self {
        let mut table: HashMap<String, Vec<(Method, Slot)>> = HashMap::new();
        for (path, method) in routes {
            let slot = Slot::new(name_of(&method), path);
            table.entry(path.to_owned()).or_default().push((method, slot));
        }
        Self { routes: table, unmatched: Slot::new("other", "unmatched") }
    }

    /// Counts one answered request. What the caller made up (paths, methods) never becomes a label.
    pub(crate) fn record(&self, route: Option<&str>, method: &Method, status: u16, took: Duration) {
        let slots = route.and_then(|route| self.routes.get(route));
        let slot = slots.and_then(|slots| slots.iter().find(|(known, _)| known == method)).map(|(_, slot)| slot);
        slot.unwrap_or(&self.unmatched).record(status, took);
    }
}

impl Slot {
    fn new(method: &'static str, route: &str) -> Self {
        Self {
            method,
            route: route.to_owned(),
            seconds: OnceLock::new(),
            statuses: [const { OnceLock::new() }; STATUSES.len()],
            other: OnceLock::new(),
        }
    }

    fn record(&self, status: u16, took: Duration) {
        let counter = |status: String| {
            metrics::counter!("mpss_http_requests_total",
                "method" => self.method, "route" => self.route.clone(), "status" => status)
        };
        let count = match STATUSES.iter().position(|known| *known == status) {
            Some(place) => self.statuses[place].get_or_init(|| counter(status.to_string())),
            None => self.other.get_or_init(|| counter("other".to_owned())),
        };
        count.increment(1);
        let seconds =
            || metrics::histogram!("mpss_http_seconds", "method" => self.method, "route" => self.route.clone());
        self.seconds.get_or_init(seconds).record(took);
    }
}

const METHODS: [(Method, &str); 5] = [
    (Method::GET, "GET"),
    (Method::POST, "POST"),
    (Method::PUT, "PUT"),
    (Method::PATCH, "PATCH"),
    (Method::DELETE, "DELETE"),
];

fn name_of(method: &Method) -> &'static str {
    METHODS.iter().find(|(known, _)| known == method).map_or("other", |(_, name)| *name)
}
