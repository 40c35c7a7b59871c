//! Drives what waits for somebody else's answer to its end: for another province, payments whose asker is
//! gone, captures, reversals, refunds, credits of transfers; for whoever has the money of accounts
//! outside, calls. It runs on the leader only.
//!
//! ```text
//!  rows ─▶ lane (whom, kind) ─▶ step: ask with the same ids ─answered─▶ recorded, row gone
//!                  ▲                          └─ no answer ─▶ again, after a pause, for ever
//!                  └── at most so many at a time, so that one province fills its own lanes only
//! ```
//!
//! Nothing is kept here but which rows are in hand. A driver, or a leader, may die between any two
//! steps: the next one finds the row, asks again with the same ids, and the other province answers as
//! it did before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mpss_domain::{Effect, EffectId, EffectRow, LogTime, ProvinceId, RailName};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::node::Context;
use crate::outbox::lines::Lines;
use crate::supervision::backoff::Backoff;
use crate::supervision::bell::Bell;
use crate::supervision::tasks::{Alarm, Report, Task};
use crate::supervision::tenure::Tenure;

mod calls;
mod steps;

/// Steps under way in one lane for a province.
const RUNNING_MAX: usize = 32;

/// Steps under way in one lane for a rail: whoever is behind it may take a second for each.
const RUNNING_CALLS_MAX: usize = 256;

/// Rows of one lane in hand: under way, or waiting for their moment.
const HANDED_MAX: usize = 512;

/// Reads of the state for one message; after them others are heard.
const READS_MAX: usize = 4;

/// What kind of work waits: what waits for its time goes apart, because it must not hold up what can be
/// done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// What became of a payment?
    Resolve,
    /// What does a subscriber say?
    Confirm,
    /// Stored and forwarded.
    Forward,
    /// A call that may go at once.
    Call(RailName),
    /// A call that waits for its time.
    CallLater(RailName),
}

impl Kind {
    const fn running_max(self) -> usize {
        match self {
            Self::Resolve | Self::Confirm | Self::Forward => RUNNING_MAX,
            Self::Call(_) | Self::CallLater(_) => RUNNING_CALLS_MAX,
        }
    }
}

/// Work of one kind for one province.
type LaneKey = (ProvinceId, Kind);

/// The driver.
pub(crate) struct OrderDriver;

/// What the driver hears.
pub(crate) enum DriverMessage {
    /// There may be new rows.
    Bell,
    /// There is more to read.
    More,
    /// A step ended; its row is gone if it could be recorded.
    Stepped(Lane, EffectId),
    /// A moment that was waited for has come.
    Alarm,
}

/// Which lane a step belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lane(LaneKey);

/// What the driver keeps.
pub(crate) struct Driving {
    context: Context,
    tenure: Tenure,
    bell: Bell,
    alarm: Alarm,
    lines: Lines<LaneKey>,
    lanes: BTreeMap<LaneKey, Hands>,
    backoff: Backoff,
    more: bool,
    /// Hear the answers that come after their calls were given up.
    _late: Vec<Task>,
    /// The last row that was there when this driver began.
    #[cfg(feature = "mutants")]
    found: EffectId,
}

/// What is in hand of one lane.
#[derive(Debug, Default)]
struct Hands {
    running: BTreeMap<EffectId, Task>,
    /// Rows that wait for their moment.
    later: BTreeSet<(Duration, EffectId)>,
    /// Rows that may be stepped now.
    ready: Vec<EffectId>,
    /// Steps of a row that came to nothing.
    failures: BTreeMap<EffectId, u32>,
}

impl Actor for OrderDriver {
    type Msg = DriverMessage;
    type State = Driving;
    type Arguments = (Context, Tenure);

    async fn pre_start(
        &self,
        myself: ActorRef<DriverMessage>,
        (context, tenure): Self::Arguments,
    ) -> Result<Driving, ActorProcessingErr> {
        let bell = Bell::hang(&context.seams, context.replica.effects(), myself, || DriverMessage::Bell);
        let dispatch = &context.settings.dispatch;
        let backoff = Backoff {
            min: Duration::from_millis(dispatch.pause_min_ms),
            max: Duration::from_millis(dispatch.pause_max_ms),
        };
        #[cfg(feature = "mutants")]
        let found =
            context.replica.read(|state| state.effects_from(EffectId(0)).last().map_or(EffectId(0), |row| row.id));
        let late = calls::hear_late_answers(&context, &tenure);
        Ok(Driving {
            _late: late,
            #[cfg(feature = "mutants")]
            found,
            context,
            tenure,
            bell,
            alarm: Alarm::default(),
            lines: Lines::new(),
            lanes: BTreeMap::new(),
            backoff,
            more: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<DriverMessage>,
        message: DriverMessage,
        driving: &mut Driving,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            DriverMessage::Bell => {
                driving.bell.answered();
                driving.read(&myself)?;
            }
            DriverMessage::More => {
                driving.more = false;
                driving.read(&myself)?;
            }
            DriverMessage::Stepped(Lane(key), id) => {
                driving.stepped(key, id);
                driving.pump(&myself, key);
            }
            DriverMessage::Alarm => {
                driving.alarm.rang();
                for key in driving.lanes.keys().copied().collect::<Vec<_>>() {
                    driving.pump(&myself, key);
                }
            }
        }
        driving.set_alarm(&myself);
        Ok(())
    }
}

impl Driving {
    /// Sorts new rows into lanes and steps what may be stepped.
    fn read(&mut self, myself: &ActorRef<DriverMessage>) -> Result<(), ActorProcessingErr> {
        let mut touched = BTreeSet::new();
        let mut more = true;
        for _ in 0..READS_MAX {
            let lines = &mut self.lines;
            more = self.context.replica.read(|state| {
                let here = state.province();
                let rows = state.effects_from(lines.cursor()).map(|row| (row.id, lane_of(row, here)));
                lines.read(rows.inspect(|(_, key)| touched.extend(*key)))
            });
            if !more {
                break;
            }
        }
        if more && !self.more {
            self.more = true;
            myself.send_message(DriverMessage::More)?;
        }
        for key in touched {
            self.pump(myself, key);
        }
        Ok(())
    }

    /// A step ended: a row that is still there is stepped again after a pause.
    fn stepped(&mut self, key: LaneKey, id: EffectId) {
        let Some(hands) = self.lanes.get_mut(&key) else { return };
        hands.running.remove(&id);
        if self.context.replica.read(|state| state.effect(id).is_none()) {
            hands.failures.remove(&id);
            self.lines.done(key, [id]);
            return;
        }
        let failures = hands.failures.entry(id).or_default();
        *failures = failures.saturating_add(1);
        let pause = self.backoff.pause(*failures, &*self.context.seams.random);
        hands.later.insert((self.context.seams.clock.monotonic() + pause, id));
    }

    /// Starts as many steps of a lane as it may have under way.
    fn pump(&mut self, myself: &ActorRef<DriverMessage>, key: LaneKey) {
        let now = self.context.seams.clock.monotonic();
        loop {
            let hands = self.lanes.entry(key).or_default();
            while let Some(&(at, id)) = hands.later.first().filter(|(at, _)| *at <= now) {
                hands.later.remove(&(at, id));
                hands.ready.push(id);
            }
            if hands.running.len() >= key.1.running_max() {
                return;
            }
            if hands.ready.is_empty() && !self.take_in_hand(key) {
                break;
            }
            self.start(myself, key, now);
        }
        // A lane that is done is forgotten, so that the table stays as long as there is work.
        if self.lines.is_empty(key) {
            self.lines.forget(key);
            self.lanes.remove(&key);
        }
    }

    /// Takes more rows of a lane in hand; false when there are none, or no room.
    fn take_in_hand(&mut self, key: LaneKey) -> bool {
        let room = HANDED_MAX.saturating_sub(self.lines.handed(key));
        loop {
            let ids = self.lines.hand_out(key, room);
            if !ids.is_empty() {
                self.lanes.entry(key).or_default().ready.extend(ids);
                return true;
            }
            let Some(behind) = self.lines.behind(key).filter(|_| room > 0) else { return false };
            let lines = &mut self.lines;
            self.context.replica.read(|state| {
                let here = state.province();
                lines.catch_up(key, state.effects_from(behind).map(|row| (row.id, lane_of(row, here))));
            });
        }
    }

    /// Starts what is ready: rows that are gone are done, rows that are not due wait.
    fn start(&mut self, myself: &ActorRef<DriverMessage>, key: LaneKey, now: Duration) {
        let hands = self.lanes.entry(key).or_default();
        let room = key.1.running_max() - hands.running.len();
        let ids: Vec<_> = hands.ready.drain(..room.min(hands.ready.len())).collect();
        let rows: Vec<(EffectId, Option<EffectRow>)> =
            self.context.replica.read(|state| ids.into_iter().map(|id| (id, state.effect(id).cloned())).collect());
        let wall = LogTime(self.context.seams.clock.wall_ms());
        for (id, row) in rows {
            #[cfg(feature = "mutants")]
            let row = row.filter(|row| !is_forgotten(row, self.found));
            let Some(row) = row else {
                hands.failures.remove(&id);
                self.lines.done(key, [id]);
                continue;
            };
            if row.not_before > wall {
                hands.later.insert((now + Duration::from_millis(row.not_before.ms_since(wall)), id));
                continue;
            }
            let report = Report::new(myself.clone(), DriverMessage::Stepped(Lane(key), id));
            let (context, tenure) = (self.context.clone(), self.tenure.clone());
            let work = async move {
                steps::step(&context, &tenure, &row).await;
                report.say(DriverMessage::Stepped(Lane(key), id));
            };
            hands.running.insert(id, Task::start(&self.context.seams, "order step", Box::pin(work)));
        }
    }

    fn set_alarm(&mut self, myself: &ActorRef<DriverMessage>) {
        let next = self.lanes.values().filter_map(|hands| hands.later.first()).map(|(at, _)| *at).min();
        if let Some(next) = next {
            self.alarm.set(&self.context.seams, next, myself, DriverMessage::Alarm);
        }
        let waiting: usize = self.lanes.keys().map(|key| self.lines.handed(*key)).sum();
        metrics::gauge!("mpss_orders_being_driven").set(u32::try_from(waiting).unwrap_or(u32::MAX));
    }
}

/// The fault that a new leader does not look for what its predecessor had begun.
#[cfg(feature = "mutants")]
fn is_forgotten(row: &EffectRow, found: EffectId) -> bool {
    crate::mutant::Mutant::ReversalLostOnLeaderChange.is_planted()
        && matches!(row.effect, Effect::ReversePayment { .. })
        && row.id <= found
}

/// Whose lane a row belongs to, when it is the driver's.
fn lane_of(row: &EffectRow, here: ProvinceId) -> Option<LaneKey> {
    match row.effect {
        Effect::ResolvePayment { home, .. } => Some((home, Kind::Resolve)),
        Effect::AskConfirmation { home, .. } => Some((home, Kind::Confirm)),
        Effect::ReversePayment { home, .. }
        | Effect::RefundPayment { home, .. }
        | Effect::CapturePayment { home, .. }
        | Effect::CreditAward { home, .. } => Some((home, Kind::Forward)),
        Effect::TellBank { .. } | Effect::AskBank { .. } | Effect::TellUpp { .. } => Some((here, Kind::Forward)),
        Effect::Call { rail, .. } if row.not_before > row.at => Some((here, Kind::CallLater(rail))),
        Effect::Call { rail, .. } => Some((here, Kind::Call(rail))),
        Effect::CreditTransfer { payee_home, .. } => Some((payee_home, Kind::Forward)),
        Effect::Sms { .. } | Effect::DeliveryNotice { .. } | Effect::CancelNotice { .. } => None,
    }
}

#[cfg(test)]
mod tests;
