//! Orders, where they were taken: everything about one is read off what happened to it (product §4).

use std::collections::BTreeMap;

use mpss_domain::bills::Bill;
use mpss_domain::catalogue::{Application, ProductRef};
use mpss_domain::draws::Draw;
use mpss_domain::ids::TrackingNumber;
use mpss_domain::journal::{JournalBody, PostingReason};
use mpss_domain::order::{OrderEvent, ReversalReason, TimelineEntry};
use mpss_domain::shipping::Recipient;
use mpss_domain::{
    AccountSelector, Channel, Effect, LedgerAccount, LogTime, Money, Msisdn, Order, OrderId, OrderStatus, Outcome,
    PaymentId, ProvinceId, RefundId, Refusal, Scope, SpId,
};

use super::outbox::asks_about;
use super::{Reference, tells_of_a_race};

/// What was bought and what happened to it.
#[derive(Debug)]
pub(super) struct Sale {
    pub(super) payment: PaymentId,
    pub(super) msisdn: Msisdn,
    pub(super) home: ProvinceId,
    pub(super) location: ProvinceId,
    pub(super) product: ProductRef,
    pub(super) sp: SpId,
    pub(super) scope: Scope,
    pub(super) quantity: u32,
    pub(super) amount: Money,
    pub(super) account: AccountSelector,
    pub(super) channel: Channel,
    pub(super) epoch: u64,
    /// The bound on the payment while it is asked for.
    pub(super) pay_by: LogTime,
    /// The bound on the SP's answer, once it was asked.
    pub(super) deliver_by: LogTime,
    pub(super) timeline: Vec<TimelineEntry>,
    /// Its pieces were taken from the vault.
    pub(super) from_vault: bool,
    /// What it pays, when that is a bill.
    pub(super) bill: Option<Bill>,
    /// The draw it is a bet on.
    pub(super) draw: Option<Draw>,
    /// To whom it is sent.
    pub(super) to: Option<Recipient>,
    /// By whom it was sent, under which number.
    pub(super) sent: Option<(String, TrackingNumber)>,
    /// Tickets came with its delivery.
    pub(super) has_tickets: bool,
    /// The request of the gate that checked each ticket.
    pub(super) gates: BTreeMap<u32, u128>,
}

impl Sale {
    pub(super) fn has(&self, event: impl Fn(&OrderEvent) -> bool) -> bool {
        self.timeline.iter().any(|entry| event(&entry.event))
    }

    pub(super) fn happened(&self, event: OrderEvent) -> bool {
        self.has(|happened| *happened == event)
    }

    pub(super) fn status(&self) -> OrderStatus {
        if self.happened(OrderEvent::Reversed) {
            OrderStatus::Reversed
        } else if self.has(|event| matches!(event, OrderEvent::ReversalAsked(..))) {
            OrderStatus::Reversing
        } else if self.has(|event| matches!(event, OrderEvent::Declined(_))) {
            OrderStatus::Declined
        } else if self.refunded() == self.amount {
            OrderStatus::Refunded
        } else if self.refunded().is_positive() {
            OrderStatus::PartlyRefunded
        } else if self.happened(OrderEvent::Delivered) {
            OrderStatus::Delivered
        } else if self.happened(OrderEvent::DeliveryAsked) {
            OrderStatus::Delivering
        } else {
            OrderStatus::Paying
        }
    }

    /// What refunds gave back.
    pub(super) fn refunded(&self) -> Money {
        let given = self.timeline.iter().filter_map(|entry| match entry.event {
            OrderEvent::Refunded(_, amount) => Some(amount),
            _ => None,
        });
        given.sum()
    }

    /// Refunds that were asked for and have no answer yet.
    pub(super) fn refunds_under_way(&self) -> impl Iterator<Item = (RefundId, Money)> {
        self.timeline.iter().filter_map(|entry| match entry.event {
            OrderEvent::RefundAsked(refund, amount) if !self.refund_is_answered(refund) => Some((refund, amount)),
            _ => None,
        })
    }

    fn refund_is_answered(&self, refund: RefundId) -> bool {
        self.has(|event| match event {
            OrderEvent::Refunded(answered, _) | OrderEvent::RefundDeclined(answered, _) => *answered == refund,
            _ => false,
        })
    }

    pub(super) fn paid_at(&self) -> Option<LogTime> {
        self.timeline.iter().find(|entry| entry.event == OrderEvent::Paid).map(|entry| entry.at)
    }

    /// Do our books hold the sale?
    pub(super) fn is_booked(&self) -> bool {
        self.happened(OrderEvent::Paid) && !self.happened(OrderEvent::Reversed)
    }

    /// When what it waits for ends by itself.
    pub(super) fn deadline(&self) -> Option<LogTime> {
        match self.status() {
            OrderStatus::Paying => Some(self.pay_by),
            OrderStatus::Delivering => Some(self.deliver_by),
            _ => None,
        }
    }

    /// The row that the real one must have, but for the number of the effect it waits for.
    pub(super) fn row(&self, id: OrderId) -> Order {
        Order {
            id,
            payment: self.payment,
            msisdn: self.msisdn,
            home: self.home,
            location: self.location,
            product: self.product,
            sp: self.sp,
            scope: self.scope,
            quantity: self.quantity,
            amount: self.amount,
            account: self.account,
            channel: self.channel,
            epoch: self.epoch,
            status: self.status(),
            refunded: self.refunded(),
            refund_pending: self.refunds_under_way().map(|(_, amount)| amount).sum(),
            booked: self.is_booked(),
            deliver_by: self.deliver_by,
            waits_for: mpss_domain::EffectId(0),
            waits_until: self.deadline().unwrap_or_default(),
            timeline: self.timeline.clone(),
        }
    }
}

impl Reference {
    pub(super) fn event(&mut self, id: OrderId, event: OrderEvent) {
        let entry = TimelineEntry { at: self.now, index: self.index, event };
        let order = self.orders.get_mut(&id).expect("events happen to orders that exist");
        let before = order.status();
        order.timeline.push(entry);
        if matches!(order.status(), OrderStatus::Paying | OrderStatus::Delivering | OrderStatus::Reversing) {
            self.waiting.insert(id);
        } else {
            self.waiting.remove(&id);
        }
        if order.is_on_its_way() {
            self.on_the_way.insert(id);
        } else {
            self.on_the_way.remove(&id);
        }
        self.record(None, JournalBody::OrderMoved { order: id, event });
        self.cards_follow(id, event);
        if event == OrderEvent::Delivered && self.version.has_outside_rails() && self.is_ticketing(id) {
            self.orders.get_mut(&id).expect("just read").has_tickets = true;
        }
        self.tell_of(id, event, before);
    }

    fn is_ticketing(&self, id: OrderId) -> bool {
        let ProductRef { id: product, version } = self.orders[&id].product;
        self.goods[&product].versions[version as usize - 1].application == Application::Ticketing
    }

    /// Paid: the SP is told to deliver, and has until the deadline. Cards of the vault are delivered with
    /// that.
    pub(super) fn paid(&mut self, id: OrderId) {
        if self.orders[&id].from_vault {
            for event in [OrderEvent::Paid, OrderEvent::DeliveryAsked, OrderEvent::Delivered] {
                self.event(id, event);
            }
            return;
        }
        let (now, order) = (self.now, self.orders.get_mut(&id).expect("what is paid is an order"));
        let terms = &self.goods[&order.product.id].versions[order.product.version as usize - 1];
        order.deliver_by = order.told_until(now, terms.delivery_deadline_ms);
        // Paid after the close: the SP is not told before the bet is taken back.
        let too_late = order.draw.is_some_and(|draw| draw.closes_at <= now);
        let sp = order.sp;
        self.event(id, OrderEvent::Paid);
        self.event(id, OrderEvent::DeliveryAsked);
        let not_before = if too_late { LogTime(now.0.saturating_add(86_400_000)) } else { now };
        self.effect_not_before(not_before, Effect::DeliveryNotice { sp, order: id });
        if !too_late {
            self.tell(id, OrderEvent::DeliveryAsked, OrderStatus::Paid);
        }
    }

    pub(super) fn sale(&self, id: OrderId) -> Result<&Sale, Refusal> {
        self.orders.get(&id).ok_or(Refusal::OrderNotFound)
    }

    /// What home answered. One that tells of a race is no decision of home's, so it ends in a reversal,
    /// after which the payment can not debit any more. After the reversal has begun an answer only
    /// leaves a line.
    pub(super) fn record_payment(&mut self, id: OrderId, result: Result<(), Refusal>) -> Result<Outcome, Refusal> {
        let order = self.sale(id)?;
        let (home, sp, amount) = (order.home, order.sp, order.amount);
        match (order.status(), result) {
            (OrderStatus::Paying, Ok(())) => {
                self.answered(|effect| asks_about(effect, id));
                let (owes, owed) = (LedgerAccount::DueFrom(home), LedgerAccount::SpPayable(sp));
                self.post(PostingReason::Clearing(id), owes, owed, amount);
                self.paid(id);
            }
            (OrderStatus::Paying, Err(refusal)) if tells_of_a_race(refusal) => {
                self.reverse(id, ReversalReason::PaymentUnknown);
            }
            (OrderStatus::Paying, Err(refusal)) => {
                self.answered(|effect| asks_about(effect, id));
                self.event(id, OrderEvent::Declined(refusal));
            }
            (OrderStatus::Reversing | OrderStatus::Reversed, Ok(()))
                if !order.happened(OrderEvent::Paid) && !order.happened(OrderEvent::LatePayment) =>
            {
                self.event(id, OrderEvent::LatePayment);
            }
            _ => {}
        }
        let declined = self.orders[&id].timeline.iter().find_map(|entry| match entry.event {
            OrderEvent::Declined(refusal) => Some(refusal),
            _ => None,
        });
        Ok(declined.map_or(Outcome::Order(id), |refusal| Outcome::OrderDeclined(id, refusal)))
    }

    /// What SPs answered. Accepted is delivered, refused is reversed; after the reversal has begun an
    /// acceptance only leaves a line.
    pub(super) fn record_deliveries(&mut self, answers: &[(OrderId, bool)]) -> Outcome {
        for &(id, accepted) in answers {
            if !self.has_room() {
                break;
            }
            let Some(order) = self.orders.get(&id) else { continue };
            match (order.status(), accepted) {
                (OrderStatus::Delivering, true) => {
                    self.answered(|effect| asks_about(effect, id));
                    self.event(id, OrderEvent::Delivered);
                }
                (OrderStatus::Delivering, false) => self.reverse(id, ReversalReason::SpRefused),
                (OrderStatus::Reversing | OrderStatus::Reversed, true) if order.may_be_accepted_late() => {
                    self.event(id, OrderEvent::LateAcceptance);
                }
                _ => {}
            }
        }
        Outcome::Done
    }
}

impl Sale {
    /// Reversed, or about to be, and its SP was never heard to accept.
    pub(super) fn may_be_accepted_late(&self) -> bool {
        matches!(self.status(), OrderStatus::Reversing | OrderStatus::Reversed)
            && !self.happened(OrderEvent::Delivered)
            && !self.happened(OrderEvent::LateAcceptance)
    }
}
