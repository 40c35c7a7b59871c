//! An order, for its buyer alone: whoever has signed in with its number, or has taken it in this browser.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use mpss_domain::{Msisdn, OrderId};
use serde_json::json;

use super::page::{Page, Trouble};
use super::view::{Card, Cards, Order, Ticket, Tickets};
use super::visit::Visit;
use crate::channel::http::{Change, NotGiven, Question};

#[derive(Template)]
#[template(path = "portal/order.html")]
struct Shown {
    p: Page,
    order: Order,
    cards: Vec<Card>,
    /// There are cards, and nobody has seen them yet.
    may_reveal: bool,
    tickets: Vec<Ticket>,
    /// It waits for the buyer's word.
    asks: bool,
}

/// An order that may be shown.
pub(super) struct Own {
    pub(super) order: Order,
    pub(super) msisdn: Msisdn,
    /// The number is surely theirs: they have given its password, or a code that was sent to it.
    pub(super) proved: bool,
}

impl Visit {
    /// The order in the path, when it is theirs; another's is not found, whether it is there or not.
    pub(super) async fn own_order(&self) -> Result<Own, Response> {
        let id = self.id();
        let buyer = self.buyer_of(id);
        let signed_in = self.subscriber();
        if id.parse::<OrderId>().is_err() || (buyer.is_none() && signed_in.is_none()) {
            return Err(self.nowhere());
        }
        let order: Order =
            self.portal.inside.ask(Question::Order, id, &[]).await.map_err(|why| self.unless_found(&why))?;
        let is = |msisdn: &Msisdn| order.msisdn == msisdn.to_string();
        if let Some(msisdn) = signed_in.filter(is) {
            return Ok(Own { order, msisdn, proved: true });
        }
        match buyer.filter(|(msisdn, _)| is(msisdn)) {
            Some((msisdn, proved)) => Ok(Own { order, msisdn, proved }),
            None => Err(self.nowhere()),
        }
    }

    fn unless_found(&self, why: &NotGiven) -> Response {
        if why.status == 404 { self.nowhere() } else { self.refused(why) }
    }
}

pub(super) async fn show(visit: Visit) -> Response {
    match visit.own_order().await {
        Ok(own) => page(&visit, own, None).await,
        Err(response) => response,
    }
}

/// The page of an order; with why what was asked of it was not done.
pub(super) async fn page(visit: &Visit, own: Own, why: Option<&NotGiven>) -> Response {
    let Own { order, msisdn, proved } = own;
    let mut p = visit.page(visit.w.order, &format!("/orders/{}", order.order_id));
    p.trouble = why.map(|why| Trouble::of(why, visit.lang));
    let asks = order.status == "awaiting_confirmation";
    // Somebody who fills in the code must not lose it.
    p.refresh = order.is_open() && !asks && why.is_none();
    let delivered = matches!(order.status.as_str(), "delivered" | "partly_refunded");
    let is_cards = proved && order.product.application == "card_sale" && delivered;
    let mut cards = Vec::new();
    if is_cards && order.has("cards_shown") {
        match seen_again(visit, &order, msisdn).await {
            Ok(seen) => cards = seen,
            Err(why) => p.trouble = Some(Trouble::of(&why, visit.lang)),
        }
    }
    let mut tickets = Vec::new();
    if proved && order.product.application == "ticketing" && delivered {
        let number = msisdn.to_string();
        let found = visit.portal.inside.ask(Question::Tickets, &order.order_id, &[("msisdn", &number)]).await;
        match found {
            Ok(Tickets { tickets: found }) => tickets = found,
            Err(why) => p.trouble = Some(Trouble::of(&why, visit.lang)),
        }
    }
    let status =
        why.map_or(StatusCode::OK, |why| StatusCode::from_u16(why.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY));
    let may_reveal = is_cards && cards.is_empty() && !order.has("cards_shown");
    visit.shows(status, &Shown { p, order, cards, may_reveal, tickets, asks })
}

/// The cards of an order that its buyer has seen already: the same ones.
async fn seen_again(visit: &Visit, order: &Order, msisdn: Msisdn) -> Result<Vec<Card>, NotGiven> {
    reveal(visit, &order.order_id, msisdn).await.map(|cards| cards.cards)
}

/// Has the cards of an order shown, the first time for ever.
pub(super) async fn reveal(visit: &Visit, order: &str, msisdn: Msisdn) -> Result<Cards, NotGiven> {
    // One request for each order: whoever reads the page again has not asked for anything else.
    let key = visit.portal.seal.request_key(&msisdn.to_string(), &format!("cards {order}"));
    let body = json!({ "msisdn": msisdn.to_string() });
    visit.portal.inside.change(Change::ShowCards, order, &key, Some(&body)).await
}
