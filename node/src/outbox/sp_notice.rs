//! Tells one SP, in batches, several at once, until each order is answered or its row is gone.
//!
//! ```text
//!  in hand ─▶ batch ─▶ SP ─answers─▶ RecordDeliveries, AcknowledgeEffects ─▶ row gone ─▶ done
//!     ▲                 └─ order not among the answers ─▶ again, after a pause
//!     └── the whole request unanswered: the SP rests, then one request probes it
//! ```
//!
//! When the order's deadline passes, a tick of the log ends the notice and reverses the order; here
//! that is seen as a row that is gone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mpss_domain::shipping::Recipient;
use mpss_domain::{Effect, EffectId, OrderId, SpId, State, Verb};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::notice_desk::DeskMessage;
use crate::gateway::sp::{Answer, Notice, NoticeKind, RecipientPart, SpGateway};
use crate::node::Context;
use crate::supervision::backoff::Backoff;
use crate::supervision::tasks::{Alarm, Report, Task};
use crate::supervision::tenure::{NotRecorded, Tenure};

/// Requests to one SP at the same time.
pub(super) const REQUESTS_MAX: usize = 4;

/// How long a batch that is not full waits for more while another request is under way.
const LINGER: Duration = Duration::from_millis(5);

/// Requests a second to all SPs together while their batches are not full: a request costs more than
/// the notices in it, so many busy SPs are told a little later and more at once.
const REQUESTS_PER_SECOND_MAX: u32 = 500;

/// The longest that is waited for that.
const PACE_MAX: Duration = Duration::from_millis(200);

/// An actor without work ends after this time.
const IDLE: Duration = Duration::from_secs(60);

/// Tells one SP.
pub(super) struct SpNotice;

/// What an SP's actor is started with.
pub(super) struct SpNoticeArguments {
    pub(super) sp: SpId,
    pub(super) context: Context,
    pub(super) gateway: Arc<dyn SpGateway>,
    pub(super) tenure: Tenure,
    pub(super) desk: ActorRef<DeskMessage>,
    /// How many SPs are being told.
    pub(super) told: Arc<AtomicU32>,
}

/// What an SP's actor hears.
pub(crate) enum SpMessage {
    /// More to tell.
    Notices(Vec<EffectId>),
    /// A request came back.
    CameBack(u64, Told),
    /// A moment that was waited for has come.
    Alarm,
}

/// What became of one request's notices.
pub(crate) struct Told {
    /// Their rows are gone.
    gone: Vec<EffectId>,
    /// Their rows are there.
    open: Vec<EffectId>,
    /// The SP gave a usable answer.
    answered: bool,
}

/// What an SP's actor is doing.
pub(super) struct Telling {
    sp: SpId,
    context: Context,
    gateway: Arc<dyn SpGateway>,
    tenure: Tenure,
    desk: ActorRef<DeskMessage>,
    /// To be told now.
    pending: VecDeque<EffectId>,
    /// To be told again at a later moment.
    later: VecDeque<(Duration, EffectId)>,
    requests: BTreeMap<u64, Task>,
    next_request: u64,
    told: Arc<AtomicU32>,
    /// When the last request went; none has gone yet.
    sent_at: Option<Duration>,
    /// Requests in a row without a usable answer.
    failures: u32,
    resting_until: Duration,
    idle_since: Duration,
    backoff: Backoff,
    alarm: Alarm,
}

impl Actor for SpNotice {
    type Msg = SpMessage;
    type State = Telling;
    type Arguments = SpNoticeArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<SpMessage>,
        SpNoticeArguments { sp, context, gateway, tenure, desk, told }: SpNoticeArguments,
    ) -> Result<Telling, ActorProcessingErr> {
        let outbox = &context.settings.outbox;
        let backoff = Backoff {
            min: Duration::from_millis(outbox.pause_min_ms),
            max: Duration::from_millis(outbox.pause_max_ms),
        };
        Ok(Telling {
            sp,
            gateway,
            tenure,
            desk,
            pending: VecDeque::new(),
            later: VecDeque::new(),
            requests: BTreeMap::new(),
            next_request: 0,
            told,
            sent_at: None,
            failures: 0,
            resting_until: Duration::ZERO,
            idle_since: context.seams.clock.monotonic(),
            context,
            backoff,
            alarm: Alarm::default(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<SpMessage>,
        message: SpMessage,
        telling: &mut Telling,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SpMessage::Notices(ids) => telling.pending.extend(ids),
            SpMessage::CameBack(request, told) => telling.came_back(request, told),
            SpMessage::Alarm => telling.alarm.rang(),
        }
        telling.pump(&myself);
        Ok(())
    }
}

impl Telling {
    fn came_back(&mut self, request: u64, Told { gone, open, answered }: Told) {
        self.requests.remove(&request);
        let now = self.context.seams.clock.monotonic();
        let random = &*self.context.seams.random;
        if answered {
            self.failures = 0;
        } else {
            self.failures = self.failures.saturating_add(1);
            self.resting_until = now + self.backoff.pause(self.failures, random);
        }
        if !open.is_empty() {
            // Orders that an SP left out of an answer rest by themselves; the others go on.
            let again_at = now + self.backoff.pause(self.failures.max(1), random);
            let place = self.later.partition_point(|(at, _)| *at <= again_at);
            let mut after = self.later.split_off(place);
            self.later.extend(open.into_iter().map(|id| (again_at, id)));
            self.later.append(&mut after);
        }
        if !gone.is_empty() {
            // A desk that is gone takes this actor with it.
            let _ = self.desk.send_message(DeskMessage::Done(self.sp, gone));
        }
    }

    /// Sends as many batches as may go now, and sets the alarm for the next moment of interest.
    fn pump(&mut self, myself: &ActorRef<SpMessage>) {
        let now = self.context.seams.clock.monotonic();
        while self.later.front().is_some_and(|(at, _)| *at <= now) {
            self.pending.extend(self.later.pop_front().map(|(_, id)| id));
        }
        let full = self.context.settings.outbox.notice_batch_max.max(1);
        while self.may_send(now, full) {
            let ids: Vec<_> = self.pending.drain(..full.min(self.pending.len())).collect();
            self.sent_at = Some(now);
            self.send(myself, ids);
        }
        self.set_alarm(myself, now);
    }

    fn may_send(&self, now: Duration, full: usize) -> bool {
        // One request probes an SP that did not answer the last.
        let requests_max = if self.failures == 0 { REQUESTS_MAX } else { 1 };
        if self.pending.is_empty() || now < self.resting_until || self.requests.len() >= requests_max {
            return false;
        }
        self.pending.len() >= full || now >= self.send_at()
    }

    /// When a batch goes even if it is not full. An SP that was told nothing for a while is told at
    /// once.
    fn send_at(&self) -> Duration {
        let Some(sent_at) = self.sent_at else { return Duration::ZERO };
        let linger = if self.requests.is_empty() { Duration::ZERO } else { LINGER };
        sent_at + pace(self.told.load(Ordering::Relaxed)).max(linger)
    }

    fn set_alarm(&mut self, myself: &ActorRef<SpMessage>, now: Duration) {
        let idle = self.pending.is_empty() && self.later.is_empty() && self.requests.is_empty();
        if !idle {
            self.idle_since = now;
        } else if now >= self.idle_since + IDLE {
            let _ = self.desk.send_message(DeskMessage::Idle(self.sp));
            self.idle_since = now;
        }
        let resting = (!self.pending.is_empty() && now < self.resting_until).then_some(self.resting_until);
        let lingering = Some(self.send_at()).filter(|at| !self.pending.is_empty() && *at > now);
        let later = self.later.front().map(|(at, _)| *at);
        let next = [resting, lingering, later].into_iter().flatten().min();
        let next = next.unwrap_or(self.idle_since + IDLE);
        self.alarm.set(&self.context.seams, next, myself, SpMessage::Alarm);
    }

    fn send(&mut self, myself: &ActorRef<SpMessage>, ids: Vec<EffectId>) {
        let request = self.next_request;
        self.next_request += 1;
        let unanswered = Told { gone: Vec::new(), open: ids.clone(), answered: false };
        let report = Report::new(myself.clone(), SpMessage::CameBack(request, unanswered));
        let (context, gateway, tenure, sp) = (self.context.clone(), self.gateway.clone(), self.tenure.clone(), self.sp);
        let work = async move {
            let told = tell(&context, &*gateway, &tenure, sp, ids).await;
            report.say(SpMessage::CameBack(request, told));
        };
        self.requests.insert(request, Task::start(&self.context.seams, "sp notices", Box::pin(work)));
    }
}

/// Time between two requests to one of so many SPs.
fn pace(told: u32) -> Duration {
    (Duration::from_secs(1) * told / REQUESTS_PER_SECOND_MAX).min(PACE_MAX)
}

/// What is told, as the state has it now.
struct Batch {
    url: String,
    notices: Vec<Notice>,
    /// What each row that is there is about.
    about: BTreeMap<EffectId, (OrderId, NoticeKind)>,
}

/// Tells an SP once and records its answers.
async fn tell(context: &Context, gateway: &dyn SpGateway, tenure: &Tenure, sp: SpId, ids: Vec<EffectId>) -> Told {
    let batch = context.replica.read(|state| batch(state, sp, &ids));
    let (open, gone): (Vec<_>, Vec<_>) = ids.iter().copied().partition(|id| batch.about.contains_key(id));
    if open.is_empty() || !tenure.holds() {
        return Told { gone, open, answered: true };
    }
    let count = batch.notices.len() as u64;
    let answers = match gateway.notify(&batch.url, batch.notices).await {
        Ok(answers) => answers,
        Err(error) => {
            tracing::warn!(%sp, %error, notices = count, "an SP gave no usable answer");
            metrics::counter!("mpss_notices_total", "result" => "no_answer").increment(count);
            return Told { gone, open, answered: false };
        }
    };
    let answers = answers_to(&batch.about, &answers);
    metrics::counter!("mpss_notices_total", "result" => "answered").increment(answers.len() as u64);
    let answered = !answers.is_empty();
    if !answered {
        return Told { gone, open, answered };
    }
    let recorded = record(tenure, &batch.about, &answers).await;
    if let Err(error) = recorded {
        tracing::warn!(%sp, %error, "an SP's answers are not recorded yet");
    }
    // The state says what is done, whatever was answered here or elsewhere meanwhile.
    let (open, ended) =
        context.replica.read(|state| open.into_iter().partition::<Vec<_>, _>(|id| state.effect(*id).is_some()));
    Told { gone: [gone, ended].concat(), open, answered }
}

/// Records answers: deliveries by order, cancel notices by row.
async fn record(
    tenure: &Tenure,
    about: &BTreeMap<EffectId, (OrderId, NoticeKind)>,
    answers: &BTreeMap<OrderId, bool>,
) -> Result<(), NotRecorded> {
    let mut deliveries = Vec::new();
    let mut cancelled = Vec::new();
    for (id, (order, kind)) in about {
        match (kind, answers.get(order)) {
            (NoticeKind::Deliver, Some(accepted)) => deliveries.push((*order, *accepted)),
            // Whatever an SP says of a void order, it knows of it now.
            (NoticeKind::Cancel, Some(_)) => cancelled.push(*id),
            (_, None) => {}
        }
    }
    let deliveries = async {
        if deliveries.is_empty() {
            return Ok(());
        }
        let reply = tenure.record(Verb::RecordDeliveries { answers: deliveries }).await?;
        tenure.after(&reply, |_| ()).await
    };
    let cancelled = async {
        if cancelled.is_empty() {
            return Ok(());
        }
        let reply = tenure.record(Verb::AcknowledgeEffects { effects: cancelled }).await?;
        tenure.after(&reply, |_| ()).await
    };
    let (deliveries, cancelled) = futures::join!(deliveries, cancelled);
    deliveries.and(cancelled)
}

/// The answers that are about orders that were asked about. The first answer about an order counts.
fn answers_to(about: &BTreeMap<EffectId, (OrderId, NoticeKind)>, answers: &[Answer]) -> BTreeMap<OrderId, bool> {
    let asked: std::collections::BTreeSet<OrderId> = about.values().map(|(order, _)| *order).collect();
    let mut known = BTreeMap::new();
    for answer in answers {
        let accepted = match answer.result.as_str() {
            "accepted" => true,
            "refused" => false,
            _ => continue,
        };
        if let Some(order) = answer.order_id.parse::<OrderId>().ok().filter(|order| asked.contains(order)) {
            known.entry(order).or_insert(accepted);
        }
    }
    known
}

fn batch(state: &State, sp: SpId, ids: &[EffectId]) -> Batch {
    let mut about = BTreeMap::new();
    let mut notices = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(row) = state.effect(*id) else { continue };
        let (order, kind) = match row.effect {
            Effect::DeliveryNotice { order, .. } => (order, NoticeKind::Deliver),
            Effect::CancelNotice { order, .. } => (order, NoticeKind::Cancel),
            _ => continue,
        };
        let Some(notice) = notice(state, *id, order, kind) else { continue };
        about.insert(*id, (order, kind));
        notices.push(notice);
    }
    let url = state.sp(sp).map(|sp| sp.notice_url.clone()).unwrap_or_default();
    Batch { url, notices, about }
}

fn notice(state: &State, id: EffectId, order: OrderId, kind: NoticeKind) -> Option<Notice> {
    let order = state.order(order)?;
    let terms = state.terms_of(order)?;
    let to = state.shipment_of(order.id).and_then(|row| row.to.clone());
    let to = to.map(|Recipient { name, phone, address }| RecipientPart { name, phone, address });
    Some(Notice {
        notice_id: format!("{}-{}", state.province(), id.0),
        event_number: state.sp_event_of(id),
        kind,
        order_id: order.id.to_string(),
        sp_id: order.sp.to_string(),
        product_id: order.product.id.to_string(),
        title: terms.title.clone(),
        application: terms.application.name(),
        quantity: order.quantity,
        amount: order.amount.to_string(),
        bill_number: state.bill_of(order.id).map(|bill| bill.number.to_string()),
        draw_id: state.draw_of(order.id).map(|draw| draw.id.to_string()),
        recipient: to.filter(|_| kind == NoticeKind::Deliver),
        serving_province: state.province().to_string(),
        msisdn_masked: order.msisdn.masked(),
        deliver_by: order.deliver_by.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use mpss_domain::{LogTime, ProvinceId};

    use super::*;

    fn order(serial: u16) -> OrderId {
        use mpss_domain::ids::IssuedId;
        OrderId::issue(LogTime(1_795_437_296_789), ProvinceId::new(44).expect("Guangdong"), serial)
    }

    #[test]
    fn many_sps_are_told_less_often_each_but_never_late() {
        assert_eq!(pace(1), Duration::from_millis(2));
        assert_eq!(pace(50), Duration::from_millis(100));
        assert_eq!(pace(10_000), PACE_MAX);
    }

    #[test]
    fn only_answers_about_what_was_asked_count_and_of_two_the_first() {
        let about = BTreeMap::from([
            (EffectId(1), (order(1), NoticeKind::Deliver)),
            (EffectId(2), (order(2), NoticeKind::Cancel)),
            (EffectId(3), (order(3), NoticeKind::Deliver)),
        ]);
        let answer = |order: String, result: &str| Answer { order_id: order, result: result.to_owned() };
        let answers = [
            answer(order(1).to_string(), "accepted"),
            answer(order(1).to_string(), "refused"),
            answer(order(9).to_string(), "accepted"),
            answer("nonsense".to_owned(), "accepted"),
            answer(order(3).to_string(), "perhaps"),
            answer(order(2).to_string(), "refused"),
        ];
        assert_eq!(answers_to(&about, &answers), BTreeMap::from([(order(1), true), (order(2), false)]));
    }
}
