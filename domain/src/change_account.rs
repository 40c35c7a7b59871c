//! Change of payment password and limits (product §2).

use crate::effect::SmsText;
use crate::ids::AccountId;
use crate::journal::AccountChange;
use crate::money::Money;
use crate::open_account::check_limits;
use crate::outcome::Outcome;
use crate::password::{PasswordVerdict, PasswordVerifier};
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// Changes an account. Only one in use: whoever froze it feared for it.
    ///
    /// # Errors
    /// In this order: the account, the password, the status, the limits.
    pub(crate) fn change_account(
        &mut self,
        id: AccountId,
        verdict: PasswordVerdict,
        verifier: Option<&PasswordVerifier>,
        (per_payment, daily): (Option<Money>, Option<Money>),
    ) -> Result<Outcome, Refusal> {
        let msisdn = self.owner_of(id, verdict)?;
        let account = self.account(id).expect("it has an owner");
        account.check_active()?;
        let kind = account.kind;
        let limits = (per_payment.unwrap_or(account.per_payment_limit), daily.unwrap_or(account.daily_limit));
        let tier = self.subscriber(msisdn).expect("an account belongs to a subscriber").tier;
        if per_payment.is_some() || daily.is_some() {
            check_limits(limits, self.policy.ceilings(kind, tier))?;
        }

        // From here it must succeed.
        if let Some(verifier) = verifier {
            let credential = &mut self.subscribers.get_mut(&msisdn).expect("it has an account").credential;
            // The day's count stays: it is the subscriber's, not the password's.
            credential.version += 1;
            credential.verifier = verifier.clone();
        }
        let account = self.accounts.get_mut(&id).expect("it has an owner");
        (account.per_payment_limit, account.daily_limit) = limits;
        let password = verifier.is_some();
        self.record_change(id, AccountChange::Changed { password, limits });
        self.tell(msisdn, SmsText::AccountChanged { kind, password, limits });
        Ok(self.view_of(id, Money::ZERO))
    }
}
