//! The figures, for people as a table and for programs as JSON.

use std::path::Path;

use serde::Serialize;

use super::disk::DurableWrites;
use super::latency::{Latency, figure, ms, per_second, ratio};
use super::proposer::Done;
use super::scale::Scale;
use super::usage::Used;
use crate::command_line::{Align, Failure, Paint, Printer, Table};

/// A hot SP may cost at most this much of the rate with many, in percent.
const HOT_COST_MAX_PERCENT: u64 = 10;

/// One measurement.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    name: String,
    purchases_per_second: u64,
    /// Times the durable write rate of the disk, in tenths.
    disk_ratio_tenths: u64,
    #[serde(flatten)]
    done: Done,
    processes: Vec<Used>,
    /// Effects (texts, notices) not done at the end.
    outbox_waiting: u64,
}

impl Measured {
    pub(super) fn new(name: String, done: Done, processes: Vec<Used>, outbox_waiting: u64) -> Self {
        let purchases_per_second = per_second(done.counted, done.counted_ms);
        Self { name, purchases_per_second, disk_ratio_tenths: 0, done, processes, outbox_waiting }
    }
}

/// Everything.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    durable_writes: DurableWrites,
    measured: Vec<Measured>,
    /// What one hot SP costs against the mean of the runs with many, in percent; 0 when nothing.
    hot_sp_cost_percent: Option<u64>,
    /// What the proof found wrong.
    wrong: Option<String>,
    scale: Option<Scale>,
}

impl Report {
    pub(super) const fn new(durable_writes: DurableWrites) -> Self {
        Self { durable_writes, measured: Vec::new(), hot_sp_cost_percent: None, wrong: None, scale: None }
    }

    pub(super) fn print_disk(&self, printer: &mut Printer) {
        let DurableWrites { per_second, latency } = &self.durable_writes;
        let (p50, p99) = (ms(latency.p50_us), ms(latency.p99_us));
        printer.line(format!(
            "  4 KiB pwrite and fdatasync: {} a second, p50 {p50} ms, p99 {p99} ms",
            figure(*per_second)
        ));
    }

    /// Adds a measurement and prints it.
    pub(super) fn add(&mut self, mut measured: Measured, printer: &mut Printer) {
        let rate = measured.purchases_per_second;
        measured.disk_ratio_tenths = rate.saturating_mul(10) / self.durable_writes.per_second.max(1);
        let latency = measured.done.latency;
        let (p50, p99) = (ms(latency.p50_us), ms(latency.p99_us));
        printer.line(format!("  {}: {} purchases/s, p50 {p50} ms, p99 {p99} ms", measured.name, figure(rate)));
        let used: Vec<_> = measured
            .processes
            .iter()
            .map(|used| format!("{} {} % {} MiB", used.process, used.cpu_percent, used.resident_mib))
            .collect();
        let total: u64 = measured.processes.iter().map(|used| used.cpu_percent).sum();
        printer.line(format!("    CPU of one core and memory: {}; together {total} %", used.join(" · ")));
        if !measured.done.errors.is_empty() {
            let errors: Vec<_> = measured.done.errors.iter().map(|(name, count)| format!("{name} {count}")).collect();
            let errors = printer.paint(Paint::Notice, &errors.join(", "));
            printer.line(format!("    answered otherwise, and sent again where that is right: {errors}"));
        }
        self.measured.push(measured);
    }

    /// All measurements under each other.
    pub(super) fn print_table(&self, printer: &mut Printer) {
        let headings =
            ["a second", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "× disk", "answered otherwise", "outbox after"];
        let mut columns = vec![("", Align::Left)];
        columns.extend(headings.map(|heading| (heading, Align::Right)));
        let mut table = Table::new(&columns);
        let disk = self.durable_writes;
        let row = |name: &str, rate: u64, latency: Latency, rest: [String; 2]| {
            let mut cells = vec![name.to_owned(), figure(rate)];
            cells.extend([latency.p50_us, latency.p99_us, latency.p999_us, latency.max_us].map(ms));
            cells.push(ratio(rate, disk.per_second));
            cells.extend(rest);
            cells
        };
        let none = || "·".to_owned();
        table.row(row("durable 4 KiB write", disk.per_second, disk.latency, [none(), none()]));
        for measured in &self.measured {
            let errors: u64 = measured.done.errors.values().sum();
            let rest = [figure(errors), figure(measured.outbox_waiting)];
            table.row(row(&measured.name, measured.purchases_per_second, measured.done.latency, rest));
        }
        printer.table(&table);
    }

    /// What one hot SP costs: its run between two runs with many.
    pub(super) fn compare_hot(&mut self, printer: &mut Printer) {
        let [first, hot, second] = &self.measured[..] else { return };
        let many = u64::midpoint(first.purchases_per_second, second.purchases_per_second);
        let hot = hot.purchases_per_second;
        let cost = many.saturating_sub(hot) * 100 / many.max(1);
        self.hot_sp_cost_percent = Some(cost);
        let good = cost < HOT_COST_MAX_PERCENT;
        let verdict = printer.paint(if good { Paint::Good } else { Paint::Bad }, &format!("{cost} %"));
        let faster = if hot > many { " (it is faster: notices to one SP share requests)" } else { "" };
        let (hot, many) = (figure(hot), figure(many));
        printer.line(format!("  one hot SP: {hot} against {many} with many: it costs {verdict}{faster}"));
    }

    pub(super) fn proof_failed(&mut self, wrong: Option<String>) {
        self.wrong = wrong;
    }

    pub(super) fn scale(&mut self, scale: Scale) {
        self.scale = Some(scale);
    }

    /// Writes everything as JSON.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).expect("figures and names are always written");
        std::fs::write(path, text + "\n").map_err(|error| Failure::usage(format!("--json {}: {error}", path.display())))
    }
}
