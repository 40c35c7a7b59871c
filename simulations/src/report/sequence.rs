//! An order's way through the provinces: who told whom what, and what was written down where.
//!
//! Time runs down but not evenly: a row for each thing, so that a busy millisecond can be read and a
//! quiet minute takes no room. What machines did meanwhile is on their lifelines.

use std::collections::BTreeMap;

use super::lanes::province_colour;
use super::machines::Machine;
use super::repeats::stretches;
use super::svg::{Area, Svg, fitted, wide};
use super::{numbers, words};
use crate::record::{Hop, OrderStory, Record, Step};

/// How wide the times at the left are.
const GUTTER: i64 = 122;
/// How high the names at the top are.
const HEAD: i64 = 54;
/// Room at the right for what repeats.
const MARGIN: i64 = 92;
/// Nobody reads more rows than this of one order.
const ROWS: usize = 400;
/// A silence from this length on is said.
const SILENCE_MS: u64 = 1_000;

/// The parts of the drawing; names and times stay in sight when it is scrolled.
#[derive(Debug)]
pub(crate) struct Sequence {
    pub(crate) head: String,
    pub(crate) gutter: String,
    pub(crate) body: String,
    /// How many things were left out at the end.
    pub(crate) left_out: usize,
}

/// Who takes part.
struct Party {
    name: String,
    /// The place of its province in the record.
    province: Option<usize>,
}

/// What a row shows.
#[derive(Clone, Copy)]
enum Thing<'a> {
    Hop(&'a Hop),
    Step(&'a Step),
    /// Something a machine did: its name and what.
    Mark(&'a str, Mark),
    /// Nothing, for so long.
    Silence(u64),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Dark,
    Back,
    Leads(u64),
}

impl PartialEq for Thing<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Hop(one), Self::Hop(two)) => {
                let lost = one.arrived_ms.is_none() == two.arrived_ms.is_none();
                (&one.from, &one.to, &one.what) == (&two.from, &two.to, &two.what) && lost
            }
            (Self::Step(one), Self::Step(two)) => (&one.province, &one.what) == (&two.province, &two.what),
            (Self::Mark(one, what), Self::Mark(two, other)) => (one, what) == (two, other),
            _ => false,
        }
    }
}

struct Row<'a> {
    at_ms: u64,
    until_ms: u64,
    thing: Thing<'a>,
    times: usize,
    y: i64,
}

/// Rows that repeat together.
struct Bracket {
    first: usize,
    last: usize,
    times: usize,
    until_ms: u64,
}

/// Draws it.
pub(crate) fn sequence(story: &OrderStory, record: &Record, machines: &BTreeMap<String, Machine>) -> Sequence {
    let parties = parties(story, record);
    let (mut rows, mut brackets) = rows(&things(story, &parties, machines));
    let left_out = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    brackets.retain(|bracket| bracket.last < rows.len());
    let mut height = 8;
    for row in &mut rows {
        let room = match row.thing {
            Thing::Hop(_) => 31,
            Thing::Step(_) => 27,
            Thing::Mark(..) => 22,
            Thing::Silence(_) => 26,
        };
        height += room;
        row.y = height - if matches!(row.thing, Thing::Hop(_)) { 7 } else { room / 2 };
    }
    let height = height + 16;
    let count = i64::try_from(parties.len()).unwrap_or(1).max(1);
    let column = (940 / count).clamp(92, 170);
    let drawing = Drawing { record, machines, parties: &parties, column, width: column * count, height };
    Sequence {
        head: drawing.head(),
        gutter: gutter(&rows, height),
        body: drawing.body(&rows, &brackets, &story.order),
        left_out,
    }
}

/// The street at the left, then the provinces, then those outside.
fn parties(story: &OrderStory, record: &Record) -> Vec<Party> {
    let mut home: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (place, province) in record.provinces.iter().enumerate() {
        home.insert(&province.code, (place, 0));
        for (number, machine) in province.machines.iter().enumerate() {
            home.insert(machine, (place, number + 1));
        }
    }
    let named = story.hops.iter().flat_map(|hop| [&hop.from, &hop.to]).map(String::as_str);
    // A province that wrote something down and whose machines said nothing takes part under its code.
    let in_hops: Vec<usize> = named.clone().filter_map(|name| home.get(name).map(|(place, _)| *place)).collect();
    let silent = story
        .steps
        .iter()
        .map(|step| step.province.as_str())
        .filter(|code| home.get(code).is_none_or(|(place, _)| !in_hops.contains(place)));
    let mut order: BTreeMap<(usize, usize, usize, &str), Party> = BTreeMap::new();
    for name in named.chain(silent) {
        let province = home.get(name).map(|(place, _)| *place);
        let group = match (name, province) {
            ("street", _) => 0,
            (_, Some(_)) => 1,
            _ if name.starts_with("SP") => 2,
            _ => 3,
        };
        let (place, number) = home.get(name).copied().unwrap_or_default();
        order.insert((group, place, number, name), Party { name: name.to_owned(), province });
    }
    order.into_values().collect()
}

/// Everything in the order of time. What was written down stands before what was said in the same
/// millisecond: nothing is told before it is written.
fn things<'a>(
    story: &'a OrderStory,
    parties: &'a [Party],
    machines: &BTreeMap<String, Machine>,
) -> Vec<(u64, Thing<'a>)> {
    let mut things: Vec<(u64, Thing<'a>)> = Vec::new();
    things.extend(story.steps.iter().map(|step| (step.at_ms, Thing::Step(step))));
    things.extend(story.hops.iter().map(|hop| (hop.at_ms, Thing::Hop(hop))));
    let first = things.iter().map(|(at, _)| *at).min().unwrap_or(0);
    let last = things.iter().map(|(at, _)| *at).max().unwrap_or(0);
    let within = |at: u64| (first..=last).contains(&at);
    let mut marks = Vec::new();
    for party in parties {
        let Some(machine) = machines.get(&party.name) else { continue };
        for span in &machine.dark {
            marks.push((span.from_ms, Thing::Mark(&party.name, Mark::Dark)));
            marks.push((span.to_ms, Thing::Mark(&party.name, Mark::Back)));
        }
        marks.extend(machine.led.iter().map(|led| (led.span.from_ms, Thing::Mark(&party.name, Mark::Leads(led.term)))));
    }
    things.extend(marks.into_iter().filter(|(at, _)| within(*at)));
    things.sort_by_key(|(at, thing)| (*at, matches!(thing, Thing::Hop(_))));
    things
}

fn rows<'a>(things: &[(u64, Thing<'a>)]) -> (Vec<Row<'a>>, Vec<Bracket>) {
    let only: Vec<Thing<'a>> = things.iter().map(|(_, thing)| *thing).collect();
    let (mut rows, mut brackets): (Vec<Row<'a>>, Vec<Bracket>) = (Vec::new(), Vec::new());
    let mut before: Option<u64> = None;
    for stretch in stretches(&only) {
        let until_ms = things[stretch.begin + stretch.long * stretch.times - 1].0;
        let begun = things[stretch.begin].0;
        if let Some(silence) = before.and_then(|before| begun.checked_sub(before)).filter(|long| *long >= SILENCE_MS) {
            let (at_ms, thing) = (begun - silence, Thing::Silence(silence));
            rows.push(Row { at_ms, until_ms: begun, thing, times: 1, y: 0 });
        }
        let first = rows.len();
        let alone = stretch.long == 1;
        for (at_ms, thing) in &things[stretch.begin..stretch.begin + stretch.long] {
            let times = if alone { stretch.times } else { 1 };
            rows.push(Row { at_ms: *at_ms, until_ms, thing: *thing, times, y: 0 });
        }
        if !alone && stretch.times > 1 {
            brackets.push(Bracket { first, last: rows.len() - 1, times: stretch.times, until_ms });
        }
        before = Some(until_ms);
    }
    (rows, brackets)
}

fn gutter(rows: &[Row<'_>], height: i64) -> String {
    let mut drawing = Svg::default();
    let first = rows.first().map_or(0, |row| row.at_ms);
    let mut before = None;
    for row in rows.iter().filter(|row| !matches!(row.thing, Thing::Silence(_))) {
        let y = row.y + 4;
        if before != Some(row.at_ms) {
            drawing.words("t mono end", (58, y), &numbers::clock(row.at_ms));
            let since = format!("+{}", numbers::clock(row.at_ms.saturating_sub(first)));
            drawing.words("t mono faint end", (116, y), &since);
        }
        before = Some(row.at_ms);
    }
    drawing.finish("gutter", (GUTTER, height), "times in seconds, and since the first")
}

struct Drawing<'a> {
    record: &'a Record,
    machines: &'a BTreeMap<String, Machine>,
    parties: &'a [Party],
    column: i64,
    width: i64,
    height: i64,
}

impl Drawing<'_> {
    fn x(&self, place: usize) -> i64 {
        i64::try_from(place).unwrap_or(0) * self.column + self.column / 2
    }

    fn x_of(&self, name: &str) -> i64 {
        self.parties.iter().position(|party| party.name == name).map_or(0, |place| self.x(place))
    }

    /// The provinces that take part: their place in the record, and from where to where they stand.
    fn groups(&self) -> Vec<(usize, i64, i64)> {
        let mut groups: Vec<(usize, i64, i64)> = Vec::new();
        for (place, party) in self.parties.iter().enumerate() {
            let Some(province) = party.province else { continue };
            let (left, right) = (self.x(place) - self.column / 2 + 4, self.x(place) + self.column / 2 - 4);
            match groups.last_mut() {
                Some(last) if last.0 == province => last.2 = right,
                _ => groups.push((province, left, right)),
            }
        }
        groups
    }

    fn head(&self) -> String {
        let mut drawing = Svg::default();
        for (province, left, right) in self.groups() {
            let area = Area { x: left, y: 0, width: right - left, height: HEAD };
            drawing.area_below(&format!("tint p{}", province_colour(province)), area, "");
            if let Some(province) = self.record.provinces.get(province) {
                let long = format!("{} {}", words::province(province), province.code);
                let fits = if wide(&long) <= right - left - 6 {
                    long.clone()
                } else {
                    format!("{} {}", province.name_zh, province.code)
                };
                let fits = fitted(&fits, right - left - 6);
                drawing.words_titled("t strong middle", (i64::midpoint(left, right), 16), &fits, &long);
            }
        }
        for (place, party) in self.parties.iter().enumerate() {
            let area = Area { x: self.x(place) - self.column / 2 + 8, y: 24, width: self.column - 16, height: 24 };
            let class = match party.province {
                Some(province) => format!("party p{}", province_colour(province)),
                None => "party outside".to_owned(),
            };
            drawing.area(&class, area, &party.name);
            let name = match party.name.as_str() {
                "street" => "用户 street",
                "SMSC" => "短信 SMSC",
                other => other,
            };
            let class = if party.province.is_some() { "onparty middle" } else { "t strong middle" };
            drawing.words_titled(class, (self.x(place), 40), &fitted(name, self.column - 18), &party.name);
        }
        drawing.finish("head", (self.width + MARGIN, HEAD), "who takes part")
    }

    fn body(&self, rows: &[Row<'_>], brackets: &[Bracket], order: &str) -> String {
        let mut drawing = Svg::default();
        for (province, left, right) in self.groups() {
            let area = Area { x: left, y: 0, width: right - left, height: self.height };
            drawing.area_below(&format!("tint p{}", province_colour(province)), area, "");
        }
        for (place, party) in self.parties.iter().enumerate() {
            drawing.line_below("life", (self.x(place), 0), (self.x(place), self.height));
            if let Some(machine) = self.machines.get(&party.name) {
                self.life(&mut drawing, (place, party), machine, rows);
            }
        }
        for row in rows {
            match row.thing {
                Thing::Hop(hop) => self.hop(&mut drawing, row, hop),
                Thing::Step(step) => self.step(&mut drawing, row, step),
                Thing::Mark(name, mark) => self.mark(&mut drawing, row, name, mark),
                Thing::Silence(long) => {
                    drawing.line("silence", (0, row.y), (self.width, row.y));
                    let said = format!("⋮ {} later", numbers::length(long));
                    drawing.words("say faint", (8, row.y + 4), &said);
                }
            }
        }
        for bracket in brackets {
            let (top, bottom) = (rows[bracket.first].y - 14, rows[bracket.last].y + 6);
            let x = self.width + 6;
            drawing.path("bracket", &format!("M{} {top}h6V{bottom}h-6", x - 6), "");
            let middle = i64::midpoint(top, bottom);
            drawing.words("say strong", (x + 6, middle), &format!("×{}", bracket.times));
            drawing.words("t", (x + 6, middle + 13), &format!("until {}", numbers::clock(bracket.until_ms)));
        }
        let size = (self.width + MARGIN, self.height);
        drawing.finish("body", size, &format!("the way of order {order}"))
    }

    /// What the machine did meanwhile, on its lifeline.
    fn life(&self, drawing: &mut Svg, (place, party): (usize, &Party), machine: &Machine, rows: &[Row<'_>]) {
        let state = |row: &Row<'_>| match (machine.is_dark(row.at_ms), machine.leads(row.at_ms)) {
            (true, _) => "dark".to_owned(),
            (false, true) => format!("led p{}", province_colour(party.province.unwrap_or(0))),
            (false, false) => String::new(),
        };
        let mut begun = 0;
        for (number, row) in rows.iter().enumerate() {
            let next = rows.get(number + 1);
            let now = state(row);
            if next.is_some_and(|next| state(next) == now) {
                continue;
            }
            let end = next.map_or(self.height, |next| next.y);
            if !now.is_empty() {
                let wide = if now == "dark" { 9 } else { 5 };
                let area = Area { x: self.x(place) - wide / 2, y: begun, width: wide, height: end - begun };
                let what = if now == "dark" { "was dark" } else { "led" };
                drawing.area_below(&now, area, &format!("{} {what}", party.name));
            }
            begun = end;
        }
    }

    fn hop(&self, drawing: &mut Svg, row: &Row<'_>, hop: &Hop) {
        let (from, to, y) = (self.x_of(&hop.from), self.x_of(&hop.to), row.y);
        let way = (to - from).signum();
        let transit = hop.arrived_ms.map(|arrived| arrived.saturating_sub(hop.at_ms));
        let mut said = hop.what.clone();
        let mut title = format!("{} s  {} → {}: {}", numbers::clock(hop.at_ms), hop.from, hop.to, hop.what);
        match transit {
            Some(0) => {}
            Some(long) => {
                said.push_str(&format!(" · {}", numbers::length(long)));
                title.push_str(&format!("\nwas {} on its way", numbers::length(long)));
            }
            None => {
                said.push_str(" · 丢失 lost");
                title.push_str("\nnever arrived");
            }
        }
        if row.times > 1 {
            said.push_str(&format!(" ×{} until {}", row.times, numbers::clock(row.until_ms)));
            title.push_str(&format!("\n{} times, the last at {} s", row.times, numbers::clock(row.until_ms)));
        }
        // An answer begins with its status: it is drawn lighter than what asked for it.
        let answers = hop.what.len() >= 3 && hop.what.bytes().take(3).all(|byte| byte.is_ascii_digit());
        let class = match (transit, answers) {
            (None, _) => "lost",
            (_, true) => "answer",
            (_, false) => "ask",
        };
        drawing.open(&format!("hop {class}"), &title);
        match (way, transit) {
            (0, _) => drawing.path("way", &format!("M{from} {}h24v9h-20", y - 9), ""),
            (_, Some(_)) => {
                drawing.path("way", &format!("M{from} {y}H{}", to - way * 6), "");
                drawing.path("tip", &format!("M{to} {y}l{} -4v8z", -way * 8), "");
            }
            (_, None) => {
                // In the last gap before the receiver: a cross on another's lifeline would look as if that
                // one had got it.
                let end = to - way * self.column * 4 / 10;
                drawing.path("way", &format!("M{from} {y}H{}", end - way * 3), "");
                drawing.path("cross-out", &format!("M{} {}l10 10m0 -10l-10 10", end - 5, y - 5), "");
            }
        }
        drawing.dot("begin", (from, y), 2);
        let room = self.width + MARGIN - 8;
        let begin = match (way, transit) {
            (0, _) => from + 28,
            (-1, None) => to + self.column * 4 / 10 + 10,
            _ => from.min(to) + 9,
        };
        let begin = begin.min(room - wide(&said)).max(4);
        drawing.words("say", (begin, y - 5), &fitted(&said, room - begin));
        drawing.close();
    }

    fn step(&self, drawing: &mut Svg, row: &Row<'_>, step: &Step) {
        let group = self.groups().into_iter().find(|(province, ..)| {
            self.record.provinces.get(*province).is_some_and(|province| province.code == step.province)
        });
        let (colour, left, right) = match group {
            Some((province, left, right)) => (format!("p{}", province_colour(province)), left, right),
            None => {
                let x = self.x_of(&step.province);
                ("outside".to_owned(), x - self.column / 2 + 4, x + self.column / 2 - 4)
            }
        };
        let mut said = format!("#{} {}", step.index, step.what);
        if row.times > 1 {
            said.push_str(&format!(" ×{}", row.times));
        }
        let room = (self.width + MARGIN - left - 8).max(40);
        let width = (right - left - 8).max(wide(&said) + 14).min(room);
        let title = format!("{} s  {} wrote #{}: {}", numbers::clock(step.at_ms), step.province, step.index, step.what);
        drawing.open("note", &title);
        drawing.area(&format!("paper {colour}"), Area { x: left + 4, y: row.y - 10, width, height: 20 }, "");
        drawing.area(&format!("mark {colour}"), Area { x: left + 4, y: row.y - 10, width: 3, height: 20 }, "");
        drawing.words("t ink", (left + 12, row.y + 4), &fitted(&said, width - 12));
        drawing.close();
    }

    fn mark(&self, drawing: &mut Svg, row: &Row<'_>, name: &str, mark: Mark) {
        let said = match mark {
            Mark::Dark => format!("✕ {name} dark"),
            Mark::Back => format!("△ {name} runs again"),
            Mark::Leads(term) => format!("★ {name} leads, term {term}"),
        };
        let x = self.x_of(name);
        let class = if mark == Mark::Dark { "say alarm" } else { "say strong" };
        let begin = (x + 9).min(self.width + MARGIN - 8 - wide(&said)).max(4);
        drawing.words(class, (begin, row.y + 4), &said);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;
    use crate::report::{machines, sample};

    fn hop(at_ms: u64, from: &str, to: &str, what: &str, arrived_ms: Option<u64>) -> Hop {
        Hop { at_ms, arrived_ms, from: from.into(), to: to.into(), what: what.into() }
    }

    fn drawn(story: &OrderStory) -> Sequence {
        let record = sample::run(7);
        sequence(story, &record, &machines::machines(&record))
    }

    #[test]
    fn everybody_has_a_lifeline_and_every_message_an_arrow() {
        let hops = vec![
            hop(100, "street", "44-1", "POST /v1/orders", Some(101)),
            hop(101, "44-1", "51-2", "pay", None),
            hop(900, "44-1", "SP accepts-44", "notice", Some(903)),
            hop(910, "SP accepts-44", "44-1", "200", Some(912)),
        ];
        let steps = vec![
            Step { at_ms: 102, province: "44".into(), index: 7, what: "created".into() },
            Step { at_ms: 905, province: "11".into(), index: 9, what: "noted".into() },
        ];
        let drawing = drawn(&OrderStory { order: "G1".into(), hops, steps, ..OrderStory::default() });
        let body = roxmltree::Document::parse(&drawing.body).unwrap();
        let of = |class: &str| {
            body.descendants()
                .filter(|node| node.attribute("class").is_some_and(|words| words.split(' ').any(|word| word == class)))
                .count()
        };
        // street, 11 (it wrote, and none of its machines spoke), 44-1, 51-2, the SP
        assert_eq!(of("life"), 5);
        assert_eq!((of("ask"), of("answer"), of("lost"), of("cross-out"), of("note")), (2, 1, 1, 1, 2));
        let head = roxmltree::Document::parse(&drawing.head).unwrap();
        assert_eq!(
            head.descendants()
                .filter(|node| node.attribute("class").is_some_and(|class| class.starts_with("party")))
                .count(),
            5
        );
        assert!(drawing.gutter.contains(">0.905<") && drawing.gutter.contains(">+0.805<"));
    }

    #[test]
    fn what_repeats_is_one_arrow_with_how_often() {
        let mut hops: Vec<Hop> = (0..5).map(|n| hop(100 + n * 10, "44-1", "51-1", "pay", None)).collect();
        for n in 0..3 {
            hops.push(hop(9_000 + n * 10, "44-2", "51-1", "ask", Some(9_001 + n * 10)));
            hops.push(hop(9_005 + n * 10, "51-1", "44-2", "503 busy", Some(9_006 + n * 10)));
        }
        let drawing = drawn(&OrderStory { hops, ..OrderStory::default() });
        assert!(drawing.body.contains("pay · 丢失 lost ×5 until 0.140"), "{}", drawing.body);
        assert!(drawing.body.contains(">×3</text>") && drawing.body.contains("until 9.025"), "{}", drawing.body);
        assert!(drawing.body.contains("later"), "the silence in between is said");
        assert_eq!(drawing.body.matches("class=\"hop ").count(), 3);
    }

    #[test]
    fn a_story_without_end_is_cut_and_says_so() {
        let hops = (0..50_000).map(|n| hop(n, "street", "44-1", &format!("no {n}"), Some(n))).collect();
        let drawing = drawn(&OrderStory { hops, ..OrderStory::default() });
        assert!(drawing.left_out >= 50_000 - ROWS, "{}", drawing.left_out);
        assert!(drawing.body.len() < 400_000, "{}", drawing.body.len());
    }
}
