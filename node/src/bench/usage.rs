//! What each process used of the machine while something was measured: who reads the figures sees
//! the limit.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::processes::Province;
use super::proposer::millis;
use crate::telemetry::ProcessUsage;

/// A moment before a measurement.
pub(super) struct Usage {
    at: Instant,
    before: Vec<(String, ProcessUsage)>,
}

/// One process over a measurement.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Used {
    pub(super) process: String,
    /// Hundredths of one core.
    pub(super) cpu_percent: u64,
    pub(super) resident_mib: u64,
}

impl Usage {
    pub(super) fn now(province: &Province) -> Self {
        Self { at: Instant::now(), before: province.usage() }
    }

    /// What was used since.
    pub(super) fn until_now(self, province: &Province) -> Vec<Used> {
        let wall = self.at.elapsed();
        let after = province.usage();
        let pairs = self.before.iter().zip(&after);
        pairs.map(|((name, before), (_, after))| used(name, before, after, wall)).collect()
    }
}

fn used(name: &str, before: &ProcessUsage, after: &ProcessUsage, wall: Duration) -> Used {
    let cpu = after.cpu.saturating_sub(before.cpu);
    Used {
        process: name.to_owned(),
        cpu_percent: millis(cpu) * 100 / millis(wall).max(1),
        resident_mib: after.resident_bytes >> 20,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_kept_one_core_busy_used_a_hundred_percent() {
        let usage = |ms, mib: u64| ProcessUsage {
            cpu: Duration::from_millis(ms),
            resident_bytes: mib << 20,
            ..ProcessUsage::default()
        };
        let used = used("44-1", &usage(500, 10), &usage(2_500, 20), Duration::from_secs(2));
        assert_eq!((used.cpu_percent, used.resident_mib), (100, 20));
    }
}
