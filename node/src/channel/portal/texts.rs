//! What became of the texts to a subscriber. The audit has no words of them, and so no codes.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::Page;
use super::view::{Text, Texts};
use super::visit::Visit;
use crate::channel::http::Question;

#[derive(Template)]
#[template(path = "portal/texts.html")]
struct Shown {
    p: Page,
    texts: Vec<Text>,
}

pub(super) async fn show(visit: Visit) -> Response {
    let msisdn = match visit.must_be_subscriber() {
        Ok(msisdn) => msisdn.to_string(),
        Err(response) => return *response,
    };
    let found = visit.portal.inside.ask::<Texts>(Question::Texts, "", &[("msisdn", &msisdn), ("limit", "50")]).await;
    match found {
        Ok(mut found) => {
            found.texts.reverse();
            visit.shows(StatusCode::OK, &Shown { p: visit.page(visit.w.texts, "/texts"), texts: found.texts })
        }
        Err(why) => visit.refused(&why),
    }
}
