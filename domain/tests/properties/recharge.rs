//! 充值卡, each card once: many cards, racing subscribers, a platform that answers late, twice or not at all,
//! and a crash after every command.
//!
//! Everybody who wants something asks under an id of its own until there is an answer. After each command the
//! state is written down and read back; some commands are lost before they are committed, some answers after.
//! The platform works each request it gets once by its key, however often and late it comes. At the end what
//! it has used is held against what was credited, card by card.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mpss_domain::command::Request;
use mpss_domain::rail::{Answer, Call, CallAnswer, CallStep, Phase, Subject};
use mpss_domain::recharge::{RechargeCard, RechargeStatus, WRONG_PINS_MAX};
use mpss_domain::vault::SealedPin;
use mpss_domain::{AccountId, CallId, Command, LogTime, Money, Outcome, Refusal, StateVersion, Verb};

use crate::card_rush::Draw;
use crate::mortal::Mortal;
use crate::world::{RIGHT, START, World, msisdn};

/// A card at the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plastic {
    Free,
    Expired,
    /// By the call that holds it.
    SetAside(CallId),
    Used(CallId),
}

/// The recharge platform.
#[derive(Default)]
struct Platform {
    cards: BTreeMap<u128, Plastic>,
    answers: BTreeMap<CallId, Answer>,
    /// Holds that were undone: they can not come any more.
    forbidden: BTreeSet<CallId>,
}

fn worth(card: u128) -> Money {
    Money::yuan(10 + i64::try_from(card % 4).expect("small") * 20)
}

fn sealed(card: u128) -> SealedPin {
    SealedPin::new(card.to_be_bytes().to_vec())
}

impl Platform {
    fn work(&mut self, call: &Call, pin: &SealedPin) -> Answer {
        if let Some(known) = self.answers.get(&call.id) {
            return known.clone();
        }
        let approved = Answer::Approved { reference: "X".into() };
        let of = call.original.as_ref().map(|original| original.call);
        let answer = match call.step {
            CallStep::Hold if self.forbidden.contains(&call.id) => Answer::Declined(Refusal::DeclinedOutside),
            CallStep::Hold => {
                let card = u128::from_be_bytes(pin.as_bytes().try_into().expect("a PIN is sent with a hold"));
                match self.cards.get(&card) {
                    None => Answer::Declined(Refusal::RechargeCardUnknown),
                    Some(Plastic::Expired) => Answer::Declined(Refusal::RechargeCardExpired),
                    Some(Plastic::SetAside(_)) => Answer::Declined(Refusal::RechargeCardInUse),
                    Some(Plastic::Used(_)) => Answer::Declined(Refusal::RechargeCardUsed),
                    Some(Plastic::Free) => {
                        self.cards.insert(card, Plastic::SetAside(call.id));
                        Answer::Worth { reference: "X".into(), amount: worth(card) }
                    }
                }
            }
            step => {
                let of = of.expect("it is about a hold");
                let held = self.cards.values_mut().find(|card| **card == Plastic::SetAside(of));
                match (step, held) {
                    (CallStep::Capture, Some(card)) => {
                        *card = Plastic::Used(of);
                        approved
                    }
                    (CallStep::Capture, None) => Answer::Declined(Refusal::DeclinedOutside),
                    (CallStep::Release | CallStep::Undo, card) => {
                        self.forbidden.insert(of);
                        if let Some(card) = card {
                            *card = Plastic::Free;
                        }
                        approved
                    }
                    (other, _) => panic!("nobody asks a recharge platform to {}", other.name()),
                }
            }
        };
        self.answers.insert(call.id, answer.clone());
        answer
    }
}

/// What somebody wants and has no answer to yet.
#[derive(Clone)]
struct Want {
    command: Command,
    card: u128,
}

struct Race {
    replica: Mortal,
    draw: Draw,
    platform: Platform,
    accounts: Vec<AccountId>,
    cards: u128,
    wants: Vec<Want>,
    keys: u128,
    /// Requests and answers that are still on their way.
    late_requests: VecDeque<(Call, SealedPin)>,
    late_answers: VecDeque<CallAnswer>,
    /// The platform hears nothing and says nothing in between.
    silent: (LogTime, LogTime),
    /// Accounts are frozen, thawed and closed meanwhile.
    owners_act: bool,
    counts: BTreeMap<&'static str, u32>,
}

impl Race {
    fn new(seed: u64, cards: u128, silent_h: u64) -> Self {
        let mut world = World::new(44);
        world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        let accounts = (0..12).map(|n| world.open(msisdn(44, n), None)).collect();
        let mut platform = Platform::default();
        // The last cards are none: somebody guesses.
        for card in 0..cards - 4 {
            platform.cards.insert(card, if card % 13 == 12 { Plastic::Expired } else { Plastic::Free });
        }
        let silent = (START.plus_ms(60_000), START.plus_ms(60_000 + silent_h * 3_600_000));
        let mut race = Self {
            replica: Mortal::of(world),
            draw: Draw(seed),
            platform,
            accounts,
            cards,
            wants: Vec::new(),
            keys: 0,
            late_requests: VecDeque::new(),
            late_answers: VecDeque::new(),
            silent,
            owners_act: true,
            counts: BTreeMap::new(),
        };
        for card in 0..cards {
            for _ in 0..2 + race.draw.below(2) {
                race.want(card);
            }
        }
        race
    }

    fn want(&mut self, card: u128) {
        self.keys += 1;
        let account = self.accounts[self.draw.below(self.accounts.len())];
        let verb = Verb::TopUpByCard { account, card: RechargeCard::new(card), pin: sealed(card) };
        let request = Some(Request { key: self.keys, content: 7 });
        self.wants.push(Want { command: Command { request, verb }, card });
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn ask_somebody(&mut self) {
        let at = self.draw.below(self.wants.len());
        if self.draw.percent(10) {
            // The leader dies before this is on a quorum: it is asked again.
            return;
        }
        let want = self.wants[at].clone();
        let outcome = self.replica.commit(want.command);
        if self.draw.percent(10) {
            // It stands, and nobody has heard: it is asked again, under the same id.
            return;
        }
        self.wants.swap_remove(at);
        match outcome {
            Outcome::TopUpTaken(_) => self.count("taken"),
            Outcome::Refused(refusal) => {
                self.count(refusal.code());
                if refusal.retryable() && self.draw.percent(60) && self.keys < 12 * self.cards {
                    self.want(want.card);
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn drive(&mut self, call: CallId) {
        if self.draw.percent(5) {
            return;
        }
        self.replica.ask(Verb::BeginCalls { calls: vec![call] });
        // The leader dies once it was marked: whether it was sent nobody knows.
        let dies = self.draw.percent(5);
        let call = self.replica.state.call(call).expect("it is kept").clone();
        let Subject::Recharge(top_up) = call.subject else { panic!("{call:?}") };
        let pin = self.replica.state.recharge(top_up).expect("it is kept").pin.clone();
        let silent = self.silent.0 <= self.replica.at && self.replica.at < self.silent.1;
        let answer = match (call.phase, self.draw.below(100)) {
            (Phase::Sent | Phase::Asking, 0..20) => None,
            (Phase::Sent | Phase::Asking, _) if silent => None,
            (Phase::Sent, 20..32) => {
                self.late_requests.push_back((call.clone(), pin));
                None
            }
            (Phase::Sent, 32..42) => {
                let answer = self.platform.work(&call, &pin);
                self.late_answers.push_back(CallAnswer { call: call.id, answer });
                None
            }
            (Phase::Sent, lost) => {
                let answer = self.platform.work(&call, &pin);
                if lost % 2 == 0 { Some(self.platform.work(&call, &pin)) } else { Some(answer) }
            }
            (Phase::Asking, _) => Some(self.platform.answers.get(&call.id).cloned().unwrap_or(Answer::NeverSeen)),
            _ => return,
        };
        if dies || self.draw.percent(10) {
            return;
        }
        let answer = CallAnswer { call: call.id, answer: answer.unwrap_or(Answer::NoAnswer) };
        self.replica.ask(Verb::RecordCalls { answers: vec![answer] });
    }

    fn post(&mut self) {
        if let Some((call, pin)) = self.late_requests.pop_front() {
            let answer = self.platform.work(&call, &pin);
            self.late_answers.push_back(CallAnswer { call: call.id, answer });
        }
        if let Some(answer) = self.late_answers.pop_front() {
            // Some come twice.
            if self.draw.percent(30) {
                self.late_answers.push_back(answer.clone());
            }
            self.replica.ask(Verb::RecordCalls { answers: vec![answer] });
        }
    }

    fn owner_acts(&mut self) {
        let account = self.accounts[self.draw.below(self.accounts.len())];
        let verdict = RIGHT;
        let verb = match self.draw.below(8) {
            0..3 => Verb::FreezeAccount { account, verdict, until: None },
            3..7 => Verb::UnfreezeAccount { account, verdict },
            _ => Verb::CloseAccount { account, verdict, pay_out_agent: None },
        };
        self.replica.ask(verb);
    }

    fn run(&mut self) {
        loop {
            let open: Vec<_> = self.replica.state.calls().filter(|call| call.next_at > LogTime(0)).collect();
            let due: Vec<_> = open.iter().filter(|call| call.next_at <= self.replica.at).map(|call| call.id).collect();
            let next = open.iter().map(|call| call.next_at).min();
            let mail = !self.late_requests.is_empty() || !self.late_answers.is_empty();
            match self.draw.below(10) {
                0..3 if !self.wants.is_empty() => self.ask_somebody(),
                3..8 if !due.is_empty() => {
                    let call = due[self.draw.below(due.len())];
                    self.drive(call);
                }
                8 if mail => self.post(),
                9 if self.owners_act && self.draw.percent(10) => self.owner_acts(),
                _ if due.is_empty() && self.wants.is_empty() => match next {
                    Some(next) => self.replica.at = self.replica.at.max(next),
                    None if mail => self.post(),
                    None => return,
                },
                _ => self.replica.at = self.replica.at.plus_ms(500),
            }
        }
    }

    /// Card by card: what the platform has used, and what was credited.
    fn hold_against_each_other(&mut self) -> String {
        assert_eq!(self.replica.state.check_all(), Ok(()));
        let state = &self.replica.state;
        let mut sum = Money::ZERO;
        let (mut used, mut in_doubt, mut refused) = (0, 0, 0);
        for card in 0..self.cards {
            let rows: Vec<_> = state.recharges().filter(|row| row.card == RechargeCard::new(card)).collect();
            let credited: Vec<_> = rows.iter().filter(|row| row.status == RechargeStatus::Credited).collect();
            assert!(credited.len() <= 1, "card {card} was credited {} times", credited.len());
            assert!(rows.iter().all(|row| row.status.is_final() && row.pin.as_bytes().is_empty()), "{rows:?}");
            refused += rows.len() - credited.len();
            let credited = credited.first();
            let hold = credited.and_then(|row| row.calls.first().copied());
            let calls = credited.map(|row| state.calls_about(Subject::Recharge(row.id)).collect::<Vec<_>>());
            let doubt = calls.is_some_and(|calls| calls.iter().any(|call| call.phase == Phase::Abandoned));
            match self.platform.cards.get(&card) {
                Some(Plastic::Used(by)) => {
                    assert_eq!(hold, Some(*by), "card {card} is used, and was not credited to who used it");
                    used += 1;
                }
                // Past the bound it is credited, and nobody else can use the card.
                Some(Plastic::SetAside(by)) if hold.is_some() => {
                    assert!(doubt && hold == Some(*by), "card {card} is credited, and not used");
                }
                other => assert_eq!(hold, None, "card {card} is credited, and it is {other:?}"),
            }
            in_doubt += usize::from(doubt);
            if let Some(row) = credited {
                assert_eq!(row.amount, worth(card));
                sum += row.amount;
            }
        }
        let wallets: Money = state.accounts().map(|account| account.available).sum();
        assert_eq!(wallets, sum, "what was credited is what is there");
        let owed = |name: &str| {
            let books = state.trial_balance();
            books.lines.iter().find(|line| line.name == name).map_or(0, |line| line.debit - line.credit)
        };
        assert_eq!(owed("rail_clearing:recharge") + owed("suspense"), i128::from(sum.as_fen()));
        format!("{used} used, {in_doubt} in doubt, {refused} refused, {sum} yuan, {:?}", self.counts)
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what was counted")]
fn each_card_is_credited_once_and_what_is_used_is_credited() {
    for seed in 1..=6 {
        let mut race = Race::new(seed, 60, 0);
        race.run();
        let told = race.hold_against_each_other();
        println!("seed {seed}: {} entries, {told}", race.replica.state.index());
        assert!(race.counts["recharge_card_in_use"] > 5 && race.counts["taken"] > 60, "{told}");
        assert!(told.contains(" 0 in doubt"), "a platform that comes back is heard: {told}");
    }
}

/// The platform is silent for longer than anything waits.
#[test]
#[expect(clippy::print_stdout, reason = "what was counted")]
fn a_platform_that_is_silent_for_days_takes_nobodys_money() {
    let mut in_doubt = false;
    for seed in 1..=4 {
        let mut race = Race::new(seed, 60, 100);
        race.run();
        let told = race.hold_against_each_other();
        println!("seed {seed}: {} entries, {told}", race.replica.state.index());
        in_doubt |= !told.contains(" 0 in doubt");
    }
    assert!(in_doubt, "the bound was never reached");
}

/// Who guesses is locked after five, however many are asked at once, whatever the order of the answers.
#[test]
fn nobody_guesses_faster_by_asking_in_parallel() {
    let (mut held_back, mut locked) = (0, 0);
    for seed in 1..=20 {
        let mut race = Race::new(seed, 4, 0);
        race.wants.clear();
        race.platform.cards.clear();
        race.accounts.truncate(1);
        race.owners_act = false;
        (race.cards, race.keys) = (400, 0);
        for card in 0..40 {
            race.want(1_000 + card);
        }
        race.run();
        let wrong = race
            .replica
            .state
            .recharges()
            .filter(|row| row.status == RechargeStatus::Refused(Refusal::RechargeCardUnknown));
        let wrong = wrong.count();
        assert!(wrong <= usize::from(WRONG_PINS_MAX), "seed {seed}: {wrong} guesses were answered");
        let more = Verb::TopUpByCard { account: race.accounts[0], card: RechargeCard::new(7), pin: sealed(7) };
        let more = race.replica.ask(more);
        let is_locked = matches!(more, Outcome::Refused(Refusal::RechargeLocked(_)));
        assert_eq!(is_locked, wrong == usize::from(WRONG_PINS_MAX), "seed {seed}: {wrong}, then {more:?}");
        locked += usize::from(is_locked);
        held_back += race.counts.get("recharges_under_way").copied().unwrap_or_default();
    }
    assert!(held_back > 10 && locked > 10, "{held_back} were held back, {locked} were locked");
}

#[cfg(feature = "mutants")]
pub(crate) fn play_with(mutant: mpss_domain::mutant::Mutant, silent_h: u64) {
    for seed in 1..=6 {
        let mut race = Race::new(seed, 60, silent_h);
        race.replica.plant(mutant);
        race.run();
        race.hold_against_each_other();
    }
}
