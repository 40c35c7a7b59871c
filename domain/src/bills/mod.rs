//! 缴费, bill payment: what an SP has billed is paid to the fen, once (product §3).
//!
//! ```text
//!  asked at the SP ─▶ taken: being paid ─▶ delivered: paid
//!                          ▲   │                 │ reversed, refunded
//!                          │   └ declined, ──────┤
//!                          │     reversed        ▼
//!                          └───────────── may be paid again
//! ```
//!
//! What a bill comes to is said by its SP and asked at the edge; here the amount is part of the request.
//! Two who pay the same bill race each other through the log: the first order has it until it comes to
//! nothing. The price of the product is the most that one bill may come to. The rows came with state
//! version 3.

mod allowance;
mod rows;

use serde::{Deserialize, Serialize};

use self::allowance::Allowances;
pub(crate) use self::allowance::BillPayer;
pub use self::allowance::{BillCeilings, BillCustomer, BillPolicy, BillUse, CUSTOMERS_MAX};
use crate::catalogue::{Application, Terms};
use crate::command::PayRequest;
pub use crate::ids::BillNumber;
use crate::ids::{OrderId, SpId};
use crate::money::Money;
use crate::order::{Order, OrderEvent, OrderStatus};
use crate::purchase::Purchase;
use crate::refusal::Refusal;
use crate::state::State;
use crate::table::Table;

/// A bill as its SP says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// Its number; the SP's own.
    pub number: BillNumber,
    /// What is due, in fen.
    pub amount: Money,
    /// Whose it is; `None` when the SP does not say.
    pub customer: Option<BillCustomer>,
}

/// What [`crate::Verb::PayBill`] says: a purchase of one bill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PayBill {
    /// Who pays, how, and for which product.
    pub purchase: Purchase,
    /// Which bill.
    pub bill: Bill,
    /// The payer gives no password.
    pub without_password: bool,
}

/// What [`crate::Verb::PayForBill`] says: the payment of a bill that another province took the order for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayForBill {
    /// What is asked; its `verdict` says nothing without the password.
    pub request: PayRequest,
    /// Whose bill it is; `None` when the SP does not say.
    pub customer: Option<BillCustomer>,
    /// The payer gives no password.
    pub without_password: bool,
}

/// The bills that were paid here, or are being paid.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Bills {
    /// The bill of each order that is for one, for as long as the order is kept.
    of_order: Table<OrderId, Bill, 32>,
    /// The order that has a bill: it pays it, or has paid it.
    held: Table<(SpId, BillNumber), OrderId, 32>,
    /// What bills may come to, and have.
    allowances: Allowances,
}

impl State {
    /// The bill that an order is for.
    #[must_use]
    pub fn bill_of(&self, order: OrderId) -> Option<Bill> {
        self.outside.bills.of_order.get(&order).copied()
    }

    /// The order that pays a bill of an SP, or has paid it.
    #[must_use]
    pub fn bill_payer(&self, sp: SpId, number: BillNumber) -> Option<OrderId> {
        self.outside.bills.held.get(&(sp, number)).copied()
    }

    /// May this be sold in this way, and can the bill be had?
    ///
    /// # Errors
    /// In this order: [`Refusal::BillNeeded`], [`Refusal::NotForBills`], [`Refusal::BillBeingPaid`],
    /// [`Refusal::BillPaid`].
    pub(crate) fn check_bill(&self, terms: &Terms, bill: Option<&Bill>) -> Result<(), Refusal> {
        let is_for_bills = terms.application == Application::BillPayment && self.version.has_outside_rails();
        match bill {
            None if is_for_bills => Err(Refusal::BillNeeded),
            None => Ok(()),
            Some(_) if !is_for_bills => Err(Refusal::NotForBills),
            #[cfg(feature = "mutants")]
            Some(_) if self.is_mutant(crate::mutant::Mutant::BillPaidTwice) => Ok(()),
            Some(bill) => match self.bill_payer(terms.sp, bill.number).and_then(|order| self.order(order)) {
                None => Ok(()),
                Some(order) if order.status == OrderStatus::Delivered => Err(Refusal::BillPaid),
                Some(_) => Err(Refusal::BillBeingPaid),
            },
        }
    }

    /// The order has the bill from here on.
    pub(crate) fn hold_bill(&mut self, order: &Order, bill: Bill) {
        self.entry.digest.feed(&(order.id, &bill));
        self.outside.bills.of_order.insert(order.id, bill);
        self.outside.bills.held.insert((order.sp, bill.number), order.id);
    }

    /// Something happened to an order: when it comes to nothing, its bill may be paid again.
    pub(crate) fn bill_follows(&mut self, order: &Order, event: OrderEvent) {
        let let_go = match event {
            OrderEvent::Declined(_) | OrderEvent::Reversed => true,
            OrderEvent::Refunded(..) => order.status == OrderStatus::Refunded,
            _ => false,
        };
        let Some(bill) = self.bill_of(order.id).filter(|_| let_go) else { return };
        self.entry.digest.feed(&(order.id, bill.number));
        self.let_go(order, bill);
    }

    fn let_go(&mut self, order: &Order, bill: Bill) {
        let key = (order.sp, bill.number);
        if self.outside.bills.held.get(&key) == Some(&order.id) {
            self.outside.bills.held.remove(&key);
        }
    }

    /// A bill is paid whole or not at all.
    ///
    /// # Errors
    /// [`Refusal::WholePiecesOnly`].
    pub(crate) fn check_bill_to_refund(&self, order: &Order, amount: Money) -> Result<(), Refusal> {
        let whole = amount == order.amount || self.bill_of(order.id).is_none();
        if whole { Ok(()) } else { Err(Refusal::WholePiecesOnly) }
    }

    /// The order is forgotten: whether its bill is paid is the SP's to say from here on.
    pub(crate) fn forget_bill(&mut self, order: &Order) {
        if let Some(bill) = self.outside.bills.of_order.remove(&order.id) {
            self.let_go(order, bill);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_written() {
        for text in ["1", "E-2026-10-008650", "12345678901234567890123456789012"] {
            assert_eq!(text.parse::<BillNumber>().map(|number| number.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "with space", "账单", "123456789012345678901234567890123"] {
            assert!(text.parse::<BillNumber>().is_err(), "{text}");
        }
    }
}
