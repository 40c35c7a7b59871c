//! The SP portal: an SP's own goods, orders, keys, and what is to be settled. The SP is the one of whoever has signed in; what
//! is another's is not found.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use mpss_domain::ledger::LedgerAccount;
use mpss_domain::{LogTime, SpId, State};

use super::goods_form::{Form, terms};
use super::page::{Page, Trouble};
use super::view::{Anything, Key, Keys, Product, Products};
use super::visit::Visit;
use crate::channel::http::{Change, NotGiven, Question};
use crate::intake::amount::Yuan;
use crate::intake::field;

/// Rows on one page.
const ROWS: usize = 100;
/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

#[derive(Template)]
#[template(path = "portal/sp.html")]
struct OwnGoods {
    p: Page,
    products: Vec<Product>,
    form: Form,
}

#[derive(Template)]
#[template(path = "portal/sp_change.html")]
struct OneProduct {
    p: Page,
    product: Product,
    form: Form,
}

#[derive(Template)]
#[template(path = "portal/sp_orders.html")]
struct OwnOrders {
    p: Page,
    orders: Vec<SpOrder>,
    day: String,
    status: String,
    statuses: &'static [&'static str],
}

#[derive(Template)]
#[template(path = "portal/sp_settlement.html")]
struct Settlement {
    p: Page,
    payable: String,
    prize_pool: String,
}

#[derive(Template)]
#[template(path = "portal/sp_keys.html")]
struct OwnKeys {
    p: Page,
    keys: Vec<Key>,
}

/// An order as its SP sees it: the buyer's number is masked.
struct SpOrder {
    id: String,
    at: String,
    status: &'static str,
    title: String,
    quantity: u32,
    amount: String,
    buyer: String,
}

/// What can be asked for.
const STATUSES: &[&str] =
    &["paid", "delivering", "delivered", "declined", "reversing", "reversed", "partly_refunded", "refunded"];

pub(super) async fn show(visit: Visit) -> Response {
    match visit.must_be_of_sp() {
        Ok((_, sp)) => goods(&visit, sp, None).await,
        Err(response) => *response,
    }
}

async fn goods(visit: &Visit, sp: SpId, why: Option<&NotGiven>) -> Response {
    let asked = [("sp_id", &*sp.to_string()), ("limit", "100")];
    let products = match visit.portal.inside.ask::<Products>(Question::Products, "", &asked).await {
        Ok(found) => found.products,
        Err(why) => return visit.refused(&why),
    };
    let mut p = visit.page(visit.w.own_goods, "/sp");
    p.trouble = why.map(|why| Trouble::of(why, visit.lang));
    visit.shows(status_of(why), &OwnGoods { p, products, form: Form::filled(visit) })
}

fn status_of(why: Option<&NotGiven>) -> StatusCode {
    why.map_or(StatusCode::OK, |why| StatusCode::from_u16(why.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY))
}

pub(super) async fn upload(visit: Visit) -> Response {
    let (name, sp) = match visit.must_be_of_sp() {
        Ok(of_sp) => of_sp,
        Err(response) => return *response,
    };
    let done = async {
        let key = visit.request_key(&name)?;
        visit.portal.inside.change::<Anything>(Change::UploadProduct, "", &key, Some(&terms(&visit, sp, &name))).await
    };
    match done.await {
        Ok(Anything {}) => visit.goes_to("/sp"),
        Err(why) => goods(&visit, sp, Some(&why)).await,
    }
}

/// The product in the path, when it is the SP's own.
async fn own_product(visit: &Visit, sp: SpId) -> Result<Product, Response> {
    let found = visit.portal.inside.ask::<Product>(Question::Product, visit.id(), &[]).await;
    match found {
        Ok(product) if product.sp_id == sp.to_string() => Ok(product),
        Ok(_) => Err(visit.nowhere()),
        Err(why) if why.status == 404 => Err(visit.nowhere()),
        Err(why) => Err(visit.refused(&why)),
    }
}

pub(super) async fn show_product(visit: Visit) -> Response {
    let sp = match visit.must_be_of_sp() {
        Ok((_, sp)) => sp,
        Err(response) => return *response,
    };
    match own_product(&visit, sp).await {
        Ok(product) => {
            let form = Form::of(&product);
            one(&visit, product, form, None)
        }
        Err(response) => response,
    }
}

fn one(visit: &Visit, product: Product, form: Form, why: Option<&NotGiven>) -> Response {
    let mut p = visit.page(visit.w.change, &format!("/sp/goods/{}", product.product_id));
    p.trouble = why.map(|why| Trouble::of(why, visit.lang));
    visit.shows(status_of(why), &OneProduct { p, product, form })
}

pub(super) async fn change(visit: Visit) -> Response {
    act(visit, Change::Amend).await
}

pub(super) async fn withdraw(visit: Visit) -> Response {
    act(visit, Change::WithdrawProduct).await
}

async fn act(visit: Visit, change: Change) -> Response {
    let (name, sp) = match visit.must_be_of_sp() {
        Ok(of_sp) => of_sp,
        Err(response) => return *response,
    };
    let product = match own_product(&visit, sp).await {
        Ok(product) => product,
        Err(response) => return response,
    };
    let body = (change == Change::Amend).then(|| terms(&visit, sp, &name));
    let done = async {
        let key = visit.request_key(&name)?;
        visit.portal.inside.change::<Anything>(change, &product.product_id, &key, body.as_ref()).await
    };
    match done.await {
        Ok(Anything {}) => visit.goes_to("/sp"),
        Err(why) => one(&visit, product, Form::filled(&visit), Some(&why)),
    }
}

pub(super) async fn orders(visit: Visit) -> Response {
    let sp = match visit.must_be_of_sp() {
        Ok((_, sp)) => sp,
        Err(response) => return *response,
    };
    let (day, status) = (visit.query.get("day").to_owned(), visit.query.get("status").to_owned());
    let mut p = visit.page(visit.w.orders, "/sp/orders");
    let day_asked = visit.query.said("day").map(|day| field::time("day", &format!("{day}T00:00:00+08:00"))).transpose();
    let within = match day_asked {
        Ok(from) => from.map(|from| (from, from.plus_ms(DAY_MS))),
        Err(problem) => {
            p.trouble = Some(Trouble::of(&problem.into(), visit.lang));
            let shown = OwnOrders { p, orders: Vec::new(), day, status, statuses: STATUSES };
            return visit.shows(StatusCode::UNPROCESSABLE_ENTITY, &shown);
        }
    };
    // Tables are copied by a pointer each, so a long walk stops nobody.
    match visit.portal.inside.look(State::clone).await {
        Ok(state) => {
            let orders = orders_of(&state, sp, within, &status);
            visit.shows(StatusCode::OK, &OwnOrders { p, orders, day, status, statuses: STATUSES })
        }
        Err(why) => visit.refused(&why),
    }
}

/// The newest orders of an SP, in a time and a status when they are given, the newest first.
fn orders_of(state: &State, sp: SpId, within: Option<(LogTime, LogTime)>, status: &str) -> Vec<SpOrder> {
    let taken = |order: &mpss_domain::Order| order.timeline.first().map_or(LogTime(0), |entry| entry.at);
    let wanted = |order: &&mpss_domain::Order| {
        let at = taken(order);
        order.sp == sp
            && (status.is_empty() || order.status.name() == status)
            && within.is_none_or(|(from, until)| from <= at && at < until)
    };
    let mut found: Vec<_> = state.orders().filter(wanted).collect();
    found.reverse();
    found.truncate(ROWS);
    let shown = found.into_iter().map(|order| SpOrder {
        id: order.id.to_string(),
        at: taken(order).to_string(),
        status: order.status.name(),
        title: state.terms_of(order).map_or_else(String::new, |terms| terms.title.clone()),
        quantity: order.quantity,
        amount: Yuan(order.amount).to_string(),
        buyer: order.msisdn.masked(),
    });
    shown.collect()
}

pub(super) async fn settlement(visit: Visit) -> Response {
    let sp = match visit.must_be_of_sp() {
        Ok((_, sp)) => sp,
        Err(response) => return *response,
    };
    match visit.portal.inside.look(State::clone).await {
        Ok(state) => {
            let lines = state.trial_balance().lines;
            let owed = |account: LedgerAccount| {
                let line = lines.iter().find(|line| line.name == account.to_string());
                crate::intake::amount::YuanSum(line.map_or(0, |line| line.credit - line.debit)).to_string()
            };
            let (payable, prize_pool) = (owed(LedgerAccount::SpPayable(sp)), owed(LedgerAccount::PrizePool(sp)));
            let p = visit.page(visit.w.settlement, "/sp/settlement");
            visit.shows(StatusCode::OK, &Settlement { p, payable, prize_pool })
        }
        Err(why) => visit.refused(&why),
    }
}

pub(super) async fn keys(visit: Visit) -> Response {
    let sp = match visit.must_be_of_sp() {
        Ok((_, sp)) => sp,
        Err(response) => return *response,
    };
    match visit.portal.inside.ask::<Keys>(Question::SpKeys, &sp.to_string(), &[]).await {
        Ok(Keys { keys }) => visit.shows(StatusCode::OK, &OwnKeys { p: visit.page(visit.w.keys, "/sp/keys"), keys }),
        Err(why) => visit.refused(&why),
    }
}
