//! Sends texts to subscribers, in the order they were decided, one batch at a time.
//!
//! ```text
//!  rows ─▶ batch (full, or a moment has passed) ─▶ SMS centre ─accepted─▶ AcknowledgeEffects
//!                                                       └─ not accepted, no answer ─▶ again, after a pause
//! ```
//!
//! One batch at a time keeps a subscriber's texts in order and leaves the machine to purchases: under
//! load batches are full, so that a text costs next to nothing.

use std::sync::Arc;
use std::time::Duration;

use mpss_domain::account::Language;
use mpss_domain::{Effect, EffectId, EffectRow, ProvinceId, State, Verb};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::lines::ROWS_PER_READ_MAX;
use crate::gateway::smsc::{SmsGateway, Text};
use crate::node::Context;
use crate::supervision::backoff::Backoff;
use crate::supervision::bell::Bell;
use crate::supervision::tasks::{Alarm, Report, Task};
use crate::supervision::tenure::Tenure;

/// How long a batch that is not full waits for more.
const LINGER: Duration = Duration::from_millis(20);

/// The relay. Without a gateway texts stay in the outbox.
pub(crate) struct SmsRelay;

/// What the relay hears.
pub(crate) enum SmsMessage {
    /// There may be new rows.
    Bell,
    /// A moment that was waited for has come.
    Alarm,
    /// A batch came back: what was not accepted or not acknowledged, and whether the centre answered.
    Sent {
        /// To be sent again.
        left: Vec<EffectId>,
        /// The centre took something.
        answered: bool,
    },
}

/// What the relay is doing.
pub(crate) struct Relay {
    context: Context,
    gateway: Option<Arc<dyn SmsGateway>>,
    tenure: Tenure,
    bell: Option<Bell>,
    alarm: Alarm,
    /// Rows before this one are sent or in hand.
    cursor: EffectId,
    /// To be sent again, oldest first.
    again: Vec<EffectId>,
    batch: Vec<EffectRow>,
    /// When the batch goes even if it is not full.
    send_by: Option<Duration>,
    sending: Option<Task>,
    backoff: Backoff,
    failures: u32,
    paused_until: Duration,
}

impl Actor for SmsRelay {
    type Msg = SmsMessage;
    type State = Relay;
    type Arguments = (Context, Option<Arc<dyn SmsGateway>>, Tenure);

    async fn pre_start(
        &self,
        myself: ActorRef<SmsMessage>,
        (context, gateway, tenure): Self::Arguments,
    ) -> Result<Relay, ActorProcessingErr> {
        let effects = context.replica.effects();
        let bell = gateway.is_some().then(|| Bell::hang(&context.seams, effects, myself, || SmsMessage::Bell));
        let outbox = &context.settings.outbox;
        let backoff = Backoff {
            min: Duration::from_millis(outbox.pause_min_ms),
            max: Duration::from_millis(outbox.pause_max_ms),
        };
        Ok(Relay {
            context,
            gateway,
            tenure,
            bell,
            alarm: Alarm::default(),
            cursor: EffectId(0),
            again: Vec::new(),
            batch: Vec::new(),
            send_by: None,
            sending: None,
            backoff,
            failures: 0,
            paused_until: Duration::ZERO,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<SmsMessage>,
        message: SmsMessage,
        relay: &mut Relay,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SmsMessage::Bell => {
                if let Some(bell) = &relay.bell {
                    bell.answered();
                }
            }
            SmsMessage::Alarm => relay.alarm.rang(),
            SmsMessage::Sent { left, answered } => relay.came_back(left, answered),
        }
        relay.pump(&myself);
        Ok(())
    }
}

impl Relay {
    fn came_back(&mut self, left: Vec<EffectId>, answered: bool) {
        self.sending = None;
        if answered && left.is_empty() {
            self.failures = 0;
        } else {
            self.failures = self.failures.saturating_add(1);
            let pause = self.backoff.pause(self.failures, &*self.context.seams.random);
            self.paused_until = self.context.seams.clock.monotonic() + pause;
        }
        self.again = left;
    }

    /// Sends a batch when there is one, nobody is sending, and it is time.
    fn pump(&mut self, myself: &ActorRef<SmsMessage>) {
        let seams = &self.context.seams;
        let now = seams.clock.monotonic();
        if self.sending.is_some() || self.gateway.is_none() {
            return;
        }
        if now < self.paused_until {
            self.alarm.set(seams, self.paused_until, myself, SmsMessage::Alarm);
            return;
        }
        let full = self.context.settings.outbox.sms_batch_max.max(1);
        self.fill(full);
        if self.batch.is_empty() {
            return;
        }
        let send_by = *self.send_by.get_or_insert(now + LINGER);
        if self.batch.len() < full && now < send_by {
            self.alarm.set(&self.context.seams, send_by, myself, SmsMessage::Alarm);
            return;
        }
        self.send_by = None;
        self.send(myself);
    }

    /// Adds rows to the batch: first what comes again, then what is new.
    fn fill(&mut self, full: usize) {
        let again = std::mem::take(&mut self.again);
        let (replica, batch, cursor) = (&self.context.replica, &mut self.batch, &mut self.cursor);
        if !again.is_empty() {
            replica.read(|state| batch.extend(again.iter().filter_map(|id| state.effect(*id)).cloned()));
        }
        while batch.len() < full && replica.read(|state| take_texts(state, cursor, batch, full)) {}
    }

    fn send(&mut self, myself: &ActorRef<SmsMessage>) {
        let Some(gateway) = self.gateway.clone() else { return };
        let rows = std::mem::take(&mut self.batch);
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let report = Report::new(myself.clone(), SmsMessage::Sent { left: ids, answered: false });
        let (province, tenure) = (self.context.province, self.tenure.clone());
        let lag_ms = self.context.seams.clock.wall_ms().saturating_sub(rows.first().map_or(0, |row| row.at.0));
        metrics::histogram!("mpss_sms_lag_seconds").record(Duration::from_millis(lag_ms));
        let work = async move {
            let (left, answered) = send(&*gateway, &tenure, province, rows).await;
            report.say(SmsMessage::Sent { left, answered });
        };
        self.sending = Some(Task::start(&self.context.seams, "sms batch", Box::pin(work)));
    }
}

/// Takes texts from the cursor on until the batch is full; true when there may be more.
fn take_texts(state: &State, cursor: &mut EffectId, batch: &mut Vec<EffectRow>, full: usize) -> bool {
    let mut read = 0;
    for row in state.effects_from(*cursor).take(ROWS_PER_READ_MAX) {
        if batch.len() == full {
            return false;
        }
        read += 1;
        *cursor = EffectId(row.id.0 + 1);
        if matches!(row.effect, Effect::Sms { .. }) {
            batch.push(row.clone());
        }
    }
    read == ROWS_PER_READ_MAX
}

/// Sends one batch and records what was accepted; what has to be sent again, and whether the centre
/// answered.
async fn send(
    gateway: &dyn SmsGateway,
    tenure: &Tenure,
    province: ProvinceId,
    rows: Vec<EffectRow>,
) -> (Vec<EffectId>, bool) {
    let texts: Vec<Text> = rows.iter().filter_map(|row| text(province, row)).collect();
    let ids: Vec<EffectId> = rows.iter().map(|row| row.id).collect();
    if !tenure.holds() {
        return (ids, false);
    }
    #[cfg(feature = "mutants")]
    if crate::mutant::Mutant::SmsDroppedOnCrash.is_planted()
        && tenure.record(Verb::AcknowledgeEffects { effects: ids.clone() }).await.is_err()
    {
        return (ids, false);
    }
    let accepted = match gateway.send(texts).await {
        Ok(accepted) => accepted,
        Err(error) => {
            tracing::warn!(%error, texts = ids.len(), "texts are not sent yet");
            metrics::counter!("mpss_sms_total", "result" => "no_answer").increment(ids.len() as u64);
            return (ids, false);
        }
    };
    let mut accepted: Vec<&str> = accepted.iter().map(String::as_str).collect();
    accepted.sort_unstable();
    let (taken, left): (Vec<_>, Vec<_>) =
        ids.into_iter().partition(|id| accepted.binary_search(&message_id(province, *id).as_str()).is_ok());
    metrics::counter!("mpss_sms_total", "result" => "accepted").increment(taken.len() as u64);
    if taken.is_empty() {
        return (left, false);
    }
    match tenure.record(Verb::AcknowledgeEffects { effects: taken.clone() }).await {
        Ok(_) => (left, true),
        Err(error) => {
            // They are sent once more with the same message ids, and the centre drops them.
            tracing::warn!(%error, texts = taken.len(), "sent texts are not recorded yet");
            ([taken, left].concat(), false)
        }
    }
}

fn message_id(province: ProvinceId, id: EffectId) -> String {
    format!("{province}-{}", id.0)
}

fn text(province: ProvinceId, row: &EffectRow) -> Option<Text> {
    let Effect::Sms { to, language, text } = &row.effect else { return None };
    Some(Text {
        message_id: message_id(province, row.id),
        to: to.to_string(),
        text: text.render(*language),
        language: match language {
            Language::Chinese => "zh",
            Language::English => "en",
        },
    })
}
