//! Accounts: open, show, change, freeze, thaw, close.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::account::{Language, Tier};
use mpss_domain::ids::IssuedId;
use mpss_domain::{AccountId, AccountKind, LogTime, Outcome, Refusal, Reply};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account_body::AccountBody;
use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::home::{ChangeAccount, OpenAccount};
use crate::intake::amount::amount;
use crate::intake::field;
use crate::intake::json::{Secret, Str};
use crate::intake::{EdgeCode, Problem, text};
use crate::not_done::NotDone;

/// What opens an account.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OpenAccount)]
pub(crate) struct OpenAccountAsk<'a> {
    /// Whose; 11 digits, prefixes `+86`, `86`, `tel:` are normalised away.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
    /// Which kind: `virtual`, `communication` or `bank`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "virtual")]
    kind: Str<'a>,
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
    /// How well the subscriber's identity is known: `anonymous`, `basic` (when not given) or `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "basic")]
    tier: Option<Str<'a>>,
    /// Language of texts: `zh` (when not given) or `en`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "zh")]
    language: Option<Str<'a>>,
}

const TIERS: [(&str, Tier); 3] = [("anonymous", Tier::Anonymous), ("basic", Tier::Basic), ("full", Tier::Full)];
const LANGUAGES: [(&str, Language); 2] = [("zh", Language::Chinese), ("en", Language::English)];

/// Opens an account (开户). Asked at any node; done in the subscriber's home province.
#[utoipa::path(
    post, path = "/v1/accounts", tag = "accounts", operation_id = "open_account",
    request_body = OpenAccountAsk<'_>,
    responses((status = 201, description = "Opened", body = AccountBody)),
)]
pub(crate) async fn open(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let ask: OpenAccountAsk<'_> = call.json()?;
    let open = OpenAccount {
        msisdn: field::msisdn("msisdn", ask.msisdn.as_str())?,
        kind: field::account_kind("kind", ask.kind.as_str())?,
        password: field::password("payment_password", ask.payment_password.reveal())?,
        daily_limit: ask.daily_limit.as_ref().map(|text| amount("daily_limit", text.as_str())).transpose()?,
        per_payment_limit: (ask.per_payment_limit.as_ref())
            .map(|text| amount("per_payment_limit", text.as_str()))
            .transpose()?,
        tier: ask.tier.as_ref().map_or(Ok(Tier::default()), |word| field::choice("tier", word.as_str(), &TIERS))?,
        language: (ask.language.as_ref())
            .map_or(Ok(Language::default()), |word| field::choice("language", word.as_str(), &LANGUAGES))?,
    };
    door.admit(open.msisdn.number())?;
    if let Some(elsewhere) = door.home_elsewhere(open.msisdn)? {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.home.open_account(call.request(key, &ask), open).await?;
    account_answer(&door, StatusCode::CREATED, &reply).await
}

/// Shows an account.
#[utoipa::path(
    get, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "show_account",
    params(("id" = String, Path, description = "The account", example = "A20260101120000000-44-00001")),
    responses((status = 200, description = "The account", body = AccountBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let id: AccountId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let wall = door.wall();
    let found = door.context.replica.read_linearizable(|state| {
        let today = state.now().max(wall).business_day();
        let kept_here = state.link(id).is_none();
        state.account(id).map(|account| AccountBody::new(account, kept_here, today, state.index()))
    });
    let body = found.await.map_err(NotDone::from)?;
    Ok(answer::found(&body.ok_or_else(|| Problem::refused(Refusal::AccountNotFound).of_path())?))
}

/// What changes an account.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeAccount)]
pub(crate) struct ChangeAccountAsk<'a> {
    /// The present payment password.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, pattern = "^[0-9]{6}$")]
    payment_password: Secret<'a>,
    /// A new payment password; it is one for all accounts of the subscriber.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Password, pattern = "^[0-9]{6}$")]
    new_payment_password: Option<Secret<'a>>,
    /// Most that can be spent in a day, in yuan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "500.00")]
    daily_limit: Option<Str<'a>>,
    /// Most that one payment may be, in yuan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "200.00")]
    per_payment_limit: Option<Str<'a>>,
}

/// Changes limits, payment password or both.
#[utoipa::path(
    patch, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "change_account",
    params(("id" = String, Path, description = "The account", example = "A20260101120000000-44-00001")),
    request_body = ChangeAccountAsk<'_>,
    responses((status = 200, description = "Changed", body = AccountBody)),
)]
pub(crate) async fn change(State(door): State<Door>, call: Call) -> Answer {
    let (key, account) = (call.key()?, call.id()?);
    let ask: ChangeAccountAsk<'_> = call.json()?;
    let change = ChangeAccount {
        account,
        password: field::password("payment_password", ask.payment_password.reveal())?,
        new_password: (ask.new_payment_password.as_ref())
            .map(|text| field::password("new_payment_password", text.reveal()))
            .transpose()?,
        daily_limit: ask.daily_limit.as_ref().map(|text| amount("daily_limit", text.as_str())).transpose()?,
        per_payment_limit: (ask.per_payment_limit.as_ref())
            .map(|text| amount("per_payment_limit", text.as_str()))
            .transpose()?,
    };
    if change.new_password.is_none() && change.daily_limit.is_none() && change.per_payment_limit.is_none() {
        let what = "name new_payment_password, daily_limit or per_payment_limit";
        return Err(Problem::detailed(EdgeCode::NothingToChange, what));
    }
    door.admit(account.bits())?;
    if let Some(elsewhere) = door.elsewhere(account.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.home.change_account(call.request(key, &ask), change).await;
    account_answer(&door, StatusCode::OK, &reply.map_err(of_path)?).await
}

/// What freezes an account.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FreezeAccount)]
pub(crate) struct FreezeAsk<'a> {
    /// The payment password.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, pattern = "^[0-9]{6}$")]
    payment_password: Secret<'a>,
    /// When the account thaws by itself; never when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Str<'a>>,
}

/// Freezes an account (账户冻结): it takes no part in new transactions.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/freeze", tag = "accounts", operation_id = "freeze_account",
    params(("id" = String, Path, description = "The account", example = "A20260101120000000-44-00001")),
    request_body = FreezeAsk<'_>,
    responses((status = 200, description = "Frozen", body = AccountBody)),
)]
pub(crate) async fn freeze(State(door): State<Door>, call: Call) -> Answer {
    let (key, account): (_, AccountId) = (call.key()?, call.id()?);
    let ask: FreezeAsk<'_> = call.json()?;
    let password = field::password("payment_password", ask.payment_password.reveal())?;
    let until: Option<LogTime> = ask.until.as_ref().map(|text| field::time("until", text.as_str())).transpose()?;
    door.admit(account.bits())?;
    if let Some(elsewhere) = door.elsewhere(account.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.home.freeze(call.request(key, &ask), account, password, until).await;
    account_answer(&door, StatusCode::OK, &reply.map_err(of_path)?).await
}

/// What thaws an account.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UnfreezeAccount)]
pub(crate) struct UnfreezeAsk<'a> {
    /// The payment password.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, pattern = "^[0-9]{6}$")]
    payment_password: Secret<'a>,
}

/// Thaws an account (解冻).
#[utoipa::path(
    post, path = "/v1/accounts/{id}/unfreeze", tag = "accounts", operation_id = "unfreeze_account",
    params(("id" = String, Path, description = "The account", example = "A20260101120000000-44-00001")),
    request_body = UnfreezeAsk<'_>,
    responses((status = 200, description = "Thawed", body = AccountBody)),
)]
pub(crate) async fn unfreeze(State(door): State<Door>, call: Call) -> Answer {
    let (key, account): (_, AccountId) = (call.key()?, call.id()?);
    let ask: UnfreezeAsk<'_> = call.json()?;
    let password = field::password("payment_password", ask.payment_password.reveal())?;
    door.admit(account.bits())?;
    if let Some(elsewhere) = door.elsewhere(account.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.home.unfreeze(call.request(key, &ask), account, password).await;
    account_answer(&door, StatusCode::OK, &reply.map_err(of_path)?).await
}

/// What closes an account.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CloseAccount)]
pub(crate) struct CloseAsk<'a> {
    /// The payment password.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, pattern = "^[0-9]{6}$")]
    payment_password: Secret<'a>,
    /// The agent who pays a remaining balance out in cash; without one a balance refuses the closing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "agent-17")]
    pay_out_agent: Option<Str<'a>>,
}

/// Closes an account (销户). Refused while money or open orders remain.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/close", tag = "accounts", operation_id = "close_account",
    params(("id" = String, Path, description = "The account", example = "A20260101120000000-44-00001")),
    request_body = CloseAsk<'_>,
    responses((status = 200, description = "Closed", body = AccountBody)),
)]
pub(crate) async fn close(State(door): State<Door>, call: Call) -> Answer {
    let (key, account): (_, AccountId) = (call.key()?, call.id()?);
    let ask: CloseAsk<'_> = call.json()?;
    let password = field::password("payment_password", ask.payment_password.reveal())?;
    let agent = ask.pay_out_agent.as_ref().map(|agent| text::code("pay_out_agent", agent.as_str())).transpose()?;
    door.admit(account.bits())?;
    if let Some(elsewhere) = door.elsewhere(account.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.home.close_account(call.request(key, &ask), account, password, agent).await;
    account_answer(&door, StatusCode::OK, &reply.map_err(of_path)?).await
}

/// An account as a change has left it. Where its money is never changes, so the answer can be given again.
pub(crate) async fn account_answer(door: &Door, status: StatusCode, reply: &Reply) -> Answer {
    let Outcome::Account(view) = &reply.outcome else { return Err(unexpected(reply)) };
    let kept_here = match view.account.kind {
        AccountKind::StoredValue => {
            let id = view.account.id;
            let kept = door.context.replica.read_at(reply.index, |state| state.link(id).is_none()).await;
            // The change is made: when this replica can not show it in time, the caller has to ask again.
            kept.map_err(|_| Problem::edge(EdgeCode::OutcomeUnknown))?
        }
        AccountKind::Communication | AccountKind::Bank => false,
    };
    // The view tells what was used on the day of the change, so the same answer can be given again.
    let mut body = AccountBody::new(&view.account, kept_here, view.account.used_day, reply.index);
    if view.paid_out.is_positive() {
        body = body.paid_out(view.paid_out);
    }
    if status == StatusCode::CREATED {
        return Ok(answer::created(&body, reply, &format!("/v1/accounts/{}", view.account.id)));
    }
    Ok(answer::changed(status, &body, reply))
}

/// What is asked of something in the path: a refusal that it does not exist is 404.
pub(crate) fn of_path(not_done: NotDone) -> Problem {
    Problem::from(not_done).of_path()
}

/// An outcome that does not belong to the verb: the change happened, so nothing may claim that it did
/// not; a bug all the same.
pub(crate) fn unexpected(reply: &Reply) -> Problem {
    tracing::error!(outcome = ?reply.outcome, index = reply.index, "an outcome that does not belong to the request");
    Problem::edge(EdgeCode::Internal)
}
