//! The portals against a real replica, as browsers ask.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use mpss_config::{PersonSettings, Settings};
use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::{Money, Msisdn, Outcome, ProductId, Scope, SpId, State, StateVersion, Verb};
use mpss_runtime::real::OsRandom;
use tower::ServiceExt;

use super::session::{Seal, Session, Who};
use super::{STYLE, router};
use crate::channel::http::{HttpOptions, encoded, router_and_inside};
use crate::node::trial::{RIGHT, Trial, local, visitor};

mod guarding;
mod people;
mod subscribers;

const HOST: &str = "portal.test";
const KEY: &str = "8d";

/// The portals of a province of one replica.
struct Site {
    trial: Trial,
    router: Router,
}

impl Site {
    async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    async fn open_with(change: impl FnOnce(&mut Settings)) -> Self {
        let trial = Trial::start_with(|settings| {
            settings.portal.session_key = KEY.repeat(32);
            settings.portal.address_requests_per_second = 0;
            change(settings);
        })
        .await;
        let raised = trial.propose(Verb::RaiseVersion { to: StateVersion::DOORS }).await;
        assert_eq!(raised.outcome, Outcome::Done);
        let options = HttpOptions::new(&trial.context.settings.door, Arc::new(String::new));
        let (context, home, serving) = (trial.context.clone(), trial.home.clone(), trial.serving.clone());
        let (_, _, inside) = router_and_inside(context.clone(), home, serving, options);
        let (router, _) = router(context, inside).unwrap();
        Self { trial, router }
    }

    fn browser(&self) -> Browser<'_> {
        Browser { site: self, cookies: BTreeMap::new(), origin: Some(format!("http://{HOST}")), language: "en" }
    }

    /// Everything that could have moved.
    fn digest(&self) -> u128 {
        self.trial.context.replica.read(State::digest)
    }

    fn orders(&self) -> usize {
        self.trial.context.replica.read(|state| state.orders().count())
    }

    /// A subscriber with money, signed in.
    async fn signed_in(&self, last: u64) -> Browser<'_> {
        self.trial.open(local(last), Money::yuan(50)).await;
        let mut browser = self.browser();
        let seen = browser.signs_in(local(last), RIGHT).await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.text);
        browser
    }

    async fn sp(&self, name: &str) -> SpId {
        let admit = Verb::AdmitSp { name: name.to_owned(), notice_url: format!("http://{name}") };
        match self.trial.propose(admit).await.outcome {
            Outcome::Sp(sp) => sp,
            outcome => panic!("{outcome:?}"),
        }
    }

    async fn upload(&self, sp: SpId, title: &str, by: &str) -> ProductId {
        let terms = Terms {
            sp,
            title: title.to_owned(),
            application: Application::Lottery,
            scope: Scope::Local,
            price: Money::yuan(1),
            delivery_deadline_ms: 60_000,
        };
        match self.trial.propose(Verb::UploadProduct { product: None, terms, by: by.to_owned() }).await.outcome {
            Outcome::Product(product) => product,
            outcome => panic!("{outcome:?}"),
        }
    }
}

/// A browser with its cookies.
struct Browser<'a> {
    site: &'a Site,
    cookies: BTreeMap<String, String>,
    origin: Option<String>,
    language: &'static str,
}

/// What a browser was answered.
struct Seen {
    status: StatusCode,
    text: String,
    location: String,
    set_cookies: Vec<String>,
    policy: String,
    cache: String,
}

impl Seen {
    /// The value of a hidden field, the last one when there are several forms.
    fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let from = self.text.rfind(&start).unwrap_or_else(|| panic!("no {name}: {}", self.text)) + start.len();
        self.text[from..].split('"').next().unwrap().to_owned()
    }

    #[track_caller]
    fn says(&self, status: u16, code: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert!(self.text.contains(&format!("<code>{code}</code>")), "{code}: {}", self.text);
    }
}

impl Browser<'_> {
    async fn ask(&mut self, method: &str, path: &str, form: Option<String>) -> Seen {
        let mut request = Request::builder().method(method).uri(path).header("host", HOST);
        request = request.header("accept-language", self.language);
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request = request.header("cookie", cookies.join("; "));
        if let Some(origin) = self.origin.as_ref().filter(|_| method == "POST") {
            request = request.header("origin", origin);
        }
        if form.is_some() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let request = request.body(Body::from(form.unwrap_or_default())).unwrap();
        let response = self.site.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let header =
            |name: &str| parts.headers.get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned());
        let set_cookies: Vec<String> =
            parts.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect();
        for cookie in &set_cookies {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let bytes = body.collect().await.unwrap().to_bytes();
        Seen {
            status: parts.status,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
            location: header("location"),
            set_cookies,
            policy: header("content-security-policy"),
            cache: header("cache-control"),
        }
    }

    async fn get(&mut self, path: &str) -> Seen {
        self.ask("GET", path, None).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let form: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.ask("POST", path, Some(form.join("&"))).await
    }

    /// Fills in a form of `page` and sends it.
    async fn fills(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> Seen {
        let shown = self.get(page).await;
        let token = shown.field("form_token");
        let id = if shown.text.contains("name=\"request_id\"") { shown.field("request_id") } else { "x".to_owned() };
        let mut all = vec![("form_token", token.as_str()), ("request_id", id.as_str())];
        all.extend_from_slice(fields);
        self.post(path, &all).await
    }

    async fn signs_in(&mut self, msisdn: Msisdn, password: &str) -> Seen {
        let number = msisdn.to_string();
        self.fills("/sign-in", "/sign-in", &[("msisdn", &number), ("payment_password", password)]).await
    }

    /// Buys a product and gives the path of its order.
    async fn buys(&mut self, product: ProductId) -> String {
        let (page, path) = (format!("/goods/{product}"), format!("/goods/{product}/buy"));
        let seen = self.fills(&page, &path, &[("how", "password"), ("payment_password", RIGHT)]).await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.text);
        seen.location
    }
}
