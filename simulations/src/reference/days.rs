//! Business days: a day in China, which is eight hours ahead of UTC all year.

use mpss_domain::{BusinessDay, LogTime};

const HOUR_MS: u64 = 3_600_000;

/// The business day of a moment.
pub(super) fn day_of(at: LogTime) -> BusinessDay {
    BusinessDay(u32::try_from((at.0 + 8 * HOUR_MS) / (24 * HOUR_MS)).expect("log time ends before days do"))
}

/// The first moment of the day after.
pub(super) fn next_day(at: LogTime) -> LogTime {
    LogTime((u64::from(day_of(at).0) + 1) * 24 * HOUR_MS - 8 * HOUR_MS)
}

/// The first moment of a business day.
pub(super) fn first_moment(day: BusinessDay) -> LogTime {
    LogTime((u64::from(day.0) * 24 * HOUR_MS).saturating_sub(8 * HOUR_MS))
}
