//! 冲正, reversal: as if it had never been, and nothing revives it (product §4, §5 6.5).

use mpss_domain::journal::PostingReason;
use mpss_domain::order::{OrderEvent, ReversalReason};
use mpss_domain::{
    Effect, LedgerAccount, Money, OrderId, OrderStatus, Outcome, PaymentId, Refusal, ReversalId, SmsText,
};

use super::Reference;
use super::days::day_of;
use super::outbox::asks_about;
use super::wallet::Movement;

impl Reference {
    /// The order, reversed already, its status, refunded in part or about to be, cards that were shown, tickets
    /// that were used, goods that were sent, the window.
    pub(super) fn reverse_order(&mut self, id: OrderId, reason: ReversalReason) -> Result<Outcome, Refusal> {
        let order = self.sale(id)?;
        let status = order.status();
        if matches!(status, OrderStatus::Reversing | OrderStatus::Reversed) {
            return Err(Refusal::AlreadyReversed);
        }
        if status == OrderStatus::Declined {
            return Err(Refusal::WrongOrderStatus);
        }
        if order.refunded().is_positive() || order.refunds_under_way().next().is_some() {
            return Err(Refusal::PartlyRefunded);
        }
        if status == OrderStatus::Delivered {
            order.check_not_shown()?;
            order.check_not_used()?;
            order.check_not_sent()?;
            let paid_at = order.paid_at().expect("what was delivered was paid");
            if paid_at.0.saturating_add(self.policy.reversal_window_ms) < self.now.0 {
                return Err(Refusal::ReversalWindowClosed);
            }
        }
        self.reverse(id, reason);
        Ok(Outcome::Order(id))
    }

    /// Nobody knows what became of the payment.
    pub(super) fn give_up_payment(&mut self, id: OrderId) -> Result<Outcome, Refusal> {
        if self.sale(id)?.status() == OrderStatus::Paying {
            self.reverse(id, ReversalReason::PaymentUnknown);
        }
        Ok(Outcome::Order(id))
    }

    /// Home has acknowledged it: what our books held is undone.
    pub(super) fn record_reversal(&mut self, id: OrderId) -> Result<Outcome, Refusal> {
        let order = self.sale(id)?;
        let (status, booked, home, sp, amount) =
            (order.status(), order.is_booked(), order.home, order.sp, order.amount);
        match status {
            OrderStatus::Reversed => {}
            OrderStatus::Reversing => {
                self.answered(|effect| asks_about(effect, id));
                if booked {
                    let (sp, home) = (LedgerAccount::SpPayable(sp), LedgerAccount::DueFrom(home));
                    self.post(PostingReason::Reversal(id), sp, home, amount);
                }
                self.event(id, OrderEvent::Reversed);
            }
            _ => return Err(Refusal::WrongOrderStatus),
        }
        Ok(Outcome::Order(id))
    }

    /// Begins the reversal of an order that is paying, delivering or delivered; with home here it
    /// ends in the same step.
    pub(super) fn reverse(&mut self, id: OrderId, reason: ReversalReason) {
        let reversal: ReversalId = self.identities.next(self.now, self.province);
        let order = &self.orders[&id];
        let (sp, home, payment) = (order.sp, order.home, order.payment);
        // Of cards of the vault no SP knows.
        let sp_was_told = order.has(|event| *event == OrderEvent::DeliveryAsked) && !order.from_vault;
        self.answered(|effect| asks_about(effect, id));
        self.event(id, OrderEvent::ReversalAsked(reversal, reason));
        if sp_was_told && reason != ReversalReason::SpRefused {
            self.effect(Effect::CancelNotice { sp, order: id });
        }
        if home == self.province {
            self.undo_payment(payment, reversal, LedgerAccount::SpPayable(sp));
            self.event(id, OrderEvent::Reversed);
        } else {
            self.effect(Effect::ReversePayment { order: id, home });
        }
    }

    /// The money comes back whatever the account's status, and the use of the day with it when it is
    /// still that day.
    pub(super) fn undo_payment(&mut self, id: PaymentId, reversal: ReversalId, against: LedgerAccount) {
        let payment = self.payments.get_mut(&id).expect("what is undone was paid");
        payment.reversal = Some(reversal);
        let amount = payment.amount;
        let (order, msisdn, account) = payment.of_whom();
        let counted = payment.bill.is_none() && payment.day == day_of(self.now);
        let use_undone = if counted { -amount } else { Money::ZERO };
        let back = Movement::of(amount, PostingReason::Reversal(order), against).using(use_undone);
        let balance = self.move_money(account, &back);
        self.text(msisdn, SmsText::Reversed { order, amount, balance });
    }
}
