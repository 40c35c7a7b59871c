//! Requests that ended, and how long they took, over time; darker where more was broken at once.

use super::figures::Bucket;
use super::scale::{LogScale, count_step};
use super::svg::Area;
use super::timeline::{Canvas, between};
use super::{lanes, numbers};
use crate::record::{FaultSpan, Record};

const THROUGHPUT: i64 = 150;
const LATENCY: i64 = 150;
/// How many marks of beginnings can be told apart.
const BEGIN_MARKS: usize = 300;
/// Between the two, for the heading of the second.
const GAP: i64 = 44;

/// Both panels, one over the other.
pub(crate) fn requests(canvas: &mut Canvas, record: &Record, kinds: &lanes::Kinds, buckets: &[Bucket], bucket_ms: u64) {
    let top = canvas.y;
    canvas.heading("吞吐量", "Throughput", "requests that ended, per second of virtual time");
    let high = canvas.y + 6;
    shade(canvas, &record.faults, Area { x: 0, y: high, width: canvas.time.width, height: THROUGHPUT });
    begin_marks(canvas, record, kinds, high);
    throughput(canvas, buckets, bucket_ms, high);
    canvas.y = high + THROUGHPUT + GAP - 22;
    canvas.heading("延迟", "Latency", "milliseconds until the answer, or until the asker gave up; logarithmic");
    let low = canvas.y + 6;
    shade(canvas, &record.faults, Area { x: 0, y: low, width: canvas.time.width, height: LATENCY });
    latency(canvas, buckets, bucket_ms, low);
    canvas.y = low + LATENCY;
    for bucket in buckets.iter().filter(|bucket| bucket.ended.all() > 0) {
        let (x1, x2) = edges(canvas, bucket, bucket_ms);
        let area = between(x1, x2, top + 28, canvas.y - top - 28);
        canvas.plot.area("touch", area, &told(bucket, bucket_ms));
    }
    canvas.axis();
}

fn edges(canvas: &Canvas, bucket: &Bucket, bucket_ms: u64) -> (i64, i64) {
    (canvas.time.x(bucket.from_ms), canvas.time.x(bucket.from_ms.saturating_add(bucket_ms)))
}

fn told(bucket: &Bucket, bucket_ms: u64) -> String {
    let Bucket { from_ms, ended, took } = bucket;
    format!(
        "{} – {} s\n{} ended: {} done, {} refused, {} unknown\np50 {} ms, p99 {} ms, max {} ms",
        numbers::clock(*from_ms),
        numbers::clock(from_ms + bucket_ms),
        ended.all(),
        ended.done,
        ended.refused,
        ended.unknown,
        took.p50,
        took.p99,
        took.max
    )
}

fn throughput(canvas: &mut Canvas, buckets: &[Bucket], bucket_ms: u64, y: i64) {
    let seconds = (bucket_ms / 1_000).max(1);
    let most = buckets.iter().map(|bucket| bucket.ended.all()).max().unwrap_or(0).div_ceil(seconds).max(1);
    let step = count_step(most, 4);
    let top = most.div_ceil(step) * step;
    let rise = |count: u64, per: u64| {
        let height = u128::from(count) * u128::from(THROUGHPUT.unsigned_abs());
        i64::try_from(height.div_ceil(u128::from(top) * u128::from(per))).unwrap_or(THROUGHPUT)
    };
    let floor = y + THROUGHPUT;
    for mark in (0..=top).step_by(usize::try_from(step).unwrap_or(1)) {
        let at = floor - rise(mark, 1);
        canvas.rule(if mark == 0 { "rule" } else { "grid" }, at);
        canvas.label(at + 4, &numbers::grouped(mark));
    }
    for bucket in buckets {
        let (x1, x2) = edges(canvas, bucket, bucket_ms);
        let gap = i64::from(x2 - x1 > 3);
        let mut below = 0;
        for (class, count) in
            [("done", bucket.ended.done), ("refused", bucket.ended.refused), ("unknown", bucket.ended.unknown)]
        {
            // Each part is a pixel high at least: one request nobody was told about must not vanish.
            let above = rise(below + count, seconds).max(rise(below, seconds) + i64::from(count > 0));
            let from = rise(below, seconds);
            if count > 0 {
                canvas.plot.area(class, between(x1, x2 - gap, floor - above, above - from), "");
            }
            below += count;
        }
    }
}

fn latency(canvas: &mut Canvas, buckets: &[Bucket], bucket_ms: u64, y: i64) {
    let most = buckets.iter().map(|bucket| bucket.took.max).max().unwrap_or(0);
    let most = std::iter::successors(Some(100_u64), |at| at.checked_mul(10)).find(|at| *at >= most).unwrap_or(most);
    let scale = LogScale { height: LATENCY, most };
    let floor = y + LATENCY;
    for mark in scale.marks() {
        canvas.rule(if mark == 1 { "rule" } else { "grid" }, floor - scale.rise(mark));
        canvas.label(floor - scale.rise(mark) + 4, &format!("{} ms", numbers::grouped(mark)));
    }
    let (mut middle, mut high) = (String::new(), String::new());
    let mut before: Option<i64> = None;
    for bucket in buckets {
        if bucket.ended.all() == 0 {
            before = None;
            continue;
        }
        let (x1, x2) = edges(canvas, bucket, bucket_ms);
        let (y50, y99) = (floor - scale.rise(bucket.took.p50), floor - scale.rise(bucket.took.p99));
        canvas.plot.area("spread", between(x1, x2, y99, y50 - y99), "");
        // Where the stretch before had requests the line goes on; else it begins anew.
        let begin = if before == Some(x1) { 'L' } else { 'M' };
        middle.push_str(&format!("{begin}{x1} {y50}H{x2}"));
        high.push_str(&format!("{begin}{x1} {y99}H{x2}"));
        before = Some(x2);
    }
    canvas.plot.path("p99", &high, "");
    canvas.plot.path("p50", &middle, "");
    for bucket in buckets.iter().filter(|bucket| bucket.ended.all() > 0) {
        let (x1, x2) = edges(canvas, bucket, bucket_ms);
        canvas.plot.dot("slowest", (i64::midpoint(x1, x2), floor - scale.rise(bucket.took.max)), 2);
    }
}

/// The more faults at once, the darker: four steps.
fn shade(canvas: &mut Canvas, faults: &[FaultSpan], area: Area) {
    let pixels = usize::try_from(area.width).unwrap_or(0);
    let mut change = vec![0_i64; pixels + 2];
    for fault in faults {
        let begin = usize::try_from(canvas.time.x(fault.from_ms)).unwrap_or(0).min(pixels);
        let end = usize::try_from(canvas.time.x(fault.to_ms.max(fault.from_ms))).unwrap_or(0).min(pixels);
        change[begin] += 1;
        change[end.max(begin + 1)] -= 1;
    }
    let (mut begun, mut depth, mut running) = (0_i64, 0_i64, 0_i64);
    for (x, step) in (0_i64..).zip(change) {
        running += step;
        let now = running.min(4);
        if now != depth || x > area.width {
            if depth > 0 && begun < area.width {
                let strip = between(begun, x.min(area.width), area.y, area.height);
                canvas.plot.area_below(&format!("shade{depth}"), strip, "");
            }
            (begun, depth) = (x, now);
        }
    }
}

/// A mark in the colour of its kind where a fault begins.
fn begin_marks(canvas: &mut Canvas, record: &Record, kinds: &lanes::Kinds, y: i64) {
    let begins: std::collections::BTreeSet<(i64, usize)> =
        record.faults.iter().map(|fault| (canvas.time.x(fault.from_ms), kinds.colour(&fault.kind))).collect();
    // So many that they would be one band say nothing; the lanes below have them all.
    if begins.len() > BEGIN_MARKS {
        return;
    }
    for (x, colour) in begins {
        canvas.plot.area(&format!("k{colour}"), Area { x, y: y - 7, width: 2, height: 7 }, "");
    }
}
