//! 缴费 (product §3): a bill is paid once. Who has it is found by asking every order.

use mpss_domain::bills::Bill;
use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::ids::BillNumber;
use mpss_domain::{Money, OrderId, OrderStatus, Outcome, Purchase, Refusal, SpId, State};

use super::Reference;
use super::compare::same;
use super::orders::Sale;

impl Sale {
    /// Its bill is paid or being paid, as far as it goes.
    fn has_its_bill(&self) -> bool {
        !matches!(self.status(), OrderStatus::Declined | OrderStatus::Reversed | OrderStatus::Refunded)
    }

    /// A bill goes back whole.
    pub(super) fn check_whole_bill(&self, amount: Money) -> Result<(), Refusal> {
        let part = self.bill.is_some() && amount != self.amount;
        if part { Err(Refusal::WholePiecesOnly) } else { Ok(()) }
    }
}

impl Reference {
    /// Since bills are known, what is for bills is sold for bills alone, and one is for one order.
    pub(super) fn check_bill(&self, terms: &Terms, bill: Option<Bill>) -> Result<(), Refusal> {
        let is_for_bills = terms.application == Application::BillPayment && self.version.has_outside_rails();
        let Some(bill) = bill else {
            return if is_for_bills { Err(Refusal::BillNeeded) } else { Ok(()) };
        };
        if !is_for_bills {
            return Err(Refusal::NotForBills);
        }
        match self.bill_payer(terms.sp, bill.number).map(|order| self.orders[&order].status()) {
            None => Ok(()),
            Some(OrderStatus::Delivered) => Err(Refusal::BillPaid),
            Some(_) => Err(Refusal::BillBeingPaid),
        }
    }

    fn bill_payer(&self, sp: SpId, number: BillNumber) -> Option<OrderId> {
        let of_bill = |sale: &Sale| sale.sp == sp && sale.bill.is_some_and(|bill| bill.number == number);
        self.orders.iter().find(|(_, sale)| of_bill(sale) && sale.has_its_bill()).map(|(id, _)| *id)
    }

    /// The order that had the bill may be forgotten, and is if the real one did not refuse for its sake.
    pub(super) fn settle_forgotten_bill(&mut self, purchase: &Purchase, bill: Bill, found: &Outcome) {
        let in_the_way = self.check_deal(purchase, (Some(bill), None)).err();
        let not_asked = *found == Outcome::Refused(Refusal::DuplicateRequest);
        if in_the_way != Some(Refusal::BillPaid) || *found == Outcome::Refused(Refusal::BillPaid) || not_asked {
            return;
        }
        let sp = self.terms_of(purchase.product).map(|terms| terms.sp);
        let payer = sp.and_then(|sp| self.bill_payer(sp, bill.number));
        if let Some(order) = payer.filter(|order| self.order_may_be_gone(*order)) {
            self.forget_order(order);
        }
    }

    pub(super) fn compare_bills(&self, state: &State, out: &mut Vec<String>) {
        for (id, sale) in self.orders.iter().filter(|(id, _)| state.order(**id).is_some()) {
            same(out, format!("the bill of {id}"), &sale.bill, &state.bill_of(*id));
            if let Some(bill) = sale.bill {
                let kept = |order: &OrderId| state.order(*order).is_some();
                let expected = self.bill_payer(sale.sp, bill.number).filter(kept);
                same(out, format!("who has bill {}", bill.number), &expected, &state.bill_payer(sale.sp, bill.number));
            }
        }
    }
}
