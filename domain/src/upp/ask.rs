//! What the UPP asks for, and what it is told.

use super::{PayUpp, UppAsked, UppEnd, UppNumber, UppOrder, UppWait};
use crate::account::AccountSelector;
use crate::effect::Effect;
use crate::ids::{Msisdn, PaymentId, RefundId, ReversalId};
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::movement::OpenOrders;
use crate::outcome::Outcome;
use crate::payer::Approval;
use crate::payment::{Payment, PaymentStatus};
use crate::purchase::Debit;
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// Pays for an order of the UPP.
    ///
    /// # Errors
    /// In this order: what is known of the number ([`Refusal::UppOrderMismatch`], the refusal given before,
    /// [`Refusal::AlreadyReversed`]); the amount; the subscriber's number and its home; then the list of
    /// [`crate::purchase`] from 7 on, kept with the number unless it is transient.
    pub(crate) fn pay_upp(&mut self, ask: &PayUpp) -> Result<Outcome, Refusal> {
        match self.upp_order(ask.number) {
            #[cfg(feature = "mutants")]
            Some(_) if self.is_mutant(crate::mutant::Mutant::UppOrderPaidTwice) => {}
            #[cfg(feature = "mutants")]
            Some(known) if known.asked.is_none() && self.is_mutant(crate::mutant::Mutant::LateUppPaymentRevives) => {
                let payment = self.upp_payment(known).clone();
                self.forget_upp(&payment);
            }
            Some(known) => return self.answer_upp_again(known, ask),
            None => {}
        }
        ask.amount.check_request()?;
        self.check_upp_number(ask.msisdn)?;
        let (kind, approval) = (AccountSelector::Kind(ask.kind), Approval::Password(ask.verdict));
        let payer = self.check_payer(ask.msisdn, kind, approval, ask.amount);
        if let Err(refusal) = payer
            && refusal.is_transient()
        {
            return Err(refusal);
        }

        // From here it must succeed.
        let (payment, order) = (self.ids.issue(self.now, self.province), self.ids.issue(self.now, self.province));
        match payer {
            Ok(payer) => self.debit(Debit {
                payment,
                order,
                serving: self.province,
                msisdn: ask.msisdn,
                payer,
                amount: ask.amount,
                epoch: self.plan.epoch,
                against: LedgerAccount::DueToUpp,
                // The UPP may never say how its order ended, so it can not hold the account open.
                open_orders: OpenOrders::Same,
                title: ask.title.clone(),
                hold: false,
            }),
            Err(refusal) => {
                let row = Payment {
                    order: Some(order),
                    msisdn: Some(ask.msisdn),
                    amount: ask.amount,
                    epoch: self.plan.epoch,
                    ..self.decided(payment, self.province, PaymentStatus::Declined(refusal))
                };
                self.payments.insert(payment, row);
            }
        }
        let status = self.payment(payment).expect("just made").status;
        self.keep_upp(UppOrder {
            asked: Some(UppAsked { kind: ask.kind, amount: ask.amount, title: ask.title.clone() }),
            wait: if status == PaymentStatus::Pending { UppWait::Open } else { UppWait::Never },
            ..UppOrder::new(ask.number, payment, ask.msisdn)
        });
        payer.map(|_| self.upp_outcome(ask.number))
    }

    fn answer_upp_again(&self, known: &UppOrder, ask: &PayUpp) -> Result<Outcome, Refusal> {
        let same = known
            .asked
            .as_ref()
            .is_none_or(|asked| asked.kind == ask.kind && asked.amount == ask.amount && asked.title == ask.title);
        if known.msisdn != ask.msisdn || !same {
            return Err(Refusal::UppOrderMismatch);
        }
        match self.upp_payment(known).status {
            PaymentStatus::Declined(refusal) => Err(refusal),
            PaymentStatus::Reversed | PaymentStatus::Released | PaymentStatus::Reversing => {
                Err(Refusal::AlreadyReversed)
            }
            _ => Ok(self.upp_outcome(ask.number)),
        }
    }

    /// Reverses an order of the UPP, even one never seen: from then on it can never be paid.
    ///
    /// # Errors
    /// In this order: for a number never seen the subscriber's number and its home;
    /// [`Refusal::UppOrderMismatch`] for another subscriber's; [`Refusal::AlreadyReversed`] under another
    /// reversal number; [`Refusal::PartlyRefunded`]; [`Refusal::ReversalWindowClosed`].
    pub(crate) fn reverse_upp(
        &mut self,
        number: UppNumber,
        msisdn: Msisdn,
        reversal: UppNumber,
    ) -> Result<Outcome, Refusal> {
        let Some(row) = self.upp_order(number) else {
            self.check_upp_number(msisdn)?;
            self.forbid_upp(number, msisdn, reversal);
            return Ok(self.upp_outcome(number));
        };
        let row = row.of(msisdn)?;
        if let Some(known) = row.reversal {
            return if known == reversal { Ok(self.upp_outcome(number)) } else { Err(Refusal::AlreadyReversed) };
        }
        let (id, payment) = (row.payment, self.upp_payment(row));
        let (status, age_ms) = (payment.status, self.now.ms_since(payment.at));
        match status {
            PaymentStatus::PartlyRefunded | PaymentStatus::Refunded => return Err(Refusal::PartlyRefunded),
            PaymentStatus::Captured | PaymentStatus::Reserved if age_ms > self.policy.reversal_window_ms => {
                return Err(Refusal::ReversalWindowClosed);
            }
            _ => {}
        }

        // From here it must succeed.
        let undone: ReversalId = self.ids.issue(self.now, self.province);
        match status {
            PaymentStatus::Captured | PaymentStatus::Reserved | PaymentStatus::Pending => {
                self.undo_payment(id, undone, LedgerAccount::DueToUpp, OpenOrders::Same);
            }
            PaymentStatus::Declined(_) => {
                let payment = self.payments.get_mut(&id).expect("just found");
                payment.status = PaymentStatus::Reversed;
                payment.reversal = Some(undone);
            }
            _ => {}
        }
        self.change_upp(number, |row| {
            row.reversal = Some(reversal);
            if row.wait == UppWait::Open {
                row.wait = UppWait::CalledOff;
            }
        });
        Ok(self.upp_outcome(number))
    }

    /// Refunds part or all of an order of the UPP.
    ///
    /// # Errors
    /// In this order: the amount; [`Refusal::UppOrderNotFound`]; [`Refusal::UppOrderMismatch`] for another
    /// subscriber's; [`Refusal::UppRefundMismatch`]; [`Refusal::WrongOrderStatus`] while it is pending,
    /// [`Refusal::UppOrderNotPaid`], [`Refusal::AlreadyReversed`]; [`Refusal::RequestTooOld`];
    /// [`Refusal::RefundExceedsPaid`].
    pub(crate) fn refund_upp(
        &mut self,
        number: UppNumber,
        msisdn: Msisdn,
        refund: UppNumber,
        amount: Money,
    ) -> Result<Outcome, Refusal> {
        amount.check_request()?;
        let row = self.upp_order(number).ok_or(Refusal::UppOrderNotFound)?.of(msisdn)?;
        let payment = self.upp_payment(row);
        if let Some((_, known)) = row.refunds.iter().find(|(known, _)| *known == refund) {
            let same = payment.refunds.contains(&(*known, amount));
            return if same { Ok(self.upp_outcome(number)) } else { Err(Refusal::UppRefundMismatch) };
        }
        let left = match payment.status {
            PaymentStatus::Pending => return Err(Refusal::WrongOrderStatus),
            PaymentStatus::Declined(_) => return Err(Refusal::UppOrderNotPaid),
            PaymentStatus::Reversed | PaymentStatus::Reversing | PaymentStatus::Released => {
                return Err(Refusal::AlreadyReversed);
            }
            // What is refunded was delivered: the word of it is still on its way.
            PaymentStatus::Reserved => payment.amount,
            _ => payment.refundable(),
        };
        if self.now.ms_since(payment.at) > self.policy.retention_ms {
            return Err(Refusal::RequestTooOld);
        }
        if amount > left {
            return Err(Refusal::RefundExceedsPaid);
        }

        // From here it must succeed.
        let (id, held) = (row.payment, payment.amount);
        let ours: RefundId = self.ids.issue(self.now, self.province);
        self.capture_held(id, held);
        self.give_back(id, ours, amount, LedgerAccount::DueToUpp);
        self.change_upp(number, |row| row.refunds.push((refund, ours)));
        Ok(self.upp_outcome(number))
    }

    /// The UPP says that an order was delivered: what is held for it is taken. Of one that was reversed
    /// meanwhile it is noted all the same, and nothing moves.
    ///
    /// # Errors
    /// In this order: [`Refusal::UppOrderNotFound`]; [`Refusal::UppOrderMismatch`] for another subscriber's;
    /// [`Refusal::WrongOrderStatus`] while it is pending; [`Refusal::UppOrderNotPaid`].
    pub(crate) fn confirm_upp(&mut self, number: UppNumber, msisdn: Msisdn) -> Result<Outcome, Refusal> {
        let row = self.upp_order(number).ok_or(Refusal::UppOrderNotFound)?.of(msisdn)?;
        let (id, payment) = (row.payment, self.upp_payment(row));
        match payment.status {
            PaymentStatus::Pending => return Err(Refusal::WrongOrderStatus),
            PaymentStatus::Declined(_) => return Err(Refusal::UppOrderNotPaid),
            _ => {}
        }

        // From here it must succeed.
        let (held, now) = (payment.amount, self.now);
        self.capture_held(id, held);
        self.change_upp(number, |row| {
            row.confirmed_at.get_or_insert(now);
        });
        Ok(self.upp_outcome(number))
    }

    /// A payment that was pending has ended: when it is the UPP's, the UPP is told.
    pub(crate) fn tell_upp(&mut self, payment: PaymentId) {
        let Some(number) = self.outside.upp.numbers.get(&payment).copied() else { return };
        let end = match self.payment(payment).expect("a payment is kept with its order").status {
            PaymentStatus::Declined(refusal) => UppEnd::Declined(refusal),
            PaymentStatus::Reversed => UppEnd::Reversed,
            _ => UppEnd::Paid,
        };
        #[cfg(feature = "mutants")]
        if self.is_mutant(crate::mutant::Mutant::UppNotTold) {
            return;
        }
        let effect = self.add_effect(Effect::TellUpp { payment, number, end });
        self.change_upp(number, |row| row.wait = UppWait::Told(effect));
    }

    /// Is this the home of a subscriber that the UPP names, by the number plan in force here?
    fn check_upp_number(&self, msisdn: Msisdn) -> Result<(), Refusal> {
        self.check_home(msisdn, self.province, self.plan.epoch)?;
        if self.province.is_national() { Err(Refusal::NotHome) } else { Ok(()) }
    }

    fn upp_payment(&self, row: &UppOrder) -> &Payment {
        self.payment(row.payment).expect("a payment is kept with its order")
    }

    fn upp_outcome(&self, number: UppNumber) -> Outcome {
        Outcome::Upp(Box::new(self.upp_view(number).expect("the verb has found the order")))
    }

    /// Remembers that an order never seen is reversed.
    fn forbid_upp(&mut self, number: UppNumber, msisdn: Msisdn, reversal: UppNumber) {
        let (payment, undone) = (self.ids.issue(self.now, self.province), self.ids.issue(self.now, self.province));
        let (reversed, epoch) = (self.decided(payment, self.province, PaymentStatus::Reversed), self.plan.epoch);
        self.payments.insert(payment, Payment { epoch, reversal: Some(undone), ..reversed });
        self.keep_upp(UppOrder { reversal: Some(reversal), ..UppOrder::new(number, payment, msisdn) });
    }

    fn keep_upp(&mut self, row: UppOrder) {
        self.entry.digest.feed(&row);
        self.outside.upp.numbers.insert(row.payment, row.number);
        self.outside.upp.rows.insert(row.number, row);
    }

    fn change_upp(&mut self, number: UppNumber, change: impl FnOnce(&mut UppOrder)) {
        let row = self.outside.upp.rows.get_mut(&number).expect("the verb has found the order");
        change(row);
        self.entry.digest.feed(row);
    }
}
