//! The UPP and a home province hold each other's books against each other: requests that come twice, late, out
//! of order or not at all, rails that answer late or never, notices that come twice, and a crash after every
//! command.
//!
//! The UPP asks under its own numbers until it has an answer. After each command the state is written down and
//! read back. At the end nothing is open, and what the UPP believes of each order is what the payer has paid.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mpss_domain::account::Tier;
use mpss_domain::outside::{Billing, Card, Means};
use mpss_domain::rail::{Answer, Call, CallAnswer, CallStep, Phase};
use mpss_domain::upp::{PayUpp, UppEnd, UppNumber};
use mpss_domain::{
    AccountKind, CallId, Effect, EffectId, LogTime, Money, Outcome, PaymentStatus, Refusal, StateVersion, Verb,
};

use crate::card_rush::Draw;
use crate::mortal::Mortal;
use crate::world::{RIGHT, World, msisdn};

const KINDS: [AccountKind; 3] = [AccountKind::StoredValue, AccountKind::Communication, AccountKind::Bank];

/// Whoever has the money of accounts outside: works each call once by its id, however often and late it comes.
#[derive(Default)]
struct Peer {
    answers: BTreeMap<CallId, Answer>,
    /// What was undone: it can not come any more.
    forbidden: BTreeSet<CallId>,
    /// What each call has taken and given, in fen.
    moved: BTreeMap<CallId, i64>,
}

impl Peer {
    fn work(&mut self, call: &Call, declines: bool) -> Answer {
        if let Some(known) = self.answers.get(&call.id) {
            return known.clone();
        }
        let fen = call.amount.as_fen();
        let of = call.original.as_ref().map(|original| original.call);
        let answer = if call.step.is_asked() && (declines || self.forbidden.contains(&call.id)) {
            Answer::Declined(Refusal::DeclinedOutside)
        } else {
            let moved = match call.step {
                CallStep::Take | CallStep::Capture => fen,
                CallStep::Void | CallStep::Refund | CallStep::Credit => -fen,
                CallStep::Hold | CallStep::Release => 0,
                CallStep::Undo => {
                    let of = of.expect("it is about a call");
                    self.forbidden.insert(of);
                    -self.moved.get(&of).copied().unwrap_or_default()
                }
            };
            self.moved.insert(call.id, moved);
            Answer::Approved { reference: "X".into() }
        };
        self.answers.insert(call.id, answer.clone());
        answer
    }
}

/// One order at the UPP, and what the UPP knows of it.
struct UppSide {
    ask: PayUpp,
    reversal: Option<UppNumber>,
    /// Each refund the UPP has decided on, and whether it was acknowledged.
    refunds: Vec<(UppNumber, Money, bool)>,
    /// It was told that nobody knows yet.
    pending: bool,
    /// What the last answer, or a notice, said of the payment: paid or not.
    paid: Option<bool>,
    reversed: bool,
    notices: Vec<UppEnd>,
}

struct Race {
    replica: Mortal,
    draw: Draw,
    peer: Peer,
    orders: Vec<UppSide>,
    /// Requests that have no answer yet, in whatever order they arrive.
    wants: Vec<(usize, Verb)>,
    late: VecDeque<CallAnswer>,
    put_in: i64,
    counts: BTreeMap<&'static str, u32>,
}

fn number(text: &str) -> UppNumber {
    text.parse().expect("a number")
}

impl Race {
    fn new(seed: u64, orders: usize) -> Self {
        let mut world = World::new(44);
        world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        let mut put_in = 0;
        for n in 0..4 {
            let whom = msisdn(44, n);
            let account = world.open(whom, None);
            let yuan = if n == 3 { 10 } else { 900 };
            world.top_up(account, yuan);
            put_in += yuan * 100;
            let card = Card {
                bank: "01020000".into(),
                token: "6200000000000000001".into(),
                last_four: "1234".into(),
                pre_freeze: n % 2 == 0,
            };
            for means in [Means::PhoneBill(Billing::Postpaid), Means::Card(Box::new(card))] {
                world.open_outside(whom, Tier::Basic, means);
            }
        }
        let mut race = Self {
            replica: Mortal::of(world),
            draw: Draw(seed),
            peer: Peer::default(),
            orders: Vec::new(),
            wants: Vec::new(),
            late: VecDeque::new(),
            put_in,
            counts: BTreeMap::new(),
        };
        for order in 0..orders {
            race.order(order);
        }
        race
    }

    /// The UPP takes an order, and will ask for what it comes to in any order, some of it twice.
    fn order(&mut self, at: usize) {
        let who = u64::try_from(self.draw.below(4)).expect("small");
        let ask = PayUpp {
            number: number(&format!("N{at}")),
            msisdn: msisdn(44, who),
            kind: KINDS[self.draw.below(3)],
            amount: Money::fen(100 + i64::try_from(self.draw.below(500)).expect("small")),
            title: "national goods".into(),
            verdict: RIGHT,
        };
        let (order, whom) = (ask.number, ask.msisdn);
        let mut wants = vec![Verb::PayUpp(Box::new(ask.clone()))];
        let reversal = self.draw.percent(35).then(|| number(&format!("V{at}")));
        if let Some(reversal) = reversal {
            wants.push(Verb::ReverseUpp { number: order, msisdn: whom, reversal, note: String::new() });
        }
        let mut refunds = Vec::new();
        for part in 0..self.draw.below(3) {
            let refund = number(&format!("R{at}-{part}"));
            let amount = Money::fen(1 + i64::try_from(self.draw.below(300)).expect("small"));
            wants.push(Verb::RefundUpp { number: order, msisdn: whom, refund, amount });
            refunds.push((refund, amount, false));
        }
        if self.draw.percent(60) {
            wants.push(Verb::ConfirmUpp { number: order, msisdn: whom });
        }
        for verb in wants {
            for _ in 0..1 + self.draw.below(2) {
                self.wants.push((at, verb.clone()));
            }
        }
        let (pending, paid, reversed, notices) = (false, None, false, Vec::new());
        self.orders.push(UppSide { ask, reversal, refunds, pending, paid, reversed, notices });
    }

    fn ask_something(&mut self) {
        let place = self.draw.below(self.wants.len());
        if self.draw.percent(10) {
            return;
        }
        let (at, verb) = self.wants[place].clone();
        let outcome = self.replica.ask(verb.clone());
        if self.draw.percent(10) {
            // It stands, and the UPP has not heard: it asks again.
            return;
        }
        let side = &mut self.orders[at];
        let what = match (&verb, &outcome) {
            // Asked again later: it may have ended by then.
            (Verb::RefundUpp { .. } | Verb::ConfirmUpp { .. }, Outcome::Refused(Refusal::WrongOrderStatus)) => return,
            (Verb::PayUpp(_), Outcome::Upp(view)) => {
                assert!(!side.reversed, "{} was reversed, and is answered for as {:?}", view.number, view.status);
                if view.status == PaymentStatus::Pending {
                    side.pending = true;
                } else {
                    side.paid = Some(true);
                }
                view.status.name()
            }
            (Verb::PayUpp(_), Outcome::Refused(refusal)) => {
                side.paid = Some(false);
                refusal.code()
            }
            (Verb::ReverseUpp { .. }, Outcome::Upp(_)) => {
                (side.reversed, side.paid) = (true, Some(false));
                "reversal"
            }
            (Verb::RefundUpp { refund, .. }, Outcome::Upp(_)) => {
                side.refunds.iter_mut().filter(|(known, ..)| known == refund).for_each(|(.., done)| *done = true);
                "refund"
            }
            (Verb::ConfirmUpp { .. }, Outcome::Upp(_)) => "confirmation",
            (_, Outcome::Refused(refusal)) => refusal.code(),
            other => panic!("{other:?}"),
        };
        *self.counts.entry(what).or_default() += 1;
        self.wants.swap_remove(place);
    }

    fn drive(&mut self, id: CallId) {
        self.replica.ask(Verb::BeginCalls { calls: vec![id] });
        let call = self.replica.state.call(id).expect("it is kept").clone();
        let declines = self.draw.percent(15);
        let answer = match (call.phase, self.draw.below(100)) {
            (Phase::Sent | Phase::Asking, 0..30) => Answer::NoAnswer,
            (Phase::Sent, 30..45) => {
                let answer = self.peer.work(&call, declines);
                self.late.push_back(CallAnswer { call: id, answer });
                Answer::NoAnswer
            }
            (Phase::Sent, _) => self.peer.work(&call, declines),
            (Phase::Asking, _) => self.peer.answers.get(&id).cloned().unwrap_or(Answer::NeverSeen),
            _ => return,
        };
        if !self.draw.percent(10) {
            self.replica.ask(Verb::RecordCalls { answers: vec![CallAnswer { call: id, answer }] });
        }
    }

    /// Tells the UPP what the outbox says; whether it heard is not always known.
    fn tell(&mut self) {
        let notices = self.replica.state.effects_from(EffectId(0)).filter_map(|row| match row.effect {
            Effect::TellUpp { payment, number, end } => Some((row.id, payment, number, end)),
            _ => None,
        });
        let notices: Vec<_> = notices.collect();
        let Some((id, payment, number, end)) = notices.get(self.draw.below(notices.len().max(1))).copied() else {
            return;
        };
        let side = self.orders.iter_mut().find(|side| side.ask.number == number).expect("an order of the UPP");
        assert_eq!(self.replica.state.upp_order(number).map(|row| row.payment), Some(payment));
        side.notices.push(end);
        if side.paid.is_none() {
            side.paid = Some(end == UppEnd::Paid);
        }
        if self.draw.percent(70) {
            self.replica.ask(Verb::AcknowledgeEffects { effects: vec![id] });
        }
    }

    fn run(&mut self) {
        loop {
            let open: Vec<_> = self.replica.state.calls().filter(|call| call.next_at > LogTime(0)).collect();
            let due: Vec<_> = open.iter().filter(|call| call.next_at <= self.replica.at).map(|call| call.id).collect();
            let next = open.iter().map(|call| call.next_at).min();
            let telling =
                self.replica.state.effects_from(EffectId(0)).any(|row| matches!(row.effect, Effect::TellUpp { .. }));
            match self.draw.below(10) {
                0..4 if !self.wants.is_empty() => self.ask_something(),
                4..7 if !due.is_empty() => {
                    let call = due[self.draw.below(due.len())];
                    self.drive(call);
                }
                7 if !self.late.is_empty() => {
                    let answer = self.late.pop_front().expect("there is one");
                    if self.draw.percent(30) {
                        self.late.push_back(answer.clone());
                    }
                    self.replica.ask(Verb::RecordCalls { answers: vec![answer] });
                }
                8 if telling => self.tell(),
                _ if due.is_empty() && self.wants.is_empty() && self.late.is_empty() && !telling => match next {
                    Some(next) => self.replica.at = self.replica.at.max(next),
                    None => return,
                },
                _ => self.replica.at = self.replica.at.plus_ms(500),
            }
        }
    }

    /// Order by order: what the UPP believes, and what was paid.
    fn hold_against_each_other(&self) -> String {
        let state = &self.replica.state;
        let (mut owed, mut of_wallets) = (0, 0);
        let mut ends = BTreeMap::<&str, u32>::new();
        for side in &self.orders {
            let number = side.ask.number;
            let view = state.upp_view(number).expect("every order came at last");
            *ends.entry(view.status.name()).or_default() += 1;
            let stands = matches!(
                view.status,
                PaymentStatus::Captured
                    | PaymentStatus::Reserved
                    | PaymentStatus::PartlyRefunded
                    | PaymentStatus::Refunded
            );
            assert_eq!(side.paid, Some(stands), "the UPP believes that of {view:?}");
            if let Some(reversal) = side.reversal.filter(|_| side.reversed) {
                assert_eq!((view.reversal, stands), (Some(reversal), false), "{view:?}");
            }
            let acknowledged: Money =
                side.refunds.iter().filter(|(.., done)| *done).map(|(_, amount, _)| *amount).sum();
            assert_eq!(view.refunded, acknowledged, "{view:?}");
            assert!(acknowledged <= side.ask.amount, "{view:?}");
            if stands {
                assert_eq!(view.amount, side.ask.amount);
                let left = (view.amount - acknowledged).as_fen();
                owed += i128::from(left);
                of_wallets += if side.ask.kind == AccountKind::StoredValue { left } else { 0 };
            }
            assert!(side.notices.windows(2).all(|pair| pair[0] == pair[1]), "{number}: {:?}", side.notices);
            assert!(
                !side.pending || !side.notices.is_empty() || side.reversed,
                "{number} was pending, and the UPP was never told its end"
            );
        }
        let books = state.trial_balance();
        let balance =
            |name: &str| books.lines.iter().find(|line| line.name == name).map_or(0, |line| line.debit - line.credit);
        assert_eq!(-balance("due_to:upp"), owed, "what the UPP is owed");
        let wallets: Money = state.accounts().map(|account| account.available + account.held).sum();
        assert_eq!(wallets.as_fen(), self.put_in - of_wallets, "what is left in the wallets");
        let clearing: i128 =
            books.lines.iter().filter(|line| line.name.starts_with("rail_")).map(|line| line.debit - line.credit).sum();
        // What is held and never confirmed is set aside there, and not taken yet.
        let held: i64 = state
            .upp_orders()
            .filter_map(|row| state.payment(row.payment))
            .filter(|payment| payment.status == PaymentStatus::Reserved)
            .map(|payment| payment.amount.as_fen())
            .sum();
        let taken: i64 = self.peer.moved.values().sum();
        assert_eq!(i128::from(taken + held), clearing, "what was taken outside");
        assert_eq!(i128::from(taken + held + of_wallets), owed);
        format!("{ends:?}, {owed} fen, {:?}", self.counts)
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what was counted")]
fn what_the_upp_believes_is_what_was_paid() {
    for seed in 1..=8 {
        let mut race = Race::new(seed, 60);
        race.run();
        let told = race.hold_against_each_other();
        println!("seed {seed}: {} entries, {told}", race.replica.state.index());
        for what in ["pending", "captured", "reversal", "refund", "confirmation", "already_reversed"] {
            assert!(race.counts.contains_key(what), "nothing was {what}: {told}");
        }
    }
}

#[cfg(feature = "mutants")]
pub(crate) fn play_with(mutant: mpss_domain::mutant::Mutant) {
    for seed in 1..=6 {
        let mut race = Race::new(seed, 60);
        race.replica.plant(mutant);
        race.run();
        race.hold_against_each_other();
    }
}
