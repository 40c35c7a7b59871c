//! What bills may come to, and which of them go without the password (product §3): held against a plain account of
//! every payment, whatever is paid, given back, declined and forgotten, with a crash between any two steps.

use std::collections::BTreeMap;

use mpss_domain::account::Tier;
use mpss_domain::bills::{BillCeilings, BillCustomer, BillPolicy, BillUse, PayForBill};
use mpss_domain::command::PayRequest;
use mpss_domain::ids::IssuedId;
use mpss_domain::outside::{Billing, Means};
use mpss_domain::rail::{Answer, CallAnswer, CallStep, Phase};
use mpss_domain::{
    AccountId, AccountKind, AccountSelector, BusinessDay, LogTime, Money, OrderId, PasswordVerdict, PaymentId,
    RefundId, Refusal, ReversalId, Scope, StateVersion, Verb,
};
use proptest::prelude::*;

use crate::versions::restored;
use crate::world::{RIGHT, World, code_of, msisdn, province, verifier};

const KINDS: [AccountKind; 2] = [AccountKind::StoredValue, AccountKind::Communication];
/// Per payment and per day, of stored value, of the phone bill, and of both without the password; in yuan.
const CEILINGS: [(i64, i64); 3] = [(300, 700), (150, 400), (100, 250)];
const KNOWN_FOR_MS: u64 = 3 * 86_400_000;

#[derive(Debug, Clone)]
enum Move {
    Pay {
        who: usize,
        kind: usize,
        customer: usize,
        yuan: i64,
        with_password: bool,
    },
    Reverse(usize),
    Refund(usize),
    /// The ISMP answers the oldest open question.
    Answer {
        approves: bool,
    },
    NewPassword(usize),
    Crash,
    Pass(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let yuan = prop_oneof![Just(40_i64), Just(100), Just(101), Just(150), Just(300), Just(301)];
    let pay = (0..2_usize, 0..2_usize, 0..3_usize, yuan, any::<bool>());
    let one = prop_oneof![
        12 => pay.prop_map(|(who, kind, customer, yuan, with_password)| {
            Move::Pay { who, kind, customer, yuan, with_password }
        }),
        3 => (0..6_usize).prop_map(Move::Reverse),
        1 => (0..6_usize).prop_map(Move::Refund),
        4 => prop::bool::weighted(0.7).prop_map(|approves| Move::Answer { approves }),
        1 => (0..2_usize).prop_map(Move::NewPassword),
        1 => Just(Move::Crash),
        2 => prop_oneof![Just(1_000_u64), Just(3_600_000), Just(86_400_000), Just(200 * 86_400_000)]
            .prop_map(Move::Pass),
    ];
    prop::collection::vec(one, 1..80)
}

/// A bill that was paid, or that is asked of the ISMP.
struct Paid {
    payment: PaymentId,
    who: usize,
    kind: usize,
    yuan: i64,
    with_password: bool,
    day: BusinessDay,
    stands: bool,
}

struct Desk {
    world: World,
    accounts: [AccountId; 2],
    passwords: [u32; 2],
    paid: Vec<Paid>,
    /// When a subscriber last paid for a customer with the password, and with which.
    known: BTreeMap<(usize, usize), (LogTime, u32)>,
    issued: u16,
}

fn of(yuan: (i64, i64)) -> BillCeilings {
    BillCeilings { per_payment: Money::yuan(yuan.0), daily: Money::yuan(yuan.1) }
}

impl Desk {
    fn new() -> Self {
        let mut world = World::new(44);
        world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        let accounts = [0, 1].map(|n| {
            let account = world.open(msisdn(44, n), None);
            world.top_up(account, 2_500);
            world.open_outside(msisdn(44, n), Tier::Basic, Means::PhoneBill(Billing::Prepaid));
            account
        });
        let mut policy = BillPolicy { version: 1, known_for_ms: KNOWN_FOR_MS, ..BillPolicy::default() };
        for (kind, ceilings) in KINDS.iter().zip(CEILINGS) {
            policy.ceilings[*kind as usize][Tier::Basic as usize] = of(ceilings);
        }
        policy.without_password = of(CEILINGS[2]);
        assert_eq!(code_of(&world.ask(Verb::SetBillPolicy(Box::new(policy)))), "ok");
        Self { world, accounts, passwords: [1; 2], paid: Vec::new(), known: BTreeMap::new(), issued: 0 }
    }

    fn today(&self) -> BusinessDay {
        self.world.at.business_day()
    }

    /// What stands of today's bills, in yuan.
    fn used(&self, which: impl Fn(&Paid) -> bool) -> i64 {
        let today = self.paid.iter().filter(|paid| paid.stands && paid.day == self.today());
        today.filter(|paid| which(paid)).map(|paid| paid.yuan).sum()
    }

    fn expected(&self, who: usize, kind: usize, customer: usize, yuan: i64, with_password: bool) -> &'static str {
        if !with_password {
            let known = self.known.get(&(who, customer)).is_some_and(|(at, version)| {
                *version == self.passwords[who] && self.world.at.ms_since(*at) < KNOWN_FOR_MS
            });
            let used = self.used(|paid| paid.who == who && !paid.with_password);
            if !known || yuan > CEILINGS[2].0 || used + yuan > CEILINGS[2].1 {
                return "password_needed";
            }
        }
        if yuan > CEILINGS[kind].0 {
            return "per_payment_limit_exceeded";
        }
        if self.used(|paid| paid.who == who && paid.kind == kind) + yuan > CEILINGS[kind].1 {
            return "daily_limit_exceeded";
        }
        let available = self.world.state.account(self.accounts[who]).expect("opened").available;
        if kind == 0 && Money::yuan(yuan) > available { "insufficient_funds" } else { "ok" }
    }

    fn pay(&mut self, who: usize, kind: usize, customer: usize, yuan: i64, with_password: bool) {
        self.issued += 1;
        let payment = PaymentId::issue(self.world.at, province(51), self.issued);
        let expected = self.expected(who, kind, customer, yuan, with_password);
        let request = PayRequest {
            payment,
            order: OrderId::issue(self.world.at, province(51), self.issued),
            serving: province(51),
            msisdn: msisdn(44, who as u64),
            epoch: 0,
            scope: Scope::Roaming,
            location: province(51),
            account: AccountSelector::Kind(KINDS[kind]),
            amount: Money::yuan(yuan),
            title: "power".into(),
            verdict: PasswordVerdict { verifier_version: self.passwords[who], ..RIGHT },
        };
        let customer_of = Some(BillCustomer::new(customer as u128));
        let ask = PayForBill { request, customer: customer_of, without_password: !with_password };
        for _ in 0..2 {
            // Asked again, it is the same payment.
            let outcome = self.world.ask(Verb::PayForBill(Box::new(ask.clone())));
            assert_eq!(code_of(&outcome), expected, "{yuan} yuan of {who} by {:?}: {ask:?}", KINDS[kind]);
        }
        if expected == "ok" {
            let day = self.today();
            self.paid.push(Paid { payment, who, kind, yuan, with_password, day, stands: true });
            if with_password {
                self.known.insert((who, customer), (self.world.at, self.passwords[who]));
            }
        }
    }

    fn answer(&mut self, approves: bool) {
        let open = self.world.state.calls().find(|call| !call.phase.is_final()).cloned();
        let Some(call) = open else { return };
        if call.phase == Phase::Ready {
            self.world.ask(Verb::BeginCalls { calls: vec![call.id] });
        }
        let approved = Answer::Approved { reference: "X".into() };
        let asked = call.step == CallStep::Hold;
        let answer = if approves || !asked { approved } else { Answer::Declined(Refusal::InsufficientFunds) };
        let declined = matches!(answer, Answer::Declined(_));
        self.world.ask(Verb::RecordCalls { answers: vec![CallAnswer { call: call.id, answer }] });
        let about = self.paid.iter_mut().find(|paid| Some(paid.payment) == call.subject.payment());
        if let (true, Some(paid)) = (declined, about) {
            paid.stands = false;
        }
    }

    fn step(&mut self, step: &Move) {
        match *step {
            Move::Pay { who, kind, customer, yuan, with_password } => {
                self.pay(who, kind, customer, yuan, with_password);
            }
            Move::Reverse(back) => {
                let Some(place) = self.paid.len().checked_sub(1 + back) else { return };
                let (payment, order) = self.names_of(place);
                let reversal = ReversalId::issue(self.world.at, province(51), self.issued);
                let outcome = self.world.ask(Verb::ReversePayment { payment, reversal, order });
                if code_of(&outcome) == "ok" {
                    self.paid[place].stands = false;
                }
            }
            Move::Refund(back) => {
                let Some(place) = self.paid.len().checked_sub(1 + back) else { return };
                let (payment, amount) = (self.paid[place].payment, Money::yuan(self.paid[place].yuan));
                let refund = RefundId::issue(self.world.at, province(51), self.issued);
                self.world.ask(Verb::RefundPayment { payment, refund, amount });
            }
            Move::Answer { approves } => self.answer(approves),
            Move::NewPassword(who) => {
                self.world.ask(Verb::ChangeAccount {
                    account: self.accounts[who],
                    verdict: PasswordVerdict { verifier_version: self.passwords[who], ..RIGHT },
                    verifier: Some(verifier()),
                    per_payment_limit: None,
                    daily_limit: None,
                });
                self.passwords[who] += 1;
            }
            Move::Crash => self.world.state = restored(&self.world.state),
            Move::Pass(ms) => {
                self.world.at = self.world.at.plus_ms(ms);
                self.world.ask(Verb::Tick);
                // What the ISMP never answered is given up in time, and is no use of the day then.
                for paid in &mut self.paid {
                    let status = self.world.state.payment(paid.payment).map(|payment| payment.status.name());
                    paid.stands &= !matches!(status, Some("declined" | "reversed" | "released"));
                }
            }
        }
        assert_eq!(self.world.state.check_all(), Ok(()));
        for who in 0..2 {
            for (kind, name) in KINDS.iter().enumerate() {
                let told = self.world.state.bill_use(msisdn(44, who as u64), *name, self.today());
                let all = self.used(|paid| paid.who == who && paid.kind == kind);
                let without = self.used(|paid| paid.who == who && paid.kind == kind && !paid.with_password);
                let counted = BillUse { all: Money::yuan(all), without_password: Money::yuan(without) };
                assert_eq!(told, counted, "of {who} by {}", name.name());
            }
        }
    }

    fn names_of(&self, place: usize) -> (PaymentId, OrderId) {
        let payment = self.paid[place].payment;
        let order = self.world.state.payment(payment).and_then(|payment| payment.order);
        (payment, order.unwrap_or_else(|| OrderId::issue(self.world.at, province(51), 1)))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn bills_stay_within_their_own_ceilings_and_go_without_the_password_only_where_they_may(moves in moves()) {
        let mut desk = Desk::new();
        for step in &moves {
            desk.step(step);
        }
    }
}

/// Steps in which a fault shows.
#[cfg(feature = "mutants")]
pub(crate) fn play_with(mutant: mpss_domain::mutant::Mutant) {
    let mut desk = Desk::new();
    desk.world.state.set_mutant(Some(mutant));
    let pay = |with_password| Move::Pay { who: 0, kind: 0, customer: 0, yuan: 100, with_password };
    for step in [pay(false), pay(true), pay(false), Move::Reverse(0)] {
        desk.step(&step);
    }
}
