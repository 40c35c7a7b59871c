//! The first number plan of a province: put in force by whoever leads while the state has none.

use std::time::Duration;

use mpss_cluster::Role;
use mpss_config::Settings;
use mpss_domain::{Command, NumberPlan, Verb};
use mpss_routing::{national_plan, parse_plan_bytes, parse_portability_bytes};

use super::{Context, NodeError};

/// Pause before a plan that was not taken is proposed again.
const PAUSE: Duration = Duration::from_millis(500);

/// The plan that the settings name: a file, or the national table that the program carries, and with
/// it the numbers carried to another operator.
pub(super) async fn plan_to_found_with(settings: &Settings) -> Result<NumberPlan, NodeError> {
    let named = &settings.number_plan;
    let mut plan = match read("number_plan.file", &named.file).await? {
        Some(text) => parse_plan_bytes(&text, named.epoch)?,
        None => NumberPlan { epoch: named.epoch, ..national_plan() },
    };
    if let Some(text) = read("number_plan.portability_file", &named.portability_file).await? {
        plan.ported = parse_portability_bytes(&text, &plan).map_err(NodeError::Portability)?;
    }
    Ok(plan)
}

async fn read(setting: &'static str, path: &str) -> Result<Option<Vec<u8>>, NodeError> {
    if path.is_empty() {
        return Ok(None);
    }
    let unreadable = |source| NodeError::Unreadable { setting, path: path.to_owned(), source };
    tokio::fs::read(path).await.map(Some).map_err(unreadable)
}

/// Starts a task that ends as soon as a plan is in force, whoever put it there.
pub(super) fn keep_founded(context: &Context, plan: NumberPlan) {
    let task = found(context.clone(), plan);
    context.seams.spawner.spawn("number plan", Box::pin(task));
}

async fn found(context: Context, plan: NumberPlan) {
    let mut changes = context.replica.watch();
    loop {
        let leads = changes.borrow_and_update().role == Role::Leader;
        if context.replica.read(|state| state.plan().epoch) > 0 {
            return;
        }
        if leads {
            let verb = Verb::InstallNumberPlan(Box::new(plan.clone()));
            match context.replica.propose(Command::internal(verb)).await {
                Ok(reply) => tracing::info!(epoch = plan.epoch, outcome = ?reply.outcome, "number plan proposed"),
                Err(error) => {
                    tracing::warn!(%error, "the number plan is not in force yet");
                    context.seams.clock.sleep(PAUSE).await;
                }
            }
        } else if changes.changed().await.is_err() {
            return;
        }
    }
}
