//! The OpenAPI document: every route is in it, everything in it is served, and it is what OpenAPI 3.1
//! says a document is.

use std::collections::BTreeSet;

use super::*;
use crate::channel::http::document;

const METHODS: [&str; 4] = ["get", "post", "put", "patch"];

fn described() -> Value {
    serde_json::from_str(&document().to_json().unwrap()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, &'static str, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = METHODS.iter().find(|known| *known == method).expect("a method that is served");
            found.push((path.clone(), *method, operation.clone()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_described_is_served_and_nothing_else_is() {
    let shop = Shop::open().await;
    let served = shop.get("/openapi.json").await.is(200);
    assert_eq!(served.header("content-type"), Some("application/json"));
    let document = described();
    assert_eq!(served.json(), document);
    // What is passed on to the national platform is there.
    shop.elsewhere.replies(Reply::Answers(200, Vec::new(), "{}".to_owned()));
    for (path, item) in document["paths"].as_object().unwrap() {
        let concrete = path.replace("{id}", "x").replace("{msisdn}", "x");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let told =
                shop.ask(Asking::change(method, concrete.clone(), "k", &Value::Null).without("content-type")).await;
            let described = item.get(method.to_lowercase()).is_some();
            assert_ne!(told.status, 404, "{method} {path} is described and not served");
            assert_eq!(told.status != 405, described, "{method} {path}: {}", told.status);
        }
    }
}

#[test]
fn routes_are_only_added_together_with_their_description() {
    // `.route(` would serve what is not described; `.routes(routes!(…))` can not.
    let source = include_str!("../mod.rs");
    let routes = source.split("fn routes()").nth(1).unwrap();
    assert!(!source.contains(".route(") && !source.contains(".nest") && !source.contains(".merge("));
    assert_eq!(routes.matches("routes!(").count(), document().paths.paths.len());
}

#[test]
fn the_interface_has_what_was_published() {
    let document = described();
    let have: BTreeSet<_> =
        operations(&document).into_iter().map(|(path, method, _)| format!("{method} {path}")).collect();
    for published in [
        "post /v1/accounts",
        "get /v1/accounts/{id}",
        "get /v1/subscribers/{msisdn}",
        "patch /v1/accounts/{id}",
        "post /v1/accounts/{id}/top-ups",
        "get /v1/top-ups/{id}",
        "post /v1/accounts/{id}/freeze",
        "post /v1/accounts/{id}/unfreeze",
        "post /v1/accounts/{id}/close",
        "get /v1/accounts/{id}/statement",
        "post /v1/sps",
        "post /v1/products",
        "post /v1/products/{id}/review",
        "post /v1/products/{id}/publish",
        "post /v1/products/{id}/withdraw",
        "post /v1/products/{id}/delete",
        "post /v1/product-files",
        "get /v1/national-goods",
        "post /v1/sp-applications",
        "post /v1/sp-applications/{id}/review",
        "post /v1/products/{id}/cards",
        "get /v1/products/{id}/stock",
        "get /v1/catalogue",
        "post /v1/orders",
        "get /v1/orders/{id}",
        "post /v1/orders/{id}/reversal",
        "post /v1/orders/{id}/refunds",
        "post /v1/orders/{id}/cards",
        "post /v1/transfers",
        "get /v1/number-plan/{msisdn}",
        "get /v1/trial-balance",
        "get /v1/cluster",
        "get /healthz",
        "get /readyz",
        "get /metrics",
        "get /openapi.json",
    ] {
        assert!(have.contains(published), "{published}");
    }
}

#[test]
fn every_operation_describes_its_parameters_answers_and_problems() {
    let document = described();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let tags: BTreeSet<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone().to_string()).collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let what = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].to_string()), "{what}: its id is used twice");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{what}: no summary");
        assert!(operation["tags"].as_array().unwrap().iter().all(|tag| tags.contains(&tag.to_string())), "{what}");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let placeholders: BTreeSet<_> =
            path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect();
        let in_path: BTreeSet<_> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .collect::<Vec<_>>()
            .iter()
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(placeholders, in_path, "{what}");
        for parameter in &parameters {
            assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {parameter}");
            assert!(parameter["schema"].is_object(), "{what}: {parameter}");
            assert!(parameter["in"] != "path" || parameter["required"] == true, "{what}: {parameter}");
        }
        let change = method != "get";
        let key = parameters.iter().find(|parameter| parameter["name"] == "Idempotency-Key");
        assert_eq!(key.is_some_and(|key| key["required"] == true), change, "{what}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{what}");
        let wanted: &[&str] = match (path.starts_with("/v1/"), change) {
            (true, true) => &["400", "405", "408", "413", "415", "422", "429", "500", "503", "504"],
            (true, false) => &["400", "405", "422", "429", "500", "503"],
            _ => &["500", "503"],
        };
        for status in wanted {
            let schema = &responses[*status]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{what} {status}");
        }
        for (status, response) in responses {
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{what} {status}");
            if change && status.starts_with('2') {
                let headers = response["headers"].as_object().unwrap();
                assert!(
                    headers.contains_key("Mpss-Log-Index") && headers.contains_key("Idempotent-Replayed"),
                    "{what}"
                );
            }
            if matches!(status.as_str(), "429" | "503") {
                assert!(response["headers"]["Retry-After"].is_object(), "{what} {status}");
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_field_is_described() {
    let document = described();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    for reference in &used {
        let name = reference.strip_prefix("#/components/schemas/").unwrap_or_else(|| panic!("{reference}"));
        assert!(schemas.contains_key(name), "{reference} leads nowhere");
    }
    for (name, schema) in schemas {
        assert!(used.contains(&format!("#/components/schemas/{name}")), "{name} is never used");
        fields_are_described(name, schema);
    }
    let order = &schemas["PlaceOrder"];
    let needs = |schema: &Value, field: &str| schema["required"].as_array().unwrap().contains(&json!(field));
    for field in ["msisdn", "product_id", "quantity", "channel"] {
        assert!(needs(order, field), "{field}");
    }
    // Only a bill goes without the password, and a top-up that is no payment.
    let with_password = schemas.iter().filter(|(_, schema)| schema["properties"]["payment_password"].is_object());
    for (name, schema) in with_password {
        let may_go_without = ["PlaceOrder", "TopUpAccount"].contains(&name.as_str());
        assert_eq!(needs(schema, "payment_password"), !may_go_without, "{name}");
    }
    assert_eq!(order["additionalProperties"], false);
    assert_eq!(order["properties"]["payment_password"]["format"], "password");
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                found.insert(reference.to_owned());
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

fn fields_are_described(name: &str, schema: &Value) {
    for part in schema["allOf"].as_array().into_iter().flatten() {
        fields_are_described(name, part);
    }
    for (field, property) in schema["properties"].as_object().into_iter().flatten() {
        let described = property["description"].as_str().is_some_and(|text| !text.is_empty());
        assert!(described || property.get("$ref").is_some(), "{name}.{field} is not described");
        let shaped = ["type", "$ref", "oneOf", "allOf", "anyOf"].iter().any(|key| property.get(*key).is_some());
        assert!(shaped, "{name}.{field} has no type");
        // Money is never a number.
        let money = ["amount", "price", "balance", "limit", "refunded", "debit", "credit"];
        if money.iter().any(|word| field.contains(word)) && property["type"] == "number" {
            panic!("{name}.{field} is a number");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_the_fields_that_are_described() {
    let shop = Shop::open().await;
    let account = shop.account(1, 10).await;
    let product = shop.product(Scope::Local).await;
    let order = shop.post("/v1/orders", "buy", purchase(1, &product)).await.is(201).json();
    let id = order["order_id"].as_str().unwrap();
    let document = described();
    for (path, schema) in [
        (format!("/v1/accounts/{account}"), "Account"),
        (format!("/v1/accounts/{account}/statement"), "Statement"),
        (format!("/v1/subscribers/{}", local(1)), "Subscriber"),
        (format!("/v1/orders/{id}"), "Order"),
        (format!("/v1/products/{product}"), "Product"),
        (format!("/v1/products/{product}/stock"), "Stock"),
        ("/v1/products".to_owned(), "ProductPage"),
        ("/v1/sps".to_owned(), "SpPage"),
        ("/v1/policy".to_owned(), "Policy"),
        ("/v1/bill-policy".to_owned(), "BillPolicy"),
        ("/v1/cluster".to_owned(), "Cluster"),
        ("/v1/trial-balance".to_owned(), "TrialBalance"),
        (format!("/v1/number-plan/{}", local(1)), "Belonging"),
        ("/v1/accounts/none".to_owned(), "Problem"),
    ] {
        let body = shop.get(&path).await.json();
        fits(&document, &document["components"]["schemas"][schema], &body, &path);
    }
}

/// A small part of JSON Schema: types, required fields, no fields that are not described.
fn fits(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return fits(document, &document["components"]["schemas"][name], value, place);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let actual = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&actual), "{place} is {actual}, described as {types:?}");
    match value {
        Value::Object(fields) => {
            for required in schema["required"].as_array().into_iter().flatten() {
                assert!(fields.contains_key(required.as_str().unwrap()), "{place} lacks {required}");
            }
            for (name, value) in fields {
                let described = &schema["properties"][name];
                assert!(described.is_object(), "{place}.{name} is not described");
                fits(document, described, value, &format!("{place}.{name}"));
            }
        }
        Value::Array(values) => {
            values.iter().for_each(|value| fits(document, &schema["items"], value, &format!("{place}[]")));
        }
        _ => {}
    }
}
