//! The general ledger of one province: turnover per account, and the one place where anything is
//! posted. What does not balance stops the replica.

use serde::{Deserialize, Serialize};

use crate::ledger::{LedgerAccount, TrialBalanceLine};
use crate::money::Money;
use crate::table::Table;

/// Debit and credit turnover in fen since the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turnover {
    pub(crate) debit: i128,
    pub(crate) credit: i128,
}

impl Turnover {
    fn add(&mut self, amount: Money) {
        let fen = i128::from(amount.as_fen());
        if fen > 0 {
            self.debit += fen;
        } else {
            self.credit -= fen;
        }
    }
}

/// All books but the single wallets, which are the accounts themselves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Books {
    /// All wallets together.
    wallets: Turnover,
    others: Table<LedgerAccount, Turnover, 64>,
    all: Turnover,
    /// What the wallets hold by the accounts' own rows, counted with every change of one, apart
    /// from what is posted.
    wallets_hold: i128,
}

impl Books {
    /// Posts one set: positive debits, negative credits.
    ///
    /// # Panics
    /// When the set does not sum to zero.
    pub(crate) fn post(&mut self, postings: &[(LedgerAccount, Money)]) {
        let mut sum = 0_i128;
        for &(account, amount) in postings {
            sum += i128::from(amount.as_fen());
            self.all.add(amount);
            match account {
                LedgerAccount::Wallet(_) => self.wallets.add(amount),
                other => match self.others.get_mut(&other) {
                    Some(turnover) => turnover.add(amount),
                    None => {
                        let mut turnover = Turnover::default();
                        turnover.add(amount);
                        self.others.insert(other, turnover);
                    }
                },
            }
        }
        assert!(sum == 0, "broken invariant: debits and credits of a posting differ by {sum} fen: {postings:?}");
    }

    /// Notes that a wallet's row changed by so much.
    pub(crate) fn wallet_changed(&mut self, by: Money) {
        self.wallets_hold += i128::from(by.as_fen());
    }

    /// What must hold after every command.
    ///
    /// # Panics
    /// When it does not: the replica must not go on.
    pub(crate) fn check(&self) {
        assert!(self.all.debit == self.all.credit, "broken invariant: debits and credits differ: {:?}", self.all);
        assert!(
            self.wallets.credit - self.wallets.debit == self.wallets_hold,
            "broken invariant: wallets hold {} fen and the books say {:?}",
            self.wallets_hold,
            self.wallets
        );
    }

    /// What all wallets hold, in fen.
    pub(crate) fn wallets_hold(&self) -> i128 {
        self.wallets_hold
    }

    /// Turnover of all debits and all credits.
    pub(crate) fn all(&self) -> Turnover {
        self.all
    }

    /// Turnover of one account other than a wallet.
    pub(crate) fn turnover(&self, account: LedgerAccount) -> Turnover {
        self.others.get(&account).copied().unwrap_or_default()
    }

    /// The lines of the trial balance.
    pub(crate) fn lines(&self) -> Vec<TrialBalanceLine> {
        let line = |name, turnover: Turnover| TrialBalanceLine { name, debit: turnover.debit, credit: turnover.credit };
        let others = self.others.iter().map(|(account, turnover)| line(account.to_string(), *turnover));
        std::iter::once(line("wallets".into(), self.wallets)).chain(others).collect()
    }
}
