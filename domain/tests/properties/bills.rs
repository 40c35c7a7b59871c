//! nobody pays can be paid (product §3).

use std::collections::BTreeMap;

use mpss_domain::bills::{Bill, PayBill};
use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::order::ReversalReason;
use mpss_domain::{
    Channel, Command, Money, OrderId, OrderStatus, Outcome, ProductId, Purchase, RefundId, Refusal, Scope,
    StateVersion, Verb,
};
use proptest::prelude::*;

use crate::versions::restored;
use crate::world::{RIGHT, STORED_VALUE, World, code_of, msisdn, province};

/// Bills there are; what each comes to is its number in yuan.
const BILLS: u64 = 3;

#[derive(Debug, Clone)]
enum Move {
    /// In one entry: subscribers of here and visitors, who all want one bill.
    Race {
        bill: u64,
        who: Vec<u64>,
    },
    Home {
        order: usize,
        pays: bool,
    },
    Deliver {
        order: usize,
        accepted: bool,
    },
    Reverse(usize),
    HomeReversed(usize),
    Refund(usize),
    HomeRefunded {
        order: usize,
        given: bool,
    },
    Crash,
    Pass(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let order = 0..5_usize;
    let one = prop_oneof![
        6 => (1..=BILLS, prop::collection::vec(0..6_u64, 1..4)).prop_map(|(bill, who)| Move::Race { bill, who }),
        4 => (order.clone(), prop::bool::weighted(0.7)).prop_map(|(order, pays)| Move::Home { order, pays }),
        6 => (order.clone(), prop::bool::weighted(0.7)).prop_map(|(order, accepted)| Move::Deliver { order, accepted }),
        3 => order.clone().prop_map(Move::Reverse),
        3 => order.clone().prop_map(Move::HomeReversed),
        3 => order.clone().prop_map(Move::Refund),
        3 => (order, any::<bool>()).prop_map(|(order, given)| Move::HomeRefunded { order, given }),
        1 => Just(Move::Crash),
        2 => prop_oneof![Just(1_000_u64), Just(31_000), Just(25 * 3_600_000), Just(50 * 86_400_000)]
            .prop_map(Move::Pass),
    ];
    prop::collection::vec(one, 1..80)
}

struct Counter {
    world: World,
    /// For subscribers of here, and for visitors; of one SP.
    products: [ProductId; 2],
    taken: Vec<(OrderId, u64)>,
    refunds: BTreeMap<OrderId, RefundId>,
}

impl Counter {
    fn new() -> Self {
        let mut world = World::new(44);
        world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        for n in 0..3 {
            let account = world.open(msisdn(44, n), None);
            world.top_up(account, 1_000);
        }
        let sp = world.admit();
        let products = [Scope::Local, Scope::Roaming].map(|scope| {
            let (title, application, price) = ("power".into(), Application::BillPayment, Money::yuan(10));
            let terms = Terms { sp, title, application, scope, price, delivery_deadline_ms: 60_000 };
            let upload = Verb::UploadProduct { product: None, terms, by: "u".into() };
            let Outcome::Product(product) = world.ask(upload) else { panic!("not uploaded") };
            world.ask(Verb::ReviewProduct { product, rejected: None, by: "r".into() });
            world.ask(Verb::PublishProduct { product });
            product
        });
        Self { world, products, taken: Vec::new(), refunds: BTreeMap::new() }
    }

    fn paying(&self, who: u64, bill: u64) -> Verb {
        let home = province(if who < 3 { 44 } else { 51 });
        let purchase = Purchase {
            msisdn: msisdn(home.code(), who % 3),
            home,
            epoch: 0,
            location: province(44),
            product: self.products[usize::from(who >= 3)],
            quantity: 1,
            account: STORED_VALUE,
            channel: Channel::App,
            verdict: (who < 3).then_some(RIGHT),
        };
        let number = format!("E-{bill}").parse().expect("a number");
        let bill = Bill { number, amount: Money::yuan(bill as i64), customer: None };
        Verb::PayBill(Box::new(PayBill { purchase, bill, without_password: false }))
    }

    /// The orders that pay a bill, or have paid it: by their own status, not by the rows of bills.
    fn holders(&self, bill: u64) -> Vec<OrderStatus> {
        let orders = self.taken.iter().filter(|(_, of)| *of == bill);
        let status = orders.filter_map(|(id, _)| self.world.state.order(*id)).map(|order| order.status);
        let nothing = [OrderStatus::Declined, OrderStatus::Reversed, OrderStatus::Refunded];
        status.filter(|status| !nothing.contains(status)).collect()
    }

    fn step(&mut self, step: &Move) {
        let newest = |order: usize| self.taken.get(self.taken.len().wrapping_sub(1 + order)).map(|(id, _)| *id);
        match *step {
            Move::Race { bill, ref who } => self.race(bill, who),
            Move::Crash => self.world.state = restored(&self.world.state),
            Move::Pass(ms) => {
                self.world.at = self.world.at.plus_ms(ms);
                self.world.ask(Verb::Tick);
            }
            Move::Home { order, pays } => {
                let Some(order) = newest(order) else { return };
                let result = if pays { Ok(()) } else { Err(Refusal::InsufficientFunds) };
                self.world.ask(Verb::RecordPayment { order, result });
            }
            Move::Deliver { order, accepted } => {
                let Some(order) = newest(order) else { return };
                self.world.ask(Verb::RecordDeliveries { answers: vec![(order, accepted)] });
            }
            Move::Reverse(order) => {
                let Some(order) = newest(order) else { return };
                let reason = ReversalReason::Requested;
                self.world.ask(Verb::ReverseOrder { order, reason, note: String::new() });
            }
            Move::HomeReversed(order) => {
                let Some(order) = newest(order) else { return };
                self.world.ask(Verb::RecordReversal { order });
            }
            Move::Refund(order) => {
                let Some(order) = newest(order) else { return };
                let Some(amount) = self.world.state.order(order).map(|order| order.amount) else { return };
                let outcome = self.world.ask(Verb::RefundOrder { order, amount, note: String::new() });
                if let Outcome::Refund(order, refund) = outcome {
                    self.refunds.insert(order, refund);
                }
            }
            Move::HomeRefunded { order, given } => {
                let Some(order) = newest(order) else { return };
                let Some(refund) = self.refunds.remove(&order) else { return };
                let result = if given { Ok(()) } else { Err(Refusal::RefundExceedsPaid) };
                self.world.ask(Verb::RecordRefund { order, refund, result });
            }
        }
        assert_eq!(self.world.state.check_all(), Ok(()));
        for bill in 1..=BILLS {
            let holders = self.holders(bill);
            assert!(holders.len() <= 1, "bill {bill} is paid twice: {holders:?}");
        }
    }

    fn race(&mut self, bill: u64, who: &[u64]) {
        let held = self.holders(bill);
        let commands = who.iter().map(|who| Command::internal(self.paying(*who, bill))).collect();
        let replies = self.world.batch(commands).replies;
        for (place, reply) in replies.iter().enumerate() {
            let expected = match (held.first(), place) {
                (None, 0) => "ok",
                (Some(OrderStatus::Delivered), _) => "bill_paid",
                _ => "bill_being_paid",
            };
            assert_eq!(code_of(&reply.outcome), expected, "bill {bill} for the {place}. of {who:?}; {held:?}");
            if let Outcome::Order(id) = reply.outcome {
                self.taken.push((id, bill));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn no_bill_is_paid_twice(moves in moves()) {
        let mut counter = Counter::new();
        for step in &moves {
            counter.step(step);
        }
    }
}

/// Steps in which a fault of the bills shows.
#[cfg(feature = "mutants")]
pub(crate) fn play_with(mutant: mpss_domain::mutant::Mutant) {
    let mut counter = Counter::new();
    counter.world.state.set_mutant(Some(mutant));
    for step in [Move::Race { bill: 1, who: vec![0] }, Move::Race { bill: 1, who: vec![1] }] {
        counter.step(&step);
    }
}
