//! Faults: drawn from the seed, struck while people live.

use std::time::Duration;

use mpss_runtime::memory::Crash;
use mpss_runtime::{Clock, Random};

use crate::country::Country;
use crate::world::Weather;

/// How often what is struck, in parts of a million for each look (every 250 ms of virtual time).
#[derive(Debug, Clone, Copy)]
pub struct FaultRates {
    /// A process is crashed; what it did not sync is lost, kept or torn.
    pub crash: u32,
    /// All processes of a province are crashed at once.
    pub blackout: u32,
    /// Two machines of a province, or a machine and another province, are cut off, one way or both.
    pub cut: u32,
    /// The weather changes: delay, loss, doubled requests.
    pub weather: u32,
    /// SPs and the SMS centre lose requests and answers.
    pub outside: u32,
    /// A wall clock is set wrong, by up to five seconds.
    pub clock: u32,
}

impl FaultRates {
    /// Nothing goes wrong.
    pub const NONE: Self = Self { crash: 0, blackout: 0, cut: 0, weather: 0, outside: 0, clock: 0 };
    /// Everything does, now and then.
    pub const ALL: Self =
        Self { crash: 60_000, blackout: 4_000, cut: 40_000, weather: 30_000, outside: 20_000, clock: 10_000 };
}

/// How often what was struck.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Struck {
    /// Processes crashed.
    pub crashes: u64,
    /// Of these, leaders.
    pub leaders: u64,
    /// Of these, with bytes that were not synced.
    pub unsynced: u64,
    /// Provinces dark at once.
    pub blackouts: u64,
    /// Cuts.
    pub cuts: u64,
    /// Changes of the weather.
    pub weather: u64,
    /// Times the outside began to lose things.
    pub outside: u64,
    /// Clocks set wrong.
    pub clocks: u64,
}

/// A fault that will end.
enum Pending {
    Restart(String),
    Join(String, String),
    Outside,
    Clock(String),
}

/// Strikes, and ends what it struck.
pub struct Faults {
    rates: FaultRates,
    pending: Vec<(Duration, Pending)>,
    /// How often what was struck.
    pub struck: Struck,
}

impl Faults {
    /// Faults at these rates.
    #[must_use]
    pub const fn new(rates: FaultRates) -> Self {
        Self {
            rates,
            pending: Vec::new(),
            struck: Struck {
                crashes: 0,
                leaders: 0,
                unsynced: 0,
                blackouts: 0,
                cuts: 0,
                weather: 0,
                outside: 0,
                clocks: 0,
            },
        }
    }

    /// Looks once: ends what has lasted long enough, and strikes what is drawn.
    ///
    /// # Errors
    /// Why a machine does not start again.
    pub async fn look(&mut self, country: &mut Country) -> Result<(), String> {
        self.end_due(country, country.clock.monotonic()).await?;
        let random = country.random.named("faults");
        let random = random.named(&country.clock.monotonic().as_millis().to_string());
        if random.happens(self.rates.crash) {
            let name = random.pick(&country.names()).clone();
            self.crash(country, &name, random.between(200, 8_000));
        }
        if random.happens(self.rates.blackout) {
            let province = *random.pick(&country.plan.provinces);
            country.trace.tell(&format!("blackout of {province}"));
            self.struck.blackouts += 1;
            for name in country.names_of(province) {
                self.crash(country, &name, random.between(500, 3_000));
            }
        }
        if random.happens(self.rates.cut) {
            let names = country.names();
            let (one, other) = (random.pick(&names).clone(), random.pick(&names).clone());
            if one != other {
                country.trace.tell(&format!("{one} does not reach {other}"));
                self.struck.cuts += 1;
                let until = self.until(country, random.between(300, 10_000));
                country.network.set_cut(&one, &other, true);
                self.pending.push((until, Pending::Join(one.clone(), other.clone())));
                if random.happens(500_000) {
                    country.network.set_cut(&other, &one, true);
                    self.pending.push((until, Pending::Join(other, one)));
                }
            }
        }
        if random.happens(self.rates.weather) {
            let weather = Weather {
                delay_ms: (0, *random.pick(&[1, 5, 30, 120])),
                lost: *random.pick(&[0, 0, 1_000, 20_000, 60_000]),
                doubled: *random.pick(&[0, 10_000, 100_000]),
            };
            country.trace.tell(&format!("{weather:?}"));
            self.struck.weather += 1;
            country.network.set_weather(weather);
        }
        if random.happens(self.rates.outside) {
            country.trace.tell("SPs and the SMS centre lose a third of everything");
            self.struck.outside += 1;
            country.sps.set_lost(300_000);
            country.smsc.set_lost(300_000);
            self.pending.push((self.until(country, random.between(1_000, 8_000)), Pending::Outside));
        }
        if random.happens(self.rates.clock) {
            let name = random.pick(&country.names()).clone();
            let ahead = i64::try_from(random.between(0, 10_000)).unwrap_or(0) - 5_000;
            country.trace.tell(&format!("the clock of {name} is {ahead} ms ahead"));
            self.struck.clocks += 1;
            country.clock_of(&name).set_ahead(ahead);
            self.pending.push((self.until(country, random.between(1_000, 20_000)), Pending::Clock(name)));
        }
        Ok(())
    }

    /// Ends everything that was struck.
    ///
    /// # Errors
    /// Why a machine does not start again.
    pub async fn end_all(&mut self, country: &mut Country) -> Result<(), String> {
        self.end_due(country, Duration::MAX).await?;
        country.network.heal();
        country.sps.wake();
        country.trace.tell("all faults are over");
        Ok(())
    }

    fn until(&self, country: &Country, ms: u64) -> Duration {
        country.clock.monotonic() + Duration::from_millis(ms)
    }

    fn crash(&mut self, country: &mut Country, name: &str, dark_ms: u64) {
        if !country.runs(name) {
            return;
        }
        let leads = country.plan.provinces.iter().any(|province| country.leader(*province).as_deref() == Some(name));
        let random = country.random.named(&format!("crash {name} {}", self.struck.crashes));
        let bytes = usize::try_from(random.below(4_096)).unwrap_or(0);
        let crash = *random.pick(&[Crash::Lost, Crash::Kept, Crash::Torn(bytes)]);
        let unsynced = country.crash(name, crash);
        country.trace.tell(&format!("{name} crashes, {unsynced} bytes not synced, {crash:?}, leader: {leads}"));
        self.struck.crashes += 1;
        self.struck.leaders += u64::from(leads);
        self.struck.unsynced += u64::from(unsynced > 0);
        self.pending.push((self.until(country, dark_ms), Pending::Restart(name.to_owned())));
    }

    async fn end_due(&mut self, country: &mut Country, now: Duration) -> Result<(), String> {
        let (due, rest) = std::mem::take(&mut self.pending).into_iter().partition(|(at, _)| *at <= now);
        self.pending = rest;
        let due: Vec<(Duration, Pending)> = due;
        for (_, what) in due {
            match what {
                Pending::Restart(name) => {
                    country.start(&name).await.map_err(|why| format!("{name} does not start again: {why}"))?;
                    country.trace.tell(&format!("{name} runs again"));
                }
                Pending::Join(one, other) => country.network.set_cut(&one, &other, false),
                Pending::Outside => {
                    country.sps.set_lost(0);
                    country.smsc.set_lost(0);
                }
                Pending::Clock(name) => country.clock_of(&name).set_ahead(0),
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").field("struck", &self.struck).finish_non_exhaustive()
    }
}
