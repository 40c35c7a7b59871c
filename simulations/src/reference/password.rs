//! The payment password: wrong ones are counted per subscriber and day; five lock until the next day
//! (product §2).

use mpss_domain::{AccountId, Msisdn, PasswordVerdict, Refusal, SmsText};

use super::Reference;
use super::days::{day_of, next_day};

impl Reference {
    /// Locked comes first, even for a right password; then a verdict about another password than the
    /// one in force, which is not counted; then right or wrong. `account` is the one whose statement
    /// tells of a lock.
    pub(super) fn check_password(
        &mut self,
        msisdn: Msisdn,
        account: AccountId,
        verdict: PasswordVerdict,
    ) -> Result<(), Refusal> {
        let now = self.now;
        let person = self.people.get_mut(&msisdn).expect("who has an account is a subscriber");
        if now < person.locked_until {
            return Err(Refusal::PasswordLocked(person.locked_until));
        }
        if verdict.verifier_version != person.version {
            return Err(Refusal::PasswordChanged);
        }
        if verdict.matches {
            return Ok(());
        }
        person.wrong.retain(|at| day_of(*at) == day_of(now));
        person.wrong.push(now);
        if person.wrong.len() >= usize::from(self.policy.password_failures_max) {
            person.wrong.clear();
            let until = next_day(now);
            person.locked_until = until;
            self.locked(account, until);
            self.text(msisdn, SmsText::PasswordLocked { until });
        }
        Err(Refusal::WrongPassword)
    }

    /// Whose account it is, when the password is right.
    pub(super) fn owner(&mut self, account: AccountId, verdict: PasswordVerdict) -> Result<Msisdn, Refusal> {
        let msisdn = self.wallets.get(&account).ok_or(Refusal::AccountNotFound)?.msisdn;
        self.check_password(msisdn, account, verdict)?;
        Ok(msisdn)
    }
}
