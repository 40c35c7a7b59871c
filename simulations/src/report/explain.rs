//! A run as a story in the terminal: the verdict, what was violated, and then everything in its order.
//!
//! Chinese letters are two columns wide; what stands in columns is padded by what a terminal shows, not
//! by letters.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::numbers;
use super::words;
use crate::record::{Ending, Operation, Record, Verdict, Violation};

/// What to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExplainOptions {
    /// This order alone: its requests, messages and what was written down, with what was broken meanwhile.
    pub order: Option<String>,
    /// From this time on, in milliseconds.
    pub from_ms: Option<u64>,
    /// Until this time, in milliseconds.
    pub to_ms: Option<u64>,
    /// Everything this person asked for, by number.
    pub who: Option<String>,
    /// What led to the violation of this property.
    pub property: Option<String>,
    /// Whether to use colours: only when a person's terminal shows it.
    pub colour: bool,
}

/// Before a violation so much is told when its history does not begin earlier.
const BEFORE_MS: u64 = 5_000;
/// After the last thing about an order or a violation so much is still told.
const AFTER_MS: u64 = 500;

/// What an entry is: it decides the colour and the word in the second column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    FaultEnds,
    FaultBegins,
    Leader,
    Line,
    Asks,
    Step,
    Message,
    Lost,
    Ends,
    Violated,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::FaultBegins => "fault ▶",
            Self::FaultEnds => "fault ◀",
            Self::Leader => "leader",
            Self::Line => "·",
            Self::Asks => "asks",
            Self::Step => "wrote",
            Self::Message => "message",
            Self::Lost => "lost ✕",
            Self::Ends => "ends",
            Self::Violated => "VIOLATED",
        }
    }

    const fn colour(self) -> &'static str {
        match self {
            Self::FaultBegins | Self::FaultEnds => "33",
            Self::Leader => "35",
            Self::Line => "2",
            Self::Asks | Self::Ends => "36",
            Self::Step => "32",
            Self::Message => "0",
            Self::Lost | Self::Violated => "31",
        }
    }
}

struct Entry {
    at_ms: u64,
    kind: Kind,
    place: String,
    what: String,
}

/// The story. Everything chosen is told: what the options leave out is said at the end.
#[must_use]
pub fn tell(record: &Record, options: &ExplainOptions) -> String {
    let mut text = String::new();
    head(&mut text, record, options);
    let violations = chosen_violations(record, options);
    for violation in &violations {
        tell_violation(&mut text, violation, options);
    }
    if let Some(property) = options.property.as_ref().filter(|_| violations.is_empty()) {
        put(&mut text, &format!("No property {property:?} was violated in this run.\n"));
        let known: BTreeSet<&str> = record.violations.iter().map(|violation| violation.property.as_str()).collect();
        if !known.is_empty() {
            put(&mut text, &format!("Violated: {}\n", known.into_iter().collect::<Vec<_>>().join(", ")));
        }
        return text;
    }
    let chosen = Chosen::of(record, options);
    if chosen.nothing_known(record, options) {
        let what = options.order.as_ref().or(options.who.as_ref());
        put(&mut text, &format!("The record knows nothing of {}.\n", what.map_or("it", String::as_str)));
        return text;
    }
    let (from_ms, to_ms) = window(record, options, &chosen, &violations);
    let mut entries = entries(record, &chosen, &violations);
    let all = entries.len();
    entries.retain(|entry| (from_ms..=to_ms).contains(&entry.at_ms));
    entries.sort_by_key(|entry| (entry.at_ms, entry.kind));
    standing(&mut text, record, from_ms, options);
    put(&mut text, &columns(&entries, options.colour));
    put(
        &mut text,
        &format!(
            "— {} s to {} s: {} of {all} entries\n",
            numbers::clock(from_ms),
            numbers::clock(to_ms),
            entries.len()
        ),
    );
    text
}

fn put(text: &mut String, words: &str) {
    text.write_str(words).expect("a string takes what it is given");
}

/// Words in a colour, when colours are wanted.
fn coloured(words: &str, colour: &str, wanted: bool) -> String {
    if wanted && colour != "0" { format!("\u{1b}[{colour}m{words}\u{1b}[0m") } else { words.to_owned() }
}

/// What a terminal could take for a command is taken away.
fn harmless(words: &str) -> String {
    words.chars().map(|letter| if letter.is_control() { '\u{FFFD}' } else { letter }).collect()
}

fn head(text: &mut String, record: &Record, options: &ExplainOptions) {
    let (chinese, english, sign) = words::verdict(record.verdict);
    let colour = match record.verdict {
        Verdict::Passed => "1;32",
        Verdict::Violated => "1;31",
        Verdict::Inconclusive => "1;33",
    };
    let verdict = coloured(&format!("{sign} {chinese} {english}"), colour, options.colour);
    put(text, &format!("{verdict}  {} seed {}\n", harmless(&record.scenario), record.seed));
    put(text, &format!("  again    {}\n", harmless(&record.command)));
    put(text, &format!("  trace    {} over {} events\n", harmless(&record.trace), record.events));
    let speed = numbers::times(record.virtual_ms, record.real_ms);
    put(text, &format!("  time     {} virtual, {speed} real time", numbers::length(record.virtual_ms)));
    put(
        text,
        &format!("; people from {} s, healed {} s\n", numbers::clock(record.open_ms), numbers::clock(record.healed_ms)),
    );
    let provinces = record.provinces.iter().map(|province| format!("{} {}", words::province(province), province.code));
    let provinces = provinces.collect::<Vec<_>>().join(", ");
    put(text, &format!("  country  {}\n\n", harmless(&provinces)));
}

fn chosen_violations<'a>(record: &'a Record, options: &ExplainOptions) -> Vec<&'a Violation> {
    let wanted =
        |violation: &&Violation| options.property.as_ref().is_none_or(|property| violation.property == *property);
    record.violations.iter().filter(wanted).collect()
}

fn tell_violation(text: &mut String, violation: &Violation, options: &ExplainOptions) {
    let name = coloured(&format!("✕ {}", harmless(&violation.property)), "1;31", options.colour);
    put(text, &format!("{name}  ({})\n", harmless(&violation.clause)));
    put(text, &format!("  at {} s: {}\n\n", numbers::clock(violation.at_ms), harmless(&violation.what)));
}

/// What was chosen by order or person.
struct Chosen<'a> {
    operations: Vec<&'a Operation>,
    orders: BTreeSet<&'a str>,
    narrow: bool,
}

impl<'a> Chosen<'a> {
    fn of(record: &'a Record, options: &'a ExplainOptions) -> Self {
        let wanted = |operation: &&Operation| {
            options.order.as_ref().is_none_or(|order| operation.order == *order)
                && options.who.as_ref().is_none_or(|who| operation.who == *who)
        };
        let narrow = options.order.is_some() || options.who.is_some();
        let operations: Vec<&Operation> = record.operations.iter().filter(|_| narrow).filter(wanted).collect();
        let mut orders: BTreeSet<&str> =
            operations.iter().map(|operation| operation.order.as_str()).filter(|order| !order.is_empty()).collect();
        if options.who.is_none() {
            orders.extend(options.order.as_deref());
        }
        Self { operations, orders, narrow }
    }

    fn stories(&self, record: &'a Record) -> impl Iterator<Item = &'a crate::record::OrderStory> {
        record.stories.iter().filter(|story| self.orders.contains(story.order.as_str()))
    }

    fn nothing_known(&self, record: &Record, options: &ExplainOptions) -> bool {
        let named = options.order.is_some() || options.who.is_some();
        named && self.operations.is_empty() && self.stories(record).next().is_none()
    }
}

/// From when to when is told: as asked, else around what was chosen, else all of it.
fn window(record: &Record, options: &ExplainOptions, chosen: &Chosen<'_>, violations: &[&Violation]) -> (u64, u64) {
    let mut times: Vec<u64> = Vec::new();
    for operation in &chosen.operations {
        times.extend([operation.at_ms, operation.at_ms.saturating_add(operation.took_ms)]);
    }
    for story in chosen.stories(record) {
        times.extend(story.hops.iter().flat_map(|hop| [hop.at_ms, hop.arrived_ms.unwrap_or(hop.at_ms)]));
        times.extend(story.steps.iter().map(|step| step.at_ms));
    }
    if options.property.is_some() {
        for violation in violations {
            let begun = violation.around.iter().map(|line| line.at_ms).min();
            let begun = begun.unwrap_or(u64::MAX).min(violation.at_ms.saturating_sub(BEFORE_MS));
            times.extend([begun, violation.at_ms]);
        }
    }
    let first = times.iter().min().copied().unwrap_or(0);
    let last = times.iter().max().map_or(u64::MAX, |last| last.saturating_add(AFTER_MS));
    // All of it ends with whatever is last; a number without end is no answer to a reader.
    let end = record.virtual_ms.max(record.lines.iter().map(|line| line.at_ms).max().unwrap_or(0));
    let end = end.max(record.violations.iter().map(|violation| violation.at_ms).max().unwrap_or(0));
    (options.from_ms.unwrap_or(first), options.to_ms.unwrap_or(last.min(end)))
}

fn entries(record: &Record, chosen: &Chosen<'_>, violations: &[&Violation]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add = |at_ms: u64, kind: Kind, place: &str, what: String| {
        entries.push(Entry { at_ms, kind, place: harmless(place), what: harmless(&what) });
    };
    for fault in &record.faults {
        let long = fault.to_ms.saturating_sub(fault.from_ms);
        let detail = if fault.detail.is_empty() { String::new() } else { format!(": {}", fault.detail) };
        let lasts = if long == 0 { String::new() } else { format!(", for {}", numbers::length(long)) };
        add(fault.from_ms, Kind::FaultBegins, &fault.target, format!("{}{detail}{lasts}", fault.kind));
        if long > 0 {
            add(fault.to_ms, Kind::FaultEnds, &fault.target, format!("{} is over", fault.kind));
        }
    }
    let names = names(record);
    for leader in &record.leaders {
        let province = names.get(leader.province.as_str()).map_or(leader.province.as_str(), String::as_str);
        let what = if leader.machine.is_empty() {
            "nobody leads".to_owned()
        } else {
            format!("{} leads, term {}", leader.machine, leader.term)
        };
        add(leader.from_ms, Kind::Leader, province, what);
    }
    for line in &record.lines {
        add(line.at_ms, Kind::Line, "", line.what.clone());
    }
    for violation in violations {
        add(violation.at_ms, Kind::Violated, &violation.property, violation.what.clone());
    }
    for operation in &chosen.operations {
        let order = if operation.order.is_empty() { String::new() } else { format!(", order {}", operation.order) };
        add(operation.at_ms, Kind::Asks, &operation.who, format!("{} at {}{order}", operation.flow, operation.asked));
        let end = operation.at_ms.saturating_add(operation.took_ms);
        add(end, Kind::Ends, &operation.who, ended(operation));
    }
    // Several orders in one story must be told apart.
    let several = chosen.narrow && chosen.orders.len() > 1;
    for story in chosen.stories(record) {
        let suffix = if several { format!("  [{}]", story.order) } else { String::new() };
        for hop in &story.hops {
            let way = format!("{} → {}", hop.from, hop.to);
            let (kind, after) = match hop.arrived_ms {
                Some(arrived) => (Kind::Message, format!(" · {} ms", arrived.saturating_sub(hop.at_ms))),
                None => (Kind::Lost, String::new()),
            };
            add(hop.at_ms, kind, &way, format!("{}{after}{suffix}", hop.what));
        }
        for step in &story.steps {
            let province = names.get(step.province.as_str()).map_or(step.province.as_str(), String::as_str);
            add(step.at_ms, Kind::Step, province, format!("#{} {}{suffix}", step.index, step.what));
        }
    }
    entries
}

fn ended(operation: &Operation) -> String {
    let long = numbers::length(operation.took_ms);
    let tries = if operation.tries > 1 { format!(", {} tries", operation.tries) } else { String::new() };
    match operation.result {
        Ending::Refused => format!("{} {} after {long}{tries}", words::ending(operation.result), operation.code),
        Ending::Done => format!("{} {} after {long}{tries}", operation.flow, words::ending(operation.result)),
        Ending::Unknown => {
            format!("{} {}: gave up after {long}{tries}", operation.flow, words::ending(operation.result))
        }
    }
}

fn names(record: &Record) -> BTreeMap<&str, String> {
    let name = |province: &crate::record::Province| format!("{} {}", province.name_zh, province.code).trim().to_owned();
    record.provinces.iter().map(|province| (province.code.as_str(), name(province))).collect()
}

/// What was so already when the story begins in the middle.
fn standing(text: &mut String, record: &Record, from_ms: u64, options: &ExplainOptions) {
    if from_ms == 0 {
        return;
    }
    let mut leaders: BTreeMap<&str, &crate::record::Leadership> = BTreeMap::new();
    for leader in record.leaders.iter().filter(|leader| leader.from_ms < from_ms) {
        let newest = leaders.entry(&leader.province).or_insert(leader);
        if leader.from_ms >= newest.from_ms {
            *newest = leader;
        }
    }
    let faults: Vec<_> =
        record.faults.iter().filter(|fault| fault.from_ms < from_ms && fault.to_ms >= from_ms).collect();
    if leaders.is_empty() && faults.is_empty() {
        return;
    }
    put(text, &coloured(&format!("At {} s already:\n", numbers::clock(from_ms)), "2", options.colour));
    for leader in leaders.values() {
        let who = if leader.machine.is_empty() { "nobody" } else { &leader.machine };
        let (province, who) = (harmless(&leader.province), harmless(who));
        put(text, &format!("  province {province}: {who} leads since {} s\n", numbers::clock(leader.from_ms)));
    }
    for fault in faults {
        let (kind, target) = (harmless(&fault.kind), harmless(&fault.target));
        let (from, to) = (numbers::clock(fault.from_ms), numbers::clock(fault.to_ms));
        put(text, &format!("  {kind} {target} since {from} s, until {to} s\n"));
    }
    text.push('\n');
}

/// Time, kind, place and what, each as wide as it needs to be.
fn columns(entries: &[Entry], colour: bool) -> String {
    /// A place that is longer pushes its own line only.
    const WIDEST: usize = 28;
    let widest = |of: &dyn Fn(&Entry) -> usize| entries.iter().map(of).max().unwrap_or(0);
    let time = widest(&|entry| numbers::clock(entry.at_ms).len());
    let kind = widest(&|entry| entry.kind.word().width());
    let place = widest(&|entry| entry.place.as_str().width()).min(WIDEST);
    let mut text = String::new();
    for entry in entries {
        let at = numbers::clock(entry.at_ms);
        let word = coloured(&padded(entry.kind.word(), kind), entry.kind.colour(), colour);
        let line = format!("{at:>time$}  {word}  {}  {}", padded(&entry.place, place), entry.what);
        put(&mut text, line.trim_end());
        text.push('\n');
    }
    text
}

fn padded(words: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(words.width());
    format!("{words}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;
    use crate::report::sample;

    fn told(options: &ExplainOptions) -> String {
        tell(&sample::violated(7), options)
    }

    /// In which terminal column a word stands in the line that has it.
    fn column(text: &str, line: &str, word: &str) -> usize {
        let line = text.lines().find(|candidate| candidate.contains(line)).unwrap_or_else(|| panic!("{line}: {text}"));
        line[..line.find(word).unwrap()].width()
    }

    #[test]
    fn a_run_is_told_with_its_verdict_and_in_order() {
        let text = told(&ExplainOptions::default());
        assert!(text.starts_with("✕ 违反 VIOLATED  nation seed 7\n"), "{text}");
        assert!(text.contains("again    mpss-sim run --seed 7"));
        assert!(text.contains("✕ clearing nets to zero  (product §5, 6.3.3)"));
        assert!(text.contains("广东 Guangdong 44"));
        let times: Vec<u64> =
            text.lines().filter_map(|line| line.split_whitespace().next()?.replace('.', "").parse().ok()).collect();
        assert!(times.len() > 40 && times.is_sorted(), "{times:?}");
        assert!(!text.contains('\u{1b}'), "no colour unless asked for");
        assert!(
            tell(&sample::run(7), &ExplainOptions { colour: true, ..ExplainOptions::default() })
                .contains("\u{1b}[1;32m")
        );
    }

    #[test]
    fn columns_are_straight_in_both_languages() {
        let text = told(&ExplainOptions::default());
        let english = column(&text, "crash: ", "crash: ");
        let chinese = column(&text, "44-2 leads, term", "44-2 leads");
        assert_eq!(english, chinese, "{text}");
    }

    #[test]
    fn an_order_is_told_with_its_messages_and_what_was_broken_meanwhile() {
        let order = sample::run(7).stories[0].order.clone();
        let text = told(&ExplainOptions { order: Some(order.clone()), ..ExplainOptions::default() });
        assert!(
            text.contains("message") && text.contains("lost ✕") && text.contains("wrote") && text.contains("asks"),
            "{text}"
        );
        assert!(text.contains(" already:\n"), "{text}");
        let nothing = told(&ExplainOptions { order: Some("G0".into()), ..ExplainOptions::default() });
        assert!(nothing.ends_with("The record knows nothing of G0.\n"));
    }

    #[test]
    fn a_person_a_time_and_a_property_narrow_it() {
        let record = sample::run(7);
        let who = record.operations[200].who.clone();
        let text = told(&ExplainOptions { who: Some(who.clone()), ..ExplainOptions::default() });
        let asked = record.operations.iter().filter(|operation| operation.who == who).count();
        assert_eq!(text.lines().filter(|line| line.contains("  asks ")).count(), asked);

        let text = told(&ExplainOptions { from_ms: Some(27_000), to_ms: Some(28_000), ..ExplainOptions::default() });
        assert!(text.contains("27.000 s to 28.000 s") && text.contains("27.400  fault ▶"), "{text}");
        assert!(!text.contains("\n12.000"));

        let property = Some("clearing nets to zero".to_owned());
        let text = told(&ExplainOptions { property, ..ExplainOptions::default() });
        assert!(text.contains("VIOLATED  clearing nets to zero"), "{text}");
        let text = told(&ExplainOptions { property: Some("tea".into()), ..ExplainOptions::default() });
        assert!(
            text.contains("No property \"tea\" was violated")
                && text.contains("Violated: an acknowledged purchase is there, clearing nets to zero")
        );
    }

    #[test]
    fn what_a_record_says_commands_no_terminal() {
        let text = tell(&sample::hostile(), &ExplainOptions::default());
        assert!(!text.contains('\u{1b}') && text.contains('\u{FFFD}'), "{text:?}");
    }
}
