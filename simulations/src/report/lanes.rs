//! Lanes over time: a lane for each kind of fault, and one for each machine.

use std::collections::BTreeMap;

use super::machines::{self, Machine};
use super::scale::TimeScale;
use super::svg::{Area, fitted};
use super::timeline::{Canvas, between};
use super::{numbers, words};
use crate::record::{FaultSpan, Province, Record};

/// How many colours there are for kinds of faults; more kinds begin again, and their lanes have names.
const COLOURS: usize = 9;
/// How many colours there are for provinces.
const PROVINCE_COLOURS: usize = 8;
/// How many things one title tells one by one.
const TOLD: usize = 6;

/// The kinds of faults of a run.
#[derive(Debug, Clone)]
pub(crate) struct Kinds(BTreeMap<String, (usize, u64)>);

impl Kinds {
    /// The colour of a kind.
    pub(crate) fn colour(&self, kind: &str) -> usize {
        self.0.get(kind).map_or(0, |(place, _)| place % COLOURS)
    }

    /// Each kind, its colour, and how often it struck.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, usize, u64)> {
        self.0.iter().map(|(kind, (place, times))| (kind.as_str(), place % COLOURS, *times))
    }
}

/// The kinds in these faults.
pub(crate) fn kinds(faults: &[FaultSpan]) -> Kinds {
    let mut times: BTreeMap<String, u64> = BTreeMap::new();
    for fault in faults {
        *times.entry(fault.kind.clone()).or_default() += 1;
    }
    Kinds(times.into_iter().enumerate().map(|(place, (kind, times))| (kind, (place, times))).collect())
}

/// The colour of a province, by its place among the others.
pub(crate) const fn province_colour(place: usize) -> usize {
    place % PROVINCE_COLOURS
}

/// One thing in a lane.
struct Piece {
    from_ms: u64,
    to_ms: u64,
    title: String,
}

/// Things so close that a drawing can not tell them apart.
struct Cluster {
    x1: i64,
    x2: i64,
    title: String,
}

/// Pieces as what can be drawn: no more clusters than every other pixel has room for.
fn clusters(mut pieces: Vec<Piece>, time: &TimeScale) -> Vec<Cluster> {
    pieces.sort_by_key(|piece| (piece.from_ms, piece.to_ms));
    let mut found: Vec<(Cluster, usize)> = Vec::new();
    for piece in pieces {
        let (x1, x2) = (time.x(piece.from_ms), time.x(piece.to_ms.max(piece.from_ms)));
        match found.last_mut() {
            Some((last, count)) if x1 <= last.x2.max(last.x1 + 1) => {
                last.x2 = last.x2.max(x2);
                *count += 1;
                if *count <= TOLD {
                    last.title.push('\n');
                    last.title.push_str(&piece.title);
                }
            }
            _ => found.push((Cluster { x1, x2, title: piece.title }, 1)),
        }
    }
    for (cluster, count) in &mut found {
        if *count > TOLD {
            cluster.title.push_str(&format!("\n… and {} more", *count - TOLD));
        }
    }
    found.into_iter().map(|(cluster, _)| cluster).collect()
}

fn told(fault: &FaultSpan) -> String {
    let mut text = format!("{} {} · {} s", fault.kind, fault.target, numbers::clock(fault.from_ms));
    if fault.to_ms > fault.from_ms {
        let long = numbers::length(fault.to_ms - fault.from_ms);
        text.push_str(&format!(" – {} s ({long})", numbers::clock(fault.to_ms)));
    }
    if !fault.detail.is_empty() {
        text.push_str(&format!(" · {}", fault.detail));
    }
    text
}

fn piece(fault: &FaultSpan) -> Piece {
    Piece { from_ms: fault.from_ms, to_ms: fault.to_ms, title: told(fault) }
}

/// A lane for each kind of fault.
pub(crate) fn faults(canvas: &mut Canvas, record: &Record, kinds: &Kinds) {
    let more =
        if record.faults.is_empty() { "none in this run" } else { "a lane for each kind; rest on one to read it" };
    canvas.heading("故障", "Faults", more);
    canvas.y += 16;
    for (kind, colour, times) in kinds.all() {
        let pieces = record.faults.iter().filter(|fault| fault.kind == kind).map(piece).collect();
        canvas.rule("lane", canvas.y + 8);
        canvas.gutter.area(&format!("k{colour}"), Area { x: 0, y: canvas.y + 4, width: 8, height: 8 }, "");
        let name = format!("{} {kind} ×{times}", words::fault_zh(kind));
        canvas.gutter.words_titled("t", (13, canvas.y + 12), &fitted(name.trim(), 150), &name);
        for cluster in clusters(pieces, &canvas.time) {
            let area = between(cluster.x1, cluster.x2.max(cluster.x1 + 2), canvas.y + 3, 10);
            canvas.plot.area(&format!("k{colour}"), area, &cluster.title);
        }
        canvas.y += 17;
    }
    canvas.y += 14;
}

/// A lane for each machine, the provinces one below the other.
pub(crate) fn provinces(canvas: &mut Canvas, record: &Record, kinds: &Kinds) {
    let machines = machines::machines(record);
    canvas.heading("机器", "Machines", "thick and coloured: led · black: dark · ticks: what else struck it");
    canvas.y += 16;
    for (place, province) in record.provinces.iter().enumerate() {
        heading_of(canvas, province);
        for name in &province.machines {
            if let Some(machine) = machines.get(name) {
                lane(canvas, record, kinds, (place, name), machine);
            }
            canvas.label(canvas.y + 12, name);
            canvas.y += 17;
        }
        canvas.y += 7;
    }
    canvas.axis();
}

fn heading_of(canvas: &mut Canvas, province: &Province) {
    // The first lane's room is shared with the machine's name, so only the short name stands there.
    let short = if province.name_zh.is_empty() { &province.name } else { &province.name_zh };
    let long = format!("{} ({})", words::province(province), province.code);
    canvas.gutter.words_titled(
        "t strong",
        (0, canvas.y + 12),
        &fitted(&format!("{short} {}", province.code), 88),
        &long,
    );
}

fn lane(canvas: &mut Canvas, record: &Record, kinds: &Kinds, (place, name): (usize, &str), machine: &Machine) {
    let (y, time) = (canvas.y, canvas.time);
    canvas.plot.area_below("alive", Area { x: 0, y: y + 6, width: time.width, height: 4 }, "");
    let led = machine.led.iter().map(|led| {
        let (from_ms, to_ms) = (led.span.from_ms, led.span.to_ms);
        let title = format!("{name} led {} – {} s, term {}", numbers::clock(from_ms), numbers::clock(to_ms), led.term);
        Piece { from_ms, to_ms, title }
    });
    for cluster in clusters(led.collect(), &time) {
        let class = format!("led p{}", province_colour(place));
        canvas.plot.area(&class, between(cluster.x1, cluster.x2, y + 2, 12), &cluster.title);
    }
    let dark = machine.dark.iter().map(|span| {
        let (from_ms, to_ms) = (span.from_ms, span.to_ms);
        let title = format!("{name} was dark {} – {} s", numbers::clock(from_ms), numbers::clock(to_ms));
        Piece { from_ms, to_ms, title }
    });
    for cluster in clusters(dark.collect(), &time) {
        canvas.plot.area("dark", between(cluster.x1, cluster.x2.max(cluster.x1 + 2), y + 1, 14), &cluster.title);
    }
    let mut by_kind: BTreeMap<&str, Vec<Piece>> = BTreeMap::new();
    for fault in machine.struck.iter().filter_map(|place| record.faults.get(*place)) {
        by_kind.entry(&fault.kind).or_default().push(piece(fault));
    }
    for (kind, pieces) in by_kind {
        let class = format!("k{}", kinds.colour(kind));
        for cluster in clusters(pieces, &time) {
            canvas.plot.open("", &cluster.title);
            canvas.plot.area(&class, between(cluster.x1, cluster.x2, y + 14, 2), "");
            canvas.plot.area(&class, Area { x: cluster.x1, y: y + 4, width: 2, height: 12 }, "");
            canvas.plot.close();
        }
    }
}
