//! The requests that would be understood: each with its fields, what they may hold, and a good value.

use mpss_tests::trade::PASSWORD;
use serde_json::{Value, json};

use crate::place::Place;

/// What a field may hold, and so how it can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Msisdn,
    Amount,
    Id,
    Choice,
    Password,
    Text,
    Url,
    Time,
    Number,
}

/// A field of a request: name, what it may hold, whether it must be there, a good value.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) good: Value,
}

/// A request that would be understood.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) fields: Vec<Field>,
}

pub(crate) fn forms(place: &Place) -> Vec<Form> {
    let field = |name, kind, required, good: Value| Field { name, kind, required, good };
    let Place { account, order, product, sp, buyer, payee } = place;
    let password = || field("payment_password", Kind::Password, true, json!(PASSWORD));
    let form = |method, path: String, fields| Form { method, path, fields };
    vec![
        form(
            "POST",
            "/v1/accounts".into(),
            vec![
                field("msisdn", Kind::Msisdn, true, json!(buyer)),
                field("kind", Kind::Choice, true, json!("virtual")),
                password(),
                field("daily_limit", Kind::Amount, false, json!("500.00")),
                field("per_payment_limit", Kind::Amount, false, json!("50.00")),
            ],
        ),
        form(
            "PATCH",
            format!("/v1/accounts/{account}"),
            vec![
                password(),
                field("new_payment_password", Kind::Password, false, json!("111222")),
                field("daily_limit", Kind::Amount, false, json!("500.00")),
            ],
        ),
        form(
            "POST",
            format!("/v1/accounts/{account}/top-ups"),
            vec![
                field("method", Kind::Choice, true, json!("cash")),
                field("amount", Kind::Amount, false, json!("10.00")),
                field("agent_id", Kind::Text, false, json!("agent-1")),
            ],
        ),
        form(
            "POST",
            format!("/v1/accounts/{account}/freeze"),
            vec![password(), field("until", Kind::Time, false, json!("2099-01-01T00:00:00Z"))],
        ),
        form("POST", format!("/v1/accounts/{account}/unfreeze"), vec![password()]),
        form("POST", format!("/v1/accounts/{account}/close"), vec![password()]),
        form(
            "POST",
            "/v1/sps".into(),
            vec![
                field("name", Kind::Text, true, json!("shop")),
                field("notice_url", Kind::Url, true, json!("http://127.0.0.1:9/x")),
            ],
        ),
        form(
            "POST",
            "/v1/products".into(),
            vec![
                field("sp_id", Kind::Id, true, json!(sp)),
                field("title", Kind::Text, true, json!("票 ticket")),
                field("application", Kind::Choice, true, json!("ticketing")),
                field("scope", Kind::Choice, true, json!("local")),
                field("price", Kind::Amount, true, json!("1.00")),
                field("delivery_deadline_ms", Kind::Number, false, json!(60_000)),
            ],
        ),
        form(
            "POST",
            format!("/v1/products/{product}/review"),
            vec![
                field("decision", Kind::Choice, true, json!("approve")),
                field("reason", Kind::Text, false, json!("fine")),
            ],
        ),
        form(
            "POST",
            "/v1/orders".into(),
            vec![
                field("msisdn", Kind::Msisdn, true, json!(buyer)),
                field("product_id", Kind::Id, true, json!(product)),
                field("quantity", Kind::Number, false, json!(1)),
                field("account_kind", Kind::Choice, false, json!("virtual")),
                // Not given, it is a bill that is to be paid without.
                field("payment_password", Kind::Password, false, json!(PASSWORD)),
                field("channel", Kind::Choice, true, json!("web")),
                field("location", Kind::Choice, false, json!("44")),
            ],
        ),
        form("POST", format!("/v1/orders/{order}/reversal"), vec![field("reason", Kind::Text, true, json!("no"))]),
        form(
            "POST",
            format!("/v1/orders/{order}/refunds"),
            vec![
                field("amount", Kind::Amount, true, json!("0.01")),
                field("reason", Kind::Text, true, json!("broken")),
            ],
        ),
        form(
            "POST",
            "/v1/transfers".into(),
            vec![
                field("payer_msisdn", Kind::Msisdn, true, json!(buyer)),
                field("payee_msisdn", Kind::Msisdn, true, json!(payee)),
                field("amount", Kind::Amount, true, json!("0.01")),
                password(),
            ],
        ),
    ]
}
