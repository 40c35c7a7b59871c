//! `mpss sp-conformance`: plays an SP through everything it must get right, in a sandbox, and says how it did.
//!
//! ```text
//!  cases   what there is to be shown      play    has it happen, and judges by what went past
//!  client  the sandbox, over HTTP         report  text, JSON, a page
//! ```
//!
//! It knows nothing of the SP but what went past it, and of the platform nothing but its public interface.

use std::time::Duration;

use crate::command_line::{ConformanceArguments, Failure, Paint, Printer, client_runtime};

mod cases;
mod client;
mod judge;
mod play;
mod report;

use cases::{CASES, Case, Level};
use client::Client;
use play::{Run, Verdict};
use report::Report;

/// Carries out `mpss sp-conformance`.
pub(crate) fn run(arguments: &ConformanceArguments, printer: &mut Printer) -> Result<(), Failure> {
    let cases = chosen(&arguments.only)?;
    client_runtime()?.block_on(play_all(arguments, &cases, printer))
}

fn chosen(only: &[String]) -> Result<Vec<&'static Case>, Failure> {
    if let Some(unknown) = only.iter().find(|name| CASES.iter().all(|case| case.id != **name)) {
        let ids: Vec<_> = CASES.iter().map(|case| case.id).collect();
        return Err(Failure::usage(format!("--only {unknown}: no such case; there are {}", ids.join(", "))));
    }
    Ok(CASES.iter().filter(|case| only.is_empty() || only.iter().any(|name| *name == case.id)).collect())
}

async fn play_all(
    arguments: &ConformanceArguments,
    cases: &[&'static Case],
    printer: &mut Printer,
) -> Result<(), Failure> {
    let client = Client::new(&arguments.sandbox)?;
    let sandbox = client.sandbox().await?;
    let patience = Duration::from_secs(arguments.patience_s);
    let mut run = Run::begin(client, &sandbox, arguments.driver.clone(), patience).await?;
    let mut report = Report::begin(&arguments.sandbox, &sandbox);
    printer.heading(format!("{} at {}", report.sp_id, report.notice_url));
    for case in cases {
        let verdict = run.play(case, printer).await?;
        let paint = match (&verdict, case.level) {
            (Verdict::Passed(_), _) => Paint::Good,
            (_, Level::Must) => Paint::Bad,
            (_, Level::Should) => Paint::Notice,
        };
        let entry = report.add(case, &verdict);
        let line = entry.line();
        printer.line(printer.paint(paint, &line));
    }
    report.end();
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&report).expect("a report can be written as JSON");
        write(path, &text, "--json")?;
    }
    if let Some(path) = &arguments.html {
        write(path, &report.page()?, "--html")?;
    }
    printer.line("");
    let summary = report.summary();
    if report.ready {
        printer.line(printer.paint(Paint::Good, &summary));
        Ok(())
    } else {
        Err(Failure::check(summary))
    }
}

fn write(path: &std::path::Path, text: &str, flag: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::start(format!("{flag} {}: {error}", path.display())))
}
