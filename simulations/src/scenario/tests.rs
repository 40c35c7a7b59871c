//! Every scenario that comes with the program can be read and written; mistakes are named by their key.

use super::*;
use crate::world::SeededRandom;

#[test]
fn scenarios_that_come_with_the_program_are_read_and_written() {
    for (name, text) in NAMED {
        let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(scenario.name, *name);
        assert!(!scenario.about.is_empty(), "{name}");
        assert_eq!(Scenario::parse(&scenario.to_toml()).as_ref(), Ok(&scenario), "{name}");
    }
    assert!(named("no such").is_none());
}

#[test]
fn a_scenario_with_its_strikes_written_out_is_the_same_run() {
    let scenario = Scenario::default();
    let drawn = strikes(&scenario, &SeededRandom::new(5));
    assert!(drawn.len() > 50);
    let mut exact = scenario;
    exact.faults.strikes = Some(drawn.clone());
    let read = Scenario::parse(&exact.to_toml()).expect("what was written can be read");
    assert_eq!(strikes(&read, &SeededRandom::new(6)), drawn);
}

#[test]
fn every_kind_strikes_whom_it_can_and_within_its_time() {
    let scenario = Scenario::default();
    let mut kinds = BTreeSet::new();
    for seed in 0..60 {
        for strike in strikes(&scenario, &SeededRandom::new(seed)) {
            strike.target.check(strike.kind.reach(), &scenario).expect("a target of this country");
            assert!(strike.at_ms < 60_000, "{strike:?}");
            kinds.insert(strike.kind);
        }
    }
    assert_eq!(kinds.len(), FaultKind::ALL.len(), "{kinds:?}");
}

#[test]
fn one_rule_more_changes_nothing_of_the_others() {
    let random = SeededRandom::new(3);
    let without = |kind: FaultKind, strikes: Vec<Strike>| -> Vec<Strike> {
        strikes.into_iter().filter(|strike| strike.kind != kind).collect()
    };
    let mut fewer = Scenario::default();
    fewer.faults.rules = vec![Rule { every_ms: Some(1), ..Rule::usual(FaultKind::Cut, 12) }];
    let [usual, fewer] = [Scenario::default(), fewer].map(|scenario| strikes(&scenario, &random));
    let count = |strikes: &[Strike], kind| strikes.iter().filter(|strike| strike.kind == kind).count();
    assert!(count(&fewer, FaultKind::Cut) > 10 * count(&usual, FaultKind::Cut));
    let (usual, fewer) = (without(FaultKind::Cut, usual), without(FaultKind::Cut, fewer));
    assert_eq!(
        usual.iter().filter(|strike| strike.kind == FaultKind::Crash).count(),
        fewer.iter().filter(|strike| strike.kind == FaultKind::Crash).count()
    );
}

#[test]
fn mistakes_are_named_by_their_key() {
    for (text, key) in [
        ("nonsense = 1", "nonsense"),
        ("[topology]\nreplicas = 2", "topology.replicas"),
        ("[topology]\nprovinces = [\"11\", \"99\"]", "topology.provinces[1]"),
        ("[topology]\nprovinces = [\"11\", \"11\"]", "topology.provinces[1]"),
        ("[topology]\nprovinces = [\"00\"]", "topology.provinces[0]"),
        ("[topology]\nprovinces = []", "topology.provinces"),
        ("[topology]\nupp_accounts = [\"11\", \"00\"]", "topology.upp_accounts[1]"),
        ("[workload]\nseconds = 0", "workload.seconds"),
        ("[workload]\nseconds = \"long\"", "workload.seconds"),
        ("[workload]\npause_ms = [9, 3]", "workload.pause_ms"),
        ("[workload]\nhot_sp_ppm = 1000001", "workload.hot_sp_ppm"),
        ("[workload.habits]\nsinging = 3", "workload.habits"),
        ("[[faults.rule]]\nkind = \"flood\"\nevery_ms = 1", "faults.rule[0].kind"),
        ("[[faults.rule]]\nkind = \"cut\"", "faults.rule[0].every_ms"),
        ("[[faults.rule]]\nkind = \"cut\"\nat_ms = [1]\ntargets = [\"44\"]", "faults.rule[0].targets[0]"),
        ("[[faults.rule]]\nkind = \"crash\"\nat_ms = [1]\ntargets = [\"44-9\"]", "faults.rule[0].targets[0]"),
        ("[[faults.rule]]\nkind = \"crash\"\nat_ms = [1]\ntargets = [\"everyone\"]", "faults.rule[0].targets[0]"),
        ("[[faults.rule]]\nkind = \"crash\"\nevery_ms = 5\nlasts_ms = [3, 1]", "faults.rule[0].lasts_ms"),
        ("name = \"two words\"", "name"),
    ] {
        let error = Scenario::parse(text).expect_err(text);
        assert!(error.key.starts_with(key) || error.why.contains(key), "{text}: {error}");
    }
}
