//! The rules for awards.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::award::AwardPolicy;
use mpss_domain::{AccountKind, Money, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::channel::http::answer;
use crate::channel::http::call::{Answer, Call};
use crate::channel::http::door::Door;
use crate::intake::amount::amount;
use crate::intake::field;
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem};
use crate::not_done::NotDone;

/// Rules for awards that are data.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AwardPolicy)]
pub(crate) struct AwardPolicyWire<'a> {
    /// Rises with each change; 0 is what comes with the program.
    version: u64,
    /// A prize up to this is free of tax; of a larger one the whole is taxed. In yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "10000.00")]
    tax_free_up_to: Str<'a>,
    /// The tax in parts of a million, at most a half.
    #[schema(maximum = 500_000, example = 200_000)]
    tax_ppm: u32,
    /// From this amount on a second person approves. In yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "10000.00")]
    approval_from: Str<'a>,
    /// Which accounts are tried, in this order, when the one that was wanted is not there.
    #[serde(borrow)]
    #[schema(value_type = Vec<String>, max_items = 3)]
    fallback: Vec<Str<'a>>,
}

/// Shows the rules for awards in force at the province whose node is asked.
#[utoipa::path(
    get, path = "/v1/award-policy", tag = "awards", operation_id = "show_award_policy",
    responses((status = 200, description = "The rules", body = AwardPolicyWire<'_>)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let look = |state: &mpss_domain::State| state.award_policy().clone();
    let policy = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    Ok(answer::found(&AwardPolicyWire {
        version: policy.version,
        tax_free_up_to: Str::shown(&policy.tax_free_up_to),
        tax_ppm: policy.tax_ppm,
        approval_from: Str::shown(&policy.approval_from),
        fallback: policy.fallback.iter().map(|kind| Str::shown(&kind.name())).collect(),
    }))
}

/// Rules for awards that are in force now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AwardPolicySet)]
pub(crate) struct AwardPolicySet {
    /// Their version.
    version: u64,
    /// Position in the province's log.
    log_index: u64,
}

/// Puts newer rules for awards in force at the province whose node is asked. They are given whole.
#[utoipa::path(
    put, path = "/v1/award-policy", tag = "awards", operation_id = "set_award_policy",
    request_body = AwardPolicyWire<'_>,
    responses((status = 200, description = "In force", body = AwardPolicySet)),
)]
pub(crate) async fn set(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let wire: AwardPolicyWire<'_> = call.json()?;
    let mut fallback = Vec::<AccountKind>::new();
    for kind in &wire.fallback {
        let kind = field::account_kind("fallback", kind.as_str())?;
        if fallback.contains(&kind) {
            return Err(Problem::field(EdgeCode::InvalidPolicy, "fallback", "a kind is named twice"));
        }
        fallback.push(kind);
    }
    let approval_from: Money = amount("approval_from", wire.approval_from.as_str())?;
    if !approval_from.is_positive() {
        return Err(Problem::field(EdgeCode::InvalidPolicy, "approval_from", "above nothing"));
    }
    let policy = AwardPolicy {
        version: field::within("version", wire.version, 1..=u64::MAX)?,
        tax_free_up_to: amount("tax_free_up_to", wire.tax_free_up_to.as_str())?,
        tax_ppm: field::within("tax_ppm", wire.tax_ppm, 0..=500_000)?,
        approval_from,
        fallback,
    };
    let version = policy.version;
    let reply = door.propose(call.request(key, &wire), Verb::SetAwardPolicy(Box::new(policy))).await?;
    Ok(answer::changed(StatusCode::OK, &AwardPolicySet { version, log_index: reply.index }, &reply))
}
