//! The OpenAPI 3.1 document: made from the handlers themselves, completed here with what holds for
//! every operation, so that no handler can forget it.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::{Response as Described, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{OpenApi as Document, Ref, RefOr, Required};
use utoipa::{OpenApi, PartialSchema, ToSchema};

use super::door::Door;
use super::openapi_forms;
use crate::intake::problem::ProblemBody;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "MPSS",
        description = "移动支付业务系统: the callers' interface of a node of one province, or of the national platform (`00`).\n\n\
Amounts are decimal texts in yuan with two places, never numbers. Times are RFC 3339. Provinces are two-digit GB/T 2260 codes. \
Subscriber numbers have 11 digits; `+86`, `86` and `tel:` in front are normalised away. Unknown fields are refused.\n\n\
Every change carries `Idempotency-Key`: the same key with the same content gets the first answer again, with `Idempotent-Replayed: true`; \
with other content it is refused as `duplicate_request`. Any node of any province may be asked.\n\n\
Errors are `application/problem+json` (RFC 9457) with a stable `code` and `number`: 400 malformed, 404 not there, 422 refused by a rule, \
429 and 503 not now and nothing happened (`Retry-After`, `mpss-not-done: 1`), 504 unknown: ask again with the same key.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "accounts", description = "Subscribers and their accounts, in the home province"),
        (name = "bank", description = "What the bank asks, signed"),
        (name = "upp", description = "What the unified payment platform asks, signed"),
        (name = "catalogue", description = "SPs, what they sell, and who may buy it"),
        (name = "orders", description = "Purchases, where they are taken"),
        (name = "sp", description = "What SPs ask directly, signed (RFC 9421), and the keys that we sign with"),
        (name = "awards", description = "Prizes for bets: pools, awards, files of them"),
        (name = "transfers", description = "Money from subscriber to subscriber"),
        (name = "number plan", description = "Whose subscriber a number is"),
        (name = "operation", description = "The node, its group, its books"),
    ),
)]
struct Frame;

/// The document before the routes are added.
pub(crate) fn frame() -> Document {
    Frame::openapi()
}

const PROBLEM: &str = "application/problem+json";

/// Headers that every request of an SP carries.
const SIGNED: [(&str, &str); 2] = [
    (
        "Signature-Input",
        "What is signed (RFC 9421): `@method`, `@target-uri` (or `@authority`, `@path` and `@query`), and of a change \
         `content-type`, `content-digest` and `idempotency-key`; with `created`, `keyid`, `alg` and `nonce`",
    ),
    ("Signature", "The signature of it (RFC 9421)"),
];

/// The header in which the bank, the UPP and the SMS centre sign.
const SIGNATURE: &str = "mpss-signature";

/// Headers that any request may carry.
fn traceparent() -> Parameter {
    header_parameter("traceparent", "Trace context (W3C); passed on through provinces", Required::False)
}

fn header_parameter(name: &str, description: &str, required: Required) -> Parameter {
    let text = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    let text = if name == "Idempotency-Key" {
        text.min_length(Some(1)).max_length(Some(64)).pattern(Some("^[!-~]{1,64}$"))
    } else {
        text
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(description))
        .schema(Some(text))
        .build()
}

/// Completes the document with what holds everywhere: the request id, the log position, and every
/// problem an operation may be answered with.
pub(crate) fn complete(document: &mut Document) {
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    for (path, item) in &mut document.paths.paths {
        let questions = [&mut item.get];
        for operation in questions.into_iter().flatten() {
            complete_one(operation, path, false);
        }
        let changes = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in changes.into_iter().flatten() {
            complete_one(operation, path, true);
        }
    }
    openapi_forms::say(document);
    let components = document.components.get_or_insert_default();
    components.schemas.insert(ProblemBody::name().into_owned(), ProblemBody::schema());
}

fn complete_one(operation: &mut Operation, path: &str, changes: bool) {
    if !path.starts_with("/v1/") {
        // Health and documents: no caller's request id, no rules; overload is all that can refuse.
        problem(operation, "503", "Not now; nothing happened", true);
        problem(operation, "500", "A bug of ours", false);
        return;
    }
    let parameters = operation.parameters.get_or_insert_default();
    if path.starts_with("/v1/sp/") {
        for (name, description) in SIGNED {
            parameters.push(RefOr::T(header_parameter(name, description, Required::True)));
        }
        if changes {
            let description = "`sha-256=:…:`, the digest of the body (RFC 9530)";
            parameters.push(RefOr::T(header_parameter("Content-Digest", description, Required::True)));
        }
        problem(operation, "401", "Not signed, or not rightly; `code` says what is wrong", false);
    }
    let parameters = operation.parameters.get_or_insert_default();
    let with_key = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(known) if known.name == SIGNATURE);
    if parameters.iter().any(with_key) {
        problem(operation, "401", "Not signed, or not rightly", false);
    }
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(RefOr::T(traceparent()));
    if changes {
        let key = "The caller's request id: the same id with the same content gets the same answer";
        parameters.push(RefOr::T(header_parameter("Idempotency-Key", key, Required::True)));
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response
                && status.starts_with('2')
            {
                answer_header(
                    response,
                    "Mpss-Log-Index",
                    "Position of the change in the province's log",
                    Type::Integer,
                );
                answer_header(response, "Idempotent-Replayed", "`true`: the first answer again", Type::String);
                if matches!(status.as_str(), "201" | "202") {
                    answer_header(response, "Location", "Where what was made is found", Type::String);
                }
            }
        }
    }
    problem(operation, "400", "Malformed: `field` names what to blame", false);
    if path.contains('{') {
        problem(operation, "404", "What the path names does not exist", false);
    }
    problem(operation, "405", "The method is not allowed here; `Allow` names those that are", false);
    if changes {
        problem(operation, "408", "The body did not arrive in time; nothing happened", false);
        problem(operation, "413", "The body is too large", false);
        problem(operation, "415", "The body is of another media type", false);
    }
    problem(operation, "422", "Refused by a rule; `code` and `number` name it", false);
    problem(operation, "429", "Too many requests for one subscriber; nothing happened", true);
    problem(operation, "500", "A bug of ours", false);
    problem(operation, "503", "Not now; nothing happened", true);
    if changes {
        problem(operation, "504", "The outcome is unknown: ask again with the same key", false);
    }
}

fn problem(operation: &mut Operation, status: &str, description: &str, retry_after: bool) {
    let reference = RefOr::Ref(Ref::from_schema_name(ProblemBody::name()));
    let content = ContentBuilder::new().schema(Some(reference)).build();
    let mut response = ResponseBuilder::new().description(description).content(PROBLEM, content).build();
    if retry_after {
        answer_header(&mut response, "Retry-After", "Seconds after which to ask again", Type::Integer);
        answer_header(&mut response, "mpss-not-done", "`1`: surely not carried out", Type::String);
    }
    operation.responses.responses.insert(status.to_owned(), RefOr::T(response));
}

fn answer_header(response: &mut Described, name: &str, description: &str, kind: Type) {
    let schema = ObjectBuilder::new().schema_type(SchemaType::new(kind));
    let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build();
    response.headers.insert(name.to_owned(), header.into());
}

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operation", operation_id = "openapi",
    responses((status = 200, description = "This document", body = Object, content_type = "application/json")),
)]
pub(crate) async fn show(State(door): State<Door>) -> Response {
    let mut response = Response::new(Body::from(door.document.clone()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
