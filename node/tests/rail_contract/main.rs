//! The rail contract: one suite over all five rails, with the real state machine, the real gateways and
//! the simulated peers; time is moved by hand. And the proof that the suite sees a gateway that is
//! broken.
//!
//! ```text
//!  case ─▶ Bench: State ─calls─▶ gateway ─▶ peer        what the subscriber's money did at the peer
//!            ▲ verbs               │ answers            must be what the payments and the books say
//!            └─────────────────────┘
//! ```

mod bench;
mod broken;
mod cases;

use bench::{Bench, Rail};
use broken::Break;

fn failures(rail: Rail, how: Option<Break>) -> Vec<String> {
    let mut failed = Vec::new();
    for (name, case) in cases::ALL {
        let mut bench = Bench::new(rail, how);
        if let Err(complaint) = case(&mut bench).and_then(|()| bench.is_consistent()) {
            failed.push(format!("{name}: {complaint}"));
        }
    }
    failed
}

#[test]
fn the_suite_has_at_least_forty_cases_of_different_names() {
    let mut names: Vec<_> = cases::ALL.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() >= 40 && names.len() == cases::ALL.len(), "{} cases", names.len());
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is what a reader wants to see")]
fn every_rail_keeps_the_contract() {
    for rail in Rail::ALL {
        let failed = failures(rail, None);
        println!("{rail:?}: {} of {} cases hold", cases::ALL.len() - failed.len(), cases::ALL.len());
        assert!(failed.is_empty(), "{rail:?}:\n  {}", failed.join("\n  "));
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is what a reader wants to see")]
fn a_gateway_that_is_broken_is_found_out() {
    for rail in Rail::OUTSIDE {
        for how in Break::ALL {
            let failed = failures(rail, Some(how));
            println!("{rail:?}, {how:?}: {} cases fail, such as {}", failed.len(), failed.first().map_or("", |f| f));
            assert!(!failed.is_empty(), "{rail:?} with {how:?} passes for whole");
        }
    }
}
