//! The portals: pages for subscribers at `/`, for reviewers at `/desk`, for SPs at `/sp`. They work without any script, on
//! 240 pixels as on a desk.
//!
//! ```text
//!  guard ─▶ route ─▶ Visit (language, session, whole form, is the form ours?) ─▶ page ─▶ Inside: what the callers' door does
//!                                       └─no: 403, nothing happened               └─▶ answer: HTML, cookies, headers
//! ```
//!
//! A page decides nothing about money: it asks the handlers of the callers' interface, in the same process. Who may ask is
//! decided here: the session says whose, and whatever is shown belongs to whoever the session is of. Design and limits are in
//! `docs/decisions/0406-portals.md`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use mpss_config::{PersonSettings, PortalSettings};
use tokio::sync::Semaphore;

use super::guard::{Guard, GuardParts};
use super::http::{Inside, Rates};
use super::in_flight::InFlight;
use super::route_metrics::RouteMetrics;
use super::whole_body::BodyBounds;
use crate::node::Context;

mod accounts;
mod answer;
mod buy;
mod cards;
mod catalogue;
mod confirm;
mod desk;
mod form;
mod goods;
mod goods_form;
mod lockout;
mod orders;
mod page;
mod people;
mod session;
mod sign_in;
mod sp_pages;
mod statement;
mod table;
mod texts;
mod view;
mod visit;
mod words;

#[cfg(test)]
mod tests;

use answer::with_headers;
use lockout::Lockout;
use session::Seal;

/// The one stylesheet.
const STYLE: &str = include_str!("../../../templates/portal/portal.css");
const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
const FOR_AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// What the pages work with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Portal(Arc<PortalParts>);

pub(crate) struct PortalParts {
    context: Context,
    inside: Inside,
    seal: Seal,
    body: BodyBounds,
    addresses: Rates,
    /// Wrong passwords by address, of subscribers and people.
    from: Lockout,
    /// Wrong passwords by name.
    names: Lockout,
    /// Long passwords being compared.
    hashing: Arc<Semaphore>,
}

impl std::ops::Deref for Portal {
    type Target = PortalParts;
    fn deref(&self) -> &PortalParts {
        &self.0
    }
}

impl PortalParts {
    fn settings(&self) -> &PortalSettings {
        &self.context.settings.portal
    }

    fn now_ms(&self) -> u64 {
        self.context.seams.clock.wall_ms()
    }

    /// Somebody of the settings, while the settings have them.
    fn person(&self, name: &str) -> Option<&PersonSettings> {
        self.context.settings.portal_people.get(name)
    }
}

/// Every page with its methods.
fn pages() -> Vec<(&'static str, MethodRouter<Portal>, &'static [Method])> {
    const GET: &[Method] = &[Method::GET];
    const POST: &[Method] = &[Method::POST];
    const BOTH: &[Method] = &[Method::GET, Method::POST];
    vec![
        ("/", get(catalogue::show), GET),
        ("/sign-in", get(sign_in::show).post(sign_in::judge), BOTH),
        ("/sign-out", post(sign_in::end), POST),
        ("/goods/{id}", get(goods::show), GET),
        ("/goods/{id}/buy", post(buy::place), POST),
        ("/orders/{id}", get(orders::show), GET),
        ("/orders/{id}/confirm", post(confirm::decide), POST),
        ("/orders/{id}/cards", post(cards::reveal), POST),
        ("/accounts", get(accounts::show), GET),
        ("/accounts/{id}", get(statement::show), GET),
        ("/accounts/{id}/freeze", post(accounts::freeze), POST),
        ("/accounts/{id}/thaw", post(accounts::thaw), POST),
        ("/texts", get(texts::show), GET),
        ("/people/sign-in", get(people::show).post(people::judge), BOTH),
        ("/people/sign-out", post(sign_in::end), POST),
        ("/desk", get(desk::show), GET),
        ("/desk/goods/{id}/review", post(desk::review), POST),
        ("/desk/goods/{id}/publish", post(desk::publish), POST),
        ("/desk/goods/{id}/withdraw", post(desk::withdraw), POST),
        ("/desk/applications", get(desk::applications), GET),
        ("/desk/applications/{id}/review", post(desk::decide), POST),
        ("/desk/sps", get(desk::sps), GET),
        ("/desk/sps/{id}/suspend", post(desk::suspend), POST),
        ("/desk/sps/{id}/resume", post(desk::resume), POST),
        ("/sp", get(sp_pages::show), GET),
        ("/sp/goods", post(sp_pages::upload), POST),
        ("/sp/goods/{id}", get(sp_pages::show_product).post(sp_pages::change), BOTH),
        ("/sp/goods/{id}/withdraw", post(sp_pages::withdraw), POST),
        ("/sp/orders", get(sp_pages::orders), GET),
        ("/sp/settlement", get(sp_pages::settlement), GET),
        ("/sp/keys", get(sp_pages::keys), GET),
        ("/portal.css", get(style), GET),
    ]
}

/// The portals of a node, and what counts their requests; nothing when the settings have no key for sessions.
pub(crate) fn router(context: Context, inside: Inside) -> Option<(Router, InFlight)> {
    let (settings, door) = (&context.settings.portal, &context.settings.door);
    let seal = Seal::new(&settings.key_bytes()?);
    let body_deadline = Duration::from_millis(door.header_deadline_ms);
    let in_flight = InFlight::new(settings.requests_in_flight_max);
    let all = pages();
    let metrics = all.iter().flat_map(|(path, _, methods)| methods.iter().map(|method| (*path, method.clone())));
    let guard = Guard(Arc::new(GuardParts {
        clock: Arc::clone(&context.seams.clock),
        in_flight: in_flight.clone(),
        deadline: Duration::from_millis(door.request_deadline_ms),
        body_deadline,
        metrics: RouteMetrics::new(metrics),
        deadline_header: None,
    }));
    let (random, lock) = (&*context.seams.random, Duration::from_millis(settings.lock_ms));
    let parts = PortalParts {
        inside,
        seal,
        body: BodyBounds { bytes_max: settings.form_bytes_max, deadline: body_deadline },
        addresses: Rates::new(settings.address_requests_per_second, random),
        from: Lockout::new(settings.address_wrong_max, lock, random),
        names: Lockout::new(settings.wrong_max, lock, random),
        hashing: Arc::new(Semaphore::new(settings.hashes_at_once_max)),
        context,
    };
    let routed = all.into_iter().fold(Router::new(), |router, (path, page, _)| router.route(path, page));
    let router = routed
        .fallback(nowhere)
        .method_not_allowed_fallback(nowhere)
        .layer(guard)
        .layer(axum::middleware::map_response(with_headers))
        .with_state(Portal(Arc::new(parts)));
    Some((router, in_flight))
}

async fn nowhere(visit: visit::Visit) -> Response {
    visit.nowhere()
}

async fn style() -> Response {
    ([(CONTENT_TYPE, CSS), (CACHE_CONTROL, FOR_AN_HOUR)], STYLE).into_response()
}
