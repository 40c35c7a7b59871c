//! Random commands against a naive model that keeps a few numbers for each subscriber and order and
//! states every rule in the plainest way: answers, balances, limits, refunds and books must agree
//! after every step.

use std::collections::BTreeMap;

use mpss_domain::command::{PayRequest, Request};
use mpss_domain::ids::IssuedId;
use mpss_domain::order::ReversalReason;
use mpss_domain::{
    AccountId, Command, LogTime, Money, Msisdn, OrderId, Outcome, PasswordVerdict, PaymentId, ProductId, RefundId,
    ReversalId, Scope, SpId, TransferId, Verb,
};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use crate::world::{START, STORED_VALUE, World, buying, code_of, msisdn, opening, province};

const PEOPLE: usize = 3;
const PER_PAYMENT: i64 = 5_000;
const DAILY: i64 = 8_000;
const CEILING: i64 = 1_000_000;
const DEADLINE_MS: u64 = 60_000;
const WINDOW_MS: u64 = 24 * 3_600_000;
const RETENTION_MS: u64 = 90 * 86_400_000;
const OTHER: u8 = 51;

/// One step; numbers choose among what there is.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Open(usize),
    TopUp(usize, i64),
    Buy {
        who: usize,
        quantity: u32,
        right: bool,
    },
    Deliver {
        order: usize,
        accepted: bool,
    },
    Reverse(usize),
    Refund(usize, i64),
    Freeze {
        who: usize,
        for_ms: Option<u64>,
    },
    Unfreeze(usize),
    Close {
        who: usize,
        agent: bool,
    },
    Pay {
        payment: usize,
        who: usize,
        fen: i64,
    },
    ReversePayment(usize),
    RefundPayment {
        payment: usize,
        refund: u16,
        fen: i64,
    },
    Transfer {
        from: usize,
        to: usize,
        fen: i64,
    },
    Send {
        from: usize,
        fen: i64,
    },
    TransferAnswer {
        transfer: usize,
        credited: bool,
    },
    Receive {
        transfer: u16,
        who: usize,
        fen: i64,
    },
    Pass(u64),
    /// The last command once more, under its own request id.
    Again,
}

#[derive(Debug, Clone, Default)]
struct Person {
    opened: bool,
    closed: bool,
    frozen: bool,
    thaws_at: Option<u64>,
    balance: i64,
    used: i64,
    used_day: u64,
    open: i64,
    failures: u32,
    failures_day: u64,
    locked_until: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Waiting,
    Delivered,
    Reversed,
    Refunded,
}

#[derive(Debug, Clone)]
struct Bought {
    who: usize,
    /// Which of the accounts that the person has had.
    account: usize,
    fen: i64,
    refunded: i64,
    stands: Stands,
    paid_at: u64,
}

#[derive(Debug, Clone)]
struct Paid {
    content: Option<(usize, i64)>,
    stands: Result<(), &'static str>,
    reversed: bool,
    account: usize,
    refunds: BTreeMap<u16, i64>,
    day: u64,
}

#[derive(Debug, Clone)]
struct Sent {
    who: usize,
    fen: i64,
    ended: bool,
    day: u64,
}

/// The model: what a province would know, in plain numbers.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    now: u64,
    people: Vec<Person>,
    /// Balances of accounts that were closed and replaced by a new one.
    left_behind: Vec<(usize, i64)>,
    accounts_opened: usize,
    current_account: Vec<usize>,
    orders: Vec<Bought>,
    payments: BTreeMap<usize, Paid>,
    sent: Vec<Sent>,
    received: BTreeMap<u16, ((usize, i64), &'static str)>,
    sp: i64,
    cash: i64,
    due_to: i64,
    due_from: i64,
    /// What the last step is answered with.
    answer: &'static str,
    last: Option<Box<Step>>,
    again: bool,
}

fn day(ms: u64) -> u64 {
    (ms + 8 * 3_600_000) / 86_400_000
}

impl Model {
    fn spend(&mut self, who: usize, fen: i64, right: bool) -> Result<(), &'static str> {
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

    fn take(&mut self, who: usize, fen: i64) {
        let today = day(self.now);
        let person = &mut self.people[who];
        if person.used_day != today {
            (person.used, person.used_day) = (0, today);
        }
        person.used += fen;
        person.balance -= fen;
    }

    /// Money back to the account it came from; the use of that day too when it was a reversal.
    fn give(&mut self, who: usize, account: usize, fen: i64, undo_day: Option<u64>) {
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

    fn checked_password(&mut self, who: usize) -> Result<(), &'static str> {
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

    fn do_step(&mut self, step: &Step) -> Result<(), &'static str> {
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

    fn may_receive(&self, who: usize, fen: i64) -> Result<(), &'static str> {
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

    fn undo(&mut self, order: usize) {
        let Bought { who, account, fen, stands, paid_at, .. } = self.orders[order];
        if stands == Stands::Waiting {
            self.people[who].open -= 1;
        }
        self.orders[order].stands = Stands::Reversed;
        self.sp -= fen;
        self.give(who, account, fen, Some(day(paid_at)));
    }

    fn pass(&mut self, ms: u64) {
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

/// The reference half of the test.
pub(crate) struct Rules;

impl ReferenceStateMachine for Rules {
    type State = Model;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model {
            now: START.0,
            people: vec![Person::default(); PEOPLE],
            left_behind: Vec::new(),
            accounts_opened: 1,
            current_account: vec![0; PEOPLE],
            orders: Vec::new(),
            payments: BTreeMap::new(),
            sent: Vec::new(),
            received: BTreeMap::new(),
            sp: 0,
            cash: 0,
            due_to: 0,
            due_from: 0,
            answer: "ok",
            last: None,
            again: false,
        })
        .boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Step> {
        let who = || 0..PEOPLE;
        let fen = || prop_oneof![4 => 1..3_000_i64, 1 => 3_000..9_000_i64];
        prop_oneof![
            3 => who().prop_map(Step::Open),
            4 => (who(), prop_oneof![5 => 1..20_000_i64, 1 => 900_000..1_000_001_i64]).prop_map(|(who, fen)| Step::TopUp(who, fen)),
            6 => (who(), 1..60_u32, prop::bool::weighted(0.7)).prop_map(|(who, quantity, right)| Step::Buy { who, quantity, right }),
            4 => (any::<usize>(), any::<bool>()).prop_map(|(order, accepted)| Step::Deliver { order, accepted }),
            2 => any::<usize>().prop_map(Step::Reverse),
            4 => (any::<usize>(), 1..3_000_i64).prop_map(|(order, fen)| Step::Refund(order, fen)),
            1 => (who(), prop::option::of(1..100_000_000_u64)).prop_map(|(who, for_ms)| Step::Freeze { who, for_ms }),
            2 => who().prop_map(Step::Unfreeze),
            1 => (who(), any::<bool>()).prop_map(|(who, agent)| Step::Close { who, agent }),
            4 => (0..12_usize, who(), fen()).prop_map(|(payment, who, fen)| Step::Pay { payment, who, fen }),
            2 => (0..12_usize).prop_map(Step::ReversePayment),
            3 => (0..12_usize, 0..4_u16, 1..3_000_i64)
                .prop_map(|(payment, refund, fen)| Step::RefundPayment { payment, refund, fen }),
            3 => (who(), who(), fen()).prop_map(|(from, to, fen)| Step::Transfer { from, to, fen }),
            2 => (who(), fen()).prop_map(|(from, fen)| Step::Send { from, fen }),
            2 => (any::<usize>(), any::<bool>())
                .prop_map(|(transfer, credited)| Step::TransferAnswer { transfer, credited }),
            2 => (0..8_u16, who(), fen()).prop_map(|(transfer, who, fen)| Step::Receive { transfer, who, fen }),
            3 => prop_oneof![3 => 1..70_000_u64, 1 => 1..100_000_000_u64].prop_map(Step::Pass),
            3 => Just(Step::Again),
        ]
        .boxed()
    }

    fn apply(mut model: Model, step: &Step) -> Model {
        // Repeated under its own request id a command does nothing; only time is not repeated.
        model.again = matches!(step, Step::Again);
        if model.again {
            return model;
        }
        model.answer = model.do_step(step).err().unwrap_or("ok");
        model.last = (!matches!(step, Step::Pass(_))).then(|| Box::new(step.clone()));
        model
    }
}

/// The machine under test, with the names the steps have for its rows.
pub(crate) struct Machine {
    world: World,
    sp: SpId,
    product: ProductId,
    accounts: Vec<Option<AccountId>>,
    key: u128,
    last: Option<(u128, Verb)>,
}

impl Machine {
    fn account(&self, who: usize) -> AccountId {
        self.accounts[who].unwrap_or(AccountId::issue(START, province(OTHER), who as u16))
    }

    fn person(who: usize) -> Msisdn {
        msisdn(44, who as u64)
    }

    fn order(&self, order: usize) -> OrderId {
        let unknown = OrderId::issue(START, province(OTHER), 1);
        if self.world.orders.is_empty() { unknown } else { self.world.orders[order % self.world.orders.len()] }
    }

    fn verb(&self, step: &Step) -> Verb {
        let right = PasswordVerdict { verifier_version: 1, matches: true };
        let at = |n: usize| LogTime(START.0 - 1_000 + n as u64);
        let payment = |n: usize| PaymentId::issue(at(n), province(OTHER), 1);
        let payment_order = |n: usize| OrderId::issue(at(n), province(OTHER), 1);
        match *step {
            Step::Open(who) => opening(Self::person(who), Some((PER_PAYMENT / 100, DAILY / 100))),
            Step::TopUp(who, fen) => {
                Verb::TopUpCash { account: self.account(who), amount: Money::fen(fen), agent: String::new() }
            }
            Step::Buy { who, quantity, right } => {
                let mut verb = buying(Self::person(who), province(44), province(44), self.product, quantity);
                if let Verb::PlaceOrder { verdict, .. } = &mut verb {
                    *verdict = Some(PasswordVerdict { verifier_version: 1, matches: right });
                }
                verb
            }
            Step::Deliver { order, accepted } => {
                Verb::RecordDeliveries { answers: vec![(self.order(order), accepted)] }
            }
            Step::Reverse(order) => {
                Verb::ReverseOrder { order: self.order(order), reason: ReversalReason::Requested, note: String::new() }
            }
            Step::Refund(order, fen) => {
                Verb::RefundOrder { order: self.order(order), amount: Money::fen(fen), note: String::new() }
            }
            Step::Freeze { who, for_ms } => Verb::FreezeAccount {
                account: self.account(who),
                verdict: right,
                until: for_ms.map(|ms| self.world.at.plus_ms(ms)),
            },
            Step::Unfreeze(who) => Verb::UnfreezeAccount { account: self.account(who), verdict: right },
            Step::Close { who, agent } => Verb::CloseAccount {
                account: self.account(who),
                verdict: right,
                pay_out_agent: agent.then(String::new),
            },
            Step::Pay { payment: n, who, fen } => Verb::Pay(Box::new(PayRequest {
                payment: payment(n),
                order: payment_order(n),
                serving: province(OTHER),
                msisdn: Self::person(who),
                epoch: 0,
                scope: Scope::Roaming,
                location: province(OTHER),
                account: STORED_VALUE,
                amount: Money::fen(fen),
                title: String::new(),
                verdict: right,
            })),
            Step::ReversePayment(n) => Verb::ReversePayment {
                payment: payment(n),
                reversal: ReversalId::issue(START, province(OTHER), n as u16),
                order: payment_order(n),
            },
            Step::RefundPayment { payment: n, refund, fen } => Verb::RefundPayment {
                payment: payment(n),
                refund: RefundId::issue(START, province(OTHER), refund),
                amount: Money::fen(fen),
            },
            Step::Transfer { from, to, fen } => self.transfer(from, Self::person(to), 44, fen),
            Step::Send { from, fen } => self.transfer(from, msisdn(OTHER, 0), OTHER, fen),
            Step::TransferAnswer { transfer, credited } => {
                let sent: Vec<_> = self.sent();
                let unknown = TransferId::issue(START, province(OTHER), 1);
                let transfer = if sent.is_empty() { unknown } else { sent[transfer % sent.len()] };
                let result = if credited { Ok(()) } else { Err(mpss_domain::Refusal::PayeeNotFound) };
                Verb::RecordTransferCredit { transfer, result }
            }
            Step::Receive { transfer, who, fen } => Verb::CreditTransfer {
                transfer: TransferId::issue(START, province(OTHER), transfer),
                payer: msisdn(OTHER, 0),
                payee: Self::person(who),
                amount: Money::fen(fen),
                epoch: 0,
            },
            Step::Pass(_) => Verb::Tick,
            Step::Again => unreachable!("it stands for another step"),
        }
    }

    fn transfer(&self, from: usize, payee: Msisdn, payee_home: u8, fen: i64) -> Verb {
        Verb::Transfer {
            payer: Self::person(from),
            payee,
            payee_home: province(payee_home),
            epoch: 0,
            amount: Money::fen(fen),
            verdict: PasswordVerdict { verifier_version: 1, matches: true },
        }
    }

    /// Transfers that went to another province.
    fn sent(&self) -> Vec<TransferId> {
        let away = |id: &&TransferId| self.world.state.transfer(**id).is_some_and(|row| row.payee_home != province(44));
        self.world.transfers.iter().filter(away).copied().collect()
    }
}

/// The test: the machine does what the rules say.
pub(crate) struct AgreesWithRules;

impl StateMachineTest for AgreesWithRules {
    type SystemUnderTest = Machine;
    type Reference = Rules;

    fn init_test(_: &Model) -> Machine {
        let mut world = World::new(44);
        let sp = world.admit();
        let product = world.publish(sp, Scope::Local, Money::yuan(1));
        Machine { world, sp, product, accounts: vec![None; PEOPLE], key: 0, last: None }
    }

    fn apply(mut machine: Machine, model: &Model, step: Step) -> Machine {
        if let Step::Pass(ms) = step {
            machine.world.at = machine.world.at.plus_ms(ms);
            machine.last = None;
            machine.world.ask(Verb::Tick);
            return machine;
        }
        let (key, verb) = match step {
            Step::Again => match machine.last.clone() {
                Some(last) => last,
                None => return machine,
            },
            ref step => {
                machine.key += 1;
                (machine.key, machine.verb(step))
            }
        };
        let command = Command { request: Some(Request { key, content: 1 }), verb: verb.clone() };
        let reply = machine.world.batch(vec![command]).replies.remove(0);
        assert_eq!(code_of(&reply.outcome), model.answer, "{verb:?}");
        assert_eq!(reply.replayed, model.again, "{verb:?}");
        if let (Outcome::Account(view), Verb::OpenAccount { msisdn, .. }) = (&reply.outcome, &verb) {
            let who = (0..PEOPLE).find(|who| Machine::person(*who) == *msisdn).expect("one of them");
            machine.accounts[who] = Some(view.account.id);
        }
        machine.last = Some((key, verb));
        machine
    }

    fn check_invariants(machine: &Machine, model: &Model) {
        let state = &machine.world.state;
        state.check_all().unwrap_or_else(|broken| panic!("{broken}"));
        let mut wallets: i64 = model.left_behind.iter().map(|(_, fen)| fen).sum();
        for (who, person) in model.people.iter().enumerate() {
            wallets += person.balance;
            let Some(account) = machine.accounts[who].and_then(|id| state.account(id)) else {
                assert!(!person.opened);
                continue;
            };
            let used = if person.used_day == day(model.now) { person.used } else { 0 };
            let expected = (person.balance, used, person.open);
            let is = (
                account.available.as_fen(),
                account.used_on(LogTime(model.now).business_day()).as_fen(),
                i64::from(account.open_orders),
            );
            assert_eq!(is, expected, "balance, used and open orders of {who}");
            assert_eq!(account.status.name() == "frozen", person.frozen && !person.closed, "frozen");
            assert_eq!(account.status.name() == "closed", person.closed, "closed");
        }
        for (row, id) in model.orders.iter().zip(&machine.world.orders) {
            let order = state.order(*id).expect("kept");
            assert_eq!(order.refunded.as_fen(), row.refunded);
        }
        let books = [
            ("wallets".to_owned(), -wallets),
            (format!("sp_payable:{}", machine.sp), -model.sp),
            ("agent_cash".to_owned(), model.cash),
            (format!("due_to:{OTHER}"), -model.due_to),
            (format!("due_from:{OTHER}"), model.due_from),
        ];
        for (name, fen) in books {
            assert_eq!(machine.world.balance(&name), i128::from(fen), "{name}");
        }
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_agrees_with_the_rules_in_plain_numbers(sequential 1..150 => AgreesWithRules);
}
