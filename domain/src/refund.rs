//! 退款, refund: a new transaction that gives back part or all of what was captured, the way it came
//! (product §4, §5 6.5). Never more in total than was paid.

use crate::effect::{Effect, SmsText};
use crate::ids::{OrderId, PaymentId, RefundId};
use crate::journal::PostingReason;
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::movement::{Movement, OpenOrders, Step};
use crate::order::{OrderEvent, OrderStatus};
use crate::outcome::Outcome;
use crate::payment::PaymentStatus;
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// Refunds part or all of a delivered order. With home here it is done at once; else the amount
    /// is set aside, so that no other refund can have it, and home is asked.
    ///
    /// # Errors
    /// In this order: [`Refusal::AmountOutOfRange`], [`Refusal::OrderNotFound`],
    /// [`Refusal::AlreadyReversed`], [`Refusal::WrongOrderStatus`] (before delivery),
    /// [`Refusal::CardShown`], [`Refusal::RequestTooOld`] (home no longer keeps the payment),
    /// [`Refusal::RefundExceedsPaid`], [`Refusal::WholePiecesOnly`] (for cards of the vault, which go back
    /// into stock, tickets, and bills), [`Refusal::TicketUsed`] (fewer are unused), [`Refusal::OrderAwarded`].
    pub(crate) fn refund_order(&mut self, id: OrderId, amount: Money) -> Result<Outcome, Refusal> {
        amount.check_request()?;
        let order = self.order(id).ok_or(Refusal::OrderNotFound)?;
        match order.status {
            OrderStatus::Reversing | OrderStatus::Reversed => return Err(Refusal::AlreadyReversed),
            OrderStatus::Created
            | OrderStatus::AwaitingConfirmation
            | OrderStatus::Expired
            | OrderStatus::Reserved
            | OrderStatus::Paying
            | OrderStatus::Paid
            | OrderStatus::Delivering
            | OrderStatus::Declined => return Err(Refusal::WrongOrderStatus),
            OrderStatus::Delivered | OrderStatus::PartlyRefunded | OrderStatus::Refunded => {}
        }
        self.check_not_shown(order)?;
        let paid_at = order.paid_at().expect("what was delivered was paid");
        if self.now.ms_since(paid_at) > self.policy.retention_ms {
            return Err(Refusal::RequestTooOld);
        }
        if amount > order.refundable() {
            return Err(Refusal::RefundExceedsPaid);
        }
        let price = order.amount.as_fen() / i64::from(order.quantity);
        if self.is_from_vault(id) && amount.as_fen() % price != 0 {
            return Err(Refusal::WholePiecesOnly);
        }
        self.check_tickets_to_refund(order, amount)?;
        self.check_bill_to_refund(order, amount)?;
        self.check_not_awarded(id)?;

        // From here it must succeed.
        let refund: RefundId = self.ids.issue(self.now, self.province);
        self.change_order(id, |state, order| {
            state.order_event(order, OrderEvent::RefundAsked(refund, amount));
            if order.home == state.province {
                state.give_back(order.payment, refund, amount, LedgerAccount::SpPayable(order.sp));
                state.order_event(order, OrderEvent::Refunded(refund, amount));
            } else {
                let forward = Effect::RefundPayment { order: order.id, refund, amount, home: order.home };
                let effect = state.add_effect(forward);
                state.refund_effects.insert(refund, effect);
            }
        });
        Ok(Outcome::Refund(id, refund))
    }

    /// Records what home answered to a refund. Harmless when repeated.
    ///
    /// # Errors
    /// [`Refusal::OrderNotFound`], [`Refusal::WrongOrderStatus`] when it was never asked for.
    pub(crate) fn record_refund(
        &mut self,
        id: OrderId,
        refund: RefundId,
        result: Result<(), Refusal>,
    ) -> Result<Outcome, Refusal> {
        let order = self.order(id).ok_or(Refusal::OrderNotFound)?;
        let asked = order.timeline.iter().find_map(|entry| match entry.event {
            OrderEvent::RefundAsked(known, amount) if known == refund => Some(amount),
            _ => None,
        });
        let amount = asked.ok_or(Refusal::WrongOrderStatus)?;
        // The effect is there exactly as long as the answer is waited for.
        if let Some(effect) = self.refund_effects.remove(&refund) {
            self.end_effect(effect);
            self.change_order(id, |state, order| match result {
                Ok(()) => {
                    let (sp, home) = (LedgerAccount::SpPayable(order.sp), LedgerAccount::DueFrom(order.home));
                    state.post(PostingReason::Refund(id, refund), sp, home, amount);
                    state.order_event(order, OrderEvent::Refunded(refund, amount));
                }
                Err(refusal) => state.order_event(order, OrderEvent::RefundDeclined(refund, refusal)),
            });
        }
        Ok(Outcome::Refund(id, refund))
    }

    /// Gives part or all of a payment back as a refund, and tells the subscriber. It lands whatever
    /// the account's status, and gives nothing of the day's limit back: it is a new transaction.
    pub(crate) fn give_back(&mut self, id: PaymentId, refund: RefundId, amount: Money, against: LedgerAccount) {
        let payment = self.payments.get_mut(&id).expect("the verb has found the payment");
        payment.refunded += amount;
        assert!(payment.refunded <= payment.amount, "broken invariant: more is refunded than was paid");
        payment.refunds.push((refund, amount));
        payment.status =
            if payment.refunded == payment.amount { PaymentStatus::Refunded } else { PaymentStatus::PartlyRefunded };
        let order = payment.order.expect("what was captured has an order");
        let msisdn = payment.msisdn.expect("what was captured has a payer");
        let account = payment.account.expect("what was captured has an account");
        if self.rail_payment(id).is_some() {
            self.refund_outside(id, refund, amount);
            return;
        }
        let balance = self.move_money(
            account,
            Movement {
                step: Step::Credit,
                amount,
                reason: PostingReason::Refund(order, refund),
                against,
                counterparty: None,
                open_orders: OpenOrders::Same,
            },
        );
        self.tell(msisdn, SmsText::Refunded { order, amount, balance });
    }
}
