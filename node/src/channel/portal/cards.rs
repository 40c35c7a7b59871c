//! The first look at the cards of an order, after which it can not be undone any more.

use axum::response::Response;

use super::orders::{page, reveal as have_shown};
use super::visit::Visit;

pub(super) async fn reveal(visit: Visit) -> Response {
    let own = match visit.own_order().await {
        Ok(own) if own.proved => own,
        Ok(_) => return visit.nowhere(),
        Err(response) => return response,
    };
    match have_shown(&visit, &own.order.order_id, own.msisdn).await {
        Ok(_) => visit.goes_to(&format!("/orders/{}", own.order.order_id)),
        Err(why) => page(&visit, own, Some(&why)).await,
    }
}
