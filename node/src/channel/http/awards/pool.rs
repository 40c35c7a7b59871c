//! Prize pools: what an SP's prizes are paid from.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::ids::IssuedId;
use mpss_domain::{Outcome, Refusal, SpId, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::channel::http::accounts::unexpected;
use crate::channel::http::answer;
use crate::channel::http::call::{Answer, Call};
use crate::channel::http::door::Door;
use crate::intake::amount::{Yuan, amount};
use crate::intake::field::{self, Shown};
use crate::intake::json::Str;
use crate::intake::{Problem, text};
use crate::not_done::NotDone;

/// What moves money into or out of a prize pool.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MovePool)]
pub(crate) struct MovePoolAsk<'a> {
    /// How much, in yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "50000.00")]
    amount: Str<'a>,
    /// `in` or `out`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "in")]
    direction: Str<'a>,
    /// Who says that the money has come, or goes.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "finance-07")]
    by: Str<'a>,
}

/// A prize pool.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrizePool)]
pub(crate) struct PoolBody {
    /// Whose.
    #[schema(value_type = String, example = "S20260101120000000-44-00001")]
    sp_id: Shown<SpId>,
    /// What is in it, in yuan.
    #[schema(value_type = String, example = "50000.00")]
    balance: Yuan,
    /// Position in the province's log that this shows.
    log_index: u64,
}

/// Puts money into an SP's prize pool, or takes it out again.
#[utoipa::path(
    post, path = "/v1/sps/{id}/prize-pool", tag = "awards", operation_id = "move_prize_pool",
    params(("id" = String, Path, description = "The SP", example = "S20260101120000000-44-00001")),
    request_body = MovePoolAsk<'_>,
    responses((status = 200, description = "Moved", body = PoolBody)),
)]
pub(crate) async fn move_money(State(door): State<Door>, call: Call) -> Answer {
    let (key, sp): (_, SpId) = (call.key()?, call.id()?);
    let ask: MovePoolAsk<'_> = call.json()?;
    let amount = amount("amount", ask.amount.as_str())?;
    let out = field::choice("direction", ask.direction.as_str(), &[("in", false), ("out", true)])?;
    let by = text::code("by", ask.by.as_str())?;
    if let Some(elsewhere) = door.elsewhere(sp.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let verb = Verb::FundPool { sp, amount, out, by };
    let reply = door.propose(call.request(key, &ask), verb).await.map_err(Problem::of_path)?;
    let Outcome::Pool { balance, .. } = reply.outcome else { return Err(unexpected(&reply)) };
    let body = PoolBody { sp_id: Shown(sp), balance: Yuan(balance), log_index: reply.index };
    Ok(answer::changed(StatusCode::OK, &body, &reply))
}

/// Shows what is in an SP's prize pool.
#[utoipa::path(
    get, path = "/v1/sps/{id}/prize-pool", tag = "awards", operation_id = "show_prize_pool",
    params(("id" = String, Path, description = "The SP", example = "S20260101120000000-44-00001")),
    responses((status = 200, description = "The pool", body = PoolBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let sp: SpId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(sp.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let look = |state: &mpss_domain::State| {
        state.sp(sp).map(|_| PoolBody {
            sp_id: Shown(sp),
            balance: Yuan(state.prize_pool(sp)),
            log_index: state.index(),
        })
    };
    let found = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    Ok(answer::found(&found.ok_or_else(|| Problem::refused(Refusal::SpNotFound).of_path())?))
}
