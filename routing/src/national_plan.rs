//! The number plan the program carries: the real national table, so that a node routes correctly
//! before anybody has given it a plan of its own.

use std::sync::LazyLock;

use mpss_domain::NumberPlan;

use crate::plan_file::parse_plan;

/// The epoch of the plan the program carries; every plan put in force later has a higher one.
pub const NATIONAL_PLAN_EPOCH: u64 = 1;

/// The table as a file; `data/README.md` names its source.
pub const NATIONAL_PLAN_TEXT: &str = include_str!("../data/number-ranges.csv");

/// The national number plan: edition 2312 of the open data set `phone.dat`, 25 319 ranges.
#[must_use]
pub fn national_plan() -> NumberPlan {
    // Read once: a process that holds many nodes starts many.
    static PLAN: LazyLock<NumberPlan> = LazyLock::new(|| {
        parse_plan(NATIONAL_PLAN_TEXT, NATIONAL_PLAN_EPOCH).expect("the embedded plan is read in a test")
    });
    PLAN.clone()
}
