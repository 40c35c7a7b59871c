//! Numbers as a reader likes them.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// `1 234 567`, with a narrow space that does not break.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202F}');
        }
        text.push(digit);
    }
    text
}

/// `12.345`: seconds without their unit, as they stand in columns.
pub(crate) fn clock(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

/// A length of time: `840 ms`, `12.3 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn length(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        120_000..3_600_000 if (ms / 1_000).is_multiple_of(60) => format!("{} min", ms / 60_000),
        120_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms / 1_000 % 60),
        _ => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
    }
}

/// A mark on a time axis: `15 s`, `2:30`, `1:05 h`, as fine as the step between marks needs.
pub(crate) fn mark(ms: u64, step_ms: u64) -> String {
    let seconds = ms / 1_000;
    if step_ms < 1_000 {
        format!("{}.{} s", seconds, ms % 1_000 / 100)
    } else if step_ms < 60_000 && seconds < 600 {
        format!("{seconds} s")
    } else if step_ms < 3_600_000 && seconds < 7_200 {
        format!("{}:{:02}", seconds / 60, seconds % 60)
    } else {
        format!("{}:{:02} h", seconds / 3_600, seconds / 60 % 60)
    }
}

/// How many times `one` is in `other`: `25×`, `3.4×`.
pub(crate) fn times(one: u64, other: u64) -> String {
    let tenths = one.saturating_mul(10) / other.max(1);
    if tenths >= 100 { format!("{}×", grouped(tenths / 10)) } else { format!("{}.{}×", tenths / 10, tenths % 10) }
}

/// A share in percent: `12.5 %`; `0 %` only when there is none.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    let tenths = part.saturating_mul(1_000) / whole;
    if tenths == 0 { "< 0.1 %".to_owned() } else { format!("{}.{} %", tenths / 10, tenths % 10) }
}

/// The wall clock of China.
pub(crate) fn wall_clock(at_ms: i64) -> String {
    let Ok(at) = Timestamp::from_millisecond(at_ms) else { return at_ms.to_string() };
    let china = TimeZone::fixed(Offset::constant(8));
    at.to_zoned_datetime(china).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_read() {
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1\u{202F}234\u{202F}567");
        assert_eq!(clock(12_045), "12.045");
        assert_eq!(length(999), "999 ms");
        assert_eq!(length(12_345), "12.3 s");
        assert_eq!(length(200_000), "3 min 20 s");
        assert_eq!(length(120_000), "2 min");
        assert_eq!(length(7_500_000), "2 h 5 min");
        assert_eq!(times(60_000, 2_400), "25×");
        assert_eq!(times(60_000, 17_000), "3.5×");
        assert_eq!(times(1, 0), "1.0×");
        assert_eq!(share(1, 8), "12.5 %");
        assert_eq!(share(1, 100_000), "< 0.1 %");
        assert_eq!(wall_clock(1_795_000_000_000), "2026-11-18 19:06:40 +08:00");
    }
}
