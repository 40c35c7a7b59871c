//! What is on the bound card: asked at the bank, for nothing is kept of it here (product specification §2).

use axum::extract::State;
use mpss_domain::ids::IssuedId;
use mpss_domain::outside::{Card, Means};
use mpss_domain::rail::Keys;
use mpss_domain::{AccountId, LogTime, Refusal, State as ProvinceState};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::Problem;
use crate::intake::amount::Yuan;
use crate::intake::field::Shown;
use crate::not_done::NotDone;

/// What is on a card.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BankBalance)]
pub(crate) struct BankBalanceBody {
    /// The account.
    #[schema(value_type = String, example = "A20260101120000000-44-00001")]
    account_id: Shown<AccountId>,
    /// The last four digits of the card.
    #[schema(example = "0001")]
    card_last_four: String,
    /// What can be spent, in yuan.
    #[schema(value_type = String, example = "1234.56")]
    available: Yuan,
    /// What the bank's books say, in yuan, when it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1300.00")]
    ledger: Option<Yuan>,
    /// When the bank said so.
    #[schema(value_type = String, format = DateTime)]
    as_of: Shown<LogTime>,
}

fn card_of(state: &ProvinceState, id: AccountId) -> Result<Card, Refusal> {
    let account = state.account(id).ok_or(Refusal::AccountNotFound)?;
    match state.link(account.id).map(|link| &link.means) {
        Some(Means::Card(card)) => Ok((**card).clone()),
        _ => Err(Refusal::AccountKindUnsupported),
    }
}

/// Asks the bank what is on the card of an account.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/bank-balance", tag = "accounts", operation_id = "show_bank_balance",
    params(("id" = String, Path, description = "The account", example = "A20260101120000000-44-00001")),
    responses((status = 200, description = "What is on the card", body = BankBalanceBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let id: AccountId = call.id()?;
    door.admit(id.bits())?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let found = door.context.replica.read_linearizable(|state| card_of(state, id)).await.map_err(NotDone::from)?;
    let card = found.map_err(|refusal| Problem::refused(refusal).of_path())?;
    let bank = door.context.rails.bank.clone().ok_or_else(|| Problem::refused(Refusal::RailUnavailable))?;
    let seams = &door.context.seams;
    let (mut serial, at) = ([0; 8], LogTime(seams.clock.wall_ms()));
    seams.random.fill(&mut serial);
    let keys = Keys { serial: u64::from_be_bytes(serial), at };
    let balance = bank.balance(&card, keys).await.map_err(Problem::refused)?;
    Ok(answer::found(&BankBalanceBody {
        account_id: Shown(id),
        card_last_four: card.last_four,
        available: Yuan(balance.available),
        ledger: balance.ledger.map(Yuan),
        as_of: Shown(at),
    }))
}
