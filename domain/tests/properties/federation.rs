//! Two provinces and the national platform over a network that loses, repeats and reorders. When all
//! has come to rest: every order has ended, clearing nets to zero between every two, what was
//! reversed is not debited, and no fen was made or lost.

use std::collections::BTreeMap;

use mpss_domain::command::PayRequest;
use mpss_domain::order::{OrderEvent, ReversalReason};
use mpss_domain::{
    Effect, EffectId, Money, Msisdn, OrderId, OrderStatus, Outcome, PasswordVerdict, PaymentStatus, ProductId,
    ProvinceId, RefundId, Refusal, Scope, TransferId, TransferStatus, Verb,
};
use proptest::prelude::*;

use crate::world::{STORED_VALUE, World, buying, msisdn, province, verifier};

const HOMES: [u8; 2] = [44, 51];
const SUBSCRIBERS: u64 = 3;
/// What each subscriber starts with.
const START_YUAN: i64 = 300;

/// What travels between provinces.
#[derive(Debug, Clone)]
enum Message {
    Pay(Box<PayRequest>),
    PayAnswer(OrderId, Result<(), Refusal>),
    Reverse(Verb, OrderId),
    ReverseAnswer(OrderId),
    Refund(Verb, OrderId, RefundId),
    RefundAnswer(OrderId, RefundId, Result<(), Refusal>),
    Credit(Verb, TransferId),
    CreditAnswer(TransferId, Result<(), Refusal>),
}

/// A schedule: each number is one move.
#[derive(Debug, Clone)]
pub(crate) struct Moves(Vec<u32>);

impl Moves {
    pub(crate) fn strategy(len: usize) -> impl Strategy<Value = Self> {
        prop::collection::vec(any::<u32>(), len / 2..len).prop_map(Self)
    }

    /// The same moves every time.
    #[cfg(feature = "mutants")]
    pub(crate) fn fixed(len: u32) -> Self {
        Self((0..len).map(|n| n.wrapping_mul(2_654_435_761).rotate_left(9)).collect())
    }
}

pub(crate) struct Federation {
    worlds: BTreeMap<ProvinceId, World>,
    products: BTreeMap<ProvinceId, ProductId>,
    /// Where to, and what.
    net: Vec<(ProvinceId, Message)>,
    seen: Seen,
}

/// What a run has come across, so that a test can hold that it came across enough.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    late_payments: usize,
    reversed_before_paid: usize,
    declined: usize,
    delivered: usize,
    refunds: usize,
    returned: usize,
    completed: usize,
}

/// Numbers drawn from one move.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

impl Federation {
    pub(crate) fn new() -> Self {
        let mut worlds = BTreeMap::new();
        let mut products = BTreeMap::new();
        for code in [0, 44, 51] {
            let mut world = World::new(code);
            let sp = world.admit();
            let scope = if code == 0 { Scope::National } else { Scope::Roaming };
            products.insert(province(code), world.publish(sp, scope, Money::yuan(1)));
            if code != 0 {
                for n in 0..SUBSCRIBERS {
                    let account = world.open(msisdn(code, n), Some((60, 200)));
                    world.top_up(account, START_YUAN);
                }
            }
            worlds.insert(province(code), world);
        }
        Self { worlds, products, net: Vec::new(), seen: Seen::default() }
    }

    pub(crate) fn worlds(&self) -> impl Iterator<Item = &World> {
        self.worlds.values()
    }

    pub(crate) fn worlds_mut(&mut self) -> impl Iterator<Item = &mut World> {
        self.worlds.values_mut()
    }

    pub(crate) fn play(&mut self, moves: &Moves) {
        for bits in &moves.0 {
            let mut draw = Draw(u64::from(*bits));
            self.one_move(&mut draw);
        }
    }

    fn world(&mut self, at: ProvinceId) -> &mut World {
        self.worlds.get_mut(&at).expect("one of three")
    }

    fn one_move(&mut self, draw: &mut Draw) {
        let home = HOMES[draw.below(2)];
        let payer = msisdn(home, draw.below(SUBSCRIBERS as usize) as u64);
        match draw.below(16) {
            0..3 => self.order(draw, home, payer),
            3 => self.transfer(draw, home, payer),
            4..9 => self.deliver_message(draw),
            9 => self.answer_notice(draw),
            10 => self.ask_back(draw),
            11 => self.pass_time(draw.below(20_000) as u64),
            12 => self.change_password(home, payer),
            _ => self.send_effects(),
        }
    }

    fn order(&mut self, draw: &mut Draw, home: u8, payer: Msisdn) {
        let others = [province(0), province(if home == 44 { 51 } else { 44 })];
        let serving = others[draw.below(2)];
        let product = self.products[&serving];
        let quantity = draw.below(65) as u32 + 1;
        let verb = buying(payer, province(home), serving, product, quantity);
        let Outcome::Order(order) = self.world(serving).ask(verb) else { panic!("the serving side takes it") };
        // Whoever took the order asks at once; more than once when the network repeats.
        self.ask_home(serving, order);
    }

    fn ask_home(&mut self, serving: ProvinceId, order: OrderId) {
        let row = self.worlds[&serving].state.order(order).expect("taken").clone();
        let request = PayRequest {
            payment: row.payment,
            order,
            serving,
            msisdn: row.msisdn,
            epoch: 0,
            scope: row.scope,
            location: serving,
            account: STORED_VALUE,
            amount: row.amount,
            title: "goods".into(),
            // Reached at home, when it arrives.
            verdict: PasswordVerdict { verifier_version: 0, matches: true },
        };
        self.net.push((row.home, Message::Pay(Box::new(request))));
    }

    fn transfer(&mut self, draw: &mut Draw, home: u8, payer: Msisdn) {
        let payee_home = HOMES[draw.below(2)];
        let payee = msisdn(payee_home, draw.below(SUBSCRIBERS as usize + 1) as u64);
        let version = self.worlds[&province(home)].state.subscriber(payer).expect("opened").credential.version;
        self.world(province(home)).ask(Verb::Transfer {
            payer,
            payee,
            payee_home: province(payee_home),
            epoch: 0,
            amount: Money::yuan(draw.below(65) as i64 + 1),
            verdict: PasswordVerdict { verifier_version: version, matches: !draw.one_in(8) },
        });
    }

    /// Changes a password, so that verdicts under way become stale.
    fn change_password(&mut self, home: u8, payer: Msisdn) {
        let world = self.world(province(home));
        let subscriber = world.state.subscriber(payer).expect("opened");
        let account = subscriber.accounts[1].expect("stored value");
        let verdict = PasswordVerdict { verifier_version: subscriber.credential.version, matches: true };
        world.ask(Verb::ChangeAccount {
            account,
            verdict,
            verifier: Some(verifier()),
            per_payment_limit: None,
            daily_limit: None,
        });
    }

    fn pass_time(&mut self, ms: u64) {
        for world in self.worlds.values_mut() {
            world.at = world.at.plus_ms(ms);
            world.ask(Verb::Tick);
        }
    }

    /// What the outbox of each province sends: again and again until the effect is gone.
    fn send_effects(&mut self) {
        let mut resolve = Vec::new();
        for (&from, world) in &self.worlds {
            let due = world.state.effects_from(EffectId(0)).filter(|row| row.not_before <= world.state.now());
            for row in due {
                match row.effect {
                    Effect::ResolvePayment { order, .. } => resolve.push((from, order)),
                    Effect::ReversePayment { order, home } => {
                        let row = world.state.order(order).expect("kept");
                        let reversal = row.reversal().expect("asked for").0;
                        let verb = Verb::ReversePayment { payment: row.payment, reversal, order };
                        self.net.push((home, Message::Reverse(verb, order)));
                    }
                    Effect::RefundPayment { order, refund, amount, home } => {
                        let payment = world.state.order(order).expect("kept").payment;
                        let verb = Verb::RefundPayment { payment, refund, amount };
                        self.net.push((home, Message::Refund(verb, order, refund)));
                    }
                    Effect::CreditTransfer { transfer, payee_home } => {
                        let row = world.state.transfer(transfer).expect("kept");
                        let (payer, payee, amount) = (row.payer, row.payee, row.amount);
                        let verb = Verb::CreditTransfer { transfer, payer, payee, amount, epoch: 0 };
                        self.net.push((payee_home, Message::Credit(verb, transfer)));
                    }
                    _ => {}
                }
            }
        }
        for (from, order) in resolve {
            self.ask_home(from, order);
        }
    }

    fn deliver_message(&mut self, draw: &mut Draw) {
        if self.net.is_empty() {
            return;
        }
        // Reordered: any of those under way. Repeated: it may stay. Lost: it may go unseen.
        let at = draw.below(self.net.len());
        let (to, message) = if draw.one_in(4) { self.net[at].clone() } else { self.net.swap_remove(at) };
        if draw.one_in(4) {
            return;
        }
        self.arrive(to, message, Some(draw));
    }

    fn arrive(&mut self, to: ProvinceId, message: Message, draw: Option<&mut Draw>) {
        let world = self.worlds.get_mut(&to).expect("one of three");
        let answer = |outcome: Outcome| match outcome {
            Outcome::Refused(refusal) => Err(refusal),
            _ => Ok(()),
        };
        match message {
            Message::Pay(mut request) => {
                // The edge judges the password against the version it sees; now and then that is
                // the one before.
                let version = world.state.subscriber(request.msisdn).expect("opened").credential.version;
                let (mut stale, mut matches) = (false, true);
                if let Some(draw) = draw {
                    (stale, matches) = (draw.one_in(10), !draw.one_in(10));
                }
                request.verdict = PasswordVerdict { verifier_version: version - u32::from(stale), matches };
                let (serving, order) = (request.serving, request.order);
                let result = answer(world.ask(Verb::Pay(request)));
                self.net.push((serving, Message::PayAnswer(order, result)));
            }
            Message::PayAnswer(order, result) => drop(world.ask(Verb::RecordPayment { order, result })),
            Message::Reverse(verb, order) => {
                if world.ask(verb) == Outcome::Reversed {
                    self.net.push((order_home(order), Message::ReverseAnswer(order)));
                }
            }
            Message::ReverseAnswer(order) => drop(world.ask(Verb::RecordReversal { order })),
            Message::Refund(verb, order, refund) => {
                let result = answer(world.ask(verb));
                self.net.push((order_home(order), Message::RefundAnswer(order, refund, result)));
            }
            Message::RefundAnswer(order, refund, result) => {
                drop(world.ask(Verb::RecordRefund { order, refund, result }));
            }
            Message::Credit(verb, transfer) => {
                let result = answer(world.ask(verb));
                self.net.push((transfer_home(transfer), Message::CreditAnswer(transfer, result)));
            }
            Message::CreditAnswer(transfer, result) => {
                drop(world.ask(Verb::RecordTransferCredit { transfer, result }));
            }
        }
    }

    fn answer_notice(&mut self, draw: &mut Draw) {
        let at = [0, 44, 51][draw.below(3)];
        let accepted = !draw.one_in(4);
        let world = self.world(province(at));
        let notices: Vec<_> = notices(world);
        if !notices.is_empty() {
            let order = notices[draw.below(notices.len())];
            world.ask(Verb::RecordDeliveries { answers: vec![(order, accepted)] });
        }
    }

    /// Somebody asks for a refund, or for a reversal.
    fn ask_back(&mut self, draw: &mut Draw) {
        let at = [0, 44, 51][draw.below(3)];
        let world = self.world(province(at));
        let orders = world.orders.clone();
        if orders.is_empty() {
            return;
        }
        let order = orders[draw.below(orders.len())];
        if draw.one_in(3) {
            world.ask(Verb::ReverseOrder { order, reason: ReversalReason::Requested, note: String::new() });
        } else {
            let amount = Money::yuan(draw.below(30) as i64 + 1);
            world.ask(Verb::RefundOrder { order, amount, note: String::new() });
        }
    }

    /// The network heals, SPs answer, time passes, until nothing waits any more.
    pub(crate) fn settle(&mut self) {
        for round in 0..200 {
            self.send_effects();
            while let Some((to, message)) = self.net.pop() {
                self.arrive(to, message, None);
            }
            for world in self.worlds.values_mut() {
                let answers = notices(world).into_iter().map(|order| (order, true)).collect();
                world.ask(Verb::RecordDeliveries { answers });
            }
            self.pass_time(1_000);
            let waits = |world: &World| {
                world
                    .state
                    .effects_from(EffectId(0))
                    .any(|row| !matches!(row.effect, Effect::Sms { .. } | Effect::CancelNotice { .. }))
            };
            if !self.worlds.values().any(waits) {
                return;
            }
            assert!(round < 199, "something never comes to rest");
        }
    }

    /// What must hold when nothing is under way.
    pub(crate) fn check_at_rest(&mut self) {
        let codes = [0, 44, 51];
        for a in codes {
            for b in codes.into_iter().filter(|b| *b != a) {
                let due_to = self.worlds[&province(a)].balance(&format!("due_to:{b:02}"));
                let due_from = self.worlds[&province(b)].balance(&format!("due_from:{a:02}"));
                assert!(due_to + due_from == 0, "clearing between {a:02} and {b:02}: {due_to} and {due_from} fen");
            }
        }
        for world in self.worlds.values() {
            world.state.check_all().unwrap_or_else(|broken| panic!("{}: {broken}", world.state.province()));
        }
        let total: i128 = self.worlds.values().map(|world| world.balance("wallets")).sum();
        let sold: i128 = self
            .worlds
            .values()
            .flat_map(|world| world.state.trial_balance().lines)
            .filter(|line| line.name.starts_with("sp_payable"))
            .map(|line| line.credit - line.debit)
            .sum();
        let started = i128::from(START_YUAN) * 100 * i128::from(SUBSCRIBERS) * 2;
        assert_eq!(sold - total, started, "no fen was made or lost");
        self.check_orders();
    }

    fn check_orders(&mut self) {
        let mut seen = Seen::default();
        for world in self.worlds.values() {
            for id in world.orders.clone() {
                let order = world.state.order(id).expect("kept");
                let home = &self.worlds[&order.home];
                let payment = home.state.payment(order.payment);
                let status = payment.map(|payment| payment.status);
                let agrees = match order.status {
                    OrderStatus::Delivered => status == Some(PaymentStatus::Captured),
                    OrderStatus::PartlyRefunded => status == Some(PaymentStatus::PartlyRefunded),
                    OrderStatus::Refunded => status == Some(PaymentStatus::Refunded),
                    OrderStatus::Reversed => status == Some(PaymentStatus::Reversed),
                    OrderStatus::Declined => matches!(status, Some(PaymentStatus::Declined(_))),
                    _ => false,
                };
                assert!(agrees, "{id} is {:?} here and its payment {status:?} at home", order.status);
                assert_eq!(payment.map_or(Money::ZERO, |payment| payment.refunded), order.refunded);
                let has = |wanted: fn(&OrderEvent) -> bool| order.timeline.iter().any(|entry| wanted(&entry.event));
                seen.late_payments += usize::from(has(|event| *event == OrderEvent::LatePayment));
                seen.reversed_before_paid += usize::from(payment.is_some_and(|payment| payment.order.is_none()));
                seen.declined += usize::from(order.status == OrderStatus::Declined);
                seen.delivered += usize::from(order.status == OrderStatus::Delivered);
                seen.refunds += usize::from(order.refunded.is_positive());
            }
            for effect in world.transfers.clone() {
                match world.state.transfer(effect).expect("kept").status {
                    TransferStatus::Crediting => panic!("{effect} is still under way"),
                    TransferStatus::Completed => seen.completed += 1,
                    TransferStatus::Returned(_) => seen.returned += 1,
                }
            }
        }
        self.seen = seen;
    }
}

fn order_home(order: OrderId) -> ProvinceId {
    mpss_domain::ids::IssuedId::province(order).expect("issued")
}

fn transfer_home(transfer: TransferId) -> ProvinceId {
    mpss_domain::ids::IssuedId::province(transfer).expect("issued")
}

fn notices(world: &World) -> Vec<OrderId> {
    let notice = |effect: &Effect| match effect {
        Effect::DeliveryNotice { order, .. } => Some(*order),
        _ => None,
    };
    world.state.effects_from(EffectId(0)).filter_map(|row| notice(&row.effect)).collect()
}

#[test]
fn clearing_nets_to_zero_whatever_the_network_does() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 150, ..ProptestConfig::default() });
    let total = std::cell::RefCell::new(Seen::default());
    let run = runner.run(&Moves::strategy(500), |moves| {
        let mut federation = Federation::new();
        federation.play(&moves);
        federation.settle();
        federation.check_at_rest();
        let (mut total, seen) = (total.borrow_mut(), federation.seen);
        total.late_payments += seen.late_payments;
        total.reversed_before_paid += seen.reversed_before_paid;
        total.declined += seen.declined;
        total.delivered += seen.delivered;
        total.refunds += seen.refunds;
        total.returned += seen.returned;
        total.completed += seen.completed;
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
    let total = total.into_inner();
    let enough = [
        total.late_payments,
        total.reversed_before_paid,
        total.declined,
        total.delivered,
        total.refunds,
        total.returned,
        total.completed,
    ];
    assert!(enough.iter().all(|count| *count > 10), "the runs came across too little: {total:?}");
}
