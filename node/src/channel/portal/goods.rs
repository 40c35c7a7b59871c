//! One product, and the form that buys it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{Page, Trouble};
use super::view::{Account, Goods, Subscriber};
use super::visit::Visit;
use crate::channel::http::{NotGiven, Question};

#[derive(Template)]
#[template(path = "portal/goods.html")]
struct Shown {
    p: Page,
    goods: Goods,
    number: String,
    /// The number has not signed in.
    guest: bool,
    accounts: Vec<Choice>,
    /// What was filled in, when it was not taken.
    filled: Filled,
}

/// An account that can pay.
struct Choice {
    kind: String,
    balance: Option<String>,
    chosen: bool,
}

/// What was filled in; no secret.
#[derive(Default)]
pub(super) struct Filled {
    quantity: String,
    bill_number: String,
    bill_amount: String,
    recipient_name: String,
    recipient_phone: String,
    recipient_address: String,
    account_kind: String,
    by_sms: bool,
    /// Taken with the form, so that a repetition stays one.
    request_id: String,
}

impl Filled {
    pub(super) fn of(visit: &Visit) -> Self {
        let field = |name: &str| visit.form.get(name).to_owned();
        Self {
            quantity: field("quantity"),
            bill_number: field("bill_number"),
            bill_amount: field("bill_amount"),
            recipient_name: field("recipient_name"),
            recipient_phone: field("recipient_phone"),
            recipient_address: field("recipient_address"),
            account_kind: field("account_kind"),
            by_sms: visit.form.get("how") == "sms",
            request_id: String::new(),
        }
    }
}

pub(super) async fn show(visit: Visit) -> Response {
    let number = visit.number();
    page(&visit, &number, Filled::default(), None).await
}

/// The page of a product for `number`; with what was filled in and why it was not taken.
pub(super) async fn page(visit: &Visit, number: &str, filled: Filled, why: Option<&NotGiven>) -> Response {
    let guest = visit.subscriber().is_none();
    let found = match visit.catalogue(number, true).await {
        Ok(found) => found,
        Err(why) => return visit.refused(&why),
    };
    let Some(goods) = found.products.into_iter().find(|goods| goods.product_id == visit.id()) else {
        return match found.hidden.iter().find(|hidden| hidden.product_id == visit.id()) {
            Some(hidden) => {
                let why = visit.lang.pick(visit.w.not_yours, &hidden.reason);
                visit.message(StatusCode::NOT_FOUND, why, &hidden.because)
            }
            None => visit.nowhere(),
        };
    };
    let accounts = if guest {
        ["virtual", "communication", "bank"].map(|kind| (kind.to_owned(), None)).into()
    } else {
        let subscriber = visit.portal.inside.ask::<Subscriber>(Question::Subscriber, number, &[]).await;
        let accounts = subscriber.map(|subscriber| subscriber.accounts).unwrap_or_default();
        let good = accounts.into_iter().filter(|account| account.status == "active");
        good.map(|Account { kind, balance, .. }| (kind, balance)).collect::<Vec<_>>()
    };
    let wanted = if filled.account_kind.is_empty() { "virtual" } else { &filled.account_kind };
    let accounts =
        accounts.into_iter().map(|(kind, balance)| Choice { chosen: kind == wanted, kind, balance }).collect();
    let mut p = visit.page(&goods.title, &format!("/goods/{}", goods.product_id));
    if guest {
        p.other_language = format!("/goods/{}?number={number}&lang={}", goods.product_id, visit.lang.other().word());
    }
    p.trouble = why.map(|why| Trouble::of(why, visit.lang));
    let mut filled = filled;
    filled.request_id.clone_from(&p.request_id);
    if filled.quantity.is_empty() {
        "1".clone_into(&mut filled.quantity);
    }
    let status =
        why.map_or(StatusCode::OK, |why| StatusCode::from_u16(why.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY));
    visit.shows(status, &Shown { p, goods, number: number.to_owned(), guest, accounts, filled })
}
