//! Log time and business days. Time comes in with the batch; nothing here asks for it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::IdError;

/// Milliseconds since 1970-01-01T00:00:00Z as stamped by the leader into the log. Never goes back
/// inside one state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogTime(pub u64);

/// China has one time zone, UTC+8, and no summer time.
const CHINA_OFFSET_MS: u64 = 8 * 3_600_000;
const DAY_MS: u64 = 86_400_000;

impl LogTime {
    /// This time plus `ms` milliseconds.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this time; zero when `earlier` is later.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The business day (China time) this moment belongs to.
    #[must_use]
    pub const fn business_day(self) -> BusinessDay {
        BusinessDay(((self.0 + CHINA_OFFSET_MS) / DAY_MS) as u32)
    }

    /// Month, day, hour, minute and second in China, as banks write them.
    #[must_use]
    pub fn month_to_second_in_china(self) -> [u8; 5] {
        let (_, month, day, hour, minute, second, _) = civil(self.0.saturating_add(CHINA_OFFSET_MS));
        // Each is below 60.
        [month, day, hour, minute, second].map(|part| part as u8)
    }
}

/// A calendar day in China time, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BusinessDay(pub u32);

impl BusinessDay {
    /// The first moment of this day.
    #[must_use]
    pub const fn start(self) -> LogTime {
        LogTime((self.0 as u64 * DAY_MS).saturating_sub(CHINA_OFFSET_MS))
    }

    /// The day after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Year, month, day, hour, minute, second, millisecond in UTC.
pub(crate) fn civil(ms: u64) -> (u64, u64, u64, u64, u64, u64, u64) {
    // Howard Hinnant's days-to-civil, for days since 1970-01-01.
    let (days, rest) = (ms / DAY_MS, ms % DAY_MS);
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    (year, month, day, rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60, rest % 1_000)
}

/// Milliseconds since 1970 of a UTC civil time, or `None` when it does not exist.
pub(crate) fn from_civil(year: u64, month: u64, day: u64, hour: u64, minute: u64, second: u64, ms: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year)
        || !(1..=12).contains(&month)
        || day == 0
        || hour > 23
        || minute > 59
        || second > 59
        || ms > 999
    {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y / 400;
    let yoe = y % 400;
    let mp = (month + 9) % 12;
    let doy = (153 * mp + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    let days = (era * 146_097 + doe).checked_sub(719_468)?;
    let total = days * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1_000 + ms;
    // A day past the month's end would have rolled over into the next month.
    (civil(total).2 == day).then_some(total)
}

impl fmt::Display for LogTime {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (y, mo, d, h, mi, s, ms) = civil(self.0);
        write!(f, "{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{ms:03}Z")
    }
}

impl fmt::Display for BusinessDay {
    /// `2026-11-23`, the date in China.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (y, mo, d, ..) = civil(u64::from(self.0) * DAY_MS);
        write!(f, "{y:04}-{mo:02}-{d:02}")
    }
}

impl FromStr for BusinessDay {
    type Err = IdError;
    /// `2026-11-23`, the date in China.
    fn from_str(text: &str) -> Result<Self, IdError> {
        const WHAT: IdError = IdError("a date looks like 2026-11-23");
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(WHAT);
        }
        let digits = |from: usize, to: usize| -> Option<u64> {
            bytes[from..to].iter().try_fold(0_u64, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
        };
        let date = || from_civil(digits(0, 4)?, digits(5, 7)?, digits(8, 10)?, 0, 0, 0, 0);
        // Below the year 10000 the days fit.
        date().map(|ms| Self((ms / DAY_MS) as u32)).ok_or(WHAT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_day_starts_at_sixteen_utc() {
        let before = LogTime(from_civil(2026, 11, 22, 15, 59, 59, 999).expect("exists"));
        let after = before.plus_ms(1);
        assert_eq!(before.business_day().to_string(), "2026-11-22");
        assert_eq!(after.business_day().to_string(), "2026-11-23");
        assert_eq!(after.business_day().start(), after);
    }

    #[test]
    fn a_date_reads_as_it_is_shown() {
        for text in ["1970-01-01", "2024-02-29", "2026-11-23", "9999-12-31"] {
            assert_eq!(text.parse::<BusinessDay>().map(|day| day.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "2026-11-31", "2026-1-1", "26-11-2300", "2026/11/23", "2026-11-2３", "1969-12-31"] {
            assert!(text.parse::<BusinessDay>().is_err(), "{text}");
        }
    }

    #[test]
    fn civil_time_round_trips_and_refuses_days_that_do_not_exist() {
        for day in (0..40_000).step_by(7) {
            let ms = day * DAY_MS + 12_345_678;
            let (y, mo, d, h, mi, s, milli) = civil(ms);
            assert_eq!(from_civil(y, mo, d, h, mi, s, milli), Some(ms));
        }
        assert_eq!(from_civil(2025, 2, 29, 0, 0, 0, 0), None);
        assert_eq!(
            from_civil(2024, 2, 29, 0, 0, 0, 0).map(LogTime).map(|t| t.to_string()).as_deref(),
            Some("2024-02-29T00:00:00.000Z")
        );
    }
}
