//! Seeds, as they are typed.

use std::str::FromStr;

use rustix::time::{ClockId, clock_gettime};

/// Which seeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seeds {
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Seeds {
    pub(super) const fn count(&self) -> u64 {
        self.last - self.first + 1
    }
}

impl std::fmt::Display for Seeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is neither two numbers such as 1..100 nor a count such as fresh:20");
        if let Some(count) = text.strip_prefix("fresh:") {
            let count: u64 = count.parse().ok().filter(|count| *count > 0).ok_or_else(wrong)?;
            // Seeds nobody has seen before: the machine's own time, in milliseconds.
            let now = clock_gettime(ClockId::Realtime);
            let first = now.tv_sec.unsigned_abs() * 1_000 + now.tv_nsec.unsigned_abs() / 1_000_000;
            return Ok(Self { first, last: first + count - 1 });
        }
        let (first, last) = text.split_once("..").ok_or_else(wrong)?;
        let (first, last) = (first.parse(), last.trim_start_matches('=').parse());
        let (Ok(first), Ok(last)) = (first, last) else { return Err(wrong()) };
        if first > last { Err(wrong()) } else { Ok(Self { first, last }) }
    }
}
