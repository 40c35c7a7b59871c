//! Thousands of drawn links: what a payment is said to be is what became of it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use mpss_domain::Refusal;
use mpss_routing::PeerError;
use mpss_routing::wire::PeerResult;
use mpss_runtime::Clock;

use crate::link::{Fortune, Rule, problem};
use crate::scene::{message, ms, scene_with};
use crate::virtual_time::Seeded;

/// Whatever the link does: no payment is captured twice, what is said to be captured is, what is said
/// to be refused or not done is not and never will be, and nobody waits longer than promised.
#[test]
fn what_is_returned_is_true_whatever_the_link_does() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..3_000 {
        let draw = Seeded::new(seed);
        let fortune = |draw: &Seeded| match draw.draw() % 12 {
            0 | 1 => Fortune::Good,
            2 => Fortune::Twice,
            3 => Fortune::RequestLost,
            4 => Fortune::AnswerLost,
            5 => Fortune::AnswerAfter(ms(draw.draw() % 5_000)),
            6 => Fortune::ArrivesAfter(ms(draw.draw() % 9_000)),
            7 | 8 => Fortune::Unreachable,
            9 => problem(503, &[("retry-after", "1")]),
            10 => problem(504, &[]),
            _ => problem(429, &[]),
        };
        let fortunes = (0..draw.draw() % 6).map(|_| fortune(&draw)).collect();
        let verdict = draw.draw() % 4;
        let turn = Mutex::new(draw.draw());
        let rule: Rule = Box::new(move |_| match verdict {
            0 => PeerResult::refused(Refusal::InsufficientFunds),
            // Not home for now: the plan is just being replaced, and some of its nodes know it already.
            1 => {
                let mut turn = turn.lock().unwrap();
                *turn /= 2;
                if turn.is_multiple_of(2) { PeerResult::refused(Refusal::NotHome) } else { PeerResult::Done }
            }
            _ => PeerResult::Done,
        });
        let last = fortune(&draw);
        let scene = scene_with(fortunes, last, seed, rule);
        for serial in 0..3 {
            let id = message(serial).payment_id;
            let begun = scene.clock.monotonic();
            let result = scene.pay(serial);
            let took = scene.clock.monotonic() - begun;
            assert!(took <= ms(4_000), "seed {seed}: {took:?}");
            let captured = scene.settled_captures().get(&id).copied().unwrap_or_default();
            assert!(captured <= 1, "seed {seed}: debited twice");
            let word = match &result {
                Ok(Ok(_)) => {
                    assert_eq!(captured, 1, "seed {seed}: said to be captured");
                    "captured"
                }
                Ok(Err(_)) => {
                    assert_eq!(captured, 0, "seed {seed}: said to be refused");
                    "refused"
                }
                Err(PeerError::Unknown(_)) => "unknown",
                Err(error) => {
                    assert_eq!(captured, 0, "seed {seed}: said to be surely not done: {error}");
                    "not done"
                }
            };
            *seen.entry(word).or_default() += 1;
        }
        let world = scene.world.lock().unwrap();
        for (_, _, call, deadline) in &world.calls {
            assert!(*deadline <= ms(2_000) && call.header("mpss-deadline-ms").is_some());
        }
    }
    for word in ["captured", "refused", "unknown", "not done"] {
        assert!(seen.get(word).copied().unwrap_or_default() > 300, "the search reaches everything: {seen:?}");
    }
}
