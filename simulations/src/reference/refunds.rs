//! 退款, refund: a transaction of its own that gives back part or all, the way it came, never more in
//! total than was paid (product §4, §5 6.5).

use mpss_domain::journal::PostingReason;
use mpss_domain::order::OrderEvent;
use mpss_domain::{Effect, LedgerAccount, Money, OrderId, OrderStatus, Outcome, PaymentId, RefundId, Refusal, SmsText};

use super::Reference;
use super::purchase::check_amount;
use super::wallet::Movement;

impl Reference {
    /// The amount, the order, reversed, not delivered yet, cards that were shown, paid too long ago, what is
    /// left, whole cards, tickets and bills, tickets that were used.
    pub(super) fn refund_order(&mut self, id: OrderId, amount: Money) -> Result<Outcome, Refusal> {
        check_amount(amount)?;
        let order = self.sale(id)?;
        match order.status() {
            OrderStatus::Reversing | OrderStatus::Reversed => return Err(Refusal::AlreadyReversed),
            OrderStatus::Delivered | OrderStatus::PartlyRefunded | OrderStatus::Refunded => {}
            _ => return Err(Refusal::WrongOrderStatus),
        }
        order.check_not_shown()?;
        let paid_at = order.paid_at().expect("what was delivered was paid");
        if paid_at.0.saturating_add(self.policy.retention_ms) < self.now.0 {
            return Err(Refusal::RequestTooOld);
        }
        let set_aside: Money = order.refunds_under_way().map(|(_, amount)| amount).sum();
        if order.refunded() + set_aside + amount > order.amount {
            return Err(Refusal::RefundExceedsPaid);
        }
        order.check_pieces(amount)?;
        order.check_whole_bill(amount)?;

        let (home, sp, payment) = (order.home, order.sp, order.payment);
        let refund: RefundId = self.identities.next(self.now, self.province);
        self.event(id, OrderEvent::RefundAsked(refund, amount));
        if home == self.province {
            self.give_back(payment, refund, amount, LedgerAccount::SpPayable(sp));
            self.event(id, OrderEvent::Refunded(refund, amount));
        } else {
            self.effect(Effect::RefundPayment { order: id, refund, amount, home });
        }
        Ok(Outcome::Refund(id, refund))
    }

    /// What home answered. The first answer stands.
    pub(super) fn record_refund(
        &mut self,
        id: OrderId,
        refund: RefundId,
        result: Result<(), Refusal>,
    ) -> Result<Outcome, Refusal> {
        let order = self.sale(id)?;
        let (home, sp) = (order.home, order.sp);
        let under_way = order.refunds_under_way().find(|(known, _)| *known == refund);
        if let Some((_, amount)) = under_way {
            let is_it =
                |asked: &Effect| matches!(asked, Effect::RefundPayment { refund: known, .. } if *known == refund);
            self.answered(is_it);
            match result {
                Ok(()) => {
                    let (sp, home) = (LedgerAccount::SpPayable(sp), LedgerAccount::DueFrom(home));
                    self.post(PostingReason::Refund(id, refund), sp, home, amount);
                    self.event(id, OrderEvent::Refunded(refund, amount));
                }
                Err(refusal) => self.event(id, OrderEvent::RefundDeclined(refund, refusal)),
            }
        } else if !order.has(|event| matches!(event, OrderEvent::RefundAsked(known, _) if *known == refund)) {
            return Err(Refusal::WrongOrderStatus);
        }
        Ok(Outcome::Refund(id, refund))
    }

    /// It lands whatever the account's status, and gives nothing of the day's limit back.
    pub(super) fn give_back(&mut self, id: PaymentId, refund: RefundId, amount: Money, against: LedgerAccount) {
        let payment = self.payments.get_mut(&id).expect("what is given back was paid");
        payment.refunds.push((refund, amount));
        let (order, msisdn, account) = payment.of_whom();
        let back = Movement::of(amount, PostingReason::Refund(order, refund), against);
        let balance = self.move_money(account, &back);
        self.text(msisdn, SmsText::Refunded { order, amount, balance });
    }
}
