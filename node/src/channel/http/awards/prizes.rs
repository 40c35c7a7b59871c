//! Prizes that wait for a winner.

use axum::extract::State;
use mpss_domain::award::{Prize, PrizeStatus};
use mpss_domain::{AwardId, LogTime, OrderId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::channel::http::answer;
use crate::channel::http::call::{Answer, Call};
use crate::channel::http::door::Door;
use crate::intake::amount::Yuan;
use crate::intake::field::Shown;
use crate::not_done::NotDone;

/// Prizes that are shown at once.
const PRIZES_MAX: usize = 100;

/// A prize in the winner's home province.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Prize)]
pub(crate) struct PrizeBody {
    /// The award.
    #[schema(value_type = String, example = "W20260101120000000-44-00001")]
    award_id: Shown<AwardId>,
    /// The bet.
    #[schema(value_type = String, example = "O20260101120000000-44-00001")]
    order_id: Shown<OrderId>,
    /// How much, tax taken off, in yuan.
    #[schema(value_type = String, example = "20.00")]
    amount: Yuan,
    /// The kind of account that was wanted.
    #[schema(example = "virtual")]
    account_kind: &'static str,
    /// `waiting` or `paying`.
    #[schema(example = "waiting")]
    status: &'static str,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    at: Shown<LogTime>,
}

impl PrizeBody {
    fn new(prize: &Prize) -> Self {
        Self {
            award_id: Shown(prize.id),
            order_id: Shown(prize.order),
            amount: Yuan(prize.amount),
            account_kind: prize.wanted.name(),
            status: prize.status.name(),
            at: Shown(prize.at),
        }
    }
}

/// What waits for a winner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrizesWaiting)]
pub(crate) struct WaitingBody {
    /// Oldest first; a hundred at most.
    prizes: Vec<PrizeBody>,
    /// Position in the home province's log that this shows.
    log_index: u64,
}

/// Shows the prizes that wait for a subscriber: there is no account that could take them.
#[utoipa::path(
    get, path = "/v1/subscribers/{msisdn}/prizes", tag = "awards", operation_id = "show_prizes",
    params(("msisdn" = String, Path, description = "The subscriber", example = "18912345678")),
    responses((status = 200, description = "What waits", body = WaitingBody)),
)]
pub(crate) async fn waiting(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let msisdn = call.msisdn()?;
    if let Some(elsewhere) = door.home_elsewhere(msisdn)? {
        return door.pass_on(&call, elsewhere).await;
    }
    let look = |state: &mpss_domain::State| WaitingBody {
        prizes: state.prizes_waiting(msisdn).take(PRIZES_MAX).map(PrizeBody::new).collect(),
        log_index: state.index(),
    };
    let body = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    debug_assert!(body.prizes.iter().all(|prize| prize.status == PrizeStatus::Waiting.name()));
    Ok(answer::found(&body))
}
