//! The ways of some orders through the country, chosen because somebody would want to look at them.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::{OrderId, Scope, State};

use crate::country::Country;
use crate::people::Street;
use crate::record::{Ending, Leadership, Operation, OrderStory, Step};
use crate::world::clock::BEGIN_MS;

/// Stories told at most.
const STORIES_MAX: usize = 8;
/// Hops of one story at most.
const HOPS_MAX: usize = 80;

/// An order as its province has it.
struct Found {
    flow: &'static str,
    status: String,
    steps: Vec<Step>,
}

fn find(state: &State, order: OrderId) -> Option<Found> {
    let row = state.order(order)?;
    let province = state.province().to_string();
    let step = |entry: &mpss_domain::order::TimelineEntry| Step {
        at_ms: entry.at.0.saturating_sub(BEGIN_MS.unsigned_abs()),
        province: province.clone(),
        index: entry.index,
        what: entry.event.name().to_owned(),
    };
    let flow = match row.scope {
        Scope::Local => "local",
        Scope::Roaming => "roaming",
        Scope::National => "national",
    };
    Some(Found { flow, status: row.status.name().to_owned(), steps: row.timeline.iter().map(step).collect() })
}

/// What the home province wrote down about the order's payment.
fn payment_step(state: &State, order: OrderId) -> Option<Step> {
    let payment = state.payments().find(|payment| payment.order == Some(order))?;
    Some(Step {
        at_ms: payment.at.0.saturating_sub(BEGIN_MS.unsigned_abs()),
        province: state.province().to_string(),
        index: payment.index,
        what: format!("payment, now {}", payment.status.name()),
    })
}

/// Chooses stories and tells them.
pub(crate) fn choose(country: &Country, street: &Street, leaders: &[Leadership]) -> Vec<OrderStory> {
    let (operations, keys) = street.look(|told| {
        let keys: BTreeMap<String, String> =
            told.orders.iter().map(|(order, acknowledged)| (acknowledged.key.clone(), order.clone())).collect();
        (told.operations.clone(), keys)
    });
    let bought = operations.iter().filter(|operation| operation.result == Ending::Done && !operation.order.is_empty());
    let bought: Vec<&Operation> =
        bought.filter(|operation| matches!(operation.flow.as_str(), "local" | "roaming" | "national")).collect();
    let mut chosen: Vec<(String, String)> = Vec::new();
    let mut told_already = BTreeSet::new();
    let mut choose = |why: &str, operation: Option<&&Operation>| {
        if let Some(operation) = operation
            && told_already.insert(operation.order.clone())
        {
            chosen.push((operation.order.clone(), why.to_owned()));
        }
    };
    let slowest = |flow: &str| {
        let of_flow = bought.iter().filter(|operation| operation.flow == flow);
        of_flow.max_by_key(|operation| operation.took_ms)
    };
    for flow in ["roaming", "national", "local"] {
        choose(&format!("the slowest {flow} purchase"), slowest(flow));
    }
    // Of each province whose leader changed, a purchase that was under way then.
    for change in leaders.iter().filter(|change| change.machine.is_empty()).take(4) {
        let under_way = bought.iter().find(|operation| {
            operation.order.contains(&format!("-{}-", change.province))
                && operation.at_ms <= change.from_ms
                && change.from_ms <= operation.at_ms + operation.took_ms
        });
        choose(&format!("the leader of {} was gone while it was under way", change.province), under_way);
    }
    let reversed = operations.iter().find(|operation| operation.flow == "reversal" && operation.result == Ending::Done);
    let reversed = reversed.and_then(|reversal| bought.iter().find(|operation| operation.order == reversal.order));
    choose("reversed at its buyer's wish", reversed);
    let usual = bought.iter().find(|operation| operation.flow == "roaming" && operation.tries == 1);
    choose("a roaming purchase as it usually is", usual);
    chosen.truncate(STORIES_MAX);
    let mut ways = country.exchanges().ways(&keys);
    let tell = |(order, why): (String, String)| {
        let id: OrderId = order.parse().ok()?;
        let states = country.plan().provinces.iter().filter_map(|province| country.leader(*province));
        let states: Vec<String> = states.collect();
        let found = states.iter().find_map(|leader| country.read(leader, |state| find(state, id)).flatten())?;
        let mut steps = found.steps;
        steps
            .extend(states.iter().filter_map(|leader| country.read(leader, |state| payment_step(state, id)).flatten()));
        steps.sort_by_key(|step| step.at_ms);
        let mut hops = ways.remove(&order).unwrap_or_default();
        hops.truncate(HOPS_MAX);
        Some(OrderStory { order, flow: found.flow.to_owned(), status: found.status, why, hops, steps })
    };
    chosen.into_iter().filter_map(tell).collect()
}
