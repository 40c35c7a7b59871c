//! One request of a browser: its language, its sessions, and its form when there is one. A form that is not of a page of the
//! same session never becomes a [`Visit`], so no page can forget to look.

use std::net::IpAddr;

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use mpss_domain::Msisdn;

use super::Portal;
use super::form::Fields;
use super::page::{Message, Page, Plain};
use super::session::{Session, Who, drawn_id};
use super::table::Lang;
use super::words::Words;
use crate::channel::accept::From;
use crate::channel::guard::is_change;
use crate::channel::http::NotGiven;
use crate::channel::whole_body::whole_body;
use crate::intake::EdgeCode;

/// The field of a form that says which page it is from.
pub(super) const TOKEN: &str = "form_token";
/// How long the language is remembered, in seconds.
const LANGUAGE_S: u32 = 31_536_000;
/// The part of its idle time after which a session is sealed anew.
const RENEW: u64 = 10;

/// Which session a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    Subscribers,
    People,
}

/// Cookies of the portals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cookie {
    Guest,
    Subscriber,
    Buyer,
    Person,
}

/// One request of a browser.
pub(super) struct Visit {
    pub(super) portal: Portal,
    pub(super) lang: Lang,
    pub(super) w: &'static Words,
    pub(super) area: Area,
    pub(super) query: Fields,
    pub(super) form: Fields,
    pub(super) address: String,
    id: String,
    subscriber: Option<Session>,
    buyer: Option<Session>,
    person: Option<Session>,
    guest: Session,
    /// A session was there, and is over.
    pub(super) is_over: bool,
    cookies: Vec<HeaderValue>,
}

impl FromRequest<Portal> for Visit {
    type Rejection = Response;

    async fn from_request(request: Request, portal: &Portal) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let params = RawPathParams::from_request_parts(&mut parts, &()).await.ok();
        let id = params.and_then(|params| params.iter().next().map(|(_, value)| value.to_owned())).unwrap_or_default();
        let address = address_of(&parts.headers, parts.extensions.get::<From>(), &portal.settings().address_header);
        let mut visit = Self::begin(portal, parts.uri.path(), parts.uri.query().unwrap_or_default(), &parts.headers);
        (visit.id, visit.address) = (id, address);
        let whose = visit.address.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(131).wrapping_add(byte.into()));
        if portal.addresses.admit(whose, portal.context.seams.clock.monotonic()).is_err() {
            return Err(visit.message(StatusCode::TOO_MANY_REQUESTS, visit.w.too_many, "too_many_requests"));
        }
        if is_change(&parts.method) {
            visit.take_form(&parts.headers, body).await?;
        }
        Ok(visit)
    }
}

impl Visit {
    fn begin(portal: &Portal, path: &str, query: &str, headers: &HeaderMap) -> Self {
        let query = Fields::read(query);
        let (now, random) = (portal.now_ms(), &*portal.context.seams.random);
        let mut is_over = false;
        let mut session = |cookie: Cookie| {
            let name = portal.cookie_name(cookie);
            let found = cookies_of(headers).find(|(known, _)| *known == name);
            let session = portal.seal.open(&name, found?.1)?;
            let good = session.is_good(now, portal.settings()) && portal.is_still(&session.who);
            is_over |= !good;
            good.then_some(session)
        };
        let (subscriber, buyer, person) =
            (session(Cookie::Subscriber), session(Cookie::Buyer), session(Cookie::Person));
        let guest = session(Cookie::Guest);
        let asked = query.said("lang").and_then(Lang::named);
        let lang = asked
            .or_else(|| {
                cookies_of(headers).find(|(name, _)| *name == "mpss-lang").and_then(|(_, word)| Lang::named(word))
            })
            .or_else(|| Lang::accepted(headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?))
            .unwrap_or(Lang::Chinese);
        let begins = |area: &str| path == area || path.strip_prefix(area).is_some_and(|rest| rest.starts_with('/'));
        let people = ["/desk", "/sp", "/people"].into_iter().any(begins);
        let new_guest = guest.is_none();
        let mut visit = Self {
            portal: portal.clone(),
            lang,
            w: Words::of(lang),
            area: if people { Area::People } else { Area::Subscribers },
            query,
            form: Fields::default(),
            address: String::new(),
            id: String::new(),
            subscriber,
            buyer,
            person,
            guest: guest.unwrap_or_else(|| Session::begin(Who::Guest, now, random)),
            is_over,
            cookies: Vec::new(),
        };
        if new_guest {
            visit.set(Cookie::Guest, Some(visit.guest.clone()));
        }
        if asked.is_some() {
            let secure = portal.secure();
            let text =
                format!("mpss-lang={}; Path=/; Max-Age={LANGUAGE_S}; SameSite=Strict; HttpOnly{secure}", lang.word());
            visit.cookies.push(HeaderValue::from_str(&text).expect("words of ours are ASCII"));
        }
        visit.renew(now);
        visit
    }

    /// Seals sessions anew that were used, so that they do not end while somebody is at it.
    fn renew(&mut self, now: u64) {
        let after = self.portal.settings().idle_ms / RENEW;
        for cookie in [Cookie::Subscriber, Cookie::Buyer, Cookie::Person, Cookie::Guest] {
            let Some(session) = self.slot(cookie).filter(|session| now.saturating_sub(session.used_ms) > after) else {
                continue;
            };
            let mut renewed = session.clone();
            renewed.used_ms = now;
            self.set(cookie, Some(renewed));
        }
    }

    fn slot(&self, cookie: Cookie) -> Option<&Session> {
        match cookie {
            Cookie::Guest => Some(&self.guest),
            Cookie::Subscriber => self.subscriber.as_ref(),
            Cookie::Buyer => self.buyer.as_ref(),
            Cookie::Person => self.person.as_ref(),
        }
    }

    async fn take_form(&mut self, headers: &HeaderMap, body: axum::body::Body) -> Result<(), Response> {
        let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") || !is_ours(headers) {
            return Err(self.message(StatusCode::FORBIDDEN, self.w.form_not_ours, "form_not_ours"));
        }
        let read = whole_body(headers, body, &self.portal.body, &*self.portal.context.seams.clock).await;
        let bytes = read.map_err(|problem| self.refused(&problem.into()))?;
        self.form = Fields::read(&String::from_utf8_lossy(&bytes));
        if !self.portal.seal.is_form_of(self.session(), self.form.get(TOKEN)) {
            return Err(self.message(StatusCode::FORBIDDEN, self.w.form_not_ours, "form_not_ours"));
        }
        Ok(())
    }

    /// The session whose forms the pages of this area carry.
    fn session(&self) -> &Session {
        let own = match self.area {
            Area::Subscribers => self.subscriber.as_ref(),
            Area::People => self.person.as_ref(),
        };
        own.unwrap_or(&self.guest)
    }

    /// What stands in the place of `{id}` in the path.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The subscriber who has signed in.
    pub(super) fn subscriber(&self) -> Option<Msisdn> {
        match self.subscriber.as_ref()?.who {
            Who::Subscriber { msisdn, .. } => Msisdn::new(msisdn),
            _ => None,
        }
    }

    /// The subscriber who has signed in; else the page that says so.
    pub(super) fn must_be_subscriber(&self) -> Result<Msisdn, Box<Response>> {
        self.subscriber().ok_or_else(|| {
            let why = if self.is_over { self.w.session_over } else { self.w.not_signed_in };
            Box::new(self.message(StatusCode::UNAUTHORIZED, why, "not_signed_in"))
        })
    }

    /// Whoever took this order without a session, and whether the number is surely theirs.
    pub(super) fn buyer_of(&self, order: &str) -> Option<(Msisdn, bool)> {
        match &self.buyer.as_ref()?.who {
            Who::Buyer { msisdn, order: taken, proved } if taken == order => Some((Msisdn::new(*msisdn)?, *proved)),
            _ => None,
        }
    }

    /// The name of whoever has signed in by one.
    pub(super) fn person_name(&self) -> Option<&str> {
        match &self.person.as_ref()?.who {
            Who::Person { name } => Some(name),
            _ => None,
        }
    }

    /// Begins a session.
    pub(super) fn begin_session(&mut self, who: Who) {
        let cookie = match who {
            Who::Guest => Cookie::Guest,
            Who::Subscriber { .. } => Cookie::Subscriber,
            Who::Buyer { .. } => Cookie::Buyer,
            Who::Person { .. } => Cookie::Person,
        };
        let session = Session::begin(who, self.portal.now_ms(), &*self.portal.context.seams.random);
        self.set(cookie, Some(session));
    }

    /// Ends the session of this area in the browser, with what a guest has.
    pub(super) fn end_session(&mut self) {
        let all: &[Cookie] = match self.area {
            Area::Subscribers => &[Cookie::Subscriber, Cookie::Buyer, Cookie::Guest],
            Area::People => &[Cookie::Person, Cookie::Guest],
        };
        all.iter().for_each(|cookie| self.set(*cookie, None));
    }

    fn set(&mut self, cookie: Cookie, session: Option<Session>) {
        let (name, secure) = (self.portal.cookie_name(cookie), self.portal.secure());
        let (value, age_s) = match &session {
            Some(session) => {
                let value = self.portal.seal.seal(&name, session, &*self.portal.context.seams.random);
                (value, self.portal.settings().session_ms / 1_000)
            }
            None => (String::new(), 0),
        };
        let text = format!("{name}={value}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Strict{secure}");
        self.cookies.push(HeaderValue::from_str(&text).expect("names and seals are ASCII"));
        match (cookie, session) {
            (Cookie::Guest, Some(session)) => self.guest = session,
            (Cookie::Guest, None) => {}
            (Cookie::Subscriber, session) => self.subscriber = session,
            (Cookie::Buyer, session) => self.buyer = session,
            (Cookie::Person, session) => self.person = session,
        }
    }

    /// The request id of the form, as `whose`.
    pub(super) fn request_key(&self, whose: &str) -> Result<String, NotGiven> {
        let id = self.form.get("request_id");
        if id.is_empty() || id.len() > 64 {
            return Err(EdgeCode::MissingIdempotencyKey.into());
        }
        Ok(self.portal.seal.request_key(whose, id))
    }

    /// A page's frame: what all pages have. `back` is the path of the page as it can be asked for again.
    pub(super) fn page(&self, title: &str, back: &str) -> Page {
        let mut other = format!("{back}?");
        for (name, value) in self.query.without("lang") {
            other.push_str(&format!("{name}={}&", crate::channel::http::encoded(value)));
        }
        other.push_str(&format!("lang={}", self.lang.other().word()));
        let who = match self.area {
            Area::Subscribers => self.subscriber().map(|msisdn| msisdn.to_string()),
            Area::People => self.person_name().map(str::to_owned),
        };
        let role = self.person_name().and_then(|name| self.portal.person(name)).map(|person| person.role.as_str());
        Page {
            lang: self.lang,
            w: self.w,
            title: title.to_owned(),
            province: self.province_name(&self.portal.context.province.to_string()),
            is_people: self.area == Area::People,
            is_reviewer: role == Some("reviewer"),
            is_sp: role == Some("sp"),
            who,
            form_token: self.portal.seal.form_token(self.session()),
            request_id: drawn_id(&*self.portal.context.seams.random),
            other_language: other,
            refresh: false,
            trouble: None,
        }
    }

    /// The name of a province, from its code.
    pub(super) fn province_name(&self, code: &str) -> String {
        let province = code.parse::<mpss_domain::ProvinceId>().ok();
        match province {
            Some(province) if province.is_national() => self.w.national.to_owned(),
            Some(province) => self.lang.pick(province.name_zh(), province.name_en()).to_owned(),
            None => code.to_owned(),
        }
    }

    /// A page as the answer.
    pub(super) fn shows(&self, status: StatusCode, page: &impl askama::Template) -> Response {
        match page.render() {
            Ok(html) => self.with_cookies((status, Html(html)).into_response()),
            Err(error) => {
                tracing::error!(%error, "a page can not be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    /// Where the browser is to go on after a change, so that reading the page again changes nothing.
    pub(super) fn goes_to(&self, path: &str) -> Response {
        let mut response = StatusCode::SEE_OTHER.into_response();
        let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
        response.headers_mut().insert(LOCATION, location);
        self.with_cookies(response)
    }

    fn with_cookies(&self, mut response: Response) -> Response {
        for cookie in &self.cookies {
            response.headers_mut().append(SET_COOKIE, cookie.clone());
        }
        response
    }

    /// A page that says one thing.
    pub(super) fn message(&self, status: StatusCode, text: &str, code: &str) -> Response {
        let back = if self.area == Area::People { "/people/sign-in" } else { "/" };
        let page = Plain {
            p: self.page(self.w.refused, back),
            message: Message { text: text.to_owned(), code: code.to_owned() },
        };
        self.shows(status, &page)
    }

    /// A page that says why something is not done.
    pub(super) fn refused(&self, why: &NotGiven) -> Response {
        let status = StatusCode::from_u16(why.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
        self.message(status, self.lang.pick(&why.detail_zh, &why.detail), &why.code)
    }

    /// There is no such page, or it is somebody else's.
    pub(super) fn nowhere(&self) -> Response {
        self.message(StatusCode::NOT_FOUND, self.w.not_found, "not_found")
    }
}

impl super::PortalParts {
    /// The province is in the name: cookies know no ports, and two provinces may be one machine.
    fn cookie_name(&self, cookie: Cookie) -> String {
        let prefix = if self.settings().cookie_secure { "__Host-" } else { "" };
        let what = match cookie {
            Cookie::Guest => "guest",
            Cookie::Subscriber => "subscriber",
            Cookie::Buyer => "buyer",
            Cookie::Person => "person",
        };
        format!("{prefix}mpss-{}-{what}", self.context.province)
    }

    fn secure(&self) -> &'static str {
        if self.settings().cookie_secure { "; Secure" } else { "" }
    }

    /// Is this still who it was? A new payment password, and a person who is taken out of the settings, end their sessions.
    fn is_still(&self, who: &Who) -> bool {
        match who {
            Who::Guest | Who::Buyer { .. } => true,
            Who::Person { name } => self.person(name).is_some(),
            Who::Subscriber { msisdn, password } => {
                let Some(msisdn) = Msisdn::new(*msisdn) else { return false };
                self.context.replica.read(|state| {
                    // A replica that has not heard of the password yet is behind; the session is as new as the password.
                    state.subscriber(msisdn).is_none_or(|row| row.credential.version <= *password)
                })
            }
        }
    }
}

fn cookies_of(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

/// Does the form come from a page of ours, as far as the browser says? Old ones say nothing; the form's token decides then.
fn is_ours(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| Some(origin.split_once("://")?.1));
    origin.is_some() && origin == host
}

/// Who asks: what the proxy says when there is one, else the other end of the connection.
fn address_of(headers: &HeaderMap, from: Option<&From>, header: &str) -> String {
    if header.is_empty() {
        return from.map_or_else(|| "unknown".to_owned(), |from| from.0.to_string());
    }
    let said = headers.get_all(header).iter().next_back().and_then(|value| value.to_str().ok());
    let last = said.and_then(|said| said.rsplit(',').next()).and_then(|last| last.trim().parse::<IpAddr>().ok());
    last.map_or_else(|| "unknown".to_owned(), |address| address.to_string())
}
