//! Goods that an SP uploads itself (product §3, source §6.2: one or a CSV batch). They wait for the operators' review like
//! any others.
//!
//! Whose goods they are is whose key has signed. An SP that names another one is told that it is not there.

use axum::extract::State;
use mpss_domain::SpId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::own_key;
use crate::channel::http::call::{Answer, Call};
use crate::channel::http::door::Door;
use crate::channel::http::product_files::{self, AnswerLine, Whose};
use crate::channel::http::products::{self, ProductBody, UploadAsk};
use crate::intake::json::Str;

/// The one resource of SPs that takes files of goods.
pub(crate) const FILES_PATH: &str = "/v1/sp/product-files";

/// What an SP says of a product of its own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SpUploadProduct)]
pub(crate) struct SpUploadAsk<'a> {
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
    /// How long the SP may take to answer the delivery notice, in ms; the application's usual time when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86_400_000, example = 60_000)]
    delivery_deadline_ms: Option<u32>,
}

/// Who has uploaded what an SP uploads itself: no reviewer has this name.
fn uploader(sp: SpId) -> String {
    format!("sp:{sp}")
}

/// Uploads a product of the SP's own; it waits for its review. Signed.
#[utoipa::path(
    post, path = "/v1/sp/products", tag = "sp", operation_id = "sp_upload_product",
    request_body = SpUploadAsk<'_>,
    responses((status = 201, description = "Uploaded, in review", body = ProductBody<'_>)),
)]
pub(crate) async fn upload(State(door): State<Door>, call: Call) -> Answer {
    let sp = door.signed_by(&call).await?;
    let key = own_key(sp, &call)?;
    let ask: SpUploadAsk<'_> = call.json()?;
    let own = UploadAsk::of_line(
        &sp.to_string(),
        ask.title.as_str(),
        ask.application.as_str(),
        ask.scope.as_str(),
        ask.price.as_str(),
        ask.delivery_deadline_ms,
    );
    products::record(&door, call.request(key, &ask), &own, Some(uploader(sp))).await
}

/// Takes a file of the SP's own goods, as `POST /v1/product-files` does; a column `sp_id` is not needed. Signed.
#[utoipa::path(
    post, path = "/v1/sp/product-files", tag = "sp", operation_id = "sp_send_product_file",
    request_body(content = String, content_type = "text/csv"),
    responses((
        status = 200, description = "A result for each line, and the counts",
        content_type = "application/x-ndjson", body = AnswerLine,
    )),
)]
pub(crate) async fn send(State(door): State<Door>, call: Call) -> Answer {
    let sp = door.signed_by(&call).await?;
    let key = own_key(sp, &call)?;
    call.query(&[])?;
    call.media_type("text/csv")?;
    product_files::take(door, &call, key, Whose::Only(sp), &uploader(sp)).await
}
