//! Signing in with number and payment password, at home; and out.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{Page, Trouble};
use super::session::Who;
use super::visit::{Area, Visit};
use crate::channel::http::NotGiven;
use crate::intake::EdgeCode;

#[derive(Template)]
#[template(path = "portal/sign_in.html")]
struct Shown {
    p: Page,
    msisdn: String,
}

pub(super) async fn show(visit: Visit) -> Response {
    if visit.subscriber().is_some() {
        return visit.goes_to("/");
    }
    page(&visit, None)
}

fn page(visit: &Visit, why: Option<Trouble>) -> Response {
    let status = why.as_ref().map_or(StatusCode::OK, |why| match why.code.as_str() {
        "password_locked" | "too_many_requests" => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    });
    let mut p = visit.page(visit.w.sign_in, "/sign-in");
    p.trouble = why;
    visit.shows(status, &Shown { p, msisdn: visit.form.get("msisdn").to_owned() })
}

pub(super) async fn judge(mut visit: Visit) -> Response {
    match proved(&visit).await {
        Ok((msisdn, password)) => {
            visit.begin_session(Who::Subscriber { msisdn, password });
            visit.goes_to("/")
        }
        Err(why) => {
            let trouble = trouble(&visit, &why);
            page(&visit, Some(trouble))
        }
    }
}

/// The number that is proved, and the version of its password.
async fn proved(visit: &Visit) -> Result<(u64, u32), NotGiven> {
    let (portal, form) = (&visit.portal, &visit.form);
    // Payment passwords are counted by number in the log; this is about one who tries many numbers.
    if !portal.from.begin(&visit.address, portal.context.seams.clock.monotonic()) {
        return Err(EdgeCode::TooManyRequests.into());
    }
    let done = portal.inside.sign_in(form.get("msisdn"), form.get("payment_password")).await;
    // Only a wrong password, or one for nobody, is an attempt at guessing.
    let guessed =
        |why: &NotGiven| matches!(why.code.as_str(), "wrong_password" | "account_not_found" | "password_locked");
    if !done.as_ref().is_err_and(guessed) {
        portal.from.forgive(&visit.address);
    }
    done.map(|(msisdn, password)| (msisdn.number(), password))
}

fn trouble(visit: &Visit, why: &NotGiven) -> Trouble {
    let blame = |field: &str, text: &str, code: &str| Trouble {
        field: field.to_owned(),
        text: text.to_owned(),
        code: code.to_owned(),
    };
    match why.code.as_str() {
        // Who is a subscriber is nobody's business.
        "wrong_password" | "account_not_found" => blame("payment_password", visit.w.wrong_sign_in, "wrong_password"),
        "not_home" => blame("msisdn", visit.w.at_home, "not_home"),
        "too_many_requests" => blame("", visit.w.locked, "too_many_requests"),
        _ => Trouble::of(why, visit.lang),
    }
}

pub(super) async fn end(mut visit: Visit) -> Response {
    let back = if visit.area == Area::People { "/people/sign-in" } else { "/" };
    visit.end_session();
    visit.goes_to(back)
}
