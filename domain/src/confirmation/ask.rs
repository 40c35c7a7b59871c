//! A subscriber is asked.

use crate::account::AccountSelector;
use crate::confirmation::{AskConfirmation, CONFIRM_WITHIN_MS, Confirmation, OPEN_MAX};
use crate::effect::SmsText;
use crate::ids::Msisdn;
use crate::money::Money;
use crate::outcome::Outcome;
use crate::payer::Approval;
use crate::refusal::Refusal;
use crate::state::State;
use crate::timer::{Timer, TimerKind};

impl State {
    /// May the subscriber be asked? What would be refused anyhow is refused now, before a text is sent.
    ///
    /// # Errors
    /// The list of [`crate::purchase`] from 7 on, with [`Refusal::PasswordLocked`] alone in the place of 8; then
    /// [`Refusal::ConfirmationsOpen`].
    pub(crate) fn check_askable(
        &mut self,
        msisdn: Msisdn,
        account: AccountSelector,
        amount: Money,
    ) -> Result<(), Refusal> {
        self.check_payer(msisdn, account, Approval::Consent, amount)?;
        if self.confirmations_of(msisdn).count() >= OPEN_MAX { Err(Refusal::ConfirmationsOpen) } else { Ok(()) }
    }

    /// Another province wants a subscriber of ours to be asked.
    ///
    /// # Errors
    /// As [`State::check_askable`].
    pub(crate) fn ask_for_province(&mut self, ask: &AskConfirmation) -> Result<Outcome, Refusal> {
        let request = &ask.request;
        self.check_askable(request.msisdn, request.account, request.amount)?;
        let row = Confirmation {
            payment: request.payment,
            order: request.order,
            serving: request.serving,
            msisdn: request.msisdn,
            account: request.account,
            amount: request.amount,
            epoch: request.epoch,
            title: request.title.clone(),
            code: ask.code,
            wrong_codes: 0,
            until: self.now.plus_ms(CONFIRM_WITHIN_MS),
            reserve: ask.reserve,
        };
        let payment = row.payment;
        self.ask_subscriber(row, &ask.merchant);
        Ok(Outcome::ConfirmationAsked(payment))
    }

    /// Asks: keeps the row and sends the text. The code is moved on until no other one that the subscriber was sent
    /// is the same, so that a code says what it is about.
    pub(crate) fn ask_subscriber(&mut self, row: Confirmation, merchant: &str) {
        let open: Vec<u32> = self.confirmations_of(row.msisdn).map(|row| row.code).collect();
        let mut code = row.code % 1_000_000;
        while open.contains(&code) {
            code = (code + 1) % 1_000_000;
        }
        let row = Confirmation { code, ..row };
        self.timers.insert(Timer::new(row.until, TimerKind::ConfirmationLapses(row.payment)), ());
        self.entry.digest.feed(&row);
        let Confirmation { msisdn, amount, until, reserve, .. } = row;
        self.tell_number(
            msisdn,
            SmsText::ConfirmPurchase {
                order: row.order,
                merchant: merchant.to_owned(),
                title: row.title.clone(),
                amount,
                code,
                until,
                reserve,
            },
        );
        let rows = &mut self.doors.confirmations;
        rows.of.insert((msisdn, row.payment), ());
        rows.rows.insert(row.payment, row);
    }
}
