//! Whatever a centre says of texts, in whatever order, how often and about whatever: rows, outbox and totals agree, an
//! end that the centre has named stays, and a snapshot gives the same back (source §5.4).

use std::collections::BTreeMap;

use mpss_domain::texts::{Fate, PartNews, Receipt, ReceiptFate, TextNews, reference_of};
use mpss_domain::{Command, EffectId, Msisdn, Outcome, StateVersion, Verb};
use proptest::prelude::*;

use crate::versions::restored;
use crate::world::{World, msisdn};

const NUMBERS: u64 = 3;

/// What happens next.
#[derive(Debug, Clone)]
enum Move {
    /// One more text to a number.
    Text(u64),
    /// News of a part of one of the last texts.
    News(u64, u8, PartNews),
    /// A receipt of a message that may or may not be there; with the right reference, a wrong one, or none.
    Receipt(u64, u8, Option<bool>, ReceiptFate),
    /// Everything waiting is taken by a centre without receipts.
    Acknowledge,
    /// Time passes.
    Later(u64),
}

fn news() -> impl Strategy<Value = PartNews> {
    prop_oneof![
        6 => (1_u8..4).prop_map(|parts| PartNews::Asks { parts }),
        4 => (0_u8..40).prop_map(|id| PartNews::Taken { message: format!("m{id}") }),
        2 => Just(PartNews::NotTaken),
        1 => Just(PartNews::Refused { why: "0x45".into() }),
        1 => Just(PartNews::Unknown),
    ]
}

fn fate() -> impl Strategy<Value = ReceiptFate> {
    prop_oneof![
        4 => Just(ReceiptFate::Delivered),
        1 => Just(ReceiptFate::There),
        1 => Just(ReceiptFate::Failed { why: "UNDELIV".into() }),
        1 => Just(ReceiptFate::Deleted),
        1 => Just(ReceiptFate::Unknown),
    ]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => (0..NUMBERS).prop_map(Move::Text),
        12 => (0_u64..6, 0_u8..4, news()).prop_map(|(back, part, news)| Move::News(back, part, news)),
        6 => (0..NUMBERS, 0_u8..40, any::<Option<bool>>(), fate())
            .prop_map(|(to, id, reference, fate)| Move::Receipt(to, id, reference, fate)),
        1 => Just(Move::Acknowledge),
        1 => (0_u64..100).prop_map(Move::Later),
    ];
    proptest::collection::vec(one, 1..80)
}

fn number(n: u64) -> Msisdn {
    msisdn(44, n)
}

/// The newest effect but `back`.
fn text(world: &World, back: u64) -> EffectId {
    let last = world.state.effects_from(EffectId(0)).last().map_or(1, |row| row.id.0);
    EffectId(last.saturating_sub(back))
}

fn play(world: &mut World, step: &Move) {
    let verb = match step {
        Move::Text(to) => {
            let account =
                world.state.accounts().find(|account| account.msisdn == number(*to)).map(|account| account.id);
            let account = account.expect("opened");
            let change = Verb::ChangeAccount {
                account,
                verdict: crate::world::RIGHT,
                verifier: None,
                per_payment_limit: Some(mpss_domain::Money::yuan(5)),
                daily_limit: None,
            };
            assert!(matches!(world.ask(change), Outcome::Account(_)));
            return;
        }
        Move::News(back, part, news) => {
            let news = TextNews { text: text(world, *back), part: *part, news: news.clone() };
            Verb::RecordTexts { news: vec![news], receipts: Vec::new() }
        }
        Move::Receipt(to, id, right, fate) => {
            let to = number(*to);
            let asked = world.state.asked_part(to);
            let reference = right.map(|right| match asked {
                Some((text, part)) if right => {
                    let tries = world.state.text(text).map_or(0, |text| text.tries);
                    reference_of(text, part, tries)
                }
                _ => 0x1234,
            });
            let receipt = Receipt { to, message: format!("m{id}"), reference, fate: fate.clone() };
            Verb::RecordTexts { news: Vec::new(), receipts: vec![receipt] }
        }
        Move::Acknowledge => {
            let effects = world.state.effects_from(EffectId(0)).map(|row| row.id).collect();
            Verb::AcknowledgeEffects { effects }
        }
        Move::Later(hours) => {
            world.at = world.at.plus_ms(hours * 3_600_000);
            Verb::Tick
        }
    };
    world.ask(verb);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn rows_outbox_and_totals_agree(moves in moves()) {
        let mut world = World::new(44);
        world.batch(vec![Command::internal(Verb::RaiseVersion { to: StateVersion::DOORS })]);
        for n in 0..NUMBERS {
            world.open(number(n), None);
        }
        let mut delivered: BTreeMap<EffectId, Fate> = BTreeMap::new();
        for step in &moves {
            play(&mut world, step);
            prop_assert_eq!(world.state.check_all(), Ok(()));
            let texts: Vec<_> = (0..NUMBERS).flat_map(|n| world.state.texts_of(number(n))).cloned().collect();
            for text in texts {
                // What the handset has, it has; what failed has failed.
                if let Some(before) = delivered.get(&text.id) {
                    prop_assert_eq!(*before, text.fate);
                }
                if matches!(text.fate, Fate::Delivered | Fate::Superseded) {
                    delivered.insert(text.id, text.fate);
                }
            }
        }
        let copy = restored(&world.state);
        prop_assert_eq!(copy.content_digest(), world.state.content_digest());
    }
}
