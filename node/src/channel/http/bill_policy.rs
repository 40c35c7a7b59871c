//! The rules for bills that are data: what they may come to, and what goes without the password.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::account::Tier;
use mpss_domain::bills::{BillCeilings, BillPolicy};
use mpss_domain::{AccountKind, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use super::policy::SPAN_MS_MAX;
use crate::intake::amount::amount;
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem, field};
use crate::not_done::NotDone;

const KINDS: [AccountKind; 3] = [AccountKind::Communication, AccountKind::StoredValue, AccountKind::Bank];
const TIERS: [(&str, Tier); 3] = [("anonymous", Tier::Anonymous), ("basic", Tier::Basic), ("full", Tier::Full)];

/// Rules for bills that are data.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BillPolicy)]
pub(crate) struct BillPolicyWire<'a> {
    /// Rises with each change; 0 is what comes with the program.
    version: u64,
    /// What bills may come to: a line for each kind of account and real-name tier. The account's own limits do not hold
    /// for bills, and what bills use of a day is counted by itself.
    #[serde(borrow)]
    #[schema(min_items = 9, max_items = 9)]
    ceilings: Vec<BillCeilingsWire<'a>>,
    /// Most that one bill may be without the payment password, in yuan; 0.00 when none goes without.
    #[serde(borrow)]
    #[schema(value_type = String, example = "200.00")]
    without_password_per_payment: Str<'a>,
    /// Most that a subscriber's bills of a day may be without it, in yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "500.00")]
    without_password_daily: Str<'a>,
    /// For so long after a bill of the same customer was paid with the password, in ms.
    #[schema(example = 34_560_000_000_u64)]
    known_for_ms: u64,
}

/// What bills may come to by one kind of account, for one real-name tier.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BillCeilings)]
pub(crate) struct BillCeilingsWire<'a> {
    /// `communication`, `virtual` or `bank`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "virtual")]
    account_kind: Str<'a>,
    /// `anonymous`, `basic` or `full`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "basic")]
    tier: Str<'a>,
    /// Most that one bill may be, in yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "3000.00")]
    per_payment: Str<'a>,
    /// Most that a day's bills may be, in yuan.
    #[serde(borrow)]
    #[schema(value_type = String, example = "10000.00")]
    daily: Str<'a>,
}

fn show_policy(policy: &BillPolicy) -> BillPolicyWire<'static> {
    let ceilings =
        KINDS.into_iter().flat_map(|kind| TIERS.map(|(name, tier)| (kind, name, policy.ceilings(kind, tier))));
    BillPolicyWire {
        version: policy.version,
        ceilings: ceilings
            .map(|(kind, tier, ceilings)| BillCeilingsWire {
                account_kind: Str::shown(&kind.name()),
                tier: Str::shown(&tier),
                per_payment: Str::shown(&ceilings.per_payment),
                daily: Str::shown(&ceilings.daily),
            })
            .collect(),
        without_password_per_payment: Str::shown(&policy.without_password.per_payment),
        without_password_daily: Str::shown(&policy.without_password.daily),
        known_for_ms: policy.known_for_ms,
    }
}

fn understand(wire: &BillPolicyWire<'_>) -> Result<BillPolicy, Problem> {
    let mut ceilings = [[None; 3]; 3];
    for line in &wire.ceilings {
        let kind = field::account_kind("ceilings.*.account_kind", line.account_kind.as_str())?;
        let tier = field::choice("ceilings.*.tier", line.tier.as_str(), &TIERS)?;
        let of = BillCeilings {
            per_payment: amount("ceilings.*.per_payment", line.per_payment.as_str())?,
            daily: amount("ceilings.*.daily", line.daily.as_str())?,
        };
        if ceilings[kind as usize][tier as usize].replace(of).is_some() {
            return Err(Problem::field(EdgeCode::InvalidPolicy, "ceilings", "a kind and tier is named twice"));
        }
    }
    let missing = || Problem::field(EdgeCode::InvalidPolicy, "ceilings", "a line for each kind and tier");
    let mut whole = BillPolicy::default().ceilings;
    for (to, from) in whole.iter_mut().flatten().zip(ceilings.iter().flatten()) {
        *to = from.ok_or_else(missing)?;
    }
    let policy = BillPolicy {
        version: field::within("version", wire.version, 1..=u64::MAX)?,
        ceilings: whole,
        without_password: BillCeilings {
            per_payment: amount("without_password_per_payment", wire.without_password_per_payment.as_str())?,
            daily: amount("without_password_daily", wire.without_password_daily.as_str())?,
        },
        known_for_ms: field::within("known_for_ms", wire.known_for_ms, 1..=SPAN_MS_MAX)?,
    };
    if policy.is_consistent() {
        return Ok(policy);
    }
    let what = "a ceiling is nothing, above what one request may be, or above the one per day";
    Err(Problem::field(EdgeCode::InvalidPolicy, "ceilings", what))
}

/// Shows the rules for bills in force at the province whose node is asked.
#[utoipa::path(
    get, path = "/v1/bill-policy", tag = "operation", operation_id = "show_bill_policy",
    responses((status = 200, description = "The rules", body = BillPolicyWire<'_>)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let look = |state: &mpss_domain::State| state.bill_policy().clone();
    let policy = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    Ok(answer::found(&show_policy(&policy)))
}

/// Rules for bills that are in force now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BillPolicySet)]
pub(crate) struct BillPolicySet {
    /// Their version.
    version: u64,
    /// Position in the province's log.
    log_index: u64,
}

/// Puts newer rules for bills in force at the province whose node is asked. They are given whole.
#[utoipa::path(
    put, path = "/v1/bill-policy", tag = "operation", operation_id = "set_bill_policy",
    request_body = BillPolicyWire<'_>,
    responses((status = 200, description = "In force", body = BillPolicySet)),
)]
pub(crate) async fn set(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let wire: BillPolicyWire<'_> = call.json()?;
    let policy = understand(&wire)?;
    let version = policy.version;
    let reply = door.propose(call.request(key, &wire), Verb::SetBillPolicy(Box::new(policy))).await?;
    Ok(answer::changed(StatusCode::OK, &BillPolicySet { version, log_index: reply.index }, &reply))
}
