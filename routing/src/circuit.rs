//! One circuit for each province: when it can not be reached, a purchase that needs it is refused at
//! once instead of making its buyer wait for another time-out.
//!
//! ```text
//!           failures in a row                 time is over: one call probes
//!  closed ────────────────────▶ open ───────────────────────────────────────▶ half open
//!    ▲                            ▲                                               │
//!    └──── an answer, any answer ─┼───────────────────────────────────────────────┤
//!                                 └──────────────── no answer ────────────────────┘
//! ```
//!
//! Only reaching counts. A refusal is an answer of a healthy province.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::ProvinceId;
use parking_lot::Mutex;

/// Who waits for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// A caller waits.
    Waiting,
    /// Nobody waits: what is stored and forwarded is tried again anyway, so it may probe an open
    /// circuit before its time is over.
    Stored,
}

/// The circuits of all provinces.
#[derive(Debug)]
pub(crate) struct Circuits {
    failures_max: u32,
    open_for: Duration,
    provinces: Mutex<BTreeMap<ProvinceId, Circuit>>,
}

#[derive(Debug, Default)]
struct Circuit {
    failures: u32,
    /// Open until then; half open after it. `None` while closed.
    open_until: Option<Duration>,
    probing: bool,
}

/// Leave for one call. Dropped without a verdict (the caller went away) it says nothing about the
/// province.
#[derive(Debug)]
pub(crate) struct Pass {
    circuits: Arc<Circuits>,
    province: ProvinceId,
    probe: bool,
}

impl Circuits {
    pub(crate) fn new(failures_max: u32, open_for: Duration) -> Self {
        Self { failures_max: failures_max.max(1), open_for, provinces: Mutex::default() }
    }

    /// Leave to call `province`, or `None` while its circuit is open.
    pub(crate) fn admit(self: &Arc<Self>, province: ProvinceId, urgency: Urgency, now: Duration) -> Option<Pass> {
        let mut provinces = self.provinces.lock();
        let circuit = provinces.entry(province).or_default();
        let probe = match circuit.open_until {
            None => false,
            Some(until) => {
                if circuit.probing || (now < until && urgency == Urgency::Waiting) {
                    return None;
                }
                circuit.probing = true;
                true
            }
        };
        Some(Pass { circuits: Arc::clone(self), province, probe })
    }

    /// The provinces whose circuits are open or half open.
    pub(crate) fn open(&self) -> Vec<ProvinceId> {
        let provinces = self.provinces.lock();
        provinces.iter().filter(|(_, circuit)| circuit.open_until.is_some()).map(|(province, _)| *province).collect()
    }
}

impl Pass {
    /// The province answered.
    pub(crate) fn answered(self) {
        let mut provinces = self.circuits.provinces.lock();
        let circuit = provinces.entry(self.province).or_default();
        circuit.failures = 0;
        circuit.open_until = None;
    }

    /// The province could not be reached, or did not answer in time.
    pub(crate) fn failed(self, now: Duration) {
        let mut provinces = self.circuits.provinces.lock();
        let circuit = provinces.entry(self.province).or_default();
        circuit.failures = circuit.failures.saturating_add(1);
        // A call that began before the circuit opened tells nothing new, so it does not keep it open.
        let opens = circuit.open_until.is_none() && circuit.failures >= self.circuits.failures_max;
        if opens || self.probe {
            circuit.open_until = Some(now + self.circuits.open_for);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.probe
            && let Some(circuit) = self.circuits.provinces.lock().get_mut(&self.province)
        {
            circuit.probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN_FOR: Duration = Duration::from_secs(2);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn opened() -> (Arc<Circuits>, ProvinceId) {
        let circuits = Arc::new(Circuits::new(3, OPEN_FOR));
        let province = ProvinceId::new(51).expect("Sichuan");
        for second in 0..3 {
            let pass = circuits.admit(province, Urgency::Waiting, seconds(second)).expect("still closed");
            pass.failed(seconds(second));
        }
        (circuits, province)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_for_one_province_only() {
        let (circuits, province) = opened();
        assert!(circuits.admit(province, Urgency::Waiting, seconds(3)).is_none());
        assert_eq!(circuits.open(), [province]);
        let other = ProvinceId::new(44).expect("Guangdong");
        assert!(circuits.admit(other, Urgency::Waiting, seconds(3)).is_some());
    }

    #[test]
    fn an_answer_in_between_begins_the_count_again() {
        let circuits = Arc::new(Circuits::new(2, OPEN_FOR));
        let province = ProvinceId::new(51).expect("Sichuan");
        for turn in 0..10 {
            let pass = circuits.admit(province, Urgency::Waiting, seconds(turn)).expect("never open");
            if turn % 2 == 0 { pass.failed(seconds(turn)) } else { pass.answered() }
        }
        assert!(circuits.open().is_empty());
    }

    #[test]
    fn one_call_probes_when_the_time_is_over_and_its_answer_closes() {
        let (circuits, province) = opened();
        assert!(circuits.admit(province, Urgency::Waiting, seconds(3)).is_none());
        let probe = circuits.admit(province, Urgency::Waiting, seconds(4)).expect("half open");
        assert!(circuits.admit(province, Urgency::Waiting, seconds(4)).is_none(), "one probe at a time");
        assert!(circuits.admit(province, Urgency::Stored, seconds(4)).is_none(), "one probe at a time");
        probe.answered();
        assert!(circuits.admit(province, Urgency::Waiting, seconds(4)).is_some());
        assert!(circuits.open().is_empty());
    }

    #[test]
    fn a_failed_probe_opens_it_again() {
        let (circuits, province) = opened();
        circuits.admit(province, Urgency::Waiting, seconds(4)).expect("half open").failed(seconds(5));
        assert!(circuits.admit(province, Urgency::Waiting, seconds(6)).is_none());
        assert!(circuits.admit(province, Urgency::Waiting, seconds(7)).is_some());
    }

    #[test]
    fn what_is_stored_and_forwarded_may_probe_at_any_time() {
        let (circuits, province) = opened();
        let probe = circuits.admit(province, Urgency::Stored, seconds(3)).expect("may probe");
        probe.answered();
        assert!(circuits.admit(province, Urgency::Waiting, seconds(3)).is_some());
    }

    #[test]
    fn a_probe_whose_caller_went_away_leaves_room_for_the_next() {
        let (circuits, province) = opened();
        drop(circuits.admit(province, Urgency::Waiting, seconds(4)).expect("half open"));
        assert!(circuits.admit(province, Urgency::Waiting, seconds(4)).is_some());
    }

    #[test]
    fn late_failures_do_not_keep_it_open() {
        let circuits = Arc::new(Circuits::new(1, OPEN_FOR));
        let province = ProvinceId::new(51).expect("Sichuan");
        let early = circuits.admit(province, Urgency::Waiting, seconds(0)).expect("closed");
        let late = circuits.admit(province, Urgency::Waiting, seconds(0)).expect("closed");
        early.failed(seconds(1));
        late.failed(seconds(2));
        assert!(circuits.admit(province, Urgency::Waiting, seconds(3)).is_some(), "open from the first one on");
    }
}
