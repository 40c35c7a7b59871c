//! The one place where a subscriber's money moves: the account's rail, the books, the statement and
//! the daily use change together or not at all.

use crate::account::Account;
use crate::ids::{AccountId, Msisdn};
use crate::journal::{AccountChange, JournalBody, PostingReason, StatementLine};
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::rail::stored_value::{Rail, StoredValue};
use crate::state::State;
use crate::table::Slot;
use crate::time::BusinessDay;

/// Whether a debit counts on the limits of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// As used today.
    Today,
    /// By itself, elsewhere.
    Apart,
}

/// What is done with an account's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Taken. The caller has checked status, limits and funds.
    Debit(Counts),
    /// Set aside. The caller has checked as for a debit.
    Hold(Counts),
    /// Taken of what was set aside.
    CaptureHeld,
    /// Given up of what was set aside and counted on that day; `None` when it counts elsewhere.
    ReleaseHeld(Option<BusinessDay>),
    /// Paid out in cash; no use of a limit.
    PayOut,
    /// Given back as if it had never been taken and counted on that day; `None` when it counts elsewhere.
    Reverse(Option<BusinessDay>),
    /// Given.
    Credit,
}

/// How the number of open orders changes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenOrders {
    Same,
    OneMore,
    OneLess,
}

/// One movement of a subscriber's money.
#[derive(Debug)]
pub(crate) struct Movement {
    pub(crate) step: Step,
    pub(crate) amount: Money,
    pub(crate) reason: PostingReason,
    /// The other side in the books.
    pub(crate) against: LedgerAccount,
    pub(crate) counterparty: Option<Msisdn>,
    pub(crate) open_orders: OpenOrders,
}

impl State {
    /// Moves money of an account that exists; gives the available balance after it.
    ///
    /// # Panics
    /// When the account does not exist or a floor is broken: the verb has not checked what it must.
    pub(crate) fn move_money(&mut self, id: AccountId, movement: Movement) -> Money {
        self.move_money_at(self.accounts.find(&id).expect("the verb has found the account"), movement)
    }

    /// As [`State::move_money`], with the place of the account's row.
    pub(crate) fn move_money_at(&mut self, account: Slot, movement: Movement) -> Money {
        let today = self.now.business_day();
        let account = self.accounts.at_mut(account);
        let id = account.id;
        let change = step(account, &movement, today);
        self.books.wallet_changed(change);

        // What is set aside is still the subscriber's: nothing is posted for it.
        let mut postings = vec![(LedgerAccount::Wallet(id), -change), (movement.against, change)];
        postings.retain(|(_, amount)| *amount != Money::ZERO);
        #[cfg(feature = "mutants")]
        let postings = self.mutant.map_or(postings.clone(), |mutant| mutant.post(movement.step, postings));
        self.books.post(&postings);

        let statement = StatementLine {
            account: id,
            amount: match movement.step {
                Step::Hold(_) => -movement.amount,
                Step::ReleaseHeld(_) => movement.amount,
                // It left when it was set aside.
                Step::CaptureHeld => Money::ZERO,
                _ => change,
            },
            balance: account.available,
            counterparty: movement.counterparty,
            sp: match movement.against {
                LedgerAccount::SpPayable(sp) => Some(sp),
                _ => None,
            },
            province: match movement.against {
                LedgerAccount::DueTo(province) | LedgerAccount::DueFrom(province) => Some(province),
                _ => None,
            },
        };
        let body = JournalBody::Posted { reason: movement.reason, postings, statement: Some(statement) };
        account.last_record = Some(self.entry.record(account.last_record, body));
        account.available
    }

    /// Posts between accounts of the books of which none is a subscriber's.
    pub(crate) fn post(&mut self, reason: PostingReason, debit: LedgerAccount, credit: LedgerAccount, amount: Money) {
        let postings = vec![(debit, amount), (credit, -amount)];
        self.books.post(&postings);
        self.entry.record(None, JournalBody::Posted { reason, postings, statement: None });
    }

    /// Records a change of an account that moves no money.
    pub(crate) fn record_change(&mut self, id: AccountId, change: AccountChange) {
        let account = self.accounts.get_mut(&id).expect("the verb has found the account");
        let body = JournalBody::AccountChanged { account: id, change };
        account.last_record = Some(self.entry.record(account.last_record, body));
    }
}

/// Changes the account's own row; gives the change of its balance.
fn step(account: &mut Account, movement: &Movement, today: BusinessDay) -> Money {
    let amount = movement.amount;
    let mut rail = StoredValue(account);
    let before = rail.query().total();
    match movement.step {
        Step::Debit(_) | Step::PayOut => {
            rail.reserve(amount).expect("the verb has checked the funds");
            rail.capture(amount);
        }
        Step::Hold(_) => rail.reserve(amount).expect("the verb has checked the funds"),
        Step::CaptureHeld => rail.capture(amount),
        Step::ReleaseHeld(_) => rail.release(amount),
        Step::Reverse(_) => rail.reverse(amount),
        Step::Credit => rail.credit(amount),
    }
    let change = rail.query().total() - before;
    match movement.step {
        Step::Debit(Counts::Today) | Step::Hold(Counts::Today) => account.count_use(amount, today),
        // A reversal undoes the use of the day; a refund is a new transaction and does not.
        Step::Reverse(Some(day)) | Step::ReleaseHeld(Some(day)) if day == today && account.used_day == today => {
            assert!(account.used >= amount, "broken invariant: the day's use is less than what is reversed");
            account.used -= amount;
        }
        _ => {}
    }
    match movement.open_orders {
        OpenOrders::Same => {}
        OpenOrders::OneMore => account.open_orders += 1,
        OpenOrders::OneLess => {
            account.open_orders = account.open_orders.checked_sub(1).expect("every closed order was opened");
        }
    }
    assert!(
        !account.available.is_negative() && !account.held.is_negative(),
        "broken invariant: a wallet is below zero"
    );
    change
}
