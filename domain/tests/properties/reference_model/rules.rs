//! What each step does in the model, and what it is answered with.

use std::collections::BTreeMap;

use super::model::{Bought, Model, Paid, Person, Sent, Stands, day};
use super::steps::Step;
use super::{CEILING, RETENTION_MS, WINDOW_MS};

impl Model {
    pub(super) fn do_step(&mut self, step: &Step) -> Result<(), &'static str> {
        match *step {
            Step::Open(who) => {
                if self.people[who].opened {
                    if !self.people[who].closed {
                        return Err("account_exists");
                    }
                    self.checked_password(who)?;
                    let kept = self.people[who].clone();
                    self.left_behind.push((self.current_account[who], kept.balance));
                    self.people[who] =
                        Person { failures: kept.failures, failures_day: kept.failures_day, ..Person::default() };
                }
                self.people[who].opened = true;
                self.current_account[who] = self.accounts_opened;
                self.accounts_opened += 1;
            }
            Step::TopUp(who, fen) => {
                let person = &mut self.people[who];
                if !person.opened {
                    return Err("account_not_found");
                }
                if person.frozen {
                    return Err("account_frozen");
                }
                if person.closed {
                    return Err("account_closed");
                }
                if person.balance + fen > CEILING {
                    return Err("balance_ceiling_exceeded");
                }
                person.balance += fen;
                self.cash += fen;
            }
            Step::Buy { who, quantity, right } => {
                let fen = i64::from(quantity) * 100;
                self.spend(who, fen, right)?;
                self.take(who, fen);
                self.people[who].open += 1;
                self.sp += fen;
                let account = self.current_account[who];
                let stands = Stands::Waiting;
                self.orders.push(Bought { who, account, fen, refunded: 0, stands, paid_at: self.now });
            }
            Step::Deliver { order, accepted } => {
                let order = self.orders.len().checked_sub(1).map(|last| order % (last + 1));
                if let Some(order) = order.filter(|order| self.orders[*order].stands == Stands::Waiting) {
                    if accepted {
                        self.orders[order].stands = Stands::Delivered;
                        self.people[self.orders[order].who].open -= 1;
                    } else {
                        self.undo(order);
                    }
                }
            }
            Step::Reverse(order) => {
                let Some(order) = self.orders.len().checked_sub(1).map(|last| order % (last + 1)) else {
                    return Err("order_not_found");
                };
                let row = &self.orders[order];
                match row.stands {
                    Stands::Reversed => return Err("already_reversed"),
                    Stands::Refunded => return Err("partly_refunded"),
                    Stands::Delivered if self.now - row.paid_at > WINDOW_MS => return Err("reversal_window_closed"),
                    Stands::Waiting | Stands::Delivered => self.undo(order),
                }
            }
            Step::Refund(order, fen) => {
                let Some(order) = self.orders.len().checked_sub(1).map(|last| order % (last + 1)) else {
                    return Err("order_not_found");
                };
                let row = &mut self.orders[order];
                match row.stands {
                    Stands::Reversed => return Err("already_reversed"),
                    Stands::Waiting => return Err("wrong_order_status"),
                    Stands::Delivered | Stands::Refunded => {}
                }
                if self.now - row.paid_at > RETENTION_MS {
                    return Err("request_too_old");
                }
                if row.refunded + fen > row.fen {
                    return Err("refund_exceeds_paid");
                }
                row.refunded += fen;
                row.stands = Stands::Refunded;
                let (who, account) = (row.who, row.account);
                self.sp -= fen;
                self.give(who, account, fen, None);
            }
            Step::Freeze { who, for_ms } => {
                self.checked_password(who)?;
                let person = &mut self.people[who];
                if person.frozen {
                    return Err("already_frozen");
                }
                if person.closed {
                    return Err("account_closed");
                }
                person.frozen = true;
                person.thaws_at = for_ms.map(|ms| self.now + ms);
            }
            Step::Unfreeze(who) => {
                self.checked_password(who)?;
                let person = &mut self.people[who];
                if !person.frozen {
                    return Err("account_not_frozen");
                }
                (person.frozen, person.thaws_at) = (false, None);
            }
            Step::Close { who, agent } => {
                self.checked_password(who)?;
                let person = &mut self.people[who];
                if person.frozen {
                    return Err("account_frozen");
                }
                if person.closed && person.balance == 0 {
                    return Err("account_closed");
                }
                if person.open > 0 {
                    return Err("open_orders_remain");
                }
                if person.balance > 0 && !agent {
                    return Err("balance_remains");
                }
                self.cash -= person.balance;
                person.balance = 0;
                person.closed = true;
            }
            Step::Pay { payment, who, fen } => return self.pay(payment, who, fen),
            Step::ReversePayment(payment) => {
                let today = day(self.now);
                let tombstone = Paid {
                    content: None,
                    stands: Ok(()),
                    reversed: true,
                    account: 0,
                    refunds: BTreeMap::new(),
                    day: today,
                };
                let Some(row) = self.payments.get_mut(&payment) else {
                    self.payments.insert(payment, tombstone);
                    return Ok(());
                };
                if !row.refunds.is_empty() {
                    return Err("partly_refunded");
                }
                let (first, taken) = (!std::mem::replace(&mut row.reversed, true), row.stands.is_ok());
                if let (true, true, Some((who, fen))) = (first, taken, row.content) {
                    let (account, on) = (row.account, row.day);
                    self.due_to -= fen;
                    self.give(who, account, fen, Some(on));
                }
            }
            Step::RefundPayment { payment, refund, fen } => {
                let Some(row) = self.payments.get_mut(&payment) else { return Err("payment_not_found") };
                if let Some(known) = row.refunds.get(&refund) {
                    return if *known == fen { Ok(()) } else { Err("payment_mismatch") };
                }
                if row.reversed {
                    return Err("already_reversed");
                }
                let (who, paid) = row.content.expect("it was not reversed before it came");
                let paid = if row.stands.is_ok() { paid } else { 0 };
                if row.refunds.values().sum::<i64>() + fen > paid {
                    return Err("refund_exceeds_paid");
                }
                row.refunds.insert(refund, fen);
                let account = row.account;
                self.due_to -= fen;
                self.give(who, account, fen, None);
            }
            Step::Transfer { from, to, fen } => {
                if from == to {
                    return Err("payer_is_payee");
                }
                self.spend(from, fen, true)?;
                self.may_receive(to, fen)?;
                self.take(from, fen);
                self.people[to].balance += fen;
            }
            Step::Send { from, fen } => {
                self.spend(from, fen, true)?;
                self.take(from, fen);
                self.people[from].open += 1;
                self.due_to += fen;
                self.sent.push(Sent { who: from, fen, ended: false, day: day(self.now) });
            }
            Step::TransferAnswer { transfer, credited } => {
                let Some(at) = self.sent.len().checked_sub(1).map(|last| transfer % (last + 1)) else {
                    return Err("transfer_not_found");
                };
                if !std::mem::replace(&mut self.sent[at].ended, true) {
                    let Sent { who, fen, day, .. } = self.sent[at];
                    self.people[who].open -= 1;
                    if !credited {
                        self.due_to -= fen;
                        self.give(who, self.current_account[who], fen, Some(day));
                    }
                }
            }
            Step::Receive { transfer, who, fen } => {
                if let Some((content, answer)) = self.received.get(&transfer) {
                    if *content != (who, fen) {
                        return Err("payment_mismatch");
                    }
                    return if *answer == "ok" { Ok(()) } else { Err(answer) };
                }
                let decided = self.may_receive(who, fen);
                self.received.insert(transfer, ((who, fen), decided.err().unwrap_or("ok")));
                decided?;
                self.people[who].balance += fen;
                self.due_from += fen;
            }
            Step::Pass(ms) => self.pass(ms),
            Step::Again => unreachable!("it stands for another step"),
        }
        Ok(())
    }

    fn pay(&mut self, payment: usize, who: usize, fen: i64) -> Result<(), &'static str> {
        if let Some(row) = self.payments.get(&payment) {
            return match row.content {
                Some(content) if content != (who, fen) => Err("payment_mismatch"),
                _ if row.reversed => Err("already_reversed"),
                _ => row.stands,
            };
        }
        let stands = self.spend(who, fen, true);
        let row = Paid {
            content: Some((who, fen)),
            stands,
            reversed: false,
            account: self.current_account[who],
            refunds: BTreeMap::new(),
            day: day(self.now),
        };
        self.payments.insert(payment, row);
        stands?;
        self.take(who, fen);
        self.due_to += fen;
        Ok(())
    }
}
