//! The buyer's word for an order, by the code of the text.

use axum::response::Response;
use serde_json::json;

use super::orders::page;
use super::session::Who;
use super::view::Taken;
use super::visit::Visit;
use crate::channel::http::Change;

pub(super) async fn decide(mut visit: Visit) -> Response {
    let own = match visit.own_order().await {
        Ok(own) => own,
        Err(response) => return response,
    };
    let number = own.msisdn.to_string();
    let decision = if visit.form.get("decision") == "refuse" { "refuse" } else { "agree" };
    let body = json!({ "msisdn": number, "code": visit.form.get("code"), "decision": decision });
    let done = match visit.request_key(&number) {
        Ok(key) => visit.portal.inside.change::<Taken>(Change::Confirm, "", &key, Some(&body)).await,
        Err(why) => Err(why),
    };
    let order = own.order.order_id.clone();
    match done {
        Ok(confirmed) => {
            if !own.proved && confirmed.order_id == order {
                // Whoever has the code has the phone.
                visit.begin_session(Who::Buyer { msisdn: own.msisdn.number(), order: order.clone(), proved: true });
            }
            visit.goes_to(&format!("/orders/{order}"))
        }
        Err(why) => page(&visit, own, Some(&why)).await,
    }
}
