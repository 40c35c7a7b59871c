//! Everything over virtual time, one below the other on the same axis: requests, latency, faults, and
//! what each machine did.
//!
//! ```text
//!  gutter │ begin of life, end of faults
//!  1/s    │ ▂▃▅ done, refused, unknown
//!  ms     │ p50, p99, the slowest
//!  faults │ a lane for each kind
//!  44-1   │ a lane for each machine
//! ```
//!
//! Gutter and plot are two drawings of the same height, so that the gutter stays in sight when the plot
//! is scrolled on a small screen.

use super::svg::{Area, Svg, fitted};
use super::{figures, lanes, numbers, panels, scale};
use crate::record::{Operation, Record};

/// How wide the names at the left are.
const GUTTER: i64 = 164;
/// How wide time is.
const PLOT: i64 = 990;
/// Room at the right for the last mark's words.
const MARGIN: i64 = 22;

/// The two drawings, and what the plots could not say by themselves.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) gutter: String,
    pub(crate) plot: String,
    /// How long a bucket is, in words.
    pub(crate) bucket: String,
    /// How many requests ended before people began, and are not drawn.
    pub(crate) before_open: usize,
}

/// A drawing that grows downwards.
#[derive(Debug)]
pub(crate) struct Canvas {
    pub(crate) time: scale::TimeScale,
    pub(crate) gutter: Svg,
    pub(crate) plot: Svg,
    pub(crate) y: i64,
}

impl Canvas {
    /// A heading over a part, and the room it takes.
    pub(crate) fn heading(&mut self, chinese: &str, english: &str, more: &str) {
        self.gutter.words("h", (0, self.y + 13), chinese);
        self.gutter.words("h2", (0, self.y + 29), english);
        self.plot.words("t say", (0, self.y + 13), more);
        self.y += 22;
    }

    /// Words at the right edge of the gutter.
    pub(crate) fn label(&mut self, y: i64, words: &str) {
        self.gutter.words("t end", (GUTTER - 8, y), &fitted(words, GUTTER - 8));
    }

    /// A line all over the plot.
    pub(crate) fn rule(&mut self, class: &str, y: i64) {
        self.plot.line_below(class, (0, y), (self.time.width, y));
    }

    /// The marks of time.
    pub(crate) fn axis(&mut self) {
        let (marks, step) = self.time.marks();
        for at in marks {
            let x = self.time.x(at);
            let side = if x < 20 { "t" } else { "t middle" };
            self.plot.words(side, (x, self.y + 14), &numbers::mark(at, step));
        }
        self.y += 30;
    }
}

/// Draws it.
pub(crate) fn timeline(record: &Record) -> Timeline {
    let last_end = record.operations.iter().map(|operation| operation.at_ms.saturating_add(operation.took_ms)).max();
    // A request that never ended would push everything else into one pixel: the run's length is the
    // measure, and what ended later counts in the last bucket.
    let whole = record.virtual_ms.max(last_end.unwrap_or(0).min(record.virtual_ms.saturating_mul(2))).max(1_000);
    let bucket_ms = scale::bucket_ms(whole);
    let until_ms = (whole - 1) / bucket_ms * bucket_ms + bucket_ms;
    let time = scale::TimeScale { width: PLOT, until_ms };
    let mut canvas = Canvas { time, gutter: Svg::default(), plot: Svg::default(), y: 0 };

    // What sets the scene comes all at once, and would make people's requests look like none.
    let ended_ms = |operation: &Operation| operation.at_ms.saturating_add(operation.took_ms);
    let drawn: Vec<&Operation> =
        record.operations.iter().filter(|operation| ended_ms(operation) >= record.open_ms).collect();
    let buckets = figures::buckets(&drawn, bucket_ms, until_ms - 1);
    let kinds = lanes::kinds(&record.faults);
    let moments = moments(&mut canvas, record);
    panels::requests(&mut canvas, record, &kinds, &buckets, bucket_ms);
    lanes::faults(&mut canvas, record, &kinds);
    lanes::provinces(&mut canvas, record, &kinds);

    let height = canvas.y;
    let (marks, _) = time.marks();
    for at in marks {
        let x = time.x(at);
        canvas.plot.line_below("grid", (x, 40), (x, height - 26));
    }
    for x in moments {
        canvas.plot.line_below("moment", (x, 4), (x, height - 26));
    }
    canvas.plot.open("cross", "");
    canvas.plot.line("crossline", (0, 30), (0, height - 26));
    canvas.plot.close();
    Timeline {
        gutter: canvas.gutter.finish("gutter", (GUTTER, height), "names of what stands at the right"),
        plot: canvas.plot.finish("plot", (PLOT + MARGIN, height), "requests, latency, faults and machines over time"),
        before_open: record.operations.len() - drawn.len(),
        bucket: if bucket_ms == 1_000 { "1 s".to_owned() } else { numbers::length(bucket_ms) },
    }
}

/// When people began and when faults ended; where the lines stand.
fn moments(canvas: &mut Canvas, record: &Record) -> Vec<i64> {
    let mut lines = Vec::new();
    let named = [("开始 people begin", record.open_ms), ("痊愈 healed", record.healed_ms)];
    for (row, (name, at)) in (0_i64..).zip(named) {
        if at == 0 || at > canvas.time.until_ms {
            continue;
        }
        let x = canvas.time.x(at);
        let words = format!("{name} {} s", numbers::clock(at));
        let (class, x_words) = if x > PLOT - 180 { ("moment-words end", x - 5) } else { ("moment-words", x + 5) };
        canvas.plot.words(class, (x_words, 12 + row * 14), &words);
        lines.push(x);
    }
    canvas.y += 34;
    lines
}

/// The rectangle between two pixels of time, never thinner than one.
pub(crate) const fn between(x1: i64, x2: i64, y: i64, height: i64) -> Area {
    let width = if x2 - x1 < 1 { 1 } else { x2 - x1 };
    Area { x: x1, y, width, height }
}
