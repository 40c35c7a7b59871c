//! Sends texts to a centre that tells what becomes of them, and writes down what it tells.
//!
//! ```text
//!  rows ─▶ one job for each number ─▶ Asks recorded ─▶ submit ─▶ taken, busy, refused ─▶ recorded ─▶ next
//!                                                        └─ no answer: doubtful ─▶ receipt │ taken back │ unknown
//!                                                                      └─ or asked again, by the same name ─▶ taken
//!  centre ─▶ receipts ─▶ recorded ─▶ acknowledged        words ─▶ channel::sms ─▶ acknowledged
//! ```
//!
//! What is in doubt is a row of the state, not of this actor: the next leader finds it and goes on by the same rules
//! (`docs/decisions/0403-sms.md`, `docs/decisions/0411-isag-texts.md`). Only who leads holds the line: it is opened with
//! this actor and ends with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::texts::{Receipt, TextNews};
use mpss_domain::{EffectId, Msisdn, Verb};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::lines::Lines;
use crate::channel::sms::Words;
use crate::gateway::message_centre::{
    Acknowledge, Came, Cancelled, Inbound, Manner, MessageCentre, OpenCentre, Submitted,
};
use crate::gateway::rail::Lost;
use crate::gateway::smpp::cut::Alphabet;
use crate::node::Context;
use crate::supervision::backoff::Backoff;
use crate::supervision::bell::Bell;
use crate::supervision::tasks::{Alarm, Report, Task};
use crate::supervision::tenure::{NotRecorded, Tenure};

mod doubt;
mod job;
mod overdue;

use job::Job;

/// Things recorded at once at most.
const RECORD_MAX: usize = 512;

/// Numbers with a text in hand at most, those in doubt included; without room nothing new is begun.
const JOBS_MAX: usize = 8_192;

/// Messages of subscribers worked on at once; more are to come again.
const WORDS_MAX: usize = 128;

/// The desk.
pub(crate) struct TextDesk;

/// What the desk hears.
pub(crate) enum DeskMessage {
    /// There may be new rows.
    Bell,
    /// A moment that was waited for has come.
    Alarm,
    /// The line was opened or is down.
    Line(Option<Duration>),
    /// What was to be recorded is, or is not.
    Recorded(bool),
    /// What the centre said of a message.
    Submitted(Msisdn, EffectId, u8, Result<Submitted, Lost>),
    /// What it said when a message was to be taken back.
    Cancelled(Msisdn, EffectId, u8, Result<Cancelled, Lost>),
    /// What it said of messages without a receipt.
    Queried(Vec<Receipt>),
    /// Something has come by itself.
    Came(Inbound),
    /// Words of a subscriber are dealt with.
    WordsDone(u64),
}

/// What the desk is doing.
pub(crate) struct Desk {
    context: Context,
    tenure: Tenure,
    centre: Arc<dyn MessageCentre>,
    words: Arc<Words>,
    bell: Bell,
    alarm: Alarm,
    lines: Lines<Msisdn>,
    /// Numbers that may have something to send.
    ready: BTreeSet<Msisdn>,
    /// The number whose turn was last.
    turn: Msisdn,
    jobs: BTreeMap<Msisdn, Job>,
    news: Vec<TextNews>,
    receipts: Vec<(Receipt, Option<Acknowledge>)>,
    /// What is being recorded.
    in_record: (Vec<TextNews>, Vec<(Receipt, Option<Acknowledge>)>),
    recording: Option<Task>,
    /// Nothing is recorded before this: it has just failed.
    record_from: Duration,
    record_failures: u32,
    /// Since when there is a line.
    open_since: Option<Duration>,
    backoff: Backoff,
    busy: u32,
    paused_until: Duration,
    words_in_hand: BTreeMap<u64, Task>,
    words_last: u64,
    querying: Option<Task>,
    query_from: Duration,
    alphabet: Alphabet,
    manner: Manner,
    _listening: [Task; 2],
}

impl Actor for TextDesk {
    type Msg = DeskMessage;
    type State = Desk;
    type Arguments = (Context, OpenCentre, Tenure);

    async fn pre_start(
        &self,
        myself: ActorRef<DeskMessage>,
        (context, open, tenure): Self::Arguments,
    ) -> Result<Desk, ActorProcessingErr> {
        let centre = open(&context.seams);
        let bell = Bell::hang(&context.seams, context.replica.effects(), myself.clone(), || DeskMessage::Bell);
        let listening = listen(&context, &centre, &myself);
        let outbox = &context.settings.outbox;
        let backoff = Backoff {
            min: Duration::from_millis(outbox.pause_min_ms),
            max: Duration::from_millis(outbox.pause_max_ms),
        };
        let alphabet = if context.settings.smpp.alphabet == "ucs2" { Alphabet::Ucs2 } else { Alphabet::Gsm };
        Ok(Desk {
            words: Arc::new(Words::new(context.clone())),
            manner: centre.manner(),
            tenure,
            centre,
            bell,
            alarm: Alarm::default(),
            lines: Lines::new(),
            ready: BTreeSet::new(),
            turn: Msisdn::new(10_000_000_000).expect("the lowest number"),
            jobs: BTreeMap::new(),
            news: Vec::new(),
            receipts: Vec::new(),
            in_record: (Vec::new(), Vec::new()),
            recording: None,
            record_from: Duration::ZERO,
            record_failures: 0,
            open_since: None,
            backoff,
            busy: 0,
            paused_until: Duration::ZERO,
            words_in_hand: BTreeMap::new(),
            words_last: 0,
            querying: None,
            query_from: Duration::ZERO,
            alphabet,
            _listening: listening,
            context,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<DeskMessage>,
        message: DeskMessage,
        desk: &mut Desk,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            DeskMessage::Bell => desk.bell.answered(),
            DeskMessage::Alarm => desk.alarm.rang(),
            DeskMessage::Line(since) => desk.open_since = since,
            DeskMessage::Recorded(recorded) => desk.recorded(recorded),
            DeskMessage::Submitted(to, text, part, result) => desk.submitted(to, (text, part), result),
            DeskMessage::Cancelled(to, text, part, result) => desk.cancelled(to, (text, part), result),
            DeskMessage::Queried(found) => {
                desk.querying = None;
                desk.receipts.extend(found.into_iter().map(|receipt| (receipt, None)));
            }
            DeskMessage::Came(inbound) => desk.came(inbound, &myself),
            DeskMessage::WordsDone(number) => drop(desk.words_in_hand.remove(&number)),
        }
        desk.pump(&myself);
        Ok(())
    }
}

/// Listens to the line: what comes by itself, and whether it is open.
fn listen(context: &Context, centre: &Arc<dyn MessageCentre>, myself: &ActorRef<DeskMessage>) -> [Task; 2] {
    let (inbound, to) = (centre.clone(), myself.clone());
    let inbound = async move { while to.send_message(DeskMessage::Came(inbound.next().await)).is_ok() {} };
    let (mut open, to) = (centre.open_since(), myself.clone());
    let line = async move {
        loop {
            let since = *open.borrow_and_update();
            if to.send_message(DeskMessage::Line(since)).is_err() || open.changed().await.is_err() {
                return;
            }
        }
    };
    let start = |name, work| Task::start(&context.seams, name, work);
    [start("smpp inbound", Box::pin(inbound)), start("smpp line watch", Box::pin(line))]
}

impl Desk {
    fn now(&self) -> Duration {
        self.context.seams.clock.monotonic()
    }

    /// Does whatever can be done now.
    fn pump(&mut self, myself: &ActorRef<DeskMessage>) {
        let now = self.now();
        if self.open_since.is_some() {
            if now >= self.paused_until {
                self.resume(myself);
                self.begin();
            } else {
                self.alarm.set(&self.context.seams, self.paused_until, myself, DeskMessage::Alarm);
            }
            self.ask_about_doubts(myself);
            self.ask_about_overdue(myself);
        }
        self.record(myself);
    }

    /// Records what there is, one batch at a time.
    fn record(&mut self, myself: &ActorRef<DeskMessage>) {
        if self.recording.is_some() || (self.news.is_empty() && self.receipts.is_empty()) {
            return;
        }
        if self.now() < self.record_from {
            self.alarm.set(&self.context.seams, self.record_from, myself, DeskMessage::Alarm);
            return;
        }
        let news: Vec<_> = self.news.drain(..self.news.len().min(RECORD_MAX)).collect();
        let receipts: Vec<_> = self.receipts.drain(..self.receipts.len().min(RECORD_MAX)).collect();
        let said = receipts.iter().map(|(receipt, _)| receipt.clone()).collect();
        let verb = Verb::RecordTexts { news: news.clone(), receipts: said };
        self.in_record = (news, receipts);
        let report = Report::new(myself.clone(), DeskMessage::Recorded(false));
        let (tenure, context) = (self.tenure.clone(), self.context.clone());
        let work = async move {
            let recorded = record(&context, &tenure, verb).await;
            if let Err(error) = &recorded {
                tracing::warn!(%error, "what became of texts is not recorded yet");
            }
            report.say(DeskMessage::Recorded(recorded.is_ok()));
        };
        self.recording = Some(Task::start(&self.context.seams, "texts recorded", Box::pin(work)));
    }

    /// What was to be recorded is, and may be acted upon; or it is not, and is recorded again.
    fn recorded(&mut self, recorded: bool) {
        self.recording = None;
        let (mut news, mut receipts) = std::mem::take(&mut self.in_record);
        if !recorded {
            self.record_failures = self.record_failures.saturating_add(1);
            self.record_from = self.now() + self.backoff.pause(self.record_failures, &*self.context.seams.random);
            news.append(&mut self.news);
            receipts.append(&mut self.receipts);
            (self.news, self.receipts) = (news, receipts);
            return;
        }
        self.record_failures = 0;
        metrics::counter!("mpss_sms_receipts_total").increment(receipts.len() as u64);
        for (_, acknowledge) in receipts {
            if let Some(acknowledge) = acknowledge {
                acknowledge.done();
            }
        }
        let numbers: Vec<Msisdn> = self.jobs.keys().copied().collect();
        for to in numbers {
            self.look(to);
        }
    }

    /// Something came by itself.
    fn came(&mut self, Inbound { what, acknowledge }: Inbound, myself: &ActorRef<DeskMessage>) {
        match what {
            Came::Receipt(receipt) => self.receipts.push((receipt, Some(acknowledge))),
            Came::Words { .. } if self.words_in_hand.len() >= WORDS_MAX => acknowledge.later(),
            Came::Words { from, words } => {
                self.words_last += 1;
                let number = self.words_last;
                let report = Report::new(myself.clone(), DeskMessage::WordsDone(number));
                let heard = self.words.clone();
                let work = async move {
                    if heard.hear(from, &words).await.is_ok() {
                        acknowledge.done();
                    } else {
                        acknowledge.later();
                    }
                    report.say(DeskMessage::WordsDone(number));
                };
                let task = Task::start(&self.context.seams, "words heard", Box::pin(work));
                self.words_in_hand.insert(number, task);
            }
        }
    }
}

/// Records in a tenure, once every replica can read it.
async fn record(context: &Context, tenure: &Tenure, verb: Verb) -> Result<(), NotRecorded> {
    if context.replica.read(|state| state.version() < verb.since()) {
        return Err(NotRecorded::TooEarly);
    }
    tenure.record(verb).await.map(drop)
}

#[cfg(test)]
mod tests;
