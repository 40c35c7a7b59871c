//! Top-up by a recharge card (充值卡充值): taken here, checked and used at the recharge platform, and shown as it
//! goes on. The PIN stands in the clear in the request's body alone.

use axum::extract::State;
use mpss_domain::ids::IssuedId;
use mpss_domain::rail::{Call as RailCall, Subject};
use mpss_domain::recharge::{Recharge, RechargeStatus};
use mpss_domain::{
    AccountId, LogTime, Msisdn, Outcome, ProvinceId, Refusal, Reply, State as ProvinceState, TopUpId, Verb,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::accounts::{TopUpAsk, unexpected};
use super::answer;
use super::call::{Answer, Call};
use super::door::{Door, DoorParts};
use super::order_body::CallPart;
use super::orders::{preference_applied, wait_preferred};
use crate::card_pin::CardPin;
use crate::intake::amount::Yuan;
use crate::intake::field::Shown;
use crate::intake::{EdgeCode, Problem};

/// A top-up by card.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CardTopUp)]
pub(crate) struct CardTopUpBody {
    /// Its id; names the home province.
    #[schema(value_type = String, example = "U20260101120000000-44-00001")]
    top_up_id: Shown<TopUpId>,
    /// `checking`, `using`, `credited` or `refused`.
    #[schema(example = "checking")]
    status: &'static str,
    /// Into which account.
    #[schema(value_type = String, example = "A20260101120000000-44-00001")]
    account_id: Shown<AccountId>,
    /// Whose it is.
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Shown<Msisdn>,
    /// What the card is worth, in yuan, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "50.00")]
    amount: Option<Yuan>,
    /// The balance after it, in yuan, once it is credited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "150.00")]
    balance: Option<Yuan>,
    /// Why it was refused, when it was: the name of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "recharge_card_used")]
    refused_because: Option<&'static str>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    at: Shown<LogTime>,
    /// When it became final.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    final_at: Option<Shown<LogTime>>,
    /// What was asked of the recharge platform, and when it is asked about next; in answers to GET.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    calls: Vec<CallPart>,
    /// Position in the home province's log that this shows.
    log_index: u64,
}

/// A top-up by card, taken out of the state to be shown.
#[derive(Debug, Clone)]
struct Found {
    row: Recharge,
    calls: Vec<RailCall>,
}

impl Found {
    fn find(state: &ProvinceState, id: TopUpId) -> Option<Self> {
        let row = state.recharge(id)?.clone();
        Some(Self { row, calls: state.calls_about(Subject::Recharge(id)).cloned().collect() })
    }

    /// As it was when it was taken; the same for ever after.
    fn as_taken(&self, log_index: u64) -> CardTopUpBody {
        let row = &self.row;
        CardTopUpBody {
            top_up_id: Shown(row.id),
            status: RechargeStatus::Checking.name(),
            account_id: Shown(row.account),
            msisdn: Shown(row.msisdn),
            amount: None,
            balance: None,
            refused_because: None,
            at: Shown(row.at),
            final_at: None,
            calls: Vec::new(),
            log_index,
        }
    }

    fn now(&self, log_index: u64) -> CardTopUpBody {
        let row = &self.row;
        CardTopUpBody {
            status: row.status.name(),
            amount: row.amount.is_positive().then_some(Yuan(row.amount)),
            balance: (row.status == RechargeStatus::Credited).then_some(Yuan(row.balance)),
            refused_because: match row.status {
                RechargeStatus::Refused(refusal) => Some(refusal.code()),
                _ => None,
            },
            final_at: row.final_at.map(|(at, _)| Shown(at)),
            calls: self.calls.iter().map(CallPart::of).collect(),
            ..self.as_taken(log_index)
        }
    }
}

/// What a top-up by card needs of its request; nothing of one in cash belongs to it.
pub(super) fn card_of(ask: &TopUpAsk<'_>) -> Result<CardPin, Problem> {
    let other = [("amount", ask.amount.is_some()), ("agent_id", ask.agent_id.is_some())];
    if let Some((field, _)) = other.into_iter().find(|(_, given)| *given) {
        let what = "does not belong to a top-up by recharge card";
        return Err(Problem::field(EdgeCode::ConflictingFields, field, what));
    }
    let missing = || Problem::field(EdgeCode::MissingField, "card_pin", "required for a top-up by recharge card");
    let pin = ask.card_pin.as_ref().ok_or_else(missing)?;
    let malformed =
        || Problem::field(EdgeCode::InvalidValue, "card_pin", "the PIN of a recharge card has 8 to 32 digits");
    CardPin::parse_recharge(pin.reveal()).ok_or_else(malformed)
}

/// Takes a top-up by card. What becomes of it is told by the subscriber's text, and to whoever asks.
pub(super) async fn take(door: &Door, call: &Call, ask: &TopUpAsk<'_>, account: AccountId, pin: CardPin) -> Answer {
    if door.context.rails.recharge.is_none() {
        let what = "no recharge platform is connected here";
        return Err(Problem::field(EdgeCode::TopUpMethodUnsupported, "method", what));
    }
    let safe = door.context.pins.as_ref().ok_or_else(|| Problem::edge(EdgeCode::VaultClosed))?;
    let card = safe.recharge_card(&pin);
    let sealed = safe.seal_recharge(account, &pin, &*door.context.seams.random);
    drop(pin);
    // The keyed digest stands for the PIN, which is not written.
    let request = call.request(call.key()?, &(ask, card));
    let reply = door.propose(request, Verb::TopUpByCard { account, card, pin: sealed }).await.map_err(of_field)?;
    let Outcome::TopUpTaken(id) = reply.outcome else { return Err(unexpected(&reply)) };
    let found = door.top_up_of(&reply, id).await?;
    let body = found.as_taken(reply.index);
    Ok(answer::accepted(&body, &reply, &format!("/v1/top-ups/{id}")))
}

/// The account is named by the path, the card by its PIN.
fn of_field(problem: Problem) -> Problem {
    let of_card = problem.code().starts_with("recharge_card");
    if of_card { problem.blaming("card_pin") } else { problem.of_path() }
}

/// Shows a top-up by recharge card. With `Prefer: wait=N` the answer waits up to N seconds for a final status.
#[utoipa::path(
    get, path = "/v1/top-ups/{id}", tag = "accounts", operation_id = "show_top_up",
    params(
        ("id" = String, Path, description = "The top-up", example = "U20260101120000000-44-00001"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: wait up to N (at most 60) seconds for a final status", example = "wait=10"),
    ),
    responses((status = 200, description = "The top-up", body = CardTopUpBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let id: TopUpId = call.id()?;
    let home: Option<ProvinceId> = id.province();
    if let Some(elsewhere) = door.elsewhere(home) {
        return door.pass_on(&call, elsewhere).await;
    }
    let wait = wait_preferred(call.headers());
    let look = |state: &ProvinceState| Found::find(state, id);
    let is_final = |found: &Found| found.row.status.is_final();
    let found = door.now_or_final(wait.unwrap_or_default(), look, is_final).await?;
    let (found, index) = found.ok_or_else(|| Problem::refused(Refusal::TopUpNotFound).of_path())?;
    let mut response = answer::found(&found.now(index));
    if let Some(wait) = wait {
        preference_applied(&mut response, wait);
    }
    Ok(response)
}

impl DoorParts {
    /// The top-up that a reply is about. It is taken: when this replica can not show it in time, the caller
    /// has to ask again.
    async fn top_up_of(&self, reply: &Reply, id: TopUpId) -> Result<Found, Problem> {
        let found = self.context.replica.read_at(reply.index, |state| Found::find(state, id)).await;
        found.map_err(|_| Problem::edge(EdgeCode::OutcomeUnknown))?.ok_or_else(|| unexpected(reply))
    }
}
