//! A wallet is the list of what moved in it; its balance and what was used of the day's limit are
//! sums. Every movement is one balanced set in the books (product §7).

use mpss_domain::account::Account;
use mpss_domain::journal::{JournalBody, PostingReason, RecordPosition, StatementLine};
use mpss_domain::{AccountId, AccountKind, AccountStatus, BusinessDay, LedgerAccount, LogTime, Money, Msisdn};

use super::Reference;
use super::days::day_of;

/// Movements kept one by one; then those before are added up, a line a day.
const MOVED_MAX: usize = 256;

/// An account.
#[derive(Debug)]
pub(super) struct Wallet {
    pub(super) msisdn: Msisdn,
    pub(super) kind: AccountKind,
    pub(super) status: AccountStatus,
    pub(super) per_payment_limit: Money,
    pub(super) daily_limit: Money,
    opened_at: LogTime,
    last_record: Option<RecordPosition>,
    moved: Vec<Moved>,
}

#[derive(Debug, Clone, Copy)]
struct Moved {
    day: BusinessDay,
    change: Money,
    /// What it uses of the day's limit; less than nothing when a use of that day is undone.
    use_of_limit: Money,
}

/// Turnover of one account of the books, in fen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Turnover {
    pub(super) debit: i128,
    pub(super) credit: i128,
}

/// Money that comes into a wallet, or leaves it.
#[derive(Debug, Clone)]
pub(super) struct Movement {
    change: Money,
    use_of_limit: Money,
    reason: PostingReason,
    against: LedgerAccount,
    counterparty: Option<Msisdn>,
}

impl Movement {
    /// One that uses nothing of the day's limit.
    pub(super) fn of(change: Money, reason: PostingReason, against: LedgerAccount) -> Self {
        Self { change, use_of_limit: Money::ZERO, reason, against, counterparty: None }
    }

    pub(super) fn using(self, use_of_limit: Money) -> Self {
        Self { use_of_limit, ..self }
    }

    pub(super) fn with(self, counterparty: Msisdn) -> Self {
        Self { counterparty: Some(counterparty), ..self }
    }
}

impl Wallet {
    pub(super) fn opened(msisdn: Msisdn, kind: AccountKind, limits: (Money, Money), at: LogTime) -> Self {
        Self {
            msisdn,
            kind,
            status: AccountStatus::Active,
            per_payment_limit: limits.0,
            daily_limit: limits.1,
            opened_at: at,
            last_record: None,
            moved: Vec::new(),
        }
    }

    pub(super) fn balance(&self) -> Money {
        self.moved.iter().map(|moved| moved.change).sum()
    }

    pub(super) fn used_on(&self, day: BusinessDay) -> Money {
        self.moved.iter().filter(|moved| moved.day == day).map(|moved| moved.use_of_limit).sum()
    }

    /// The row that the real one must have. A hold is captured in the step that places it, so nothing
    /// is ever held.
    pub(super) fn row(&self, id: AccountId, today: BusinessDay, open_orders: u32) -> Account {
        Account {
            id,
            msisdn: self.msisdn,
            kind: self.kind,
            status: self.status,
            available: self.balance(),
            held: Money::ZERO,
            per_payment_limit: self.per_payment_limit,
            daily_limit: self.daily_limit,
            used: self.used_on(today),
            used_day: today,
            open_orders,
            opened_at: self.opened_at,
            last_record: self.last_record,
        }
    }

    fn note(&mut self, moved: Moved) {
        if self.moved.len() == MOVED_MAX {
            let mut days: Vec<Moved> = Vec::new();
            for line in &self.moved {
                match days.last_mut().filter(|sum| sum.day == line.day) {
                    Some(sum) => {
                        sum.change += line.change;
                        sum.use_of_limit += line.use_of_limit;
                    }
                    None => days.push(*line),
                }
            }
            // Of days that are over, only the balance is asked for.
            let over = days.iter().filter(|line| line.day != moved.day).map(|line| line.change).sum();
            self.moved = vec![Moved { day: BusinessDay(0), change: over, use_of_limit: Money::ZERO }];
            self.moved.extend(days.into_iter().filter(|line| line.day == moved.day));
        }
        self.moved.push(moved);
    }
}

impl Reference {
    /// Moves money of an account; gives the balance after it.
    pub(super) fn move_money(&mut self, id: AccountId, movement: &Movement) -> Money {
        let postings = vec![(LedgerAccount::Wallet(id), -movement.change), (movement.against, movement.change)];
        self.add_to_books(&postings);
        let (sp, province) = match movement.against {
            LedgerAccount::SpPayable(sp) => (Some(sp), None),
            LedgerAccount::DueTo(province) | LedgerAccount::DueFrom(province) => (None, Some(province)),
            _ => (None, None),
        };
        let balance = self.change_wallet(id, movement.change, movement.use_of_limit);
        let statement = StatementLine {
            account: id,
            amount: movement.change,
            balance,
            counterparty: movement.counterparty,
            sp,
            province,
        };
        let reason = movement.reason.clone();
        self.record_of_account(id, JournalBody::Posted { reason, postings, statement: Some(statement) });
        balance
    }

    /// Moves money from one wallet to another: one set in the books, a line on both statements.
    pub(super) fn move_between(
        &mut self,
        (payer, payer_account): (Msisdn, AccountId),
        (payee, payee_account): (Msisdn, AccountId),
        amount: Money,
        reason: &PostingReason,
    ) -> (Money, Money) {
        let out = Movement::of(-amount, reason.clone(), LedgerAccount::Wallet(payee_account));
        let payer_balance = self.move_money(payer_account, &out.using(amount).with(payee));
        let balance = self.change_wallet(payee_account, amount, Money::ZERO);
        let line = StatementLine {
            account: payee_account,
            amount,
            balance,
            counterparty: Some(payer),
            sp: None,
            province: None,
        };
        let reason = reason.clone();
        let body = JournalBody::Posted { reason, postings: Vec::new(), statement: Some(line) };
        self.record_of_account(payee_account, body);
        (payer_balance, balance)
    }

    /// Posts between accounts of the books that are no wallets.
    pub(super) fn post(&mut self, reason: PostingReason, debit: LedgerAccount, credit: LedgerAccount, amount: Money) {
        let postings = vec![(debit, amount), (credit, -amount)];
        self.add_to_books(&postings);
        self.record(None, JournalBody::Posted { reason, postings, statement: None });
    }

    /// A record of an account names the one before.
    pub(super) fn record_of_account(&mut self, id: AccountId, body: JournalBody) {
        let position = self.record(self.wallets[&id].last_record, body);
        self.wallets.get_mut(&id).expect("just read").last_record = Some(position);
    }

    fn change_wallet(&mut self, id: AccountId, change: Money, use_of_limit: Money) -> Money {
        let day = day_of(self.now);
        let wallet = self.wallets.get_mut(&id).expect("money moves in accounts that exist");
        wallet.note(Moved { day, change, use_of_limit });
        wallet.balance()
    }

    fn add_to_books(&mut self, postings: &[(LedgerAccount, Money)]) {
        for (account, amount) in postings {
            match account {
                // All wallets are one line of the books.
                LedgerAccount::Wallet(_) => self.all_wallets.add(*amount),
                other => self.books.entry(*other).or_default().add(*amount),
            }
        }
    }
}

impl Turnover {
    fn add(&mut self, amount: Money) {
        let fen = i128::from(amount.as_fen());
        self.debit += fen.max(0);
        self.credit += (-fen).max(0);
    }
}
