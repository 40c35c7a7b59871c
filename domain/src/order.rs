//! Orders: what was bought, kept where it was taken (product §4).

use serde::{Deserialize, Serialize};

use crate::account::AccountSelector;
use crate::catalogue::ProductRef;
use crate::effect::EffectId;
use crate::ids::{Msisdn, OrderId, PaymentId, ProvinceId, RefundId, ReversalId, SpId};
use crate::money::Money;
use crate::refusal::Refusal;
use crate::time::LogTime;
use crate::visibility::Scope;

/// The door an order came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// Desktop web.
    Web,
    /// WAP or small-screen web.
    Wap,
    /// SMS.
    Sms,
    /// Voice.
    Ivr,
    /// Client application.
    App,
    /// A vending machine, a gate, a point of sale.
    Pos,
    /// An SP that is connected through the ISAG.
    Isag,
}

impl Channel {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Wap => "wap",
            Self::Sms => "sms",
            Self::Ivr => "ivr",
            Self::App => "app",
            Self::Pos => "pos",
            Self::Isag => "isag",
        }
    }
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OrderStatus {
    /// Recorded.
    Created,
    /// The home province is asked for the payment.
    Paying,
    /// Debited; the SP is not told yet.
    Paid,
    /// The SP is being told.
    Delivering,
    /// The SP has accepted. Final, though it may still be refunded.
    Delivered,
    /// Not paid. Final.
    Declined,
    /// A reversal is on its way.
    Reversing,
    /// Money is back, as if it had never been. Final.
    Reversed,
    /// Refunded in part. Final, though more may be refunded.
    PartlyRefunded,
    /// Refunded whole. Final.
    Refunded,
    /// The subscriber is asked.
    AwaitingConfirmation,
    /// The subscriber gave no word in time. Final.
    Expired,
    /// The money is set aside until the SP says what of it is to be taken.
    Reserved,
}

impl OrderStatus {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Paying => "paying",
            Self::Paid => "paid",
            Self::Delivering => "delivering",
            Self::Delivered => "delivered",
            Self::Declined => "declined",
            Self::Reversing => "reversing",
            Self::Reversed => "reversed",
            Self::PartlyRefunded => "partly_refunded",
            Self::Refunded => "refunded",
            Self::AwaitingConfirmation => "awaiting_confirmation",
            Self::Expired => "expired",
            Self::Reserved => "reserved",
        }
    }

    /// The life cycle (product §4): the status after `event`, or `None` when it can not happen.
    /// `left` is what the order is still worth after the event: amount less refunds.
    #[must_use]
    pub fn next(self, event: &OrderEvent, left: Money) -> Option<Self> {
        use OrderEvent as E;
        Some(match (self, event) {
            (Self::Created, E::Created) => Self::Created,
            (Self::Created, E::ConfirmationAsked) => Self::AwaitingConfirmation,
            (Self::Created | Self::AwaitingConfirmation, E::PaymentAsked) => Self::Paying,
            (Self::AwaitingConfirmation | Self::Paying, E::Reserved) | (Self::Reserved, E::Charged(_)) => {
                Self::Reserved
            }
            (Self::Created | Self::AwaitingConfirmation | Self::Paying | Self::Reserved, E::Paid) => Self::Paid,
            (Self::AwaitingConfirmation, E::Declined(Refusal::ConfirmationExpired)) => Self::Expired,
            (Self::AwaitingConfirmation | Self::Paying, E::Declined(_)) => Self::Declined,
            (Self::Paid, E::DeliveryAsked) => Self::Delivering,
            (Self::Delivering, E::Delivered) => Self::Delivered,
            (
                Self::AwaitingConfirmation | Self::Paying | Self::Reserved | Self::Delivering | Self::Delivered,
                E::ReversalAsked(..),
            ) => Self::Reversing,
            (Self::Reversing, E::Reversed) => Self::Reversed,
            (
                Self::Delivered | Self::PartlyRefunded,
                E::RefundAsked(..)
                | E::RefundDeclined(..)
                | E::CardsShown
                | E::TicketChecked(_)
                | E::Shipped
                | E::Received,
            ) => self,
            (Self::Delivered | Self::PartlyRefunded, E::Refunded(..)) if left.is_positive() => Self::PartlyRefunded,
            (Self::Delivered | Self::PartlyRefunded, E::Refunded(..)) => Self::Refunded,
            (Self::Reversing | Self::Reversed, E::LateAcceptance | E::LatePayment) => self,
            _ => return None,
        })
    }

    /// True when nothing more happens by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Delivered | Self::Declined | Self::Expired | Self::Reversed | Self::PartlyRefunded | Self::Refunded
        )
    }
}

/// Why a reversal was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReversalReason {
    /// The SP refused to deliver.
    SpRefused,
    /// The SP did not answer by the deadline.
    DeliveryTimedOut,
    /// The home province did not answer by the bound.
    PaymentUnknown,
    /// The SP asked for it.
    SpAsked,
    /// Customer service, the subscriber or an operator asked for it.
    Requested,
    /// Nobody charged what was reserved.
    ReservationLapsed,
}

impl ReversalReason {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SpRefused => "sp_refused",
            Self::DeliveryTimedOut => "delivery_timed_out",
            Self::PaymentUnknown => "payment_unknown",
            Self::SpAsked => "sp_asked",
            Self::Requested => "requested",
            Self::ReservationLapsed => "reservation_lapsed",
        }
    }
}

/// What happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderEvent {
    /// Taken by the serving province.
    Created,
    /// The home province is asked.
    PaymentAsked,
    /// Debited at home.
    Paid,
    /// Not debited.
    Declined(Refusal),
    /// The SP is to be told.
    DeliveryAsked,
    /// The SP accepted.
    Delivered,
    /// A reversal was asked for.
    ReversalAsked(ReversalId, ReversalReason),
    /// Money is back, or was never taken.
    Reversed,
    /// A refund was asked for; this much is no longer refundable.
    RefundAsked(RefundId, Money),
    /// A refund arrived.
    Refunded(RefundId, Money),
    /// The home province refused a refund.
    RefundDeclined(RefundId, Refusal),
    /// The SP told us it accepted, after the reversal had begun. Changes nothing.
    LateAcceptance,
    /// The home province told us it had debited, after the reversal had begun. Revives nothing.
    LatePayment,
    /// The cards of the order were shown to the buyer for the first time.
    CardsShown,
    /// A gate has checked the ticket at this place.
    TicketChecked(u32),
    /// The goods are on their way.
    Shipped,
    /// The goods are there.
    Received,
    /// The subscriber is asked.
    ConfirmationAsked,
    /// The money is set aside.
    Reserved,
    /// So many pieces of what was reserved are charged.
    Charged(u32),
}

impl OrderEvent {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::PaymentAsked => "payment_asked",
            Self::Paid => "paid",
            Self::Declined(_) => "declined",
            Self::DeliveryAsked => "delivery_asked",
            Self::Delivered => "delivered",
            Self::ReversalAsked(..) => "reversal_asked",
            Self::Reversed => "reversed",
            Self::RefundAsked(..) => "refund_asked",
            Self::Refunded(..) => "refunded",
            Self::RefundDeclined(..) => "refund_declined",
            Self::LateAcceptance => "late_acceptance",
            Self::LatePayment => "late_payment",
            Self::CardsShown => "cards_shown",
            Self::TicketChecked(_) => "ticket_checked",
            Self::Shipped => "shipped",
            Self::Received => "received",
            Self::ConfirmationAsked => "confirmation_asked",
            Self::Reserved => "reserved",
            Self::Charged(_) => "charged",
        }
    }
}

/// One entry of an order's timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When, in log time.
    pub at: LogTime,
    /// The log entry that made it happen.
    pub index: u64,
    /// What.
    pub event: OrderEvent,
}

/// An order. Everything that can be computed from the timeline is: status, refunded amounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id; names the serving province.
    pub id: OrderId,
    /// The payment that goes with it; same serving province.
    pub payment: PaymentId,
    /// Who buys.
    pub msisdn: Msisdn,
    /// Where the payment is made.
    pub home: ProvinceId,
    /// Where the subscriber was, as the channel told.
    pub location: ProvinceId,
    /// What was bought, in the version that was bought.
    pub product: ProductRef,
    /// Whose it is.
    pub sp: SpId,
    /// For whom it was sold.
    pub scope: Scope,
    /// How many.
    pub quantity: u32,
    /// Price × quantity.
    pub amount: Money,
    /// The account asked for.
    pub account: AccountSelector,
    /// The door.
    pub channel: Channel,
    /// The number plan epoch it was routed by.
    pub epoch: u64,
    /// The status now.
    pub status: OrderStatus,
    /// What was given back by refunds so far.
    pub refunded: Money,
    /// What refunds under way will give back.
    pub refund_pending: Money,
    /// True once the serving side's books hold the sale (debit at home or `due_from`).
    pub booked: bool,
    /// When the SP's answer is due; zero when it is not asked.
    pub deliver_by: LogTime,
    /// The effect whose answer the order waits for (delivery notice, payment, reversal); 0 when none.
    pub waits_for: EffectId,
    /// When that wait ends by itself; zero when it does not.
    pub waits_until: LogTime,
    /// Everything that happened, oldest first.
    pub timeline: Vec<TimelineEntry>,
}

/// An order as it was at a log entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderAsOf<'a> {
    /// Its status then.
    pub status: OrderStatus,
    /// What refunds had given back by then.
    pub refunded: Money,
    /// What refunds under way were going to give back.
    pub refund_pending: Money,
    /// What had happened by then, oldest first.
    pub timeline: &'a [TimelineEntry],
}

impl Order {
    /// The order as it was after log entry `index`, so that a repeated request can be given its
    /// first answer. An index before the order's first event gives the order as it was taken.
    #[must_use]
    pub fn as_of(&self, index: u64) -> OrderAsOf<'_> {
        let timeline = &self.timeline[..self.timeline.partition_point(|entry| entry.index <= index)];
        let mut then =
            OrderAsOf { status: OrderStatus::Created, refunded: Money::ZERO, refund_pending: Money::ZERO, timeline };
        for entry in timeline {
            then.follow(self.amount, timeline, &entry.event);
        }
        then
    }

    /// Lets an event happen to the order.
    ///
    /// # Panics
    /// When the life cycle does not know it: the verb has not checked what it must.
    pub(crate) fn happen(&mut self, at: LogTime, index: u64, event: OrderEvent) {
        let mut now = OrderAsOf {
            status: self.status,
            refunded: self.refunded,
            refund_pending: self.refund_pending,
            timeline: &[],
        };
        now.follow(self.amount, &self.timeline, &event);
        (self.status, self.refunded, self.refund_pending) = (now.status, now.refunded, now.refund_pending);
        self.timeline.push(TimelineEntry { at, index, event });
    }

    /// When it was paid.
    #[must_use]
    pub fn paid_at(&self) -> Option<LogTime> {
        self.timeline.iter().find(|entry| entry.event == OrderEvent::Paid).map(|entry| entry.at)
    }

    /// When its cards were first shown to the buyer.
    #[must_use]
    pub fn shown_at(&self) -> Option<LogTime> {
        self.timeline.iter().find(|entry| entry.event == OrderEvent::CardsShown).map(|entry| entry.at)
    }

    /// The reversal that was asked for, with its reason.
    #[must_use]
    pub fn reversal(&self) -> Option<(ReversalId, ReversalReason)> {
        self.timeline.iter().find_map(|entry| match entry.event {
            OrderEvent::ReversalAsked(id, reason) => Some((id, reason)),
            _ => None,
        })
    }

    /// What can still be refunded.
    #[must_use]
    pub fn refundable(&self) -> Money {
        self.amount - self.refunded - self.refund_pending
    }
}

impl OrderAsOf<'_> {
    fn follow(&mut self, amount: Money, timeline: &[TimelineEntry], event: &OrderEvent) {
        match *event {
            OrderEvent::RefundAsked(_, asked) => self.refund_pending += asked,
            OrderEvent::Refunded(_, given) => {
                self.refund_pending -= given;
                self.refunded += given;
            }
            OrderEvent::RefundDeclined(declined, _) => {
                let asked = timeline.iter().find_map(|entry| match entry.event {
                    OrderEvent::RefundAsked(refund, asked) if refund == declined => Some(asked),
                    _ => None,
                });
                self.refund_pending -= asked.expect("only a refund that was asked for is declined");
            }
            _ => {}
        }
        let next = self.status.next(event, amount - self.refunded);
        self.status = next.unwrap_or_else(|| panic!("broken life cycle: {event:?} when {:?}", self.status));
        assert!(
            !self.refund_pending.is_negative() && self.refunded + self.refund_pending <= amount,
            "broken invariant: more is refunded than was paid"
        );
    }
}
