//! 虚拟账户: stored value, kept in the account's own row, so that every verb of the contract is done at
//! once and in the ledger.

use crate::account::Account;
use crate::money::Money;
use crate::refusal::Refusal;

/// What a rail holds for a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) available: Money,
    pub(crate) held: Money,
}

impl Balance {
    /// What belongs to the subscriber.
    pub(crate) fn total(self) -> Money {
        self.available + self.held
    }
}

/// The verbs of a rail that is done at once.
pub(crate) trait Rail {
    /// What there is.
    fn query(&self) -> Balance;
    /// Sets money aside.
    ///
    /// # Errors
    /// [`Refusal::InsufficientFunds`] when there is less.
    fn reserve(&mut self, amount: Money) -> Result<(), Refusal>;
    /// Takes what was set aside.
    fn capture(&mut self, amount: Money);
    /// Gives up what was set aside.
    fn release(&mut self, amount: Money);
    /// Gives back what was taken, as if it had never been.
    fn reverse(&mut self, amount: Money);
    /// Gives money.
    fn credit(&mut self, amount: Money);
}

/// 虚拟账户: money kept in the account's own row.
pub(crate) struct StoredValue<'a>(pub(crate) &'a mut Account);

impl Rail for StoredValue<'_> {
    fn query(&self) -> Balance {
        Balance { available: self.0.available, held: self.0.held }
    }

    fn reserve(&mut self, amount: Money) -> Result<(), Refusal> {
        assert!(amount.is_positive(), "only a positive amount is reserved");
        if self.0.available < amount {
            return Err(Refusal::InsufficientFunds);
        }
        self.0.available -= amount;
        self.0.held += amount;
        Ok(())
    }

    fn capture(&mut self, amount: Money) {
        assert!(self.0.held >= amount, "no more is captured than is held");
        self.0.held -= amount;
    }

    fn release(&mut self, amount: Money) {
        assert!(self.0.held >= amount, "no more is released than is held");
        self.0.held -= amount;
        self.0.available += amount;
    }

    fn reverse(&mut self, amount: Money) {
        self.credit(amount);
    }

    fn credit(&mut self, amount: Money) {
        assert!(amount.is_positive(), "only a positive amount is credited");
        self.0.available += amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AccountKind, AccountStatus};
    use crate::ids::{AccountId, IssuedId, Msisdn};
    use crate::time::{BusinessDay, LogTime};

    /// What every rail must do; run over each implementation.
    fn keeps_the_contract(rail: &mut impl Rail) {
        let balance = |available, held| Balance { available: Money::fen(available), held: Money::fen(held) };
        rail.credit(Money::fen(100));
        assert_eq!(rail.reserve(Money::fen(101)), Err(Refusal::InsufficientFunds));
        assert_eq!(rail.query(), balance(100, 0));
        assert_eq!(rail.reserve(Money::fen(60)), Ok(()));
        assert_eq!(rail.reserve(Money::fen(41)), Err(Refusal::InsufficientFunds), "held money is not there twice");
        rail.capture(Money::fen(50));
        assert_eq!(rail.query(), balance(40, 10));
        rail.release(Money::fen(10));
        rail.reverse(Money::fen(50));
        assert_eq!(rail.query(), balance(100, 0));
    }

    #[test]
    fn stored_value_keeps_the_contract() {
        let mut account = Account {
            id: AccountId::from_bits(1),
            msisdn: Msisdn::new(18_900_000_000).expect("valid"),
            kind: AccountKind::StoredValue,
            status: AccountStatus::Active,
            available: Money::ZERO,
            held: Money::ZERO,
            per_payment_limit: Money::yuan(1),
            daily_limit: Money::yuan(1),
            used: Money::ZERO,
            used_day: BusinessDay(0),
            open_orders: 0,
            opened_at: LogTime(0),
            last_record: None,
        };
        keeps_the_contract(&mut StoredValue(&mut account));
    }
}
