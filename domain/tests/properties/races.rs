//! Totals that can not be overrun by requests racing each other, in whatever order and batches the
//! log takes them (product §4: bounds are accounts, not checks).

use mpss_domain::command::Request;
use mpss_domain::{Command, Money, Outcome, Refusal, Scope, Verb};
use proptest::prelude::*;

use crate::world::{World, buying, msisdn, province};

/// Applies racing commands in the given order, cut into batches of the given sizes, every one of
/// them twice under its own request id; gives each command's outcome once.
fn race(world: &mut World, verbs: &[Verb], order: &[usize], sizes: &[usize]) -> Vec<Outcome> {
    let mut commands: Vec<_> = order
        .iter()
        .flat_map(|&at| {
            let request = Some(Request { key: at as u128 + 1_000_000, content: 7 });
            [Command { request, verb: verbs[at].clone() }, Command { request, verb: verbs[at].clone() }]
        })
        .collect();
    let mut outcomes = Vec::new();
    let mut sizes = sizes.iter().cycle();
    while !commands.is_empty() {
        let rest = commands.split_off(commands.len().min(*sizes.next().expect("it cycles")));
        let batch = std::mem::replace(&mut commands, rest);
        for reply in world.batch(batch).replies {
            if !reply.replayed {
                outcomes.push(reply.outcome);
            }
        }
    }
    assert_eq!(outcomes.len(), verbs.len(), "the second of two equal requests is a repetition");
    world.state.check_all().expect("the invariants hold");
    outcomes
}

fn orders_of(count: usize) -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    (Just((0..count).collect::<Vec<_>>()).prop_shuffle(), prop::collection::vec(1..600_usize, 1..20))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// 1 000 refunds of 0.01 to 3.00 race for an order of 500.00: together they take all of it that
    /// fits and never a fen more.
    #[test]
    fn a_thousand_refunds((order, sizes) in orders_of(1_000), amounts in prop::collection::vec(1..300_i64, 1_000)) {
        let mut world = World::new(44);
        let account = world.open(msisdn(44, 0), None);
        world.top_up(account, 1_000);
        let sp = world.admit();
        let product = world.publish(sp, Scope::Local, Money::yuan(500));
        let home = province(44);
        let Outcome::Order(id) = world.ask(buying(msisdn(44, 0), home, home, product, 1)) else { panic!("sold") };
        world.ask(Verb::RecordDeliveries { answers: vec![(id, true)] });

        let verbs: Vec<_> = amounts
            .iter()
            .map(|fen| Verb::RefundOrder { order: id, amount: Money::fen(*fen), note: String::new() })
            .collect();
        let outcomes = race(&mut world, &verbs, &order, &sizes);

        // First come, first served, as long as it fits.
        let mut left = 50_000;
        for (&at, outcome) in order.iter().zip(&outcomes) {
            if amounts[at] <= left {
                prop_assert!(matches!(outcome, Outcome::Refund(..)), "{outcome:?}");
                left -= amounts[at];
            } else {
                prop_assert_eq!(outcome, &Outcome::Refused(Refusal::RefundExceedsPaid));
            }
        }
        let row = world.state.order(id).expect("kept");
        prop_assert_eq!(row.refunded, Money::fen(50_000 - left));
        prop_assert_eq!(world.state.account(account).expect("kept").available, Money::fen(100_000 - left));
    }

    /// 1 000 purchases race for one daily limit of 300.00 and more money than that.
    #[test]
    fn a_thousand_purchases((order, sizes) in orders_of(1_000), pieces in prop::collection::vec(1..5_u32, 1_000)) {
        let mut world = World::new(44);
        let account = world.open(msisdn(44, 0), Some((300, 300)));
        world.top_up(account, 2_000);
        let sp = world.admit();
        let product = world.publish(sp, Scope::Local, Money::fen(33));
        let home = province(44);
        let verbs: Vec<_> =
            pieces.iter().map(|quantity| buying(msisdn(44, 0), home, home, product, *quantity)).collect();
        let outcomes = race(&mut world, &verbs, &order, &sizes);

        let mut left = 30_000;
        for (&at, outcome) in order.iter().zip(&outcomes) {
            let amount = 33 * i64::from(pieces[at]);
            if amount <= left {
                prop_assert!(matches!(outcome, Outcome::Order(_)), "{outcome:?}");
                left -= amount;
            } else {
                prop_assert_eq!(outcome, &Outcome::Refused(Refusal::DailyLimitExceeded));
            }
        }
        let row = world.state.account(account).expect("kept");
        prop_assert_eq!(row.used, Money::fen(30_000 - left));
        prop_assert_eq!(row.available, Money::fen(200_000 - 30_000 + left));
        prop_assert!(left < 33, "what is left could still have been spent");
    }
}
