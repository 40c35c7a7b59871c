//! 冲正, reversal: an order is undone as if it had never been (product §4, §5 6.5; source §6.5).
//!
//! ```text
//!  begin ─▶ home here       money back, books undone: reversed in the same step
//!        └▶ home elsewhere  `reversing`; the effect is forwarded until home acknowledges ─▶ reversed
//! ```
//!
//! Once a reversal has begun nothing revives the order: a late payment or a late acceptance only
//! leaves a line in the timeline.

use crate::effect::{Effect, SmsText};
use crate::ids::{OrderId, PaymentId, ReversalId};
use crate::journal::PostingReason;
use crate::ledger::LedgerAccount;
use crate::movement::{Movement, OpenOrders, Step};
use crate::order::{Order, OrderEvent, OrderStatus, ReversalReason};
use crate::outcome::Outcome;
use crate::payment::PaymentStatus;
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// Reverses an order on request.
    ///
    /// # Errors
    /// In this order: [`Refusal::OrderNotFound`], [`Refusal::AlreadyReversed`],
    /// [`Refusal::WrongOrderStatus`], [`Refusal::PartlyRefunded`] (also while a refund is under
    /// way), for a delivered order [`Refusal::CardShown`], [`Refusal::TicketUsed`],
    /// [`Refusal::AlreadyShipped`] and [`Refusal::ReversalWindowClosed`], and for a bet that was awarded [`Refusal::OrderAwarded`].
    pub(crate) fn reverse_order(&mut self, id: OrderId, reason: ReversalReason) -> Result<Outcome, Refusal> {
        let order = self.order(id).ok_or(Refusal::OrderNotFound)?;
        match order.status {
            OrderStatus::Reversing | OrderStatus::Reversed => return Err(Refusal::AlreadyReversed),
            OrderStatus::Created | OrderStatus::Paid | OrderStatus::Declined | OrderStatus::Expired => {
                return Err(Refusal::WrongOrderStatus);
            }
            OrderStatus::PartlyRefunded | OrderStatus::Refunded => return Err(Refusal::PartlyRefunded),
            OrderStatus::Delivered if order.refund_pending.is_positive() => return Err(Refusal::PartlyRefunded),
            OrderStatus::Delivered => {
                self.check_not_shown(order)?;
                self.check_no_ticket_used(id)?;
                self.check_not_shipped(id)?;
                let paid_at = order.paid_at().expect("what was delivered was paid");
                if self.now.ms_since(paid_at) > self.policy.reversal_window_ms {
                    return Err(Refusal::ReversalWindowClosed);
                }
            }
            OrderStatus::AwaitingConfirmation
            | OrderStatus::Paying
            | OrderStatus::Reserved
            | OrderStatus::Delivering => {}
        }
        self.check_not_awarded(id)?;
        self.begin_reversal(id, reason);
        Ok(Outcome::Order(id))
    }

    /// Reverses an order whose payment nobody knows. Harmless unless it is still waited for.
    ///
    /// # Errors
    /// [`Refusal::OrderNotFound`].
    pub(crate) fn give_up_payment(&mut self, id: OrderId) -> Result<Outcome, Refusal> {
        let status = self.order(id).ok_or(Refusal::OrderNotFound)?.status;
        if matches!(status, OrderStatus::Paying | OrderStatus::AwaitingConfirmation) {
            self.begin_reversal(id, ReversalReason::PaymentUnknown);
        }
        Ok(Outcome::Order(id))
    }

    /// The home province has acknowledged a reversal. Harmless when repeated.
    ///
    /// # Errors
    /// [`Refusal::OrderNotFound`], [`Refusal::WrongOrderStatus`] when no reversal was asked for.
    pub(crate) fn record_reversal(&mut self, id: OrderId) -> Result<Outcome, Refusal> {
        match self.order(id).ok_or(Refusal::OrderNotFound)?.status {
            OrderStatus::Reversing => self.change_order(id, Self::finish_reversal),
            OrderStatus::Reversed => {}
            _ => return Err(Refusal::WrongOrderStatus),
        }
        Ok(Outcome::Order(id))
    }

    /// Begins the reversal of an order that waits for its subscriber's word, or is paying, reserved, delivering or
    /// delivered.
    pub(crate) fn begin_reversal(&mut self, id: OrderId, reason: ReversalReason) {
        self.change_order(id, |state, order| {
            let reversal: ReversalId = state.ids.issue(state.now, state.province);
            let before = order.status;
            // Of what is sold from the vault an SP was told nothing.
            let sp_may_know =
                matches!(before, OrderStatus::Delivering | OrderStatus::Delivered) && !state.is_from_vault(order.id);
            state.end_wait(order);
            state.order_event(order, OrderEvent::ReversalAsked(reversal, reason));
            if sp_may_know && reason != ReversalReason::SpRefused {
                state.add_effect(Effect::CancelNotice { sp: order.sp, order: order.id });
            }
            if order.home == state.province && before == OrderStatus::AwaitingConfirmation {
                state.recall_confirmation(order.payment, reversal);
                state.finish_reversal(order);
            } else if order.home == state.province {
                let open = if before == OrderStatus::Delivered { OpenOrders::Same } else { OpenOrders::OneLess };
                state.undo_payment(order.payment, reversal, LedgerAccount::SpPayable(order.sp), open);
                order.booked = false;
                state.finish_reversal(order);
            } else {
                order.waits_for = state.add_effect(Effect::ReversePayment { order: order.id, home: order.home });
            }
        });
    }

    fn finish_reversal(&mut self, order: &mut Order) {
        self.end_wait(order);
        if std::mem::take(&mut order.booked) {
            let (sp, home) = (LedgerAccount::SpPayable(order.sp), LedgerAccount::DueFrom(order.home));
            self.post(PostingReason::Reversal(order.id), sp, home, order.amount);
        }
        self.order_event(order, OrderEvent::Reversed);
    }

    /// Gives a captured payment back as if it had never been, and tells the subscriber. It lands
    /// whatever the account's status: the money is the subscriber's.
    pub(crate) fn undo_payment(
        &mut self,
        id: PaymentId,
        reversal: ReversalId,
        against: LedgerAccount,
        open_orders: OpenOrders,
    ) {
        if self.rail_payment(id).is_some() {
            self.undo_outside(id, reversal, open_orders);
            return;
        }
        let payment = self.payments.get_mut(&id).expect("a payment is kept with its order");
        if payment.status == PaymentStatus::Reserved {
            self.release_held(id, reversal, against, open_orders);
            return;
        }
        assert!(payment.status == PaymentStatus::Captured, "only a captured payment is undone: {payment:?}");
        payment.status = PaymentStatus::Reversed;
        payment.reversal = Some(reversal);
        let amount = payment.amount;
        let order = payment.order.expect("what was captured has an order");
        let msisdn = payment.msisdn.expect("what was captured has a payer");
        let account = payment.account.expect("what was captured has an account");
        let day = self.counted_day(id);
        self.uncount_bill(id, amount);
        let balance = self.move_money(
            account,
            Movement {
                step: Step::Reverse(day),
                amount,
                reason: PostingReason::Reversal(order),
                against,
                counterparty: None,
                open_orders,
            },
        );
        self.tell(msisdn, SmsText::Reversed { order, amount, balance });
    }

    /// Takes an order out of its table, lets it be changed together with the rest of the state, and
    /// puts it back.
    ///
    /// # Panics
    /// When there is no such order: the verb has not checked what it must.
    pub(crate) fn change_order<R>(&mut self, id: OrderId, change: impl FnOnce(&mut Self, &mut Order) -> R) -> R {
        let slot = self.orders.find(&id).expect("the verb has found the order");
        let row = self.orders.at_mut(slot);
        // Everything but the timeline is plain data, so this copies no more than one row.
        let mut order = Order { timeline: std::mem::take(&mut row.timeline), ..*row };
        let result = change(self, &mut order);
        *self.orders.at_mut(slot) = order;
        result
    }
}
