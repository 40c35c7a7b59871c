//! A subscriber answers, or does not; or nobody wants to know any more.

use crate::confirmation::{Confirmation, WRONG_CODES_MAX, Word};
use crate::ids::{Msisdn, PaymentId, ReversalId};
use crate::ledger::LedgerAccount;
use crate::movement::OpenOrders;
use crate::order::OrderEvent;
use crate::outcome::Outcome;
use crate::payer::Approval;
use crate::payment::{Payment, PaymentStatus};
use crate::purchase::Debit;
use crate::refusal::Refusal;
use crate::state::State;
use crate::timer::{Timer, TimerKind};

impl State {
    /// The subscriber's word: yes or no to what the code was sent for.
    ///
    /// # Errors
    /// In this order: the number ([`State::check_home_is_here`]); [`Refusal::NothingToConfirm`];
    /// [`Refusal::WrongCode`], counted for everything the subscriber is asked; [`Refusal::ConfirmationExpired`]; for a
    /// yes the list of [`crate::purchase`] from 7 on, with [`Refusal::PasswordLocked`] alone in the place of 8, which
    /// declines the order.
    pub(crate) fn confirm(&mut self, msisdn: Msisdn, code: u32, agreed: bool) -> Result<Outcome, Refusal> {
        self.check_home_is_here(msisdn)?;
        if self.confirmations_of(msisdn).next().is_none() {
            return Err(Refusal::NothingToConfirm);
        }
        let Some(row) = self.confirmations_of(msisdn).find(|row| row.code == code).cloned() else {
            self.count_wrong_code(msisdn);
            return Err(Refusal::WrongCode);
        };
        if row.until <= self.now {
            self.end_confirmation(&row, Refusal::ConfirmationExpired);
            return Err(Refusal::ConfirmationExpired);
        }
        let word =
            Word { order: row.order, payment: row.payment, title: row.title.clone(), amount: row.amount, agreed };
        if !agreed {
            self.end_confirmation(&row, Refusal::ConfirmationRefused);
            return Ok(Outcome::Word(Box::new(word)));
        }
        let payer = match self.check_payer(msisdn, row.account, Approval::Consent, row.amount) {
            Ok(payer) => payer,
            Err(refusal) => {
                self.end_confirmation(&row, refusal);
                return Err(refusal);
            }
        };

        // From here it must succeed.
        self.take_confirmation(&row);
        if row.serving == self.province {
            self.change_order(row.order, |state, order| state.pay_here(order, payer, row.reserve));
        } else {
            self.debit(Debit {
                payment: row.payment,
                order: row.order,
                serving: row.serving,
                msisdn,
                payer,
                amount: row.amount,
                epoch: row.epoch,
                against: LedgerAccount::DueTo(row.serving),
                open_orders: OpenOrders::Same,
                title: row.title,
                hold: row.reserve,
            });
        }
        Ok(Outcome::Word(Box::new(word)))
    }

    /// The subscriber's time is over.
    pub(crate) fn confirmation_lapses(&mut self, payment: PaymentId) {
        let row = self.confirmation(payment).expect("what is asked has a row").clone();
        self.end_confirmation(&row, Refusal::ConfirmationExpired);
    }

    /// Nobody wants to know any more: the payment can never be made.
    pub(crate) fn recall_confirmation(&mut self, payment: PaymentId, reversal: ReversalId) {
        let row = self.confirmation(payment).expect("the caller has found it").clone();
        self.take_confirmation(&row);
        let decided = self.never_paid(&row, PaymentStatus::Reversed);
        self.payments.insert(payment, Payment { reversal: Some(reversal), ..decided });
    }

    /// It comes to nothing.
    fn end_confirmation(&mut self, row: &Confirmation, refusal: Refusal) {
        self.take_confirmation(row);
        let decided = self.never_paid(row, PaymentStatus::Declined(refusal));
        self.payments.insert(row.payment, decided);
        if row.serving == self.province {
            self.change_order(row.order, |state, order| state.order_event(order, OrderEvent::Declined(refusal)));
        }
    }

    fn never_paid(&self, row: &Confirmation, status: PaymentStatus) -> Payment {
        Payment {
            order: Some(row.order),
            msisdn: Some(row.msisdn),
            amount: row.amount,
            epoch: row.epoch,
            ..self.decided(row.payment, row.serving, status)
        }
    }

    /// The subscriber is not asked any more.
    fn take_confirmation(&mut self, row: &Confirmation) {
        let rows = &mut self.doors.confirmations;
        rows.rows.remove(&row.payment);
        rows.of.remove(&(row.msisdn, row.payment));
        self.timers.remove(&Timer::new(row.until, TimerKind::ConfirmationLapses(row.payment)));
        self.entry.digest.feed(&row.payment);
    }

    /// A code that the subscriber was not sent: whoever guesses is not let try again and again.
    fn count_wrong_code(&mut self, msisdn: Msisdn) {
        let open: Vec<PaymentId> = self.confirmations_of(msisdn).map(|row| row.payment).collect();
        for payment in open {
            let row = self.doors.confirmations.rows.get_mut(&payment).expect("just found");
            row.wrong_codes += 1;
            let row = row.clone();
            self.entry.digest.feed(&row);
            if row.wrong_codes >= WRONG_CODES_MAX {
                self.end_confirmation(&row, Refusal::ConfirmationRefused);
            }
        }
    }
}
