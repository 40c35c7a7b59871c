//! `mpss-sim chaos` as a tester types it: a mistake is named with its option and is no pass. What it does
//! to real processes is in `tests/tests/chaos.rs`.

#![allow(clippy::expect_used, reason = "a test")]

use std::process::{Command, Output};

fn chaos(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mpss-sim")).arg("chaos").args(arguments).output().expect("the command starts")
}

#[test]
fn a_mistake_is_named_and_is_no_pass() {
    // Any program does: none of these comes as far as to start it.
    for (arguments, named) in [
        (&["--mpss", "/nowhere/mpss"][..], "--mpss /nowhere/mpss"),
        (&["--mpss", "/bin/sh", "--faults", "kill,quake"], "--faults: \"quake\" is none of kill, stop, cut"),
        (&["--mpss", "/bin/sh", "--provinces", "11,00"], "--provinces: \"00\" is no province's code"),
        (&["--mpss", "/bin/sh", "--provinces", "11,11"], "--provinces: 11 is there twice"),
        (&["--mpss", "/bin/sh", "--replicas", "2"], "--replicas: 2"),
        (&["--mpss", "/bin/sh", "--seconds", "0"], "--seconds"),
        (&["--mpss", "/bin/sh", "--data-dir", "/"], "--data-dir /: must be an empty folder"),
    ] {
        let output = chaos(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(named), "{told}");
    }
}

#[test]
fn the_help_names_every_fault_and_exit_code() {
    let output = chaos(&["--help"]);
    // Lines are broken as wide as the terminal is.
    let told = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["kill", "stop", "cut", "delay", "disk-full", "sync-error", "Exit code 0", "--mpss", "--json"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}
