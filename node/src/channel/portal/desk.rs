//! The reviewer's desk: goods and SPs that somebody else has entered. Whoever has signed in is who reviews; that it is not the
//! uploader is the domain's rule.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::page::Page;
use super::view::{Anything, Application, Applications, Product, Products, Sp, Sps};
use super::visit::Visit;
use crate::channel::http::{Change, NotGiven, Question};

/// Rows on one page.
const ROWS: &str = "100";

#[derive(Template)]
#[template(path = "portal/desk.html")]
struct Desk {
    p: Page,
    in_review: Vec<Product>,
    approved: Vec<Product>,
    on_sale: Vec<Product>,
}

#[derive(Template)]
#[template(path = "portal/applications.html")]
struct AllApplications {
    p: Page,
    applications: Vec<Application>,
}

#[derive(Template)]
#[template(path = "portal/sps.html")]
struct AllSps {
    p: Page,
    sps: Vec<Sp>,
}

pub(super) async fn show(visit: Visit) -> Response {
    if let Err(response) = visit.must_be_reviewer() {
        return *response;
    }
    let found = async {
        let (in_review, approved) = (goods(&visit, "in_review").await?, goods(&visit, "approved").await?);
        let on_sale = goods(&visit, "published").await?;
        Ok::<_, NotGiven>(Desk { p: visit.page(visit.w.desk, "/desk"), in_review, approved, on_sale })
    };
    match found.await {
        Ok(desk) => visit.shows(StatusCode::OK, &desk),
        Err(why) => visit.refused(&why),
    }
}

async fn goods(visit: &Visit, status: &str) -> Result<Vec<Product>, NotGiven> {
    let found =
        visit.portal.inside.ask::<Products>(Question::Products, "", &[("status", status), ("limit", ROWS)]).await;
    found.map(|page| page.products)
}

pub(super) async fn review(visit: Visit) -> Response {
    act(visit, Change::ReviewProduct, "/desk").await
}

pub(super) async fn publish(visit: Visit) -> Response {
    act(visit, Change::PublishProduct, "/desk").await
}

pub(super) async fn withdraw(visit: Visit) -> Response {
    act(visit, Change::WithdrawProduct, "/desk").await
}

pub(super) async fn decide(visit: Visit) -> Response {
    act(visit, Change::ReviewSp, "/desk/applications").await
}

pub(super) async fn suspend(visit: Visit) -> Response {
    act(visit, Change::SuspendSp, "/desk/sps").await
}

pub(super) async fn resume(visit: Visit) -> Response {
    act(visit, Change::ResumeSp, "/desk/sps").await
}

/// Has something done as the reviewer who has signed in.
async fn act(visit: Visit, change: Change, back: &str) -> Response {
    let name = match visit.must_be_reviewer() {
        Ok(name) => name,
        Err(response) => return *response,
    };
    let body = match change {
        Change::ReviewProduct | Change::ReviewSp => {
            let mut body = json!({ "decision": visit.form.get("decision"), "reviewed_by": name });
            for field in ["reason", "risk_grade"] {
                if let Some(said) = visit.form.said(field) {
                    body[field] = said.into();
                }
            }
            Some(body)
        }
        _ => None,
    };
    match carry_out(&visit, &name, change, body.as_ref()).await {
        Ok(Anything {}) => visit.goes_to(back),
        Err(why) => visit.refused(&why),
    }
}

async fn carry_out(visit: &Visit, name: &str, change: Change, body: Option<&Value>) -> Result<Anything, NotGiven> {
    let key = visit.request_key(name)?;
    visit.portal.inside.change(change, visit.id(), &key, body).await
}

pub(super) async fn applications(visit: Visit) -> Response {
    if let Err(response) = visit.must_be_reviewer() {
        return *response;
    }
    let asked = [("status", "in_review"), ("limit", ROWS)];
    match visit.portal.inside.ask::<Applications>(Question::SpApplications, "", &asked).await {
        Ok(Applications { applications }) => {
            let p = visit.page(visit.w.applications, "/desk/applications");
            visit.shows(StatusCode::OK, &AllApplications { p, applications })
        }
        Err(why) => visit.refused(&why),
    }
}

pub(super) async fn sps(visit: Visit) -> Response {
    if let Err(response) = visit.must_be_reviewer() {
        return *response;
    }
    match visit.portal.inside.ask::<Sps>(Question::Sps, "", &[("limit", ROWS)]).await {
        Ok(Sps { sps }) => visit.shows(StatusCode::OK, &AllSps { p: visit.page(visit.w.sps, "/desk/sps"), sps }),
        Err(why) => visit.refused(&why),
    }
}
