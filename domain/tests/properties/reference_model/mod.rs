//! Random commands against a naive model that keeps a few numbers for each subscriber and order and
//! states every rule in the plainest way: answers, balances, limits, refunds and books must agree
//! after every step.
//!
//! The steps are in `steps.rs`; what the model knows, and how money moves in it, in `model.rs`; what each step does
//! and is answered with in `rules.rs`; the machine that is asked the same in `machine.rs`. Here the two are compared.

use mpss_domain::command::Request;
use mpss_domain::{Command, LogTime, Money, Outcome, Scope, Verb};
use proptest::prelude::*;
use proptest_state_machine::{StateMachineTest, prop_state_machine};

use crate::world::{World, code_of};

mod machine;
mod model;
mod rules;
mod steps;

use machine::Machine;
use model::{Model, day};
use steps::{Rules, Step};

const PEOPLE: usize = 3;
const PER_PAYMENT: i64 = 5_000;
const DAILY: i64 = 8_000;
const CEILING: i64 = 1_000_000;
const DEADLINE_MS: u64 = 60_000;
const WINDOW_MS: u64 = 24 * 3_600_000;
const RETENTION_MS: u64 = 90 * 86_400_000;
const OTHER: u8 = 51;

/// The test: the machine does what the rules say.
struct AgreesWithRules;

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
