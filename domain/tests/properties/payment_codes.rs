//! One-time payment codes (product §3 付费): whatever is asked, by however many machines at once, a code pays once, in
//! its minute, at most what it is for, from its own account; and who asks again gets the first answer.

use std::collections::BTreeMap;

use mpss_domain::command::{PayRequest, Request};
use mpss_domain::ids::IssuedId;
use mpss_domain::payment_codes::{BuyByCode, GOOD_MS, IssueCode, OPEN_MAX, PayByCode, PaymentCode, SealedCode};
use mpss_domain::{
    AccountId, AccountSelector, Channel, Command, LogTime, Money, OrderId, Outcome, PaymentId, ProductId, Purchase,
    Scope, StateVersion, Verb,
};
use proptest::prelude::*;

use crate::world::{RIGHT, World, msisdn, province};

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// Subscriber `who` asks for code `code`, good for so many yuan.
    Issue { who: u8, code: u8, yuan: i64 },
    /// A machine here presents a code for so many rides.
    Buy { code: u8, rides: u32, key: u8 },
    /// A machine of another province does.
    Pay { code: u8, yuan: i64, payment: u8 },
    /// A payment of another province is reversed, perhaps before it came.
    Reverse { payment: u8 },
    /// Time passes.
    Wait { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let code = 0..6_u8;
    prop_oneof![
        3 => (0..2_u8, code.clone(), 1..20_i64).prop_map(|(who, code, yuan)| Step::Issue { who, code, yuan }),
        4 => (code.clone(), 1..6_u32, 0..8_u8).prop_map(|(code, rides, key)| Step::Buy { code, rides, key }),
        4 => (code, 1..20_i64, 0..8_u8).prop_map(|(code, yuan, payment)| Step::Pay { code, yuan, payment }),
        1 => (0..8_u8).prop_map(|payment| Step::Reverse { payment }),
        2 => prop_oneof![Just(1_000), Just(30_000), Just(GOOD_MS), Just(11 * 60_000)].prop_map(|ms| Step::Wait { ms }),
    ]
}

/// What is known of a code, told from the outside.
#[derive(Debug, Clone)]
struct Known {
    who: u8,
    yuan: i64,
    until: LogTime,
    paid: bool,
}

struct Gate {
    world: World,
    product: ProductId,
    accounts: [AccountId; 2],
    codes: BTreeMap<u8, Known>,
    /// First answers, by request key and by payment.
    bought: BTreeMap<(u8, u8, u32), Outcome>,
    keys: BTreeMap<u8, (u8, u32)>,
    paid: BTreeMap<u8, (u8, u8, i64, Outcome)>,
    reversed: Vec<u8>,
}

impl Gate {
    fn new() -> Self {
        let mut world = World::new(44);
        world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        let sp = world.admit();
        let product = world.publish(sp, Scope::Local, Money::yuan(2));
        let accounts = [0, 1].map(|who| {
            let account = world.open(msisdn(44, who), None);
            world.top_up(account, 200);
            account
        });
        let (codes, bought, keys, paid) = Default::default();
        Self { world, product, accounts, codes, bought, keys, paid, reversed: Vec::new() }
    }

    fn now(&self) -> LogTime {
        self.world.state.now()
    }

    /// Would a code pay so much now, as far as codes go?
    fn is_good(&self, code: u8, yuan: i64) -> bool {
        self.codes.get(&code).is_some_and(|known| !known.paid && self.now() < known.until && yuan <= known.yuan)
    }

    fn owner(&self, code: u8) -> u8 {
        self.codes.get(&code).map_or(0, |known| known.who)
    }

    fn available(&self, who: u8) -> Money {
        self.world.state.account(self.accounts[usize::from(who)]).expect("opened").available
    }

    fn run(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Issue { who, code, yuan } => {
                let open = self.codes.values().filter(|known| known.who == who && !known.paid);
                let open = open.filter(|known| self.now() < known.until).count();
                let remembered = self.world.state.payment_code(digest(code)).is_some();
                let outcome = self.world.ask(Verb::IssueCode(Box::new(IssueCode {
                    account: self.accounts[usize::from(who)],
                    verdict: RIGHT,
                    amount: Money::yuan(yuan),
                    code: digest(code),
                    sealed: SealedCode::new(vec![1]),
                })));
                let issued = matches!(outcome, Outcome::PaymentCode(_));
                prop_assert_eq!(issued, open < OPEN_MAX && !remembered, "{:?}", outcome);
                if issued {
                    let until = self.now().plus_ms(GOOD_MS);
                    self.codes.insert(code, Known { who, yuan, until, paid: false });
                }
            }
            Step::Buy { code, rides, key } => {
                let who = self.owner(code);
                let price = i64::from(rides) * 2;
                let known = self.keys.get(&key).copied();
                let good = self.is_good(code, price) && self.available(who) >= Money::yuan(price);
                let before = self.available(who);
                let outcome = self.buy(code, rides, key);
                let took = before - self.available(who);
                match known {
                    Some(first) if first == (code, rides) => {
                        prop_assert_eq!(&outcome, &self.bought[&(key, code, rides)], "the first answer again");
                        prop_assert_eq!(took, Money::ZERO);
                    }
                    Some(_) => {
                        prop_assert_eq!(code_of(&outcome), "duplicate_request");
                        prop_assert_eq!(took, Money::ZERO);
                    }
                    None => {
                        prop_assert_eq!(matches!(outcome, Outcome::Order(_)), good, "{:?}", outcome);
                        prop_assert_eq!(took, if good { Money::yuan(price) } else { Money::ZERO });
                        self.spent(code, good);
                        self.keys.insert(key, (code, rides));
                        self.bought.insert((key, code, rides), outcome);
                    }
                }
            }
            Step::Pay { code, yuan, payment } => {
                let who = self.owner(code);
                let good = self.is_good(code, yuan) && self.available(who) >= Money::yuan(yuan);
                let before = self.available(who);
                let outcome = self.pay(code, yuan, payment);
                let took = before - self.available(who);
                let first = self.paid.get(&payment).cloned();
                if self.reversed.contains(&payment) {
                    prop_assert!(!matches!(outcome, Outcome::Paid(_)), "{:?}", outcome);
                    prop_assert_eq!(took, Money::ZERO);
                } else if let Some((whose, of, amount, answer)) = first {
                    if (whose, of, amount) == (who, code, yuan) {
                        prop_assert_eq!(outcome, answer, "the first answer again, though the code is used");
                    }
                    prop_assert_eq!(took, Money::ZERO);
                } else {
                    prop_assert_eq!(matches!(outcome, Outcome::Paid(_)), good, "{:?}", outcome);
                    prop_assert_eq!(took, if good { Money::yuan(yuan) } else { Money::ZERO });
                    self.spent(code, good);
                    self.paid.insert(payment, (who, code, yuan, outcome));
                }
            }
            Step::Reverse { payment } => {
                let (id, order) = ids(payment);
                let reversal = mpss_domain::ReversalId::issue(crate::world::START, province(51), u16::from(payment));
                self.world.ask(Verb::ReversePayment { payment: id, reversal, order });
                self.reversed.push(payment);
            }
            Step::Wait { ms } => {
                self.world.at = self.world.at.plus_ms(ms);
                self.world.ask(Verb::Tick);
                let now = self.now();
                self.codes.retain(|_, known| now.ms_since(known.until) <= 10 * 60_000);
            }
        }
        prop_assert_eq!(self.world.state.check_all(), Ok(()));
        Ok(())
    }

    fn spent(&mut self, code: u8, good: bool) {
        if let (true, Some(known)) = (good, self.codes.get_mut(&code)) {
            known.paid = true;
        }
    }

    fn selector(&self, code: u8) -> AccountSelector {
        AccountSelector::Id(self.accounts[usize::from(self.owner(code))])
    }

    fn buying(&self, code: u8, rides: u32, key: u8) -> Command {
        let home = province(44);
        let purchase = Purchase {
            msisdn: msisdn(44, u64::from(self.owner(code))),
            home,
            epoch: 0,
            location: home,
            product: self.product,
            quantity: rides,
            account: self.selector(code),
            channel: Channel::Pos,
            verdict: None,
        };
        let content = (u64::from(code) << 32) | u64::from(rides);
        let verb = Verb::BuyByCode(Box::new(BuyByCode { purchase, code: Some(digest(code)) }));
        Command { request: Some(Request { key: u128::from(key), content }), verb }
    }

    fn buy(&mut self, code: u8, rides: u32, key: u8) -> Outcome {
        let command = self.buying(code, rides, key);
        self.world.batch(vec![command]).replies.remove(0).outcome
    }

    fn paying(&self, code: u8, yuan: i64, payment: u8) -> Verb {
        let (payment, order) = ids(payment);
        let request = PayRequest {
            payment,
            order,
            serving: province(51),
            msisdn: msisdn(44, u64::from(self.owner(code))),
            epoch: 0,
            scope: Scope::Roaming,
            location: province(51),
            account: self.selector(code),
            amount: Money::yuan(yuan),
            title: "a ride".into(),
            verdict: RIGHT,
        };
        Verb::PayByCode(Box::new(PayByCode { request, code: digest(code) }))
    }

    fn pay(&mut self, code: u8, yuan: i64, payment: u8) -> Outcome {
        let verb = self.paying(code, yuan, payment);
        self.world.ask(verb)
    }
}

fn digest(code: u8) -> PaymentCode {
    PaymentCode::new(0x1000 + u128::from(code))
}

/// As the other province would have issued them, lately.
fn ids(payment: u8) -> (PaymentId, OrderId) {
    let at = crate::world::START;
    (PaymentId::issue(at, province(51), u16::from(payment)), OrderId::issue(at, province(51), u16::from(payment)))
}

fn code_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Refused(refusal) => refusal.code(),
        _ => "ok",
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_code_pays_once_in_its_minute(steps in proptest::collection::vec(step(), 1..60)) {
        let mut gate = Gate::new();
        for step in &steps {
            gate.run(step)?;
        }
    }
}

/// A hundred machines, half of them in another province, present one code in one log entry.
#[test]
fn a_hundred_machines_present_one_code() {
    let mut gate = Gate::new();
    gate.run(&Step::Issue { who: 0, code: 1, yuan: 10 }).expect("a code");
    let commands = (0..100_u8).map(|machine| {
        if machine % 2 == 0 { gate.buying(1, 5, machine) } else { Command::internal(gate.paying(1, 10, machine)) }
    });
    let commands = commands.collect();
    let replies = gate.world.batch(commands).replies;
    let paid = replies.iter().filter(|reply| matches!(reply.outcome, Outcome::Order(_) | Outcome::Paid(_))).count();
    let used = replies.iter().filter(|reply| code_of(&reply.outcome) == "payment_code_used").count();
    assert_eq!((paid, used), (1, 99));
    assert_eq!(gate.available(0), Money::yuan(190), "one debit");
    assert_eq!(gate.world.state.check_all(), Ok(()));
}

/// Steps in which a fault of codes shows.
#[cfg(feature = "mutants")]
pub(crate) fn play_with(mutant: mpss_domain::mutant::Mutant) {
    let mut gate = Gate::new();
    gate.world.state.set_mutant(Some(mutant));
    let buy = |key| Step::Buy { code: 1, rides: 1, key };
    for step in [Step::Issue { who: 0, code: 1, yuan: 10 }, buy(1), buy(2)] {
        gate.run(&step).unwrap_or_else(|error| panic!("{error}"));
    }
}
