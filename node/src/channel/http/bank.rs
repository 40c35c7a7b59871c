//! The bank's own door (product §5, 6.1.2 and 6.1.3): cards are bound and unbound from its side, money is
//! pushed in, accounts are frozen. Every request is signed with the key agreed with it.
//! How it is signed is in `signature.rs`.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::ids::IssuedId;
use mpss_domain::outside::Card;
use mpss_domain::rail::{Binding, BindingStatus};
use mpss_domain::{AccountId, BindingId, Msisdn, Outcome, Refusal, State as ProvinceState, TopUpId, WishId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::{account_answer, of_path, unexpected};
use super::answer;
use super::call::{Answer, Call};
use super::door::{Door, DoorParts};
use crate::home::ConfirmBinding;
use crate::intake::amount::{Yuan, amount};
use crate::intake::field::{self, Shown};
use crate::intake::json::{Secret, Str};
use crate::intake::{EdgeCode, Problem};
use crate::not_done::NotDone;

impl DoorParts {
    /// Is this request the bank's?
    pub(super) fn is_from_bank(&self, call: &Call) -> Result<(), Problem> {
        self.is_signed(call, self.context.rails.bank_door_key.as_deref(), "no bank is known here")
    }
}

/// What binds a card.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BindCard)]
pub(crate) struct BindAsk<'a> {
    /// Whose number.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
    /// The bank's institution code: 8 to 11 digits.
    #[serde(borrow)]
    #[schema(value_type = String, example = "01020000")]
    bank: Str<'a>,
    /// What stands for the card between the bank and us, never the card's own number: 13 to 19 digits.
    #[serde(borrow)]
    #[schema(value_type = String, example = "6200000000000000001")]
    card_token: Str<'a>,
    /// The card's last four digits, as the subscriber may be shown them.
    #[serde(borrow)]
    #[schema(value_type = String, example = "1234")]
    card_last_four: Str<'a>,
    /// `real_time` or `pre_freeze`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "pre_freeze")]
    mode: Str<'a>,
    /// The bank has checked that the number is the card holder's.
    holder_checked: bool,
    /// The wish of the subscriber that this answers, when it answers one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "Q20260101120000000-44-00001")]
    wish_id: Option<Str<'a>>,
}

const MODES: [(&str, bool); 2] = [("real_time", false), ("pre_freeze", true)];

/// A binding, as the bank sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Binding)]
pub(crate) struct BindingBody {
    /// Its id.
    #[schema(value_type = String, example = "B20260101120000000-44-00001")]
    binding_id: Shown<BindingId>,
    /// `waiting`, `active`, `refused`, `lapsed` or `ended`.
    #[schema(example = "waiting")]
    status: &'static str,
    /// Whose number.
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Shown<Msisdn>,
    /// The card's last four digits.
    #[schema(example = "1234")]
    card_last_four: String,
    /// The account on it, once it is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "A20260101120000000-44-00001")]
    account_id: Option<Shown<AccountId>>,
    /// Position in the home province's log that this shows.
    log_index: u64,
}

impl BindingBody {
    fn new(binding: &Binding, log_index: u64) -> Self {
        let account_id = match binding.status {
            BindingStatus::Active(account) => Some(Shown(account)),
            _ => None,
        };
        Self {
            binding_id: Shown(binding.id),
            status: binding.status.name(),
            msisdn: Shown(binding.msisdn),
            card_last_four: binding.card.last_four.clone(),
            account_id,
            log_index,
        }
    }
}

pub(super) fn digits<'a>(
    name: &'static str,
    text: &'a str,
    lengths: std::ops::RangeInclusive<usize>,
) -> Result<&'a str, Problem> {
    if lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text);
    }
    let what = format!("{} to {} digits", lengths.start(), lengths.end());
    Err(Problem::field(EdgeCode::InvalidText, name, what))
}

/// A card as the bank tells of it.
pub(super) fn card(bank: &Str<'_>, token: &Str<'_>, last_four: &Str<'_>, mode: &Str<'_>) -> Result<Card, Problem> {
    Ok(Card {
        bank: digits("bank", bank.as_str(), 8..=11)?.to_owned(),
        token: digits("card_token", token.as_str(), 13..=19)?.to_owned(),
        last_four: digits("card_last_four", last_four.as_str(), 4..=4)?.to_owned(),
        pre_freeze: field::choice("mode", mode.as_str(), &MODES)?,
    })
}

/// Asks for a card to be bound to a number; the subscriber is sent a code to confirm it with. Asked by the
/// bank.
#[utoipa::path(
    post, path = "/v1/bank/bindings", tag = "bank", operation_id = "bind_card",
    params(("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`")),
    request_body = BindAsk<'_>,
    responses((status = 201, description = "The subscriber is asked", body = BindingBody)),
)]
pub(crate) async fn bind(State(door): State<Door>, call: Call) -> Answer {
    door.is_from_bank(&call)?;
    let key = call.key()?;
    let ask: BindAsk<'_> = call.json()?;
    let msisdn = field::msisdn("msisdn", ask.msisdn.as_str())?;
    if !ask.holder_checked {
        return Err(Problem::field(
            EdgeCode::InvalidChoice,
            "holder_checked",
            "a card is bound to its holder's number",
        ));
    }
    let card = card(&ask.bank, &ask.card_token, &ask.card_last_four, &ask.mode)?;
    let wish = ask.wish_id.as_ref().map(|id| field::id::<WishId>("wish_id", id.as_str())).transpose()?;
    if let Some(elsewhere) = door.home_elsewhere(msisdn)? {
        return door.pass_on(&call, elsewhere).await;
    }
    let request = call.request(key, &ask);
    let reply = match wish {
        Some(wish) => door.home.bind_wished(request, wish, msisdn, card).await.map_err(of_wish)?,
        None => door.home.bind_card(request, msisdn, card).await?,
    };
    let Outcome::Binding(id) = reply.outcome else { return Err(unexpected(&reply)) };
    let body = BindingBody {
        binding_id: Shown(id),
        status: BindingStatus::Waiting.name(),
        msisdn: Shown(msisdn),
        card_last_four: ask.card_last_four.as_str().to_owned(),
        account_id: None,
        log_index: reply.index,
    };
    Ok(answer::created(&body, &reply, &format!("/v1/bank/bindings/{id}")))
}

/// The wish is named by a field, all else by what the wish is about.
fn of_wish(not_done: NotDone) -> Problem {
    let problem = Problem::from(not_done);
    if problem.code().starts_with("wish_") { problem.blaming("wish_id") } else { problem }
}

/// Shows a binding. Asked by the bank.
#[utoipa::path(
    get, path = "/v1/bank/bindings/{id}", tag = "bank", operation_id = "show_binding",
    params(
        ("id" = String, Path, description = "The binding", example = "B20260101120000000-44-00001"),
        ("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`"),
    ),
    responses((status = 200, description = "The binding", body = BindingBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    door.is_from_bank(&call)?;
    call.query(&[])?;
    let id: BindingId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let look = |state: &ProvinceState| state.binding(id).map(|binding| BindingBody::new(binding, state.index()));
    let found = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    Ok(answer::found(&found.ok_or_else(|| Problem::refused(Refusal::BindingNotFound).of_path())?))
}

/// Ends a binding; the account on the card is closed. Asked by the bank.
#[utoipa::path(
    post, path = "/v1/bank/bindings/{id}/end", tag = "bank", operation_id = "unbind_card",
    params(
        ("id" = String, Path, description = "The binding", example = "B20260101120000000-44-00001"),
        ("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`"),
    ),
    responses((status = 200, description = "Ended", body = BindingEndedBody)),
)]
pub(crate) async fn unbind(State(door): State<Door>, call: Call) -> Answer {
    door.is_from_bank(&call)?;
    let (key, id): (_, BindingId) = (call.key()?, call.id()?);
    call.no_body()?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.home.unbind_card(call.request(key, &()), id).await.map_err(of_path)?;
    let body = BindingEndedBody { binding_id: Shown(id), log_index: reply.index };
    Ok(answer::changed(StatusCode::OK, &body, &reply))
}

/// A binding that ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BindingEnded)]
pub(crate) struct BindingEndedBody {
    /// Its id.
    #[schema(value_type = String, example = "B20260101120000000-44-00001")]
    binding_id: Shown<BindingId>,
    /// Position in the home province's log.
    log_index: u64,
}

/// What pushes money in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PushTopUp)]
pub(crate) struct PushAsk<'a> {
    /// Whose virtual account.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
    /// How much, in yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "50.00")]
    amount: Str<'a>,
}

/// Money that was pushed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PushedTopUp)]
pub(crate) struct PushedBody {
    /// The top-up.
    #[schema(value_type = String, example = "U20260101120000000-44-00001")]
    top_up_id: Shown<TopUpId>,
    /// How much, in yuan.
    #[schema(value_type = String, example = "50.00")]
    amount: Yuan,
    /// Position in the home province's log.
    log_index: u64,
}

/// Pushes money into a subscriber's virtual account (划账充值). Asked by the bank.
#[utoipa::path(
    post, path = "/v1/bank/top-ups", tag = "bank", operation_id = "push_top_up",
    params(("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`")),
    request_body = PushAsk<'_>,
    responses((status = 201, description = "Credited", body = PushedBody)),
)]
pub(crate) async fn push(State(door): State<Door>, call: Call) -> Answer {
    door.is_from_bank(&call)?;
    let key = call.key()?;
    let ask: PushAsk<'_> = call.json()?;
    let msisdn = field::msisdn("msisdn", ask.msisdn.as_str())?;
    let money = amount("amount", ask.amount.as_str())?;
    if let Some(elsewhere) = door.home_elsewhere(msisdn)? {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.home.push_top_up(call.request(key, &ask), msisdn, money).await?;
    let Outcome::ToppedUp { top_up, amount, .. } = reply.outcome else { return Err(unexpected(&reply)) };
    let body = PushedBody { top_up_id: Shown(top_up), amount: Yuan(amount), log_index: reply.index };
    Ok(answer::changed(StatusCode::CREATED, &body, &reply))
}

/// What freezes.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FreezeByBank)]
pub(crate) struct FreezeAsk<'a> {
    /// It thaws by itself then (RFC 3339).
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Str<'a>>,
}

/// Freezes the account on a card (账户冻结). Asked by the bank.
#[utoipa::path(
    post, path = "/v1/bank/bindings/{id}/freeze", tag = "bank", operation_id = "freeze_by_bank",
    params(
        ("id" = String, Path, description = "The binding", example = "B20260101120000000-44-00001"),
        ("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`"),
    ),
    request_body = FreezeAsk<'_>,
    responses((status = 200, description = "Frozen", body = super::account_body::AccountBody)),
)]
pub(crate) async fn freeze(State(door): State<Door>, call: Call) -> Answer {
    door.is_from_bank(&call)?;
    let (key, id): (_, BindingId) = (call.key()?, call.id()?);
    let ask: FreezeAsk<'_> = call.json()?;
    let until = ask.until.as_ref().map(|text| field::time("until", text.as_str())).transpose()?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let look = |state: &ProvinceState| state.binding(id).map(|binding| binding.status);
    let status = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    let Some(BindingStatus::Active(account)) = status else {
        return Err(Problem::refused(Refusal::BindingNotFound).of_path());
    };
    let reply = door.home.freeze_by_office(call.request(key, &ask), account, until, "bank").await?;
    account_answer(&door, StatusCode::OK, &reply).await
}

/// What confirms a binding.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConfirmBinding)]
pub(crate) struct ConfirmAsk<'a> {
    /// Whose number.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
    /// The six digits of the text.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, pattern = "^[0-9]{6}$", example = "042042")]
    code: Secret<'a>,
    /// Six digits: the new payment password, or the present one when the subscriber has one.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, pattern = "^[0-9]{6}$")]
    payment_password: Secret<'a>,
    /// Most that can be spent in a day, in yuan; the ceiling when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "500.00")]
    daily_limit: Option<Str<'a>>,
    /// Most that one payment may be, in yuan; the ceiling when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "200.00")]
    per_payment_limit: Option<Str<'a>>,
}

/// Confirms that a card is bound to a number, with the code that was sent to it; the bank account is open
/// then (product §5, 6.1.2).
#[utoipa::path(
    post, path = "/v1/bindings/confirm", tag = "accounts", operation_id = "confirm_binding",
    request_body = ConfirmAsk<'_>,
    responses((status = 201, description = "The account is open", body = super::account_body::AccountBody)),
)]
pub(crate) async fn confirm(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let ask: ConfirmAsk<'_> = call.json()?;
    let limit = |name, text: &Option<Str<'_>>| text.as_ref().map(|text| amount(name, text.as_str())).transpose();
    let code = digits("code", ask.code.reveal(), 6..=6)?.parse().expect("six digits are a number");
    let confirm = ConfirmBinding {
        msisdn: field::msisdn("msisdn", ask.msisdn.as_str())?,
        code,
        password: field::password("payment_password", ask.payment_password.reveal())?,
        daily_limit: limit("daily_limit", &ask.daily_limit)?,
        per_payment_limit: limit("per_payment_limit", &ask.per_payment_limit)?,
    };
    door.admit(confirm.msisdn.number())?;
    if let Some(elsewhere) = door.home_elsewhere(confirm.msisdn)? {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.home.confirm_binding(call.request(key, &ask), confirm).await?;
    account_answer(&door, StatusCode::CREATED, &reply).await
}
