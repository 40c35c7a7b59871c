//! The statement of an account, by days and pages.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{Page, Trouble};
use super::view::{Account, Statement};
use super::visit::Visit;
use crate::channel::http::{NotGiven, Question, encoded};

/// Lines on one page.
const LINES: &str = "20";
/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

#[derive(Template)]
#[template(path = "portal/statement.html")]
struct Shown {
    p: Page,
    account: Account,
    statement: Statement,
    from: String,
    until: String,
    /// The lines before these.
    earlier: Option<String>,
}

pub(super) async fn show(visit: Visit) -> Response {
    let msisdn = match visit.must_be_subscriber() {
        Ok(msisdn) => msisdn,
        Err(response) => return *response,
    };
    let own = match visit.accounts_of(msisdn).await {
        Ok(accounts) => accounts.into_iter().find(|account| account.account_id == visit.id()),
        Err(why) => return visit.refused(&why),
    };
    let Some(account) = own else { return visit.nowhere() };
    let mut p = visit.page(visit.w.statement, &format!("/accounts/{}", account.account_id));
    let (from, until) = (visit.query.get("from").to_owned(), visit.query.get("until").to_owned());
    let (statement, status) = match lines(&visit, &account.account_id).await {
        Ok(mut statement) => {
            // The newest first: the next page is the earlier one.
            statement.entries.reverse();
            (statement, StatusCode::OK)
        }
        Err(why) => {
            p.trouble = Some(Trouble::of(&why, visit.lang));
            let status = StatusCode::from_u16(why.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            (Statement { entries: Vec::new(), next_cursor: None }, status)
        }
    };
    let earlier = statement.next_cursor.as_ref().map(|cursor| {
        let days = [("from", &from), ("until", &until)].map(|(name, day)| format!("{name}={}", encoded(day)));
        format!("/accounts/{}?{}&{}&cursor={}", account.account_id, days[0], days[1], encoded(cursor))
    });
    visit.shows(status, &Shown { p, account, statement, from, until, earlier })
}

async fn lines(visit: &Visit, account: &str) -> Result<Statement, NotGiven> {
    let day = |name: &'static str| {
        let text = visit.query.said(name)?;
        Some(crate::intake::field::time(name, &format!("{text}T00:00:00+08:00")))
    };
    let from = day("from").transpose()?.map(|time| time.to_string());
    // The day itself is part of it.
    let until = day("until").transpose()?.map(|time| time.plus_ms(DAY_MS).to_string());
    let mut query = vec![("limit", LINES)];
    query.extend(from.as_deref().map(|from| ("from", from)));
    query.extend(until.as_deref().map(|until| ("to", until)));
    query.extend(visit.query.said("cursor").map(|cursor| ("cursor", cursor)));
    visit.portal.inside.ask(Question::Statement, account, &query).await
}
