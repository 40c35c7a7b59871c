//! What must hold between orders of the UPP, their payments and the books.

use super::UppWait;
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::payment::{Payment, PaymentStatus};
use crate::state::State;

/// What the UPP is owed for a payment.
pub(super) fn owed_for(payment: &Payment) -> Money {
    match payment.status {
        PaymentStatus::Reserved | PaymentStatus::Captured | PaymentStatus::PartlyRefunded | PaymentStatus::Refunded => {
            payment.amount - payment.refunded
        }
        _ => Money::ZERO,
    }
}

impl State {
    /// See [`State::check_all`].
    pub(crate) fn check_upp(&self) -> Result<(), String> {
        let upp = &self.outside.upp;
        let mut owed = i128::from(upp.forgotten.as_fen());
        for (number, row) in upp.rows.iter() {
            let id = row.payment;
            let payment = self.payment(id).ok_or_else(|| format!("UPP order {number} has lost its payment {id}"))?;
            let status = payment.status;
            let here = || format!("UPP order {number} is {status:?}");
            let its_order = payment.order.and_then(|order| self.order(order));
            if upp.numbers.get(&id) != Some(number) || payment.serving != self.province || its_order.is_some() {
                return Err(format!("{id} is not the payment of UPP order {number} alone"));
            }
            owed += i128::from(owed_for(payment).as_fen());
            let undone = matches!(status, PaymentStatus::Reversed | PaymentStatus::Reversing | PaymentStatus::Released);
            if row.reversal.is_some() && !undone {
                return Err(format!("{}, and the UPP has reversed it", here()));
            }
            if row.asked.as_ref().map(|asked| asked.amount) != payment.order.map(|_| payment.amount) {
                return Err(format!("{}, of {}, and was asked for {:?}", here(), payment.amount, row.asked));
            }
            if (row.wait == UppWait::Open) != (status == PaymentStatus::Pending) {
                return Err(format!("{}, and for its end the UPP waits: {:?}", here(), row.wait));
            }
            if let UppWait::Told(effect) = row.wait
                && effect > self.last_effect
            {
                return Err(format!("{}, and the UPP is told by nothing", here()));
            }
            let refunds: Vec<_> = row.refunds.iter().map(|(_, refund)| *refund).collect();
            if !refunds.iter().eq(payment.refunds.iter().map(|(refund, _)| refund)) {
                return Err(format!("{}, and its refunds are {refunds:?} and {:?}", here(), payment.refunds));
            }
        }
        if upp.numbers.len() != upp.rows.len() {
            return Err(format!("{} payments for {} orders of the UPP", upp.numbers.len(), upp.rows.len()));
        }
        let turnover = self.books.turnover(LedgerAccount::DueToUpp);
        let balance = turnover.credit - turnover.debit;
        if balance != owed {
            return Err(format!("the UPP is owed {balance} fen by the books and {owed} by its orders"));
        }
        Ok(())
    }
}
