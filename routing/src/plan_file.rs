//! The number plan file and the portability file, checked line by line.
//!
//! ```text
//!  number plan    first_prefix,last_prefix,province,operator     1330000,1330009,44,china-telecom
//!  portability    msisdn,operator,from                           18912345678,china-mobile,2026-01-31T16:00:00Z
//! ```
//!
//! A file is taken whole or refused with the first line and field that can not be used: a plan with a
//! hole in it would send money to the wrong province. A byte order mark and lines ended by CR LF are
//! what spreadsheet programs write around the same text, so they are tolerated; nothing else is.

use std::collections::BTreeMap;
use std::fmt;

use mpss_domain::number_plan::{NumberRange, Ported};
use mpss_domain::{LogTime, Msisdn, NumberPlan, Operator, ProvinceId};

/// The largest file that is read, in bytes. The national table has less than 1 MiB; a portability file
/// of this size holds about 1.5 million numbers.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

const PLAN_HEADER: &str = "first_prefix,last_prefix,province,operator";
const PORTABILITY_HEADER: &str = "msisdn,operator,from";

/// Prefixes have seven digits, and subscriber numbers start with 1.
const PREFIXES: std::ops::RangeInclusive<u32> = 1_000_000..=1_999_999;

/// The longest piece of a file that is repeated in an error, in characters.
const QUOTED_CHARS_MAX: usize = 40;

/// Which file an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanFile {
    /// Ranges of prefixes.
    NumberPlan,
    /// Numbers carried to another operator.
    Portability,
}

impl fmt::Display for PlanFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NumberPlan => "number plan",
            Self::Portability => "portability file",
        })
    }
}

/// A number plan or portability file that can not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}{}: {what}", field.map(|field| format!(", {field}")).unwrap_or_default())]
pub struct PlanFileError {
    /// Which file.
    pub file: PlanFile,
    /// The line, counting from 1.
    pub line: usize,
    /// The column that is to blame, by its name in the header; `None` when it is the whole line.
    pub field: Option<&'static str>,
    /// What is wrong with it.
    pub what: String,
}

/// Reads a number plan.
///
/// # Errors
/// The first line that can not be used, and why.
pub fn parse_plan(text: &str, epoch: u64) -> Result<NumberPlan, PlanFileError> {
    const FILE: PlanFile = PlanFile::NumberPlan;
    let mut ranges: Vec<NumberRange> = Vec::new();
    for line in Lines::after_header(FILE, text, PLAN_HEADER)? {
        let line = line?;
        let [first, last, province, operator] = line.columns()?;
        let first = prefix(line, "first_prefix", first)?;
        let last = prefix(line, "last_prefix", last)?;
        if last < first {
            return Err(line.error("last_prefix", format!("{last} is smaller than first_prefix {first}")));
        }
        if let Some(before) = ranges.last() {
            if first < before.first {
                let what = format!("{first} is smaller than the line before, {}: ranges ascend", before.first);
                return Err(line.error("first_prefix", what));
            }
            if first <= before.last {
                let what = format!("{first} lies in the range of the line before, {}-{}", before.first, before.last);
                return Err(line.error("first_prefix", what));
            }
        }
        let province = home_province(line, province)?;
        let operator = operator_of(line, operator)?;
        ranges.push(NumberRange { first, last, province, operator });
    }
    if ranges.is_empty() {
        return Err(error(FILE, 2, None, "there is no range after the header"));
    }
    Ok(NumberPlan { epoch, ranges, ported: BTreeMap::new() })
}

/// Reads a number plan as it came from a disk or a network.
///
/// # Errors
/// As [`parse_plan`], and the line that is not UTF-8.
pub fn parse_plan_bytes(bytes: &[u8], epoch: u64) -> Result<NumberPlan, PlanFileError> {
    parse_plan(text_of(PlanFile::NumberPlan, bytes)?, epoch)
}

/// Reads a portability file for `plan`. A number may be named once, and must lie in a range of the
/// plan: porting changes the operator, the range still tells the home province.
///
/// # Errors
/// The first line that can not be used, and why.
pub fn parse_portability(text: &str, plan: &NumberPlan) -> Result<BTreeMap<Msisdn, Ported>, PlanFileError> {
    let mut ported = BTreeMap::new();
    let mut lines = BTreeMap::new();
    for line in Lines::after_header(PlanFile::Portability, text, PORTABILITY_HEADER)? {
        let line = line?;
        let [msisdn, operator, from] = line.columns()?;
        // Only the plain form: a file that writes one number in two ways has been put together wrongly.
        let number = (msisdn.len() == 11).then(|| msisdn.parse::<Msisdn>().ok()).flatten();
        let number = number
            .ok_or_else(|| line.error("msisdn", format!("{} has not 11 digits that start with 1", quoted(msisdn))))?;
        if plan.lookup(number, LogTime(0)).is_none() {
            let what = format!("no range of the number plan holds {number}");
            return Err(line.error("msisdn", what));
        }
        if let Some(earlier) = lines.insert(number, line.number) {
            return Err(line.error("msisdn", format!("{number} was named before, in line {earlier}")));
        }
        let operator = operator_of(line, operator)?;
        let from = moment(line, "from", from)?;
        ported.insert(number, Ported { operator, from, before: None });
    }
    Ok(ported)
}

/// Reads a portability file as it came from a disk or a network.
///
/// # Errors
/// As [`parse_portability`], and the line that is not UTF-8.
pub fn parse_portability_bytes(bytes: &[u8], plan: &NumberPlan) -> Result<BTreeMap<Msisdn, Ported>, PlanFileError> {
    parse_portability(text_of(PlanFile::Portability, bytes)?, plan)
}

/// Writes the ranges of a plan as a file that [`parse_plan`] reads back into the same ranges.
#[must_use]
pub fn render_plan(plan: &NumberPlan) -> String {
    let mut text = format!("{PLAN_HEADER}\n");
    for range in &plan.ranges {
        let operator = operator_name(range.operator);
        text.push_str(&format!("{},{},{},{operator}\n", range.first, range.last, range.province));
    }
    text
}

/// Writes overrides as a file that [`parse_portability`] reads back into the same overrides.
#[must_use]
pub fn render_portability(ported: &BTreeMap<Msisdn, Ported>) -> String {
    let mut text = format!("{PORTABILITY_HEADER}\n");
    for (number, ported) in ported {
        text.push_str(&format!("{number},{},{}\n", operator_name(ported.operator), ported.from));
    }
    text
}

/// The word for an operator in files and on the wire.
#[must_use]
pub const fn operator_name(operator: Operator) -> &'static str {
    match operator {
        Operator::ChinaTelecom => "china-telecom",
        Operator::ChinaMobile => "china-mobile",
        Operator::ChinaUnicom => "china-unicom",
        Operator::ChinaBroadnet => "china-broadnet",
        Operator::TelecomVirtual => "china-telecom-mvno",
        Operator::MobileVirtual => "china-mobile-mvno",
        Operator::UnicomVirtual => "china-unicom-mvno",
    }
}

/// The operator a word stands for.
#[must_use]
pub fn operator_by_name(name: &str) -> Option<Operator> {
    Operator::ALL.into_iter().find(|operator| operator_name(*operator) == name)
}

/// One line of a file, without what ends it.
#[derive(Clone, Copy)]
struct Line<'a> {
    file: PlanFile,
    number: usize,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn columns<const N: usize>(self) -> Result<[&'a str; N], PlanFileError> {
        let columns: Vec<&str> = self.text.split(',').take(N + 1).collect();
        columns.try_into().map_err(|_| {
            let found = self.text.split(',').count();
            error(self.file, self.number, None, format!("{found} columns where {N} are expected"))
        })
    }

    fn error(self, field: &'static str, what: String) -> PlanFileError {
        error(self.file, self.number, Some(field), what)
    }
}

/// The lines of a file after its header.
struct Lines<'a> {
    file: PlanFile,
    number: usize,
    rest: Option<&'a str>,
}

impl<'a> Lines<'a> {
    fn after_header(file: PlanFile, text: &'a str, header: &str) -> Result<Self, PlanFileError> {
        if text.len() > FILE_BYTES_MAX {
            let what = format!("the file has {} bytes, more than {FILE_BYTES_MAX}", text.len());
            return Err(error(file, 1, None, what));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.is_empty() {
            return Err(error(file, 1, None, "the file is empty"));
        }
        let mut lines = Self { file, number: 0, rest: Some(text) };
        let found = lines.cut().map_or("", |line| line.text);
        if found != header {
            return Err(error(file, 1, None, format!("the header is {}, not {header:?}", quoted(found))));
        }
        Ok(lines)
    }

    fn cut(&mut self) -> Option<Line<'a>> {
        let rest = self.rest?;
        let text = match rest.split_once('\n') {
            Some((line, rest)) => {
                // What follows the last line's end is no line.
                self.rest = (!rest.is_empty()).then_some(rest);
                line.strip_suffix('\r').unwrap_or(line)
            }
            None => {
                self.rest = None;
                rest.strip_suffix('\r').unwrap_or(rest)
            }
        };
        self.number += 1;
        Some(Line { file: self.file, number: self.number, text })
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<Line<'a>, PlanFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.cut()?;
        if line.text.is_empty() {
            return Some(Err(error(self.file, line.number, None, "the line is empty")));
        }
        Some(Ok(line))
    }
}

fn error(file: PlanFile, line: usize, field: Option<&'static str>, what: impl Into<String>) -> PlanFileError {
    PlanFileError { file, line, field, what: what.into() }
}

fn text_of(file: PlanFile, bytes: &[u8]) -> Result<&str, PlanFileError> {
    std::str::from_utf8(bytes).map_err(|broken| {
        let before = &bytes[..broken.valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        error(file, line, None, "the line is not UTF-8")
    })
}

/// A piece of a file, shortened and with control characters made visible.
fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let shown: String = chars.by_ref().take(QUOTED_CHARS_MAX).collect();
    if chars.next().is_some() { format!("{shown:?}…") } else { format!("{shown:?}") }
}

fn prefix(line: Line<'_>, field: &'static str, text: &str) -> Result<u32, PlanFileError> {
    let digits = text.len() == 7 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse::<u32>().ok()).flatten();
    number
        .filter(|number| PREFIXES.contains(number))
        .ok_or_else(|| line.error(field, format!("{} has not 7 digits that start with 1", quoted(text))))
}

fn home_province(line: Line<'_>, text: &str) -> Result<ProvinceId, PlanFileError> {
    let province: ProvinceId =
        text.parse().map_err(|reason| line.error("province", format!("{}: {reason}", quoted(text))))?;
    if province.is_national() {
        return Err(line.error("province", "00 is the national platform, which is nobody's home".into()));
    }
    Ok(province)
}

fn operator_of(line: Line<'_>, text: &str) -> Result<Operator, PlanFileError> {
    operator_by_name(text).ok_or_else(|| {
        let known = Operator::ALL.map(operator_name).join(", ");
        line.error("operator", format!("{} is none of {known}", quoted(text)))
    })
}

fn moment(line: Line<'_>, field: &'static str, text: &str) -> Result<LogTime, PlanFileError> {
    let parsed: Option<jiff::Timestamp> = text.parse().ok();
    // Milliseconds are as fine as log time is; what is finer is cut off.
    parsed.and_then(|at| u64::try_from(at.as_millisecond()).ok()).map(LogTime).ok_or_else(|| {
        line.error(field, format!("{} is no RFC 3339 time after 1970, such as 2026-01-31T16:00:00Z", quoted(text)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "first_prefix,last_prefix,province,operator\n";

    fn error_of(body: &str) -> String {
        parse_plan(&format!("{HEADER}{body}"), 1).expect_err(body).to_string()
    }

    #[test]
    fn each_broken_line_is_named() {
        let good = "1330000,1330009,44,china-telecom\n";
        for (body, expected) in [
            ("", "number plan, line 2: there is no range after the header"),
            ("1330000,1330009,44\n", "number plan, line 2: 3 columns where 4 are expected"),
            ("1330000,1330009,44,china-telecom,\n", "number plan, line 2: 5 columns where 4 are expected"),
            ("\n", "number plan, line 2: the line is empty"),
            (
                "133000,1330009,44,china-telecom\n",
                "number plan, line 2, first_prefix: \"133000\" has not 7 digits that start with 1",
            ),
            (
                "1330000,13300090,44,china-telecom\n",
                "number plan, line 2, last_prefix: \"13300090\" has not 7 digits that start with 1",
            ),
            (
                "2330000,2330009,44,china-telecom\n",
                "number plan, line 2, first_prefix: \"2330000\" has not 7 digits that start with 1",
            ),
            (
                "+133000,1330009,44,china-telecom\n",
                "number plan, line 2, first_prefix: \"+133000\" has not 7 digits that start with 1",
            ),
            (
                "1330009,1330000,44,china-telecom\n",
                "number plan, line 2, last_prefix: 1330000 is smaller than first_prefix 1330009",
            ),
            (
                "1330000,1330009,16,china-telecom\n",
                "number plan, line 2, province: \"16\": there is no province with this code",
            ),
            (
                "1330000,1330009,00,china-telecom\n",
                "number plan, line 2, province: 00 is the national platform, which is nobody's home",
            ),
            (
                "1330000,1330009,4,china-telecom\n",
                "number plan, line 2, province: \"4\": a province is a two-digit GB/T 2260 code such as 44, \
                 or 00 for the national platform",
            ),
            (
                "1330000,1330009,44,telecom\n",
                "number plan, line 2, operator: \"telecom\" is none of china-telecom, china-mobile, china-unicom, \
                 china-broadnet, china-telecom-mvno, china-mobile-mvno, china-unicom-mvno",
            ),
            (
                "1330000,1330009,44,china-telecom \n",
                "number plan, line 2, operator: \"china-telecom \" is none of china-telecom, china-mobile, \
                 china-unicom, china-broadnet, china-telecom-mvno, china-mobile-mvno, china-unicom-mvno",
            ),
        ] {
            assert_eq!(error_of(body), expected);
        }
        for (second, expected) in [
            (
                "1330009,1330010,44,china-telecom\n",
                "number plan, line 3, first_prefix: 1330009 lies in the range of the line before, 1330000-1330009",
            ),
            (
                "1320000,1320001,44,china-telecom\n",
                "number plan, line 3, first_prefix: 1320000 is smaller than the line before, 1330000: ranges ascend",
            ),
            ("garbage\n", "number plan, line 3: 1 columns where 4 are expected"),
            ("\n", "number plan, line 3: the line is empty"),
        ] {
            assert_eq!(error_of(&format!("{good}{second}")), expected);
        }
    }

    #[test]
    fn the_whole_file_is_checked_before_its_lines() {
        for (text, expected) in [
            ("", "number plan, line 1: the file is empty"),
            ("\u{feff}", "number plan, line 1: the file is empty"),
            ("\n", "number plan, line 1: the header is \"\", not \"first_prefix,last_prefix,province,operator\""),
            (
                "first,last,province,operator\n",
                "number plan, line 1: the header is \"first,last,province,operator\", \
                 not \"first_prefix,last_prefix,province,operator\"",
            ),
        ] {
            assert_eq!(parse_plan(text, 1).expect_err(text).to_string(), expected);
        }
        let long = format!("{}\n", "x".repeat(100));
        let shown = parse_plan(&long, 1).expect_err("no header").to_string();
        assert!(shown.contains(&format!("{:?}…", "x".repeat(40))), "{shown}");
        let huge = "x".repeat(FILE_BYTES_MAX + 1);
        assert_eq!(
            parse_plan(&huge, 1).expect_err("too large").to_string(),
            "number plan, line 1: the file has 67108865 bytes, more than 67108864"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_named_by_line() {
        let mut bytes = format!("{HEADER}1330000,1330009,44,china-telecom\n").into_bytes();
        bytes.extend_from_slice(b"1330010,\xff\xfe,44,china-telecom\n");
        assert_eq!(
            parse_plan_bytes(&bytes, 1).expect_err("no text").to_string(),
            "number plan, line 3: the line is not UTF-8"
        );
    }

    #[test]
    fn what_spreadsheets_write_around_the_text_is_tolerated() {
        let plain = format!("{HEADER}1330000,1330009,44,china-telecom\n1330010,1330010,11,china-mobile\n");
        let expected = parse_plan(&plain, 5).expect("good");
        assert_eq!(expected.epoch, 5);
        for text in [
            plain.replace('\n', "\r\n"),
            format!("\u{feff}{plain}"),
            plain.trim_end().to_owned(),
            format!("\u{feff}{}", plain.replace('\n', "\r\n").trim_end()),
        ] {
            assert_eq!(parse_plan_bytes(text.as_bytes(), 5), Ok(expected.clone()), "{text:?}");
        }
        // A carriage return anywhere else is content, and wrong.
        assert!(parse_plan(&plain.replace(",44,", ",44\r,"), 5).is_err());
    }

    #[test]
    fn a_plan_written_is_the_plan_read() {
        let plan = crate::national_plan();
        assert_eq!(parse_plan(&render_plan(&plan), plan.epoch).as_ref(), Ok(&plan));
        assert_eq!(render_plan(&plan), crate::national_plan::NATIONAL_PLAN_TEXT);
    }

    #[test]
    fn operators_have_one_word_each() {
        for operator in Operator::ALL {
            assert_eq!(operator_by_name(operator_name(operator)), Some(operator));
        }
        assert_eq!(operator_by_name("China-Telecom"), None);
    }

    fn small_plan() -> NumberPlan {
        parse_plan(&format!("{HEADER}1330000,1330009,44,china-telecom\n"), 1).expect("good")
    }

    #[test]
    fn portability_overrides_the_operator_from_its_moment_on_and_never_the_home() {
        let mut plan = small_plan();
        let text = "msisdn,operator,from\n13300001234,china-mobile,2026-02-01T00:00:00+08:00\n";
        plan.ported = parse_portability(text, &plan).expect("good");
        let number = Msisdn::new(13_300_001_234).expect("valid");
        let from = plan.ported[&number].from;
        assert_eq!(from.to_string(), "2026-01-31T16:00:00.000Z");
        let before = plan.lookup(number, LogTime(from.0 - 1)).expect("in the plan");
        let after = plan.lookup(number, from).expect("in the plan");
        assert_eq!((before.operator, after.operator), (Operator::ChinaTelecom, Operator::ChinaMobile));
        assert_eq!(before.home, after.home);
        let again = parse_portability(&render_portability(&plan.ported), &plan);
        assert_eq!(again, Ok(plan.ported));
    }

    #[test]
    fn each_broken_portability_line_is_named() {
        let plan = small_plan();
        for (body, expected) in [
            ("13300001234,china-mobile\n", "portability file, line 2: 2 columns where 3 are expected"),
            (
                "8613300001234,china-mobile,2026-01-01T00:00:00Z\n",
                "portability file, line 2, msisdn: \"8613300001234\" has not 11 digits that start with 1",
            ),
            (
                "13400001234,china-mobile,2026-01-01T00:00:00Z\n",
                "portability file, line 2, msisdn: no range of the number plan holds 13400001234",
            ),
            (
                "13300001234,nobody,2026-01-01T00:00:00Z\n",
                "portability file, line 2, operator: \"nobody\" is none of china-telecom, china-mobile, china-unicom, \
                 china-broadnet, china-telecom-mvno, china-mobile-mvno, china-unicom-mvno",
            ),
            (
                "13300001234,china-mobile,2026-02-30T00:00:00Z\n",
                "portability file, line 2, from: \"2026-02-30T00:00:00Z\" is no RFC 3339 time after 1970, \
                 such as 2026-01-31T16:00:00Z",
            ),
            (
                "13300001234,china-mobile,1969-12-31T23:59:59Z\n",
                "portability file, line 2, from: \"1969-12-31T23:59:59Z\" is no RFC 3339 time after 1970, \
                 such as 2026-01-31T16:00:00Z",
            ),
            (
                "13300001234,china-mobile,2026-01-01T00:00:00Z\n13300001234,china-unicom,2026-01-02T00:00:00Z\n",
                "portability file, line 3, msisdn: 13300001234 was named before, in line 2",
            ),
        ] {
            let text = format!("{PORTABILITY_HEADER}\n{body}");
            assert_eq!(parse_portability(&text, &plan).expect_err(body).to_string(), expected);
        }
        assert_eq!(parse_portability("msisdn,operator,from\n", &plan), Ok(BTreeMap::new()), "nobody was ported");
        assert_eq!(
            parse_portability_bytes(b"msisdn,operator,from\n\xff", &plan).expect_err("no text").to_string(),
            "portability file, line 2: the line is not UTF-8"
        );
    }
}
