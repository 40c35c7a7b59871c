//! Plays every business script, and holds that each refusal there is appears in one.
#![allow(clippy::disallowed_methods, reason = "the scripts are files")]

mod script;

use std::collections::BTreeSet;

use mpss_domain::Refusal;

/// Refusals that the rules of this crate can not give yet, each with what will give it.
const NOT_YET: [(&str, &str); 3] = [
    ("account_pending", "the binding of bank accounts, which wait for a confirmation"),
    ("price_changed", "doors that name the price the buyer saw"),
    ("top_up_not_found", "the door that shows a top-up; no verb names one"),
];

#[test]
fn every_script_plays_and_every_refusal_has_a_case() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("the scripts").map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() >= 10, "the scripts are gone: {files:?}");
    let mut seen = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a script");
        seen.extend(script::play(&file.file_name().expect("named").to_string_lossy(), &text));
    }
    let all: BTreeSet<_> = Refusal::TABLE.iter().map(|(_, code)| *code).collect();
    let not_yet: BTreeSet<_> = NOT_YET.iter().map(|(code, _)| *code).collect();
    let missing: Vec<_> = all.difference(&seen).filter(|code| !not_yet.contains(*code)).collect();
    assert!(missing.is_empty(), "no script shows {missing:?}");
    let shown: Vec<_> = not_yet.intersection(&seen).collect();
    assert!(shown.is_empty(), "{shown:?} can be given by now: take them off the list");
}

#[test]
#[should_panic(expected = "expected ok")]
fn a_script_that_expects_something_else_fails() {
    script::play("inline", "open a msisdn=18900000001\ntop-up a amount=0.00 -> ok");
}
