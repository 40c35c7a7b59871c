//! What happens to goods that are sent.

use super::{RECEIPT_MS, Recipient, Sent, Shipment, TrackingNumber};
use crate::catalogue::{Application, Terms};
use crate::effect::{Effect, SmsText};
use crate::ids::{Msisdn, OrderId};
use crate::order::{Order, OrderEvent, OrderStatus};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;
use crate::timer::{Timer, TimerKind};

impl State {
    /// Is it to be sent, and is it said to whom?
    ///
    /// # Errors
    /// [`Refusal::RecipientNeeded`], [`Refusal::NotShippedGoods`].
    pub(crate) fn check_recipient(&self, terms: &Terms, to: Option<&Recipient>) -> Result<(), Refusal> {
        let is_shipped = terms.application == Application::Shopping && self.version.has_outside_rails();
        match to {
            None if is_shipped => Err(Refusal::RecipientNeeded),
            None => Ok(()),
            Some(_) if !is_shipped => Err(Refusal::NotShippedGoods),
            Some(to) if !to.is_well_formed() => Err(Refusal::RecipientNeeded),
            Some(_) => Ok(()),
        }
    }

    /// The order is one of goods that are sent.
    pub(crate) fn keep_recipient(&mut self, order: &Order, to: &Recipient) {
        self.entry.digest.feed(&(order.id, to));
        let row = Shipment { to: Some(to.clone()), sent: None, received_at: None };
        self.outside.shipping.rows.insert(order.id, row);
    }

    /// The SP says that the goods are on their way. Harmless when repeated.
    ///
    /// # Errors
    /// In this order: [`Refusal::OrderNotFound`]; [`Refusal::NotShippedGoods`]; [`Refusal::AlreadyShipped`] when
    /// they were sent in another way; [`Refusal::WrongOrderStatus`] unless the SP has accepted and the money has
    /// not gone back.
    pub(crate) fn record_shipment(
        &mut self,
        id: OrderId,
        carrier: &str,
        tracking: TrackingNumber,
    ) -> Result<Outcome, Refusal> {
        let order = self.order(id).ok_or(Refusal::OrderNotFound)?;
        let row = self.shipment_of(id).ok_or(Refusal::NotShippedGoods)?;
        if let Some(sent) = &row.sent {
            let same = sent.carrier == carrier && sent.tracking == tracking;
            return if same { Ok(Outcome::Order(id)) } else { Err(Refusal::AlreadyShipped) };
        }
        if !matches!(order.status, OrderStatus::Delivered | OrderStatus::PartlyRefunded) {
            return Err(Refusal::WrongOrderStatus);
        }

        // From here it must succeed.
        let sent = Sent { carrier: carrier.to_owned(), tracking, at: self.now };
        let (msisdn, due) = (order.msisdn, self.now.plus_ms(RECEIPT_MS));
        self.entry.digest.feed(&(id, &sent));
        let text = SmsText::Shipped { order: id, carrier: sent.carrier.clone(), tracking };
        self.change_shipment(id, |row| row.sent = Some(sent));
        self.timers.insert(Timer::new(due, TimerKind::ReceiptDue(id)), ());
        self.change_order(id, |state, order| state.order_event(order, OrderEvent::Shipped));
        self.tell_buyer(msisdn, text);
        Ok(Outcome::Order(id))
    }

    /// The goods are there. Harmless when repeated.
    ///
    /// # Errors
    /// In this order: [`Refusal::OrderNotFound`]; [`Refusal::NotTheBuyer`]; [`Refusal::NotShippedGoods`];
    /// [`Refusal::NotShipped`]; [`Refusal::WrongOrderStatus`] once all the money has gone back.
    pub(crate) fn record_receipt(&mut self, id: OrderId, buyer: Msisdn) -> Result<Outcome, Refusal> {
        let order = self.order(id).ok_or(Refusal::OrderNotFound)?;
        if order.msisdn != buyer {
            return Err(Refusal::NotTheBuyer);
        }
        let row = self.shipment_of(id).ok_or(Refusal::NotShippedGoods)?;
        match (&row.sent, row.received_at) {
            (None, _) => return Err(Refusal::NotShipped),
            (Some(_), Some(_)) => {}
            (Some(_), None) if order.status == OrderStatus::Refunded => return Err(Refusal::WrongOrderStatus),
            (Some(_), None) => self.received(id),
        }
        Ok(Outcome::Order(id))
    }

    /// Nobody has said for long that the goods are there.
    pub(crate) fn receipt_due(&mut self, id: OrderId) {
        self.received(id);
    }

    fn received(&mut self, id: OrderId) {
        let at = self.now;
        self.end_shipment(id);
        self.change_shipment(id, |row| row.received_at = Some(at));
        self.change_order(id, |state, order| state.order_event(order, OrderEvent::Received));
    }

    /// What happens to an order happens to its goods: when it comes to nothing they need not be sent.
    pub(crate) fn shipment_follows(&mut self, order: &Order, event: OrderEvent) {
        let ends = match event {
            OrderEvent::Declined(_) | OrderEvent::Reversed => true,
            OrderEvent::Refunded(..) => order.status == OrderStatus::Refunded,
            _ => false,
        };
        if ends && self.shipment_of(order.id).is_some_and(|row| row.received_at.is_none()) {
            self.end_shipment(order.id);
        }
    }

    /// Nothing is waited for any more, and nobody need be known.
    fn end_shipment(&mut self, id: OrderId) {
        let row = self.shipment_of(id).expect("the caller has found it");
        if let Some(sent) = &row.sent {
            let timer = Timer::new(sent.at.plus_ms(RECEIPT_MS), TimerKind::ReceiptDue(id));
            self.timers.remove(&timer);
        }
        self.change_shipment(id, |row| row.to = None);
    }

    /// Goods that are on their way are not undone.
    ///
    /// # Errors
    /// [`Refusal::AlreadyShipped`].
    pub(crate) fn check_not_shipped(&self, id: OrderId) -> Result<(), Refusal> {
        let sent = self.shipment_of(id).is_some_and(|row| row.sent.is_some());
        if sent { Err(Refusal::AlreadyShipped) } else { Ok(()) }
    }

    /// Sent, paid for, and not there yet.
    pub(crate) fn is_on_its_way(&self, order: &Order) -> bool {
        let on_its_way = self.shipment_of(order.id).is_some_and(|row| row.sent.is_some() && row.received_at.is_none());
        on_its_way && order.status != OrderStatus::Refunded
    }

    /// The buyer may be at home elsewhere: then nobody here knows a language.
    fn tell_buyer(&mut self, msisdn: Msisdn, text: SmsText) {
        let language = self.subscriber(msisdn).map(|subscriber| subscriber.language).unwrap_or_default();
        self.add_effect(Effect::Sms { to: msisdn, language, text });
    }

    fn change_shipment<R>(&mut self, id: OrderId, change: impl FnOnce(&mut Shipment) -> R) -> R {
        let row = self.outside.shipping.rows.get_mut(&id).expect("the caller has found it");
        let changed = change(row);
        self.entry.digest.feed(&(id, &*row));
        changed
    }
}
