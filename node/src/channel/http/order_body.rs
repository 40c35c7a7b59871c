//! An order as callers see it, at any log entry of its life.

use std::fmt;

use mpss_domain::bills::Bill;
use mpss_domain::catalogue::Terms;
use mpss_domain::draws::{Draw, DrawId};
use mpss_domain::order::{OrderAsOf, OrderEvent, TimelineEntry};
use mpss_domain::rail::Call;
use mpss_domain::shipping::Shipment;
use mpss_domain::{
    AccountId, AccountKind, AccountSelector, CallId, LogTime, Msisdn, Order, OrderId, PaymentId, ProductId, ProvinceId,
    Refusal, SpId, State,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::shipping::ShipmentPart;
use crate::intake::amount::Yuan;
use crate::intake::field::Shown;
use crate::intake::refusal_text;

/// An order, taken out of the state to be shown.
#[derive(Debug, Clone)]
pub(crate) struct OrderFound {
    order: Order,
    terms: Option<Terms>,
    account_kind: Option<AccountKind>,
    serving: ProvinceId,
    calls: Vec<Call>,
    bill: Option<Bill>,
    draw: Option<Draw>,
    shipment: Option<Shipment>,
}

impl OrderFound {
    /// Copies what is needed, so that nothing is written while the state is held.
    pub(crate) fn find(state: &State, id: OrderId) -> Option<Self> {
        let order = state.order(id)?;
        let account_kind = match order.account {
            AccountSelector::Kind(kind) => Some(kind),
            // Of another province's account the id is all that is known here.
            AccountSelector::Id(id) => state.account(id).map(|account| account.kind),
        };
        let terms = state.terms_of(order).cloned();
        let calls = state.calls_of(order.payment).cloned().collect();
        Some(Self {
            order: order.clone(),
            terms,
            account_kind,
            serving: state.province(),
            calls,
            bill: state.bill_of(id),
            draw: state.draw_of(id),
            shipment: state.shipment_of(id).cloned(),
        })
    }

    /// True when nothing more happens by itself.
    pub(crate) fn is_final(&self) -> bool {
        self.order.status.is_final()
    }

    /// The order as it was after the change at `index`; the same for ever after.
    pub(crate) fn as_of(&self, index: u64) -> OrderBody<'_> {
        self.body(self.order.as_of(index), index, None)
    }

    /// The order as it is now, seen at log entry `index`.
    pub(crate) fn now(&self, index: u64) -> OrderBody<'_> {
        let order = &self.order;
        let clock = (order.waits_until > LogTime(0) && !self.is_final()).then_some(Shown(order.waits_until));
        OrderBody {
            calls: self.calls.iter().map(CallPart::of).collect(),
            shipment: self.shipment.as_ref().map(ShipmentPart::of),
            ..self.body(order.as_of(u64::MAX), index, clock)
        }
    }

    /// The amount of one refund, and where it stood after log entry `index`.
    pub(crate) fn refund(&self, refund: mpss_domain::RefundId, index: u64) -> Option<RefundPart> {
        let mut part: Option<RefundPart> = None;
        for entry in self.order.as_of(index).timeline {
            match entry.event {
                OrderEvent::RefundAsked(id, amount) if id == refund => {
                    part = Some(RefundPart { refund_id: Shown(id), amount: Yuan(amount), status: "pending" });
                }
                OrderEvent::Refunded(id, _) if id == refund => part = part.map(|part| part.with("refunded")),
                OrderEvent::RefundDeclined(id, _) if id == refund => part = part.map(|part| part.with("declined")),
                _ => {}
            }
        }
        part
    }

    fn body<'a>(&'a self, then: OrderAsOf<'a>, log_index: u64, resolves_by: Option<Shown<LogTime>>) -> OrderBody<'a> {
        let order = &self.order;
        let terms = self.terms.as_ref();
        let deadline = terms.map_or(0, |terms| u64::from(terms.delivery_deadline_ms));
        let asked = then.timeline.iter().find(|entry| entry.event == OrderEvent::DeliveryAsked);
        let asked = asked.filter(|_| !is_from_stock(then.timeline));
        let account_id = match order.account {
            AccountSelector::Id(id) => Some(Shown(id)),
            AccountSelector::Kind(_) => None,
        };
        OrderBody {
            order_id: Shown(order.id),
            status: then.status.name(),
            msisdn: Shown(order.msisdn),
            serving_province: Shown(self.serving),
            home_province: Shown(order.home),
            location: Shown(order.location),
            scope: order.scope.name(),
            product: OrderProduct {
                product_id: Shown(order.product.id),
                version: order.product.version,
                sp_id: Shown(order.sp),
                title: terms.map_or("", |terms| terms.title.as_str()),
                application: terms.map_or("", |terms| terms.application.name()),
                price: Yuan(terms.map_or(mpss_domain::Money::ZERO, |terms| terms.price)),
            },
            quantity: order.quantity,
            amount: Yuan(order.amount),
            bill_number: self.bill.map(|bill| bill.number.to_string()),
            draw_id: self.draw.map(|draw| Shown(draw.id)),
            refunded: Yuan(then.refunded),
            refund_pending: Yuan(then.refund_pending),
            payment_id: Shown(order.payment),
            account_kind: self.account_kind.map(AccountKind::name),
            account_id,
            channel: order.channel.name(),
            deliver_by: asked.map(|entry| {
                let closes_at = self.draw.map(|draw| draw.closes_at.max(entry.at));
                let usual = entry.at.plus_ms(deadline);
                Shown(closes_at.map_or(usual, |at| usual.min(at)))
            }),
            resolves_by,
            calls: Vec::new(),
            shipment: None,
            timeline: Timeline(then.timeline),
            log_index,
        }
    }
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub(crate) struct OrderBody<'a> {
    /// Its id; names the serving province.
    #[schema(value_type = String, example = "O20260101120000000-44-00001")]
    order_id: Shown<OrderId>,
    /// `created`, `paying`, `paid`, `delivering`, `delivered`, `declined`, `reversing`, `reversed`,
    /// `partly_refunded` or `refunded`.
    #[schema(example = "delivering")]
    status: &'a str,
    /// Who buys.
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Shown<Msisdn>,
    /// Where the order was taken.
    #[schema(value_type = String, example = "44")]
    serving_province: Shown<ProvinceId>,
    /// Where it is debited.
    #[schema(value_type = String, example = "51")]
    home_province: Shown<ProvinceId>,
    /// Where the subscriber was.
    #[schema(value_type = String, example = "44")]
    location: Shown<ProvinceId>,
    /// `local`, `roaming` or `national`.
    #[schema(example = "roaming")]
    scope: &'a str,
    /// What was bought, as it was when it was bought.
    product: OrderProduct<'a>,
    /// How many.
    #[schema(example = 1)]
    quantity: u32,
    /// Price times quantity, or what the bill comes to, in yuan.
    #[schema(value_type = String, example = "12.30")]
    amount: Yuan,
    /// The bill it pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "E-2026-10-008650")]
    bill_number: Option<String>,
    /// The draw that the bet is for, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "26130")]
    draw_id: Option<Shown<DrawId>>,
    /// What refunds have given back, in yuan.
    #[schema(value_type = String, example = "0.00")]
    refunded: Yuan,
    /// What refunds under way will give back, in yuan.
    #[schema(value_type = String, example = "0.00")]
    refund_pending: Yuan,
    /// The payment that goes with it.
    #[schema(value_type = String, example = "P20260101120000000-44-00001")]
    payment_id: Shown<PaymentId>,
    /// Kind of the account asked for; null when only another province knows it.
    #[schema(example = "virtual")]
    account_kind: Option<&'a str>,
    /// The account asked for, when it was named by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "A20260101120000000-51-00001")]
    account_id: Option<Shown<AccountId>>,
    /// `web`, `wap`, `sms`, `ivr` or `app`.
    #[schema(example = "app")]
    channel: &'a str,
    /// When the SP's answer is due; absent before it is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    deliver_by: Option<Shown<LogTime>>,
    /// By when an open order is moved on whatever happens; in answers to GET.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    resolves_by: Option<Shown<LogTime>>,
    /// What was asked of whoever has the buyer's money, and when it is asked about next; in answers to GET
    /// at the buyer's home, for accounts whose money is outside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    calls: Vec<CallPart>,
    /// The goods, when some are sent; in answers to GET.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ShipmentPart, required = false)]
    shipment: Option<ShipmentPart>,
    /// Everything that happened, oldest first.
    #[schema(value_type = Vec<TimelinePart>)]
    timeline: Timeline<'a>,
    /// Position in the serving province's log that this shows.
    log_index: u64,
}

/// One call to whoever has the money, or to the recharge platform: the clock by which what is not known of it is resolved.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Call)]
pub(crate) struct CallPart {
    /// Its id.
    #[schema(value_type = String, example = "C20260101120000000-44-00001")]
    call_id: Shown<CallId>,
    /// `communication`, `bank_real_time`, `bank_pre_freeze`, `recharge` or `upp`.
    #[schema(example = "bank_real_time")]
    rail: &'static str,
    /// `hold`, `take`, `capture`, `release`, `undo`, `void` or `refund`.
    #[schema(example = "take")]
    step: &'static str,
    /// `queued`, `ready`, `sent`, `unknown`, `asking`, `approved`, `declined`, `not_done`, `superseded` or
    /// `abandoned`.
    #[schema(example = "approved")]
    phase: &'static str,
    /// How much, in yuan; zero for a recharge card whose worth is not known yet.
    #[schema(value_type = String, example = "12.30")]
    amount: Yuan,
    /// It may have happened, as far as is known here.
    may_have_happened: bool,
    /// How often it was sent.
    sent: u16,
    /// How often it was asked about.
    asked: u8,
    /// How often it may still be asked about.
    asks_left: u8,
    /// When something happens next by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Shown<LogTime>>,
    /// After this reconciliation decides.
    #[schema(value_type = String, format = DateTime)]
    bound: Shown<LogTime>,
}

impl CallPart {
    pub(super) fn of(call: &Call) -> Self {
        Self {
            call_id: Shown(call.id),
            rail: call.rail.name(),
            step: call.step.name(),
            phase: call.phase.name(),
            amount: Yuan(call.amount),
            may_have_happened: call.phase.may_have_happened(),
            sent: call.sent,
            asked: call.asked,
            asks_left: call.asks_left(),
            next_at: (call.next_at > LogTime(0)).then_some(Shown(call.next_at)),
            bound: Shown(call.bound),
        }
    }
}

/// What was bought.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderedProduct)]
pub(crate) struct OrderProduct<'a> {
    /// The product.
    #[schema(value_type = String, example = "G20260101120000000-44-00001")]
    product_id: Shown<ProductId>,
    /// The version of its terms, counting from 1.
    version: u32,
    /// Whose it is.
    #[schema(value_type = String, example = "S20260101120000000-44-00001")]
    sp_id: Shown<SpId>,
    /// What it was called.
    title: &'a str,
    /// What kind of thing it is.
    #[schema(example = "lottery")]
    application: &'a str,
    /// Price of one, in yuan.
    #[schema(value_type = String, example = "12.30")]
    price: Yuan,
}

/// One thing that happened to an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineEntry)]
pub(crate) struct TimelinePart {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Shown<LogTime>,
    /// What.
    #[schema(example = "paid")]
    event: &'static str,
    /// In words.
    #[schema(value_type = String, example = "debited by the home province")]
    detail: Shown<Detail>,
    /// The log entry that made it happen.
    log_index: u64,
}

#[derive(Debug)]
struct Timeline<'a>(&'a [TimelineEntry]);

impl Serialize for Timeline<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let from_stock = is_from_stock(self.0);
        serializer.collect_seq(self.0.iter().map(|entry| TimelinePart {
            at: Shown(entry.at),
            event: entry.event.name(),
            detail: Shown(Detail { event: entry.event, from_stock }),
            log_index: entry.index,
        }))
    }
}

/// Was the order delivered from our own stock? Then nobody was asked: it is delivered in the step that
/// asks, and no SP answers that fast.
fn is_from_stock(timeline: &[TimelineEntry]) -> bool {
    let index = |event| timeline.iter().find(|entry| entry.event == event).map(|entry| entry.index);
    index(OrderEvent::Delivered).is_some_and(|delivered| index(OrderEvent::DeliveryAsked) == Some(delivered))
}

/// An event in words.
#[derive(Debug)]
struct Detail {
    event: OrderEvent,
    from_stock: bool,
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused = |f: &mut fmt::Formatter<'_>, refusal: Refusal| {
            write!(f, "{}: {}", refusal.code(), refusal_text::english(refusal.number()))
        };
        match self.event {
            OrderEvent::Created => f.write_str("order taken"),
            OrderEvent::ConfirmationAsked => f.write_str("the subscriber is asked by text"),
            OrderEvent::Reserved => f.write_str("the money is set aside"),
            OrderEvent::Charged(pieces) => write!(f, "the SP charges {pieces} of what was set aside"),
            OrderEvent::PaymentAsked => f.write_str("the home province is asked to pay"),
            OrderEvent::Paid => f.write_str("debited by the home province"),
            OrderEvent::Declined(refusal) => refused(f, refusal),
            OrderEvent::DeliveryAsked if self.from_stock => f.write_str("to be delivered from stock"),
            OrderEvent::DeliveryAsked => f.write_str("the SP is told to deliver"),
            OrderEvent::Delivered if self.from_stock => f.write_str("delivered from stock"),
            OrderEvent::Delivered => f.write_str("the SP has accepted"),
            OrderEvent::ReversalAsked(id, reason) => write!(f, "{} ({id})", reason.name()),
            OrderEvent::Reversed => f.write_str("the money is back, or was never taken"),
            OrderEvent::RefundAsked(id, amount) => write!(f, "{amount} yuan ({id})"),
            OrderEvent::Refunded(id, amount) => write!(f, "{amount} yuan are back ({id})"),
            OrderEvent::RefundDeclined(id, refusal) => {
                refused(f, refusal)?;
                write!(f, " ({id})")
            }
            OrderEvent::LateAcceptance => f.write_str("the SP accepted too late; nothing changes"),
            OrderEvent::TicketChecked(place) => write!(f, "ticket {place} was checked"),
            OrderEvent::CardsShown => f.write_str("the buyer has seen the cards"),
            OrderEvent::Shipped => f.write_str("the goods are on their way"),
            OrderEvent::Received => f.write_str("the goods are there"),
            OrderEvent::LatePayment => f.write_str("the payment was confirmed too late; nothing is revived"),
        }
    }
}

/// A refund of an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RefundPart)]
pub(crate) struct RefundPart {
    /// Its id.
    #[schema(value_type = String, example = "R20260101120000000-44-00001")]
    refund_id: Shown<mpss_domain::RefundId>,
    /// How much, in yuan.
    #[schema(value_type = String, example = "2.00")]
    amount: Yuan,
    /// `pending`, `refunded` or `declined`.
    #[schema(example = "refunded")]
    status: &'static str,
}

impl RefundPart {
    fn with(self, status: &'static str) -> Self {
        Self { status, ..self }
    }
}
