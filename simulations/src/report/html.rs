//! One page about one run, to be looked at: everything is in it, and it needs nothing from elsewhere.

use askama::Template;

use super::machines::{Machine, failovers, leader_changes};
use super::{coverage, figures, lanes, machines, numbers, sequence, svg, timeline, words};
use crate::record::{Line, OrderStory, Province, Record, Verdict};

/// How many stories of orders a page draws.
const STORIES: usize = 24;
/// How many violations a page tells in full.
const VIOLATIONS: usize = 50;
/// How many lines of history a page holds, half of them from the beginning and half from the end.
const LINES: usize = 6_000;
/// From more flows than this on, the matrix has narrow columns.
const DENSE: usize = 14;
/// How many lines around one violation.
const AROUND: usize = 200;

#[derive(Template)]
#[template(path = "run.html")]
struct Page<'a> {
    record: &'a Record,
    verdict: Said,
    sub: String,
    wall_clock: String,
    tiles: Vec<Tile>,
    provinces: Vec<ProvinceView<'a>>,
    violations: Vec<ViolationView<'a>>,
    violations_left_out: usize,
    timeline: timeline::Timeline,
    kinds: Vec<KindView<'a>>,
    flows: Vec<FlowView>,
    coverage: CoverageView,
    counts: Vec<CountView<'a>>,
    seen: Vec<CountView<'a>>,
    never_seen: usize,
    stories: Vec<StoryView<'a>>,
    stories_left_out: usize,
    lines: LinesView<'a>,
}

/// A verdict in words.
pub(super) struct Said {
    pub(super) class: &'static str,
    pub(super) chinese: &'static str,
    pub(super) english: &'static str,
    pub(super) sign: &'static str,
}

/// One figure of the head.
pub(super) struct Tile {
    pub(super) chinese: &'static str,
    pub(super) english: &'static str,
    pub(super) figure: String,
    pub(super) more: String,
}

struct ProvinceView<'a> {
    colour: usize,
    name: String,
    code: &'a str,
    machines: &'a [String],
}

struct ViolationView<'a> {
    property: &'a str,
    clause: &'a str,
    what: &'a str,
    at: String,
    around: LinesView<'a>,
}

struct KindView<'a> {
    kind: &'a str,
    chinese: &'static str,
    colour: usize,
    times: String,
}

struct FlowView {
    name: String,
    chinese: &'static str,
    all: String,
    done: String,
    refused: String,
    unknown: String,
    p50: String,
    p99: String,
    max: String,
    sent: String,
    codes: Vec<(String, String)>,
    /// Widths in percent of the bar that shows how they ended.
    bar: [u64; 3],
}

struct CoverageView {
    /// The name in pieces, so that a narrow column can break it.
    flows: Vec<(Vec<String>, &'static str)>,
    rows: Vec<CoverageRow>,
    calm: Vec<String>,
    all: Vec<String>,
    /// So many flows that their names stand upright.
    dense: bool,
    never: usize,
    pairs: usize,
}

struct CoverageRow {
    kind: String,
    chinese: &'static str,
    struck: String,
    cells: Vec<Cell>,
}

struct Cell {
    heat: u32,
    figure: String,
    title: String,
}

struct CountView<'a> {
    name: &'a str,
    times: u64,
    figure: String,
}

struct StoryView<'a> {
    story: &'a OrderStory,
    chinese: &'static str,
    number: usize,
    summary: String,
    drawing: sequence::Sequence,
}

/// Lines, the middle left out when there are very many.
struct LinesView<'a> {
    first: Vec<(String, &'a str)>,
    left_out: usize,
    last: Vec<(String, &'a str)>,
    all: usize,
}

impl<'a> LinesView<'a> {
    fn of(lines: &'a [Line], most: usize) -> Self {
        let told = |lines: &'a [Line]| -> Vec<(String, &'a str)> {
            lines.iter().map(|line| (numbers::clock(line.at_ms), line.what.as_str())).collect()
        };
        let all = lines.len();
        if all <= most {
            return Self { first: told(lines), left_out: 0, last: Vec::new(), all };
        }
        let half = most / 2;
        Self { first: told(&lines[..half]), left_out: all - 2 * half, last: told(&lines[all - half..]), all }
    }
}

/// The page. The same record gives the same page.
#[must_use]
pub fn page(record: &Record) -> String {
    let machines = machines::machines(record);
    let coverage = coverage_of(record);
    let stories = record.stories.iter().take(STORIES).enumerate();
    let counts: Vec<CountView<'_>> = record.counts.iter().map(count).collect();
    let seen: Vec<CountView<'_>> = record.seen.iter().map(count).collect();
    let page = Page {
        record,
        verdict: said(record.verdict),
        sub: sub(record),
        wall_clock: numbers::wall_clock(record.began_at_ms),
        tiles: tiles(record),
        provinces: provinces(record),
        violations: record.violations.iter().take(VIOLATIONS).map(violation).collect(),
        violations_left_out: record.violations.len().saturating_sub(VIOLATIONS),
        timeline: timeline::timeline(record),
        kinds: kinds(record),
        flows: figures::flows(&record.operations).into_iter().map(flow).collect(),
        coverage,
        never_seen: seen.iter().filter(|count| count.times == 0).count(),
        counts,
        seen,
        stories: stories.map(|(place, story)| story_view(place + 1, story, record, &machines)).collect(),
        stories_left_out: record.stories.len().saturating_sub(STORIES),
        lines: LinesView::of(&record.lines, LINES),
    };
    rendered(&page)
}

/// A template as a page; what no page can hold becomes a replacement character.
pub(super) fn rendered(page: &impl Template) -> String {
    let text = page.render().expect("a string takes what it is given, and the templates refuse nothing");
    text.chars().map(svg::sayable).collect()
}

pub(super) fn said(verdict: Verdict) -> Said {
    let (chinese, english, sign) = words::verdict(verdict);
    let class = match verdict {
        Verdict::Passed => "passed",
        Verdict::Violated => "violated",
        Verdict::Inconclusive => "inconclusive",
    };
    Said { class, chinese, english, sign }
}

fn sub(record: &Record) -> String {
    let machines: usize = record.provinces.iter().map(|province| province.machines.len()).sum();
    format!(
        "{} provinces, {machines} machines; {} of virtual time in {} – {} real time",
        record.provinces.len(),
        numbers::length(record.virtual_ms),
        numbers::length(record.real_ms),
        numbers::times(record.virtual_ms, record.real_ms),
    )
}

fn tiles(record: &Record) -> Vec<Tile> {
    let ended = figures::Ended::of(&record.operations);
    let mut took: Vec<u64> = record.operations.iter().map(|operation| operation.took_ms).collect();
    let took = figures::Took::of(&mut took);
    let failovers = failovers(record);
    let longest = failovers.iter().max_by_key(|failover| failover.took_ms);
    let tile = |chinese, english, figure, more| Tile { chinese, english, figure, more };
    vec![
        tile(
            "请求",
            "requests",
            numbers::grouped(ended.all()),
            format!("{} done", numbers::share(ended.done, ended.all())),
        ),
        tile("拒绝", "refused", numbers::grouped(ended.refused), numbers::share(ended.refused, ended.all())),
        tile("未知", "unknown", numbers::grouped(ended.unknown), numbers::share(ended.unknown, ended.all())),
        tile("延迟", "median", numbers::length(took.p50), format!("p99 {}", numbers::length(took.p99))),
        tile(
            "故障",
            "faults",
            numbers::grouped(count_of(record.faults.len())),
            format!("{} kinds", lanes::kinds(&record.faults).all().count()),
        ),
        tile(
            "换主",
            "leader changes",
            numbers::grouped(leader_changes(record)),
            longest.map_or_else(
                || "nobody was missed".to_owned(),
                |longest| format!("longest {}", numbers::length(longest.took_ms)),
            ),
        ),
    ]
}

fn count_of(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}

fn provinces(record: &Record) -> Vec<ProvinceView<'_>> {
    record.provinces.iter().enumerate().map(|(place, province)| province_view(place, province)).collect()
}

fn province_view(place: usize, province: &Province) -> ProvinceView<'_> {
    ProvinceView {
        colour: lanes::province_colour(place),
        name: words::province(province),
        code: &province.code,
        machines: &province.machines,
    }
}

fn violation(violation: &crate::record::Violation) -> ViolationView<'_> {
    ViolationView {
        property: &violation.property,
        clause: &violation.clause,
        what: &violation.what,
        at: numbers::clock(violation.at_ms),
        around: LinesView::of(&violation.around, AROUND),
    }
}

fn kinds(record: &Record) -> Vec<KindView<'_>> {
    let known = lanes::kinds(&record.faults);
    let mut views: Vec<KindView<'_>> = Vec::new();
    for fault in &record.faults {
        if views.iter().any(|view| view.kind == fault.kind) {
            continue;
        }
        let times = known.all().find(|(kind, ..)| *kind == fault.kind).map_or(0, |(.., times)| times);
        views.push(KindView {
            kind: &fault.kind,
            chinese: words::fault_zh(&fault.kind),
            colour: known.colour(&fault.kind),
            times: numbers::grouped(times),
        });
    }
    views.sort_by_key(|view| view.kind);
    views
}

fn flow(flow: figures::Flow) -> FlowView {
    let all = flow.ended.all();
    let percent = |part: u64| part.saturating_mul(100).div_ceil(all.max(1));
    let bar = [percent(flow.ended.done), percent(flow.ended.refused), percent(flow.ended.unknown)];
    FlowView {
        chinese: words::flow_zh(&flow.name),
        name: flow.name,
        all: numbers::grouped(all),
        done: numbers::grouped(flow.ended.done),
        refused: numbers::grouped(flow.ended.refused),
        unknown: numbers::grouped(flow.ended.unknown),
        p50: numbers::grouped(flow.took.p50),
        p99: numbers::grouped(flow.took.p99),
        max: numbers::grouped(flow.took.max),
        sent: numbers::grouped(flow.sent),
        codes: flow.codes.into_iter().map(|(code, times)| (code, numbers::grouped(times))).collect(),
        bar,
    }
}

fn coverage_of(record: &Record) -> CoverageView {
    let found = coverage::coverage(&record.faults, &record.operations);
    let never = found.never();
    let most = found.rows.iter().flat_map(|row| &row.met).max().copied().unwrap_or(0);
    let cell = |kind: &str, flow: &str, met: u64| Cell {
        heat: heat(met, most),
        figure: numbers::grouped(met),
        title: format!("{met} × {flow} while {kind}"),
    };
    let row = |row: &coverage::Row| CoverageRow {
        kind: row.kind.clone(),
        chinese: words::fault_zh(&row.kind),
        struck: numbers::grouped(row.struck),
        cells: found.flows.iter().zip(&row.met).map(|(flow, met)| cell(&row.kind, flow, *met)).collect(),
    };
    CoverageView {
        rows: found.rows.iter().map(row).collect(),
        calm: found.calm.iter().map(|times| numbers::grouped(*times)).collect(),
        all: found.all.iter().map(|times| numbers::grouped(*times)).collect(),
        dense: found.flows.len() > DENSE,
        never,
        pairs: found.rows.len() * found.flows.len(),
        flows: found.flows.iter().map(|flow| (pieces(flow), words::flow_zh(flow))).collect(),
    }
}

fn pieces(name: &str) -> Vec<String> {
    name.split('_').map(str::to_owned).collect()
}

/// Nothing is 0; the rest is 1 to 5 by orders of magnitude, because one frequent flow would make all
/// others look alike.
fn heat(met: u64, most: u64) -> u32 {
    if met == 0 {
        return 0;
    }
    let whole = (most.ilog2() + 1).max(1);
    (1 + met.ilog2() * 5 / whole).min(5)
}

fn count<'a>((name, times): (&'a String, &u64)) -> CountView<'a> {
    CountView { name, times: *times, figure: numbers::grouped(*times) }
}

fn story_view<'a>(
    number: usize,
    story: &'a OrderStory,
    record: &Record,
    machines: &std::collections::BTreeMap<String, Machine>,
) -> StoryView<'a> {
    let lost = story.hops.iter().filter(|hop| hop.arrived_ms.is_none()).count();
    let times = || story.hops.iter().map(|hop| hop.at_ms).chain(story.steps.iter().map(|step| step.at_ms));
    let long = times().max().unwrap_or(0) - times().min().unwrap_or(0);
    let summary = format!(
        "{} messages, {lost} lost; {} written down; {}",
        story.hops.len(),
        story.steps.len(),
        numbers::length(long)
    );
    let drawing = sequence::sequence(story, record, machines);
    StoryView { story, chinese: words::flow_zh(&story.flow), number, summary, drawing }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn heat_tells_orders_of_magnitude_and_nothing_apart() {
        assert_eq!([0, 1, 2, 40, 999, 1_000].map(|met| heat(met, 1_000)), [0, 1, 1, 3, 5, 5]);
        assert_eq!((heat(1, 1), heat(0, 0)), (1, 0));
    }
}
