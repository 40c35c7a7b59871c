//! The home side of a purchase that was taken elsewhere (product §5, 6.3.3; source §6.3.3): debit,
//! reverse, refund. The payment id is the key: whatever is repeated, late or out of order, a payment
//! id debits at most once, and never after its reversal.

use crate::account::AccountSelector;
use crate::bills::BillCustomer;
use crate::command::PayRequest;
use crate::confirmation::{AskConfirmation, Confirmation};
use crate::ids::{AccountId, IssuedId, OrderId, PaymentId, RefundId, ReversalId};
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::movement::OpenOrders;
use crate::outcome::Outcome;
use crate::payer::Approval;
use crate::payment::{Payment, PaymentStatus};
use crate::payment_codes::{PaymentCode, Presenter};
use crate::purchase::Debit;
use crate::refusal::Refusal;
use crate::state::State;
use crate::visibility::{Scope, visible};

/// What [`crate::Verb::ReversePayment`] says.
#[derive(Clone, Copy)]
pub(crate) struct PaymentToReverse {
    pub(crate) payment: PaymentId,
    pub(crate) reversal: ReversalId,
    pub(crate) order: OrderId,
}

/// How a payment is asked for.
#[derive(Clone, Copy)]
pub(crate) enum PaymentMode<'a> {
    /// By the password; the money is taken.
    Take,
    /// By the password; the money is only set aside, whatever the rail.
    Hold,
    /// By a one-time code; the money is taken.
    ByCode(PaymentCode),
    /// A customer's bill, by the password or (`true`) without it; the money is taken.
    Bill(Option<BillCustomer>, bool),
    /// By the subscriber's word, which is asked for; the money is then taken, or set aside.
    Consent(&'a AskConfirmation),
}

impl State {
    /// Pays for an order taken by another province or the national platform.
    ///
    /// # Errors
    /// In this order: the payment id names another serving province or ours
    /// ([`Refusal::PaymentMismatch`]); what is known of the payment id (the same answer again,
    /// [`Refusal::PaymentMismatch`], [`Refusal::AlreadyReversed`]); its age
    /// ([`Refusal::RequestTooOld`]); then amount, number, scope, and the list of [`crate::purchase`]
    /// from 7 on. From the amount on, a refusal is kept under the payment id unless it is transient.
    /// By a code the list of [`State::check_payer_by_code`] stands in the place of 7 and 8: the same payment asked
    /// again gets the same answer, though the code is used.
    pub(crate) fn pay(&mut self, request: &PayRequest, mode: PaymentMode<'_>) -> Result<Outcome, Refusal> {
        if request.payment.province() != Some(request.serving) || request.serving == self.province {
            return Err(Refusal::PaymentMismatch);
        }
        match self.payments.get(&request.payment) {
            #[cfg(feature = "mutants")]
            Some(_) if self.mutant == Some(crate::mutant::Mutant::DoubleDebitOnRetry) => {}
            #[cfg(feature = "mutants")]
            Some(known)
                if known.status == PaymentStatus::Reversed
                    && self.is_mutant(crate::mutant::Mutant::LateDebitRevives) => {}
            Some(known) => return answer_again(known, request),
            None => {}
        }
        if let Some(asked) = self.confirmation(request.payment) {
            return asked_again(asked, request);
        }
        if self.is_too_old(request.payment.issued_at()) {
            return Err(Refusal::RequestTooOld);
        }
        match self.try_pay(request, mode) {
            Err(refusal) if !refusal.is_transient() => {
                self.payments.insert(request.payment, self.declined(request, refusal));
                Err(refusal)
            }
            decided => decided,
        }
    }

    fn try_pay(&mut self, request: &PayRequest, mode: PaymentMode<'_>) -> Result<Outcome, Refusal> {
        request.amount.check_request()?;
        if self.province.is_national() {
            return Err(Refusal::NotHome);
        }
        self.check_home(request.msisdn, self.province, request.epoch)?;
        // National goods are sold by the national platform, all others by their province.
        if (request.scope == Scope::National) != request.serving.is_national() {
            return Err(Refusal::WrongPlaceForScope);
        }
        visible(request.scope, request.serving, self.province, request.location).map_err(Refusal::NotVisible)?;
        let &PayRequest { payment, serving, msisdn, account, amount, .. } = request;
        let payer = match mode {
            PaymentMode::Take | PaymentMode::Hold => {
                self.check_payer(msisdn, account, Approval::Password(request.verdict), amount)?
            }
            PaymentMode::Bill(customer, without_password) => {
                let verdict = (!without_password).then_some(request.verdict);
                self.check_payer(msisdn, account, Approval::Bill(customer, verdict), amount)?
            }
            PaymentMode::ByCode(code) => {
                self.check_payer_by_code(code, Presenter::Province(serving), msisdn, account, amount)?
            }
            PaymentMode::Consent(ask) => return self.ask_for_province(ask),
        };

        // From here it must succeed.
        if let PaymentMode::ByCode(code) = mode {
            self.use_code(code, payment);
        }
        self.debit(Debit {
            payment,
            order: request.order,
            serving,
            msisdn,
            payer,
            amount,
            epoch: request.epoch,
            against: LedgerAccount::DueTo(serving),
            // The serving province never tells how the order ended, so it can not hold the account
            // open; what comes back after a closing lands all the same.
            open_orders: OpenOrders::Same,
            title: request.title.clone(),
            hold: matches!(mode, PaymentMode::Hold),
        });
        let status = self.payment(payment).expect("just made").status;
        Ok(outcome_of(status, payer.id))
    }

    /// Reverses a payment, even one never seen: from then on it can never debit.
    ///
    /// The window for reversals is not judged here. It was judged where the order is, against the
    /// order's own time; a reversal may then be stored and forwarded for as long as this province
    /// can not be reached. Refusing it for its lateness would leave the order reversed there and
    /// paid here.
    ///
    /// # Errors
    /// [`Refusal::PaymentMismatch`] for a payment of our own orders or of another order,
    /// [`Refusal::RequestTooOld`] for one never seen that could have been forgotten,
    /// [`Refusal::PartlyRefunded`] once something was refunded.
    pub(crate) fn reverse_payment(&mut self, asked: PaymentToReverse) -> Result<Outcome, Refusal> {
        let Some(serving) = asked.payment.province().filter(|serving| *serving != self.province) else {
            return Err(Refusal::PaymentMismatch);
        };
        if let Some(row) = self.confirmation(asked.payment) {
            if row.order != asked.order {
                return Err(Refusal::PaymentMismatch);
            }
            self.recall_confirmation(asked.payment, asked.reversal);
            return Ok(Outcome::Reversed);
        }
        let Some(slot) = self.payments.find(&asked.payment) else {
            // One this old may have been paid and forgotten: to say that it is reversed could be a lie.
            if self.can_be_forgotten(asked.payment.issued_at()) {
                return Err(Refusal::RequestTooOld);
            }
            let tombstone = self.decided(asked.payment, serving, PaymentStatus::Reversed);
            self.payments.insert(asked.payment, Payment { reversal: Some(asked.reversal), ..tombstone });
            return Ok(Outcome::Reversed);
        };
        let payment = self.payments.at(slot);
        if payment.order.is_some_and(|order| order != asked.order) {
            return Err(Refusal::PaymentMismatch);
        }
        match payment.status {
            #[cfg(feature = "mutants")]
            PaymentStatus::Reversed
                if payment.account.is_some() && self.is_mutant(crate::mutant::Mutant::ReversedTwice) =>
            {
                self.payments.at_mut(slot).status = PaymentStatus::Captured;
                self.undo_payment(asked.payment, asked.reversal, LedgerAccount::DueTo(serving), OpenOrders::Same);
            }
            PaymentStatus::Reversed | PaymentStatus::Reversing => {}
            PaymentStatus::PartlyRefunded | PaymentStatus::Refunded => return Err(Refusal::PartlyRefunded),
            PaymentStatus::Captured | PaymentStatus::Pending | PaymentStatus::Reserved => {
                self.undo_payment(asked.payment, asked.reversal, LedgerAccount::DueTo(serving), OpenOrders::Same);
            }
            PaymentStatus::Released | PaymentStatus::Declined(_) => {
                let payment = self.payments.at_mut(slot);
                payment.status = PaymentStatus::Reversed;
                payment.reversal = Some(asked.reversal);
            }
        }
        Ok(Outcome::Reversed)
    }

    /// Takes what is held for an order that was delivered elsewhere, or less of it. Harmless when
    /// repeated, and when the payment was reversed meanwhile.
    ///
    /// # Errors
    /// In this order: [`Refusal::PaymentNotFound`]; [`Refusal::PaymentMismatch`] for our own orders;
    /// [`Refusal::AmountOutOfRange`] when more would be taken than is held.
    pub(crate) fn capture_payment(&mut self, id: PaymentId, amount: Option<Money>) -> Result<Outcome, Refusal> {
        let payment = self.payment(id).ok_or(Refusal::PaymentNotFound)?;
        if payment.serving == self.province {
            return Err(Refusal::PaymentMismatch);
        }
        let (held, status) = (payment.amount, payment.status);
        let amount = amount.unwrap_or(held);
        if status == PaymentStatus::Reserved && (!amount.is_positive() || amount > held) {
            return Err(Refusal::AmountOutOfRange);
        }
        self.capture_held(id, amount);
        Ok(Outcome::Done)
    }

    /// Refunds part or all of a payment.
    ///
    /// # Errors
    /// In this order: the amount; the payment ([`Refusal::PaymentNotFound`], or
    /// [`Refusal::PaymentMismatch`] for our own orders); a known refund id with another amount
    /// ([`Refusal::PaymentMismatch`]); [`Refusal::AlreadyReversed`]; what is left
    /// ([`Refusal::RefundExceedsPaid`]).
    pub(crate) fn refund_payment(
        &mut self,
        id: PaymentId,
        refund: RefundId,
        amount: Money,
    ) -> Result<Outcome, Refusal> {
        amount.check_request()?;
        let payment = self.payment(id).ok_or(Refusal::PaymentNotFound)?;
        if payment.serving == self.province {
            return Err(Refusal::PaymentMismatch);
        }
        if let Some((_, known)) = payment.refunds.iter().find(|(known, _)| *known == refund) {
            return if *known == amount { Ok(Outcome::Refunded) } else { Err(Refusal::PaymentMismatch) };
        }
        if matches!(payment.status, PaymentStatus::Reversed | PaymentStatus::Reversing | PaymentStatus::Released) {
            return Err(Refusal::AlreadyReversed);
        }
        if payment.status == PaymentStatus::Reserved {
            // What is refunded was delivered: the word of it is still on its way.
            let held = payment.amount;
            self.capture_held(id, held);
        }
        let payment = self.payment(id).expect("just found");
        if amount > payment.refundable() {
            return Err(Refusal::RefundExceedsPaid);
        }
        let serving = payment.serving;
        self.give_back(id, refund, amount, LedgerAccount::DueTo(serving));
        Ok(Outcome::Refunded)
    }

    fn declined(&self, request: &PayRequest, refusal: Refusal) -> Payment {
        Payment {
            order: Some(request.order),
            msisdn: Some(request.msisdn),
            amount: request.amount,
            epoch: request.epoch,
            ..self.decided(request.payment, request.serving, PaymentStatus::Declined(refusal))
        }
    }
}

/// What a payment that is neither refused nor reversed came to.
fn outcome_of(status: PaymentStatus, account: AccountId) -> Outcome {
    match status {
        PaymentStatus::Pending => Outcome::PaymentPending(account),
        PaymentStatus::Reserved => Outcome::Held(account),
        _ => Outcome::Paid(account),
    }
}

/// The answer to a payment id that its subscriber is asked about.
fn asked_again(asked: &Confirmation, request: &PayRequest) -> Result<Outcome, Refusal> {
    let same = (asked.order, asked.msisdn, asked.amount) == (request.order, request.msisdn, request.amount);
    if same && asked.account == request.account {
        Ok(Outcome::ConfirmationAsked(asked.payment))
    } else {
        Err(Refusal::PaymentMismatch)
    }
}

/// The answer to a payment id that is known.
fn answer_again(known: &Payment, request: &PayRequest) -> Result<Outcome, Refusal> {
    let same_account = match (request.account, known.account) {
        (AccountSelector::Id(asked), Some(used)) => asked == used,
        _ => true,
    };
    let same = known.order == Some(request.order)
        && known.msisdn == Some(request.msisdn)
        && known.amount == request.amount
        && same_account;
    // A reversal that came before its payment knows nothing to compare with.
    if known.order.is_some() && !same {
        return Err(Refusal::PaymentMismatch);
    }
    match known.status {
        PaymentStatus::Declined(refusal) => Err(refusal),
        PaymentStatus::Reversed | PaymentStatus::Released | PaymentStatus::Reversing => Err(Refusal::AlreadyReversed),
        status => Ok(outcome_of(status, known.account.expect("what was asked was asked of an account"))),
    }
}
