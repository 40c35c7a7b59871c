//! The HTTP edge as a tester runs it: seeds pass, and a seed is the same run every time.

#![allow(clippy::expect_used, reason = "a test")]

use std::process::{Command, Output};

/// The program, and the words that come before the edge's own.
const PROGRAM: (&str, &[&str]) = (env!("CARGO_BIN_EXE_mpss-edge"), &[]);

fn edge(arguments: &[&str]) -> Output {
    Command::new(PROGRAM.0).args(PROGRAM.1).args(arguments).output().expect("the command starts")
}

fn passes(arguments: &[&str]) -> String {
    let output = edge(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}\n{text}\n{errors}");
    text
}

/// How often something was counted.
fn count(report: &str, of: &str) -> u64 {
    let mut lines = report.lines().map(|line| line.trim_start_matches("count").trim());
    lines.find_map(|line| line.strip_suffix(of)?.trim().parse().ok()).unwrap_or_default()
}

#[test]
fn while_nothing_is_wrong_everybody_is_answered_at_once() {
    let report = passes(&["--seed", "1", "--seconds", "20", "--calm"]);
    assert!(count(&report, "orders answered") > 50, "{report}");
    assert!(count(&report, "answers while nothing was wrong") > 50, "{report}");
    for unseen in ["crashes", "partitions", "slow headers", "connections broken in an answer"] {
        assert_eq!(count(&report, unseen), 0, "{unseen}\n{report}");
    }
}

#[test]
fn rude_callers_and_faults_break_no_promise() {
    // Seeds nobody has seen before, and a few that everybody has.
    let fresh = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    for first in [1, fresh] {
        let seeds = format!("{first}..{}", first + 2);
        eprintln!("seeds {seeds}");
        let report = passes(&["--seeds", &seeds, "--seconds", "40"]);
        assert!(report.contains("3 seeds, 0 violations"), "{report}");
        for seen in ["crashes", "outcomes unknown", "slow headers", "pipelined requests", "orders answered"] {
            assert!(count(&report, seen) > 0, "{seen}\n{report}");
        }
    }
}

#[test]
fn one_seed_is_one_run() {
    let report = passes(&["--seeds", "4..5", "--seconds", "20", "--twice"]);
    assert!(report.contains("2 seeds twice, equal traces"), "{report}");
    let trace = |seed| {
        let report = passes(&["--seed", seed, "--seconds", "5"]);
        report.lines().find(|line| line.starts_with("trace")).map(str::to_owned)
    };
    assert_ne!(trace("6"), trace("7"), "another seed is another run");
}

#[test]
fn a_mistake_is_named_and_is_no_pass() {
    let output = edge(&["--seeds", "7"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--seeds: \"7\" is not two numbers"));
}
