//! Keeps a province's copies of national goods: the leader asks the national platform what has changed since the number
//! it knows, and has it taken through the log (product §3).
//!
//! ```text
//!  known up to n ─▶ ask after n ─┬─ nothing new ───────────────▶ a pause
//!        ▲                       ├─ changes ──▶ taken ──▶ known up to m, asked again at once when there is more
//!        │                       ├─ it knows of fewer than n ──▶ from 0 on, anew: its books were restored
//!        └───────────────────────┴─ no answer ─────────────────▶ a pause
//! ```
//!
//! How far it has come is a row of the state, so a leader that dies, or a province that was cut off, loses nothing: the
//! next one asks after the same number.

use std::time::Duration;

use mpss_domain::distribution::TakeGoods;
use mpss_domain::{ProvinceId, StateVersion, Verb};
use mpss_routing::{PeerCall, PeerError};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::channel::http::ChangesBody;
use crate::node::Context;
use crate::supervision::tasks::{Report, Task};
use crate::supervision::tenure::{NotRecorded, Tenure};

/// The puller.
pub(crate) struct GoodsPuller;

/// Its work has ended, which it never does by itself.
pub(crate) struct Ended;

/// Why changes were not taken.
#[derive(Debug, thiserror::Error)]
enum NotPulled {
    #[error("the national platform can not be reached")]
    Peer(#[from] PeerError),
    #[error("the national platform answered {0}")]
    Answered(u16),
    #[error("what the national platform said was not understood")]
    NotUnderstood,
    #[error(transparent)]
    Record(#[from] NotRecorded),
}

impl Actor for GoodsPuller {
    type Msg = Ended;
    type State = Task;
    type Arguments = (Context, Tenure);

    async fn pre_start(
        &self,
        myself: ActorRef<Ended>,
        (context, tenure): Self::Arguments,
    ) -> Result<Task, ActorProcessingErr> {
        let report = Report::new(myself, Ended);
        let seams = context.seams.clone();
        let work = async move {
            let _report = report;
            pull_on(&context, &tenure).await;
        };
        Ok(Task::start(&seams, "goods puller", Box::pin(work)))
    }

    async fn handle(&self, _: ActorRef<Ended>, Ended: Ended, _: &mut Task) -> Result<(), ActorProcessingErr> {
        Err("the puller has ended".into())
    }
}

async fn pull_on(context: &Context, tenure: &Tenure) {
    let pause = Duration::from_millis(context.settings.dispatch.national_goods_ms);
    let mut failing = false;
    loop {
        let known =
            context.replica.read(|state| (state.version() >= StateVersion::DOORS).then(|| state.national_goods_upto()));
        let more = match known {
            // Until every replica can keep copies, goods are asked for as they are shown.
            None => false,
            Some(known) => match pull(context, tenure, known).await {
                Ok(more) => {
                    failing = false;
                    more
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::info!(%error, known, "national goods are shown as they were");
                    }
                    false
                }
            },
        };
        if !more {
            context.seams.clock.sleep(pause).await;
        }
    }
}

/// Asks once; true when there is more.
async fn pull(context: &Context, tenure: &Tenure, known: u64) -> Result<bool, NotPulled> {
    let mut told = ask(context, known).await?;
    let anew = told.newest < known;
    if anew {
        tracing::warn!(known, newest = told.newest, "the national platform counts its goods anew");
        told = ask(context, 0).await?;
    }
    let after = if anew { 0 } else { known };
    if !anew && told.upto <= known {
        return Ok(false);
    }
    let (upto, more) = (told.upto, told.upto < told.newest);
    // One change that is not understood must not hold up the others for ever: it is not shown.
    let changes = told.changes.into_iter().filter_map(|change| change.understand()).collect();
    let take = TakeGoods { after, upto, anew, changes };
    tenure.record(Verb::TakeNationalGoods(Box::new(take))).await?;
    Ok(more)
}

async fn ask(context: &Context, after: u64) -> Result<ChangesBody, NotPulled> {
    let deadline_ms = context.settings.dispatch.try_deadline_ms;
    let call = PeerCall {
        method: "GET".to_owned(),
        path: format!("/v1/national-goods?after={after}"),
        headers: vec![(mpss_routing::wire::DEADLINE_HEADER.to_owned(), deadline_ms.to_string())],
        body: bytes::Bytes::new(),
    };
    let reply = context.dispatch.forward(ProvinceId::NATIONAL, call).await?;
    if reply.status != 200 {
        return Err(NotPulled::Answered(reply.status));
    }
    serde_json::from_slice(&reply.body).map_err(|_| NotPulled::NotUnderstood)
}

#[cfg(test)]
mod tests;
