//! The command as a tester runs it: seeds pass, a seed is the same run every time, reports are written,
//! mistakes are named.

#![allow(clippy::expect_used, reason = "a test")]

use std::process::{Command, Output};

fn simulate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mpss-sim")).args(arguments).output().expect("the command starts")
}

fn passes(arguments: &[&str]) -> String {
    let output = simulate(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}\n{text}\n{errors}");
    text
}

/// How often something happened, by the words of a report: `crashes 3`.
fn count(report: &str, of: &str) -> u64 {
    let found = report.split([',', '\n']).map(str::trim).find_map(|part| {
        let (name, times) = part.rsplit_once(' ')?;
        (name.trim() == of || name.ends_with(&format!("  {of}"))).then(|| times.parse().ok())?
    });
    found.unwrap_or(0)
}

#[test]
fn a_calm_country_loses_nothing_and_forgets_nothing() {
    let report = passes(&["run", "calm", "--seed", "1", "--seconds", "20"]);
    assert_eq!(count(&report, "crashes"), 0, "{report}");
    assert!(count(&report, "local") > 50 && count(&report, "roaming") > 5, "{report}");
    assert_eq!(count(&report, "outcomes nobody was told"), 0, "{report}");
    assert_eq!(count(&report, "texts that came again"), 0, "{report}");
}

#[test]
fn one_seed_is_one_run() {
    let report = passes(&["twice", "--seeds", "1..3", "--seconds", "20"]);
    assert!(report.contains("3 seeds twice: 3 equal traces"), "{report}");
    let other = |seed| passes(&["run", "--seed", seed, "--seconds", "5"]);
    let trace = |report: String| report.lines().find(|line| line.starts_with("trace")).map(str::to_owned);
    assert_ne!(trace(other("4")), trace(other("5")), "another seed is another run");
}

#[test]
fn what_the_program_says_in_its_own_log_changes_nothing() {
    let run = |more: &[&str]| {
        let report = passes(&[&["run", "--seed", "6", "--seconds", "10"], more].concat());
        report.lines().find(|line| line.starts_with("trace")).map(str::to_owned)
    };
    assert_eq!(run(&[]), run(&["--log", "info"]));
}

#[test]
fn a_country_in_bad_weather_keeps_every_promise() {
    // A few seeds that everybody has seen. Fresh ones are the gate's.
    let report = passes(&["sweep", "--seeds", "1..6", "--seconds", "30", "--require", "nothing"]);
    assert!(report.contains("6 seeds, 0 violations"), "{report}");
    assert!(count(&report, "crashes") > 10, "{report}");
}

#[test]
fn cards_and_tickets_keep_every_promise_and_all_of_it_happens() {
    let report = passes(&["sweep", "goods", "--seeds", "1..5", "--seconds", "30", "--require", "nothing"]);
    assert!(report.contains("5 seeds, 0 violations"), "{report}");
    // What each of the properties needs to have something to look at.
    for happened in [
        "cards shown",
        "cards sold out",
        "tickets let through",
        "tickets told to be used",
        "tickets told to be no good",
        "out_of_stock",
        "card_shown",
        "not_the_buyer",
        "batch_mismatch",
        "ticket_used",
    ] {
        assert!(count(&report, happened) > 0, "{happened}: {report}");
    }
}

#[test]
fn whatever_failed_once_is_looked_for_again() {
    let report = passes(&["pinned"]);
    assert!(report.contains(" pinned runs, 0 violations"), "{report}");
}

#[test]
fn a_run_is_recorded_drawn_and_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (record, page) = (file("run.json"), file("run.html"));
    passes(&["run", "leader-deaths", "--seconds", "20", "--seed", "3", "--record", &record, "--html", &page]);
    let page = std::fs::read_to_string(page).expect("the page was written");
    assert!(page.contains("<svg") && page.contains("leader-deaths"));
    let told = passes(&["explain", &record]);
    assert!(told.contains("crash"), "{told}");
    let record: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(record).expect("the record was written")).expect("JSON");
    assert!(record["stories"].as_array().is_some_and(|stories| !stories.is_empty()));
    let order = record["stories"][0]["order"].as_str().expect("a story is of an order");
    let (json, html) = (file("sweep.json"), file("sweep.html"));
    passes(&[
        "sweep",
        "calm",
        "--seeds",
        "1..2",
        "--seconds",
        "5",
        "--require",
        "nothing",
        "--json",
        &json,
        "--html",
        &html,
    ]);
    assert!(std::fs::read_to_string(html).expect("the page was written").contains("calm"));
    let told = passes(&["explain", &file("run.json"), "--order", order]);
    assert!(told.contains(order), "{told}");
}

#[test]
fn a_scenario_of_its_own_is_read_from_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.toml").display().to_string();
    std::fs::write(&file, "name = \"mine\"\n[topology]\nprovinces = [\"31\"]\n[workload]\nseconds = 5\n")
        .expect("written");
    let report = passes(&["run", &file]);
    assert!(report.contains("mine, seed 1"), "{report}");
    std::fs::write(&file, "[workload]\nseconds = 5\npeple = 3\n").expect("written");
    let output = simulate(&["run", &file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("peple"));
}

#[test]
fn what_there_is_to_choose_from_is_listed() {
    assert!(passes(&["scenarios"]).contains("roaming-partition"));
    assert!(passes(&["scenarios", "roaming-partition"]).contains("province_cut"));
    assert!(passes(&["scenarios", "goods"]).contains("tickets = 420"));
    assert!(passes(&["faults"]).contains("bit_flip_snapshot"));
    let properties = passes(&["properties"]);
    for property in [
        "clearing nets to zero",
        "a card has one buyer",
        "what is sold from stock was there",
        "a ticket is checked once",
        "what was used is not given back",
        "an order of the UPP is paid once, and it knows",
        "a payment code pays once",
    ] {
        assert!(properties.contains(property), "{property}: {properties}");
    }
}

#[test]
fn a_mistake_is_named_and_is_no_pass() {
    for (arguments, named) in [
        (vec!["run", "--provinces", "11,xx"], "topology.provinces[1]"),
        (vec!["run", "--provinces", "11,11"], "topology.provinces[1]: 11 is there twice"),
        (vec!["run", "--replicas", "2"], "topology.replicas: 2"),
        (vec!["run", "no-such-scenario"], "no-such-scenario"),
        (vec!["sweep", "--seeds", "9..1"], "\"9..1\""),
        (vec!["run", "--record", "/nowhere/run.json"], "--record /nowhere/run.json"),
        (vec!["sweep", "--html", "/"], "--html /"),
        (vec!["shrink", "--seed", "1", "--to", "/"], "--to /"),
        (vec!["run", "--mutant", "ack-before-sync"], "--mutant"),
    ] {
        let output = simulate(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(named), "{told}");
    }
}
