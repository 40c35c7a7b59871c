//! Top-ups by bank card: racing subscribers, banks of both modes that answer late, twice or not at all, owners who
//! freeze and close meanwhile, and a crash after every command.
//!
//! Whatever is sent lies in the post until somebody takes it out: in any order, twice, late, or never. The bank works
//! each request it gets once by its key. After each command the ceilings, the limits and the answers that were given
//! are looked at; at the end what the bank has taken is held against what was credited, top-up by top-up.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::account::{AccountStatus, Language, Tier};
use mpss_domain::bank_top_up::{BankTopUp, BankTopUpStatus, TopUpByBank};
use mpss_domain::command::Request;
use mpss_domain::journal::JournalBody;
use mpss_domain::outside::{Card, Means};
use mpss_domain::rail::{Answer, Call, CallAnswer, CallStep, Phase, Subject};
use mpss_domain::time::BusinessDay;
use mpss_domain::{
    AccountId, AccountKind, CallId, Command, LogTime, Money, Outcome, Refusal, StateVersion, TopUpId, Verb,
};

use crate::card_rush::Draw;
use crate::mortal::Mortal;
use crate::world::{RIGHT, START, World, msisdn, verifier};

const SUBSCRIBERS: u64 = 6;
const TOP_UPS: u128 = 250;
const DAY_MS: u64 = 86_400_000;
const CEILING: Money = Money::yuan(1_800);
const PER_PAYMENT: Money = Money::yuan(450);
const DAILY: Money = Money::yuan(1_500);

fn card(pre_freeze: bool) -> Means {
    let card =
        Card { bank: "01020000".into(), token: "6212345678901234567".into(), last_four: "4567".into(), pre_freeze };
    Means::Card(Box::new(card))
}

/// The `n`-th subscriber's card; every other one is debited in pre-freeze mode.
fn opening_on_card(n: u64) -> Verb {
    Verb::OpenOutside {
        msisdn: msisdn(44, n),
        tier: Tier::Basic,
        language: Language::Chinese,
        verifier: verifier(),
        verdict: RIGHT,
        per_payment_limit: None,
        daily_limit: None,
        means: card(n % 2 == 1),
    }
}

/// The bank's books.
#[derive(Default)]
struct Bank {
    funds: BTreeMap<AccountId, Money>,
    answers: BTreeMap<CallId, Answer>,
    held: BTreeMap<CallId, Money>,
    /// By the call that asked first: the hold, when there was one.
    taken: BTreeMap<CallId, Money>,
    /// What was undone can not come any more.
    forbidden: BTreeSet<CallId>,
}

impl Bank {
    fn work(&mut self, call: &Call, whim: bool) -> Answer {
        if let Some(known) = self.answers.get(&call.id) {
            return known.clone();
        }
        let funds = self.funds.entry(call.account).or_insert(Money::yuan(4_000));
        let approved = Answer::Approved { reference: "123456".into() };
        let of = call.original.as_ref().map(|original| original.call);
        let answer = match (call.step, of) {
            (CallStep::Hold | CallStep::Take, None) if self.forbidden.contains(&call.id) => {
                Answer::Declined(Refusal::DeclinedOutside)
            }
            (CallStep::Hold | CallStep::Take, None) if *funds < call.amount => {
                Answer::Declined(Refusal::InsufficientFunds)
            }
            (CallStep::Hold | CallStep::Take | CallStep::Capture, _) if whim => Answer::Declined(Refusal::CardUnusable),
            (CallStep::Hold | CallStep::Take, None) => {
                *funds -= call.amount;
                let book = if call.step == CallStep::Hold { &mut self.held } else { &mut self.taken };
                book.insert(call.id, call.amount);
                approved
            }
            (CallStep::Capture, Some(hold)) => match self.held.remove(&hold) {
                Some(amount) => {
                    assert_eq!(amount, call.amount);
                    self.taken.insert(hold, amount);
                    approved
                }
                None => Answer::Declined(Refusal::DeclinedOutside),
            },
            (CallStep::Release | CallStep::Undo, Some(of)) => {
                self.forbidden.insert(of);
                let back = self.held.remove(&of).or_else(|| self.taken.remove(&of));
                *funds += back.unwrap_or_default();
                approved
            }
            other => panic!("nobody asks a bank for {other:?} to top up"),
        };
        self.answers.insert(call.id, answer.clone());
        answer
    }
}

struct Race {
    replica: Mortal,
    draw: Draw,
    bank: Bank,
    /// Stored-value and bank account of each subscriber.
    accounts: Vec<(AccountId, AccountId)>,
    asked: u128,
    /// What was answered to each request that was ever asked.
    first: BTreeMap<u128, (LogTime, Verb, Outcome)>,
    requests: Vec<Call>,
    answers: Vec<CallAnswer>,
    /// Nobody takes anything out of the post in between.
    silent: (LogTime, LogTime),
    cash: Money,
    counts: BTreeMap<&'static str, u32>,
}

impl Race {
    fn new(seed: u64, silent_h: u64) -> Self {
        let mut world = World::new(44);
        world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        let mut policy = world.state.policy().clone();
        policy.version += 1;
        policy.ceilings[AccountKind::StoredValue as usize][Tier::Basic as usize].balance = CEILING;
        let of_bank = &mut policy.ceilings[AccountKind::Bank as usize][Tier::Basic as usize];
        (of_bank.per_payment, of_bank.daily) = (PER_PAYMENT, DAILY);
        world.ask(Verb::SetPolicy(Box::new(policy)));
        let mut accounts = Vec::new();
        for n in 0..SUBSCRIBERS {
            let account = world.open(msisdn(44, n), None);
            let opened = world.ask(opening_on_card(n));
            let Outcome::Account(view) = opened else { panic!("{opened:?}") };
            accounts.push((account, view.account.id));
        }
        Self {
            replica: Mortal::of(world),
            draw: Draw(seed),
            bank: Bank::default(),
            accounts,
            asked: 0,
            first: BTreeMap::new(),
            requests: Vec::new(),
            answers: Vec::new(),
            silent: (START.plus_ms(60_000), START.plus_ms(60_000 + silent_h * 3_600_000)),
            cash: Money::ZERO,
            counts: BTreeMap::new(),
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// A new request, or one that was asked before: who asked may not have heard the answer.
    fn ask_somebody(&mut self) {
        let at = self.replica.at;
        let before = 1 + self.draw.below(self.asked as usize + 1) as u128;
        // An answer is the same for three days.
        let known = self.first.get(&before).filter(|(then, ..)| self.draw.percent(25) && at < then.plus_ms(DAY_MS));
        let key = if known.is_some() { before } else { self.asked + 1 };
        let known = known.cloned();
        self.asked = self.asked.max(key);
        let (account, _) = self.accounts[self.draw.below(self.accounts.len())];
        let amount = Money::yuan(10 + self.draw.below(450) as i64);
        let new = Verb::TopUpByBank(Box::new(TopUpByBank { account, amount, verdict: RIGHT }));
        let verb = known.map_or(new, |(_, verb, _)| verb);
        let outcome = self.replica.commit(Command { request: Some(Request { key, content: 7 }), verb: verb.clone() });
        match &outcome {
            Outcome::TopUpTaken(_) => self.count("taken"),
            Outcome::Refused(refusal) => self.count(refusal.code()),
            other => panic!("{other:?}"),
        }
        let first = self.first.entry(key).or_insert((at, verb, outcome.clone()));
        assert_eq!(first.2, outcome, "request {key} was answered otherwise before");
    }

    fn drive(&mut self, call: CallId) {
        self.replica.ask(Verb::BeginCalls { calls: vec![call] });
        // The leader dies once it was marked: whether it was sent nobody knows.
        let call = self.replica.state.call(call).expect("it is kept").clone();
        if call.phase != Phase::Sent || self.draw.percent(5) {
            return;
        }
        if self.draw.percent(4) {
            self.answers.push(CallAnswer { call: call.id, answer: Answer::NotSent });
        } else {
            self.requests.push(call);
        }
    }

    /// Somebody takes something out of the post.
    fn post(&mut self) {
        if !self.requests.is_empty() && self.draw.percent(60) {
            let at = self.draw.below(self.requests.len());
            let call = self.requests[at].clone();
            if !self.draw.percent(15) {
                self.requests.swap_remove(at);
            }
            if !self.draw.percent(8) {
                let whim = self.draw.percent(8);
                let answer = self.bank.work(&call, whim);
                self.answers.push(CallAnswer { call: call.id, answer });
            }
        } else if !self.answers.is_empty() {
            let at = self.draw.below(self.answers.len());
            let answer = self.answers[at].clone();
            if !self.draw.percent(15) {
                self.answers.swap_remove(at);
            }
            if !self.draw.percent(8) {
                self.replica.ask(Verb::RecordCalls { answers: vec![answer] });
            }
        }
    }

    fn owner_acts(&mut self) {
        let whose = self.draw.below(self.accounts.len());
        let (account, bank) = self.accounts[whose];
        let which = if self.draw.percent(50) { account } else { bank };
        let verdict = RIGHT;
        let verb = match self.draw.below(10) {
            0..2 => Verb::FreezeAccount { account: which, verdict, until: None },
            2..7 => Verb::UnfreezeAccount { account: which, verdict },
            // It is refused as long as anything of it is open.
            7 => Verb::CloseAccount { account: which, verdict, pay_out_agent: None },
            _ => Verb::TopUpCash { account, amount: Money::yuan(200), agent: "agent".into() },
        };
        match self.replica.ask(verb) {
            Outcome::ToppedUp { amount, .. } => self.cash += amount,
            Outcome::Refused(refusal) => self.count(refusal.code()),
            Outcome::Account(view) if view.account.status == AccountStatus::Closed && which == bank => {
                // A new one stands on the same card.
                let opened = self.replica.ask(opening_on_card(whose as u64));
                let Outcome::Account(view) = opened else { panic!("{opened:?}") };
                self.accounts[whose].1 = view.account.id;
                self.count("opened anew");
            }
            _ => {}
        }
    }

    fn run(&mut self) {
        loop {
            let calls = self.replica.state.calls().filter(|call| call.next_at > LogTime(0));
            let open: Vec<_> = calls.map(|call| (call.next_at, call.id)).collect();
            let due: Vec<_> = open.iter().filter(|(at, _)| *at <= self.replica.at).map(|(_, id)| *id).collect();
            let next = open.iter().map(|(at, _)| *at).min();
            let is_silent = self.silent.0 <= self.replica.at && self.replica.at < self.silent.1;
            let mail = !(is_silent || self.requests.is_empty() && self.answers.is_empty());
            let wants = self.asked < TOP_UPS;
            match self.draw.below(12) {
                0..2 if wants && !is_silent => self.ask_somebody(),
                2..5 if !due.is_empty() => {
                    let call = due[self.draw.below(due.len())];
                    self.drive(call);
                }
                5..9 if mail => self.post(),
                9 if wants && self.draw.percent(30) => self.owner_acts(),
                _ if due.is_empty() && (is_silent || !wants) => match next {
                    Some(next) => self.replica.at = self.replica.at.max(next),
                    None if is_silent => self.replica.at = self.silent.1,
                    None if mail => self.post(),
                    None => return,
                },
                _ => self.replica.at = self.replica.at.plus_ms(700),
            }
            self.nothing_is_overrun();
        }
    }

    /// What was not refused fits under the ceiling and into the limits, wherever it stands.
    fn nothing_is_overrun(&self) {
        let state = &self.replica.state;
        let mut used = BTreeMap::<(AccountId, BusinessDay), Money>::new();
        let mut coming = BTreeMap::<AccountId, Money>::new();
        for row in state.bank_top_ups().filter(|row| !matches!(row.status, BankTopUpStatus::Refused(_))) {
            *used.entry((row.bank, row.day)).or_default() += row.amount;
            assert!(row.amount <= PER_PAYMENT);
            if !row.status.is_final() {
                *coming.entry(row.account).or_default() += row.amount;
                for account in [row.account, row.bank].map(|id| state.account(id).expect("kept")) {
                    assert_ne!(account.status, AccountStatus::Closed, "closed over an open top-up: {row:?}");
                }
            }
        }
        for ((bank, day), sum) in used {
            assert!(sum <= DAILY, "{sum} of {bank} on {day:?}");
            let account = state.account(bank).expect("kept");
            assert!(account.used_day != day || account.used == sum, "{bank} counts {}, not {sum}", account.used);
        }
        for (account, _) in &self.accounts {
            let there = state.account(*account).expect("kept").available;
            let sum = there + coming.get(account).copied().unwrap_or_default();
            assert!(sum <= CEILING, "{sum} is or comes into {account}");
        }
    }

    fn by_step(&self, id: TopUpId, step: CallStep) -> Option<&Call> {
        self.replica.state.calls_about(Subject::BankTopUp(id)).find(|call| call.step == step)
    }

    /// Top-up by top-up: what the bank has taken, and what was credited.
    fn hold_against_each_other(&mut self) -> String {
        assert_eq!(self.replica.state.check_all(), Ok(()));
        let (mut sum, mut in_suspense, mut credited, mut refused, mut in_doubt) = (Money::ZERO, Money::ZERO, 0, 0, 0);
        let rows: Vec<BankTopUp> = self.replica.state.bank_top_ups().cloned().collect();
        for row in &rows {
            let taken = self.bank.taken.get(&row.calls[0]);
            let captured = self.by_step(row.id, CallStep::Capture).map(|call| call.phase);
            let undone = self.by_step(row.id, CallStep::Undo).map(|call| call.phase);
            match row.status {
                BankTopUpStatus::Credited if captured == Some(Phase::Abandoned) => {
                    in_suspense += row.amount;
                    in_doubt += 1;
                }
                BankTopUpStatus::Credited => {
                    assert_eq!(taken, Some(&row.amount), "{} is credited, and the bank has not taken it", row.id);
                    credited += 1;
                }
                BankTopUpStatus::Refused(_) if undone == Some(Phase::Abandoned) => in_doubt += 1,
                BankTopUpStatus::Refused(_) => {
                    assert_eq!(taken, None, "the bank has taken {}, and it is not credited", row.id);
                    // What nobody released ends by itself, at the bank.
                    let released = self.by_step(row.id, CallStep::Release).map(|call| call.phase);
                    let held = self.bank.held.contains_key(&row.calls[0]);
                    assert!(!held || released == Some(Phase::Abandoned), "the bank holds {} for nobody", row.id);
                    refused += 1;
                }
                open => panic!("{} is still {open:?}", row.id),
            }
            if row.status == BankTopUpStatus::Credited {
                sum += row.amount;
            }
        }
        let state = &self.replica.state;
        let wallets: Money = state.accounts().map(|account| account.available).sum();
        assert_eq!(wallets, sum + self.cash, "what was credited is what is there");
        let owed = |name: &str| {
            let books = state.trial_balance();
            books.lines.iter().find(|line| line.name == name).map_or(0, |line| line.debit - line.credit)
        };
        let clearing = owed("rail_clearing:bank_real_time") + owed("rail_clearing:bank_pre_freeze");
        assert_eq!(clearing, i128::from((sum - in_suspense).as_fen()));
        assert_eq!(owed("suspense"), i128::from(in_suspense.as_fen()));
        format!("{credited} credited, {refused} refused, {in_doubt} in doubt, {sum} yuan, {:?}", self.counts)
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what was counted")]
fn what_the_bank_has_taken_is_credited_once_and_nothing_else() {
    let (mut late, mut refused) = (0, BTreeSet::new());
    for seed in 1..=6 {
        let mut race = Race::new(seed, 0);
        race.run();
        let told = race.hold_against_each_other();
        println!("seed {seed}: {} entries, {told}", race.replica.state.index());
        refused.extend(race.counts.keys().copied());
        assert!(told.contains(" 0 in doubt"), "a bank that comes back is heard: {told}");
        late += race.replica.state.calls().filter(|call| call.late_approval.is_some()).count();
    }
    assert!(late > 5, "{late} approvals came after their undoing");
    for refusal in ["daily_limit_exceeded", "balance_ceiling_exceeded", "open_orders_remain", "account_frozen"] {
        assert!(refused.contains(refusal), "never {refusal}");
    }
}

/// The bank is silent for longer than anything waits.
#[test]
#[expect(clippy::print_stdout, reason = "what was counted")]
fn a_bank_that_is_silent_for_days_takes_nobodys_money() {
    let mut in_doubt = false;
    for seed in 1..=4 {
        let mut race = Race::new(seed, 100);
        race.run();
        let told = race.hold_against_each_other();
        println!("seed {seed}: {} entries, {told}", race.replica.state.index());
        in_doubt |= !told.contains(" 0 in doubt");
    }
    assert!(in_doubt, "the bound was never reached");
}

/// 对账单: the wallet's statement and the bank account's each tell of it once.
#[test]
fn both_statements_tell_of_it() {
    for pre_freeze in [false, true] {
        let mut world = World::new(44);
        world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        let account = world.open(msisdn(44, 1), None);
        world.open_outside(msisdn(44, 1), Tier::Basic, card(pre_freeze));
        let amount = Money::yuan(50);
        let ask = TopUpByBank { account, amount, verdict: RIGHT };
        let Outcome::TopUpTaken(id) = world.ask(Verb::TopUpByBank(Box::new(ask))) else { panic!("not taken") };
        let mut lines = Vec::new();
        let open = |world: &World| world.state.calls().find(|call| !call.phase.is_final()).map(|call| call.id);
        while let Some(call) = open(&world) {
            let answer = CallAnswer { call, answer: Answer::Approved { reference: String::new() } };
            for verb in [Verb::BeginCalls { calls: vec![call] }, Verb::RecordCalls { answers: vec![answer] }] {
                let journal = world.batch(vec![Command::internal(verb)]).journal;
                lines.extend(journal.into_iter().filter_map(|record| match record.body {
                    JournalBody::Posted { statement: Some(line), .. } => Some((record.position, line)),
                    _ => None,
                }));
            }
        }
        let row = world.state.bank_top_up(id).expect("kept");
        assert_eq!((row.status, row.balance), (BankTopUpStatus::Credited, amount));
        let told: Vec<_> = lines.iter().map(|(_, line)| (line.account, line.amount, line.balance)).collect();
        assert_eq!(told, [(row.account, amount, amount), (row.bank, -amount, Money::ZERO)]);
        for (position, line) in lines {
            assert_eq!(world.state.account(line.account).expect("kept").last_record, Some(position));
        }
    }
}

#[cfg(feature = "mutants")]
pub(crate) fn play_with(mutant: mpss_domain::mutant::Mutant) {
    for seed in 1..=6 {
        let mut race = Race::new(seed, 0);
        race.replica.plant(mutant);
        race.run();
        race.hold_against_each_other();
    }
}
