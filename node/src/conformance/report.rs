//! What an SP can show.

use askama::Template;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::cases::{Case, Level};
use super::play::Verdict;
use crate::command_line::{Failure, pad};

/// Columns of a case's name.
const ID_COLUMNS: usize = 26;
/// Characters of what was seen that are shown at most.
const SEEN_CHARS_MAX: usize = 400;

/// One case and how it went.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Entry {
    id: &'static str,
    level: Level,
    title: &'static str,
    title_zh: &'static str,
    /// `passed`, `failed` or `not_shown`.
    verdict: &'static str,
    /// What was seen.
    seen: String,
}

impl Entry {
    fn passed(&self) -> bool {
        self.verdict == "passed"
    }

    fn must(&self) -> bool {
        self.level == Level::Must
    }

    fn sign(&self) -> &'static str {
        match self.verdict {
            "passed" => "✓",
            "failed" => "✗",
            _ => "–",
        }
    }

    /// For people.
    pub(super) fn line(&self) -> String {
        let should = if self.must() { "" } else { " (should)" };
        format!("  {} {} {}{should}: {}", self.sign(), pad(self.id, ID_COLUMNS), self.title, self.seen)
    }
}

/// The report.
#[derive(Debug, Clone, Serialize, Template)]
#[template(path = "conformance/report.html")]
pub(super) struct Report {
    program: String,
    sandbox: String,
    pub(super) sp_id: String,
    pub(super) notice_url: String,
    begun_at: String,
    ended_at: String,
    /// Everything that must be was seen.
    pub(super) ready: bool,
    cases: Vec<Entry>,
}

fn now() -> String {
    format!("{:.0}", Timestamp::now())
}

impl Report {
    pub(super) fn begin(url: &str, sandbox: &Value) -> Self {
        let text = |name: &str| sandbox[name].as_str().unwrap_or_default().to_owned();
        Self {
            program: format!("mpss {}", env!("CARGO_PKG_VERSION")),
            sandbox: url.to_owned(),
            sp_id: text("sp_id"),
            notice_url: text("notice_url"),
            begun_at: now(),
            ended_at: String::new(),
            ready: false,
            cases: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, case: &Case, verdict: &Verdict) -> &Entry {
        let (verdict, seen) = match verdict {
            Verdict::Passed(seen) => ("passed", seen),
            Verdict::Failed(seen) => ("failed", seen),
            Verdict::NotShown(seen) => ("not_shown", seen),
        };
        let seen = seen.chars().take(SEEN_CHARS_MAX).collect();
        let Case { id, level, title, title_zh, .. } = *case;
        self.cases.push(Entry { id, level, title, title_zh, verdict, seen });
        self.cases.last().expect("it was just added")
    }

    pub(super) fn end(&mut self) {
        self.ended_at = now();
        self.ready = self.cases.iter().all(|case| case.passed() || case.level == Level::Should);
    }

    fn count(&self, verdict: &str) -> usize {
        self.cases.iter().filter(|case| case.verdict == verdict).count()
    }

    /// In one line.
    pub(super) fn summary(&self) -> String {
        let (all, passed) = (self.cases.len(), self.count("passed"));
        let (failed, not_shown) = (self.count("failed"), self.count("not_shown"));
        let ready = if self.ready { "ready" } else { "not ready" };
        format!("{ready}: {passed} of {all} cases passed, {failed} failed, {not_shown} not shown")
    }

    /// As a page.
    pub(super) fn page(&self) -> Result<String, Failure> {
        self.render().map_err(|error| Failure::start(format!("--html: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::cases::CASES;
    use super::*;

    fn report(verdict: impl Fn(&Case) -> Verdict) -> Report {
        let sandbox = json!({ "sp_id": "S1", "notice_url": "http://sp.example/<notices>" });
        let mut report = Report::begin("http://127.0.0.1:1", &sandbox);
        for case in &CASES {
            report.add(case, &verdict(case));
        }
        report.end();
        report
    }

    #[test]
    fn ready_is_who_has_shown_everything_that_must_be() {
        let passed = || Verdict::Passed("seen".into());
        let good = report(|_| passed());
        assert!(good.ready);
        assert_eq!(good.summary(), "ready: 26 of 26 cases passed, 0 failed, 0 not shown");
        let should = report(|case| if case.level == Level::Should { Verdict::Failed("x".into()) } else { passed() });
        assert!(should.ready, "what only should be is no bar");
        for bad in [Verdict::Failed("x".into()), Verdict::NotShown("x".into())] {
            let one = report(|case| if case.id == "forged-key" { bad.clone() } else { passed() });
            assert!(!one.ready, "{}", one.summary());
        }
    }

    #[test]
    fn the_page_shows_every_case_and_means_what_it_shows_literally() {
        let page = report(|_| Verdict::Failed("<script>alert(1)</script>".into())).page().expect("a page");
        for case in CASES {
            assert!(page.contains(case.id) && page.contains(case.title_zh), "{}", case.id);
        }
        assert!(!page.contains("<script>") && !page.contains("<notices>"), "{page}");
    }
}
