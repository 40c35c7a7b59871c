//! What must hold between bills and their orders.

use crate::order::OrderStatus;
use crate::state::State;

impl State {
    /// See [`State::check_all`].
    pub(crate) fn check_bills(&self) -> Result<(), String> {
        let bills = &self.outside.bills;
        for (id, bill) in bills.of_order.iter() {
            let order = self.order(*id).ok_or_else(|| format!("{id} is for a bill and is forgotten"))?;
            if (order.amount, order.quantity) != (bill.amount, 1) {
                return Err(format!("{id} is of {} and its bill of {}", order.amount, bill.amount));
            }
            let holder = self.bill_payer(order.sp, bill.number);
            let nothing = matches!(order.status, OrderStatus::Declined | OrderStatus::Reversed | OrderStatus::Refunded);
            if (holder == Some(*id)) == nothing {
                return Err(format!("{id} is {:?} and bill {} is with {holder:?}", order.status, bill.number));
            }
        }
        for ((_, number), order) in bills.held.iter() {
            if bills.of_order.get(order).is_none_or(|bill| bill.number != *number) {
                return Err(format!("bill {number} is with {order}, which is not for it"));
            }
        }
        self.check_bill_use()
    }
}
