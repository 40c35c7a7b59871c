//! The second person's word on an SP.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::ids::IssuedId;
use mpss_domain::sp_admission::{RiskGrade, Verdict};
use mpss_domain::{Outcome, SpApplicationId, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApplicationMoved;
use crate::channel::http::accounts::unexpected;
use crate::channel::http::answer;
use crate::channel::http::call::{Answer, Call};
use crate::channel::http::door::Door;
use crate::intake::field::{self, Shown};
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem, text};

/// The words for risk grades.
const GRADES: [(&str, RiskGrade); 3] =
    [(RiskGrade::A.name(), RiskGrade::A), (RiskGrade::B.name(), RiskGrade::B), (RiskGrade::C.name(), RiskGrade::C)];

/// What a reviewer decides.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReviewSpApplication)]
pub(crate) struct ReviewAsk<'a> {
    /// `approve` or `reject`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "approve")]
    decision: Str<'a>,
    /// How much the SP is trusted: `a`, `b` or `c`; required to approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "b")]
    risk_grade: Option<Str<'a>>,
    /// Why; required to reject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200)]
    reason: Option<Str<'a>>,
    /// Who reviews; not whoever entered it.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "rita")]
    reviewed_by: Str<'a>,
}

/// Admits an SP, or rejects its application.
#[utoipa::path(
    post, path = "/v1/sp-applications/{id}/review", tag = "catalogue", operation_id = "review_sp_application",
    params(("id" = String, Path, description = "The application", example = "L20260101120000000-44-00001")),
    request_body = ReviewAsk<'_>,
    responses((status = 200, description = "Admitted or rejected", body = ApplicationMoved)),
)]
pub(crate) async fn decide(State(door): State<Door>, call: Call) -> Answer {
    let (key, application): (_, SpApplicationId) = (call.key()?, call.id()?);
    let ask: ReviewAsk<'_> = call.json()?;
    let approve = field::choice("decision", ask.decision.as_str(), &[("approve", true), ("reject", false)])?;
    let grade =
        ask.risk_grade.as_ref().map(|grade| field::choice("risk_grade", grade.as_str(), &GRADES)).transpose()?;
    let reason = ask.reason.as_ref().map(|reason| text::text("reason", reason.as_str(), text::REASON_CHARS_MAX));
    let verdict = match (approve, grade, reason.transpose()?) {
        (true, Some(grade), _) => Verdict::Admit(grade),
        (true, None, _) => return Err(Problem::field(EdgeCode::MissingField, "risk_grade", "required to approve")),
        (false, _, Some(reason)) => Verdict::Reject(reason),
        (false, _, None) => return Err(Problem::field(EdgeCode::MissingField, "reason", "required to reject")),
    };
    let by = text::code("reviewed_by", ask.reviewed_by.as_str())?;
    if let Some(elsewhere) = door.elsewhere(application.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let verb = Verb::DecideAdmission { application, verdict, by };
    let reply = door.propose(call.request(key, &ask), verb).await.map_err(Problem::of_path)?;
    let (status, sp_id) = match reply.outcome {
        Outcome::Sp(sp) => ("admitted", Some(Shown(sp))),
        Outcome::SpApplication(_) => ("rejected", None),
        _ => return Err(unexpected(&reply)),
    };
    let body = ApplicationMoved { application_id: Shown(application), status, sp_id, log_index: reply.index };
    Ok(answer::changed(StatusCode::OK, &body, &reply))
}
