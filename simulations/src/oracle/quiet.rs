//! Once faults stop, every order and transfer reaches a final state and the outbox runs dry.

use mpss_domain::{EffectId, TransferStatus};

use crate::country::Country;
use crate::people::Told;

/// Everything that is not at its end.
#[must_use]
pub fn check(country: &Country, _: &Told) -> Vec<String> {
    let mut open = Vec::new();
    for province in &country.plan.provinces {
        let Some(leader) = country.leader(*province) else {
            open.push(format!("{province} has no leader"));
            continue;
        };
        let seen = country.read(&leader, |state| {
            let orders = state.orders().filter(|order| !order.status.is_final());
            let orders = orders.map(|order| format!("{leader}: order {} is {}", order.id, order.status.name()));
            let transfers = state.transfers().filter(|transfer| transfer.status == TransferStatus::Crediting);
            let transfers = transfers.map(|transfer| format!("{leader}: transfer {} is crediting", transfer.id));
            let waiting = state.effects_from(EffectId::default()).count();
            let effects = (waiting > 0).then(|| format!("{leader}: {waiting} effects wait"));
            orders.chain(transfers).chain(effects).collect::<Vec<_>>()
        });
        open.extend(seen.unwrap_or_default());
    }
    open
}
