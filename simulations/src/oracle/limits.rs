//! No balance goes below zero and no limit is overrun, whatever requests race each other. The use of
//! each day is counted here anew, from the journal alone.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::ids::IssuedId;
use mpss_domain::journal::{AccountChange, JournalBody, PostingReason};
use mpss_domain::{AccountId, BusinessDay, LogTime, Money, OrderId, Outcome, State, TopUpId, TransferId, Verb};

use super::{Property, Seen};

/// What a debit was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Order(OrderId),
    Transfer(TransferId),
    TopUp(TopUpId),
}

#[derive(Debug, Default)]
struct Account {
    /// Per payment, per day.
    limits: Option<(Money, Money)>,
    /// What they were before, until when.
    limits_before: Vec<(LogTime, (Money, Money))>,
    balance: Money,
    used: BTreeMap<BusinessDay, Money>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Limits {
    accounts: BTreeMap<AccountId, Account>,
    /// The day a debit was counted on, and how much; until it is undone.
    days: BTreeMap<(AccountId, What), (BusinessDay, Money)>,
    /// Orders that are for bills: these have ceilings of their own.
    bills: BTreeSet<OrderId>,
}

impl Account {
    /// The limits that are in force, or the highest since a time when it was decided then.
    fn limits_since(&self, decided: Option<LogTime>) -> Option<(Money, Money)> {
        let Some(decided) = decided else { return self.limits };
        let before = self.limits_before.iter().filter(|(until, _)| *until >= decided).map(|(_, limits)| *limits);
        before.fold(self.limits, |highest, (per_payment, daily)| {
            highest.map(|known| (known.0.max(per_payment), known.1.max(daily)))
        })
    }
}

impl Limits {
    /// `decided` says when that was: whoever has the money of an account outside takes it later.
    fn moved(
        &mut self,
        state: &State,
        id: AccountId,
        (day, decided): (BusinessDay, Option<LogTime>),
        reason: &PostingReason,
        amount: Money,
    ) -> Option<String> {
        match *reason {
            PostingReason::Purchase(order) if self.bills.contains(&order) => None,
            PostingReason::Purchase(order) => self.debited(state, id, (day, decided), What::Order(order), amount),
            PostingReason::Transfer(transfer) if amount.is_negative() => {
                self.debited(state, id, (day, decided), What::Transfer(transfer), amount)
            }
            // What a bank account gives counts like a payment.
            PostingReason::TopUp(top_up) if amount.is_negative() => {
                self.debited(state, id, (day, decided), What::TopUp(top_up), amount)
            }
            PostingReason::Reversal(order) => self.undone(id, day, What::Order(order), amount),
            PostingReason::TransferReturned(transfer) => self.undone(id, day, What::Transfer(transfer), amount),
            _ => None,
        }
    }

    fn debited(
        &mut self,
        state: &State,
        id: AccountId,
        (day, decided): (BusinessDay, Option<LogTime>),
        what: What,
        amount: Money,
    ) -> Option<String> {
        let account = self.accounts.entry(id).or_default();
        let used = account.used.entry(day).or_default();
        *used -= amount;
        let counted = *used;
        self.days.insert((id, what), (day, -amount));
        let (per_payment, daily) = account.limits_since(decided)?;
        if -amount > per_payment {
            return Some(format!("{what:?} took {} at once, the limit is {per_payment}", -amount));
        }
        let used = if counted > daily { counted - self.given_up(state, id, day) } else { counted };
        (used > daily).then(|| format!("{what:?} makes {used} of the day's {daily}"))
    }

    /// A reversal undoes the use of the day it is of, while that day lasts.
    fn undone(&mut self, id: AccountId, day: BusinessDay, what: What, amount: Money) -> Option<String> {
        if self.days.remove(&(id, what)).is_some_and(|(counted, _)| counted == day) {
            *self.accounts.entry(id).or_default().used.entry(day).or_default() -= amount;
        }
        None
    }

    /// The use of a day that was given up and is not back: an account outside has its limit back when a payment is
    /// given up, and its money when the peer has given it back.
    fn given_up(&self, state: &State, id: AccountId, day: BusinessDay) -> Money {
        let of_account =
            self.days.range((id, What::Order(OrderId::from_bits(0)))..).take_while(|((of, _), _)| *of == id);
        let today = of_account.filter(|(_, (counted, _))| *counted == day);
        let given_up = today.filter(|((_, what), _)| {
            let mut payments = state.payments();
            payments.any(|payment| payment.order.map(What::Order) == Some(*what) && payment.reversal.is_some())
        });
        given_up.map(|(_, (_, amount))| *amount).sum()
    }
}

impl Property for Limits {
    fn name(&self) -> &'static str {
        "limits and balances hold"
    }

    fn clause(&self) -> &'static str {
        "product §4: bounds are accounts, not checks"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { machine, entry, first: true, .. } = seen else { return Vec::new() };
        let mut wrong = Vec::new();
        for (command, reply) in entry.batch.commands.iter().zip(entry.replies) {
            match (&command.verb, &reply.outcome) {
                (Verb::PayBill(_), Outcome::Order(order)) => drop(self.bills.insert(*order)),
                (Verb::PayForBill(ask), _) => drop(self.bills.insert(ask.request.order)),
                _ => {}
            }
        }
        for record in entry.journal {
            match &record.body {
                JournalBody::Posted { reason, statement: Some(line), .. } => {
                    let day = record.at.business_day();
                    let id = line.account;
                    let decided = match reason {
                        PostingReason::Purchase(order) if entry.state.link(id).is_some() => {
                            let mut payments = entry.state.payments();
                            payments.find(|payment| payment.order == Some(*order)).map(|payment| payment.at)
                        }
                        PostingReason::TopUp(top_up) => entry.state.bank_top_up(*top_up).map(|row| row.at),
                        _ => None,
                    };
                    let moved = self.moved(entry.state, id, (day, decided), reason, line.amount);
                    wrong.extend(moved.map(|what| format!("{machine}: account {id}: {what}")));
                    let account = self.accounts.entry(id).or_default();
                    if entry.state.link(id).is_some() {
                        // Whoever has its money knows what is left.
                        continue;
                    }
                    account.balance += line.amount;
                    if account.balance.is_negative() || account.balance != line.balance {
                        let (ours, told) = (account.balance, line.balance);
                        wrong.push(format!("{machine}: account {id} has {ours} by its journal and is told {told}"));
                        account.balance = told;
                    }
                }
                JournalBody::AccountChanged { account, change } => {
                    let limits = match change {
                        AccountChange::Changed { limits, .. } => Some(*limits),
                        AccountChange::Opened => {
                            entry.state.account(*account).map(|row| (row.per_payment_limit, row.daily_limit))
                        }
                        _ => None,
                    };
                    if limits.is_some() {
                        let account = self.accounts.entry(*account).or_default();
                        let before = std::mem::replace(&mut account.limits, limits);
                        account.limits_before.extend(before.map(|before| (record.at, before)));
                    }
                }
                _ => {}
            }
        }
        wrong
    }
}
