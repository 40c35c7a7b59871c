//! Topping a virtual account up (充值): in cash, by a recharge card, or from the subscriber's own bank account; and what
//! became of a top-up that a recharge platform or a bank was asked about.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::bank_top_up::BankTopUpStatus;
use mpss_domain::ids::IssuedId;
use mpss_domain::rail::{Call as RailCall, Subject};
use mpss_domain::recharge::RechargeStatus;
use mpss_domain::{
    AccountId, LogTime, Money, Msisdn, Outcome, ProvinceId, Refusal, Reply, State as ProvinceState, TopUpId,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::{of_path, unexpected};
use super::call::{Answer, Call};
use super::door::{Door, DoorParts};
use super::order_body::CallPart;
use super::orders::{preference_applied, wait_preferred};
use super::{answer, bank_top_up, recharge};
use crate::card_pin::CardPin;
use crate::intake::amount::{Yuan, amount};
use crate::intake::field::{self, Shown};
use crate::intake::json::{Secret, Str};
use crate::intake::{EdgeCode, Problem, text};
use crate::password::PaymentPassword;

/// What tops an account up.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TopUpAccount)]
pub(crate) struct TopUpAsk<'a> {
    /// Where the money comes from: `cash`, `recharge_card`, or `bank_card` for the subscriber's own bank account.
    #[serde(borrow)]
    #[schema(value_type = String, example = "cash")]
    pub(super) method: Str<'a>,
    /// How much, in yuan; required for cash and for a bank card. What a recharge card is worth is known by its
    /// platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "100.00")]
    pub(super) amount: Option<Str<'a>>,
    /// The recharge card's PIN, 8 to 32 digits; required for a recharge card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Password, pattern = "^[0-9]{8,32}$")]
    pub(super) card_pin: Option<Secret<'a>>,
    /// The agent who took the cash; required for cash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "agent-17")]
    pub(super) agent_id: Option<Str<'a>>,
    /// The payment password; required for a bank card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Password, pattern = "^[0-9]{6}$")]
    pub(super) payment_password: Option<Secret<'a>>,
}

impl TopUpAsk<'_> {
    /// Refuses fields that do not belong to this way of topping up.
    pub(super) fn only(&self, fields: &[&str], way: &str) -> Result<(), Problem> {
        let given = [
            ("amount", self.amount.is_some()),
            ("card_pin", self.card_pin.is_some()),
            ("agent_id", self.agent_id.is_some()),
            ("payment_password", self.payment_password.is_some()),
        ];
        match given.into_iter().find(|(field, given)| *given && !fields.contains(field)) {
            None => Ok(()),
            Some((field, _)) => {
                let what = format!("does not belong to a top-up {way}");
                Err(Problem::field(EdgeCode::ConflictingFields, field, what))
            }
        }
    }
}

/// A field that this way of topping up can not do without.
pub(super) fn needed<T>(field: &'static str, given: Option<T>, way: &str) -> Result<T, Problem> {
    given.ok_or_else(|| Problem::field(EdgeCode::MissingField, field, format!("required for a top-up {way}")))
}

/// A top-up in cash.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TopUp)]
pub(crate) struct TopUpBody {
    /// Its id.
    #[schema(value_type = String, example = "U20260101120000000-44-00001")]
    top_up_id: Shown<TopUpId>,
    /// Into which account.
    #[schema(value_type = String, example = "A20260101120000000-44-00001")]
    account_id: Shown<AccountId>,
    /// How much, in yuan.
    #[schema(value_type = String, example = "100.00")]
    amount: Yuan,
    /// The balance after it, in yuan.
    #[schema(value_type = String, example = "100.00")]
    balance: Yuan,
    /// Position in the home province's log.
    log_index: u64,
}

/// A top-up by recharge card or bank card.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CardTopUp)]
pub(crate) struct CardTopUpBody {
    /// Its id; names the home province.
    #[schema(value_type = String, example = "U20260101120000000-44-00001")]
    top_up_id: Shown<TopUpId>,
    /// `recharge_card` or `bank_card`.
    #[schema(example = "recharge_card")]
    method: &'static str,
    /// Of a recharge card `checking` or `using`, of a bank card `pending` or `capturing`; then `credited` or `refused`.
    #[schema(example = "checking")]
    status: &'static str,
    /// Into which account.
    #[schema(value_type = String, example = "A20260101120000000-44-00001")]
    account_id: Shown<AccountId>,
    /// From which bank account; of a bank card.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "A20260101120000000-44-00002")]
    bank_account_id: Option<Shown<AccountId>>,
    /// Whose it is.
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Shown<Msisdn>,
    /// How much, in yuan; what a recharge card is worth once that is known.
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
    /// What was asked of the recharge platform or the bank, and when something happens next by itself; in answers to
    /// GET.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    calls: Vec<CallPart>,
    /// Position in the home province's log that this shows.
    log_index: u64,
}

/// A top-up by card, taken out of the state to be shown.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// As it was when it was taken; the same for ever after.
    taken: CardTopUpBody,
    status: &'static str,
    amount: Money,
    balance: Option<Money>,
    refused: Option<Refusal>,
    final_at: Option<(LogTime, u64)>,
    calls: Vec<RailCall>,
}

impl Found {
    fn find(state: &ProvinceState, id: TopUpId) -> Option<Self> {
        let by_recharge_card = state.recharge(id).map(|row| Self {
            taken: CardTopUpBody {
                top_up_id: Shown(id),
                method: "recharge_card",
                status: RechargeStatus::Checking.name(),
                account_id: Shown(row.account),
                bank_account_id: None,
                msisdn: Shown(row.msisdn),
                amount: None,
                balance: None,
                refused_because: None,
                at: Shown(row.at),
                final_at: None,
                calls: Vec::new(),
                log_index: 0,
            },
            status: row.status.name(),
            amount: row.amount,
            balance: (row.status == RechargeStatus::Credited).then_some(row.balance),
            refused: match row.status {
                RechargeStatus::Refused(refusal) => Some(refusal),
                _ => None,
            },
            final_at: row.final_at,
            calls: state.calls_about(Subject::Recharge(id)).cloned().collect(),
        });
        let by_bank_card = || {
            state.bank_top_up(id).map(|row| Self {
                taken: CardTopUpBody {
                    top_up_id: Shown(id),
                    method: "bank_card",
                    status: BankTopUpStatus::Pending.name(),
                    account_id: Shown(row.account),
                    bank_account_id: Some(Shown(row.bank)),
                    msisdn: Shown(row.msisdn),
                    amount: Some(Yuan(row.amount)),
                    balance: None,
                    refused_because: None,
                    at: Shown(row.at),
                    final_at: None,
                    calls: Vec::new(),
                    log_index: 0,
                },
                status: row.status.name(),
                amount: row.amount,
                balance: (row.status == BankTopUpStatus::Credited).then_some(row.balance),
                refused: match row.status {
                    BankTopUpStatus::Refused(refusal) => Some(refusal),
                    _ => None,
                },
                final_at: row.final_at,
                calls: state.calls_about(Subject::BankTopUp(id)).cloned().collect(),
            })
        };
        by_recharge_card.or_else(by_bank_card)
    }

    fn into_taken(self, log_index: u64) -> CardTopUpBody {
        CardTopUpBody { log_index, ..self.taken }
    }

    fn into_now(self, log_index: u64) -> CardTopUpBody {
        CardTopUpBody {
            status: self.status,
            amount: self.amount.is_positive().then_some(Yuan(self.amount)),
            balance: self.balance.map(Yuan),
            refused_because: self.refused.map(Refusal::code),
            final_at: self.final_at.map(|(at, _)| Shown(at)),
            calls: self.calls.iter().map(CallPart::of).collect(),
            log_index,
            ..self.taken
        }
    }
}

/// How a top-up is paid in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Cash,
    RechargeCard,
    BankCard,
}

const METHODS: [(&str, Method); 3] =
    [("cash", Method::Cash), ("recharge_card", Method::RechargeCard), ("bank_card", Method::BankCard)];

/// What a top-up needs of its request.
enum Paid {
    Cash(Money, String),
    RechargeCard(CardPin),
    BankCard(Money, PaymentPassword),
}

const IN_CASH: &str = "in cash";

/// Tops a virtual account up (充值). In cash it is done at once; a recharge card is checked and used at its platform, and a
/// bank is asked for the money: what becomes of it is shown at `Location`. It can not be reversed by an SP.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/top-ups", tag = "accounts", operation_id = "top_up_account",
    params(("id" = String, Path, description = "The account", example = "A20260101120000000-44-00001")),
    request_body = TopUpAsk<'_>,
    responses(
        (status = 201, description = "Topped up in cash", body = TopUpBody),
        (status = 202, description = "The recharge card is being checked, or the bank is asked", body = CardTopUpBody),
    ),
)]
pub(crate) async fn make(State(door): State<Door>, call: Call) -> Answer {
    let (key, account): (_, AccountId) = (call.key()?, call.id()?);
    let ask: TopUpAsk<'_> = call.json()?;
    let money = ask.amount.as_ref().map(|text| amount("amount", text.as_str())).transpose()?;
    let agent = ask.agent_id.as_ref().map(|agent| text::code("agent_id", agent.as_str())).transpose()?;
    let paid = match field::choice("method", ask.method.as_str(), &METHODS)? {
        Method::Cash => {
            ask.only(&["amount", "agent_id"], IN_CASH)?;
            Paid::Cash(needed("amount", money, IN_CASH)?, needed("agent_id", agent, IN_CASH)?)
        }
        Method::RechargeCard => Paid::RechargeCard(recharge::card_of(&ask)?),
        Method::BankCard => {
            let (money, password) = bank_top_up::paid_by(&ask, money)?;
            Paid::BankCard(money, password)
        }
    };
    door.admit(account.bits())?;
    if let Some(elsewhere) = door.elsewhere(account.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let (money, agent) = match paid {
        Paid::Cash(money, agent) => (money, agent),
        Paid::RechargeCard(pin) => return recharge::take(&door, &call, &ask, account, pin).await,
        Paid::BankCard(money, password) => {
            return bank_top_up::take(&door, &call, &ask, (account, money), password).await;
        }
    };
    let reply = door.home.top_up_cash(call.request(key, &ask), account, money, agent).await.map_err(of_path)?;
    let Outcome::ToppedUp { top_up, account, amount, balance } = reply.outcome else {
        return Err(unexpected(&reply));
    };
    let body = TopUpBody {
        top_up_id: Shown(top_up),
        account_id: Shown(account),
        amount: Yuan(amount),
        balance: Yuan(balance),
        log_index: reply.index,
    };
    Ok(answer::changed(StatusCode::CREATED, &body, &reply))
}

/// A top-up by card that was taken, and where it is shown.
pub(super) async fn taken(door: &Door, reply: &Reply) -> Answer {
    let Outcome::TopUpTaken(id) = reply.outcome else { return Err(unexpected(reply)) };
    let body = door.top_up_of(reply, id).await?.into_taken(reply.index);
    Ok(answer::accepted(&body, reply, &format!("/v1/top-ups/{id}")))
}

/// Shows a top-up by recharge card or bank card. With `Prefer: wait=N` the answer waits up to N seconds for a final status.
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
    let is_final = |found: &Found| found.final_at.is_some();
    let found = door.now_or_final(wait.unwrap_or_default(), look, is_final).await?;
    let (found, index) = found.ok_or_else(|| Problem::refused(Refusal::TopUpNotFound).of_path())?;
    let mut response = answer::found(&found.into_now(index));
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
