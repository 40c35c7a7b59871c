//! Policy: ceilings and windows that are data.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::Verb;
use mpss_domain::policy::{Ceilings, Policy};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::amount::amount;
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem, field};
use crate::not_done::NotDone;

/// Windows and bounds of time are at most ten years, in ms.
pub(super) const SPAN_MS_MAX: u64 = 10 * 366 * 86_400_000;

/// Replicated rules that are data.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Policy)]
pub(crate) struct PolicyWire<'a> {
    /// Rises with each policy.
    version: u32,
    /// By account kind.
    #[serde(borrow)]
    ceilings: CeilingsByKind<'a>,
    /// Wrong passwords in a day that lock.
    #[schema(minimum = 1, maximum = 100)]
    password_failures_max: u8,
    /// A reversal is possible for this long after the payment, in ms, 1 to 316224000000.
    reversal_window_ms: u64,
    /// Answers are repeated for the same request id for this long, in ms, 1 to 316224000000.
    duplicate_window_ms: u64,
    /// What reached its end is kept this long, in ms, 1 to 316224000000.
    retention_ms: u64,
    /// An unanswered payment is taken over after this, in ms, 1 to 316224000000.
    payment_takeover_ms: u64,
    /// A payment that is still unknown after this is reversed, in ms, 1 to 316224000000.
    payment_bound_ms: u64,
}

/// Ceilings by account kind.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CeilingsByKind)]
pub(crate) struct CeilingsByKind<'a> {
    /// Of communication accounts.
    #[serde(borrow)]
    communication: CeilingsByTier<'a>,
    /// Of virtual accounts.
    #[serde(borrow, rename = "virtual")]
    stored_value: CeilingsByTier<'a>,
    /// Of bank accounts.
    #[serde(borrow)]
    bank: CeilingsByTier<'a>,
}

/// Ceilings by real-name tier.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CeilingsByTier)]
pub(crate) struct CeilingsByTier<'a> {
    /// Number only.
    #[serde(borrow)]
    anonymous: CeilingsWire<'a>,
    /// Real name known to the operator.
    #[serde(borrow)]
    basic: CeilingsWire<'a>,
    /// Checked in person.
    #[serde(borrow)]
    full: CeilingsWire<'a>,
}

/// Ceilings of one kind and tier, in yuan.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Ceilings)]
pub(crate) struct CeilingsWire<'a> {
    /// Highest limit per payment, and the usual one.
    #[serde(borrow)]
    #[schema(value_type = String, example = "1000.00")]
    per_payment: Str<'a>,
    /// Highest limit per day, and the usual one.
    #[serde(borrow)]
    #[schema(value_type = String, example = "5000.00")]
    daily: Str<'a>,
    /// Highest balance; of virtual accounts.
    #[serde(borrow)]
    #[schema(value_type = String, example = "10000.00")]
    balance: Str<'a>,
}

impl CeilingsWire<'_> {
    fn show(ceilings: &Ceilings) -> CeilingsWire<'static> {
        CeilingsWire {
            per_payment: Str::shown(&ceilings.per_payment),
            daily: Str::shown(&ceilings.daily),
            balance: Str::shown(&ceilings.balance),
        }
    }

    fn understand(&self) -> Result<Ceilings, Problem> {
        let ceilings = Ceilings {
            per_payment: amount("ceilings.*.*.per_payment", self.per_payment.as_str())?,
            daily: amount("ceilings.*.*.daily", self.daily.as_str())?,
            balance: amount("ceilings.*.*.balance", self.balance.as_str())?,
        };
        if ceilings.per_payment > ceilings.daily {
            let what = "the ceiling per payment is above the one per day";
            return Err(Problem::field(EdgeCode::InvalidPolicy, "ceilings.*.*.per_payment", what));
        }
        Ok(ceilings)
    }
}

impl<'a> CeilingsByTier<'a> {
    fn show(ceilings: &[Ceilings; 3]) -> CeilingsByTier<'static> {
        let [anonymous, basic, full] = ceilings;
        CeilingsByTier {
            anonymous: CeilingsWire::show(anonymous),
            basic: CeilingsWire::show(basic),
            full: CeilingsWire::show(full),
        }
    }

    fn understand(&self) -> Result<[Ceilings; 3], Problem> {
        Ok([self.anonymous.understand()?, self.basic.understand()?, self.full.understand()?])
    }
}

impl PolicyWire<'_> {
    fn show(policy: &Policy) -> PolicyWire<'static> {
        let [communication, stored_value, bank] = &policy.ceilings;
        PolicyWire {
            version: policy.version,
            ceilings: CeilingsByKind {
                communication: CeilingsByTier::show(communication),
                stored_value: CeilingsByTier::show(stored_value),
                bank: CeilingsByTier::show(bank),
            },
            password_failures_max: policy.password_failures_max,
            reversal_window_ms: policy.reversal_window_ms,
            duplicate_window_ms: policy.duplicate_window_ms,
            retention_ms: policy.retention_ms,
            payment_takeover_ms: policy.payment_takeover_ms,
            payment_bound_ms: policy.payment_bound_ms,
        }
    }

    fn understand(&self) -> Result<Policy, Problem> {
        let span = |field: &'static str, ms: u64| field::within(field, ms, 1..=SPAN_MS_MAX);
        Ok(Policy {
            version: field::within("version", self.version, 1..=u32::MAX)?,
            ceilings: [
                self.ceilings.communication.understand()?,
                self.ceilings.stored_value.understand()?,
                self.ceilings.bank.understand()?,
            ],
            password_failures_max: field::within("password_failures_max", self.password_failures_max, 1..=100)?,
            reversal_window_ms: span("reversal_window_ms", self.reversal_window_ms)?,
            duplicate_window_ms: span("duplicate_window_ms", self.duplicate_window_ms)?,
            retention_ms: span("retention_ms", self.retention_ms)?,
            payment_takeover_ms: span("payment_takeover_ms", self.payment_takeover_ms)?,
            payment_bound_ms: span("payment_bound_ms", self.payment_bound_ms)?,
        })
    }
}

/// Shows the policy in force at the province whose node is asked.
#[utoipa::path(
    get, path = "/v1/policy", tag = "operation", operation_id = "show_policy",
    responses((status = 200, description = "The policy", body = PolicyWire<'_>)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let policy = door.context.replica.read_linearizable(|state| state.policy().clone()).await.map_err(NotDone::from)?;
    Ok(answer::found(&PolicyWire::show(&policy)))
}

/// A policy that is in force now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PolicySet)]
pub(crate) struct PolicySet {
    /// Its version.
    version: u32,
    /// Position in the province's log.
    log_index: u64,
}

/// Puts a newer policy in force at the province whose node is asked. It is given whole.
#[utoipa::path(
    put, path = "/v1/policy", tag = "operation", operation_id = "set_policy",
    request_body = PolicyWire<'_>,
    responses((status = 200, description = "In force", body = PolicySet)),
)]
pub(crate) async fn set(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let wire: PolicyWire<'_> = call.json()?;
    let policy = wire.understand()?;
    let version = policy.version;
    let reply = door.propose(call.request(key, &wire), Verb::SetPolicy(Box::new(policy))).await?;
    Ok(answer::changed(StatusCode::OK, &PolicySet { version, log_index: reply.index }, &reply))
}
