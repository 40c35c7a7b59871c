//! The form by which an SP says what it sells.

use mpss_domain::SpId;
use serde_json::{Value, json};

use super::view::Product;
use super::visit::Visit;

/// What is filled in.
pub(super) struct Form {
    pub(super) title: String,
    pub(super) application: String,
    pub(super) scope: String,
    pub(super) price: String,
    /// As it was; the application's usual time when it is empty.
    pub(super) deadline_ms: String,
    pub(super) applications: [&'static str; 6],
    pub(super) scopes: [&'static str; 3],
}

const APPLICATIONS: [&str; 6] = ["bill_payment", "lottery", "card_sale", "shopping", "pay_per_use", "ticketing"];
const SCOPES: [&str; 3] = ["local", "roaming", "national"];

impl Form {
    /// As it was sent; empty when nothing was.
    pub(super) fn filled(visit: &Visit) -> Self {
        let field = |name: &str| visit.form.get(name).to_owned();
        Self {
            title: field("title"),
            application: field("application"),
            scope: field("scope"),
            price: field("price"),
            deadline_ms: field("delivery_deadline_ms"),
            applications: APPLICATIONS,
            scopes: SCOPES,
        }
    }

    /// As the product is.
    pub(super) fn of(product: &Product) -> Self {
        Self {
            title: product.title.clone(),
            application: product.application.clone(),
            scope: product.scope.clone(),
            price: product.price.clone(),
            deadline_ms: product.delivery_deadline_ms.to_string(),
            applications: APPLICATIONS,
            scopes: SCOPES,
        }
    }
}

/// What the form says of a product of `sp`, uploaded by `name`.
pub(super) fn terms(visit: &Visit, sp: SpId, name: &str) -> Value {
    let field = |name: &str| visit.form.get(name);
    let mut terms = json!({
        "sp_id": sp.to_string(), "title": field("title"), "application": field("application"),
        "scope": field("scope"), "price": field("price"), "uploaded_by": name,
    });
    if let Ok(deadline_ms) = field("delivery_deadline_ms").parse::<u32>() {
        terms["delivery_deadline_ms"] = deadline_ms.into();
    }
    terms
}
