//! The command line: what is understood, what is refused, and what help says.

use clap::{CommandFactory, Parser};

use super::{Arguments, Subcommand};

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line.split_whitespace())
}

#[test]
fn the_definition_contradicts_itself_nowhere() {
    Arguments::command().debug_assert();
}

#[test]
fn every_subcommand_is_understood() {
    for line in [
        "mpss demo",
        "mpss demo --once --break books --log info --ready-file r --data-dir d",
        "mpss serve --config node.toml --ready-file r",
        "mpss serve --print-defaults",
        "mpss bench --connections 8 --seconds 1 --target spread --json out.json",
        "mpss status --url http://127.0.0.1:1 --url http://127.0.0.1:2 --json --watch",
        "mpss sandbox --listen 127.0.0.1:0 --notice-url http://127.0.0.1:1/n --seed 3 --ready-file r",
        "mpss sp-conformance --sandbox http://127.0.0.1:1 --only a,b --json j --html h --patience-s 5",
        "mpss simulate sp --listen 127.0.0.1:0",
        "mpss simulate sms",
        "mpss outside ismp --seed 7",
        "mpss outside recharge --seed 7 --listen 127.0.0.1:0",
        "mpss outside upp --node http://127.0.0.1:1 --node http://127.0.0.1:2 --config node.toml",
        "mpss outside bank --bank-listen 127.0.0.1:0 --config node.toml",
    ] {
        assert!(parse(line).is_ok(), "{line}");
    }
}

#[test]
fn what_can_not_be_used_is_exit_code_two_and_names_the_flag() {
    for (line, named) in [
        ("mpss", "Usage"),
        ("mpss serve", "--config"),
        ("mpss status", "--url"),
        ("mpss demo --break books", "--once"),
        ("mpss demo --once --break glass", "--break"),
        ("mpss bench --connections 0", "--connections"),
        ("mpss bench --seconds ten", "--seconds"),
        ("mpss status --url u --interval-ms 1", "--interval-ms"),
        ("mpss simulate sp --listen nowhere", "--listen"),
        ("mpss outside upp --config node.toml", "--node"),
        ("mpss sp-conformance", "--sandbox"),
        ("mpss sp-conformance --sandbox u --patience-s 0", "--patience-s"),
        ("mpss pay", "pay"),
    ] {
        let error = parse(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(named), "{line}: {error}");
    }
}

#[test]
fn help_tells_units_examples_and_exit_codes() {
    let mut command = Arguments::command();
    assert!(command.render_long_help().to_string().contains("a check failed"));
    for name in ["demo", "serve", "bench", "status", "sandbox", "sp-conformance"] {
        let sub = command.find_subcommand_mut(name).expect("exists");
        let help = sub.render_long_help().to_string();
        assert!(help.contains("Examples:"), "{name} shows examples");
        for argument in sub.get_arguments().filter(|a| !a.is_hide_set() && a.get_id() != "help") {
            assert!(argument.get_help().is_some(), "{name} --{} is explained", argument.get_id());
            let id = argument.get_id().as_str();
            let unit = match id.rsplit('_').next() {
                Some("ms") => "ms",
                Some("seconds") => "second",
                _ => continue,
            };
            let told = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(told.contains(unit), "{name} --{id} names its unit");
        }
    }
}

/// What people and scripts were told stays told: a change of the command line changes this file
/// too, and is seen in review.
#[test]
fn help_is_what_it_was() {
    let mut text = String::new();
    let mut command = Arguments::command().term_width(100);
    command.build();
    let mut told = |command: &mut clap::Command| {
        let name = command.get_bin_name().unwrap_or("mpss").to_owned();
        text.push_str(&format!("$ {name} --help\n{}\n\n", command.render_long_help()));
    };
    told(&mut command.clone());
    for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
        told(&mut sub.clone());
        for inner in sub.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
            told(&mut inner.clone());
        }
    }
    let text: Vec<&str> = text.lines().map(str::trim_end).collect();
    let golden: Vec<&str> = include_str!("../help.txt").lines().collect();
    assert_eq!(text.join("\n").trim_end(), golden.join("\n").trim_end());
}

#[test]
fn serve_hides_what_only_the_bench_uses() {
    let mut command = Arguments::command();
    let help = command.find_subcommand_mut("serve").expect("exists").render_long_help().to_string();
    assert!(!help.contains("bench-proposer"));
    let Ok(Arguments { subcommand: Subcommand::Serve(serve) }) =
        parse("mpss serve --config c --bench-proposer 127.0.0.1:0")
    else {
        panic!("understood all the same")
    };
    assert!(serve.bench_proposer.is_some());
}
