//! 购卡: whatever is loaded, bought, declined, reversed, shown and refunded in whatever order, no card is
//! sold twice, nobody is charged without a card, and none that was shown is for sale again (product §3). A
//! naive model keeps the numbers in plain lists and says what every step must come to.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use mpss_domain::account::Tier;
use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::command::Request;
use mpss_domain::order::ReversalReason;
use mpss_domain::outside::{Billing, Means};
use mpss_domain::rail::{Answer, CallAnswer};
use mpss_domain::vault::{CardLine, CardState, NewCard, SealedPin};
use mpss_domain::{
    AccountId, AccountKind, AccountSelector, BusinessDay, Channel, Command, Money, Msisdn, OrderId, Outcome,
    PaymentStatus, ProductId, RefundId, Refusal, Scope, StateVersion, Verb,
};
use proptest::prelude::*;

use crate::world::{RIGHT, STORED_VALUE, World, code_of, msisdn, province};

pub(crate) const PRICE: Money = Money::yuan(1);
const HOUR_MS: u64 = 3_600_000;

/// What a card in these tests has for a PIN, as if nothing had to be sealed.
pub(crate) fn pin_of(number: u64) -> SealedPin {
    SealedPin::new(format!("the PIN of {number}").into_bytes())
}

pub(crate) fn card(number: u64, expires: BusinessDay) -> CardLine {
    CardLine::Card(NewCard { number: number.to_string().parse().expect("a number"), pin: pin_of(number), expires })
}

impl World {
    /// A product of application card sale, on sale for everybody who is here.
    pub(crate) fn publish_cards(&mut self, scope: Scope) -> ProductId {
        let sp = self.admit();
        let (title, application) = ("cards".into(), Application::CardSale);
        let terms = Terms { sp, title, application, scope, price: PRICE, delivery_deadline_ms: 60_000 };
        let Outcome::Product(product) = self.ask(Verb::UploadProduct { product: None, terms, by: "u".into() }) else {
            panic!("not uploaded")
        };
        self.ask(Verb::ReviewProduct { product, rejected: None, by: "r".into() });
        assert_eq!(self.ask(Verb::PublishProduct { product }), Outcome::Product(product));
        product
    }
}

/// One step; numbers choose among what there is.
#[derive(Debug, Clone)]
enum Move {
    Load { cards: u64, days: u32 },
    Buy { who: usize, quantity: u32 },
    Answer { order: usize, paid: bool, held: bool },
    GiveUp(usize),
    Reverse(usize),
    RecordReversal(usize),
    Refund { order: usize, cards: i64 },
    RecordRefund { order: usize, given: bool },
    Reveal { order: usize, by: usize },
    Again(usize),
    Pass { ms: u64, ticks: bool },
}

fn moves(most: usize) -> impl Strategy<Value = Vec<Move>> {
    let order = 0..1_000_usize;
    let one = prop_oneof![
        3 => (1..6_u64, 0..9_u32).prop_map(|(cards, days)| Move::Load { cards, days }),
        8 => (0..BUYERS, 1..4_u32).prop_map(|(who, quantity)| Move::Buy { who, quantity }),
        6 => (order.clone(), prop::bool::weighted(0.7), any::<bool>())
            .prop_map(|(order, paid, held)| Move::Answer { order, paid, held }),
        1 => order.clone().prop_map(Move::GiveUp),
        3 => order.clone().prop_map(Move::Reverse),
        1 => order.clone().prop_map(Move::RecordReversal),
        3 => (order.clone(), 1..4_i64).prop_map(|(order, cards)| Move::Refund { order, cards }),
        2 => (order.clone(), any::<bool>()).prop_map(|(order, given)| Move::RecordRefund { order, given }),
        5 => (order, 0..BUYERS).prop_map(|(order, by)| Move::Reveal { order, by }),
        3 => (0..1_000_usize).prop_map(Move::Again),
        1 => prop_oneof![Just(1_u64), Just(40_000), Just(9 * HOUR_MS), Just(30 * HOUR_MS)].prop_flat_map(|ms| any::<bool>().prop_map(move |ticks| Move::Pass { ms, ticks })),
    ];
    prop::collection::vec(one, 1..most)
}

/// The first two have a wallet here, the third pays by phone bill, the others are at home elsewhere.
const BUYERS: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// Nobody knows yet whether it is paid.
    Asked,
    Paid,
    /// Declined, given up or reversed.
    Over,
}

/// An order as the model sees it.
#[derive(Debug, Clone)]
struct Sale {
    who: usize,
    stands: Stands,
    cards: Vec<u64>,
    paid_at: u64,
    refunded: bool,
    /// A refund that home has not answered, of so many cards.
    pending: Option<(RefundId, usize)>,
    shown: bool,
}

/// A province that sells cards, and what it should be doing.
struct Shop {
    world: World,
    product: ProductId,
    wallets: Vec<AccountId>,
    /// Everything sent under a request id, with what it came to and when.
    sent: Vec<(Command, Outcome, u64)>,
    /// Number to last day and place in the order of loading.
    loaded: BTreeMap<u64, u32>,
    in_stock: Vec<u64>,
    sales: Vec<(OrderId, Sale)>,
    /// Every number that anybody has ever seen the PIN of, and in which order.
    seen: BTreeMap<u64, OrderId>,
    batches: u64,
}

fn buyer(who: usize) -> Msisdn {
    if who < 3 { msisdn(44, who as u64) } else { msisdn(51, who as u64) }
}

impl Shop {
    fn new() -> Self {
        let mut world = World::new(44);
        world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        let mut wallets = Vec::new();
        for who in 0..2 {
            let account = world.open(buyer(who), None);
            world.top_up(account, 900);
            wallets.push(account);
        }
        world.open_outside(buyer(2), Tier::Full, Means::PhoneBill(Billing::Prepaid));
        let product = world.publish_cards(Scope::Local);
        let (sent, sales) = (Vec::new(), Vec::new());
        let (loaded, in_stock, seen) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self { world, product, wallets, sent, loaded, in_stock, sales, seen, batches: 0 }
    }

    fn today(&self) -> u32 {
        self.world.at.business_day().0
    }

    /// Sends under a new request id.
    fn send(&mut self, verb: Verb) -> Outcome {
        let key = self.sent.len() as u128 + 1;
        let command = Command { request: Some(Request { key, content: 1 }), verb };
        let reply = self.world.batch(vec![command.clone()]).replies.remove(0);
        assert!(!reply.replayed);
        self.sent.push((command, reply.outcome.clone(), self.world.at.0));
        reply.outcome
    }

    /// For whom the one stock is sold now: those at home here and visitors never see the same product.
    fn sell_to(&mut self, scope: Scope) {
        let mut terms = self.world.state.product(self.product).expect("kept").terms().clone();
        if terms.scope != scope {
            terms.scope = scope;
            let product = self.product;
            self.world.ask(Verb::UploadProduct { product: Some(product), terms, by: "u".into() });
            self.world.ask(Verb::ReviewProduct { product, rejected: None, by: "r".into() });
            self.world.ask(Verb::PublishProduct { product });
        }
    }

    fn step(&mut self, step: &Move) {
        match *step {
            Move::Load { cards, days } => self.load(cards, days),
            Move::Buy { who, quantity } => self.buy(who, quantity),
            Move::Pass { ms, ticks } => {
                self.world.at = self.world.at.plus_ms(ms);
                // What is waited for ends when somebody looks; what is good ends by the clock.
                if !ticks && self.sales.iter().all(|(_, sale)| sale.stands != Stands::Asked) {
                    return;
                }
                self.world.ask(Verb::Tick);
                for (at, (_, sale)) in self.sales.clone().iter().enumerate() {
                    if sale.stands == Stands::Asked && ms >= 30_000 {
                        self.over(at);
                    }
                }
            }
            Move::Again(which) => {
                if !self.sent.is_empty() {
                    let (command, first, at) = self.sent[which % self.sent.len()].clone();
                    // After the window it would be a new request.
                    if self.world.at.0 - at < self.world.state.policy().duplicate_window_ms {
                        let reply = self.world.batch(vec![command]).replies.remove(0);
                        assert_eq!((reply.outcome, reply.replayed), (first, true));
                    }
                }
            }
            _ if self.sales.is_empty() => {}
            Move::Answer { order, paid, held } => self.answer(order % self.sales.len(), paid, held),
            Move::GiveUp(order) => {
                let at = order % self.sales.len();
                self.world.ask(Verb::GiveUpPayment { order: self.sales[at].0 });
                if self.sales[at].1.stands == Stands::Asked {
                    self.over(at);
                }
            }
            Move::Reverse(order) => self.reverse(order % self.sales.len()),
            Move::RecordReversal(order) => {
                self.world.ask(Verb::RecordReversal { order: self.sales[order % self.sales.len()].0 });
            }
            Move::Refund { order, cards } => self.refund(order % self.sales.len(), cards),
            Move::RecordRefund { order, given } => self.record_refund(order % self.sales.len(), given),
            Move::Reveal { order, by } => self.reveal(order % self.sales.len(), by),
        }
        self.check();
    }

    fn load(&mut self, cards: u64, days: u32) {
        self.batches += 1;
        // One number of the batch before comes once more, and one day may be over.
        let first = 10_000_000 + self.batches * 10;
        let expires = BusinessDay(self.today() + days - 1);
        let numbers: Vec<u64> = std::iter::once(first - 10).chain(first..first + cards).collect();
        let lines: Vec<_> = numbers.iter().map(|number| card(*number, expires)).collect();
        let batch = format!("batch-{}", self.batches).parse().expect("a batch id");
        let load = Verb::LoadCards { product: self.product, batch, content: self.batches, lines };
        let first = self.send(load.clone());
        assert_eq!(self.world.ask(load), first, "the same batch, by whoever it is brought");
        let Outcome::CardsLoaded(results) = first else { panic!("{first:?}") };
        for (number, result) in numbers.into_iter().zip(results) {
            let expected = if expires.0 < self.today() {
                "expired"
            } else if let Entry::Vacant(place) = self.loaded.entry(number) {
                place.insert(expires.0);
                self.in_stock.push(number);
                "loaded"
            } else {
                "duplicate"
            };
            assert_eq!(result.name(), expected, "{number}");
        }
    }

    /// The cards that a buyer gets next.
    fn next(&self, quantity: u32) -> Option<Vec<u64>> {
        let mut good: Vec<_> =
            self.in_stock.iter().copied().filter(|number| self.loaded[number] >= self.today()).collect();
        // Numbers ascend as they are loaded.
        good.sort_by_key(|number| (self.loaded[number], *number));
        good.truncate(quantity as usize);
        (good.len() == quantity as usize).then_some(good)
    }

    fn buy(&mut self, who: usize, quantity: u32) {
        // It is no vault before something was loaded: an SP would deliver.
        if self.world.state.stock(self.product).is_none() {
            return;
        }
        let here = who < 3;
        self.sell_to(if here { Scope::Local } else { Scope::Roaming });
        let outcome = self.send(Verb::PlaceOrder {
            msisdn: buyer(who),
            home: if here { province(44) } else { province(51) },
            epoch: 0,
            location: province(44),
            product: self.product,
            quantity,
            account: if who == 2 { AccountSelector::Kind(AccountKind::Communication) } else { STORED_VALUE },
            channel: Channel::App,
            verdict: here.then_some(RIGHT),
        });
        match self.next(quantity) {
            None => assert_eq!(code_of(&outcome), "out_of_stock", "sold without a card"),
            Some(cards) => {
                let Outcome::Order(id) = outcome else { panic!("{outcome:?} with {cards:?} in stock") };
                self.in_stock.retain(|number| !cards.contains(number));
                let stands = if who < 2 { Stands::Paid } else { Stands::Asked };
                let paid_at = self.world.at.0;
                let sale = Sale { who, stands, cards, paid_at, refunded: false, pending: None, shown: false };
                self.sales.push((id, sale));
            }
        }
    }

    /// The order comes to nothing.
    fn over(&mut self, at: usize) {
        let sale = &mut self.sales[at].1;
        sale.stands = Stands::Over;
        self.in_stock.append(&mut sale.cards);
    }

    fn answer(&mut self, at: usize, paid: bool, held: bool) {
        let (order, sale) = self.sales[at].clone();
        match sale.who {
            0 | 1 => return,
            2 => {
                let payment = self.world.state.order(order).expect("kept").payment;
                let hold = self.world.state.calls_of(payment).next().expect("the rail was asked").id;
                self.world.ask(Verb::BeginCalls { calls: vec![hold] });
                let answer = if paid {
                    Answer::Approved { reference: String::new() }
                } else {
                    Answer::Declined(Refusal::InsufficientFunds)
                };
                self.world.ask(Verb::RecordCalls { answers: vec![CallAnswer { call: hold, answer }] });
            }
            _ if paid && held => {
                self.world.ask(Verb::RecordHold { order });
            }
            _ => {
                let result = if paid { Ok(()) } else { Err(Refusal::InsufficientFunds) };
                self.world.ask(Verb::RecordPayment { order, result });
            }
        }
        if sale.stands == Stands::Asked {
            if paid {
                self.sales[at].1.stands = Stands::Paid;
                self.sales[at].1.paid_at = self.world.at.0;
            } else {
                self.over(at);
            }
        }
    }

    fn reverse(&mut self, at: usize) {
        let (order, sale) = self.sales[at].clone();
        let reason = ReversalReason::Requested;
        let outcome = self.send(Verb::ReverseOrder { order, reason, note: String::new() });
        let late = self.world.at.0 - sale.paid_at > self.world.state.policy().reversal_window_ms;
        let expected = match sale.stands {
            Stands::Asked => "ok",
            Stands::Over => match code_of(&outcome) {
                "wrong_order_status" => "wrong_order_status",
                _ => "already_reversed",
            },
            Stands::Paid if sale.refunded || sale.pending.is_some() => "partly_refunded",
            Stands::Paid if sale.shown => "card_shown",
            Stands::Paid if late => "reversal_window_closed",
            Stands::Paid => "ok",
        };
        assert_eq!(code_of(&outcome), expected, "reversal of {sale:?}");
        if expected == "ok" {
            self.over(at);
        }
    }

    fn refund(&mut self, at: usize, cards: i64) {
        let (order, sale) = self.sales[at].clone();
        let amount = Money::fen(cards * PRICE.as_fen());
        let outcome = self.send(Verb::RefundOrder { order, amount, note: String::new() });
        let left = sale.cards.len() - sale.pending.map_or(0, |(_, cards)| cards);
        let expected = match sale.stands {
            Stands::Asked => "wrong_order_status",
            Stands::Over => match code_of(&outcome) {
                "wrong_order_status" => "wrong_order_status",
                _ => "already_reversed",
            },
            Stands::Paid if sale.shown => "card_shown",
            Stands::Paid if cards as usize > left => "refund_exceeds_paid",
            // The model follows one refund at a time; another one is asked for and home says no.
            Stands::Paid => "ok",
        };
        assert_eq!(code_of(&outcome), expected, "refund of {sale:?}");
        let Outcome::Refund(_, refund) = outcome else { return };
        if sale.who < 3 {
            self.give_back(at, cards as usize);
        } else if sale.pending.is_some() {
            let result = Err(Refusal::RefundExceedsPaid);
            self.world.ask(Verb::RecordRefund { order, refund, result });
        } else {
            self.sales[at].1.pending = Some((refund, cards as usize));
        }
    }

    /// The last cards go back.
    fn give_back(&mut self, at: usize, cards: usize) {
        let sale = &mut self.sales[at].1;
        sale.refunded = true;
        self.in_stock.extend(sale.cards.split_off(sale.cards.len() - cards));
    }

    fn record_refund(&mut self, at: usize, given: bool) {
        let (order, sale) = self.sales[at].clone();
        let Some((refund, cards)) = sale.pending else { return };
        let result = if given { Ok(()) } else { Err(Refusal::RefundExceedsPaid) };
        self.world.ask(Verb::RecordRefund { order, refund, result });
        self.sales[at].1.pending = None;
        if given {
            self.give_back(at, cards);
        }
    }

    fn reveal(&mut self, at: usize, by: usize) {
        let (order, sale) = self.sales[at].clone();
        // Mostly the buyer.
        let by = if by == 0 { sale.who } else { by };
        let outcome = self.send(Verb::RevealCards { order, buyer: buyer(by) });
        let expected = match sale.stands {
            _ if by != sale.who => "not_the_buyer",
            Stands::Over => match code_of(&outcome) {
                "wrong_order_status" => "wrong_order_status",
                _ => "already_reversed",
            },
            Stands::Asked => "wrong_order_status",
            Stands::Paid if sale.cards.is_empty() || sale.pending.is_some() => "wrong_order_status",
            Stands::Paid => "ok",
        };
        assert_eq!(code_of(&outcome), expected, "looking at {sale:?}");
        if expected == "ok" {
            self.sales[at].1.shown = true;
            for card in self.world.state.cards_of(order).expect("it has cards") {
                let number = card.number.to_string().parse().expect("a number");
                assert_eq!(card.pin, pin_of(number), "the PIN of another card");
                let first = *self.seen.entry(number).or_insert(order);
                assert_eq!(first, order, "{number} was sold twice");
            }
        }
    }

    fn check(&self) {
        let state = &self.world.state;
        assert_eq!(state.check_all(), Ok(()));
        let mut spent = vec![0; self.wallets.len()];
        for (id, sale) in &self.sales {
            let numbers: Vec<u64> = state
                .cards_of(*id)
                .unwrap_or_default()
                .iter()
                .map(|card| card.number.to_string().parse().expect("a number"))
                .collect();
            assert_eq!(numbers, sale.cards, "the cards of {sale:?}");
            let order = state.order(*id).expect("kept");
            // Nobody is charged without a card, and nobody has a card for nothing.
            let worth = sale.cards.len() as i64 * PRICE.as_fen();
            if sale.who < 3 {
                let payment = state.payment(order.payment).expect("kept");
                let charged = match payment.status {
                    PaymentStatus::Captured | PaymentStatus::PartlyRefunded => {
                        (payment.amount - payment.refunded).as_fen()
                    }
                    _ => 0,
                };
                assert_eq!(charged, if sale.stands == Stands::Paid { worth } else { 0 }, "charged for {sale:?}");
                if let Some(spent) = spent.get_mut(sale.who) {
                    *spent += charged;
                }
            } else if sale.stands == Stands::Paid {
                assert!(order.booked);
                assert_eq!((order.amount - order.refunded).as_fen(), worth, "charged for {sale:?}");
            }
        }
        for (wallet, spent) in self.wallets.iter().zip(spent) {
            assert_eq!(state.account(*wallet).expect("opened").available, Money::fen(90_000 - spent));
        }
        for number in self.seen.keys() {
            assert!(!self.in_stock.contains(number), "{number} was shown and is for sale");
        }
        let for_sale = state.cards().filter(|card| card.state == CardState::InStock && card.expires.0 >= self.today());
        let good = self.in_stock.iter().filter(|number| self.loaded[*number] >= self.today());
        assert_eq!(for_sale.count(), good.count());
        if let Some(stock) = state.stock(self.product) {
            assert_eq!(stock.loaded as usize, self.loaded.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn no_card_is_sold_twice_and_nobody_is_charged_without_one(moves in moves(120)) {
        let mut shop = Shop::new();
        for step in &moves {
            shop.step(step);
        }
    }
}

/// Steps in which a fault of the vault shows.
#[cfg(feature = "mutants")]
pub(crate) fn play_with(mutant: mpss_domain::mutant::Mutant) {
    let mut shop = Shop::new();
    shop.world.state.set_mutant(Some(mutant));
    let steps = [
        Move::Load { cards: 2, days: 5 },
        Move::Buy { who: 0, quantity: 2 },
        Move::Buy { who: 1, quantity: 1 },
        Move::Reveal { order: 0, by: 0 },
        Move::Reverse(0),
        Move::Buy { who: 1, quantity: 1 },
    ];
    for step in &steps {
        shop.step(step);
    }
}

/// A PIN is opened nowhere but at the edge: nothing that ends in a log holds more of a card than the
/// last digits of its number.
#[test]
fn debug_output_shows_no_pin_and_masks_numbers() {
    let expires = BusinessDay(21_000);
    let batch = "B1".parse().expect("a batch id");
    let secret = b"sealed 730955".to_vec();
    let number = "8888123456789012".parse().expect("a number");
    let line = CardLine::Card(NewCard { number, pin: SealedPin::new(secret.clone()), expires });
    let mut world = World::new(44);
    world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
    let product = world.publish_cards(Scope::Local);
    let verb = Verb::LoadCards { product, batch, content: 1, lines: vec![line] };
    let said = format!("{verb:?} {:?}", world.ask(verb.clone()));
    let held = format!("{:?} {:?}", world.state.cards().collect::<Vec<_>>(), world.state);
    for text in [said, held] {
        assert!(text.contains("****9012"), "{text}");
        let bytes = format!("{secret:?}");
        for secret in ["730955", "8888123456789012", bytes.trim_matches(['[', ']'])] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
