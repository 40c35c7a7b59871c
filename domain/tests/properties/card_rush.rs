//! 购卡, "bounds are accounts, not checks": many cards sold to racing buyers with a crash at every step.
//!
//! Everything a buyer or a driver wants is a request under an id of its own, sent until it is answered.
//! Requests come in any order and any number an entry; after each entry the state is written down and read
//! back; some entries are lost before they are committed, and some answers after. What is shown and charged
//! is counted at the end.

use std::collections::BTreeMap;

use mpss_domain::command::Request;
use mpss_domain::ids::IssuedId;
use mpss_domain::order::ReversalReason;
use mpss_domain::vault::Stock;
use mpss_domain::{
    Applied, Batch, BusinessDay, Channel, Command, Money, Msisdn, OrderId, OrderStatus, Outcome, ProductId, Refusal,
    Scope, State, StateVersion, Verb,
};

use crate::card_vault::{PRICE, card, pin_of};
use crate::versions::restored;
use crate::world::{RIGHT, START, STORED_VALUE, World, msisdn, opening, province};

/// Numbers that look drawn and are the same every time.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }

    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

/// What somebody wants and has no answer to yet.
#[derive(Clone)]
struct Want {
    command: Command,
    buyer: usize,
}

struct Rush {
    state: State,
    /// For those at home here, and for visitors.
    products: [ProductId; 2],
    draw: Draw,
    wants: Vec<Want>,
    keys: u128,
    crashes: usize,
    /// Purchases each buyer still means to make.
    left: Vec<usize>,
    /// Who was shown a number, in which order.
    shown: BTreeMap<u64, OrderId>,
    refused: usize,
}

/// One buyer in eight is at home elsewhere.
fn is_visitor(buyer: usize) -> bool {
    buyer % 8 == 7
}

fn number_of(buyer: usize) -> Msisdn {
    msisdn(if is_visitor(buyer) { 51 } else { 44 }, buyer as u64)
}

impl Rush {
    fn new(cards: usize, buyers: usize, purchases: usize) -> Self {
        let mut world = World::new(44);
        world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        let products = [world.publish_cards(Scope::Local), world.publish_cards(Scope::Roaming)];
        let opened: Vec<_> = (0..buyers).filter(|buyer| !is_visitor(*buyer)).map(number_of).collect();
        for some in opened.chunks(1_000) {
            let commands = some.iter().map(|msisdn| Command::internal(opening(*msisdn, None))).collect();
            let accounts: Vec<_> = world
                .batch(commands)
                .replies
                .into_iter()
                .map(|reply| match reply.outcome {
                    Outcome::Account(view) => view.account.id,
                    other => panic!("{other:?}"),
                })
                .collect();
            let amount = Money::yuan(100);
            let top_up = |account| Command::internal(Verb::TopUpCash { account, amount, agent: String::new() });
            world.batch(accounts.into_iter().map(top_up).collect());
        }
        let draw = Draw(cards as u64);
        let left = vec![purchases; buyers];
        let (wants, shown) = (Vec::new(), BTreeMap::new());
        let state = world.state;
        let mut rush = Self { state, products, draw, wants, keys: 0, crashes: 0, left, shown, refused: 0 };
        for (at, first) in (0..cards).step_by(500).enumerate() {
            let some = first..cards.min(first + 500);
            // The later a card was printed the earlier it ends.
            let expires = BusinessDay(START.business_day().0 + 1_000 - at as u32);
            let lines = some.map(|number| card(50_000_000 + number as u64, expires)).collect();
            let batch = format!("batch-{at}").parse().expect("a batch id");
            let product = products[usize::from(at % 8 == 1)];
            rush.want(0, Verb::LoadCards { product, batch, content: at as u64, lines });
            // A product that never had stock is delivered by its SP; the other batches come in as it is sold.
            if at < 2 {
                let command = rush.wants.pop().expect("just added").command;
                let batch = Batch { at: START, commands: vec![command] };
                rush.state.apply(rush.state.index() + 1, &batch);
            }
        }
        rush
    }

    fn want(&mut self, buyer: usize, verb: Verb) {
        self.keys += 1;
        let command = Command { request: Some(Request { key: self.keys, content: 7 }), verb };
        self.wants.push(Want { command, buyer });
    }

    fn buy(&mut self, buyer: usize) {
        self.left[buyer] -= 1;
        let (home, quantity) = (if is_visitor(buyer) { 51 } else { 44 }, 1 + self.draw.below(2) as u32);
        let verb = Verb::PlaceOrder {
            msisdn: number_of(buyer),
            home: province(home),
            epoch: 0,
            location: province(44),
            product: self.products[usize::from(is_visitor(buyer))],
            quantity,
            account: STORED_VALUE,
            channel: Channel::App,
            verdict: (home == 44).then_some(RIGHT),
        };
        self.want(buyer, verb);
    }

    /// Until everybody has what they want, or was told that there is no more.
    fn run(&mut self, entry_max: usize) {
        for buyer in 0..self.left.len() {
            self.buy(buyer);
        }
        while !self.wants.is_empty() {
            let size = 1 + self.draw.below(entry_max);
            let mut some = Vec::new();
            for _ in 0..size.min(self.wants.len()) {
                let at = self.draw.below(self.wants.len());
                some.push(self.wants.swap_remove(at));
            }
            // Some come twice in one entry, as from a caller who was too impatient.
            if self.draw.percent(20) {
                some.push(some[0].clone());
            }
            // The leader dies before this is on a quorum: nobody has seen it, everybody asks again.
            if self.draw.percent(15) {
                self.wants.append(&mut some);
                continue;
            }
            let commands = some.iter().map(|want| want.command.clone()).collect();
            let batch = Batch { at: self.state.now().plus_ms(1), commands };
            let applied = self.state.apply(self.state.index() + 1, &batch);
            self.crash();
            // Or after: what it came to stands, and everybody asks again.
            if self.draw.percent(15) {
                self.wants.append(&mut some);
                continue;
            }
            self.answered(some, applied);
        }
    }

    /// A replica dies between two entries: what is on its disk is all there is.
    fn crash(&mut self) {
        let digest = (self.state.digest(), self.state.version());
        self.state = restored(&self.state);
        assert_eq!((self.state.digest(), self.state.version()), digest);
        self.crashes += 1;
    }

    fn answered(&mut self, some: Vec<Want>, applied: Applied) {
        let mut known = Vec::new();
        for (want, reply) in some.into_iter().zip(applied.replies) {
            let key = want.command.request.expect("everything has an id").key;
            if known.contains(&key) {
                assert!(reply.replayed, "the second of two equal requests is a repetition");
                continue;
            }
            known.push(key);
            self.one_answered(&want, &reply.outcome);
        }
    }

    fn one_answered(&mut self, want: &Want, outcome: &Outcome) {
        let buyer = want.buyer;
        match (&want.command.verb, outcome) {
            (Verb::PlaceOrder { .. }, Outcome::Refused(Refusal::OutOfStock)) => self.refused += 1,
            (Verb::PlaceOrder { .. }, &Outcome::Order(order)) => {
                // Several things happen to one order at once, by whoever wants them.
                if is_visitor(buyer) {
                    let result = if self.draw.percent(80) { Ok(()) } else { Err(Refusal::InsufficientFunds) };
                    self.want(buyer, Verb::RecordPayment { order, result });
                    if self.draw.percent(10) {
                        self.want(buyer, Verb::GiveUpPayment { order });
                    }
                }
                if self.draw.percent(15) {
                    let reason = ReversalReason::Requested;
                    self.want(buyer, Verb::ReverseOrder { order, reason, note: String::new() });
                }
                if self.draw.percent(10) {
                    self.want(buyer, Verb::RefundOrder { order, amount: PRICE, note: String::new() });
                }
                for _ in 0..self.draw.below(3) {
                    self.want(buyer, Verb::RevealCards { order, buyer: number_of(buyer) });
                }
            }
            (Verb::RevealCards { .. }, &Outcome::CardsShown(order)) => {
                for card in self.state.cards_of(order).expect("it has cards") {
                    let number = card.number.to_string().parse().expect("a number");
                    assert_eq!(card.pin, pin_of(number));
                    let first = *self.shown.entry(number).or_insert(order);
                    assert_eq!(first, order, "{number} was sold twice");
                }
            }
            (Verb::LoadCards { .. }, Outcome::CardsLoaded(results)) => {
                assert!(results.iter().all(|result| result.name() == "loaded"), "{results:?}");
            }
            (Verb::LoadCards { .. } | Verb::PlaceOrder { .. }, other) => panic!("{other:?}"),
            _ => {}
        }
        if matches!(want.command.verb, Verb::PlaceOrder { .. }) && self.left[buyer] > 0 {
            self.buy(buyer);
        }
    }

    /// Counts what there is: cards, money, and who was shown what.
    fn count(&self, cards: usize) -> String {
        let state = &self.state;
        assert_eq!(state.check_all(), Ok(()));
        let stocks = self.products.map(|product| state.stock(product).expect("loaded"));
        let sum = |part: fn(&Stock) -> u64| stocks.iter().map(part).sum::<u64>();
        let (in_stock, reserved) = (sum(|stock| stock.in_stock), sum(|stock| stock.reserved));
        let (sold, shown) = (sum(|stock| stock.sold), sum(|stock| stock.shown));
        assert_eq!(sum(|stock| stock.loaded), cards as u64);
        assert_eq!(in_stock + reserved + sold + shown, cards as u64, "{stocks:?}");
        assert_eq!(shown, self.shown.len() as u64, "what was shown to somebody is shown and nothing else");
        let mut with_orders = 0;
        let (mut here, mut elsewhere) = (0, 0);
        for order in state.orders() {
            let has = state.cards_of(order.id).map_or(0, |cards| cards.len()) as i64;
            with_orders += has;
            let charged = match order.status {
                OrderStatus::Delivered | OrderStatus::PartlyRefunded => order.amount - order.refunded,
                _ => Money::ZERO,
            };
            // Nobody is charged without a card. What is reserved or on its way back is not paid for.
            if order.status != OrderStatus::Paying {
                assert_eq!(charged.as_fen(), has * PRICE.as_fen(), "{order:?}");
            }
            *(if order.id.province() == Some(order.home) { &mut here } else { &mut elsewhere }) += charged.as_fen();
        }
        assert_eq!(with_orders as u64, reserved + sold + shown, "each card is with one order");
        // And the wallets say the same.
        let wallets = self.left.len() - (0..self.left.len()).filter(|buyer| is_visitor(*buyer)).count();
        let spent: i64 =
            wallets as i64 * 10_000 - state.accounts().map(|account| account.available.as_fen()).sum::<i64>();
        assert_eq!(spent, here);
        format!(
            "{cards} cards, {} buyers, {} orders, {} crashes: {shown} shown, {sold} sold, {in_stock} in stock, {} refused, {}.00 yuan",
            self.left.len(),
            state.orders().count(),
            self.crashes,
            self.refused,
            (here + elsewhere) / 100,
        )
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what was counted")]
fn ten_thousand_cards_and_racing_buyers() {
    let mut rush = Rush::new(10_000, 4_000, 3);
    rush.run(600);
    println!("{}", rush.count(10_000));
    assert!(rush.crashes > 50 && rush.refused > 500, "more is asked for than there is");
}

/// One command an entry: a crash between any two.
#[test]
#[expect(clippy::print_stdout, reason = "what was counted")]
fn a_crash_after_every_command() {
    let mut rush = Rush::new(600, 200, 3);
    rush.run(1);
    println!("{}", rush.count(600));
    assert!(rush.crashes > 400 && rush.refused > 5, "more is asked for than there is");
}
