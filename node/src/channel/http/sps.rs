//! SPs: admit, show, suspend, resume.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::catalogue::Sp;
use mpss_domain::ids::IssuedId;
use mpss_domain::sp_admission::RiskGrade;
use mpss_domain::{LogTime, Outcome, ProvinceId, Refusal, SpId, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::unexpected;
use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::field::{self, Shown};
use crate::intake::json::Str;
use crate::intake::{Problem, text};
use crate::not_done::NotDone;

/// SPs on one page at most.
const PAGE_MAX: usize = 500;
/// SPs on one page when nothing is said.
const PAGE_USUAL: usize = 100;

/// What admits an SP.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AdmitSp)]
pub(crate) struct AdmitSpAsk<'a> {
    /// Its name.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "Pearl River Lottery")]
    name: Str<'a>,
    /// Where delivery notices are sent.
    #[serde(borrow)]
    #[schema(value_type = String, format = "uri", example = "http://sp.example/notices")]
    notice_url: Str<'a>,
}

/// An SP.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sp)]
pub(crate) struct SpBody<'a> {
    /// Its id; names the province that admitted it.
    #[schema(value_type = String, example = "S20260101120000000-44-00001")]
    sp_id: Shown<SpId>,
    /// Its name.
    name: &'a str,
    /// Where delivery notices are sent.
    notice_url: &'a str,
    /// `active` or `suspended`.
    #[schema(example = "active")]
    status: &'static str,
    /// How much it is trusted, when it came with documents: `a`, `b` or `c`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "b")]
    risk_grade: Option<&'static str>,
    /// The province that admitted it.
    #[schema(value_type = String, example = "44")]
    province: Shown<ProvinceId>,
    /// When it was admitted.
    #[schema(value_type = String, format = DateTime)]
    admitted_at: Shown<LogTime>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

impl<'a> SpBody<'a> {
    fn new(sp: &'a Sp, grade: Option<RiskGrade>, log_index: u64) -> Self {
        Self {
            sp_id: Shown(sp.id),
            name: &sp.name,
            notice_url: &sp.notice_url,
            status: status(sp.suspended),
            risk_grade: grade.map(RiskGrade::name),
            province: Shown(sp.id.province().unwrap_or(ProvinceId::NATIONAL)),
            admitted_at: Shown(sp.admitted_at),
            log_index,
        }
    }
}

const fn status(suspended: bool) -> &'static str {
    if suspended { "suspended" } else { "active" }
}

/// Admits an SP at the province whose node is asked.
#[utoipa::path(
    post, path = "/v1/sps", tag = "catalogue", operation_id = "admit_sp",
    request_body = AdmitSpAsk<'_>,
    responses((status = 201, description = "Admitted", body = SpBody<'_>)),
)]
pub(crate) async fn admit(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let ask: AdmitSpAsk<'_> = call.json()?;
    let name = text::text("name", ask.name.as_str(), text::NAME_CHARS_MAX)?;
    let notice_url = text::url("notice_url", ask.notice_url.as_str())?;
    let reply = door.propose(call.request(key, &ask), Verb::AdmitSp { name, notice_url }).await?;
    let Outcome::Sp(id) = reply.outcome else { return Err(unexpected(&reply)) };
    // Everything is in the request and the id, so the first answer can be given again at any time.
    let body = SpBody {
        sp_id: Shown(id),
        name: ask.name.as_str(),
        notice_url: ask.notice_url.as_str(),
        status: status(false),
        risk_grade: None,
        province: Shown(door.here()),
        admitted_at: Shown(id.issued_at()),
        log_index: reply.index,
    };
    Ok(answer::created(&body, &reply, &format!("/v1/sps/{id}")))
}

/// A page of SPs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpPage)]
pub(crate) struct SpPage<'a> {
    /// By id.
    sps: Vec<SpBody<'a>>,
    /// Where the next page starts; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Shown<SpId>>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

/// Lists the SPs of the province whose node is asked.
#[utoipa::path(
    get, path = "/v1/sps", tag = "catalogue", operation_id = "list_sps",
    params(
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", example = "S20260101120000000-44-00001"),
        ("limit" = Option<u32>, Query, description = "SPs on the page, 1 to 500; 100 when not given"),
    ),
    responses((status = 200, description = "A page", body = SpPage<'_>)),
)]
pub(crate) async fn list(State(door): State<Door>, call: Call) -> Answer {
    let query = call.query(&["cursor", "limit"])?;
    let limit = query.limit("limit", PAGE_USUAL, PAGE_MAX)?;
    let after: Option<SpId> = query.get("cursor").map(|text| field::id("cursor", text)).transpose()?;
    let view = door.context.replica.read_linearizable(mpss_domain::State::clone).await.map_err(NotDone::from)?;
    let mut found = view.sps().filter(|sp| after.is_none_or(|after| sp.id > after));
    let sps: Vec<SpBody<'_>> =
        found.by_ref().take(limit).map(|sp| SpBody::new(sp, view.grade_of(sp.id), view.index())).collect();
    let more = found.next().is_some();
    let next_cursor = sps.last().filter(|_| more).map(|sp| sp.sp_id);
    Ok(answer::found(&SpPage { sps, next_cursor, log_index: view.index() }))
}

/// Shows an SP.
#[utoipa::path(
    get, path = "/v1/sps/{id}", tag = "catalogue", operation_id = "show_sp",
    params(("id" = String, Path, description = "The SP", example = "S20260101120000000-44-00001")),
    responses((status = 200, description = "The SP", body = SpBody<'_>)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let id: SpId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let found = door
        .context
        .replica
        .read_linearizable(|state| state.sp(id).cloned().map(|sp| (sp, state.grade_of(id), state.index())));
    let found = found.await.map_err(NotDone::from)?;
    let (sp, grade, index) = found.ok_or_else(|| Problem::refused(Refusal::SpNotFound).of_path())?;
    Ok(answer::found(&SpBody::new(&sp, grade, index)))
}

/// An SP that was suspended or let sell again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpMoved)]
pub(crate) struct SpMoved {
    /// Which.
    #[schema(value_type = String, example = "S20260101120000000-44-00001")]
    sp_id: Shown<SpId>,
    /// `active` or `suspended`.
    #[schema(example = "suspended")]
    status: &'static str,
    /// Position in the province's log.
    log_index: u64,
}

/// Suspends an SP at once: none of its products is sold.
#[utoipa::path(
    post, path = "/v1/sps/{id}/suspend", tag = "catalogue", operation_id = "suspend_sp",
    params(("id" = String, Path, description = "The SP", example = "S20260101120000000-44-00001")),
    responses((status = 200, description = "Suspended", body = SpMoved)),
)]
pub(crate) async fn suspend(State(door): State<Door>, call: Call) -> Answer {
    set_suspended(door, call, true).await
}

/// Lets a suspended SP sell again.
#[utoipa::path(
    post, path = "/v1/sps/{id}/resume", tag = "catalogue", operation_id = "resume_sp",
    params(("id" = String, Path, description = "The SP", example = "S20260101120000000-44-00001")),
    responses((status = 200, description = "Selling again", body = SpMoved)),
)]
pub(crate) async fn resume(State(door): State<Door>, call: Call) -> Answer {
    set_suspended(door, call, false).await
}

async fn set_suspended(door: Door, call: Call, suspended: bool) -> Answer {
    let (key, sp): (_, SpId) = (call.key()?, call.id()?);
    call.no_body()?;
    if let Some(elsewhere) = door.elsewhere(sp.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let verb = Verb::SetSpSuspended { sp, suspended };
    let reply = door.propose(call.request(key, &()), verb).await.map_err(Problem::of_path)?;
    let body = SpMoved { sp_id: Shown(sp), status: status(suspended), log_index: reply.index };
    Ok(answer::changed(StatusCode::OK, &body, &reply))
}
