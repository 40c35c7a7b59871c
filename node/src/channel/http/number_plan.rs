//! The number plan: look a number up, put a newer plan in force, note a carried number.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::{LogTime, Msisdn, Operator, ProvinceId, Refusal, Verb};
use mpss_routing::plan_file::{operator_name, parse_plan_bytes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::field::{self, Shown};
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem};
use crate::not_done::NotDone;

/// Where a number belongs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Belonging)]
pub(crate) struct BelongingBody {
    /// The number.
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Shown<Msisdn>,
    /// Its home province.
    #[schema(value_type = String, example = "44")]
    home_province: Shown<ProvinceId>,
    /// Who serves it now.
    #[schema(example = "china-telecom")]
    operator: &'static str,
    /// The plan's epoch.
    epoch: u64,
}

/// Looks a number up.
#[utoipa::path(
    get, path = "/v1/number-plan/{msisdn}", tag = "number plan", operation_id = "look_number_up",
    params(("msisdn" = String, Path, description = "The number", example = "18912345678")),
    responses((status = 200, description = "Where it belongs", body = BelongingBody)),
)]
pub(crate) async fn look_up(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let msisdn = call.msisdn()?;
    let wall = door.wall();
    let look = |state: &mpss_domain::State| state.plan().lookup(msisdn, state.now().max(wall));
    let found = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    let belonging = found.ok_or_else(|| Problem::refused(Refusal::UnknownNumber).of_path())?;
    Ok(answer::found(&BelongingBody {
        msisdn: Shown(msisdn),
        home_province: Shown(belonging.home),
        operator: operator_name(belonging.operator),
        epoch: belonging.epoch,
    }))
}

/// A number plan that is in force now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InstalledPlan)]
pub(crate) struct InstalledPlan {
    /// Its epoch.
    epoch: u64,
    /// How many ranges it has; neighbours that belong together are one.
    ranges: usize,
    /// Position in the province's log.
    log_index: u64,
}

/// Puts a newer number plan in force at the province whose node is asked: CSV with the columns
/// `first_prefix,last_prefix,province,operator`. A broken file is refused with its line.
#[utoipa::path(
    put, path = "/v1/number-plan", tag = "number plan", operation_id = "install_number_plan",
    params(("epoch" = u64, Query, description = "The plan's epoch, 1 to 9223372036854775807; higher than the one in force", example = 2)),
    request_body(content = String, content_type = "text/csv", description = "The plan, at most 4 MiB"),
    responses((status = 200, description = "In force", body = InstalledPlan)),
)]
pub(crate) async fn install(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let query = call.query(&["epoch"])?;
    let epoch: u64 = (query.required("epoch")?.parse().ok())
        .filter(|epoch| *epoch > 0)
        .ok_or_else(|| Problem::field(EdgeCode::OutOfRange, "epoch", "a whole number, from 1 on"))?;
    call.media_type("text/csv")?;
    let plan = parse_plan_bytes(&call.body, epoch).map_err(|error| {
        Problem::field(EdgeCode::InvalidNumberPlan, format!("line {}", error.line), error.to_string())
    })?;
    let ranges = plan.ranges.len();
    let text = std::str::from_utf8(&call.body).expect("a plan that was read is UTF-8");
    let request = call.request(key, &text);
    let reply = door.propose(request, Verb::InstallNumberPlan(Box::new(plan))).await?;
    Ok(answer::changed(StatusCode::OK, &InstalledPlan { epoch, ranges, log_index: reply.index }, &reply))
}

/// A number that was carried to another operator, or back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PortNumber)]
pub(crate) struct PortNumberAsk<'a> {
    /// The number.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
    /// To whom: `china-telecom`, `china-mobile`, `china-unicom`, `china-broadnet`,
    /// `china-telecom-mvno`, `china-mobile-mvno` or `china-unicom-mvno`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "china-mobile")]
    operator: Str<'a>,
    /// From when; at once when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Str<'a>>,
}

/// A number that was carried to another operator.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PortedNumber)]
pub(crate) struct PortedNumber {
    /// The number.
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Shown<Msisdn>,
    /// To whom.
    #[schema(example = "china-mobile")]
    operator: &'static str,
    /// From when; absent when it holds at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Shown<LogTime>>,
    /// Position in the province's log.
    log_index: u64,
}

const OPERATORS: [(&str, Operator); 7] = {
    let all = Operator::ALL;
    [
        (operator_name(all[0]), all[0]),
        (operator_name(all[1]), all[1]),
        (operator_name(all[2]), all[2]),
        (operator_name(all[3]), all[3]),
        (operator_name(all[4]), all[4]),
        (operator_name(all[5]), all[5]),
        (operator_name(all[6]), all[6]),
    ]
};

/// Notes at the province whose node is asked that a number was carried to another operator (携号转网).
/// Its home province stays.
#[utoipa::path(
    post, path = "/v1/number-plan/portability", tag = "number plan", operation_id = "port_number",
    request_body = PortNumberAsk<'_>,
    responses((status = 201, description = "Noted", body = PortedNumber)),
)]
pub(crate) async fn port(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let ask: PortNumberAsk<'_> = call.json()?;
    let msisdn = field::msisdn("msisdn", ask.msisdn.as_str())?;
    let operator = field::choice("operator", ask.operator.as_str(), &OPERATORS)?;
    let from = ask.from.as_ref().map(|text| field::time("from", text.as_str())).transpose()?;
    let verb = Verb::PortNumber { msisdn, operator, from: from.unwrap_or_default() };
    let reply = door.propose(call.request(key, &ask), verb).await?;
    let body = PortedNumber {
        msisdn: Shown(msisdn),
        operator: operator_name(operator),
        from: from.map(Shown),
        log_index: reply.index,
    };
    Ok(answer::changed(StatusCode::CREATED, &body, &reply))
}
