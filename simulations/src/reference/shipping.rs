//! 购物 (product §3): where goods are is read off what happened to their order.

use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::ids::TrackingNumber;
use mpss_domain::order::OrderEvent;
use mpss_domain::shipping::{Recipient, Sent, Shipment};
use mpss_domain::{Effect, LogTime, Msisdn, OrderId, OrderStatus, Outcome, Refusal, SmsText, State};

use super::Reference;
use super::compare::same;
use super::orders::Sale;

/// Taken for received so long after they were sent.
const RECEIPT_MS: u64 = 15 * 86_400_000;
/// Letters of a name, a telephone number and an address.
const CHARS_MAX: [usize; 3] = [64, 20, 200];

impl Sale {
    fn since(&self, event: OrderEvent) -> Option<LogTime> {
        self.timeline.iter().find(|entry| entry.event == event).map(|entry| entry.at)
    }

    /// Sent, paid for, and not there yet.
    pub(super) fn is_on_its_way(&self) -> bool {
        let sent = self.happened(OrderEvent::Shipped) && !self.happened(OrderEvent::Received);
        sent && self.status() != OrderStatus::Refunded
    }

    pub(super) fn receipt_due(&self) -> Option<LogTime> {
        let sent_at = self.since(OrderEvent::Shipped).filter(|_| self.is_on_its_way());
        sent_at.map(|at| LogTime(at.0.saturating_add(RECEIPT_MS)))
    }

    pub(super) fn check_not_sent(&self) -> Result<(), Refusal> {
        if self.happened(OrderEvent::Shipped) { Err(Refusal::AlreadyShipped) } else { Ok(()) }
    }

    /// The row that the real one must have.
    fn shipment(&self) -> Option<Shipment> {
        let to = self.to.clone()?;
        let received_at = self.since(OrderEvent::Received);
        let nothing = matches!(self.status(), OrderStatus::Declined | OrderStatus::Reversed | OrderStatus::Refunded);
        let known = received_at.is_none() && !nothing;
        let sent = self.since(OrderEvent::Shipped).zip(self.sent.clone());
        let sent = sent.map(|(at, (carrier, tracking))| Sent { carrier, tracking, at });
        Some(Shipment { to: Some(to).filter(|_| known), sent, received_at })
    }
}

impl Reference {
    pub(super) fn check_recipient(&self, terms: &Terms, to: Option<&Recipient>) -> Result<(), Refusal> {
        let is_sent = terms.application == Application::Shopping && self.version.has_outside_rails();
        match (is_sent, to) {
            (false, None) => Ok(()),
            (false, Some(_)) => Err(Refusal::NotShippedGoods),
            (true, None) => Err(Refusal::RecipientNeeded),
            (true, Some(to)) => {
                let lengths = [&to.name, &to.phone, &to.address].map(|text| text.chars().count());
                let fits = lengths.iter().zip(CHARS_MAX).all(|(length, most)| *length > 0 && *length <= most);
                if fits { Ok(()) } else { Err(Refusal::RecipientNeeded) }
            }
        }
    }

    /// The order; nothing is sent for it; sent in another way; its status.
    pub(super) fn record_shipment(
        &mut self,
        id: OrderId,
        carrier: &str,
        tracking: TrackingNumber,
    ) -> Result<Outcome, Refusal> {
        let order = self.sale(id)?;
        if order.to.is_none() {
            return Err(Refusal::NotShippedGoods);
        }
        let how = (carrier.to_owned(), tracking);
        if let Some(sent) = &order.sent {
            return if *sent == how { Ok(Outcome::Order(id)) } else { Err(Refusal::AlreadyShipped) };
        }
        if !matches!(order.status(), OrderStatus::Delivered | OrderStatus::PartlyRefunded) {
            return Err(Refusal::WrongOrderStatus);
        }
        let to = order.msisdn;
        self.orders.get_mut(&id).expect("just read").sent = Some(how);
        self.event(id, OrderEvent::Shipped);
        let language = self.people.get(&to).map(|person| person.language).unwrap_or_default();
        let text = SmsText::Shipped { order: id, carrier: carrier.to_owned(), tracking };
        self.effect(Effect::Sms { to, language, text });
        Ok(Outcome::Order(id))
    }

    /// The order; its buyer; nothing is sent for it; not sent yet; all the money is back.
    pub(super) fn record_receipt(&mut self, id: OrderId, buyer: Msisdn) -> Result<Outcome, Refusal> {
        let order = self.sale(id)?;
        if order.msisdn != buyer {
            return Err(Refusal::NotTheBuyer);
        }
        if order.to.is_none() {
            return Err(Refusal::NotShippedGoods);
        }
        if order.sent.is_none() {
            return Err(Refusal::NotShipped);
        }
        if !order.happened(OrderEvent::Received) {
            if order.status() == OrderStatus::Refunded {
                return Err(Refusal::WrongOrderStatus);
            }
            self.event(id, OrderEvent::Received);
        }
        Ok(Outcome::Order(id))
    }

    pub(super) fn compare_shipments(&self, state: &State, out: &mut Vec<String>) {
        for (id, sale) in self.orders.iter().filter(|(id, _)| state.order(**id).is_some()) {
            same(out, format!("the goods of {id}"), &sale.shipment().as_ref(), &state.shipment_of(*id));
        }
    }
}
