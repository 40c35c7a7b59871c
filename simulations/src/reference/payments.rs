//! The home side of orders taken elsewhere (product §5, 6.3.3): a payment id debits at most once, and
//! never after its reversal, whatever is repeated, late or out of order.

use mpss_domain::command::PayRequest;
use mpss_domain::ids::IssuedId;
use mpss_domain::{
    AccountId, AccountSelector, BusinessDay, LedgerAccount, LogTime, Money, Msisdn, OrderId, Outcome, Payment,
    PaymentId, PaymentStatus, ProvinceId, RefundId, Refusal, ReversalId, Scope,
};

use super::bill_ceilings::{By, OfBill};
use super::days::day_of;
use super::purchase::{Debit, check_amount};
use super::rules::check_visible;
use super::{Reference, tells_of_a_race};

/// What was decided about a payment id.
#[derive(Debug)]
pub(super) struct Decision {
    /// Nothing is known of the payment when its reversal came first.
    pub(super) order: Option<OrderId>,
    pub(super) msisdn: Option<Msisdn>,
    pub(super) account: Option<AccountId>,
    pub(super) serving: ProvinceId,
    pub(super) amount: Money,
    pub(super) epoch: u64,
    pub(super) day: BusinessDay,
    pub(super) at: LogTime,
    pub(super) index: u64,
    pub(super) declined: Option<Refusal>,
    pub(super) reversal: Option<ReversalId>,
    pub(super) refunds: Vec<(RefundId, Money)>,
    /// It was for a bill.
    pub(super) bill: Option<OfBill>,
}

impl Decision {
    pub(super) fn refunded(&self) -> Money {
        self.refunds.iter().map(|(_, amount)| *amount).sum()
    }

    pub(super) fn status(&self) -> PaymentStatus {
        match self.declined {
            _ if self.reversal.is_some() => PaymentStatus::Reversed,
            Some(refusal) => PaymentStatus::Declined(refusal),
            None if self.refunded() == Money::ZERO => PaymentStatus::Captured,
            None if self.refunded() < self.amount => PaymentStatus::PartlyRefunded,
            None => PaymentStatus::Refunded,
        }
    }

    /// The order, the payer and the account of money that was taken.
    pub(super) fn of_whom(&self) -> (OrderId, Msisdn, AccountId) {
        let whom = (self.order, self.msisdn, self.account);
        let (Some(order), Some(msisdn), Some(account)) = whom else { unreachable!("nothing was taken: {self:?}") };
        (order, msisdn, account)
    }

    /// The row that the real one must have.
    pub(super) fn row(&self, id: PaymentId) -> Payment {
        Payment {
            id,
            order: self.order,
            msisdn: self.msisdn,
            account: self.account,
            serving: self.serving,
            amount: self.amount,
            refunded: self.refunded(),
            status: self.status(),
            epoch: self.epoch,
            day: self.day,
            at: self.at,
            index: self.index,
            reversal: self.reversal,
            refunds: self.refunds.clone(),
        }
    }

    /// The answer to who asks again.
    fn again(&self, request: &PayRequest) -> Result<Outcome, Refusal> {
        if let Some(order) = self.order {
            let other_account = match request.account {
                AccountSelector::Id(asked) => self.account.is_some_and(|used| used != asked),
                AccountSelector::Kind(_) => false,
            };
            let asked = (request.order, Some(request.msisdn), request.amount);
            if asked != (order, self.msisdn, self.amount) || other_account {
                return Err(Refusal::PaymentMismatch);
            }
        }
        if self.reversal.is_some() {
            return Err(Refusal::AlreadyReversed);
        }
        match self.declined {
            Some(refusal) => Err(refusal),
            None => Ok(Outcome::Paid(self.of_whom().2)),
        }
    }
}

impl Reference {
    /// The payment id names its serving province and it is another; what is known of it; its age; then
    /// amount, number, scope and the payer. From the amount on a refusal is kept, unless it tells of a
    /// race.
    pub(super) fn pay(&mut self, request: &PayRequest, by: By) -> Result<Outcome, Refusal> {
        if request.serving == self.province || request.payment.province() != Some(request.serving) {
            return Err(Refusal::PaymentMismatch);
        }
        if let Some(known) = self.payments.get(&request.payment) {
            return known.again(request);
        }
        self.check_age(request.payment.issued_at())?;
        let decided = self.try_to_pay(request, by);
        if let Err(refusal) = decided
            && !tells_of_a_race(refusal)
        {
            let decision = Decision {
                order: Some(request.order),
                msisdn: Some(request.msisdn),
                amount: request.amount,
                epoch: request.epoch,
                declined: Some(refusal),
                ..self.nothing_taken(request.serving)
            };
            self.payments.insert(request.payment, decision);
        }
        decided.map(Outcome::Paid)
    }

    fn try_to_pay(&mut self, request: &PayRequest, by: By) -> Result<AccountId, Refusal> {
        check_amount(request.amount)?;
        if self.province == ProvinceId::NATIONAL {
            return Err(Refusal::NotHome);
        }
        self.check_home(request.msisdn, self.province, request.epoch)?;
        // National goods are sold by the national platform, and by it alone.
        if (request.serving == ProvinceId::NATIONAL) != (request.scope == Scope::National) {
            return Err(Refusal::WrongPlaceForScope);
        }
        check_visible(request.scope, request.serving, self.province, request.location)?;
        let (account, bill) = self.check_payer(request.msisdn, request.account, by, request.amount)?;
        self.debit(&Debit {
            payment: request.payment,
            order: request.order,
            serving: request.serving,
            msisdn: request.msisdn,
            account,
            amount: request.amount,
            epoch: request.epoch,
            against: LedgerAccount::DueTo(request.serving),
            title: &request.title,
            bill,
        });
        Ok(account)
    }

    /// A payment of our own orders is not reversed by others; one never seen is noted, so that it can
    /// never debit, unless it is so old that it may have been forgotten; not when it is of another
    /// order, nor once something was refunded. The window was judged where the order is.
    pub(super) fn reverse_payment(
        &mut self,
        id: PaymentId,
        reversal: ReversalId,
        order: OrderId,
    ) -> Result<Outcome, Refusal> {
        let serving = id.province().ok_or(Refusal::PaymentMismatch)?;
        if serving == self.province {
            return Err(Refusal::PaymentMismatch);
        }
        let Some(known) = self.payments.get_mut(&id) else {
            self.check_forgotten(id.issued_at())?;
            let forbidden = Decision { reversal: Some(reversal), ..self.nothing_taken(serving) };
            self.payments.insert(id, forbidden);
            return Ok(Outcome::Reversed);
        };
        if known.order.is_some_and(|known| known != order) {
            return Err(Refusal::PaymentMismatch);
        }
        match known.status() {
            PaymentStatus::Reversed => {}
            PaymentStatus::Captured => self.undo_payment(id, reversal, LedgerAccount::DueTo(serving)),
            PaymentStatus::Declined(_) => known.reversal = Some(reversal),
            _ => return Err(Refusal::PartlyRefunded),
        }
        Ok(Outcome::Reversed)
    }

    /// The amount; the payment, which is none of our own orders; a refund id known with another
    /// amount; reversed; what is left.
    pub(super) fn refund_payment(
        &mut self,
        id: PaymentId,
        refund: RefundId,
        amount: Money,
    ) -> Result<Outcome, Refusal> {
        check_amount(amount)?;
        let payment = self.payments.get(&id).ok_or(Refusal::PaymentNotFound)?;
        let serving = payment.serving;
        if serving == self.province {
            return Err(Refusal::PaymentMismatch);
        }
        if let Some((_, before)) = payment.refunds.iter().find(|(known, _)| *known == refund) {
            return if *before == amount { Ok(Outcome::Refunded) } else { Err(Refusal::PaymentMismatch) };
        }
        if payment.reversal.is_some() {
            return Err(Refusal::AlreadyReversed);
        }
        let paid = if payment.declined.is_some() { Money::ZERO } else { payment.amount };
        if payment.refunded() + amount > paid {
            return Err(Refusal::RefundExceedsPaid);
        }
        self.give_back(id, refund, amount, LedgerAccount::DueTo(serving));
        Ok(Outcome::Refunded)
    }

    fn nothing_taken(&self, serving: ProvinceId) -> Decision {
        Decision {
            order: None,
            msisdn: None,
            account: None,
            serving,
            amount: Money::ZERO,
            epoch: 0,
            day: day_of(self.now),
            at: self.now,
            index: self.index,
            declined: None,
            reversal: None,
            refunds: Vec::new(),
            bill: None,
        }
    }
}
