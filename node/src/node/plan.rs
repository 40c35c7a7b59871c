//! The first number plan of a province: put in force by whoever leads while the state has none.

use std::time::Duration;

use mpss_cluster::Role;
use mpss_config::Settings;
use mpss_domain::{Command, NumberPlan, Verb};
use mpss_routing::{national_plan, parse_plan};

use super::{Context, NodeError};

/// Pause before a plan that was not taken is proposed again.
const PAUSE: Duration = Duration::from_millis(500);

/// The plan that the settings name: a file, or the national table that the program carries.
pub(super) async fn plan_to_found_with(settings: &Settings) -> Result<NumberPlan, NodeError> {
    let named = &settings.number_plan;
    if named.file.is_empty() {
        return Ok(NumberPlan { epoch: named.epoch, ..national_plan() });
    }
    let text = tokio::fs::read_to_string(&named.file).await.map_err(|source| NodeError::Io {
        what: format!("setting number_plan.file: {} can not be read", named.file),
        source,
    })?;
    Ok(parse_plan(&text, named.epoch)?)
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
