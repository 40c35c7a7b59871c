//! The demonstration, as a person would run it: every step of its day is told, the books hold, and
//! it fails when they are broken on purpose.

#![allow(clippy::expect_used, reason = "a test")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use mpss_tests::{binary, reaper};

fn run(mpss: &Path, arguments: &[&str]) -> Output {
    let data = tempfile::tempdir().expect("a folder");
    reaper::folder(data.path());
    let child = Command::new(mpss)
        .args(["demo", "--once", "--data-dir", data.path().to_str().expect("a plain path")])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("mpss starts");
    let pid = child.id();
    reaper::born(pid);
    let output = child.wait_with_output().expect("it ends");
    reaper::dead(pid);
    output
}

fn told(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What the day must show, each by words that its line holds.
const STEPS: &[(&str, &[&str])] = &[
    ("accounts are opened", &["opens"]),
    ("money comes in", &["top"]),
    ("a local purchase", &["本地购买"]),
    ("the same product refused to a visitor", &["not_its_subscriber"]),
    ("a roaming purchase refused to locals", &["roaming_is_for_visitors"]),
    ("a roaming purchase by a visitor", &["漫游购买"]),
    ("a national purchase from each province", &["全国购买"]),
    ("a transfer between provinces", &["手机转帐"]),
    ("too little money", &["insufficient_funds"]),
    ("more than one payment may be", &["per_payment_limit_exceeded"]),
    ("more than a day may have", &["daily_limit_exceeded"]),
    ("a wrong password", &["wrong_password"]),
    ("a locked password", &["password_locked"]),
    ("a number that is none", &["unknown_number"]),
    ("another operator's number", &["foreign_operator"]),
    ("a suspended SP", &["sp_suspended"]),
    ("the same request with other content", &["duplicate_request"]),
    ("an SP that refuses", &["sp_refused"]),
    ("an SP that stays silent", &["delivery_timed_out"]),
    ("a partial refund", &["退款", "partly_refunded"]),
    ("a frozen account", &["account_frozen"]),
    ("a leader killed", &["主节点崩溃"]),
    ("the books", &["debits equal credits", "wallets"]),
    ("clearing", &["due_to"]),
];

#[test]
fn the_scripted_day_is_told_and_ends_well() {
    let output = run(binary::mpss(), &[]);
    let text = told(&output);
    assert!(output.status.success(), "{:?}\n{text}", output.status);
    let missing: Vec<_> =
        STEPS.iter().filter(|(_, words)| !words.iter().all(|word| text.contains(word))).map(|(step, _)| step).collect();
    assert!(missing.is_empty(), "not told: {missing:?}\n{text}");
    for province in ["北京", "广东", "四川", "全国平台"] {
        assert!(text.contains(province), "{province} is not in it\n{text}");
    }
    assert!(text.contains(" ms"), "no step says how long it took\n{text}");
}

#[test]
fn broken_books_are_found() {
    let output = run(binary::mpss_with_mutants(), &["--break", "books"]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("due_") || text.contains("clearing") || text.contains("invariant"),
        "it does not say what is wrong\n{text}"
    );
}

#[test]
fn a_build_for_use_can_not_be_broken() {
    let output = run(binary::mpss(), &["--break", "books"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}
