//! A short chaos run over every fault there is: kills, stops, a bad network, full disks, failing syncs.
//!
//! Needs root and `strace`; without them it fails and says so, because a run without a fault would look
//! like one that survived it. `MPSS_CHAOS_SEED` repeats the choices.

#![allow(clippy::expect_used, reason = "a test")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use mpss_simulations::chaos::fault::Fault;
use mpss_simulations::chaos::{ChaosPlan, run};
use mpss_tests::binary;
use mpss_tests::seeded::Seeded;

fn plan(mpss: &Path, seed: u64, seconds: u64, faults: &[Fault]) -> ChaosPlan {
    ChaosPlan {
        mpss: mpss.to_owned(),
        seed,
        seconds,
        provinces: vec!["11".into(), "44".into()],
        replicas: 3,
        faults: faults.to_vec(),
        data_dir: None,
        command: format!("mpss-sim chaos --seed={seed}"),
    }
}

/// The two runs take turns: the machine may be small.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn nothing_acknowledged_is_lost_in_any_weather() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let seed = Seeded::from_environment("MPSS_CHAOS_SEED").bits() % 1_000_000;
    let report = run(&plan(binary::mpss(), seed, 40, &Fault::ALL)).unwrap_or_else(|why| panic!("{why}"));
    let told = report.told();
    eprintln!("{told}");
    assert_eq!(report.exit_code(), 0, "{told}");
    assert!(report.blows.values().all(|struck| struck.hit > 0), "{told}");
    assert!(report.met.no_room > 0 && report.met.io_errors > 0 && report.met.refused + report.met.broken > 0, "{told}");
    assert!(report.checked.orders > 100, "too little was bought to say anything: {told}");
    assert_eq!(report.checked.replicas, report.nodes, "{told}");
}

/// A product that loses its disk whenever it is started again: the run must find it, whether it is the
/// group that does not take such a replica back or the acknowledged orders that are gone.
#[test]
fn a_product_that_forgets_is_found() {
    const FORGETFUL: &str = r#"#!/bin/sh
if [ "$1" = serve ]; then
    data=$(sed -n 's/^data_dir = "\(.*\)"$/\1/p' "$3")
    [ -n "$data" ] && rm -rf -- "$data"
fi
exec MPSS "$@"
"#;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("mpss");
    let mpss = binary::mpss().to_str().expect("a plain path");
    std::fs::write(&program, FORGETFUL.replace("MPSS", mpss)).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("made executable");
    let report = run(&plan(&program, 1, 10, &[Fault::Kill])).unwrap_or_else(|why| panic!("{why}"));
    let told = report.told();
    eprintln!("{told}");
    assert_eq!(report.exit_code(), 1, "{told}");
    assert!(told.contains("again         mpss-sim chaos --seed=1"), "{told}");
}
