//! The payment password's verdict, counted and locked where it is ordered by the log (product §2): an
//! attempt is counted before it is answered, so nobody guesses faster by asking in parallel.

use crate::account::Subscriber;
use crate::effect::{Effect, SmsText};
use crate::ids::{AccountId, Msisdn};
use crate::journal::AccountChange;
use crate::outcome::Outcome;
use crate::password::{Credential, PasswordVerdict};
use crate::refusal::Refusal;
use crate::state::State;
use crate::table::Slot;
use crate::time::LogTime;

impl State {
    /// Judges a verdict. Locked comes first, even for a right password; then whether the verdict is
    /// about the password in force (if not, nothing is counted); then right or wrong. `account` is
    /// the one whose statement tells of a lock.
    ///
    /// # Errors
    /// [`Refusal::PasswordLocked`], [`Refusal::PasswordChanged`] or [`Refusal::WrongPassword`].
    pub(crate) fn check_password(
        &mut self,
        subscriber: Slot,
        account: AccountId,
        verdict: PasswordVerdict,
    ) -> Result<(), Refusal> {
        let credential = &self.subscribers.at(subscriber).credential;
        if credential.locked_until > self.now {
            return Err(Refusal::PasswordLocked(credential.locked_until));
        }
        if credential.version != verdict.verifier_version {
            return Err(Refusal::PasswordChanged);
        }
        if verdict.matches {
            // The day's count stays: else a guesser had four tries between any two of the owner's payments.
            return Ok(());
        }
        let max = self.policy.password_failures_max;
        let credential = &mut self.subscribers.at_mut(subscriber).credential;
        if let Some(until) = count_failure(credential, self.now, max) {
            self.record_change(account, AccountChange::PasswordLocked { until });
            self.tell_at(subscriber, SmsText::PasswordLocked { until });
        }
        Err(Refusal::WrongPassword)
    }

    /// Judges a verdict for whoever signs in: nothing comes of a right one but that it was right.
    ///
    /// # Errors
    /// As [`State::check_home_is_here`]; [`Refusal::AccountNotFound`] of who never had an account; then what
    /// [`State::check_password`] refuses.
    pub(crate) fn check_password_alone(
        &mut self,
        msisdn: Msisdn,
        verdict: PasswordVerdict,
    ) -> Result<Outcome, Refusal> {
        self.check_home_is_here(msisdn)?;
        let subscriber = self.subscribers.find(&msisdn).ok_or(Refusal::AccountNotFound)?;
        let accounts = self.subscribers.at(subscriber).accounts;
        let told = accounts.into_iter().flatten().max().expect("a subscriber has had an account");
        self.check_password(subscriber, told, verdict)?;
        Ok(Outcome::Done)
    }

    /// The account of a command that names one, when the password is right.
    ///
    /// # Errors
    /// [`Refusal::AccountNotFound`], then what [`State::check_password`] refuses.
    pub(crate) fn owner_of(&mut self, account: AccountId, verdict: PasswordVerdict) -> Result<Msisdn, Refusal> {
        let msisdn = self.account(account).ok_or(Refusal::AccountNotFound)?.msisdn;
        let subscriber = self.subscribers.find(&msisdn).expect("an account belongs to a subscriber");
        self.check_password(subscriber, account, verdict)?;
        Ok(msisdn)
    }

    /// Sends a subscriber a text.
    pub(crate) fn tell(&mut self, msisdn: Msisdn, text: SmsText) {
        self.tell_at(self.subscribers.find(&msisdn).expect("who is told something is a subscriber"), text);
    }

    /// As [`State::tell`], with the place of the subscriber's row.
    pub(crate) fn tell_at(&mut self, subscriber: Slot, text: SmsText) {
        let &Subscriber { msisdn, language, .. } = self.subscribers.at(subscriber);
        self.add_effect(Effect::Sms { to: msisdn, language, text });
    }
}

/// Counts a wrong attempt; gives the end of the lock when this one locks.
fn count_failure(credential: &mut Credential, now: LogTime, max: u8) -> Option<LogTime> {
    let today = now.business_day();
    if credential.failures_day != today {
        (credential.failures, credential.failures_day) = (0, today);
    }
    credential.failures = credential.failures.saturating_add(1);
    (credential.failures >= max).then(|| {
        credential.locked_until = today.next().start();
        credential.failures = 0;
        credential.locked_until
    })
}
