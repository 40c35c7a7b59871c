//! What came of a run, as one value that is written as JSON and told in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::failover::Failover;
use super::fault::Blow;
use super::history::Endings;
use super::proxy::Passed;
use super::striker::Struck;
use crate::record::{FaultSpan, Verdict, Violation};

/// The form of the JSON; rises when a field changes its meaning.
pub const FORMAT: u32 = 1;

/// Violations told in words.
const SHOWN_MAX: usize = 6;

/// One run. Times are milliseconds of real time since callers began, unless a name says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChaosReport {
    /// See [`FORMAT`].
    pub format: u32,
    /// The version of the program that struck.
    pub program: String,
    /// The program that was struck.
    pub mpss: String,
    /// The seed.
    pub seed: u64,
    /// The command that strikes in the same way again.
    pub command: String,
    /// The wall clock when callers began, in milliseconds since 1970.
    pub began_at_ms: u64,
    /// How long faults struck.
    pub struck_ms: u64,
    /// How long it took, with the beginning and the checks.
    pub real_ms: u64,
    /// Nodes there were.
    pub nodes: u64,
    /// What came of it.
    pub verdict: Verdict,
    /// Why the run says nothing, when it does not.
    pub inconclusive: Vec<String>,
    /// By way of striking: how often it was dealt, and how often it was seen to hit.
    pub blows: BTreeMap<String, Struck>,
    /// What shows that faults were met.
    pub met: Met,
    /// By kind of request: how they ended.
    pub requests: BTreeMap<String, Endings>,
    /// Tries of all callers together.
    pub tries: u64,
    /// How long callers waited when a leader was killed.
    pub failover: Failover,
    /// What was checked.
    pub checked: Checked,
    /// Everything that was broken, in the order it ended.
    pub faults: Vec<FaultSpan>,
    /// What was not as it must be.
    pub violations: Vec<Violation>,
}

/// What shows that faults were met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// Connections between nodes that were carried.
    pub connections: u64,
    /// Connections turned away because their link was cut.
    pub refused: u64,
    /// Open connections that were reset.
    pub broken: u64,
    /// Chunks of bytes that were held.
    pub held: u64,
    /// Chunks that came late.
    pub delayed: u64,
    /// Chunks that came little by little.
    pub throttled: u64,
    /// Times a node's log spoke of a disk without room.
    pub no_room: u64,
    /// Times a node did not start while its disk had no room.
    pub not_started: u64,
    /// Times a node's log spoke of a sync that failed.
    pub io_errors: u64,
}

impl Met {
    /// With what the links did.
    #[must_use]
    pub const fn with(self, passed: Passed) -> Self {
        let Passed { connections, refused, broken, held, delayed, throttled } = passed;
        Self { connections, refused, broken, held, delayed, throttled, ..self }
    }
}

/// What was checked, so that a check of nothing shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Orders that were acknowledged, each found once and as acknowledged.
    pub orders: u64,
    /// Of these, how many in each final status.
    pub by_status: BTreeMap<String, u64>,
    /// Transfers that were acknowledged.
    pub transfers: u64,
    /// Outcomes nobody had been told, known in the end.
    pub resolved: u64,
    /// Wallets whose balance is what the acknowledged history says.
    pub wallets: u64,
    /// Everything in all wallets together, in fen.
    pub in_wallets: i64,
    /// Replicas whose digests were compared.
    pub replicas: u64,
    /// Answers whose positions in the log were compared.
    pub positions: u64,
    /// Requests that were made again.
    pub repeated: u64,
}

impl ChaosReport {
    /// The exit code of the command.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self.verdict {
            Verdict::Passed => 0,
            Verdict::Violated => 1,
            Verdict::Inconclusive => 2,
        }
    }

    /// Gives the run its verdict: what was violated counts, even when the rest says nothing.
    pub fn judge(&mut self) {
        for (name, Struck { dealt, hit }) in &self.blows {
            if *hit == 0 {
                let what = if *dealt == 0 { "was never dealt" } else { "was dealt and never seen to hit" };
                self.inconclusive.push(format!("{name} {what}; --seconds gives it more time"));
            }
        }
        for (what, count) in [
            ("order was acknowledged", self.checked.orders),
            ("position was compared", self.checked.positions),
            ("request was made again", self.checked.repeated),
        ] {
            if count == 0 {
                self.inconclusive.push(format!("no {what}"));
            }
        }
        self.verdict = match (self.violations.is_empty(), self.inconclusive.is_empty()) {
            (false, _) => Verdict::Violated,
            (true, false) => Verdict::Inconclusive,
            (true, true) => Verdict::Passed,
        };
    }

    /// An entry for each blow, so that one that never came shows.
    #[must_use]
    pub fn blows_of(wanted: &[Blow], struck: &BTreeMap<Blow, Struck>) -> BTreeMap<String, Struck> {
        let count = |blow: &Blow| struck.get(blow).copied().unwrap_or_default();
        wanted.iter().map(|blow| (blow.name().to_owned(), count(blow))).collect()
    }

    /// The report in words.
    #[must_use]
    pub fn told(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, what: String| {
            writeln!(text, "{name:<13} {what}").expect("a string takes everything");
        };
        line("seed", self.seed.to_string());
        line("time", format!("{} ms of faults, {} ms in all, {} nodes", self.struck_ms, self.real_ms, self.nodes));
        for (name, Struck { dealt, hit }) in &self.blows {
            line("struck", format!("{name:<18} {dealt} times, seen to hit {hit}"));
        }
        let Met { connections, refused, broken, held, delayed, throttled, no_room, not_started, io_errors } = self.met;
        line(
            "network",
            format!(
                "{connections} connections, {refused} refused, {broken} broken; {held} chunks held, {delayed} late, \
                 {throttled} throttled"
            ),
        );
        line(
            "disks",
            format!(
                "{no_room} times without room in a log, {not_started} times not started without it, {io_errors} \
                 failed syncs in a log"
            ),
        );
        for (flow, Endings { done, refused, unknown }) in &self.requests {
            let refused: Vec<String> = refused.iter().map(|(code, times)| format!("{code} {times}")).collect();
            let refused = if refused.is_empty() { "none".to_owned() } else { refused.join(", ") };
            line("asked", format!("{flow:<18} {done} done, {unknown} unknown; refused: {refused}"));
        }
        line("tries", self.tries.to_string());
        let Failover { count, p50_ms, p99_ms, max_ms, not_seen } = self.failover;
        line(
            "failover",
            format!(
                "seen by callers over {count} leader kills: p50 {p50_ms} ms, p99 {p99_ms} ms, max {max_ms} ms; \
                 {not_seen} not within 30 s"
            ),
        );
        let Checked { orders, by_status, transfers, resolved, wallets, in_wallets, replicas, positions, repeated } =
            &self.checked;
        let by_status: Vec<String> = by_status.iter().map(|(status, count)| format!("{status} {count}")).collect();
        line("checked", format!("{orders} orders ({}), {transfers} transfers", by_status.join(", ")));
        line("checked", format!("{resolved} unknown outcomes resolved, {wallets} wallets with {in_wallets} fen"));
        line("checked", format!("{replicas} replicas' digests, {positions} positions, {repeated} requests made again"));
        for why in &self.inconclusive {
            line("INCONCLUSIVE", why.clone());
        }
        for violation in self.violations.iter().take(SHOWN_MAX) {
            line("VIOLATED", format!("{} ({}): {}", violation.property, violation.clause, violation.what));
            for around in &violation.around {
                line("", format!("{:>8} ms {}", around.at_ms, around.what));
            }
        }
        if self.violations.len() > SHOWN_MAX {
            line("VIOLATED", format!("{} times more; --json has them all", self.violations.len() - SHOWN_MAX));
        }
        if self.verdict == Verdict::Passed {
            line("verdict", "all as it must be".to_owned());
        } else {
            line("again", self.command.clone());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> ChaosReport {
        let blows = BTreeMap::from([("kill leader".to_owned(), Struck { dealt: 2, hit: 2 })]);
        let checked = Checked { orders: 5, positions: 5, repeated: 1, ..Checked::default() };
        ChaosReport { blows, checked, command: "mpss-sim chaos --seed=3".into(), ..ChaosReport::default() }
    }

    fn judged(change: impl FnOnce(&mut ChaosReport)) -> ChaosReport {
        let mut report = good();
        change(&mut report);
        report.judge();
        report
    }

    #[test]
    fn a_run_that_saw_everything_and_found_nothing_passes() {
        let report = judged(|_| {});
        assert_eq!((report.exit_code(), report.told().contains("all as it must be")), (0, true));
    }

    #[test]
    fn a_fault_that_never_hit_is_no_pass() {
        let missed = judged(|report| report.blows.insert("delay".into(), Struck { dealt: 3, hit: 0 }).map_or((), drop));
        assert_eq!(missed.exit_code(), 2);
        assert!(missed.told().contains("delay was dealt and never seen to hit"), "{}", missed.told());
        let never = judged(|report| report.blows = ChaosReport::blows_of(&[Blow::FullDisk], &BTreeMap::new()));
        assert!(never.inconclusive[0].contains("full disk was never dealt"));
        assert_eq!(judged(|report| report.checked.positions = 0).exit_code(), 2);
    }

    #[test]
    fn a_violation_counts_more_and_names_the_command() {
        let report = judged(|report| {
            report.checked.repeated = 0;
            report.violations.push(Violation { what: "lost".into(), ..Violation::default() });
        });
        assert_eq!(report.exit_code(), 1);
        assert!(report.told().contains("lost") && report.told().contains("mpss-sim chaos --seed=3"));
    }

    #[test]
    fn the_json_is_read_as_it_was_written() {
        let report = judged(|_| {});
        let text = serde_json::to_string(&report).expect("plain data");
        assert_eq!(serde_json::from_str::<ChaosReport>(&text).expect("the same"), report);
    }
}
