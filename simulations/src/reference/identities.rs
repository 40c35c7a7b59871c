//! Identities of what a province issues: they sort by time, name the province and never come twice
//! (product §4). 41 bits of milliseconds since 2020, 7 bits of province, 16 bits of serial number.

use mpss_domain::ids::IssuedId;
use mpss_domain::{LogTime, ProvinceId};

/// 2020-01-01T00:00:00Z.
const SINCE_MS: u64 = 1_577_836_800_000;

/// The last identity issued.
#[derive(Debug, Default)]
pub(super) struct Identities {
    /// Milliseconds since 2020.
    ms: u64,
    /// How many that millisecond has seen.
    issued: u64,
}

impl Identities {
    /// The next one. A millisecond holds 65 536; what does not fit takes the next millisecond.
    pub(super) fn next<I: IssuedId>(&mut self, now: LogTime, province: ProvinceId) -> I {
        let ms = now.0.saturating_sub(SINCE_MS);
        if ms > self.ms {
            (self.ms, self.issued) = (ms, 0);
        }
        if self.issued == 1 << 16 {
            (self.ms, self.issued) = (self.ms + 1, 0);
        }
        let serial = self.issued;
        self.issued += 1;
        I::from_bits((self.ms << 23) | (u64::from(province.code()) << 16) | serial)
    }
}
