//! Phone-to-phone transfers (手机转帐).

use axum::extract::State;
use mpss_domain::ids::IssuedId;
use mpss_domain::{AccountId, LogTime, Msisdn, Outcome, ProvinceId, Refusal, Transfer, TransferId, TransferStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::unexpected;
use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::amount::{Yuan, amount};
use crate::intake::field::{self, Shown};
use crate::intake::json::{Secret, Str};
use crate::intake::{EdgeCode, Problem};
use crate::not_done::NotDone;

/// A transfer to be made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MakeTransfer)]
pub(crate) struct TransferAsk<'a> {
    /// Who pays.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    payer_msisdn: Str<'a>,
    /// Who is paid, in any province.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18987654321")]
    payee_msisdn: Str<'a>,
    /// How much, in yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "20.00")]
    amount: Str<'a>,
    /// The payer's payment password.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, pattern = "^[0-9]{6}$")]
    payment_password: Secret<'a>,
}

/// A transfer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Transfer)]
pub(crate) struct TransferBody {
    /// Its id; names the payer's home province.
    #[schema(value_type = String, example = "T20260101120000000-44-00001")]
    transfer_id: Shown<TransferId>,
    /// `crediting`, `completed` or `returned`.
    #[schema(example = "completed")]
    status: &'static str,
    /// Who pays.
    #[schema(value_type = String, example = "18912345678")]
    payer_msisdn: Shown<Msisdn>,
    /// From which account.
    #[schema(value_type = String, example = "A20260101120000000-44-00001")]
    payer_account_id: Shown<AccountId>,
    /// Who is paid.
    #[schema(value_type = String, example = "18987654321")]
    payee_msisdn: Shown<Msisdn>,
    /// The payee's home province.
    #[schema(value_type = String, example = "51")]
    payee_home: Shown<ProvinceId>,
    /// How much, in yuan.
    #[schema(value_type = String, example = "20.00")]
    amount: Yuan,
    /// Why the money came back, when it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "payee_not_found")]
    returned_because: Option<&'static str>,
    /// When it was debited.
    #[schema(value_type = String, format = DateTime)]
    at: Shown<LogTime>,
    /// When it became final.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    final_at: Option<Shown<LogTime>>,
    /// Position in the payer's home province's log that this shows.
    log_index: u64,
}

impl TransferBody {
    /// `transfer` as it was after log entry `index`.
    fn as_of(transfer: &Transfer, index: u64) -> Self {
        let ended = transfer.final_at.filter(|(_, ended)| *ended <= index);
        let status = if ended.is_some() { transfer.status } else { TransferStatus::Crediting };
        Self {
            transfer_id: Shown(transfer.id),
            status: status.name(),
            payer_msisdn: Shown(transfer.payer),
            payer_account_id: Shown(transfer.payer_account),
            payee_msisdn: Shown(transfer.payee),
            payee_home: Shown(transfer.payee_home),
            amount: Yuan(transfer.amount),
            returned_because: match status {
                TransferStatus::Returned(refusal) => Some(refusal.code()),
                _ => None,
            },
            at: Shown(transfer.at),
            final_at: ended.map(|(at, _)| Shown(at)),
            log_index: index,
        }
    }
}

/// Sends money to another subscriber, of the same province or another.
#[utoipa::path(
    post, path = "/v1/transfers", tag = "transfers", operation_id = "make_transfer",
    request_body = TransferAsk<'_>,
    responses((status = 201, description = "Debited; `completed` once it is credited", body = TransferBody)),
)]
pub(crate) async fn make(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let ask: TransferAsk<'_> = call.json()?;
    let payer = field::msisdn("payer_msisdn", ask.payer_msisdn.as_str())?;
    let payee = field::msisdn("payee_msisdn", ask.payee_msisdn.as_str())?;
    let money = amount("amount", ask.amount.as_str())?;
    let password = field::password("payment_password", ask.payment_password.reveal())?;
    door.admit(payer.number())?;
    if let Some(elsewhere) = door.home_elsewhere(payer)? {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.home.transfer(call.request(key, &ask), payer, payee, money, password).await?;
    let Outcome::Transfer(id) = reply.outcome else { return Err(unexpected(&reply)) };
    tracing::Span::current().record("transfer_id", tracing::field::display(id));
    let look =
        |state: &mpss_domain::State| state.transfer(id).map(|transfer| TransferBody::as_of(transfer, reply.index));
    // The transfer is made: what can not be shown in time has to be asked for again.
    let body = door.context.replica.read_at(reply.index, look).await;
    let body = body.map_err(|_| Problem::edge(EdgeCode::OutcomeUnknown))?.ok_or_else(|| unexpected(&reply))?;
    Ok(answer::created(&body, &reply, &format!("/v1/transfers/{id}")))
}

/// Shows a transfer.
#[utoipa::path(
    get, path = "/v1/transfers/{id}", tag = "transfers", operation_id = "show_transfer",
    params(("id" = String, Path, description = "The transfer", example = "T20260101120000000-44-00001")),
    responses((status = 200, description = "The transfer", body = TransferBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let id: TransferId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let look =
        |state: &mpss_domain::State| state.transfer(id).map(|transfer| TransferBody::as_of(transfer, state.index()));
    let body = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    Ok(answer::found(&body.ok_or_else(|| Problem::refused(Refusal::TransferNotFound).of_path())?))
}
