//! Newer rules come into force at one entry of the log, on every replica and after every snapshot; and
//! what version 2 changes makes or loses no money: whatever is asked however late, a decision that was
//! given once is the only one that is ever given.

use std::collections::BTreeMap;

use mpss_domain::command::PayRequest;
use mpss_domain::ids::IssuedId;
use mpss_domain::outside::{Card, Means};
use mpss_domain::{
    Batch, Command, LogTime, Money, OrderId, Outcome, PaymentId, Refusal, ReversalId, Scope, State, StateVersion,
    TransferId, Verb,
};
use proptest::prelude::*;

use crate::federation::{Federation, Moves};
use crate::world::{RIGHT, START, STORED_VALUE, World, msisdn, opening, province};

const DAY_MS: u64 = 86_400_000;

fn raise(to: u16) -> Command {
    Command::internal(Verb::RaiseVersion { to: StateVersion(to) })
}

/// The state as a snapshot gives it back.
pub(crate) fn restored(state: &State) -> State {
    let config = bincode::config::standard();
    let bytes = bincode::serde::encode_to_vec(state, config).expect("a state is encoded");
    let (rows, _): (State, usize) = bincode::serde::decode_from_slice(&bytes, config).expect("it is decoded");
    let restored = rows.under(state.version());
    if !state.version().has_outside_rails() {
        return restored;
    }
    let bytes = bincode::serde::encode_to_vec(state.outside(), config).expect("rows are encoded");
    let restored =
        restored.with_outside(bincode::serde::decode_from_slice(&bytes, config).expect("they are decoded").0);
    if !state.version().has_doors() {
        return restored;
    }
    let bytes = bincode::serde::encode_to_vec(state.doors(), config).expect("rows are encoded");
    restored.with_doors(bincode::serde::decode_from_slice(&bytes, config).expect("they are decoded").0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_change_at_one_entry(moves in Moves::strategy(200), raised in 0..100_usize, taken in 0..100_usize) {
        let mut federation = Federation::new();
        federation.play(&moves);
        for world in federation.worlds() {
            let mut log = world.log.clone();
            let raised = log.len() * raised / 100;
            // In the middle of an entry's commands, or alone.
            let commands = &mut log[raised].1.commands;
            commands.insert(commands.len() / 2, raise(2));
            let at = log.len() * taken / 100;

            let mut straight = State::new(world.state.province());
            let mut old = straight.clone();
            let mut copy = None;
            for (place, (index, batch)) in log.iter().enumerate() {
                if place == at {
                    copy = Some(restored(&straight));
                }
                let applied = straight.apply(*index, batch);
                if let Some(copy) = &mut copy {
                    prop_assert_eq!(&copy.apply(*index, batch), &applied);
                    prop_assert_eq!(copy.digest(), straight.digest());
                }
                prop_assert_eq!(straight.version(), StateVersion(if place < raised { 1 } else { 2 }));
                // A replica that never heard of it is found out at that entry, not later.
                old.apply(*index, &world.log[place].1);
                prop_assert_eq!(old.digest() == straight.digest(), place < raised);
            }
            let copy = copy.expect("it was taken");
            prop_assert_eq!(copy.content_digest(), straight.content_digest());
            prop_assert_eq!(straight.check_all(), Ok(()));
        }
    }

    #[test]
    fn provinces_of_two_versions_trade(moves in Moves::strategy(300)) {
        let mut federation = Federation::new();
        let first = federation.worlds_mut().next().expect("there are three");
        first.batch(vec![raise(2)]);
        federation.play(&moves);
        federation.settle();
        federation.check_at_rest();
    }
}

#[test]
fn a_version_is_raised_and_never_lowered_and_shows_in_every_digest() {
    let mut world = World::new(44);
    world.open(msisdn(44, 0), None);
    assert_eq!(world.state.version(), StateVersion::FIRST);
    let (running, content) = (world.state.digest(), world.state.content_digest());
    assert_ne!(world.state.clone().under(StateVersion(2)).content_digest(), content);
    let mut raised = world.clone();
    world.batch(vec![raise(1)]);
    raised.batch(vec![raise(2)]);
    assert_eq!(world.state.version(), StateVersion::FIRST, "the same changes nothing");
    assert_ne!(world.state.digest(), raised.state.digest());
    assert_ne!(world.state.digest(), running);
    assert_eq!(raised.batch(vec![raise(1), raise(0)]).replies[1].outcome, Outcome::Done);
    assert_eq!(raised.state.version(), StateVersion(2));
    assert_eq!(restored(&raised.state).content_digest(), raised.state.content_digest());
}

#[test]
fn rows_do_not_say_by_which_rules_they_were_made() {
    // What a program from before there were versions wrote must stay what it is.
    let mut world = World::new(44);
    world.open(msisdn(44, 0), None);
    let encode = |state: &State| bincode::serde::encode_to_vec(state, bincode::config::standard()).expect("encoded");
    assert_eq!(encode(&world.state), encode(&world.state.clone().under(StateVersion(2))));
}

#[test]
fn what_came_with_version_3_is_written_apart() {
    let means = || {
        Means::Card(Box::new(Card {
            bank: "01020000".into(),
            token: "6200000000000000001".into(),
            last_four: "1234".into(),
            pre_freeze: true,
        }))
    };
    let Verb::OpenAccount { msisdn, tier, language, verifier, verdict, per_payment_limit, daily_limit, .. } =
        opening(msisdn(44, 0), None)
    else {
        panic!("an opening")
    };
    let open =
        Verb::OpenOutside { msisdn, tier, language, verifier, verdict, per_payment_limit, daily_limit, means: means() };
    let mut world = World::new(44);
    let ask = |world: &mut World| world.batch(vec![Command::internal(open.clone())]).replies.remove(0).outcome;
    assert_eq!(ask(&mut world), Outcome::Refused(Refusal::NotYet), "an older program could not read it");
    world.batch(vec![raise(3)]);
    let Outcome::Account(view) = ask(&mut world) else { panic!("it opens") };
    let config = bincode::config::standard();
    let bytes = bincode::serde::encode_to_vec(&world.state, config).expect("encoded");
    let (rows, _): (State, usize) = bincode::serde::decode_from_slice(&bytes, config).expect("decoded");
    assert!(rows.link(view.account.id).is_none(), "the rows of older versions do not have it");
    let restored = restored(&world.state);
    assert_eq!(restored.link(view.account.id).map(|link| link.means.clone()), Some(means()));
    assert_eq!(restored.content_digest(), world.state.content_digest());
    assert_ne!(rows.under(StateVersion(3)).content_digest(), world.state.content_digest(), "it is part of the digest");
}

#[test]
fn an_entry_says_what_it_raises_to() {
    let batch = |commands| Batch { at: START, commands };
    assert_eq!(batch(vec![Command::internal(Verb::Tick)]).raises_to(), None);
    assert_eq!(batch(vec![raise(2), Command::internal(Verb::Tick), raise(7)]).raises_to(), Some(StateVersion(7)));
}

#[test]
#[should_panic(expected = "log entry 1 asks for state version 5")]
fn a_version_of_the_future_is_not_applied() {
    World::new(44).batch(vec![Command::internal(Verb::Tick), raise(StateVersion::NEWEST.0 + 1)]);
}

/// What another province forwards, and time.
#[derive(Debug, Clone)]
enum Late {
    Credit { id: u16, age_days: u64 },
    Reverse { id: u16, age_days: u64 },
    Pay { id: u16, age_days: u64 },
    Days(u64),
    Raise,
}

fn late() -> impl Strategy<Value = Late> {
    let id = 1..4_u16;
    let age = 0..150_u64;
    prop_oneof![
        4 => (id.clone(), age.clone()).prop_map(|(id, age_days)| Late::Credit { id, age_days }),
        3 => (id.clone(), age.clone()).prop_map(|(id, age_days)| Late::Reverse { id, age_days }),
        3 => (id, age).prop_map(|(id, age_days)| Late::Pay { id, age_days }),
        4 => (1..50_u64).prop_map(Late::Days),
        1 => Just(Late::Raise),
    ]
}

/// A home province, and what it has said of each id.
struct Home {
    world: World,
    account: mpss_domain::AccountId,
    issued: BTreeMap<(bool, u16), LogTime>,
    credits: BTreeMap<u16, Result<(), Refusal>>,
    paid: BTreeMap<u16, bool>,
    forbidden: BTreeMap<u16, bool>,
}

impl Home {
    fn new() -> Self {
        let mut world = World::new(44);
        world.at = START.plus_ms(200 * DAY_MS);
        let account = world.open(msisdn(44, 0), None);
        world.top_up(account, 1_000);
        let (issued, credits, paid, forbidden) = Default::default();
        Self { world, account, issued, credits, paid, forbidden }
    }

    /// When the id of this kind and number was issued elsewhere, decided at its first mention.
    fn issued(&mut self, payment: bool, id: u16, age_days: u64) -> LogTime {
        let at = LogTime(self.world.at.0 - age_days * DAY_MS);
        *self.issued.entry((payment, id)).or_insert(at)
    }

    fn step(&mut self, step: &Late) {
        let elsewhere = province(51);
        match *step {
            Late::Days(days) => {
                self.world.at = self.world.at.plus_ms(days * DAY_MS);
                for _ in 0..3 {
                    self.world.at = self.world.at.plus_ms(60_001);
                    self.world.ask(Verb::Tick);
                }
            }
            Late::Raise => {
                self.world.batch(vec![raise(2)]);
            }
            Late::Credit { id, age_days } => {
                let transfer = TransferId::issue(self.issued(false, id, age_days), elsewhere, id);
                let (payer, payee) = (msisdn(51, 0), msisdn(44, 0));
                let amount = Money::yuan(i64::from(id));
                let answer = self.world.ask(Verb::CreditTransfer { transfer, payer, payee, amount, epoch: 0 });
                let decided = match answer {
                    // The one answer on which the payer's province goes on asking.
                    Outcome::Refused(Refusal::RequestTooOld) => return,
                    Outcome::Refused(refusal) => Err(refusal),
                    Outcome::Credited(_) => Ok(()),
                    other => panic!("{other:?}"),
                };
                let first = *self.credits.entry(id).or_insert(decided);
                assert_eq!(decided, first, "the payer's province may have gone by the first");
            }
            Late::Reverse { id, age_days } => {
                let at = self.issued(true, id, age_days);
                let payment = PaymentId::issue(at, elsewhere, id);
                let order = OrderId::issue(at, elsewhere, id);
                let reversal = ReversalId::issue(at, elsewhere, id);
                match self.world.ask(Verb::ReversePayment { payment, reversal, order }) {
                    Outcome::Reversed => {
                        self.paid.insert(id, false);
                        self.forbidden.insert(id, true);
                    }
                    other => assert_eq!(other, Outcome::Refused(Refusal::RequestTooOld)),
                }
            }
            Late::Pay { id, age_days } => {
                let at = self.issued(true, id, age_days);
                let request = PayRequest {
                    payment: PaymentId::issue(at, elsewhere, id),
                    order: OrderId::issue(at, elsewhere, id),
                    serving: elsewhere,
                    msisdn: msisdn(44, 0),
                    epoch: 0,
                    scope: Scope::Roaming,
                    location: elsewhere,
                    account: STORED_VALUE,
                    amount: Money::yuan(i64::from(id)),
                    title: "goods".into(),
                    verdict: RIGHT,
                };
                if let Outcome::Paid(_) = self.world.ask(Verb::Pay(Box::new(request))) {
                    assert_ne!(self.forbidden.get(&id), Some(&true), "a payment that was reversed was made");
                    self.paid.insert(id, true);
                }
            }
        }
        let sum = |ids: &mut dyn Iterator<Item = u16>| ids.map(i64::from).sum::<i64>();
        let credited = sum(&mut self.credits.iter().filter(|(_, result)| result.is_ok()).map(|(id, _)| *id));
        let paid = sum(&mut self.paid.iter().filter(|(_, paid)| **paid).map(|(id, _)| *id));
        let account = self.world.state.account(self.account).expect("opened");
        assert_eq!(account.available, Money::yuan(1_000 + credited - paid));
        assert_eq!(self.world.state.check_all(), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn what_comes_late_is_decided_once(steps in prop::collection::vec(late(), 1..80)) {
        let mut home = Home::new();
        for step in &steps {
            home.step(step);
        }
    }
}
