//! Who signs in by name and a long password: reviewers and people of SPs.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use mpss_domain::SpId;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::page::{Page, Trouble};
use super::session::Who;
use super::visit::Visit;
use crate::long_password;

#[derive(Template)]
#[template(path = "portal/person.html")]
struct Shown {
    p: Page,
    name: String,
}

/// What is judged when there is nobody in the settings at all: it never matches.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl Visit {
    /// The reviewer who has signed in, by name; else the page that says so.
    pub(super) fn must_be_reviewer(&self) -> Result<String, Box<Response>> {
        let name = self.person_name().ok_or_else(|| Box::new(self.person_wanted()))?;
        match self.portal.person(name).filter(|person| person.role == "reviewer") {
            Some(_) => Ok(name.to_owned()),
            None => Err(Box::new(self.nowhere())),
        }
    }

    /// The person of an SP who has signed in, by name, and the SP; else the page that says so.
    pub(super) fn must_be_of_sp(&self) -> Result<(String, SpId), Box<Response>> {
        let name = self.person_name().ok_or_else(|| Box::new(self.person_wanted()))?;
        match self.portal.person(name).and_then(mpss_config::PersonSettings::sp_id) {
            Some(sp) => Ok((name.to_owned(), sp)),
            None => Err(Box::new(self.nowhere())),
        }
    }

    fn person_wanted(&self) -> Response {
        let why = if self.is_over { self.w.session_over } else { self.w.not_signed_in };
        self.message(StatusCode::UNAUTHORIZED, why, "not_signed_in")
    }

    /// Where whoever has signed in by name begins.
    fn begins_at(&self, name: &str) -> &'static str {
        let is_reviewer = self.portal.person(name).is_some_and(|person| person.role == "reviewer");
        if is_reviewer { "/desk" } else { "/sp" }
    }
}

pub(super) async fn show(visit: Visit) -> Response {
    match visit.person_name() {
        Some(name) => visit.goes_to(visit.begins_at(name)),
        None => page(&visit, StatusCode::OK, None),
    }
}

fn page(visit: &Visit, status: StatusCode, why: Option<(&str, &str, &str)>) -> Response {
    let mut p = visit.page(visit.w.sign_in, "/people/sign-in");
    p.trouble = why.map(|(field, text, code)| Trouble {
        field: field.to_owned(),
        text: text.to_owned(),
        code: code.to_owned(),
    });
    visit.shows(status, &Shown { p, name: visit.form.get("name").to_owned() })
}

pub(super) async fn judge(mut visit: Visit) -> Response {
    let name = visit.form.get("name").to_owned();
    let now = visit.portal.context.seams.clock.monotonic();
    // The address first: who has guessed too often from one does not go on to lock other people's names.
    if !visit.portal.from.begin(&visit.address, now) || !visit.portal.names.begin(&name, now) {
        return page(&visit, StatusCode::TOO_MANY_REQUESTS, Some(("", visit.w.locked, "too_many_attempts")));
    }
    if !is_right(&visit, &name).await {
        let why = ("password", visit.w.wrong_person, "wrong_name_or_password");
        return page(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(why));
    }
    visit.portal.names.forgive(&name);
    visit.portal.from.forgive(&visit.address);
    let begins_at = visit.begins_at(&name);
    visit.begin_session(Who::Person { name });
    visit.goes_to(begins_at)
}

/// Compares the password on a thread of its own, few at a time. A name that nobody has costs the same.
async fn is_right(visit: &Visit, name: &str) -> bool {
    let portal = &visit.portal;
    let known = portal.person(name).map(|person| person.password_hash.clone());
    let somebody = || portal.context.settings.portal_people.values().next().map(|person| person.password_hash.clone());
    let hash = known.clone().or_else(somebody).unwrap_or_else(|| NOBODYS.to_owned());
    let password = Zeroizing::new(visit.form.get("password").to_owned());
    let Ok(place) = portal.hashing.clone().acquire_owned().await else { return false };
    let (tell, told) = oneshot::channel();
    let compare = async move {
        let right = long_password::is_right(&password, &hash);
        drop(place);
        // Whoever has hung up does not want to know.
        let _ = tell.send(right);
    };
    let _running = portal.context.seams.spawner.spawn_dedicated("portal-password", Box::pin(compare));
    told.await.unwrap_or(false) && known.is_some()
}
