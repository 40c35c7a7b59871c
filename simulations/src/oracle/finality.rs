//! Once faults stop, every order and transfer reaches a final state within its bound and the outbox
//! runs dry.

use mpss_domain::{EffectId, TransferStatus};

use super::{AtRest, Property};
use crate::country::Country;

/// See the module.
#[derive(Default)]
pub(super) struct Finality;

impl Property for Finality {
    fn name(&self) -> &'static str {
        "everything comes to its end"
    }

    fn clause(&self) -> &'static str {
        "product §4: no order stays open for ever"
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        open(rest.country)
    }
}

/// Everything that is not at its end.
pub(crate) fn open(country: &Country) -> Vec<String> {
    let mut open = Vec::new();
    for province in &country.plan().provinces {
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
