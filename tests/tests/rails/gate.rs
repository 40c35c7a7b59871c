//! Where cells wait until all stand at the steps at which leaders are killed.

use std::time::Duration;

use tokio::sync::watch;

use super::cell::Cell;
use super::outcome::{Account, Outcome};
use super::play::slowly;

/// Every cell stands at its step by then.
const STEP_BOUND: Duration = Duration::from_secs(90);

/// Brings cells to their steps in waves, so that all stand there at one moment: a bank is waited for much
/// longer than others.
pub(crate) struct Gate {
    totals: [usize; WAVES],
    arrived: watch::Sender<[usize; WAVES]>,
    /// Have looked once more.
    looked: watch::Sender<usize>,
}

const WAVES: usize = 4;

fn wave_of(cell: &Cell) -> usize {
    // The bank alone is waited for so long.
    let is_slow = cell.account.is_at_bank();
    match cell.outcome {
        Outcome::KilledWhileUndoing => 0,
        Outcome::KilledWhileDelivering => 1,
        Outcome::KilledWhileAsked if !is_slow => 3,
        Outcome::KilledWhileReversing | Outcome::KilledWhileRefunding if cell.account == Account::Virtual => 3,
        _ if !is_slow => 2,
        _ => 1,
    }
}

impl Gate {
    pub(crate) fn new(cells: &[&Cell]) -> Self {
        let mut totals = [0; WAVES];
        for cell in cells {
            totals[wave_of(cell)] += 1;
        }
        Self { totals, arrived: watch::Sender::new([0; WAVES]), looked: watch::Sender::new(0) }
    }

    pub(crate) fn visit(&self, cell: &Cell) -> Visit<'_> {
        Visit { gate: self, wave: wave_of(cell), has_arrived: false.into(), has_looked: false.into() }
    }

    /// Waits until every cell stands at its step, or has failed on its way there.
    pub(crate) async fn all_stand(&self) {
        let all: usize = self.totals.iter().sum();
        let mut looked = self.looked.subscribe();
        looked.wait_for(|looked| *looked == all).await.expect("the gate is there");
    }
}

/// One cell's way through the gate. When it fails it counts as through, so that nobody waits for it.
pub(crate) struct Visit<'g> {
    gate: &'g Gate,
    wave: usize,
    has_arrived: std::cell::Cell<bool>,
    has_looked: std::cell::Cell<bool>,
}

impl Visit<'_> {
    /// Waits until the waves before stand.
    pub(crate) async fn turn(&self) -> Result<(), String> {
        let before = |arrived: &[usize; WAVES]| arrived[..self.wave] == self.gate.totals[..self.wave];
        let mut arrived = self.gate.arrived.subscribe();
        let turn = tokio::time::timeout(STEP_BOUND, arrived.wait_for(before)).await;
        turn.map(|_| ()).map_err(|_| "the cells before it do not stand at their steps".into())
    }

    /// Waits until it stands at its step, then until all do; looks once more, and the leaders are killed.
    pub(crate) async fn stand(&self, look: impl AsyncFn() -> Result<(), String>) -> Result<(), String> {
        slowly("it stands at its step", STEP_BOUND, &look).await?;
        self.arrive();
        let mut arrived = self.gate.arrived.subscribe();
        let all = |arrived: &[usize; WAVES]| *arrived == self.gate.totals;
        let waited = tokio::time::timeout(STEP_BOUND, arrived.wait_for(all)).await;
        waited.map_err(|_| "the others do not come to their steps")?.map_err(|error| error.to_string())?;
        let looked = look().await;
        self.look();
        looked.map_err(|why| format!("it was past its step before the leaders were killed: {why}"))
    }

    fn arrive(&self) {
        if !self.has_arrived.replace(true) {
            self.gate.arrived.send_modify(|arrived| arrived[self.wave] += 1);
        }
    }

    fn look(&self) {
        if !self.has_looked.replace(true) {
            self.gate.looked.send_modify(|looked| *looked += 1);
        }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.arrive();
        self.look();
    }
}
