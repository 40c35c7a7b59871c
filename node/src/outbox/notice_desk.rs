//! Sorts delivery and cancel notices by SP and keeps one [`SpNotice`] for each SP that has any. An SP
//! that is slow, dead or full of trouble fills its own line and nobody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mpss_domain::{Effect, EffectId, EffectRow, SpId, State};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};

use super::lines::Lines;
use super::sp_notice::{SpMessage, SpNotice, SpNoticeArguments};
use crate::gateway::sp::SpGateway;
use crate::node::Context;
use crate::supervision::bell::Bell;
use crate::supervision::ended;
use crate::supervision::tasks::Alarm;
use crate::supervision::tenure::Tenure;

/// Notices one SP's actor has in hand, in batches of the largest size: twice what it sends at once,
/// so that it never waits for the desk.
const HANDED_BATCHES_MAX: usize = 2 * super::sp_notice::REQUESTS_MAX;

/// Reads of the state for one message; after them others are heard.
const READS_MAX: usize = 4;

/// Pause before an SP's actor that failed is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(5);

/// The desk.
pub(crate) struct NoticeDesk;

/// What the desk hears.
pub(crate) enum DeskMessage {
    /// There may be new rows.
    Bell,
    /// There is more to read.
    More,
    /// These are gone from the state.
    Done(SpId, Vec<EffectId>),
    /// An SP's actor has had nothing to do for a while.
    Idle(SpId),
    /// The pause of an SP's actor that failed is over.
    Alarm,
}

/// What the desk keeps.
pub(crate) struct Desk {
    context: Context,
    gateway: Arc<dyn SpGateway>,
    tenure: Tenure,
    bell: Bell,
    lines: Lines<SpId>,
    actors: BTreeMap<SpId, ActorRef<SpMessage>>,
    /// How many SPs are being told, for their pace.
    told: Arc<AtomicU32>,
    /// SPs whose actor failed, and when it is started again.
    resting: BTreeMap<SpId, Duration>,
    alarm: Alarm,
    /// A [`DeskMessage::More`] is on its way.
    more: bool,
}

impl Actor for NoticeDesk {
    type Msg = DeskMessage;
    type State = Desk;
    type Arguments = (Context, Arc<dyn SpGateway>, Tenure);

    async fn pre_start(
        &self,
        myself: ActorRef<DeskMessage>,
        (context, gateway, tenure): Self::Arguments,
    ) -> Result<Desk, ActorProcessingErr> {
        let bell = Bell::hang(&context.seams, context.replica.effects(), myself, || DeskMessage::Bell);
        Ok(Desk {
            context,
            gateway,
            tenure,
            bell,
            lines: Lines::new(),
            actors: BTreeMap::new(),
            told: Arc::new(AtomicU32::new(0)),
            resting: BTreeMap::new(),
            alarm: Alarm::default(),
            more: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<DeskMessage>,
        message: DeskMessage,
        desk: &mut Desk,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            DeskMessage::Bell => {
                desk.bell.answered();
                desk.read(&myself).await?;
            }
            DeskMessage::More => {
                desk.more = false;
                desk.read(&myself).await?;
            }
            DeskMessage::Done(sp, ids) => {
                desk.lines.done(sp, ids);
                desk.feed(&myself, sp).await?;
            }
            DeskMessage::Idle(sp) => desk.let_go(sp),
            DeskMessage::Alarm => {
                desk.alarm.rang();
                desk.wake(&myself).await?;
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<DeskMessage>,
        event: SupervisionEvent,
        desk: &mut Desk,
    ) -> Result<(), ActorProcessingErr> {
        if let Some((who, why)) = ended(&event) {
            desk.ended(&myself, who, &why);
        }
        Ok(())
    }
}

impl Desk {
    /// Sorts new rows and gives each SP that got some what it can take.
    async fn read(&mut self, myself: &ActorRef<DeskMessage>) -> Result<(), ActorProcessingErr> {
        let mut touched = BTreeSet::new();
        let mut more = true;
        for _ in 0..READS_MAX {
            let lines = &mut self.lines;
            more = self.context.replica.read(|state| {
                let rows = state.effects_from(lines.cursor()).map(|row| (row.id, sp_of(row)));
                lines.read(rows.inspect(|(_, sp)| touched.extend(*sp)))
            });
            if !more {
                break;
            }
        }
        if more && !self.more {
            self.more = true;
            myself.send_message(DeskMessage::More)?;
        }
        for sp in touched {
            self.feed(myself, sp).await?;
        }
        Ok(())
    }

    /// Gives an SP's actor as much as it may have in hand.
    async fn feed(&mut self, myself: &ActorRef<DeskMessage>, sp: SpId) -> Result<(), ActorProcessingErr> {
        if self.resting.contains_key(&sp) {
            return Ok(());
        }
        let in_hand_max = HANDED_BATCHES_MAX * self.context.settings.outbox.notice_batch_max.max(1);
        loop {
            let room = in_hand_max.saturating_sub(self.lines.handed(sp));
            let ids = self.lines.hand_out(sp, room);
            if !ids.is_empty() {
                let actor = self.actor(myself, sp).await?;
                // One that has just died is noticed, and its line is read again.
                let _ = actor.send_message(SpMessage::Notices(ids));
            }
            let Some(behind) = self.lines.behind(sp).filter(|_| room > 0) else { return Ok(()) };
            let lines = &mut self.lines;
            self.context.replica.read(|state: &State| {
                lines.catch_up(sp, state.effects_from(behind).map(|row| (row.id, sp_of(row))));
            });
        }
    }

    async fn actor(
        &mut self,
        myself: &ActorRef<DeskMessage>,
        sp: SpId,
    ) -> Result<ActorRef<SpMessage>, ActorProcessingErr> {
        if let Some(actor) = self.actors.get(&sp) {
            return Ok(actor.clone());
        }
        let arguments = SpNoticeArguments {
            sp,
            context: self.context.clone(),
            gateway: self.gateway.clone(),
            tenure: self.tenure.clone(),
            desk: myself.clone(),
            told: self.told.clone(),
        };
        let (actor, _) = Actor::spawn_linked(None, SpNotice, arguments, myself.get_cell()).await?;
        self.actors.insert(sp, actor.clone());
        self.count();
        Ok(actor)
    }

    fn count(&self) {
        let told = u32::try_from(self.actors.len()).unwrap_or(u32::MAX);
        self.told.store(told, Ordering::Relaxed);
        metrics::gauge!("mpss_sps_being_told").set(told);
    }

    fn let_go(&mut self, sp: SpId) {
        if self.lines.is_empty(sp) {
            self.lines.forget(sp);
            if let Some(actor) = self.actors.remove(&sp) {
                actor.stop(None);
            }
            self.count();
        }
    }

    /// An SP's actor that fails rests and is started again; its line is read again. That is never the
    /// end of the desk: what troubles one SP's actor must not stop the others.
    fn ended(&mut self, myself: &ActorRef<DeskMessage>, who: ActorId, why: &str) {
        let Some(sp) = self.actors.iter().find(|(_, actor)| actor.get_id() == who).map(|(sp, _)| *sp) else { return };
        tracing::error!(%sp, %why, "an SP's actor ended; it rests and is started again");
        self.actors.remove(&sp);
        self.count();
        self.lines.lost(sp);
        let until = self.context.seams.clock.monotonic() + RESTART_PAUSE;
        self.resting.insert(sp, until);
        self.alarm.set(&self.context.seams, until, myself, DeskMessage::Alarm);
    }

    async fn wake(&mut self, myself: &ActorRef<DeskMessage>) -> Result<(), ActorProcessingErr> {
        let now = self.context.seams.clock.monotonic();
        let rested: Vec<_> = self.resting.iter().filter(|(_, until)| **until <= now).map(|(sp, _)| *sp).collect();
        for sp in rested {
            self.resting.remove(&sp);
            self.feed(myself, sp).await?;
        }
        if let Some(next) = self.resting.values().min() {
            self.alarm.set(&self.context.seams, *next, myself, DeskMessage::Alarm);
        }
        Ok(())
    }
}

/// Whom a row has to be told to, when it is a notice.
fn sp_of(row: &EffectRow) -> Option<SpId> {
    match row.effect {
        Effect::DeliveryNotice { sp, .. } | Effect::CancelNotice { sp, .. } => Some(sp),
        _ => None,
    }
}
