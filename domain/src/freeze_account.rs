//! 账户冻结, freezing an account, and thawing it (product §2, source §6.1.3).

use crate::account::AccountStatus;
use crate::effect::SmsText;
use crate::ids::AccountId;
use crate::journal::AccountChange;
use crate::money::Money;
use crate::outcome::Outcome;
use crate::password::PasswordVerdict;
use crate::refusal::Refusal;
use crate::state::State;
use crate::time::LogTime;
use crate::timer::{Timer, TimerKind};

impl State {
    /// Freezes an account, for ever or until a date.
    ///
    /// # Errors
    /// In this order: the account, the password, the status, the date.
    pub(crate) fn freeze_account(
        &mut self,
        id: AccountId,
        verdict: PasswordVerdict,
        until: Option<LogTime>,
    ) -> Result<Outcome, Refusal> {
        self.owner_of(id, verdict)?;
        self.freeze(id, until)
    }

    /// Freezes an account that exists, whoever asks.
    ///
    /// # Errors
    /// In this order: the status, the date.
    pub(crate) fn freeze(&mut self, id: AccountId, until: Option<LogTime>) -> Result<Outcome, Refusal> {
        let account = self.account(id).expect("the verb has found the account");
        let msisdn = account.msisdn;
        if matches!(account.status, AccountStatus::Frozen { .. }) {
            return Err(Refusal::AlreadyFrozen);
        }
        account.check_active()?;
        if until.is_some_and(|until| until <= self.now) {
            return Err(Refusal::ThawDateInPast);
        }

        // From here it must succeed.
        let account = self.accounts.get_mut(&id).expect("it has an owner");
        account.status = AccountStatus::Frozen { until };
        let kind = account.kind;
        if let Some(until) = until {
            self.timers.insert(Timer::new(until, TimerKind::Thaw(id)), ());
        }
        self.record_change(id, AccountChange::Frozen { until });
        #[cfg(feature = "mutants")]
        if self.is_mutant(crate::mutant::Mutant::FreezeNotTold) {
            return Ok(self.view_of(id, Money::ZERO));
        }
        self.tell(msisdn, SmsText::AccountFrozen { kind, until });
        Ok(self.view_of(id, Money::ZERO))
    }

    /// Thaws an account.
    ///
    /// # Errors
    /// In this order: the account, the password, the account is not frozen.
    pub(crate) fn unfreeze_account(&mut self, id: AccountId, verdict: PasswordVerdict) -> Result<Outcome, Refusal> {
        self.owner_of(id, verdict)?;
        let AccountStatus::Frozen { until } = self.account(id).expect("it has an owner").status else {
            return Err(Refusal::AccountNotFrozen);
        };

        // From here it must succeed.
        if let Some(until) = until {
            self.timers.remove(&Timer::new(until, TimerKind::Thaw(id)));
        }
        self.thaw(id);
        Ok(self.view_of(id, Money::ZERO))
    }

    /// Puts a frozen account in use again.
    pub(crate) fn thaw(&mut self, id: AccountId) {
        let account = self.accounts.get_mut(&id).expect("a frozen account is kept");
        let (msisdn, kind) = (account.msisdn, account.kind);
        account.status = AccountStatus::Active;
        self.record_change(id, AccountChange::Thawed);
        self.tell(msisdn, SmsText::AccountThawed { kind });
        self.wake_prizes(msisdn);
    }
}
