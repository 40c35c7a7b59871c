//! What must hold between goods and their orders.

use super::RECEIPT_MS;
use crate::order::{OrderEvent, OrderStatus};
use crate::state::State;
use crate::timer::{Timer, TimerKind};

impl State {
    /// See [`State::check_all`].
    pub(crate) fn check_shipments(&self) -> Result<(), String> {
        for (id, row) in self.outside.shipping.rows.iter() {
            let order = self.order(*id).ok_or_else(|| format!("goods of {id} are sent and it is forgotten"))?;
            let happened = |event| order.timeline.iter().find(|entry| entry.event == event).map(|entry| entry.at);
            let told = (row.sent.as_ref().map(|sent| sent.at), row.received_at);
            let events = (happened(OrderEvent::Shipped), happened(OrderEvent::Received));
            if told != events {
                return Err(format!("goods of {id} were shipped and received at {told:?}, its events say {events:?}"));
            }
            let nothing = matches!(order.status, OrderStatus::Declined | OrderStatus::Reversed | OrderStatus::Refunded);
            if row.to.is_some() == (row.received_at.is_some() || nothing) {
                return Err(format!("{id} is {:?}, {}, and its recipient is {:?}", order.status, row.name(), row.to));
            }
            let due = row.sent.as_ref().map(|sent| Timer::new(sent.at.plus_ms(RECEIPT_MS), TimerKind::ReceiptDue(*id)));
            let waited = due.is_some_and(|timer| self.timers.get(&timer).is_some());
            if waited != self.is_on_its_way(order) {
                return Err(format!("goods of {id} are {} and waited for: {waited}", row.name()));
            }
        }
        Ok(())
    }
}
