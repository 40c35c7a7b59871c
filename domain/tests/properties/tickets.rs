//! 票务: whatever is bought, delivered, checked, reversed and refunded in whatever order, no ticket lets two
//! gates' requests in, and none that was used is paid back (product §3). A naive model keeps a word for each
//! ticket.

use std::collections::BTreeMap;

use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::command::Request;
use mpss_domain::order::ReversalReason;
use mpss_domain::tickets::{Ticket, TicketId};
use mpss_domain::{
    Channel, Command, LogTime, Money, OrderId, Outcome, ProductId, RefundId, Refusal, Scope, StateVersion, Verb,
};
use proptest::prelude::*;

use crate::versions::restored;
use crate::world::{RIGHT, STORED_VALUE, World, code_of, msisdn, province};

const PRICE: i64 = 1_000;

#[derive(Debug, Clone)]
enum Move {
    Buy { visitor: bool, quantity: u32 },
    Deliver { order: usize, accepted: bool },
    Check { order: usize, place: u32, gate: u8 },
    Reverse(usize),
    Refund { order: usize, tickets: i64 },
    RecordRefund { order: usize, given: bool },
    Again(usize),
    Crash,
    Pass(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    // Few at a time, so that they meet.
    let order = 0..6_usize;
    let one = prop_oneof![
        4 => (any::<bool>(), 1..4_u32).prop_map(|(visitor, quantity)| Move::Buy { visitor, quantity }),
        5 => (order.clone(), prop::bool::weighted(0.9))
            .prop_map(|(order, accepted)| Move::Deliver { order, accepted }),
        9 => (order.clone(), 0..5_u32, 0..4_u8).prop_map(|(order, place, gate)| Move::Check { order, place, gate }),
        2 => order.clone().prop_map(Move::Reverse),
        4 => (order.clone(), 1..4_i64).prop_map(|(order, tickets)| Move::Refund { order, tickets }),
        3 => (order, any::<bool>()).prop_map(|(order, given)| Move::RecordRefund { order, given }),
        3 => (0..1_000_usize).prop_map(Move::Again),
        1 => Just(Move::Crash),
        1 => prop_oneof![Just(1_000_u64), Just(9 * 3_600_000), Just(30 * 3_600_000)].prop_map(Move::Pass),
    ];
    prop::collection::vec(one, 1..100)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Good,
    Used { gate: u8, at: u64 },
    Gone,
}

#[derive(Debug, Clone)]
struct Sale {
    visitor: bool,
    quantity: usize,
    paid_at: u64,
    delivered: bool,
    reversed: bool,
    tickets: Vec<Word>,
    /// The refund that home has not answered, and the places it is of.
    pending: Option<(RefundId, Vec<usize>)>,
    refunded: bool,
}

struct House {
    world: World,
    products: [ProductId; 2],
    sent: Vec<(Command, Outcome, u64)>,
    sales: Vec<(OrderId, Sale)>,
    /// Whom each ticket has let in.
    let_in: BTreeMap<TicketId, u8>,
}

impl House {
    fn new() -> Self {
        let mut world = World::new(44);
        world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        let account = world.open(msisdn(44, 0), None);
        world.top_up(account, 1_000);
        let sp = world.admit();
        let products = [Scope::Local, Scope::Roaming].map(|scope| {
            let (title, application, price) = ("seat".into(), Application::Ticketing, Money::fen(PRICE));
            let terms = Terms { sp, title, application, scope, price, delivery_deadline_ms: 60_000 };
            let upload = Verb::UploadProduct { product: None, terms, by: "u".into() };
            let Outcome::Product(product) = world.ask(upload) else { panic!("not uploaded") };
            world.ask(Verb::ReviewProduct { product, rejected: None, by: "r".into() });
            world.ask(Verb::PublishProduct { product });
            product
        });
        Self { world, products, sent: Vec::new(), sales: Vec::new(), let_in: BTreeMap::new() }
    }

    fn send(&mut self, verb: Verb) -> Outcome {
        let key = self.sent.len() as u128 + 1;
        let command = Command { request: Some(Request { key, content: 1 }), verb };
        let reply = self.world.batch(vec![command.clone()]).replies.remove(0);
        self.sent.push((command, reply.outcome.clone(), self.world.at.0));
        reply.outcome
    }

    fn step(&mut self, step: &Move) {
        match *step {
            Move::Buy { visitor, quantity } => self.buy(visitor, quantity),
            Move::Pass(ms) => {
                self.world.at = self.world.at.plus_ms(ms);
                self.world.ask(Verb::Tick);
                for (_, sale) in &mut self.sales {
                    // The SP was silent for too long.
                    if !sale.delivered && self.world.at.0 - sale.paid_at >= 60_000 {
                        sale.reversed = true;
                    }
                }
            }
            Move::Crash => self.world.state = restored(&self.world.state),
            Move::Again(which) => {
                if !self.sent.is_empty() {
                    let (command, first, at) = self.sent[which % self.sent.len()].clone();
                    if self.world.at.0 - at < self.world.state.policy().duplicate_window_ms {
                        let reply = self.world.batch(vec![command]).replies.remove(0);
                        assert_eq!((reply.outcome, reply.replayed), (first, true));
                    }
                }
            }
            _ if self.sales.is_empty() => {}
            Move::Deliver { order, accepted } => {
                let at = self.newest(order);
                let (id, sale) = &mut self.sales[at];
                self.world.ask(Verb::RecordDeliveries { answers: vec![(*id, accepted)] });
                if !sale.delivered && !sale.reversed {
                    sale.delivered = accepted;
                    sale.reversed = !accepted;
                    sale.tickets = if accepted { vec![Word::Good; sale.quantity] } else { Vec::new() };
                }
            }
            Move::Check { order, place, gate } => self.check_at_gate(self.newest(order), place, gate),
            Move::Reverse(order) => self.reverse(self.newest(order)),
            Move::Refund { order, tickets } => self.refund(self.newest(order), tickets),
            Move::RecordRefund { order, given } => self.record_refund(self.newest(order), given),
        }
        self.check();
    }

    fn newest(&self, order: usize) -> usize {
        self.sales.len().saturating_sub(1 + order)
    }

    fn buy(&mut self, visitor: bool, quantity: u32) {
        let home = province(if visitor { 51 } else { 44 });
        let outcome = self.send(Verb::PlaceOrder {
            msisdn: msisdn(home.code(), 0),
            home,
            epoch: 0,
            location: province(44),
            product: self.products[usize::from(visitor)],
            quantity,
            account: STORED_VALUE,
            channel: Channel::App,
            verdict: (!visitor).then_some(RIGHT),
        });
        let Outcome::Order(id) = outcome else { return };
        if visitor {
            self.world.ask(Verb::RecordPayment { order: id, result: Ok(()) });
        }
        let sale = Sale {
            visitor,
            quantity: quantity as usize,
            paid_at: self.world.at.0,
            delivered: false,
            reversed: false,
            tickets: Vec::new(),
            pending: None,
            refunded: false,
        };
        self.sales.push((id, sale));
    }

    fn check_at_gate(&mut self, at: usize, place: u32, gate: u8) {
        let now = self.world.at.0;
        let (order, sale) = &mut self.sales[at];
        let ticket = TicketId { order: *order, place };
        let word = (place as usize).checked_sub(1).and_then(|at| sale.tickets.get_mut(at));
        let expected = match word {
            None => Err("ticket_not_found"),
            Some(Word::Gone) => Err("ticket_void"),
            Some(Word::Used { gate: first, at }) if *first == gate => Ok(*at),
            Some(Word::Used { .. }) => Err("ticket_used"),
            Some(word) => {
                *word = Word::Used { gate, at: now };
                Ok(now)
            }
        };
        let first = match word_at(sale, place) {
            Some(Word::Used { at, .. }) => Some(at),
            _ => None,
        };
        let outcome = self.send(Verb::CheckTicket { ticket, gate: u128::from(gate) });
        match expected {
            Ok(when) => {
                assert_eq!(outcome, Outcome::TicketChecked(ticket, LogTime(when)));
                let first = *self.let_in.entry(ticket).or_insert(gate);
                assert_eq!(first, gate, "{ticket} let two in");
            }
            Err(code) => assert_eq!(code_of(&outcome), code, "{ticket} at gate {gate}"),
        }
        if let (Outcome::Refused(Refusal::TicketUsed(when)), Some(first)) = (&outcome, first) {
            assert_eq!(when.0, first, "the time of the first check");
        }
    }

    fn reverse(&mut self, at: usize) {
        let (order, sale) = self.sales[at].clone();
        let reason = ReversalReason::Requested;
        let outcome = self.send(Verb::ReverseOrder { order, reason, note: String::new() });
        let late = self.world.at.0 - sale.paid_at > self.world.state.policy().reversal_window_ms;
        let used = sale.tickets.iter().any(|word| matches!(word, Word::Used { .. }));
        let expected = match &sale {
            sale if sale.reversed => "already_reversed",
            sale if sale.refunded || sale.pending.is_some() => "partly_refunded",
            _ if used => "ticket_used",
            sale if sale.delivered && late => "reversal_window_closed",
            _ => "ok",
        };
        assert_eq!(code_of(&outcome), expected, "given back: {sale:?}");
        if expected == "ok" {
            let sale = &mut self.sales[at].1;
            sale.reversed = true;
            sale.tickets.fill(Word::Gone);
        }
    }

    fn refund(&mut self, at: usize, tickets: i64) {
        let (order, sale) = self.sales[at].clone();
        if sale.pending.is_some() {
            return;
        }
        let amount = Money::fen(tickets * PRICE);
        let outcome = self.send(Verb::RefundOrder { order, amount, note: String::new() });
        let gone = sale.tickets.iter().filter(|word| **word == Word::Gone).count();
        let good: Vec<_> = (0..sale.tickets.len()).rev().filter(|at| sale.tickets[*at] == Word::Good).collect();
        let tickets = tickets as usize;
        let expected = match &sale {
            sale if sale.reversed => "already_reversed",
            sale if !sale.delivered => "wrong_order_status",
            sale if tickets > sale.quantity - gone => "refund_exceeds_paid",
            _ if tickets > good.len() => "ticket_used",
            _ => "ok",
        };
        assert_eq!(code_of(&outcome), expected, "paid back: {sale:?}");
        let Outcome::Refund(_, refund) = outcome else { return };
        let places = good[..tickets].to_vec();
        let sale = &mut self.sales[at].1;
        for place in &places {
            sale.tickets[*place] = Word::Gone;
        }
        if sale.visitor {
            sale.pending = Some((refund, places));
        } else {
            sale.refunded = true;
        }
    }

    fn record_refund(&mut self, at: usize, given: bool) {
        let (order, sale) = &mut self.sales[at];
        let Some((refund, places)) = sale.pending.take() else { return };
        let result = if given { Ok(()) } else { Err(Refusal::RefundExceedsPaid) };
        self.world.ask(Verb::RecordRefund { order: *order, refund, result });
        if given {
            sale.refunded = true;
        } else {
            for place in places {
                sale.tickets[place] = Word::Good;
            }
        }
    }

    fn check(&self) {
        let state = &self.world.state;
        assert_eq!(state.check_all(), Ok(()));
        for (id, sale) in &self.sales {
            let words: Vec<_> = state
                .tickets_of(*id)
                .unwrap_or_default()
                .iter()
                .map(|ticket| match ticket {
                    Ticket::Valid => Word::Good,
                    Ticket::Checked { at, gate } => Word::Used { gate: *gate as u8, at: at.0 },
                    Ticket::Refunded(_) | Ticket::Reversed => Word::Gone,
                })
                .collect();
            assert_eq!(words, sale.tickets, "{sale:?}");
            // What was used is paid for.
            let used = words.iter().filter(|word| matches!(word, Word::Used { .. })).count() as i64;
            let order = state.order(*id).expect("kept");
            let paid = if sale.reversed { 0 } else { (order.amount - order.refunded).as_fen() };
            assert!(paid >= used * PRICE, "{used} tickets were used for {paid} fen");
        }
    }
}

fn word_at(sale: &Sale, place: u32) -> Option<Word> {
    sale.tickets.get((place as usize).checked_sub(1)?).copied()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_ticket_lets_one_in_and_is_paid_for(moves in moves()) {
        let mut house = House::new();
        for step in &moves {
            house.step(step);
        }
    }
}

/// Steps in which a fault of the tickets shows.
#[cfg(feature = "mutants")]
pub(crate) fn play_with(mutant: mpss_domain::mutant::Mutant) {
    let mut house = House::new();
    house.world.state.set_mutant(Some(mutant));
    let steps = [
        Move::Buy { visitor: false, quantity: 1 },
        Move::Deliver { order: 0, accepted: true },
        Move::Check { order: 0, place: 1, gate: 1 },
        Move::Check { order: 0, place: 1, gate: 2 },
        Move::Reverse(0),
    ];
    for step in &steps {
        house.step(step);
    }
}
