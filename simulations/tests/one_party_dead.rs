//! Any single party is dead for as long as it likes: whatever does not need it goes on meanwhile, and what needs it
//! comes to its end once it is back; nothing is lost and nothing is done twice (all properties are checked).

#![allow(clippy::expect_used, reason = "a test")]

use mpss_simulations::record::{Ending, Record, Verdict};
use mpss_simulations::run::{RunPlan, run};
use mpss_simulations::scenario::Scenario;

/// Dead from then on, for so long, in virtual milliseconds.
const FROM_MS: u64 = 8_000;
const DEAD_MS: u64 = 20_000;
/// By then whoever finds a silent party has found it: leaders are elected, circuits are open.
const NOTICED_MS: u64 = 5_000;
/// What does not need the dead party is answered within.
const ANSWERED_MS: u64 = 15_000;

/// What people do when they do everything.
const EVERYTHING: &str = "local = 200\nroaming = 160\nnational = 60\ntransfer = 80\nbill = 120\ncard = 120\naward = 60\n\
    cards = 60\ntickets = 60\nbills = 60\nrecharge = 80\nupp = 120";
/// And when they have learned that nothing national is to be had: who waits for it does nothing else.
const NOTHING_NATIONAL: &str = "local = 200\nroaming = 160\nnational = 4\ntransfer = 80\nrecharge = 80";

fn lives_without(kind: &str, target: &str, strength: u64, habits: &str) -> Record {
    let text = format!(
        r#"
name = "one-party-dead"
about = "{kind} {target}"
[topology]
upp_accounts = ["51"]
[workload]
seconds = 36
people = 5
pause_ms = [100, 1200]
[workload.habits]
{habits}
[faults]
usual = false
[[faults.rule]]
kind = "{kind}"
at_ms = [{FROM_MS}]
lasts_ms = [{DEAD_MS}, {DEAD_MS}]
strength = [{strength}, {strength}]
targets = ["{target}"]
"#
    );
    let scenario = Scenario::parse(&text).expect("a scenario");
    run(&RunPlan { scenario, seed: 7, recorded: false, echo: false })
}

/// It passed, and `flows` went on where `here` says, while the party was dead.
fn go_on(record: &Record, flows: &[&str], here: impl Fn(&str) -> bool) {
    assert_eq!(record.verdict, Verdict::Passed, "{:#?}", record.violations);
    assert!(!record.faults.is_empty(), "it was never dead");
    let (from, to) = (record.open_ms + FROM_MS + NOTICED_MS, record.open_ms + FROM_MS + DEAD_MS);
    for flow in flows {
        let meanwhile = record.operations.iter().filter(|one| one.flow == *flow && here(&one.asked));
        let meanwhile: Vec<_> = meanwhile.filter(|one| (from..to).contains(&one.at_ms)).collect();
        let done = meanwhile.iter().filter(|one| one.result == Ending::Done).count();
        assert!(done > 0, "nobody had {flow} done meanwhile: {meanwhile:#?}");
        let slow: Vec<_> = meanwhile.iter().filter(|one| one.took_ms > ANSWERED_MS).collect();
        assert!(slow.is_empty(), "{flow}: {slow:#?}");
    }
}

fn everywhere(_: &str) -> bool {
    true
}

const ALWAYS: u64 = 1_000_000;

#[test]
fn without_sps() {
    go_on(
        &lives_without("sp_loses", "all", ALWAYS, EVERYTHING),
        &["transfer", "recharge", "upp", "local", "cards"],
        everywhere,
    );
}

#[test]
fn without_the_sms_centre() {
    let flows = ["local", "roaming", "national", "transfer", "bill", "card", "recharge", "upp", "tickets", "bills"];
    go_on(&lives_without("smsc_loses", "all", ALWAYS, EVERYTHING), &flows, everywhere);
}

#[test]
fn without_the_ismp() {
    let flows = ["local", "roaming", "national", "transfer", "card", "recharge", "cards", "tickets", "bills"];
    go_on(&lives_without("ismp_loses", "all", ALWAYS, EVERYTHING), &flows, everywhere);
}

#[test]
fn without_the_bank() {
    let flows = ["local", "roaming", "national", "transfer", "bill", "recharge", "cards", "tickets", "bills"];
    go_on(&lives_without("bank_loses", "all", ALWAYS, EVERYTHING), &flows, everywhere);
}

#[test]
fn without_the_recharge_platform() {
    let flows = ["local", "roaming", "national", "transfer", "bill", "card", "upp", "cards", "tickets", "bills"];
    go_on(&lives_without("recharge_loses", "all", ALWAYS, EVERYTHING), &flows, everywhere);
}

#[test]
fn without_the_upp() {
    let flows = ["local", "transfer", "bill", "card", "recharge", "cards", "tickets", "bills"];
    go_on(&lives_without("upp_loses", "all", ALWAYS, EVERYTHING), &flows, everywhere);
}

#[test]
fn without_the_national_platform() {
    let flows = ["local", "roaming", "transfer", "recharge"];
    go_on(&lives_without("blackout", "00", 0, NOTHING_NATIONAL), &flows, |asked| asked != "00");
}

#[test]
fn without_a_province() {
    go_on(&lives_without("blackout", "44", 0, EVERYTHING), &["local"], |asked| asked != "44");
}

#[test]
fn without_a_leader() {
    let flows = ["local", "roaming", "national", "transfer", "bill", "card", "recharge", "upp", "cards", "tickets"];
    go_on(&lives_without("crash", "leader:11", 0, EVERYTHING), &flows, everywhere);
}
