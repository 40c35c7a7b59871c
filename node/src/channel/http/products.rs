//! Products: upload, change, review, publish, withdraw, delete, show (product specification §3).

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::catalogue::{Application, Product, ProductStatus, Terms};
use mpss_domain::ids::IssuedId;
use mpss_domain::{LogTime, Outcome, ProductId, ProvinceId, Refusal, Request, Scope, SpId, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::unexpected;
use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::amount::{Yuan, amount};
use crate::intake::field::{self, Shown};
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem, text};
use crate::not_done::NotDone;

/// Products on one page at most.
const PAGE_MAX: usize = 500;
/// Products on one page when nothing is said.
const PAGE_USUAL: usize = 100;
/// How long an SP may take to answer at most, in ms: a day.
const DELIVERY_DEADLINE_MS_MAX: u32 = 86_400_000;
/// Who uploads when nobody is named.
const USUAL_UPLOADER: &str = "uploader";
/// Who reviews when nobody is named.
const USUAL_REVIEWER: &str = "reviewer";

/// What is said of a product.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UploadProduct)]
pub(crate) struct UploadAsk<'a> {
    /// Whose it is.
    #[serde(borrow)]
    #[schema(value_type = String, example = "S20260101120000000-44-00001")]
    sp_id: Str<'a>,
    /// What it is called.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 100, example = "双色球")]
    title: Str<'a>,
    /// `bill_payment`, `lottery`, `card_sale`, `shopping`, `pay_per_use` or `ticketing`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "lottery")]
    application: Str<'a>,
    /// Whom it is for: `local`, `roaming` or `national`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "local")]
    scope: Str<'a>,
    /// Price of one, in yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "12.30")]
    price: Str<'a>,
    /// How long the SP may take to answer the delivery notice, in ms; the application's usual time
    /// when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86_400_000, example = 60_000)]
    delivery_deadline_ms: Option<u32>,
    /// Who uploads; must not review it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64, example = "alice")]
    uploaded_by: Option<Str<'a>>,
}

const APPLICATIONS: [(&str, Application); 6] = {
    let all = Application::ALL;
    [
        (all[0].name(), all[0]),
        (all[1].name(), all[1]),
        (all[2].name(), all[2]),
        (all[3].name(), all[3]),
        (all[4].name(), all[4]),
        (all[5].name(), all[5]),
    ]
};

const SCOPES: [(&str, Scope); 3] = [
    (Scope::Local.name(), Scope::Local),
    (Scope::Roaming.name(), Scope::Roaming),
    (Scope::National.name(), Scope::National),
];

impl UploadAsk<'_> {
    /// What a line of a file says. Who uploads is said beside the file.
    pub(super) fn of_line(
        sp_id: &str,
        title: &str,
        application: &str,
        scope: &str,
        price: &str,
        delivery_deadline_ms: Option<u32>,
    ) -> UploadAsk<'static> {
        UploadAsk {
            sp_id: Str::shown(&sp_id),
            title: Str::shown(&title),
            application: Str::shown(&application),
            scope: Str::shown(&scope),
            price: Str::shown(&price),
            delivery_deadline_ms,
            uploaded_by: None,
        }
    }

    /// The terms, and who uploads.
    pub(super) fn understand(&self) -> Result<(Terms, String), Problem> {
        let application = field::choice("application", self.application.as_str(), &APPLICATIONS)?;
        let deadline = (self.delivery_deadline_ms)
            .map(|ms| field::within("delivery_deadline_ms", ms, 1..=DELIVERY_DEADLINE_MS_MAX))
            .transpose()?;
        let terms = Terms {
            sp: field::id("sp_id", self.sp_id.as_str())?,
            title: text::text("title", self.title.as_str(), text::TITLE_CHARS_MAX)?,
            application,
            scope: field::choice("scope", self.scope.as_str(), &SCOPES)?,
            price: amount("price", self.price.as_str())?,
            delivery_deadline_ms: deadline.unwrap_or(application.default_delivery_deadline_ms()),
        };
        let by = self
            .uploaded_by
            .as_ref()
            .map_or(Ok(USUAL_UPLOADER.to_owned()), |by| text::code("uploaded_by", by.as_str()))?;
        Ok((terms, by))
    }
}

/// A product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Product)]
pub(crate) struct ProductBody<'a> {
    /// Its id; names the province it belongs to.
    #[schema(value_type = String, example = "G20260101120000000-44-00001")]
    product_id: Shown<ProductId>,
    /// The province it belongs to; `00` for a national one.
    #[schema(value_type = String, example = "44")]
    province: Shown<ProvinceId>,
    /// Whose it is.
    #[schema(value_type = String, example = "S20260101120000000-44-00001")]
    sp_id: Shown<SpId>,
    /// What it is called.
    title: &'a str,
    /// What kind of thing it is.
    #[schema(example = "lottery")]
    application: &'static str,
    /// Whom it is for.
    #[schema(example = "local")]
    scope: &'static str,
    /// Price of one, in yuan.
    #[schema(value_type = String, example = "12.30")]
    price: Yuan,
    /// How long the SP may take to answer, in ms.
    delivery_deadline_ms: u32,
    /// `in_review`, `rejected`, `approved`, `published` or `withdrawn`. One that was deleted is not found.
    #[schema(example = "in_review")]
    status: &'a str,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_because: Option<&'a str>,
    /// The version of the terms, counting from 1; in answers to GET.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<usize>,
    /// Who uploaded it.
    uploaded_by: &'a str,
    /// When it was uploaded; in answers to GET.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    uploaded_at: Option<Shown<LogTime>>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

impl<'a> ProductBody<'a> {
    fn new(product: &'a Product, log_index: u64) -> Self {
        let rejected_because = match &product.status {
            ProductStatus::Rejected { reason } => Some(reason.as_str()),
            _ => None,
        };
        Self {
            status: product.status.name(),
            rejected_because,
            version: Some(product.versions.len()),
            uploaded_at: Some(Shown(product.uploaded_at)),
            ..Self::uploaded(product.id, product.terms(), &product.uploaded_by, log_index)
        }
    }

    /// As it is told to the uploader: everything is in the request and the id, so the first answer can
    /// be given again at any time.
    fn uploaded(id: ProductId, terms: &'a Terms, by: &'a str, log_index: u64) -> Self {
        Self {
            product_id: Shown(id),
            province: Shown(id.province().unwrap_or(ProvinceId::NATIONAL)),
            sp_id: Shown(terms.sp),
            title: &terms.title,
            application: terms.application.name(),
            scope: terms.scope.name(),
            price: Yuan(terms.price),
            delivery_deadline_ms: terms.delivery_deadline_ms,
            status: ProductStatus::InReview.name(),
            rejected_because: None,
            version: None,
            uploaded_by: by,
            uploaded_at: None,
            log_index,
        }
    }
}

/// Has a product recorded whose uploader is known.
pub(super) async fn record(door: &Door, request: Request, ask: &UploadAsk<'_>, by: Option<String>) -> Answer {
    let (terms, named) = ask.understand()?;
    let by = by.unwrap_or(named);
    let verb = Verb::UploadProduct { product: None, terms: terms.clone(), by: by.clone() };
    let reply = door.propose(request, verb).await?;
    let Outcome::Product(id) = reply.outcome else { return Err(unexpected(&reply)) };
    let body = ProductBody::uploaded(id, &terms, &by, reply.index);
    Ok(answer::created(&body, &reply, &format!("/v1/products/{id}")))
}

/// Uploads a product; someone else has to review it before it can be published.
#[utoipa::path(
    post, path = "/v1/products", tag = "catalogue", operation_id = "upload_product",
    request_body = UploadAsk<'_>,
    responses((status = 201, description = "Uploaded, in review", body = ProductBody<'_>)),
)]
pub(crate) async fn upload(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let ask: UploadAsk<'_> = call.json()?;
    let (terms, _) = ask.understand()?;
    if let Some(elsewhere) = door.elsewhere(terms.sp.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    record(&door, call.request(key, &ask), &ask, None).await
}

/// Changes what is said of a product. The change goes back to review, and until it has passed nothing is sold; another
/// delivery deadline alone needs no review. Orders keep what they bought.
#[utoipa::path(
    put, path = "/v1/products/{id}", tag = "catalogue", operation_id = "change_product",
    params(("id" = String, Path, description = "The product", example = "G20260101120000000-44-00001")),
    request_body = UploadAsk<'_>,
    responses((status = 200, description = "Changed; in review, or where it was with another delivery deadline", body = ProductBody<'_>)),
)]
pub(crate) async fn change(State(door): State<Door>, call: Call) -> Answer {
    let (key, id): (_, ProductId) = (call.key()?, call.id()?);
    let ask: UploadAsk<'_> = call.json()?;
    let (terms, by) = ask.understand()?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let verb = Verb::UploadProduct { product: Some(id), terms: terms.clone(), by: by.clone() };
    let reply = door.propose(call.request(key, &ask), verb).await.map_err(missing_product)?;
    let status = match reply.outcome {
        Outcome::DeadlineChanged { on_sale: true, .. } => ProductStatus::Published,
        Outcome::DeadlineChanged { on_sale: false, .. } => ProductStatus::Approved,
        _ => ProductStatus::InReview,
    };
    let body = ProductBody { status: status.name(), ..ProductBody::uploaded(id, &terms, &by, reply.index) };
    Ok(answer::changed(StatusCode::OK, &body, &reply))
}

/// Of the two things an upload names only the product is in the path.
fn missing_product(problem: Problem) -> Problem {
    if problem.code() == Refusal::ProductNotFound.code() { problem.of_path() } else { problem }
}

/// Shows a product.
#[utoipa::path(
    get, path = "/v1/products/{id}", tag = "catalogue", operation_id = "show_product",
    params(("id" = String, Path, description = "The product", example = "G20260101120000000-44-00001")),
    responses((status = 200, description = "The product", body = ProductBody<'_>)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let id: ProductId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let look = |state: &mpss_domain::State| state.listed_product(id).cloned().map(|product| (product, state.index()));
    let found = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    let (product, index) = found.ok_or_else(|| Problem::refused(Refusal::ProductNotFound).of_path())?;
    Ok(answer::found(&ProductBody::new(&product, index)))
}

/// A page of products.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProductPage)]
pub(crate) struct ProductPage<'a> {
    /// By id.
    products: Vec<ProductBody<'a>>,
    /// Where the next page starts; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Shown<ProductId>>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

/// Lists the products of the province whose node is asked.
#[utoipa::path(
    get, path = "/v1/products", tag = "catalogue", operation_id = "list_products",
    params(
        ("sp_id" = Option<String>, Query, description = "Of this SP only"),
        ("status" = Option<String>, Query, description = "In this status only: `in_review`, `rejected`, `approved`, `published` or `withdrawn`", example = "in_review"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", example = "G20260101120000000-44-00001"),
        ("limit" = Option<u32>, Query, description = "Products on the page, 1 to 500; 100 when not given"),
    ),
    responses((status = 200, description = "A page", body = ProductPage<'_>)),
)]
pub(crate) async fn list(State(door): State<Door>, call: Call) -> Answer {
    let query = call.query(&["sp_id", "status", "cursor", "limit"])?;
    let limit = query.limit("limit", PAGE_USUAL, PAGE_MAX)?;
    let sp: Option<SpId> = query.get("sp_id").map(|text| field::id("sp_id", text)).transpose()?;
    let after: Option<ProductId> = query.get("cursor").map(|text| field::id("cursor", text)).transpose()?;
    let statuses = ["in_review", "rejected", "approved", "published", "withdrawn"].map(|name| (name, name));
    let status = query.get("status").map(|text| field::choice("status", text, &statuses)).transpose()?;
    let view = door.context.replica.read_linearizable(mpss_domain::State::clone).await.map_err(NotDone::from)?;
    let mut found = view.products().filter(|product| {
        product.status != ProductStatus::Deleted
            && after.is_none_or(|after| product.id > after)
            && sp.is_none_or(|sp| product.terms().sp == sp)
            && status.is_none_or(|status| product.status.name() == status)
    });
    let index = view.index();
    let products: Vec<ProductBody<'_>> =
        found.by_ref().take(limit).map(|product| ProductBody::new(product, index)).collect();
    let more = found.next().is_some();
    let next_cursor = products.last().filter(|_| more).map(|product| product.product_id);
    Ok(answer::found(&ProductPage { products, next_cursor, log_index: index }))
}

/// What a reviewer decides.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReviewProduct)]
pub(crate) struct ReviewAsk<'a> {
    /// `approve` or `reject`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "approve")]
    decision: Str<'a>,
    /// Why; required to reject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200)]
    reason: Option<Str<'a>>,
    /// Who reviews; not whoever uploaded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64, example = "bob")]
    reviewed_by: Option<Str<'a>>,
}

/// A product that moved on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProductMoved)]
pub(crate) struct ProductMoved {
    /// Which.
    #[schema(value_type = String, example = "G20260101120000000-44-00001")]
    product_id: Shown<ProductId>,
    /// Its status after it.
    #[schema(example = "approved")]
    status: &'static str,
    /// Position in the province's log.
    log_index: u64,
}

/// Approves or rejects a product.
#[utoipa::path(
    post, path = "/v1/products/{id}/review", tag = "catalogue", operation_id = "review_product",
    params(("id" = String, Path, description = "The product", example = "G20260101120000000-44-00001")),
    request_body = ReviewAsk<'_>,
    responses((status = 200, description = "Approved or rejected", body = ProductMoved)),
)]
pub(crate) async fn review(State(door): State<Door>, call: Call) -> Answer {
    let (key, product): (_, ProductId) = (call.key()?, call.id()?);
    let ask: ReviewAsk<'_> = call.json()?;
    let approve = field::choice("decision", ask.decision.as_str(), &[("approve", true), ("reject", false)])?;
    let reason = ask.reason.as_ref().map(|reason| text::text("reason", reason.as_str(), text::REASON_CHARS_MAX));
    let rejected = match (approve, reason.transpose()?) {
        (true, _) => None,
        (false, Some(reason)) => Some(reason),
        (false, None) => return Err(Problem::field(EdgeCode::MissingField, "reason", "required to reject")),
    };
    let by =
        ask.reviewed_by.as_ref().map_or(Ok(USUAL_REVIEWER.to_owned()), |by| text::code("reviewed_by", by.as_str()))?;
    let status = if approve { ProductStatus::Approved.name() } else { "rejected" };
    let request = call.request(key, &ask);
    step(&door, &call, request, product, Verb::ReviewProduct { product, rejected, by }, status).await
}

/// Puts an approved product on sale.
#[utoipa::path(
    post, path = "/v1/products/{id}/publish", tag = "catalogue", operation_id = "publish_product",
    params(("id" = String, Path, description = "The product", example = "G20260101120000000-44-00001")),
    responses((status = 200, description = "On sale", body = ProductMoved)),
)]
pub(crate) async fn publish(State(door): State<Door>, call: Call) -> Answer {
    let (key, product): (_, ProductId) = (call.key()?, call.id()?);
    call.no_body()?;
    let request = call.request(key, &());
    step(&door, &call, request, product, Verb::PublishProduct { product }, ProductStatus::Published.name()).await
}

/// Takes a product off sale.
#[utoipa::path(
    post, path = "/v1/products/{id}/withdraw", tag = "catalogue", operation_id = "withdraw_product",
    params(("id" = String, Path, description = "The product", example = "G20260101120000000-44-00001")),
    responses((status = 200, description = "Off sale", body = ProductMoved)),
)]
pub(crate) async fn withdraw(State(door): State<Door>, call: Call) -> Answer {
    let (key, product): (_, ProductId) = (call.key()?, call.id()?);
    call.no_body()?;
    let request = call.request(key, &());
    step(&door, &call, request, product, Verb::WithdrawProduct { product }, ProductStatus::Withdrawn.name()).await
}

/// Takes a product out of every list, when it is not on sale. Orders keep what they bought, and its id is never used
/// again.
#[utoipa::path(
    post, path = "/v1/products/{id}/delete", tag = "catalogue", operation_id = "delete_product",
    params(("id" = String, Path, description = "The product", example = "G20260101120000000-44-00001")),
    responses((status = 200, description = "Gone", body = ProductMoved)),
)]
pub(crate) async fn delete(State(door): State<Door>, call: Call) -> Answer {
    let (key, product): (_, ProductId) = (call.key()?, call.id()?);
    call.no_body()?;
    let request = call.request(key, &());
    step(&door, &call, request, product, Verb::DeleteProduct { product }, ProductStatus::Deleted.name()).await
}

/// One step of a product's life: the status after it is known from the step itself.
async fn step(
    door: &Door,
    call: &Call,
    request: mpss_domain::Request,
    product: ProductId,
    verb: Verb,
    status: &'static str,
) -> Answer {
    if let Some(elsewhere) = door.elsewhere(product.province()) {
        return door.pass_on(call, elsewhere).await;
    }
    let reply = door.propose(request, verb).await.map_err(Problem::of_path)?;
    let body = ProductMoved { product_id: Shown(product), status, log_index: reply.index };
    Ok(answer::changed(StatusCode::OK, &body, &reply))
}
