//! An award file that is sent twice, in pieces and out of order, while its bets are reversed and refunded:
//! what is paid is what somebody is entitled to, a bet is either awarded or undone, and the prize pool
//! is never overdrawn (product §5, 6.4).

use std::collections::BTreeMap;

use mpss_domain::account::Tier;
use mpss_domain::award::PrizeStatus;
use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::order::ReversalReason;
use mpss_domain::outside::{Billing, Means};
use mpss_domain::rail::{Answer, CallAnswer};
use mpss_domain::{
    AccountKind, Money, Msisdn, OrderId, OrderStatus, Outcome, ProductId, Refusal, Scope, SpId, StateVersion, Verb,
};
use proptest::prelude::*;

use crate::world::{RIGHT, World, buying, msisdn, province};

/// One line of an award file.
#[derive(Debug, Clone)]
struct Line {
    number: u32,
    bet: usize,
    fen: i64,
    wanted: AccountKind,
}

/// What happens beside the file.
#[derive(Debug, Clone)]
enum Beside {
    Reverse(usize),
    Refund(usize, i64),
    Freeze(usize),
    Thaw(usize),
    Approve(usize),
    Reject(usize),
    /// The ISMP answers whatever it was told, in a way.
    Ismp(u8),
    Later(u64),
    Withdraw(i64),
}

fn kinds() -> impl Strategy<Value = AccountKind> {
    prop_oneof![Just(AccountKind::StoredValue), Just(AccountKind::Communication), Just(AccountKind::Bank)]
}

fn lines(bets: usize) -> impl Strategy<Value = Vec<Line>> {
    let line = (0..bets, 1..60_000_i64, kinds());
    prop::collection::vec(line, 1..60).prop_map(|lines| {
        let numbered = lines.into_iter().enumerate();
        numbered.map(|(number, (bet, fen, wanted))| Line { number: number as u32, bet, fen, wanted }).collect()
    })
}

fn beside(bets: usize) -> impl Strategy<Value = Vec<Beside>> {
    let one = prop_oneof![
        3 => (0..bets).prop_map(Beside::Reverse),
        3 => (0..bets, 1..250_i64).prop_map(|(bet, fen)| Beside::Refund(bet, fen)),
        1 => (0..WINNERS).prop_map(Beside::Freeze),
        1 => (0..WINNERS).prop_map(Beside::Thaw),
        2 => any::<usize>().prop_map(Beside::Approve),
        1 => any::<usize>().prop_map(Beside::Reject),
        3 => any::<u8>().prop_map(Beside::Ismp),
        3 => (0..7_200_000_u64).prop_map(Beside::Later),
        1 => (1..100_000_i64).prop_map(Beside::Withdraw),
    ];
    prop::collection::vec(one, 1..80)
}

const WINNERS: usize = 6;
const BETS: usize = 24;

struct Hall {
    world: World,
    sp: SpId,
    bets: Vec<OrderId>,
}

fn winner(at: usize) -> Msisdn {
    msisdn(44, at as u64)
}

impl Hall {
    fn new() -> Self {
        let mut world = World::new(44);
        world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        for at in 0..WINNERS {
            let account = world.open(winner(at), None);
            world.top_up(account, 100);
            // Every other one has the phone bill, too.
            if at % 2 == 0 {
                world.open_outside(winner(at), Tier::Basic, Means::PhoneBill(Billing::Prepaid));
            }
        }
        let sp = world.admit();
        let product = bet_product(&mut world, sp);
        let home = province(44);
        let bets: Vec<_> = (0..BETS)
            .map(|at| match world.ask(buying(winner(at % WINNERS), home, home, product, 1)) {
                Outcome::Order(id) => id,
                other => panic!("{other:?}"),
            })
            .collect();
        // The last few are not delivered.
        world.ask(Verb::RecordDeliveries { answers: bets[..BETS - 3].iter().map(|id| (*id, true)).collect() });
        world.ask(Verb::SetAwardPolicy(Box::new(mpss_domain::award::AwardPolicy {
            version: 1,
            tax_free_up_to: Money::yuan(100),
            approval_from: Money::yuan(300),
            ..Default::default()
        })));
        world.ask(Verb::FundPool { sp, amount: Money::yuan(5_000), out: false, by: "finance".into() });
        Self { world, sp, bets }
    }

    fn award(&mut self, line: &Line) -> Outcome {
        self.world.ask(Verb::AskAward {
            sp: self.sp,
            reference: format!("L{}", line.number),
            key: u128::from(line.number),
            order: self.bets[line.bet],
            msisdn: winner(line.bet % WINNERS),
            prize: Money::fen(line.fen),
            wanted: line.wanted,
            by: "sp".into(),
        })
    }

    fn beside(&mut self, event: &Beside) {
        let frozen = |hall: &Self, at: usize| {
            hall.world.state.subscriber(winner(at)).expect("opened").accounts[1].expect("opened")
        };
        match *event {
            Beside::Reverse(bet) => {
                let order = self.bets[bet];
                self.world.ask(Verb::ReverseOrder { order, reason: ReversalReason::Requested, note: String::new() });
            }
            Beside::Refund(bet, fen) => {
                let order = self.bets[bet];
                self.world.ask(Verb::RefundOrder { order, amount: Money::fen(fen), note: String::new() });
            }
            Beside::Freeze(at) => {
                let account = frozen(self, at);
                self.world.ask(Verb::FreezeByOffice { account, until: None, by: "office".into() });
            }
            Beside::Thaw(at) => {
                let account = frozen(self, at);
                self.world.ask(Verb::UnfreezeAccount { account, verdict: RIGHT });
            }
            Beside::Approve(pick) | Beside::Reject(pick) => {
                let waiting: Vec<_> = self.world.state.awards().filter(|award| !award.status.is_final()).collect();
                if waiting.is_empty() {
                    return;
                }
                let award = waiting[pick % waiting.len()].id;
                let approved = matches!(event, Beside::Approve(_));
                self.world.ask(Verb::DecideAward { award, approved, by: "boss".into() });
            }
            Beside::Ismp(how) => self.ismp_answers(how),
            Beside::Later(ms) => {
                self.world.at = self.world.at.plus_ms(ms);
                self.world.ask(Verb::Tick);
            }
            Beside::Withdraw(fen) => {
                self.world.ask(Verb::FundPool { sp: self.sp, amount: Money::fen(fen), out: true, by: "f".into() });
            }
        }
    }

    fn ismp_answers(&mut self, how: u8) {
        let calls: Vec<_> =
            self.world.state.calls().filter(|call| !call.phase.is_final()).map(|call| call.id).collect();
        self.world.ask(Verb::BeginCalls { calls: calls.clone() });
        let answers = calls.into_iter().map(|call| {
            let answer = match how % 4 {
                0 | 1 => Answer::Approved { reference: "R".into() },
                2 => Answer::Declined(Refusal::LineNotInService),
                _ => Answer::NoAnswer,
            };
            CallAnswer { call, answer }
        });
        let answers = answers.collect();
        self.world.ask(Verb::RecordCalls { answers });
    }

    fn check(&self) {
        self.world.state.check_all().expect("the invariants hold");
        assert!(!self.world.state.prize_pool(self.sp).is_negative());
    }
}

fn bet_product(world: &mut World, sp: SpId) -> ProductId {
    let terms = Terms {
        sp,
        title: "bet".into(),
        application: Application::Lottery,
        scope: Scope::Local,
        price: Money::yuan(2),
        delivery_deadline_ms: 60_000,
    };
    let Outcome::Product(product) = world.ask(Verb::UploadProduct { product: None, terms, by: "u".into() }) else {
        panic!("not uploaded")
    };
    world.ask(Verb::ReviewProduct { product, rejected: None, by: "r".into() });
    world.ask(Verb::PublishProduct { product });
    product
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_is_paid_is_what_somebody_is_entitled_to(
        file in lines(BETS),
        twice in Just(()).prop_perturb(|(), mut random| random.next_u64()),
        events in beside(BETS),
    ) {
        let mut hall = Hall::new();
        // The file comes twice, its lines in any order among what happens beside it.
        let mut turns: Vec<Turn<'_>> = file.iter().chain(&file).map(Turn::Line).chain(events.iter().map(Turn::Beside)).collect();
        shuffle(&mut turns, twice);
        let mut first = BTreeMap::new();
        for turn in turns {
            match turn {
                Turn::Line(line) => {
                    let outcome = hall.award(line);
                    if let Outcome::Award(id) = outcome {
                        let known = *first.entry(line.number).or_insert(id);
                        prop_assert_eq!(known, id, "one number, one award");
                    } else {
                        prop_assert!(!first.contains_key(&line.number), "line {} was {:?} later", line.number, outcome);
                    }
                }
                Turn::Beside(event) => hall.beside(event),
            }
            hall.check();
        }
        hall.check_entitlements()?;

        // Once more, whole: nothing moves for what is known.
        let before = hall.world.state.trial_balance().debits;
        for line in file.iter().filter(|line| first.contains_key(&line.number)) {
            prop_assert_eq!(hall.award(line), Outcome::Award(first[&line.number]));
        }
        prop_assert_eq!(hall.world.state.trial_balance().debits, before);
    }
}

enum Turn<'a> {
    Line(&'a Line),
    Beside(&'a Beside),
}

/// Fisher and Yates, by a generator that is good enough for it.
fn shuffle<T>(turns: &mut [T], seed: u64) {
    let mut state = seed | 1;
    for at in (1..turns.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        turns.swap(at, (state >> 33) as usize % (at + 1));
    }
}

impl Hall {
    /// By the rows of orders, awards and prizes alone, without the books.
    fn check_entitlements(&self) -> Result<(), TestCaseError> {
        let state = &self.world.state;
        let standing: Money = state.awards().filter(|award| award.status.stands()).map(|award| award.prize).sum();
        prop_assert_eq!(self.funded() - standing, state.prize_pool(self.sp), "the pool pays what stands");

        let mut owed = BTreeMap::<Msisdn, Money>::new();
        for award in state.awards().filter(|award| award.status == mpss_domain::award::AwardStatus::Accepted) {
            let order = state.order(award.order).expect("kept");
            prop_assert_eq!(order.status, OrderStatus::Delivered, "a bet is either awarded or undone");
            *owed.entry(award.msisdn).or_default() += award.net();
        }
        let mut has = BTreeMap::<Msisdn, Money>::new();
        let mut to_wallet = BTreeMap::<Msisdn, Money>::new();
        for prize in state.prizes() {
            *has.entry(prize.msisdn).or_default() += prize.amount;
            if let PrizeStatus::Paid(account) = prize.status
                && state.account(account).expect("kept").kind == AccountKind::StoredValue
            {
                *to_wallet.entry(prize.msisdn).or_default() += prize.amount;
            }
        }
        prop_assert_eq!(&owed, &has, "each award reaches its winner once");

        for at in 0..WINNERS {
            let spent: Money = state
                .orders()
                .filter(|order| order.msisdn == winner(at))
                .map(|order| match order.status {
                    OrderStatus::Reversed => Money::ZERO,
                    _ => order.amount - order.refunded,
                })
                .sum();
            let account = state.subscriber(winner(at)).expect("opened").accounts[1].expect("opened");
            let wallet = state.account(account).expect("kept").available;
            let won = to_wallet.get(&winner(at)).copied().unwrap_or_default();
            prop_assert_eq!(wallet, Money::yuan(100) - spent + won, "the wallet of winner {}", at);
        }
        Ok(())
    }

    /// What was put into the pool, less what was taken out.
    fn funded(&self) -> Money {
        let settled = self.world.balance("settlement_account");
        Money::fen(i64::try_from(settled).expect("not so much"))
    }
}

/// A hall and one bet that is awarded under two numbers and then undone: what breaks first when bets and
/// awards are not held together.
#[cfg(feature = "mutants")]
pub(crate) fn one_bet_twice_and_back(mutant: mpss_domain::mutant::Mutant) -> Result<(), String> {
    let mut hall = Hall::new();
    hall.world.state.set_mutant(Some(mutant));
    for number in [1, 1, 2] {
        hall.award(&Line { number, bet: 0, fen: 1_000, wanted: AccountKind::StoredValue });
    }
    hall.beside(&Beside::Reverse(0));
    hall.world.state.check_all()
}
