//! The door for service providers that are connected through the ISAG: Parlay X Payment, and texts to
//! subscribers, over SOAP 1.1, with the header of China Telecom's ISAG (product §5 6.3.1, 6.3.5).
//!
//! ```text
//!  message ─▶ envelope ─▶ header ─▶ login ─▶ operation ─▶ charging ─▶ purchases, refunds ─▶ answer in the same names
//!                                         └▶ texting ─▶ outbox ─────────────────────▶
//!                                └▶ notified: what the ISAG tells of texts that go by way of it
//!                                                 each may end with ─▶ fault
//! ```
//!
//! What comes in is read tolerantly, because clients of many years write it in many ways; what goes out is written in
//! one way. Success is HTTP 200 with an empty element, a fault is HTTP 500. It is a router of its own beside the
//! callers': its requests wait for subscribers, so they have a deadline and a bound of their own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use mpss_domain::LogTime;

use super::guard::{Guard, GuardParts};
use super::http::Rates;
use super::in_flight::InFlight;
use super::route_metrics::RouteMetrics;
use super::sms::Words;
use super::whole_body::{BodyBounds, whole_body};
use crate::intake::problem::PROBLEM_JSON;
use crate::isag_sps::IsagSps;
use crate::node::Context;
use crate::serving::Serving;
use crate::soap::{Envelope, in_envelope};

mod charging;
mod fault;
pub mod fuzz;
mod header;
mod login;
mod names;
mod notices;
mod notified;
mod operation;
mod purchases;
mod texting;
mod wsdl;

#[cfg(test)]
mod tests;

pub(crate) use header::REQUEST_HEADER;
pub(crate) use login::{sp_password, time_stamp};
pub(crate) use names::{CTCC_COMMON, Family, Interface, Names};
pub(crate) use texting::DeliveryStatus;
pub(crate) use wsdl::NOTIFY_HEADER;

use charging::Charging;
use fault::{Code, Fault, unknown};
use header::RequestHeader;
use login::Login;
use notified::Told;
use operation::Operation;
use purchases::{Purchases, Served};
use texting::{Texting, Texts};
use wsdl::{Part, described};

/// Where the interfaces are.
const PATH: &str = "/isag/services/{interface}";

/// What SOAP 1.1 is sent as.
const XML: HeaderValue = HeaderValue::from_static("text/xml; charset=utf-8");

/// What the handlers work with. Cheap to clone.
#[derive(Clone)]
struct IsagDoor(Arc<IsagParts>);

struct IsagParts {
    context: Context,
    serving: Serving,
    purchases: Arc<dyn Purchases>,
    login: Login,
    /// What subscribers send, when it comes by way of the ISAG.
    words: Words,
    body: BodyBounds,
    /// How often each SP may ask for texts.
    text_rates: Rates,
}

/// The door of a node, and what counts its requests.
pub(crate) fn router(context: Context, serving: Serving, sps: Arc<dyn IsagSps>) -> (Router, InFlight) {
    let purchases = Arc::new(Served { context: context.clone(), serving: serving.clone() });
    router_over(context, serving, sps, purchases)
}

/// The same over these purchases.
fn router_over(
    context: Context,
    serving: Serving,
    sps: Arc<dyn IsagSps>,
    purchases: Arc<dyn Purchases>,
) -> (Router, InFlight) {
    let (isag, door) = (&context.settings.isag, &context.settings.door);
    let login = Login::new(sps, isag.checks_headers(), isag.time_stamp_window(), isag.replays_max);
    let body_deadline = Duration::from_millis(door.header_deadline_ms);
    let body = BodyBounds { bytes_max: isag.message_bytes_max, deadline: body_deadline };
    let in_flight = InFlight::new(isag.requests_in_flight_max);
    let guard = Guard(Arc::new(GuardParts {
        clock: Arc::clone(&context.seams.clock),
        in_flight: in_flight.clone(),
        deadline: isag.patience() + Duration::from_millis(door.request_deadline_ms),
        body_deadline,
        metrics: RouteMetrics::new([(PATH, Method::GET), (PATH, Method::POST)]),
        deadline_header: None,
    }));
    let text_rates = Rates::new(isag.text_requests_per_second, &*context.seams.random);
    let words = Words::new(context.clone());
    let parts = IsagParts { context, serving, purchases, login, words, body, text_rates };
    let router = Router::new()
        .route(PATH, get(describe).post(take))
        .layer(guard)
        .layer(axum::middleware::map_response(as_fault))
        .with_state(IsagDoor(Arc::new(parts)));
    (router, in_flight)
}

/// What the guard answers in place of a handler is said in SOAP here.
async fn as_fault(response: Response) -> Response {
    if response.headers().get(CONTENT_TYPE) != Some(&PROBLEM_JSON) {
        return response;
    }
    let fault = match response.status() {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Code::NoResources.with([]),
        StatusCode::GATEWAY_TIMEOUT => unknown(),
        _ => Code::Service.with(["internal"]),
    };
    faulty(&fault, Names::served(Family::ParlayX))
}

fn faulty(fault: &Fault, names: Names) -> Response {
    let mut response = xml(StatusCode::INTERNAL_SERVER_ERROR, fault.written(names));
    if matches!(fault, Fault::Coded(Code::NoResources, _)) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn xml(status: StatusCode, text: String) -> Response {
    (status, [(CONTENT_TYPE, XML)], text).into_response()
}

fn interface_named(name: &str) -> Option<Interface> {
    Interface::ALL.into_iter().find(|interface| interface.name() == name)
}

/// Serves the description.
async fn describe(State(door): State<IsagDoor>, Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let part = Part::asked(uri.query().unwrap_or_default());
    let services = format!("http://{}/isag/services", door.0.host(&headers));
    match (interface_named(&name), part) {
        (Some(interface), Some((part, family))) => {
            xml(StatusCode::OK, described(part, interface, family, &format!("{services}/{}", interface.name())))
        }
        (None, Some((Part::Service, _))) if name == notices::INTERFACE => {
            xml(StatusCode::OK, notices::described(&services))
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Takes a message.
async fn take(State(door): State<IsagDoor>, Path(name): Path<String>, request: Request) -> Response {
    let used = door.0.context.settings.isag_texts.is_used();
    let interface = interface_named(&name).filter(|interface| *interface != Interface::SmsNotification || used);
    let Some(interface) = interface else { return StatusCode::NOT_FOUND.into_response() };
    let (parts, body) = request.into_parts();
    match door.0.answer(interface, &parts.headers, body).await {
        Ok(answer) => xml(StatusCode::OK, answer),
        Err((fault, names)) => {
            tracing::info!(interface = interface.name(), code = fault.code(), text = fault.text(), "answered a fault");
            metrics::counter!("mpss_isag_faults_total", "code" => fault.code().to_owned()).increment(1);
            faulty(&fault, names)
        }
    }
}

impl IsagParts {
    /// The host by which this node is asked; where it listens, when it was not said or can not be one.
    fn host(&self, headers: &HeaderMap) -> String {
        let is_host = |text: &&str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
            (1..=255).contains(&text.len()) && text.bytes().all(allowed)
        };
        let asked = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(is_host);
        asked.map_or_else(|| self.context.settings.listen.public.to_string(), str::to_owned)
    }

    /// The answer to a message, or a fault and the names it is told in.
    async fn answer(&self, interface: Interface, headers: &HeaderMap, body: Body) -> Result<String, (Fault, Names)> {
        let unnamed = |fault: Fault| (fault, Names::served(Family::ParlayX));
        is_xml(headers).map_err(unnamed)?;
        let clock = &self.context.seams.clock;
        let message = whole_body(headers, body, &self.body, &**clock).await;
        let message = message.map_err(|problem| unnamed(Fault::Soap("soapenv:Client", problem.code().to_owned())))?;
        let envelope = Envelope::read(&message).map_err(|error| unnamed(error.into()))?;
        let names =
            Names::of_local(&envelope.body.namespace).map_or(Names::served(Family::ParlayX), |(names, _)| names);
        let named = |fault: Fault| (fault, names);
        if let Some(header) = envelope.not_understood(&[REQUEST_HEADER, NOTIFY_HEADER]) {
            return Err(named(Fault::Soap("soapenv:MustUnderstand", header.name.clone())));
        }
        let header = RequestHeader::read(&envelope.headers).map_err(named)?;
        if interface == Interface::SmsNotification {
            self.is_the_isag(&header).map_err(named)?;
            let told = Told::read(&envelope.body).map_err(named)?;
            self.take_notice(&header, &told).await.map_err(named)?;
            return Ok(answered(interface, told.operation(), names, None));
        }
        let (wall, monotonic) = (LogTime(clock.wall_ms()), clock.monotonic());
        let sp = self.login.admit(&header, &message, wall, monotonic).map_err(named)?;
        if interface == Interface::SendSms {
            let texts = Texts::read(&envelope.body).map_err(named)?;
            let texting = Texting { door: self, sp: &sp, header: &header };
            return texting.perform(&texts, names).await.map_err(named);
        }
        let operation = Operation::read(interface, &envelope.body).map_err(named)?;
        let charging = Charging { door: self, sp: &sp, header: &header };
        let result = charging.perform(&operation).await.map_err(named)?;
        Ok(answered(interface, operation.name(), names, result.as_deref()))
    }
}

/// The message that says that an operation was done, with its result where it has one.
fn answered(interface: Interface, operation: &str, names: Names, result: Option<&str>) -> String {
    in_envelope(None, |body| {
        let element = format!("ns1:{operation}Response");
        body.element(&element, &[("xmlns:ns1", &names.local(interface))], |inside| {
            inside.leaf_of("ns1:result", result);
        });
    })
}

/// A message of SOAP 1.1 is `text/xml` in UTF-8.
fn is_xml(headers: &HeaderMap) -> Result<(), Fault> {
    let refused = |why: &str| Err(Fault::Soap("soapenv:Client", why.to_owned()));
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = given.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    if media.eq_ignore_ascii_case("application/soap+xml") {
        return Err(Fault::from(crate::soap::NotSoap::Version));
    }
    if !["text/xml", "application/xml"].iter().any(|known| media.eq_ignore_ascii_case(known)) {
        return refused("a message is text/xml");
    }
    let charset = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.eq_ignore_ascii_case("charset"));
    match charset.map(|(_, charset)| charset.trim_matches('"').to_ascii_lowercase()) {
        None => Ok(()),
        Some(charset) if matches!(charset.as_str(), "utf-8" | "utf8" | "us-ascii") => Ok(()),
        Some(_) => refused("a message is in UTF-8"),
    }
}
