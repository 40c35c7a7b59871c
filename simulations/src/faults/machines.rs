//! Processes that crash, stop, stand still or are slow, and clocks that are wrong.

use std::time::Duration;

use mpss_domain::ProvinceId;
use mpss_runtime::Clock;
use mpss_runtime::memory::Crash;

use super::Hand;
use crate::scenario::{FaultKind, Strike, Target};
use crate::world::{About, Condition};

/// How long a crash waits for something that is not synced: so many times so long.
const TAIL_WAITS_MAX: u32 = 500;
const TAIL_PAUSE: Duration = Duration::from_millis(1);

impl Hand {
    pub(super) async fn strike_machine(&mut self, strike: &Strike) {
        if let (FaultKind::Blackout, Target::Province(province)) = (strike.kind, &strike.target) {
            return self.blackout(strike, *province).await;
        }
        let Some(name) = self.machine(&strike.target) else { return self.spared(strike) };
        match strike.kind {
            FaultKind::Crash => self.crash(strike, &name).await,
            FaultKind::Restart => self.restart(strike, &name).await,
            FaultKind::Pause => self.pause(strike, &name).await,
            FaultKind::SlowNode => {
                let delay_ms = (strike.strength / 2, strike.strength);
                let slow = Condition { delay_ms, ..Condition::fair(About::Machine(name.clone())) };
                let number = self.country.network().begin(slow);
                let span = self.broken(strike, &name, format!("by up to {} ms", strike.strength));
                self.last(strike.lasts_ms).await;
                self.country.network().end(number);
                self.mended(span);
            }
            _ => {
                let off = i64::try_from(strike.strength).unwrap_or(i64::MAX);
                let off = if self.below(2) == 0 { off } else { -off };
                let clock = self.country.clock_of(&name);
                clock.set_ahead(off);
                let span = self.broken(strike, &name, format!("{off} ms ahead"));
                self.last(strike.lasts_ms).await;
                clock.set_ahead(0);
                self.mended(span);
            }
        }
    }

    /// What becomes of bytes that were not synced. While a machine of the province is lost, the others
    /// keep theirs: with two disks of three gone there is nothing left to prove.
    fn fate_of_bytes(&self, province: ProvinceId, torn_max: u64) -> Crash {
        let kept = usize::try_from(self.below(torn_max.max(1))).unwrap_or(0);
        match self.below(3) {
            _ if self.supervisor.has_lost(province) => Crash::Kept,
            0 => Crash::Lost,
            1 => Crash::Kept,
            _ => Crash::Torn(kept),
        }
    }

    /// Crashes one process; nothing when there was none.
    pub(super) fn end_process(&self, name: &str, torn_max: u64) -> Option<(Crash, crate::country::Ended)> {
        let province = crate::country::province_of(name)?;
        let crash = self.fate_of_bytes(province, torn_max);
        let ended = self.country.crash(name, crash)?;
        let tally = self.country.tally();
        tally.count("crashes");
        tally.add("crashes of leaders", u64::from(ended.led));
        tally.add("crashes with unsynced bytes", u64::from(ended.unsynced > 0));
        tally.add("unsynced bytes at crashes", ended.unsynced);
        Some((crash, ended))
    }

    /// A crash hurts most while something is written and not synced: half of them wait for it a while.
    async fn wait_for_a_tail(&self, names: &[String]) {
        if self.below(2) == 0 {
            return;
        }
        for _ in 0..TAIL_WAITS_MAX {
            if names.iter().any(|name| self.country.device(name).unsynced_bytes() > 0) {
                return;
            }
            self.country.clock().sleep(TAIL_PAUSE).await;
        }
    }

    async fn crash(&mut self, strike: &Strike, name: &str) {
        self.wait_for_a_tail(&[name.to_owned()]).await;
        let Some((crash, ended)) = self.end_process(name, strike.strength) else { return self.spared(strike) };
        let led = if ended.led { ", it led" } else { "" };
        let span = self.broken(strike, name, format!("{} bytes not synced, {crash:?}{led}", ended.unsynced));
        self.last(strike.lasts_ms).await;
        self.supervisor.start_again(name, ended.generation).await;
        self.mended(span);
    }

    async fn restart(&mut self, strike: &Strike, name: &str) {
        if !self.country.runs(name) {
            return self.spared(strike);
        }
        let span = self.broken(strike, name, "");
        if self.country.stop(name).await {
            let generation = self.country.generation(name);
            self.last(strike.lasts_ms).await;
            self.supervisor.start_again(name, generation).await;
        }
        self.mended(span);
    }

    async fn blackout(&mut self, strike: &Strike, province: ProvinceId) {
        let names = self.country.names_of(province);
        self.wait_for_a_tail(&names).await;
        let ended: Vec<_> = names
            .iter()
            .filter_map(|name| {
                self.end_process(name, strike.strength).map(|(_, ended)| (name.clone(), ended.generation))
            })
            .collect();
        if names.iter().all(|name| self.country.is_off(name)) {
            self.country.tally().see("whole province dark");
        }
        let span = self.broken(strike, &province.to_string(), format!("{} processes", ended.len()));
        self.last(strike.lasts_ms).await;
        for (name, generation) in ended {
            self.supervisor.start_again(&name, generation).await;
        }
        self.mended(span);
    }

    async fn pause(&mut self, strike: &Strike, name: &str) {
        let Some(province) = crate::country::province_of(name) else { return };
        if !self.country.runs(name) || self.country.is_held(name) {
            return self.spared(strike);
        }
        let led = self.country.leader(province).as_deref() == Some(name);
        let generation = self.country.generation(name);
        self.country.hold(name, true);
        let span = self.broken(strike, name, if led { "it leads" } else { "" });
        self.last(strike.lasts_ms).await;
        let others_lead = self.country.leader(province).is_some_and(|leader| leader != name);
        if led && others_lead {
            self.country.tally().see("another leader while one stood still");
        }
        if self.country.generation(name) == generation {
            self.country.hold(name, false);
        }
        self.mended(span);
    }
}
