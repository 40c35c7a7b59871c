//! Draws (期次): until when bets on a lottery are taken (product specification §3).

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::draws::{Draw, DrawId};
use mpss_domain::ids::IssuedId;
use mpss_domain::{LogTime, ProductId, Refusal, State as ProvinceState, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::Problem;
use crate::intake::field::{self, Shown};
use crate::intake::json::Str;
use crate::not_done::NotDone;

/// The draw that bets are for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SetDraw)]
pub(crate) struct DrawAsk<'a> {
    /// The SP's number of it.
    #[serde(borrow)]
    #[schema(value_type = String, pattern = "^[!-~]{1,32}$", example = "26130")]
    draw_id: Str<'a>,
    /// From then on no bet is taken.
    #[serde(borrow)]
    #[schema(value_type = String, format = DateTime)]
    closes_at: Str<'a>,
}

/// A draw.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Draw)]
pub(crate) struct DrawBody {
    /// The lottery.
    #[schema(value_type = String, example = "G20260101120000000-44-00001")]
    product_id: Shown<ProductId>,
    /// The SP's number of the draw.
    #[schema(value_type = String, pattern = "^[!-~]{1,32}$", example = "26130")]
    draw_id: Shown<DrawId>,
    /// From then on no bet is taken.
    #[schema(value_type = String, format = DateTime)]
    closes_at: Shown<LogTime>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

fn body(product: ProductId, draw: Draw, log_index: u64) -> DrawBody {
    DrawBody { product_id: Shown(product), draw_id: Shown(draw.id), closes_at: Shown(draw.closes_at), log_index }
}

/// Opens a draw: bets taken from here on are for it, until it closes. The same draw may be given another close.
#[utoipa::path(
    put, path = "/v1/products/{id}/draw", tag = "catalogue", operation_id = "set_draw",
    params(("id" = String, Path, description = "The lottery", example = "G20260101120000000-44-00001")),
    request_body = DrawAsk<'_>,
    responses((status = 200, description = "Open", body = DrawBody)),
)]
pub(crate) async fn set(State(door): State<Door>, call: Call) -> Answer {
    let (key, product): (_, ProductId) = (call.key()?, call.id()?);
    let ask: DrawAsk<'_> = call.json()?;
    let draw = Draw {
        id: field::id("draw_id", ask.draw_id.as_str())?,
        closes_at: field::time("closes_at", ask.closes_at.as_str())?,
    };
    if let Some(elsewhere) = door.elsewhere(product.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let verb = Verb::SetDraw { product, draw };
    let reply = door.propose(call.request(key, &ask), verb).await.map_err(of_part)?;
    Ok(answer::changed(StatusCode::OK, &body(product, draw, reply.index), &reply))
}

fn of_part(problem: Problem) -> Problem {
    if problem.code() == "draw_in_past" { problem.blaming("closes_at") } else { problem.of_path() }
}

/// Shows the last draw of a lottery; it may have closed.
#[utoipa::path(
    get, path = "/v1/products/{id}/draw", tag = "catalogue", operation_id = "show_draw",
    params(("id" = String, Path, description = "The lottery", example = "G20260101120000000-44-00001")),
    responses((status = 200, description = "The draw", body = DrawBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let product: ProductId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(product.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let look = |state: &ProvinceState| {
        state.product(product).ok_or(Refusal::ProductNotFound)?;
        Ok((state.draw_of_product(product), state.index()))
    };
    let found = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    let (draw, index) = found.map_err(|refusal: Refusal| Problem::refused(refusal).of_path())?;
    let draw = draw.ok_or_else(|| Problem::edge(crate::intake::EdgeCode::DrawNotFound).of_path())?;
    Ok(answer::found(&body(product, draw, index)))
}
