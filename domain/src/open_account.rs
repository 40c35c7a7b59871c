//! 开户, opening an account (product §2, source §5.1).

use crate::account::{Account, AccountKind, AccountStatus, Language, Subscriber, Tier};
use crate::effect::SmsText;
use crate::ids::{AccountId, CustomerCode, Msisdn};
use crate::journal::AccountChange;
use crate::money::Money;
use crate::outcome::{AccountView, Outcome};
use crate::outside::{Link, Means};
use crate::password::{Credential, PasswordVerdict, PasswordVerifier};
use crate::policy::Ceilings;
use crate::refusal::Refusal;
use crate::state::State;
use crate::time::{BusinessDay, LogTime};

/// What [`crate::Verb::OpenAccount`] says.
pub(crate) struct Opening<'a> {
    pub(crate) msisdn: Msisdn,
    pub(crate) kind: AccountKind,
    pub(crate) tier: Tier,
    pub(crate) language: Language,
    pub(crate) verifier: &'a PasswordVerifier,
    pub(crate) verdict: PasswordVerdict,
    pub(crate) per_payment_limit: Option<Money>,
    pub(crate) daily_limit: Option<Money>,
}

impl State {
    /// Opens an account. A subscriber who closed one may open a new one; it gets a new id, and what
    /// still comes back to the closed one stays apart.
    ///
    /// # Errors
    /// In this order: the number ([`State::check_home_is_here`]), the kind, the account exists, the
    /// password of a subscriber who has one, the limits.
    pub(crate) fn open_account(&mut self, opening: &Opening<'_>) -> Result<Outcome, Refusal> {
        if opening.kind != AccountKind::StoredValue {
            self.check_home_is_here(opening.msisdn)?;
            return Err(Refusal::AccountKindUnsupported);
        }
        let id = self.open(opening)?;
        Ok(self.view_of(id, Money::ZERO))
    }

    /// Opens an account whose money is outside. Whoever asks has found out there that it may be used.
    ///
    /// # Errors
    /// As [`State::open_account`].
    pub(crate) fn open_outside(&mut self, opening: &Opening<'_>, means: &Means) -> Result<Outcome, Refusal> {
        let id = self.open(opening)?;
        self.outside.links.insert(id, Link { means: means.clone(), open_calls: 0 });
        Ok(self.view_of(id, Money::ZERO))
    }

    fn open(&mut self, opening: &Opening<'_>) -> Result<AccountId, Refusal> {
        let &Opening { msisdn, kind, tier, language, .. } = opening;
        self.check_home_is_here(msisdn)?;
        let known = self.subscribers.find(&msisdn);
        if let Some(subscriber) = known {
            let accounts = self.subscribers.at(subscriber).accounts;
            let same_kind = accounts[kind as usize].and_then(|id| self.account(id));
            if same_kind.is_some_and(|account| account.status != AccountStatus::Closed) {
                return Err(Refusal::AccountExists);
            }
            let told = accounts.into_iter().flatten().max().expect("a subscriber has had an account");
            self.check_password(subscriber, told, opening.verdict)?;
        }
        let ceilings = self.policy.ceilings(kind, tier);
        let daily = opening.daily_limit.unwrap_or(ceilings.daily);
        let per_payment = opening.per_payment_limit.unwrap_or(ceilings.per_payment.min(daily));
        check_limits((per_payment, daily), ceilings)?;

        // From here it must succeed.
        let id: AccountId = self.ids.issue(self.now, self.province);
        if known.is_none() {
            self.register(opening);
        }
        let subscriber = self.subscribers.get_mut(&msisdn).expect("registered");
        subscriber.accounts[kind as usize] = Some(id);
        (subscriber.tier, subscriber.language) = (tier, language);
        let account = Account {
            id,
            msisdn,
            kind,
            status: AccountStatus::Active,
            available: Money::ZERO,
            held: Money::ZERO,
            per_payment_limit: per_payment,
            daily_limit: daily,
            used: Money::ZERO,
            used_day: BusinessDay(0),
            open_orders: 0,
            opened_at: self.now,
            last_record: None,
        };
        self.accounts.insert(id, account);
        self.record_change(id, AccountChange::Opened);
        self.tell(msisdn, SmsText::AccountOpened { kind, limits: (per_payment, daily) });
        self.wake_prizes(msisdn);
        Ok(id)
    }

    /// Makes a subscriber of a number: a customer code and the payment password.
    fn register(&mut self, opening: &Opening<'_>) {
        self.customers += 1;
        let subscriber = Subscriber {
            msisdn: opening.msisdn,
            customer_code: CustomerCode::issue(self.province, self.customers),
            tier: opening.tier,
            language: opening.language,
            credential: Credential {
                version: 1,
                verifier: opening.verifier.clone(),
                failures: 0,
                failures_day: BusinessDay(0),
                locked_until: LogTime(0),
            },
            accounts: [None; 3],
        };
        self.subscribers.insert(opening.msisdn, subscriber);
    }

    /// An account as it is now, for the answer to what changed it. What was used is told for today, so
    /// that the answer can be given again on another day.
    pub(crate) fn view_of(&self, id: AccountId, paid_out: Money) -> Outcome {
        let mut account = self.account(id).expect("the verb has found the account").clone();
        let today = self.now.business_day();
        (account.used, account.used_day) = (account.used_on(today), today);
        Outcome::Account(Box::new(AccountView { account, paid_out }))
    }
}

/// The kind of an account whose money is outside.
pub(crate) const fn kind_of(means: &Means) -> AccountKind {
    match means {
        Means::PhoneBill(_) => AccountKind::Communication,
        Means::Card(_) => AccountKind::Bank,
        Means::Upp => AccountKind::StoredValue,
    }
}

/// Are these limits (per payment, per day) possible under the ceilings?
///
/// # Errors
/// [`Refusal::InvalidLimit`], then [`Refusal::LimitAboveCeiling`].
pub(crate) fn check_limits((per_payment, daily): (Money, Money), ceilings: &Ceilings) -> Result<(), Refusal> {
    if !per_payment.is_positive() || per_payment > daily {
        return Err(Refusal::InvalidLimit);
    }
    if per_payment > ceilings.per_payment || daily > ceilings.daily {
        return Err(Refusal::LimitAboveCeiling);
    }
    Ok(())
}
