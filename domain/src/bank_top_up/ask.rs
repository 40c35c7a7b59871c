//! The life of a top-up by bank card, from the first question to the money.

use super::{BankTopUp, BankTopUpStatus, TopUpByBank};
use crate::account::{AccountKind, AccountSelector, AccountStatus};
use crate::effect::SmsText;
use crate::ids::{AccountId, CallId, TopUpId};
use crate::journal::PostingReason;
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::movement::{Movement, OpenOrders, Step};
use crate::outcome::Outcome;
use crate::rail::call::{CallStep, Phase, Subject};
use crate::refusal::Refusal;
use crate::state::State;
use crate::time::LogTime;

impl State {
    /// Takes a top-up and has the bank asked for the money. The use of the bank account's limits is counted at once,
    /// and the amount is held to the ceiling at once, so that top-ups that race each other while they are unanswered
    /// can not overrun them.
    ///
    /// # Errors
    /// In this order: the amount; the account; the number; the password ([`State::check_password`]); the account's
    /// kind, where its money is kept, its status; [`Refusal::NoBankAccount`]; the bank account's status and limits
    /// ([`crate::account::Account::check_debit`]); the ceiling.
    pub(crate) fn top_up_by_bank(&mut self, ask: &TopUpByBank) -> Result<Outcome, Refusal> {
        let &TopUpByBank { account: id, amount, verdict } = ask;
        amount.check_request()?;
        let msisdn = self.account(id).ok_or(Refusal::AccountNotFound)?.msisdn;
        self.check_home_is_here(msisdn)?;
        self.owner_of(id, verdict)?;
        let account = self.account(id).expect("just found");
        if account.kind != AccountKind::StoredValue {
            return Err(Refusal::AccountKindUnsupported);
        }
        self.check_kept_here(id)?;
        account.check_active()?;
        let bank = self.select_account(msisdn, AccountSelector::Kind(AccountKind::Bank));
        let bank = bank.filter(|row| row.status != AccountStatus::Closed).ok_or(Refusal::NoBankAccount)?;
        let rail = self.link(bank.id).ok_or(Refusal::AccountKindUnsupported)?.means.rail();
        let (today, tier) = (self.now.business_day(), self.subscriber(msisdn).expect("it has an account").tier);
        bank.check_debit(amount, today, self.policy.ceilings(bank.kind, tier), false)?;
        let bank = bank.id;
        if !self.fits_under_ceiling(id, amount) {
            return Err(Refusal::BalanceCeilingExceeded);
        }

        // From here it must succeed.
        let top_up: TopUpId = self.ids.issue(self.now, self.province);
        let row = BankTopUp {
            id: top_up,
            account: id,
            bank,
            msisdn,
            rail,
            amount,
            day: today,
            status: BankTopUpStatus::Pending,
            balance: Money::ZERO,
            at: self.now,
            index: self.index,
            final_at: None,
            calls: Vec::new(),
        };
        self.entry.digest.feed(&row);
        self.outside.bank_top_ups.open.insert((id, top_up), ());
        self.outside.bank_top_ups.rows.insert(top_up, row);
        self.accounts.get_mut(&bank).expect("just found").count_use(amount, today);
        for account in [id, bank] {
            self.accounts.get_mut(&account).expect("just found").open_orders += 1;
        }
        let step = if rail.habits().holds { CallStep::Hold } else { CallStep::Take };
        self.add_call(rail, step, Subject::BankTopUp(top_up), amount, None);
        #[cfg(feature = "mutants")]
        if step == CallStep::Take && self.is_mutant(crate::mutant::Mutant::BankTopUpCreditedUnanswered) {
            self.credit_bank_top_up(top_up, LedgerAccount::RailClearing(rail));
        }
        Ok(Outcome::TopUpTaken(top_up))
    }

    /// The bank has done what a call asked.
    pub(crate) fn bank_top_up_approved(&mut self, id: TopUpId, call: CallId) {
        let call = self.call(call).expect("it has just ended");
        let (step, rail, amount, original) = (call.step, call.rail, call.amount, call.as_original());
        match step {
            CallStep::Hold => {
                self.change_bank_top_up(id, |row| row.status = BankTopUpStatus::Capturing);
                self.add_call(rail, CallStep::Capture, Subject::BankTopUp(id), amount, Some(original));
            }
            CallStep::Take | CallStep::Capture => self.credit_bank_top_up(id, LedgerAccount::RailClearing(rail)),
            _ => {}
        }
    }

    /// The bank has not done what a call asked, or nobody knows.
    pub(crate) fn bank_top_up_failed(&mut self, id: TopUpId, call: CallId) {
        let call = self.call(call).expect("it has just ended");
        let (rail, amount, original) = (call.rail, call.amount, call.original.clone());
        match (call.step, call.phase) {
            (CallStep::Hold | CallStep::Take, Phase::Declined(refusal)) => self.refuse_bank_top_up(id, refusal),
            (CallStep::Hold | CallStep::Take, _) => self.refuse_bank_top_up(id, Refusal::RailUnavailable),
            // It is still set aside there: the subscriber is to have it back before the hold ends by itself.
            (CallStep::Capture, Phase::Declined(refusal)) => {
                self.add_call(rail, CallStep::Release, Subject::BankTopUp(id), amount, original);
                self.refuse_bank_top_up(id, refusal);
            }
            // It is set aside for us, and it may be taken: it is the subscriber's money, and reconciliation has the
            // bank pay for it.
            (CallStep::Capture, _) => self.credit_bank_top_up(id, LedgerAccount::Suspense),
            // What is held ends by itself; what is not there to be undone needs no undoing.
            _ => {}
        }
    }

    /// Nobody knows whether the money was taken or set aside; that it was is being undone.
    pub(crate) fn bank_top_up_given_up(&mut self, id: TopUpId) {
        self.refuse_bank_top_up(id, Refusal::Unresolved);
    }

    fn credit_bank_top_up(&mut self, id: TopUpId, against: LedgerAccount) {
        let row = self.bank_top_up(id).expect("the caller has found it");
        let (account, bank, msisdn, amount) = (row.account, row.bank, row.msisdn, row.amount);
        #[cfg(feature = "mutants")]
        if row.status.is_final() {
            return;
        }
        let reason = PostingReason::TopUp(id);
        let balance = self.move_money(
            account,
            Movement {
                step: Step::Credit,
                amount,
                reason: reason.clone(),
                against,
                counterparty: None,
                open_orders: OpenOrders::Same,
            },
        );
        self.tell_line(bank, reason, Vec::new(), -amount);
        self.change_bank_top_up(id, |row| row.balance = balance);
        self.end_bank_top_up(id, BankTopUpStatus::Credited);
        self.tell(msisdn, SmsText::ToppedUpByBank { amount, balance });
    }

    fn refuse_bank_top_up(&mut self, id: TopUpId, refusal: Refusal) {
        let row = self.bank_top_up(id).expect("the caller has found it");
        let (bank, msisdn, day, amount) = (row.bank, row.msisdn, row.day, row.amount);
        #[cfg(feature = "mutants")]
        if row.status.is_final() {
            return;
        }
        self.uncount(bank, day, amount);
        self.end_bank_top_up(id, BankTopUpStatus::Refused(refusal));
        self.tell(msisdn, SmsText::BankTopUpRefused { amount, why: refusal });
    }

    fn end_bank_top_up(&mut self, id: TopUpId, status: BankTopUpStatus) {
        let end = (self.now, self.index);
        let (account, bank): (AccountId, AccountId) = self.change_bank_top_up(id, |row| {
            row.status = status;
            row.final_at = Some(end);
            (row.account, row.bank)
        });
        self.outside.bank_top_ups.open.remove(&(account, id));
        self.one_order_less(account);
        self.one_order_less(bank);
    }

    fn change_bank_top_up<R>(&mut self, id: TopUpId, change: impl FnOnce(&mut BankTopUp) -> R) -> R {
        let row = self.outside.bank_top_ups.rows.get_mut(&id).expect("a top-up is kept until it is final");
        let result = change(row);
        self.entry.digest.feed(row);
        result
    }

    /// When [`State::prune_bank_top_ups`] has something to do next; rows are kept for `longer` ms.
    pub(crate) fn prune_bank_top_ups_due(&self, longer: u64) -> Option<LogTime> {
        use crate::ids::IssuedId;
        self.outside.bank_top_ups.rows.first().map(|(id, _)| id.issued_at().plus_ms(longer))
    }

    /// Forgets top-ups issued before `before` that are over.
    pub(crate) fn prune_bank_top_ups(&mut self, before: LogTime, rows_max: usize) {
        use crate::ids::IssuedId;
        let over = |row: &&BankTopUp| {
            let open = row.calls.iter().any(|call| self.call(*call).is_some_and(|call| !call.phase.is_final()));
            row.final_at.is_some_and(|(at, _)| at < before) && !open
        };
        let old = self.bank_top_ups().take_while(|row| row.id.issued_at() < before);
        for id in old.filter(over).map(|row| row.id).take(rows_max).collect::<Vec<_>>() {
            let Some(row) = self.outside.bank_top_ups.rows.remove(&id) else { continue };
            for call in row.calls {
                self.outside.calls.remove(&call);
            }
        }
    }
}
