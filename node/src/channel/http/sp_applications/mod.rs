//! SPs that come with documents (product §3): asked for, looked at by somebody else, admitted with a risk grade;
//! documents and rules have files of their own. The settlement account's number stands in the clear in the request's
//! body, and nowhere after it.

use axum::extract::State;
use mpss_domain::ids::IssuedId;
use mpss_domain::sp_admission::{
    AdmissionStatus, AskAdmission, Contact, SealedBankAccount, SettlementAccount, SpApplication,
};
use mpss_domain::{LogTime, Outcome, ProvinceId, Refusal, SpApplicationId, SpId, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::documents::DocumentWire;
use super::accounts::unexpected;
use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::field::{self, Shown};
use crate::intake::json::{Secret, Str};
use crate::intake::{EdgeCode, Problem, text};
use crate::not_done::NotDone;

pub(super) mod documents;
pub(super) mod policy;
pub(super) mod review;

/// Applications on one page at most.
const PAGE_MAX: usize = 500;
/// Applications on one page when nothing is said.
const PAGE_USUAL: usize = 100;

/// What asks for an SP to be admitted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AskSpAdmission)]
pub(crate) struct AdmissionAsk<'a> {
    /// The SP's name.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "Pearl River Lottery")]
    name: Str<'a>,
    /// Where its delivery notices are sent.
    #[serde(borrow)]
    #[schema(value_type = String, format = "uri", example = "http://sp.example/notices")]
    notice_url: Str<'a>,
    /// Whom to speak to.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "李雷")]
    contact_name: Str<'a>,
    /// The telephone number of whom to speak to.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "020-87654321")]
    contact_phone: Str<'a>,
    /// Its documents: one of a kind, a business licence among them.
    #[serde(borrow)]
    #[schema(max_items = 20)]
    documents: Vec<DocumentWire<'a>>,
    /// The bank it is paid at.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "中国工商银行广州分行")]
    settlement_bank: Str<'a>,
    /// The number of the account it is paid into: 8 to 32 digits. Only its last four are ever shown.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, pattern = "^[0-9]{8,32}$")]
    settlement_account: Secret<'a>,
    /// Who enters it; must not admit it.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "lucy")]
    entered_by: Str<'a>,
}

/// An SP that is to be admitted, or was.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpApplication)]
pub(crate) struct ApplicationBody {
    /// Its id; names the province it was asked for.
    #[schema(value_type = String, example = "L20260101120000000-44-00001")]
    application_id: Shown<SpApplicationId>,
    /// `in_review`, `rejected` or `admitted`.
    #[schema(example = "in_review")]
    status: &'static str,
    /// The SP, once it is admitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "S20260101120000000-44-00001")]
    sp_id: Option<Shown<SpId>>,
    /// How much it is trusted, once it is admitted: `a`, `b` or `c`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "b")]
    risk_grade: Option<&'static str>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_because: Option<String>,
    /// Who has decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    reviewed_by: Option<String>,
    /// The SP's name.
    name: String,
    /// Where its delivery notices are sent.
    notice_url: String,
    /// Whom to speak to.
    contact_name: String,
    /// The telephone number of whom to speak to.
    contact_phone: String,
    /// Its documents.
    documents: Vec<DocumentWire<'static>>,
    /// The bank it is paid at.
    settlement_bank: String,
    /// The last four digits of the account it is paid into.
    #[schema(example = "1234")]
    settlement_account_last_four: String,
    /// Who entered it.
    entered_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Shown<LogTime>,
    /// The province it was asked for.
    #[schema(value_type = String, example = "44")]
    province: Shown<ProvinceId>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

impl ApplicationBody {
    fn new(row: &SpApplication, log_index: u64) -> Self {
        let (sp_id, risk_grade, rejected_because, reviewed_by) = match &row.status {
            AdmissionStatus::InReview => (None, None, None, None),
            AdmissionStatus::Rejected { reason, by, .. } => (None, None, Some(reason.clone()), Some(by.clone())),
            AdmissionStatus::Admitted { sp, grade, by, .. } => {
                (Some(Shown(*sp)), Some(grade.name()), None, Some(by.clone()))
            }
        };
        Self {
            application_id: Shown(row.id),
            status: row.status.name(),
            sp_id,
            risk_grade,
            rejected_because,
            reviewed_by,
            name: row.name.clone(),
            notice_url: row.notice_url.clone(),
            contact_name: row.contact.name.clone(),
            contact_phone: row.contact.phone.clone(),
            documents: row.documents.iter().map(DocumentWire::of).collect(),
            settlement_bank: row.account.bank.clone(),
            settlement_account_last_four: row.account.last_four.clone(),
            entered_by: row.by.clone(),
            at: Shown(row.at),
            province: Shown(row.id.province().unwrap_or(ProvinceId::NATIONAL)),
            log_index,
        }
    }
}

/// An application that was entered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpApplicationMoved)]
pub(crate) struct ApplicationMoved {
    /// Which.
    #[schema(value_type = String, example = "L20260101120000000-44-00001")]
    application_id: Shown<SpApplicationId>,
    /// Its status after it.
    #[schema(example = "admitted")]
    status: &'static str,
    /// The SP, when it is admitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "S20260101120000000-44-00001")]
    sp_id: Option<Shown<SpId>>,
    /// Position in the province's log.
    log_index: u64,
}

/// Asks for an SP to be admitted, at the province whose node is asked. Somebody else has to admit it.
#[utoipa::path(
    post, path = "/v1/sp-applications", tag = "catalogue", operation_id = "ask_sp_admission",
    request_body = AdmissionAsk<'_>,
    responses((status = 201, description = "In review", body = ApplicationMoved)),
)]
pub(crate) async fn ask(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let ask: AdmissionAsk<'_> = call.json()?;
    let name = text::text("name", ask.name.as_str(), text::NAME_CHARS_MAX)?;
    let notice_url = text::url("notice_url", ask.notice_url.as_str())?;
    let contact = Contact {
        name: text::text("contact_name", ask.contact_name.as_str(), text::NAME_CHARS_MAX)?,
        phone: text::code("contact_phone", ask.contact_phone.as_str())?,
    };
    let documents = ask.documents.iter().map(DocumentWire::understand).collect::<Result<Vec<_>, _>>()?;
    let bank = text::text("settlement_bank", ask.settlement_bank.as_str(), text::NAME_CHARS_MAX)?;
    let by = text::code("entered_by", ask.entered_by.as_str())?;
    let account = ask.settlement_account.reveal();
    if !(8..=32).contains(&account.len()) || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::field(
            EdgeCode::InvalidValue,
            "settlement_account",
            "an account number has 8 to 32 digits",
        ));
    }
    let safe = door.pin_safe()?;
    let number: SealedBankAccount = safe.seal_bank_account(&name, account, &*door.context.seams.random);
    // It stands for the number, which is not written: the same request is known again.
    let content = safe.digest([name.as_str(), account]);
    let last_four = account[account.len() - 4..].to_owned();
    let account = SettlementAccount { bank, last_four, number };
    let asked = AskAdmission { name, notice_url, contact, documents, account, by };
    let request = call.request(key, &(&ask, content));
    let reply = door.propose(request, Verb::AskAdmission(Box::new(asked))).await?;
    let Outcome::SpApplication(id) = reply.outcome else { return Err(unexpected(&reply)) };
    let status = AdmissionStatus::InReview.name();
    let body = ApplicationMoved { application_id: Shown(id), status, sp_id: None, log_index: reply.index };
    Ok(answer::created(&body, &reply, &format!("/v1/sp-applications/{id}")))
}

/// Shows an application.
#[utoipa::path(
    get, path = "/v1/sp-applications/{id}", tag = "catalogue", operation_id = "show_sp_application",
    params(("id" = String, Path, description = "The application", example = "L20260101120000000-44-00001")),
    responses((status = 200, description = "The application", body = ApplicationBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let id: SpApplicationId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let look =
        |state: &mpss_domain::State| state.sp_application(id).map(|row| ApplicationBody::new(row, state.index()));
    let found = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    Ok(answer::found(&found.ok_or_else(|| Problem::refused(Refusal::SpApplicationNotFound).of_path())?))
}

/// A page of applications.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpApplicationPage)]
pub(crate) struct ApplicationPage {
    /// Oldest first.
    applications: Vec<ApplicationBody>,
    /// Where the next page starts; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Shown<SpApplicationId>>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

/// Lists the applications of the province whose node is asked.
#[utoipa::path(
    get, path = "/v1/sp-applications", tag = "catalogue", operation_id = "list_sp_applications",
    params(
        ("status" = Option<String>, Query, description = "In this status only: `in_review`, `rejected` or `admitted`", example = "in_review"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", example = "L20260101120000000-44-00001"),
        ("limit" = Option<u32>, Query, description = "Applications on the page, 1 to 500; 100 when not given"),
    ),
    responses((status = 200, description = "A page", body = ApplicationPage)),
)]
pub(crate) async fn list(State(door): State<Door>, call: Call) -> Answer {
    let query = call.query(&["status", "cursor", "limit"])?;
    let limit = query.limit("limit", PAGE_USUAL, PAGE_MAX)?;
    let after: Option<SpApplicationId> = query.get("cursor").map(|text| field::id("cursor", text)).transpose()?;
    let statuses = ["in_review", "rejected", "admitted"].map(|name| (name, name));
    let status = query.get("status").map(|text| field::choice("status", text, &statuses)).transpose()?;
    let view = door.context.replica.read_linearizable(mpss_domain::State::clone).await.map_err(NotDone::from)?;
    let mut found = view.sp_applications().filter(|row| {
        after.is_none_or(|after| row.id > after) && status.is_none_or(|status| row.status.name() == status)
    });
    let log_index = view.index();
    let applications: Vec<_> = found.by_ref().take(limit).map(|row| ApplicationBody::new(row, log_index)).collect();
    let more = found.next().is_some();
    let next_cursor = applications.last().filter(|_| more).map(|body| body.application_id);
    Ok(answer::found(&ApplicationPage { applications, next_cursor, log_index }))
}
