//! Buying: what the callers' door does with an order, once for each form however often it is sent.

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::goods::{Filled, page};
use super::session::Who;
use super::view::Taken;
use super::visit::Visit;
use crate::channel::http::{Change, NotGiven};
use crate::intake::{EdgeCode, Problem, field};

/// Fields that go into the order as they were filled in, when they say something.
const AS_FILLED_IN: [&str; 6] =
    ["bill_number", "bill_amount", "recipient_name", "recipient_phone", "recipient_address", "account_kind"];

pub(super) async fn place(mut visit: Visit) -> Response {
    // A number that signed in buys for itself, whatever the form says.
    let number = visit.subscriber().map_or_else(|| visit.form.get("msisdn").to_owned(), |msisdn| msisdn.to_string());
    match take(&visit, &number).await {
        Ok((msisdn, order)) => {
            if visit.subscriber().is_none() {
                let proved = visit.form.get("how") != "sms" && visit.form.said("payment_password").is_some();
                visit.begin_session(Who::Buyer { msisdn, order: order.clone(), proved });
            }
            visit.goes_to(&format!("/orders/{order}"))
        }
        Err(why) => page(&visit, &number, Filled::of(&visit), Some(&why)).await,
    }
}

async fn take(visit: &Visit, number: &str) -> Result<(u64, String), NotGiven> {
    let msisdn = field::msisdn("msisdn", number)?;
    let quantity = visit.form.said("quantity").unwrap_or("1").parse::<u32>();
    let quantity = quantity.map_err(|_| Problem::field(EdgeCode::OutOfRange, "quantity", "a whole number"))?;
    let mut order = Map::new();
    order.insert("msisdn".to_owned(), msisdn.to_string().into());
    order.insert("product_id".to_owned(), visit.id().into());
    order.insert("quantity".to_owned(), quantity.into());
    order.insert("channel".to_owned(), "web".into());
    // The order may be taken by the national platform: where the buyer is, is here.
    order.insert("location".to_owned(), visit.portal.context.province.to_string().into());
    for name in AS_FILLED_IN {
        if let Some(value) = visit.form.said(name) {
            order.insert(name.to_owned(), value.into());
        }
    }
    if visit.form.get("how") == "sms" {
        order.insert("confirm_by_sms".to_owned(), json!(true));
    } else if let Some(password) = visit.form.said("payment_password") {
        order.insert("payment_password".to_owned(), password.into());
    }
    let key = visit.request_key(&msisdn.to_string())?;
    let taken: Taken = visit.portal.inside.change(Change::PlaceOrder, "", &key, Some(&Value::Object(order))).await?;
    Ok((msisdn.number(), taken.order_id))
}
