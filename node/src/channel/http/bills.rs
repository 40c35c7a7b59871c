//! Bills (缴费): what one comes to, asked at its SP (product specification §3). It is paid like any other
//! order, at `/v1/orders`.

use axum::extract::State;
use mpss_domain::ProductId;
use mpss_domain::ids::IssuedId;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::gateway::sp::BillStatus;
use crate::intake::Problem;
use crate::intake::amount::Yuan;
use crate::intake::field::{self, Shown};
use crate::serving::BillStanding;

/// A bill as its SP says it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Bill)]
pub(crate) struct BillBody<'a> {
    /// The product it is paid with.
    #[schema(value_type = String, example = "G20260101120000000-44-00001")]
    product_id: Shown<ProductId>,
    /// Its number.
    #[schema(example = "E-2026-10-008650")]
    bill_number: &'a str,
    /// `due`, `being_paid` (by an order here), `paid` or `unknown`.
    #[schema(example = "due")]
    status: &'static str,
    /// What is due, in yuan; the order that pays it names the same amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "86.50")]
    amount: Option<Yuan>,
    /// Whose bill it is, as far as its SP shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "李*")]
    payer: Option<String>,
    /// For which time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-10")]
    period: Option<String>,
}

/// Asks the SP what a bill comes to. Nothing is set aside by that.
#[utoipa::path(
    get, path = "/v1/products/{id}/bill", tag = "catalogue", operation_id = "query_bill",
    params(
        ("id" = String, Path, description = "The product that pays such bills", example = "G20260101120000000-44-00001"),
        ("number" = String, Query, pattern = "^[!-~]{1,32}$", description = "The bill's number", example = "E-2026-10-008650"),
    ),
    responses((status = 200, description = "The bill as it stands", body = BillBody<'_>)),
)]
pub(crate) async fn query(State(door): State<Door>, call: Call) -> Answer {
    let query = call.query(&["number"])?;
    let id: ProductId = call.id()?;
    let text = query.required("number")?;
    let number = field::id("number", text)?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let standing = door.serving.query_bill(id, number).await.map_err(|not_done| Problem::from(not_done).of_path())?;
    let BillStanding { status, amount, payer, period, customer: _, being_paid } = standing;
    let status = match status {
        BillStatus::Due | BillStatus::Unknown if being_paid => "being_paid",
        BillStatus::Due => "due",
        BillStatus::Paid => "paid",
        BillStatus::Unknown => "unknown",
    };
    let amount = amount.filter(|_| status == "due").map(Yuan);
    Ok(answer::found(&BillBody { product_id: Shown(id), bill_number: text, status, amount, payer, period }))
}
