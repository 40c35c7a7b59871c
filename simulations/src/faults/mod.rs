//! Strikes, carried out: each is a task of its own that breaks something, waits, and mends it. When
//! faults are over everything is mended at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::ProvinceId;
use mpss_runtime::{Clock, Random};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::country::Country;
use crate::people::{Person, Street};
use crate::record::FaultSpan;
use crate::scenario::{FaultKind, Strike, Target};
use crate::world::SeededRandom;

mod disks;
mod machines;
mod network;
mod operator;
mod outside;
mod supervisor;

pub use supervisor::Supervisor;

/// A fault that lasts until the end lasts this long at most.
const FOREVER: Duration = Duration::from_secs(7 * 86_400);

/// Carries strikes out.
pub struct Faults {
    hand: Hand,
    running: JoinSet<()>,
    over: watch::Sender<bool>,
}

/// What a strike works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hand {
    country: Country,
    street: Street,
    supervisor: Supervisor,
    random: Arc<SeededRandom>,
    over: watch::Receiver<bool>,
    spans: Arc<Mutex<Vec<FaultSpan>>>,
    /// Those whose number moves to another province with a new plan, and those who carry it away.
    movers: Arc<Vec<Person>>,
    porters: Arc<Vec<Person>>,
}

impl Faults {
    /// Nothing has been struck yet. Of each province the last person moves with new plans, and the
    /// first carries the number to another operator.
    #[must_use]
    pub fn new(street: &Street, supervisor: Supervisor, people: &[Person]) -> Self {
        let country = street.country().clone();
        let (over, over_seen) = watch::channel(false);
        let homes: BTreeSet<ProvinceId> = people.iter().map(|person| person.home).collect();
        let of = |home: &ProvinceId| people.iter().filter(|person| person.home == *home).cloned().collect::<Vec<_>>();
        let porters = homes.iter().filter_map(|home| of(home).first().cloned()).collect();
        let movers = homes.iter().filter_map(|home| of(home).pop()).collect();
        let hand = Hand {
            random: country.random().named("strikes"),
            country,
            street: street.clone(),
            supervisor,
            over: over_seen,
            spans: Arc::default(),
            movers: Arc::new(movers),
            porters: Arc::new(porters),
        };
        Self { hand, running: JoinSet::new(), over }
    }

    /// Strikes.
    pub fn strike(&mut self, number: usize, strike: Strike) {
        let hand = Hand { random: self.hand.random.named(&number.to_string()), ..self.hand.clone() };
        self.running.spawn(async move { hand.carry_out(strike).await });
    }

    /// Mends everything, and waits until it is.
    pub async fn end_all(&mut self) {
        self.over.send_replace(true);
        while self.running.join_next().await.is_some() {}
        self.hand.country.sps().wake();
        self.hand.country.trace().tell("all faults are over");
    }

    /// What was struck, in order.
    #[must_use]
    pub fn spans(&self) -> Vec<FaultSpan> {
        let mut spans = self.hand.spans.lock().clone();
        spans.sort_by(|one, other| {
            (one.from_ms, &one.kind, &one.target).cmp(&(other.from_ms, &other.kind, &other.target))
        });
        spans
    }
}

/// A fault that holds: ends when dropped out of [`Hand::mended`].
struct Span(usize);

impl Hand {
    async fn carry_out(mut self, strike: Strike) {
        match strike.kind {
            FaultKind::Crash
            | FaultKind::Restart
            | FaultKind::Blackout
            | FaultKind::Pause
            | FaultKind::SlowNode
            | FaultKind::ClockJump => self.strike_machine(&strike).await,
            FaultKind::SlowDisk
            | FaultKind::StalledSync
            | FaultKind::FullDisk
            | FaultKind::SyncError
            | FaultKind::BitFlipLog
            | FaultKind::BitFlipSnapshot => self.strike_disk(&strike).await,
            FaultKind::Cut
            | FaultKind::Isolation
            | FaultKind::ProvinceCut
            | FaultKind::Loss
            | FaultKind::Delay
            | FaultKind::Duplication
            | FaultKind::Reordering => self.strike_network(&strike).await,
            FaultKind::SpLoses
            | FaultKind::SpLate
            | FaultKind::SpTwice
            | FaultKind::SpRefuses
            | FaultKind::SmscLoses
            | FaultKind::SmscLate
            | FaultKind::SmscTwice
            | FaultKind::SmscRefuses
            | FaultKind::IsmpLoses
            | FaultKind::IsmpLate
            | FaultKind::IsmpTwice
            | FaultKind::IsmpRefuses
            | FaultKind::BankLoses
            | FaultKind::BankLate
            | FaultKind::BankTwice
            | FaultKind::BankRefuses
            | FaultKind::RechargeLoses
            | FaultKind::RechargeLate
            | FaultKind::RechargeTwice
            | FaultKind::RechargeRefuses
            | FaultKind::UppLoses
            | FaultKind::UppLate
            | FaultKind::UppTwice
            | FaultKind::UppRefuses => self.strike_outside(&strike).await,
            FaultKind::MachineReplaced
            | FaultKind::ProvinceReplaced
            | FaultKind::NewPlan
            | FaultKind::PortedNumber
            | FaultKind::RollingUpgrade
            | FaultKind::LeadershipHandedOver => self.operate(&strike).await,
        }
    }

    /// The machine a target names now, when there is one.
    fn machine(&self, target: &Target) -> Option<String> {
        match target {
            Target::Machine(province, place) => Some(crate::country::name_of(*province, *place)),
            Target::Leader(province) => self.country.leader(*province),
            _ => None,
        }
    }

    fn broken(&self, strike: &Strike, target: &str, detail: impl Into<String>) -> Span {
        let detail = detail.into();
        let (kind, now) = (strike.kind.name(), self.country.clock().elapsed_ms());
        self.country.trace().tell(format!("{kind} strikes {target} {detail}").trim_end().to_owned());
        self.country.tally().count(&format!("fault: {kind}"));
        let span = FaultSpan { kind: kind.to_owned(), target: target.to_owned(), detail, from_ms: now, to_ms: now };
        let mut spans = self.spans.lock();
        spans.push(span);
        Span(spans.len() - 1)
    }

    fn mended(&self, span: Span) {
        self.spans.lock()[span.0].to_ms = self.country.clock().elapsed_ms();
    }

    /// A strike that could not be made: nobody was there, or it would have broken what is not to be
    /// broken.
    fn spared(&self, strike: &Strike) {
        self.country.tally().count(&format!("spared: {}", strike.kind.name()));
    }

    /// Waits as long as the fault lasts, or until faults are over.
    async fn last(&mut self, ms: u64) {
        let lasts = self.country.clock().sleep(Duration::from_millis(ms).min(FOREVER));
        tokio::select! {
            biased;
            _ = self.over.wait_for(|over| *over) => {}
            () = lasts => {}
        }
    }

    fn below(&self, bound: u64) -> u64 {
        self.random.below(bound)
    }
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faults")
    }
}
