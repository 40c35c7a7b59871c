//! Accounts: open, change, close, freeze, unfreeze, top up (product §2).

use mpss_domain::account::{Language, Tier};
use mpss_domain::journal::{AccountChange, JournalBody, PostingReason};
use mpss_domain::outcome::AccountView;
use mpss_domain::policy::Ceilings;
use mpss_domain::{
    AccountId, AccountKind, AccountStatus, LedgerAccount, LogTime, Money, Msisdn, Outcome, PasswordVerdict,
    PasswordVerifier, Refusal, SmsText, TopUpId, Verb,
};

use super::Reference;
use super::days::day_of;
use super::purchase::check_amount;
use super::wallet::{Movement, Wallet};

/// A subscriber.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) customer_code: u64,
    pub(super) tier: Tier,
    pub(super) language: Language,
    pub(super) verifier: PasswordVerifier,
    /// How many passwords there have been.
    pub(super) version: u32,
    /// Wrong passwords of the day they were last counted on, since the last lock.
    pub(super) wrong: Vec<LogTime>,
    pub(super) locked_until: LogTime,
    /// Every account there has been, oldest first.
    pub(super) accounts: Vec<AccountId>,
}

impl Reference {
    /// Number, kind, the account exists, the password of who has one, limits.
    pub(super) fn open_account(&mut self, verb: &Verb) -> Result<Outcome, Refusal> {
        let Verb::OpenAccount {
            msisdn,
            kind,
            tier,
            language,
            verifier,
            verdict,
            per_payment_limit: asked_per_payment,
            daily_limit: asked_daily,
        } = verb
        else {
            unreachable!("the verb is chosen by its name")
        };
        let (msisdn, kind) = (*msisdn, *kind);
        self.check_at_home(msisdn)?;
        if kind != AccountKind::StoredValue {
            return Err(Refusal::AccountKindUnsupported);
        }
        if self.newest_account(msisdn, kind).is_some_and(|id| self.wallets[&id].status != AccountStatus::Closed) {
            return Err(Refusal::AccountExists);
        }
        if let Some(person) = self.people.get(&msisdn) {
            let newest = *person.accounts.last().expect("a subscriber has had an account");
            self.check_password(msisdn, newest, *verdict)?;
        }
        let ceilings = *self.ceilings(kind, *tier);
        let daily = asked_daily.unwrap_or(ceilings.daily);
        let per_payment = asked_per_payment.unwrap_or(ceilings.per_payment.min(daily));
        check_limits(per_payment, daily, &ceilings)?;

        let id: AccountId = self.identities.next(self.now, self.province);
        let serial = self.people.len() as u64 + 1;
        let code = customer_code(self.province.code(), serial);
        let person = self.people.entry(msisdn).or_insert_with(|| Person {
            customer_code: code,
            tier: *tier,
            language: *language,
            verifier: verifier.clone(),
            version: 1,
            wrong: Vec::new(),
            locked_until: LogTime(0),
            accounts: Vec::new(),
        });
        (person.tier, person.language) = (*tier, *language);
        person.accounts.push(id);
        let limits = (per_payment, daily);
        self.wallets.insert(id, Wallet::opened(msisdn, kind, limits, self.now));
        self.account_changed(id, AccountChange::Opened);
        self.text(msisdn, SmsText::AccountOpened { kind, limits });
        Ok(self.view(id, Money::ZERO))
    }

    /// The account, the password, the status, the limits. Only one in use is changed.
    pub(super) fn change_account(
        &mut self,
        id: AccountId,
        verdict: PasswordVerdict,
        verifier: Option<&PasswordVerifier>,
        asked_per_payment: Option<Money>,
        asked_daily: Option<Money>,
    ) -> Result<Outcome, Refusal> {
        let msisdn = self.owner(id, verdict)?;
        let wallet = &self.wallets[&id];
        check_in_use(wallet)?;
        let kind = wallet.kind;
        let per_payment = asked_per_payment.unwrap_or(wallet.per_payment_limit);
        let daily = asked_daily.unwrap_or(wallet.daily_limit);
        if asked_per_payment.is_some() || asked_daily.is_some() {
            check_limits(per_payment, daily, self.ceilings(kind, self.people[&msisdn].tier))?;
        }

        if let Some(verifier) = verifier {
            let person = self.people.get_mut(&msisdn).expect("an owner is a subscriber");
            person.version += 1;
            person.verifier = verifier.clone();
        }
        let limits = (per_payment, daily);
        let wallet = self.wallets.get_mut(&id).expect("it has an owner");
        (wallet.per_payment_limit, wallet.daily_limit) = limits;
        let password = verifier.is_some();
        self.account_changed(id, AccountChange::Changed { password, limits });
        self.text(msisdn, SmsText::AccountChanged { kind, password, limits });
        Ok(self.view(id, Money::ZERO))
    }

    /// The account, the password, the status (a closed one only when money came back to it), open
    /// orders, the balance.
    pub(super) fn close_account(
        &mut self,
        id: AccountId,
        verdict: PasswordVerdict,
        agent_named: bool,
    ) -> Result<Outcome, Refusal> {
        let msisdn = self.owner(id, verdict)?;
        let wallet = &self.wallets[&id];
        let (kind, balance) = (wallet.kind, wallet.balance());
        let closed_before = wallet.status == AccountStatus::Closed;
        if !closed_before || balance == Money::ZERO {
            check_in_use(wallet)?;
        }
        if self.open_orders(id) > 0 {
            return Err(Refusal::OpenOrdersRemain);
        }
        if balance.is_positive() && !agent_named {
            return Err(Refusal::BalanceRemains);
        }

        if balance.is_positive() {
            let cash = Movement::of(-balance, PostingReason::PayOut(id), LedgerAccount::AgentCash);
            self.move_money(id, &cash);
        }
        if !closed_before {
            self.wallets.get_mut(&id).expect("it has an owner").status = AccountStatus::Closed;
            self.account_changed(id, AccountChange::Closed);
        }
        self.text(msisdn, SmsText::AccountClosed { kind, paid_out: balance });
        Ok(self.view(id, balance))
    }

    /// The account, the password, the status, the date.
    pub(super) fn freeze_account(
        &mut self,
        id: AccountId,
        verdict: PasswordVerdict,
        until: Option<LogTime>,
    ) -> Result<Outcome, Refusal> {
        let msisdn = self.owner(id, verdict)?;
        let wallet = &self.wallets[&id];
        if let AccountStatus::Frozen { .. } = wallet.status {
            return Err(Refusal::AlreadyFrozen);
        }
        check_in_use(wallet)?;
        if until.is_some_and(|until| until <= self.now) {
            return Err(Refusal::ThawDateInPast);
        }

        let kind = wallet.kind;
        self.wallets.get_mut(&id).expect("it has an owner").status = AccountStatus::Frozen { until };
        self.frozen.insert(id);
        self.account_changed(id, AccountChange::Frozen { until });
        self.text(msisdn, SmsText::AccountFrozen { kind, until });
        Ok(self.view(id, Money::ZERO))
    }

    /// The account, the password, the account is not frozen.
    pub(super) fn unfreeze_account(&mut self, id: AccountId, verdict: PasswordVerdict) -> Result<Outcome, Refusal> {
        self.owner(id, verdict)?;
        if !matches!(self.wallets[&id].status, AccountStatus::Frozen { .. }) {
            return Err(Refusal::AccountNotFrozen);
        }
        self.thaw(id);
        Ok(self.view(id, Money::ZERO))
    }

    /// By the subscriber, or on its date.
    pub(super) fn thaw(&mut self, id: AccountId) {
        let wallet = self.wallets.get_mut(&id).expect("what is frozen is an account");
        wallet.status = AccountStatus::Active;
        let (msisdn, kind) = (wallet.msisdn, wallet.kind);
        self.frozen.remove(&id);
        self.account_changed(id, AccountChange::Thawed);
        self.text(msisdn, SmsText::AccountThawed { kind });
    }

    /// The amount, the account, its status, its kind, the number, the ceiling.
    pub(super) fn top_up(&mut self, id: AccountId, amount: Money) -> Result<Outcome, Refusal> {
        check_amount(amount)?;
        let wallet = self.wallets.get(&id).ok_or(Refusal::AccountNotFound)?;
        check_in_use(wallet)?;
        if wallet.kind != AccountKind::StoredValue {
            return Err(Refusal::AccountKindUnsupported);
        }
        let msisdn = wallet.msisdn;
        self.check_at_home(msisdn)?;
        if self.would_be_too_full(id, amount) {
            return Err(Refusal::BalanceCeilingExceeded);
        }

        let top_up: TopUpId = self.identities.next(self.now, self.province);
        let cash = Movement::of(amount, PostingReason::TopUp(top_up), LedgerAccount::AgentCash);
        let balance = self.move_money(id, &cash);
        self.text(msisdn, SmsText::ToppedUp { amount, balance });
        Ok(Outcome::ToppedUp { top_up, account: id, amount, balance })
    }

    /// New money only: what comes back always lands.
    pub(super) fn would_be_too_full(&self, id: AccountId, more: Money) -> bool {
        let wallet = &self.wallets[&id];
        let tier = self.people[&wallet.msisdn].tier;
        wallet.balance() + more > self.ceilings(wallet.kind, tier).balance
    }

    pub(super) fn newest_account(&self, msisdn: Msisdn, kind: AccountKind) -> Option<AccountId> {
        let accounts = &self.people.get(&msisdn)?.accounts;
        accounts.iter().rev().copied().find(|id| self.wallets[id].kind == kind)
    }

    /// Orders and transfers that are not final and use the account.
    pub(super) fn open_orders(&self, id: AccountId) -> u32 {
        let delivering = self.waiting.iter().map(|order| &self.orders[order]).filter(|order| {
            let payment = self.payments.get(&order.payment);
            order.home == self.province && payment.is_some_and(|payment| payment.account == Some(id))
        });
        let crediting = self.crediting.iter().filter(|transfer| self.transfers[transfer].payer_account == id);
        u32::try_from(delivering.count() + crediting.count()).expect("they are counted in 32 bits")
    }

    fn account_changed(&mut self, id: AccountId, change: AccountChange) {
        self.record_of_account(id, JournalBody::AccountChanged { account: id, change });
    }

    /// The account as it is now; what was used is told for today.
    fn view(&self, id: AccountId, paid_out: Money) -> Outcome {
        let account = self.wallets[&id].row(id, day_of(self.now), self.open_orders(id));
        Outcome::Account(Box::new(AccountView { account, paid_out }))
    }

    pub(super) fn locked(&mut self, account: AccountId, until: LogTime) {
        self.account_changed(account, AccountChange::PasswordLocked { until });
    }
}

/// May the account take part in anything new?
pub(super) fn check_in_use(wallet: &Wallet) -> Result<(), Refusal> {
    match wallet.status {
        AccountStatus::Active => Ok(()),
        AccountStatus::Pending => Err(Refusal::AccountPending),
        AccountStatus::Frozen { .. } => Err(Refusal::AccountFrozen),
        AccountStatus::Closed => Err(Refusal::AccountClosed),
    }
}

/// Possible in themselves first, then under the ceilings.
fn check_limits(per_payment: Money, daily: Money, ceilings: &Ceilings) -> Result<(), Refusal> {
    if per_payment <= Money::ZERO || daily < per_payment {
        return Err(Refusal::InvalidLimit);
    }
    if per_payment > ceilings.per_payment || daily > ceilings.daily {
        return Err(Refusal::LimitAboveCeiling);
    }
    Ok(())
}

/// Two digits of province, ten of serial number, one check digit after Luhn.
fn customer_code(province: u8, serial: u64) -> u64 {
    let body = format!("{province:02}{:010}", serial % 10_000_000_000);
    let weighed = body.bytes().rev().enumerate().map(|(place, digit)| {
        let digit = u64::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
        if digit > 9 { digit - 9 } else { digit }
    });
    let check = (10 - weighed.sum::<u64>() % 10) % 10;
    format!("{body}{check}").parse().expect("thirteen digits are a number")
}
