//! 绑卡申请: a subscriber asks from our side for a card to be bound; the bank is told, and answers at its own door
//! (product §2; source §5.1). The card's number stands in the clear in the request's body, and in what the bank is
//! told.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::ids::IssuedId;
use mpss_domain::wish::{Wish, WishRefusal, WishStatus};
use mpss_domain::{BindingId, LogTime, Msisdn, Outcome, Refusal, State as ProvinceState, WishId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::{of_path, unexpected};
use super::answer;
use super::bank::digits;
use super::call::{Answer, Call};
use super::door::Door;
use crate::gateway::bank::iso8583::Pan;
use crate::home::WishedCard;
use crate::intake::field::{self, Shown};
use crate::intake::json::{Secret, Str};
use crate::intake::{EdgeCode, Problem};
use crate::not_done::NotDone;

/// What asks for a card to be bound.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AskBinding)]
pub(crate) struct WishAsk<'a> {
    /// Whose number.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
    /// The bank's institution code: 8 to 11 digits.
    #[serde(borrow)]
    #[schema(value_type = String, example = "01020000")]
    bank: Str<'a>,
    /// The card's number as it is printed: 13 to 19 digits, the last of which checks the others.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, pattern = "^[0-9]{13,19}$")]
    card_number: Secret<'a>,
}

/// A card that a subscriber wants to be bound.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BindingWish)]
pub(crate) struct WishBody {
    /// Its id; names the home province.
    #[schema(value_type = String, example = "Q20260101120000000-44-00001")]
    wish_id: Shown<WishId>,
    /// `waiting`, `told`, `bound`, `refused` or `lapsed`.
    #[schema(example = "told")]
    status: &'static str,
    /// Whose number.
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Shown<Msisdn>,
    /// The bank's institution code.
    #[schema(example = "01020000")]
    bank: String,
    /// The card's last four digits.
    #[schema(example = "1234")]
    card_last_four: String,
    /// The binding, once the bank binds the card; it is confirmed with the code of its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "B20260101120000000-44-00001")]
    binding_id: Option<Shown<BindingId>>,
    /// Why the bank does not: `card_unknown`, `not_the_holder`, `card_unusable`, `not_offered` or `not_said`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "not_the_holder")]
    refused_because: Option<&'static str>,
    /// Without the bank's answer it lapses then.
    #[schema(value_type = String, format = DateTime)]
    until: Shown<LogTime>,
    /// Position in the home province's log that this shows.
    log_index: u64,
}

impl WishBody {
    fn new(wish: &Wish, log_index: u64) -> Self {
        Self {
            wish_id: Shown(wish.id),
            status: wish.status.name(),
            msisdn: Shown(wish.msisdn),
            bank: wish.bank.clone(),
            card_last_four: wish.last_four.clone(),
            binding_id: match wish.status {
                WishStatus::Bound(binding) => Some(Shown(binding)),
                _ => None,
            },
            refused_because: match wish.status {
                WishStatus::Refused(why) => Some(why.name()),
                _ => None,
            },
            until: Shown(wish.until),
            log_index,
        }
    }

    /// As it was when it was asked for; the same for ever after.
    fn as_asked(wish: &Wish, log_index: u64) -> Self {
        Self {
            status: WishStatus::Waiting.name(),
            binding_id: None,
            refused_because: None,
            ..Self::new(wish, log_index)
        }
    }
}

/// Asks for a card to be bound to the subscriber's number. The bank is told, and binds it or says why not; what it
/// binds is confirmed with the code of a text.
#[utoipa::path(
    post, path = "/v1/bindings", tag = "accounts", operation_id = "ask_binding",
    request_body = WishAsk<'_>,
    responses((status = 202, description = "The bank is being told", body = WishBody)),
)]
pub(crate) async fn ask(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let ask: WishAsk<'_> = call.json()?;
    let msisdn = field::msisdn("msisdn", ask.msisdn.as_str())?;
    let bank = digits("bank", ask.bank.as_str(), 8..=11)?.to_owned();
    let malformed = || Problem::field(EdgeCode::InvalidValue, "card_number", "no card has this number");
    let number = Pan::new(ask.card_number.reveal()).filter(Pan::is_checked).ok_or_else(malformed)?;
    door.admit(msisdn.number())?;
    if let Some(elsewhere) = door.home_elsewhere(msisdn)? {
        return door.pass_on(&call, elsewhere).await;
    }
    if door.context.rails.bank_notices.is_none() {
        return Err(Problem::refused(Refusal::RailUnavailable));
    }
    let safe = door.context.pins.as_ref().ok_or_else(|| Problem::edge(EdgeCode::VaultClosed))?;
    // The keyed digest stands for the number, which is not written.
    let request = call.request(key, &(&ask, safe.digest([number.digits()])));
    let reply = door.home.ask_binding(request, safe, WishedCard { msisdn, bank, number }).await?;
    let Outcome::Wish(id) = reply.outcome else { return Err(unexpected(&reply)) };
    let look = |state: &ProvinceState| state.wish(id).map(|wish| WishBody::as_asked(wish, reply.index));
    // It is asked: when this replica can not show it in time, the caller has to ask again.
    let found = door.context.replica.read_at(reply.index, look).await;
    let body = found.map_err(|_| Problem::edge(EdgeCode::OutcomeUnknown))?.ok_or_else(|| unexpected(&reply))?;
    Ok(answer::accepted(&body, &reply, &format!("/v1/bindings/{id}")))
}

/// Shows what became of a card that was asked to be bound.
#[utoipa::path(
    get, path = "/v1/bindings/{id}", tag = "accounts", operation_id = "show_binding_wish",
    params(("id" = String, Path, description = "The wish", example = "Q20260101120000000-44-00001")),
    responses((status = 200, description = "The wish", body = WishBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let id: WishId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let look = |state: &ProvinceState| state.wish(id).map(|wish| WishBody::new(wish, state.index()));
    let found = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    Ok(answer::found(&found.ok_or_else(|| Problem::refused(Refusal::WishNotFound).of_path())?))
}

/// Why a card is not bound.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefuseBinding)]
pub(crate) struct RefuseAsk<'a> {
    /// `card_unknown`, `not_the_holder`, `card_unusable`, `not_offered` or `not_said`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "not_the_holder")]
    reason: Str<'a>,
}

/// A wish that was refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BindingRefused)]
pub(crate) struct WishRefusedBody {
    /// Its id.
    #[schema(value_type = String, example = "Q20260101120000000-44-00001")]
    wish_id: Shown<WishId>,
    /// Why.
    #[schema(example = "not_the_holder")]
    reason: &'static str,
    /// Position in the home province's log.
    log_index: u64,
}

/// Does not bind a card that a subscriber asked for; the subscriber is told. Asked by the bank.
#[utoipa::path(
    post, path = "/v1/bank/wishes/{id}/refusal", tag = "bank", operation_id = "refuse_binding_wish",
    params(
        ("id" = String, Path, description = "The wish", example = "Q20260101120000000-44-00001"),
        ("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`"),
    ),
    request_body = RefuseAsk<'_>,
    responses((status = 200, description = "Refused", body = WishRefusedBody)),
)]
pub(crate) async fn refuse(State(door): State<Door>, call: Call) -> Answer {
    door.is_from_bank(&call)?;
    let (key, id): (_, WishId) = (call.key()?, call.id()?);
    let ask: RefuseAsk<'_> = call.json()?;
    let why = field::choice("reason", ask.reason.as_str(), &WishRefusal::ALL.map(|why| (why.name(), why)))?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.home.refuse_wish(call.request(key, &ask), id, why).await.map_err(of_path)?;
    let body = WishRefusedBody { wish_id: Shown(id), reason: why.name(), log_index: reply.index };
    Ok(answer::changed(StatusCode::OK, &body, &reply))
}
