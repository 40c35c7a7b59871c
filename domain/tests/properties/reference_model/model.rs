//! What the model knows of people, orders, payments and transfers, and how money moves in it.

use std::collections::BTreeMap;

use super::steps::Step;
use super::{CEILING, DAILY, DEADLINE_MS, PER_PAYMENT};

#[derive(Debug, Clone, Default)]
pub(super) struct Person {
    pub(super) opened: bool,
    pub(super) closed: bool,
    pub(super) frozen: bool,
    pub(super) thaws_at: Option<u64>,
    pub(super) balance: i64,
    pub(super) used: i64,
    pub(super) used_day: u64,
    pub(super) open: i64,
    pub(super) failures: u32,
    pub(super) failures_day: u64,
    pub(super) locked_until: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    Waiting,
    Delivered,
    Reversed,
    Refunded,
}

#[derive(Debug, Clone)]
pub(super) struct Bought {
    pub(super) who: usize,
    /// Which of the accounts that the person has had.
    pub(super) account: usize,
    pub(super) fen: i64,
    pub(super) refunded: i64,
    pub(super) stands: Stands,
    pub(super) paid_at: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Paid {
    pub(super) content: Option<(usize, i64)>,
    pub(super) stands: Result<(), &'static str>,
    pub(super) reversed: bool,
    pub(super) account: usize,
    pub(super) refunds: BTreeMap<u16, i64>,
    pub(super) day: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) who: usize,
    pub(super) fen: i64,
    pub(super) ended: bool,
    pub(super) day: u64,
}

/// The model: what a province would know, in plain numbers.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) now: u64,
    pub(super) people: Vec<Person>,
    /// Balances of accounts that were closed and replaced by a new one.
    pub(super) left_behind: Vec<(usize, i64)>,
    pub(super) accounts_opened: usize,
    pub(super) current_account: Vec<usize>,
    pub(super) orders: Vec<Bought>,
    pub(super) payments: BTreeMap<usize, Paid>,
    pub(super) sent: Vec<Sent>,
    pub(super) received: BTreeMap<u16, ((usize, i64), &'static str)>,
    pub(super) sp: i64,
    pub(super) cash: i64,
    pub(super) due_to: i64,
    pub(super) due_from: i64,
    /// What the last step is answered with.
    pub(super) answer: &'static str,
    pub(super) last: Option<Box<Step>>,
    pub(super) again: bool,
}

pub(super) fn day(ms: u64) -> u64 {
    (ms + 8 * 3_600_000) / 86_400_000
}

impl Model {
    pub(super) fn spend(&mut self, who: usize, fen: i64, right: bool) -> Result<(), &'static str> {
        let (now, today) = (self.now, day(self.now));
        let person = &mut self.people[who];
        if !person.opened {
            return Err("account_not_found");
        }
        if person.locked_until > now {
            return Err("password_locked");
        }
        if !right {
            if person.failures_day != today {
                (person.failures, person.failures_day) = (0, today);
            }
            person.failures += 1;
            if person.failures == 5 {
                person.failures = 0;
                person.locked_until = (today + 1) * 86_400_000 - 8 * 3_600_000;
            }
            return Err("wrong_password");
        }
        if person.frozen {
            return Err("account_frozen");
        }
        if person.closed {
            return Err("account_closed");
        }
        if fen > PER_PAYMENT {
            return Err("per_payment_limit_exceeded");
        }
        let used = if person.used_day == today { person.used } else { 0 };
        if used + fen > DAILY {
            return Err("daily_limit_exceeded");
        }
        if fen > person.balance {
            return Err("insufficient_funds");
        }
        Ok(())
    }

    pub(super) fn take(&mut self, who: usize, fen: i64) {
        let today = day(self.now);
        let person = &mut self.people[who];
        if person.used_day != today {
            (person.used, person.used_day) = (0, today);
        }
        person.used += fen;
        person.balance -= fen;
    }

    /// Money back to the account it came from; the use of that day too when it was a reversal.
    pub(super) fn give(&mut self, who: usize, account: usize, fen: i64, undo_day: Option<u64>) {
        if self.current_account[who] == account {
            let today = day(self.now);
            let person = &mut self.people[who];
            person.balance += fen;
            if undo_day == Some(today) && person.used_day == today {
                person.used -= fen;
            }
        } else {
            self.left_behind.push((account, fen));
        }
    }

    pub(super) fn checked_password(&mut self, who: usize) -> Result<(), &'static str> {
        let person = &self.people[who];
        if !person.opened {
            return Err("account_not_found");
        }
        if person.locked_until > self.now {
            return Err("password_locked");
        }
        // A right password does not start the day's count of wrong ones anew.
        Ok(())
    }

    pub(super) fn may_receive(&self, who: usize, fen: i64) -> Result<(), &'static str> {
        let person = &self.people[who];
        if !person.opened || person.closed {
            Err("payee_not_found")
        } else if person.frozen {
            Err("payee_not_active")
        } else if person.balance + fen > CEILING {
            Err("payee_ceiling_exceeded")
        } else {
            Ok(())
        }
    }

    pub(super) fn undo(&mut self, order: usize) {
        let Bought { who, account, fen, stands, paid_at, .. } = self.orders[order];
        if stands == Stands::Waiting {
            self.people[who].open -= 1;
        }
        self.orders[order].stands = Stands::Reversed;
        self.sp -= fen;
        self.give(who, account, fen, Some(day(paid_at)));
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now += ms;
        for person in &mut self.people {
            if person.thaws_at.is_some_and(|at| at <= self.now) {
                (person.frozen, person.thaws_at) = (false, None);
            }
        }
        for order in 0..self.orders.len() {
            let row = &self.orders[order];
            if row.stands == Stands::Waiting && row.paid_at + DEADLINE_MS <= self.now {
                self.undo(order);
            }
        }
    }
}
