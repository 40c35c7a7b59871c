//! The rules for SPs that are data: what each risk grade may ask for its goods.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::Verb;
use mpss_domain::sp_admission::AdmissionPolicy;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::channel::http::answer;
use crate::channel::http::call::{Answer, Call};
use crate::channel::http::door::Door;
use crate::intake::amount::amount;
use crate::intake::field;
use crate::intake::json::Str;
use crate::not_done::NotDone;

/// Rules for SPs that are data.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SpAdmissionPolicy)]
pub(crate) struct AdmissionPolicyWire<'a> {
    /// Rises with each change; 0 is what comes with the program.
    version: u64,
    /// The highest price that SPs of grade `a` may ask, in yuan; no bound when not given.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "5000.00")]
    price_max_a: Option<Str<'a>>,
    /// The same for grade `b`; not above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1000.00")]
    price_max_b: Option<Str<'a>>,
    /// The same for grade `c`; not above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "100.00")]
    price_max_c: Option<Str<'a>>,
}

/// Shows the rules for SPs in force at the province whose node is asked.
#[utoipa::path(
    get, path = "/v1/sp-admission-policy", tag = "catalogue", operation_id = "show_sp_admission_policy",
    responses((status = 200, description = "The rules", body = AdmissionPolicyWire<'_>)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let look = |state: &mpss_domain::State| state.admission_policy().clone();
    let policy = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    let [a, b, c] = policy.price_max.map(|max| max.map(|max| Str::shown(&max)));
    let version = policy.version;
    Ok(answer::found(&AdmissionPolicyWire { version, price_max_a: a, price_max_b: b, price_max_c: c }))
}

/// Rules for SPs that are in force now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpAdmissionPolicySet)]
pub(crate) struct AdmissionPolicySet {
    /// Their version.
    version: u64,
    /// Position in the province's log.
    log_index: u64,
}

/// Puts newer rules for SPs in force at the province whose node is asked. They are given whole; what is on sale stays
/// on sale.
#[utoipa::path(
    put, path = "/v1/sp-admission-policy", tag = "catalogue", operation_id = "set_sp_admission_policy",
    request_body = AdmissionPolicyWire<'_>,
    responses((status = 200, description = "In force", body = AdmissionPolicySet)),
)]
pub(crate) async fn set(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let wire: AdmissionPolicyWire<'_> = call.json()?;
    let price =
        |name: &'static str, text: &Option<Str<'_>>| text.as_ref().map(|text| amount(name, text.as_str())).transpose();
    let policy = AdmissionPolicy {
        version: field::within("version", wire.version, 1..=u64::MAX)?,
        price_max: [
            price("price_max_a", &wire.price_max_a)?,
            price("price_max_b", &wire.price_max_b)?,
            price("price_max_c", &wire.price_max_c)?,
        ],
    };
    let version = policy.version;
    let reply = door.propose(call.request(key, &wire), Verb::SetAdmissionPolicy(Box::new(policy))).await?;
    Ok(answer::changed(StatusCode::OK, &AdmissionPolicySet { version, log_index: reply.index }, &reply))
}
