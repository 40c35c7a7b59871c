//! A subscriber's accounts, frozen and thawed with the payment password.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use mpss_domain::Msisdn;
use serde_json::json;

use super::page::{Page, Trouble};
use super::view::{Account, Anything, Subscriber};
use super::visit::Visit;
use crate::channel::http::{Change, NotGiven, Question};

#[derive(Template)]
#[template(path = "portal/accounts.html")]
struct Shown {
    p: Page,
    accounts: Vec<Account>,
    /// The account that a form was about.
    about: String,
}

impl Visit {
    /// The accounts of whoever has signed in.
    pub(super) async fn accounts_of(&self, msisdn: Msisdn) -> Result<Vec<Account>, NotGiven> {
        let found = self.portal.inside.ask::<Subscriber>(Question::Subscriber, &msisdn.to_string(), &[]).await;
        found.map(|subscriber| subscriber.accounts)
    }
}

pub(super) async fn show(visit: Visit) -> Response {
    match visit.must_be_subscriber() {
        Ok(msisdn) => page(&visit, msisdn, None).await,
        Err(response) => *response,
    }
}

async fn page(visit: &Visit, msisdn: Msisdn, why: Option<&NotGiven>) -> Response {
    let accounts = match visit.accounts_of(msisdn).await {
        Ok(accounts) => accounts,
        Err(why) => return visit.refused(&why),
    };
    let mut p = visit.page(visit.w.accounts, "/accounts");
    p.trouble = why.map(|why| Trouble::of(why, visit.lang));
    let status =
        why.map_or(StatusCode::OK, |why| StatusCode::from_u16(why.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY));
    visit.shows(status, &Shown { p, accounts, about: visit.id().to_owned() })
}

pub(super) async fn freeze(visit: Visit) -> Response {
    change(visit, Change::Freeze).await
}

pub(super) async fn thaw(visit: Visit) -> Response {
    change(visit, Change::Unfreeze).await
}

async fn change(visit: Visit, change: Change) -> Response {
    let msisdn = match visit.must_be_subscriber() {
        Ok(msisdn) => msisdn,
        Err(response) => return *response,
    };
    match carry_out(&visit, msisdn, change).await {
        Ok(true) => visit.goes_to("/accounts"),
        Ok(false) => visit.nowhere(),
        Err(why) => page(&visit, msisdn, Some(&why)).await,
    }
}

/// Freezes or thaws; false when the account is somebody else's.
async fn carry_out(visit: &Visit, msisdn: Msisdn, change: Change) -> Result<bool, NotGiven> {
    if !visit.accounts_of(msisdn).await?.iter().any(|account| account.account_id == visit.id()) {
        return Ok(false);
    }
    let mut body = json!({ "payment_password": visit.form.get("payment_password") });
    if let Some(day) = visit.form.said("thaw_on").filter(|_| change == Change::Freeze) {
        body["until"] = format!("{day}T00:00:00+08:00").into();
    }
    let key = visit.request_key(&msisdn.to_string())?;
    visit.portal.inside.change::<Anything>(change, visit.id(), &key, Some(&body)).await?;
    Ok(true)
}
