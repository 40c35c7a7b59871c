//! What somebody else begins (product §5, 6.3.1): whatever is asked, said, guessed, charged, released or left alone, money
//! moves only by the subscriber's own code, once, and of what is set aside never more than was agreed to.

use std::collections::BTreeMap;

use mpss_domain::command::PayRequest;
use mpss_domain::confirmation::{AskConfirmation, AskPurchase, CONFIRM_WITHIN_MS, OPEN_MAX, WRONG_CODES_MAX};
use mpss_domain::ids::IssuedId;
use mpss_domain::order::ReversalReason;
use mpss_domain::reservation::RESERVED_MS;
use mpss_domain::{
    Channel, LogTime, Money, OrderId, OrderStatus, Outcome, PaymentId, PaymentStatus, ProductId, Purchase, Refusal,
    ReversalId, Scope, StateVersion, Verb,
};
use proptest::prelude::*;

use crate::world::{RIGHT, STORED_VALUE, World, msisdn, province};

const PRICE: i64 = 10;

/// What happens next. Subscribers are 0 and 1; what was asked is known by its place in the order of asking.
#[derive(Debug, Clone)]
enum Step {
    /// An SP here begins.
    Ask {
        who: u64,
        pieces: u32,
        reserve: bool,
    },
    /// Another province does.
    AskFor {
        who: u64,
        pieces: u32,
        reserve: bool,
    },
    /// Somebody gives the code of what was asked back, as their own or another's.
    Say {
        who: u64,
        which: usize,
        agreed: bool,
    },
    /// A code that nobody was sent.
    Guess {
        who: u64,
    },
    /// The SP takes of what is reserved.
    Charge {
        which: usize,
        pieces: u32,
    },
    /// It is taken back, released, or reversed.
    Undo {
        which: usize,
    },
    /// The SP answers.
    Deliver {
        which: usize,
        accepted: bool,
    },
    Wait {
        ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..2_u64;
    let which = 0..12_usize;
    prop_oneof![
        4 => (who.clone(), 1..4_u32, any::<bool>()).prop_map(|(who, pieces, reserve)| Step::Ask { who, pieces, reserve }),
        2 => (who.clone(), 1..4_u32, any::<bool>())
            .prop_map(|(who, pieces, reserve)| Step::AskFor { who, pieces, reserve }),
        6 => (who.clone(), which.clone(), prop::bool::weighted(0.8))
            .prop_map(|(who, which, agreed)| Step::Say { who, which, agreed }),
        1 => who.prop_map(|who| Step::Guess { who }),
        3 => (which.clone(), 0..4_u32).prop_map(|(which, pieces)| Step::Charge { which, pieces }),
        2 => which.clone().prop_map(|which| Step::Undo { which }),
        3 => (which, prop::bool::weighted(0.7)).prop_map(|(which, accepted)| Step::Deliver { which, accepted }),
        2 => prop_oneof![Just(1_000), Just(CONFIRM_WITHIN_MS), Just(RESERVED_MS)].prop_map(|ms| Step::Wait { ms }),
    ]
}

/// Where a thing that was asked stands, told from the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Asked {
        wrong: u8,
        until: LogTime,
    },
    /// Set aside, until then; for another province nobody here ends it.
    Held {
        until: Option<LogTime>,
    },
    /// Debited, or charged of what was held, and with the SP.
    Paid,
    Delivered,
    Over,
}

#[derive(Debug, Clone)]
struct Asked {
    who: u64,
    code: u32,
    pieces: u32,
    reserve: bool,
    payment: PaymentId,
    order: OrderId,
    here: bool,
    stands: Stands,
}

struct Counter {
    world: World,
    product: ProductId,
    asked: Vec<Asked>,
    serial: u16,
}

impl Counter {
    fn new() -> Self {
        let mut world = World::new(44);
        world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        let sp = world.admit();
        let product = world.publish(sp, Scope::Local, Money::yuan(PRICE));
        for who in [0, 1] {
            let account = world.open(msisdn(44, who), Some((1_000, 1_000)));
            world.top_up(account, 100);
        }
        Self { world, product, asked: Vec::new(), serial: 0 }
    }

    /// What a subscriber has and may spend: what was topped up less what is held, paid or delivered.
    fn available(&self, who: u64) -> i64 {
        let of = self.asked.iter().filter(|asked| asked.who == who);
        let gone = of.filter(|asked| !matches!(asked.stands, Stands::Asked { .. } | Stands::Over));
        100 - gone.map(|asked| i64::from(asked.pieces) * PRICE).sum::<i64>()
    }

    fn open(&self, who: u64) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(move |asked| asked.who == who && matches!(asked.stands, Stands::Asked { .. }))
    }

    fn may_be_asked(&self, who: u64, pieces: u32) -> Result<(), Refusal> {
        if self.available(who) < i64::from(pieces) * PRICE {
            return Err(Refusal::InsufficientFunds);
        }
        if self.open(who).count() >= OPEN_MAX { Err(Refusal::ConfirmationsOpen) } else { Ok(()) }
    }

    /// The code the newest text has.
    fn code_of(&self, payment: PaymentId) -> u32 {
        self.world.state.confirmation(payment).expect("it was asked").code
    }

    fn now(&self) -> LogTime {
        self.world.state.now()
    }

    fn run(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Ask { who, pieces, reserve } => {
                let purchase = Purchase {
                    msisdn: msisdn(44, who),
                    home: province(44),
                    epoch: 0,
                    location: province(44),
                    product: self.product,
                    quantity: pieces,
                    account: STORED_VALUE,
                    channel: Channel::Web,
                    verdict: None,
                };
                // Few codes, so that some come twice.
                let ask = AskPurchase { purchase, code: pieces, reserve };
                let may = self.may_be_asked(who, pieces);
                match (self.world.ask(Verb::AskPurchase(Box::new(ask))), may) {
                    (Outcome::Order(order), Ok(())) => {
                        let payment = self.world.state.order(order).expect("taken").payment;
                        self.note(who, pieces, reserve, payment, order, true);
                    }
                    (Outcome::Refused(is), Err(must)) => prop_assert_eq!(is, must),
                    other => prop_assert!(false, "{other:?}"),
                }
            }
            Step::AskFor { who, pieces, reserve } => {
                self.serial += 1;
                let at = self.now().max(LogTime(1));
                let (payment, order) =
                    (PaymentId::issue(at, province(51), self.serial), OrderId::issue(at, province(51), self.serial));
                let request = PayRequest {
                    payment,
                    order,
                    serving: province(51),
                    msisdn: msisdn(44, who),
                    epoch: 0,
                    scope: Scope::Roaming,
                    location: province(51),
                    account: STORED_VALUE,
                    amount: Money::yuan(i64::from(pieces) * PRICE),
                    title: "a thing".into(),
                    verdict: RIGHT,
                };
                let ask = AskConfirmation { request, merchant: "a shop".into(), code: pieces, reserve };
                let may = self.may_be_asked(who, pieces);
                match (self.world.ask(Verb::AskConfirmation(Box::new(ask.clone()))), may) {
                    (Outcome::ConfirmationAsked(id), Ok(())) => {
                        prop_assert_eq!(id, payment);
                        self.note(who, pieces, reserve, payment, order, false);
                    }
                    (Outcome::Refused(is), Err(must)) => prop_assert_eq!(is, must),
                    other => prop_assert!(false, "{other:?}"),
                }
                // The same again has the same answer and asks nobody.
                let texts = self.world.state.row_counts().effects;
                self.world.ask(Verb::AskConfirmation(Box::new(ask)));
                prop_assert_eq!(self.world.state.row_counts().effects, texts);
            }
            Step::Say { who, which, agreed } => {
                let Some(code) = self.asked.get(which).map(|asked| asked.code) else { return Ok(()) };
                self.say(who, code, agreed)?;
            }
            Step::Guess { who } => self.say(who, 999_999, true)?,
            Step::Charge { which, pieces } => {
                let Some(asked) = self.asked.get(which).filter(|asked| asked.here).cloned() else { return Ok(()) };
                let outcome = self.world.ask(Verb::ChargeReservation { order: asked.order, quantity: pieces });
                let may = matches!(asked.stands, Stands::Held { .. }) && (1..=asked.pieces).contains(&pieces);
                prop_assert_eq!(matches!(outcome, Outcome::Order(_)), may, "{:?}", outcome);
                if may {
                    let row = &mut self.asked[which];
                    (row.pieces, row.stands) = (pieces, Stands::Paid);
                }
            }
            Step::Undo { which } => {
                let Some(asked) = self.asked.get(which).cloned() else { return Ok(()) };
                if asked.here {
                    let verb =
                        Verb::ReverseOrder { order: asked.order, reason: ReversalReason::SpAsked, note: "x".into() };
                    let outcome = self.world.ask(verb);
                    let may = asked.stands != Stands::Over;
                    prop_assert_eq!(matches!(outcome, Outcome::Order(_)), may, "{:?}", outcome);
                } else {
                    let reversal = ReversalId::issue(self.now(), province(51), 1);
                    let verb = Verb::ReversePayment { payment: asked.payment, reversal, order: asked.order };
                    prop_assert_eq!(self.world.ask(verb), Outcome::Reversed);
                }
                self.asked[which].stands = Stands::Over;
            }
            Step::Deliver { which, accepted } => {
                let Some(asked) = self.asked.get(which).filter(|asked| asked.here).cloned() else { return Ok(()) };
                self.world.ask(Verb::RecordDeliveries { answers: vec![(asked.order, accepted)] });
                if asked.stands == Stands::Paid {
                    self.asked[which].stands = if accepted { Stands::Delivered } else { Stands::Over };
                }
            }
            Step::Wait { ms } => {
                self.world.at = self.world.at.plus_ms(ms);
                self.world.ask(Verb::Tick);
                let now = self.now();
                for asked in &mut self.asked {
                    let over = match asked.stands {
                        Stands::Asked { until, .. } | Stands::Held { until: Some(until) } => until <= now,
                        // A minute, which is shorter than what is waited for but once.
                        Stands::Paid => asked.here && ms >= 60_000,
                        _ => false,
                    };
                    if over {
                        asked.stands = Stands::Over;
                    }
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, who: u64, pieces: u32, reserve: bool, payment: PaymentId, order: OrderId, here: bool) {
        let code = self.code_of(payment);
        let stands = Stands::Asked { wrong: 0, until: self.now().plus_ms(CONFIRM_WITHIN_MS) };
        self.asked.push(Asked { who, code, pieces, reserve, payment, order, here, stands });
    }

    fn say(&mut self, who: u64, code: u32, agreed: bool) -> Result<(), TestCaseError> {
        let outcome = self.world.ask(Verb::Confirm { msisdn: msisdn(44, who), code, agreed });
        let now = self.now();
        if self.open(who).next().is_none() {
            prop_assert_eq!(outcome, Outcome::Refused(Refusal::NothingToConfirm));
            return Ok(());
        }
        let is_it =
            |asked: &Asked| asked.who == who && asked.code == code && matches!(asked.stands, Stands::Asked { .. });
        let Some(which) = self.asked.iter().position(is_it) else {
            prop_assert_eq!(outcome, Outcome::Refused(Refusal::WrongCode));
            for asked in self.asked.iter_mut().filter(|asked| asked.who == who) {
                if let Stands::Asked { wrong, until } = asked.stands {
                    let wrong = wrong + 1;
                    asked.stands = if wrong >= WRONG_CODES_MAX { Stands::Over } else { Stands::Asked { wrong, until } };
                }
            }
            return Ok(());
        };
        let funds = self.available(who);
        let asked = &mut self.asked[which];
        let enough = funds >= i64::from(asked.pieces) * PRICE;
        let worded = matches!(outcome, Outcome::Word(_));
        prop_assert_eq!(worded, !agreed || enough, "{:?}", outcome);
        asked.stands = match (agreed && enough, asked.reserve) {
            (false, _) => Stands::Over,
            (true, true) => Stands::Held { until: asked.here.then(|| now.plus_ms(RESERVED_MS)) },
            (true, false) => Stands::Paid,
        };
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let state = &self.world.state;
        prop_assert_eq!(state.check_all(), Ok(()));
        for who in [0, 1] {
            let account = state.select_account(msisdn(44, who), STORED_VALUE).expect("opened");
            prop_assert_eq!(account.available, Money::yuan(self.available(who)), "of {}", who);
            let open: Vec<_> = self.open(who).map(|asked| asked.payment).collect();
            let is: Vec<_> = state.confirmations_of(msisdn(44, who)).map(|row| row.payment).collect();
            prop_assert_eq!(is.len(), open.len(), "{:?} and {:?}", is, open);
        }
        for asked in &self.asked {
            let payment = state.payment(asked.payment).map(|payment| payment.status);
            let fits = match asked.stands {
                Stands::Asked { .. } => payment.is_none(),
                Stands::Held { .. } => payment == Some(PaymentStatus::Reserved),
                Stands::Paid => matches!(payment, Some(PaymentStatus::Captured | PaymentStatus::Reserved)),
                Stands::Delivered => payment == Some(PaymentStatus::Captured),
                Stands::Over => {
                    let over = [PaymentStatus::Reversed, PaymentStatus::Released];
                    payment.is_some_and(|is| over.contains(&is) || matches!(is, PaymentStatus::Declined(_)))
                }
            };
            prop_assert!(fits, "{:?} and its payment is {:?}", asked, payment);
            if let Some(order) = state.order(asked.order) {
                let is_reserved = order.status == OrderStatus::Reserved;
                prop_assert_eq!(is_reserved, asked.here && matches!(asked.stands, Stands::Held { .. }));
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn money_moves_by_the_subscribers_own_code_alone(steps in prop::collection::vec(step(), 1..60)) {
        let mut counter = Counter::new();
        for step in &steps {
            counter.run(step)?;
            counter.check()?;
        }
        let codes: BTreeMap<_, _> = counter.asked.iter().map(|asked| (asked.payment, asked.code)).collect();
        prop_assert_eq!(codes.len(), counter.asked.len(), "each is asked about once");
    }
}
