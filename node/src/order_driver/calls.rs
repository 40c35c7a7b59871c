//! One step for one call: mark it as sent, send it or ask about it once, and record what came of it.
//!
//! ```text
//!  due ─▶ BeginCalls ─▶ sent: the gateway sends it      ─▶ RecordCalls
//!                   └─▶ asking: the gateway asks about it ─▶ RecordCalls
//!                   └─▶ superseded, abandoned, not due: nothing
//! ```
//!
//! It is marked before it is sent: whoever leads next knows by the row that it may have happened.

use mpss_domain::rail::{Answer, CallAnswer, Phase, Subject};
use mpss_domain::{CallId, RailName, State, Verb};

use super::steps::{Again, Step};
use crate::gateway::rail::RailRequest;
use crate::node::Context;
use crate::supervision::tasks::Task;
use crate::supervision::tenure::Tenure;

impl Step<'_> {
    /// Steps one call.
    ///
    /// # Errors
    /// When it could not be recorded: whoever leads goes on with it.
    pub(super) async fn call(&self, id: CallId) -> Result<(), Again> {
        let begun = self.tenure.record(Verb::BeginCalls { calls: vec![id] }).await?;
        let look = |state: &State| {
            let call = state.call(id)?.clone();
            let pin = match call.subject {
                Subject::Recharge(top_up) => state.recharge(top_up).map(|row| row.pin.clone()),
                _ => None,
            };
            Some(RailRequest { call, pin })
        };
        let Some(request) = self.tenure.after(&begun, look).await? else { return Ok(()) };
        let asks = match request.call.phase {
            Phase::Sent => false,
            Phase::Asking => true,
            _ => return Ok(()),
        };
        let rail = request.call.rail;
        let answer = match self.context.rails.of(rail) {
            Some(gateway) if asks => gateway.ask(&request).await,
            Some(gateway) => gateway.send(&request).await,
            None => Answer::NotSent,
        };
        tracing::debug!(call = %id, step = request.call.step.name(), ?answer, "a call was answered");
        let result = match &answer {
            Answer::Approved { .. } | Answer::Worth { .. } => "approved",
            Answer::Declined(_) => "declined",
            Answer::NotSent => "not_sent",
            Answer::NoAnswer => "no_answer",
            Answer::NeverSeen => "never_seen",
        };
        let what = if asks { "ask" } else { request.call.step.name() };
        metrics::counter!("mpss_calls_total", "rail" => rail.name(), "what" => what, "result" => result).increment(1);
        self.tenure.record(Verb::RecordCalls { answers: vec![CallAnswer { call: id, answer }] }).await?;
        Ok(())
    }
}

/// Records answers that come after their calls were given up: they revive nothing, and are known.
pub(super) fn hear_late_answers(context: &Context, tenure: &Tenure) -> Vec<Task> {
    // The two bank rails are one way.
    let gateways = [RailName::Communication, RailName::BankRealTime].map(|rail| context.rails.of(rail));
    let hear = |gateway: std::sync::Arc<dyn crate::gateway::rail::RailGateway>| {
        let tenure = tenure.clone();
        let work = async move {
            loop {
                let late = gateway.late().await;
                let call = late.call;
                if let Err(error) = tenure.record(Verb::RecordCalls { answers: vec![late] }).await {
                    tracing::debug!(%call, %error, "a late answer is not recorded");
                }
            }
        };
        Task::start(&context.seams, "late answers", Box::pin(work))
    };
    gateways.into_iter().flatten().map(hear).collect()
}
