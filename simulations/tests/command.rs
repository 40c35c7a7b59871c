//! The command as a tester runs it: seeds pass, a seed is the same run every time, mistakes are named.

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

/// How often something was done, by the words of a report.
fn count(report: &str, of: &str) -> u64 {
    let words: Vec<&str> = report.split_whitespace().collect();
    let at = words.iter().position(|word| word.trim_end_matches([',', ';']) == of).expect("the word is there");
    words[at - 1].parse().expect("a number stands before the word")
}

#[test]
fn a_calm_country_loses_nothing_and_forgets_nothing() {
    let report = passes(&["run", "--seed", "1", "--seconds", "20", "--calm"]);
    assert_eq!(count(&report, "crashes"), 0, "{report}");
    assert!(count(&report, "orders") > 100, "{report}");
    assert!(report.contains("0 outcomes unknown"), "{report}");
    assert!(report.contains(" 0 of them more than once"), "{report}");
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
fn a_country_in_bad_weather_keeps_every_promise() {
    // Seeds nobody has seen before, and a few that everybody has.
    let fresh = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    for first in [1, fresh] {
        let seeds = format!("{first}..{}", first + 5);
        eprintln!("seeds {seeds}");
        let report = passes(&["sweep", "--seeds", &seeds, "--seconds", "40"]);
        assert!(report.contains("6 seeds, 0 violations"), "{report}");
    }
}

#[test]
fn a_mistake_is_named_and_is_no_pass() {
    for (arguments, named) in [
        (["run", "--provinces", "11,xx"], "--provinces: \"xx\""),
        (["run", "--provinces", "11,11"], "--provinces: 11 is there twice"),
        (["run", "--replicas", "2"], "--replicas: 2"),
        (["sweep", "--seeds", "9..1"], "--seeds: \"9..1\""),
    ] {
        let output = simulate(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(named), "{told}");
    }
}
