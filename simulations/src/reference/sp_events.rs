//! What SPs are told by number (product §6 "SP direct"): what concerns one is everything of its orders that it has to
//! act on or to book, counted from 1 on.

use std::collections::BTreeMap;

use mpss_domain::journal::JournalBody;
use mpss_domain::order::OrderEvent;
use mpss_domain::sp_events::SpEvent;
use mpss_domain::{OrderId, OrderStatus, SpId, State};

use super::Reference;
use super::compare::same;

/// How much each SP was told.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<SpId, u64>);

impl Reference {
    /// An order has moved on from `before`; its SP is told what it does not know.
    pub(super) fn tell_of(&mut self, id: OrderId, event: OrderEvent, before: OrderStatus) {
        let order = &self.orders[&id];
        let is_known = order.happened(if order.from_vault { OrderEvent::Delivered } else { OrderEvent::DeliveryAsked });
        let is_told = match event {
            OrderEvent::ReversalAsked(..) | OrderEvent::Reversed => is_known,
            OrderEvent::Delivered
            | OrderEvent::Refunded(..)
            | OrderEvent::RefundDeclined(..)
            | OrderEvent::CardsShown
            | OrderEvent::TicketChecked(_)
            | OrderEvent::Received => true,
            _ => false,
        };
        if is_told {
            self.tell(id, event, before);
        }
    }

    /// The next of what the SP of an order is told.
    pub(super) fn tell(&mut self, id: OrderId, event: OrderEvent, before: OrderStatus) {
        // Before version 4 nothing was counted.
        if self.version.0 < 4 {
            return;
        }
        let sp = self.orders[&id].sp;
        let count = self.told.0.entry(sp).or_default();
        *count += 1;
        let (number, event) = (*count, SpEvent::Order { order: id, event, before });
        self.record(None, JournalBody::SpTold { sp, number, event });
    }

    pub(super) fn compare_told(&self, state: &State, out: &mut Vec<String>) {
        for sp in self.sps.keys() {
            let expected = self.told.0.get(sp).copied().unwrap_or(0);
            same(out, format!("what {sp} was told"), &expected, &state.last_sp_event(*sp));
        }
    }
}
