//! One page about many seeds.

use std::collections::BTreeMap;

use askama::Template;

use super::distribution::{distribution, part};
use super::html::{Said, Tile, rendered, said};
use super::numbers;
use super::sweep::{SeedFigures, SeedViolation, SweepSummary};
use crate::record::Verdict;

/// How many cells the map of seeds has at most.
const CELLS: usize = 2_400;
/// How many violations a page tells.
const VIOLATIONS: usize = 500;

#[derive(Template)]
#[template(path = "sweep.html")]
struct Page<'a> {
    summary: &'a SweepSummary,
    verdict: Said,
    sub: String,
    wall_clock: String,
    tiles: Vec<Tile>,
    violations: &'a [SeedViolation],
    violations_left_out: usize,
    cells: Vec<Cell>,
    seeds_a_cell: usize,
    plots: Vec<Plot>,
    counts: Vec<CountView<'a>>,
    seen: Vec<SeenView<'a>>,
    never_seen: usize,
}

struct Cell {
    class: &'static str,
    title: String,
}

struct Plot {
    chinese: &'static str,
    english: &'static str,
    more: String,
    drawing: String,
}

struct CountView<'a> {
    name: &'a str,
    figure: String,
    a_seed: String,
}

struct SeenView<'a> {
    name: &'a str,
    never: bool,
    times: String,
    seeds: String,
    /// In percent of all seeds.
    width: u64,
}

/// The page. The same summary gives the same page.
#[must_use]
pub fn page(summary: &SweepSummary) -> String {
    let seeds = count_of(summary.seeds.len());
    let seeds_a_cell = summary.seeds.len().div_ceil(CELLS).max(1);
    let shown = summary.violations.len().min(VIOLATIONS);
    let page = Page {
        summary,
        verdict: said(summary.verdict()),
        sub: sub(summary),
        wall_clock: numbers::wall_clock(summary.began_at_ms),
        tiles: tiles(summary),
        violations: &summary.violations[..shown],
        violations_left_out: summary.violations.len() - shown,
        cells: summary.seeds.chunks(seeds_a_cell).map(cell).collect(),
        seeds_a_cell,
        plots: plots(summary),
        counts: summary.counts.iter().map(|(name, times)| count(name, *times, seeds)).collect(),
        never_seen: summary.never_seen().len(),
        seen: summary
            .seen
            .iter()
            .map(|(name, seen)| SeenView {
                name,
                never: seen.times == 0,
                times: numbers::grouped(seen.times),
                seeds: numbers::grouped(seen.seeds),
                width: seen.seeds.saturating_mul(100) / seeds.max(1),
            })
            .collect(),
    };
    rendered(&page)
}

fn count_of(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}

fn real_ms(summary: &SweepSummary) -> u64 {
    if summary.real_ms > 0 { summary.real_ms } else { summary.seeds.iter().map(|seed| seed.real_ms).sum() }
}

fn sub(summary: &SweepSummary) -> String {
    format!(
        "{} seeds; {} of virtual time in {} – {} real time",
        numbers::grouped(count_of(summary.seeds.len())),
        numbers::length(summary.virtual_ms()),
        numbers::length(real_ms(summary)),
        numbers::times(summary.virtual_ms(), real_ms(summary)),
    )
}

fn tiles(summary: &SweepSummary) -> Vec<Tile> {
    let of = |verdict| count_of(summary.seeds.iter().filter(|seed| seed.verdict == verdict).count());
    let tile = |chinese, english, figure, more| Tile { chinese, english, figure, more };
    let operations = summary.seeds.iter().map(|seed| seed.operations).sum();
    let faults = summary.counts.iter().filter(|(name, _)| name.starts_with("fault: ")).map(|(_, times)| times).sum();
    let failovers = summary.failovers.values().sum();
    vec![
        tile(
            "种子",
            "seeds",
            numbers::grouped(count_of(summary.seeds.len())),
            format!("{} passed", numbers::grouped(of(Verdict::Passed))),
        ),
        tile(
            "违反",
            "violated",
            numbers::grouped(of(Verdict::Violated)),
            format!("{} inconclusive", of(Verdict::Inconclusive)),
        ),
        tile("请求", "requests", numbers::grouped(operations), String::new()),
        tile(
            "虚拟秒",
            "virtual seconds",
            numbers::grouped(summary.virtual_ms() / 1_000),
            format!("{} real", numbers::grouped(real_ms(summary) / 1_000)),
        ),
        tile("故障", "faults", numbers::grouped(faults), String::new()),
        tile(
            "失主",
            "failovers",
            numbers::grouped(failovers),
            format!("median {}", numbers::length(part(&summary.failovers, 50))),
        ),
    ]
}

/// A cell shows the worst of its seeds.
fn cell(seeds: &[SeedFigures]) -> Cell {
    let any = |verdict| seeds.iter().any(|seed| seed.verdict == verdict);
    let class = if any(Verdict::Violated) {
        "violated"
    } else if any(Verdict::Inconclusive) {
        "inconclusive"
    } else {
        "passed"
    };
    let title = match seeds {
        [one] => format!(
            "seed {}: {class}; {} requests, p99 {}, longest failover {}, {} real time",
            one.seed,
            numbers::grouped(one.operations),
            numbers::length(one.p99_ms),
            numbers::length(one.failover_max_ms),
            numbers::times(one.virtual_ms, one.real_ms),
        ),
        [first, .., last] => format!("{} seeds, {} – {}: {class}", seeds.len(), first.seed, last.seed),
        [] => String::new(),
    };
    Cell { class, title }
}

fn plots(summary: &SweepSummary) -> Vec<Plot> {
    let ran = || summary.seeds.iter().filter(|seed| seed.virtual_ms > 0);
    let collect = |values: &mut dyn Iterator<Item = u64>| {
        let mut found: BTreeMap<u64, u64> = BTreeMap::new();
        values.for_each(|value| *found.entry(value).or_default() += 1);
        found
    };
    let speeds = collect(&mut ran().map(|seed| seed.virtual_ms.saturating_mul(10) / seed.real_ms.max(1)));
    let slowest = collect(&mut ran().map(|seed| seed.p99_ms));
    let longest = collect(&mut ran().map(|seed| seed.failover_max_ms));
    let spread = |values: &BTreeMap<u64, u64>, said: &dyn Fn(u64) -> String| {
        format!("p50 {} · p99 {} · max {}", said(part(values, 50)), said(part(values, 99)), said(part(values, 100)))
    };
    let plot = |chinese, english: &'static str, values: &BTreeMap<u64, u64>, said: &dyn Fn(u64) -> String| Plot {
        chinese,
        english,
        more: if values.is_empty() { "none".to_owned() } else { spread(values, said) },
        drawing: distribution(values, english, said),
    };
    let tenths = |value: u64| format!("{}.{}×", value / 10, value % 10);
    vec![
        plot("失主时长", "Failover: without a leader", &summary.failovers, &numbers::length),
        plot("最长失主", "Longest failover of a seed", &longest, &numbers::length),
        plot("速度", "Virtual speed of a seed", &speeds, &tenths),
        plot("延迟 p99", "Latency of a seed, p99", &slowest, &numbers::length),
    ]
}

fn count(name: &str, times: u64, seeds: u64) -> CountView<'_> {
    let tenths = times.saturating_mul(10) / seeds.max(1);
    CountView {
        name,
        figure: numbers::grouped(times),
        a_seed: format!("{}.{}", numbers::grouped(tenths / 10), tenths % 10),
    }
}
