//! The catalogue: what a number may buy here and now.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{Page, Trouble};
use super::view::{Catalogue, Goods};
use super::visit::Visit;
use crate::channel::http::{NotGiven, Question};

#[derive(Template)]
#[template(path = "portal/catalogue.html")]
struct Shown {
    p: Page,
    /// For whom; empty while nobody is known.
    number: String,
    /// Said in every link, when the number did not sign in.
    guest: bool,
    /// The home province of a visitor.
    visits_from: Option<String>,
    goods: Vec<Goods>,
    complete: bool,
}

impl Visit {
    /// Whose goods are shown: who has signed in, or the number that was given.
    pub(super) fn number(&self) -> String {
        self.subscriber().map_or_else(|| self.query.get("number").to_owned(), |msisdn| msisdn.to_string())
    }

    /// What `number` may buy here and now.
    pub(super) async fn catalogue(&self, number: &str, explain: bool) -> Result<Catalogue, NotGiven> {
        let explain = if explain { "true" } else { "false" };
        self.portal.inside.ask(Question::Catalogue, "", &[("msisdn", number), ("explain", explain)]).await
    }
}

pub(super) async fn show(visit: Visit) -> Response {
    let (number, guest) = (visit.number(), visit.subscriber().is_none());
    let mut shown = Shown {
        p: visit.page(visit.w.catalogue, "/"),
        number: number.clone(),
        guest,
        visits_from: None,
        goods: Vec::new(),
        complete: true,
    };
    if number.is_empty() {
        return visit.shows(StatusCode::OK, &shown);
    }
    match visit.catalogue(&number, false).await {
        Ok(catalogue) => {
            (shown.goods, shown.complete) = (catalogue.products, catalogue.complete);
            let here = visit.portal.context.province.to_string();
            shown.visits_from =
                (catalogue.home_province != here).then(|| visit.province_name(&catalogue.home_province));
            visit.shows(StatusCode::OK, &shown)
        }
        Err(why) => {
            shown.p.trouble = Some(Trouble::of(&why, visit.lang));
            visit.shows(StatusCode::from_u16(why.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), &shown)
        }
    }
}
