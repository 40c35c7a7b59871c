//! Issues identities from log time: equal logs issue equal identities, and none is issued twice even
//! when log time stands still.

use serde::{Deserialize, Serialize};

use crate::ids::{IssuedId, ProvinceId};
use crate::time::LogTime;

/// Identities count milliseconds from here; an earlier log time is lifted to it.
const FIRST_MS: u64 = 1_577_836_800_000;

/// The last identity issued: its millisecond and its number inside it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct IdSource {
    ms: u64,
    serial: u16,
}

impl IdSource {
    /// The next identity of `province` at `now`. When a millisecond is used up the next one is
    /// begun, ahead of log time.
    pub(crate) fn issue<I: IssuedId>(&mut self, now: LogTime, province: ProvinceId) -> I {
        let at = now.0.max(FIRST_MS);
        if at > self.ms {
            (self.ms, self.serial) = (at, 0);
        } else if let Some(next) = self.serial.checked_add(1) {
            self.serial = next;
        } else {
            (self.ms, self.serial) = (self.ms + 1, 0);
        }
        I::issue(LogTime(self.ms), province, self.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OrderId;

    #[test]
    fn never_issues_twice_while_log_time_stands_still() {
        let province = ProvinceId::new(44).expect("Guangdong");
        let mut source = IdSource::default();
        // Times before 2020 share one millisecond, so they must roll on as well.
        for now in [LogTime(0), LogTime(1_000), LogTime(1_795_437_296_789)] {
            let mut last: OrderId = source.issue(now, province);
            for _ in 0..200_000 {
                let next = source.issue(now, province);
                assert!(last < next, "{last} then {next}");
                last = next;
            }
        }
    }
}
