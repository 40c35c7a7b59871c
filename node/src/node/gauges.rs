//! Gauges of a node: how much waits, and which provinces are taken for unreachable. Set once in a
//! while, because nobody looks more often.

use std::collections::BTreeMap;
use std::time::Duration;

use mpss_domain::{Effect, EffectId};

use super::Context;
use crate::outbox::lines::ROWS_PER_READ_MAX;
use crate::supervision::tasks::Task;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Rows of the outbox that are counted by kind; of more it is said that there are at least so many.
const COUNTED_MAX: u32 = 65_536;

/// Every kind of row, so that a gauge falls back to zero.
const KINDS: [&str; 11] =
    ["sms", "deliver", "cancel", "resolve", "reverse", "refund", "credit", "call", "tell_bank", "capture", "award"];

/// Starts setting the node's gauges; ends with the task.
pub(super) fn keep(context: &Context) -> Task {
    let here = context.clone();
    let work = async move {
        loop {
            look(&here);
            here.seams.clock.sleep(PAUSE).await;
        }
    };
    Task::start(&context.seams, "gauges", Box::pin(work))
}

fn look(context: &Context) {
    let rows = context.replica.read(mpss_domain::State::row_counts);
    for (table, count) in [
        ("accounts", rows.accounts),
        ("orders", rows.orders),
        ("payments", rows.payments),
        ("effects", rows.effects),
        ("requests", rows.requests),
    ] {
        metrics::gauge!("mpss_rows", "table" => table).set(u32::try_from(count).unwrap_or(u32::MAX));
    }
    let versions = context.replica.versions();
    metrics::gauge!("mpss_state_version").set(versions.in_force.0);
    if let Some(own) = versions.executed.get(&context.number) {
        metrics::gauge!("mpss_state_version_newest").set(own.newest.0);
    }
    let waiting = waiting(context);
    for kind in KINDS {
        metrics::gauge!("mpss_outbox_rows", "kind" => kind).set(waiting.get(kind).copied().unwrap_or(0));
    }
    // An order is open while one of these waits for it.
    let open = ["deliver", "resolve", "reverse"].iter().filter_map(|kind| waiting.get(kind)).sum::<u32>();
    metrics::gauge!("mpss_open_orders").set(open);
    let circuits = context.dispatch.open_circuits();
    for province in context.settings.other_provinces().into_keys() {
        let open = u32::from(circuits.contains(&province));
        metrics::gauge!("mpss_circuit_open", "peer" => province.to_string()).set(open);
    }
}

/// Rows of the outbox by kind, in slices, so that `apply` never waits long.
fn waiting(context: &Context) -> BTreeMap<&'static str, u32> {
    let mut counts = BTreeMap::new();
    let (mut cursor, mut counted) = (EffectId(0), 0);
    while counted < COUNTED_MAX {
        let before = counted;
        context.replica.read(|state| {
            for row in state.effects_from(cursor).take(ROWS_PER_READ_MAX) {
                *counts.entry(kind(&row.effect)).or_default() += 1;
                cursor = EffectId(row.id.0 + 1);
                counted += 1;
            }
        });
        if counted == before {
            break;
        }
    }
    counts
}

const fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::Sms { .. } => "sms",
        Effect::DeliveryNotice { .. } => "deliver",
        Effect::CancelNotice { .. } => "cancel",
        Effect::ResolvePayment { .. } => "resolve",
        Effect::ReversePayment { .. } => "reverse",
        Effect::RefundPayment { .. } => "refund",
        Effect::CreditTransfer { .. } => "credit",
        Effect::Call { .. } => "call",
        Effect::TellBank { .. } => "tell_bank",
        Effect::CapturePayment { .. } => "capture",
        Effect::CreditAward { .. } => "award",
        Effect::AskBank { .. } => "ask_bank",
        Effect::TellUpp { .. } => "tell_upp",
        Effect::AskConfirmation { .. } => "ask_confirmation",
    }
}
