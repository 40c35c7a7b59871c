//! A subscriber with its accounts.

use axum::extract::State;
use mpss_domain::{CustomerCode, Msisdn, NumberPlan, ProvinceId, Refusal};
use mpss_routing::plan_file::operator_name;
use serde::Serialize;
use utoipa::ToSchema;

use super::account_body::AccountBody;
use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::field::Shown;
use crate::intake::{EdgeCode, Problem};
use crate::not_done::NotDone;

/// A subscriber.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Subscriber)]
pub(crate) struct SubscriberBody {
    /// The number.
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Shown<Msisdn>,
    /// Who serves the number now.
    #[schema(example = "china-telecom")]
    operator: &'static str,
    /// The home province.
    #[schema(value_type = String, example = "44")]
    home_province: Shown<ProvinceId>,
    /// Unique in the nation.
    #[schema(value_type = String, example = "4400000000013")]
    customer_code: Shown<CustomerCode>,
    /// Real-name tier: `anonymous`, `basic` or `full`.
    #[schema(example = "basic")]
    tier: &'static str,
    /// Language of texts: `zh` or `en`.
    #[schema(example = "zh")]
    language: &'static str,
    /// The newest account of each kind.
    accounts: Vec<AccountBody>,
    /// Position in the home province's log that this shows.
    log_index: u64,
}

/// Shows a subscriber of ours.
#[utoipa::path(
    get, path = "/v1/subscribers/{msisdn}", tag = "accounts", operation_id = "show_subscriber",
    params(("msisdn" = String, Path, description = "The number", example = "18912345678")),
    responses((status = 200, description = "The subscriber", body = SubscriberBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let msisdn = call.msisdn()?;
    door.admit(msisdn.number())?;
    if let Some(elsewhere) = door.home_elsewhere(msisdn)? {
        return door.pass_on(&call, elsewhere).await;
    }
    let wall = door.wall();
    let found = door.context.replica.read_linearizable(|state| {
        let now = state.now().max(wall);
        let plan: &NumberPlan = state.plan();
        let belonging = plan.lookup(msisdn, now).ok_or(Refusal::UnknownNumber)?;
        let Some(subscriber) = state.subscriber(msisdn) else {
            // Someone who was never ours is refused by name; one of ours just has nothing here yet.
            plan.home_of(msisdn, now)?;
            return Ok(None);
        };
        let accounts = subscriber.accounts.iter().flatten().filter_map(|id| state.account(*id));
        Ok(Some(SubscriberBody {
            msisdn: Shown(msisdn),
            operator: operator_name(belonging.operator),
            home_province: Shown(belonging.home),
            customer_code: Shown(subscriber.customer_code),
            tier: match subscriber.tier {
                mpss_domain::account::Tier::Anonymous => "anonymous",
                mpss_domain::account::Tier::Basic => "basic",
                mpss_domain::account::Tier::Full => "full",
            },
            language: match subscriber.language {
                mpss_domain::account::Language::Chinese => "zh",
                mpss_domain::account::Language::English => "en",
            },
            accounts: accounts
                .map(|account| {
                    let kept_here = state.link(account.id).is_none();
                    AccountBody::new(account, kept_here, now.business_day(), state.index())
                })
                .collect(),
            log_index: state.index(),
        }))
    });
    let found = found.await.map_err(NotDone::from)?.map_err(|refusal: Refusal| Problem::refused(refusal).of_path())?;
    Ok(answer::found(&found.ok_or(EdgeCode::SubscriberNotFound)?))
}
