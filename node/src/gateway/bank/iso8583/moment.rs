//! Dates and times as ISO 8583 writes them: digits without a year or a zone. UnionPay's are Beijing time
//! (*inferred*: the standard has transmission times in GMT). Which year is meant is for the caller to
//! say, who has a clock.

use std::fmt;

/// A day of some year (`MMDD`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonthDay {
    month: u8,
    day: u8,
}

/// A time of day (`hhmmss`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    hour: u8,
    minute: u8,
    second: u8,
}

/// A moment of some year (`MMDDhhmmss`): transmission date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonthDayTime {
    /// The day.
    pub date: MonthDay,
    /// The time of that day.
    pub time: TimeOfDay,
}

/// A month of some century (`YYMM`): when a card expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct YearMonth {
    year: u8,
    month: u8,
}

impl MonthDay {
    /// `None` when no year has such a day.
    #[must_use]
    pub const fn new(month: u8, day: u8) -> Option<Self> {
        let days = match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if day >= 1 && day <= days { Some(Self { month, day }) } else { None }
    }

    pub(super) fn parse(digits: &[u8]) -> Option<Self> {
        let [month, day] = pairs(digits)?;
        Self::new(month, day)
    }
}

impl TimeOfDay {
    /// `None` when no day has such a time.
    #[must_use]
    pub const fn new(hour: u8, minute: u8, second: u8) -> Option<Self> {
        if hour < 24 && minute < 60 && second < 60 { Some(Self { hour, minute, second }) } else { None }
    }

    pub(super) fn parse(digits: &[u8]) -> Option<Self> {
        let [hour, minute, second] = pairs(digits)?;
        Self::new(hour, minute, second)
    }
}

impl MonthDayTime {
    pub(super) fn parse(digits: &[u8]) -> Option<Self> {
        let (date, time) = digits.split_at_checked(4)?;
        Some(Self { date: MonthDay::parse(date)?, time: TimeOfDay::parse(time)? })
    }
}

impl YearMonth {
    /// Year 0 to 99, month 1 to 12.
    #[must_use]
    pub const fn new(year: u8, month: u8) -> Option<Self> {
        if year < 100 && month >= 1 && month <= 12 { Some(Self { year, month }) } else { None }
    }

    pub(super) fn parse(digits: &[u8]) -> Option<Self> {
        let [year, month] = pairs(digits)?;
        Self::new(year, month)
    }
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}{:02}", self.month, self.day)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}{:02}{:02}", self.hour, self.minute, self.second)
    }
}

impl fmt::Display for MonthDayTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.date, self.time)
    }
}

impl fmt::Display for YearMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}{:02}", self.year, self.month)
    }
}

/// `N` numbers of two digits each.
fn pairs<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let valid = digits.len() == 2 * N && digits.iter().all(u8::is_ascii_digit);
    valid.then(|| std::array::from_fn(|at| (digits[2 * at] - b'0') * 10 + digits[2 * at + 1] - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for digits in ["0722101500", "0229000000", "1231235959"] {
            assert_eq!(MonthDayTime::parse(digits.as_bytes()).expect(digits).to_string(), digits);
        }
        assert_eq!(YearMonth::parse(b"0012").expect("valid").to_string(), "0012");
    }

    #[test]
    fn what_no_calendar_or_clock_has_is_none() {
        for digits in [
            "0000000000",
            "1301000000",
            "0230000000",
            "0431000000",
            "0101240000",
            "0101006000",
            "0101000060",
            "010100000",
        ] {
            assert_eq!(MonthDayTime::parse(digits.as_bytes()), None, "{digits}");
        }
        assert_eq!(YearMonth::parse(b"2500"), None);
        assert_eq!(MonthDay::parse(b"0a01"), None);
    }
}
