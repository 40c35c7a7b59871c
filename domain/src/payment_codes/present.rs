//! A code is presented: at home, with an order or for one of another province.

use crate::account::AccountSelector;
use crate::ids::{Msisdn, PaymentId};
use crate::money::Money;
use crate::outcome::Outcome;
use crate::payer::Payer;
#[cfg(feature = "mutants")]
use crate::payment_codes::IssuedCode;
use crate::payment_codes::{PaymentCode, Presenter, WRONG_CODES_MAX};
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// Who pays by a code. It is not used yet: see [`State::use_code`].
    ///
    /// # Errors
    /// In this order: [`Refusal::PaymentCodesLocked`]; [`Refusal::PaymentCodeUnknown`], counted, also when the code is
    /// another subscriber's or another account's; [`Refusal::PaymentCodeUsed`]; [`Refusal::PaymentCodeExpired`];
    /// [`Refusal::AmountAboveCode`]; then the list of [`crate::purchase`] from 9 on.
    pub(crate) fn check_payer_by_code(
        &mut self,
        code: PaymentCode,
        by: Presenter,
        msisdn: Msisdn,
        account: AccountSelector,
        amount: Money,
    ) -> Result<Payer, Refusal> {
        self.check_presenter(by)?;
        let known = self.payment_code(code).filter(|row| row.msisdn == msisdn);
        let Some(row) = known.filter(|row| account == AccountSelector::Id(row.account)).cloned() else {
            return Err(self.count_guess(by));
        };
        #[cfg(feature = "mutants")]
        let row =
            IssuedCode { used: row.used.filter(|_| !self.is_mutant(crate::mutant::Mutant::CodePaysTwice)), ..row };
        if row.used.is_some() {
            return Err(Refusal::PaymentCodeUsed);
        }
        if self.now >= row.until {
            return Err(Refusal::PaymentCodeExpired);
        }
        if amount > row.amount {
            return Err(Refusal::AmountAboveCode);
        }
        let subscriber = self.subscribers.find(&msisdn).expect("a code belongs to a subscriber");
        let slot = self.accounts.find(&row.account).expect("an account is kept for ever");
        let rail = self.link(row.account).map(|link| link.means.rail());
        let account = self.accounts.at(slot);
        let tier = self.subscribers.at(subscriber).tier;
        let ceilings = self.policy.ceilings(account.kind, tier);
        account.check_debit(amount, self.now.business_day(), ceilings, rail.is_none())?;
        Ok(Payer { id: row.account, account: slot, subscriber, rail, bill: None })
    }

    /// A payment is made by a code, or asked of whoever has the money: the code pays nothing else, whatever becomes of
    /// that.
    pub(crate) fn use_code(&mut self, code: PaymentCode, payment: PaymentId) {
        let row = self.outside.payment_codes.rows.get_mut(&code).expect("the verb has found the code");
        row.used = Some(payment);
        self.entry.digest.feed(row);
    }

    /// Somebody presented a code that is not known here. See [`crate::Verb::CountGuess`].
    ///
    /// # Errors
    /// Always: [`Refusal::PaymentCodesLocked`], or [`Refusal::PaymentCodeUnknown`].
    pub(crate) fn guessed(&mut self, by: Presenter) -> Result<Outcome, Refusal> {
        self.check_presenter(by)?;
        Err(self.count_guess(by))
    }

    /// Are codes that somebody presents looked at today?
    ///
    /// # Errors
    /// [`Refusal::PaymentCodesLocked`].
    pub fn check_presenter(&self, by: Presenter) -> Result<(), Refusal> {
        let today = self.now.business_day();
        let wrong = self.outside.payment_codes.wrong.get(&(today, by)).copied().unwrap_or_default();
        if wrong < WRONG_CODES_MAX { Ok(()) } else { Err(Refusal::PaymentCodesLocked(today.next().start())) }
    }

    fn count_guess(&mut self, by: Presenter) -> Refusal {
        let key = (self.now.business_day(), by);
        let wrong = self.outside.payment_codes.wrong.get(&key).copied().unwrap_or_default() + 1;
        self.entry.digest.feed(&(key, wrong));
        self.outside.payment_codes.wrong.insert(key, wrong);
        Refusal::PaymentCodeUnknown
    }
}
