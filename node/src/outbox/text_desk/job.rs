//! One text at a time for each number: its parts, in order, each marked as asked before it leaves.

use std::ops::Bound;
use std::time::Duration;

use mpss_domain::texts::{Fate, PartNews, PartStatus, TextNews, reference_of};
use mpss_domain::{Effect, EffectId, EffectRow, Msisdn, ProvinceId, State};
use ractor::ActorRef;

use super::super::lines::ROWS_PER_READ_MAX;
use super::{Desk, DeskMessage, JOBS_MAX};
use crate::gateway::message_centre::{Handed, Manner, ShortMessage, Submitted, WholeText, name_of};
use crate::gateway::rail::Lost;
use crate::gateway::smpp::cut::{Alphabet, Cut, cut};
use crate::supervision::tasks::{Report, Task};

/// Numbers looked at in one turn for something to send.
const LOOKED_AT_MAX: usize = 4_096;

/// Where a job stands.
#[derive(Debug)]
pub(super) enum Phase {
    /// It is to be marked as asked once there is a line and the centre is not too busy.
    Held,
    /// The mark is being recorded.
    Asking,
    /// It is with the centre, and its answer is waited for.
    Submitting {
        #[expect(dead_code, reason = "the task ends with its job")]
        task: Task,
        /// It was handed over before, and what came of that is not known.
        again: bool,
    },
    /// There was no answer.
    Doubtful(Doubt),
    /// It is being taken back.
    Cancelling(#[expect(dead_code, reason = "the task ends with its job")] Task, Doubt),
    /// What the centre said is being recorded.
    Settling,
}

/// What is known of a message whose answer was lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubt {
    /// Since when its receipt is waited for.
    pub(super) since: Duration,
    /// The centre has said that it has no such message.
    pub(super) is_nowhere: bool,
    /// The centre can neither be asked to take messages back nor to take them again.
    pub(super) unsupported: bool,
}

impl Doubt {
    pub(super) const fn new(since: Duration) -> Self {
        Self { since, is_nowhere: false, unsupported: false }
    }
}

/// A text in hand.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) text: EffectId,
    pub(super) part: u8,
    pub(super) pieces: Pieces,
    pub(super) phase: Phase,
}

/// A text as the centre takes it.
#[derive(Debug)]
pub(super) enum Pieces {
    /// Message by message.
    Cut(Cut),
    /// Whole.
    Whole(WholeText),
}

impl Pieces {
    fn of(row: &EffectRow, manner: Manner, alphabet: Alphabet, province: ProvinceId) -> Option<Self> {
        let Effect::Sms { to, language, text } = &row.effect else { return None };
        let words = text.render(*language);
        Some(match manner {
            Manner::Messages => Self::Cut(cut(&words, alphabet, row.id.0.to_le_bytes()[0])),
            Manner::Texts { .. } => Self::Whole(WholeText { to: *to, words, name: name_of(province, row.at, row.id) }),
        })
    }

    /// How many the centre takes one by one.
    fn count(&self) -> u8 {
        match self {
            Self::Cut(cut) => u8::try_from(cut.messages.len()).expect("bounded"),
            Self::Whole(_) => 1,
        }
    }
}

/// What the state says of a job.
enum Seen {
    /// Nothing of it is to be sent any more.
    Over,
    /// This part is to be asked.
    Next(u8),
    /// This part is asked.
    Asked(u8),
}

fn see(state: &State, id: EffectId) -> Seen {
    if state.effect(id).is_none() {
        return Seen::Over;
    }
    let Some(text) = state.text(id) else { return Seen::Next(0) };
    if text.fate != Fate::Sending {
        return Seen::Over;
    }
    let at = |is: fn(&PartStatus) -> bool| {
        let place = text.parts.iter().position(|part| is(&part.status));
        place.map(|place| u8::try_from(place).expect("bounded"))
    };
    at(|part| matches!(part, PartStatus::Asked(_)))
        .map(Seen::Asked)
        .or_else(|| at(|part| *part == PartStatus::Waiting).map(Seen::Next))
        .unwrap_or(Seen::Over)
}

impl Desk {
    /// From which of our numbers a part goes.
    pub(super) fn source_of(&self, text: EffectId, part: u8) -> String {
        let smpp = &self.context.settings.smpp;
        let digits = usize::from(smpp.source_extension_digits);
        if digits == 0 {
            return smpp.source.clone();
        }
        let extension = (text.0 + u64::from(part)) % 10_u64.pow(u32::from(smpp.source_extension_digits));
        format!("{}{extension:0digits$}", smpp.source)
    }

    /// Begins with numbers that have something to send, as far as the window goes.
    pub(super) fn begin(&mut self) {
        while self.context.replica.read(|state| {
            let rows = state.effects_from(self.lines.cursor()).take(ROWS_PER_READ_MAX);
            let rows = rows.map(|row| match row.effect {
                Effect::Sms { to, .. } => (row.id, Some(to)),
                _ => (row.id, None),
            });
            let ready = &mut self.ready;
            self.lines.read(rows.inspect(|(_, to)| ready.extend(*to)))
        }) {}
        let window = self.context.settings.smpp.window;
        let active =
            self.jobs.values().filter(|job| !matches!(job.phase, Phase::Doubtful(_) | Phase::Cancelling(..))).count();
        let mut room = window.saturating_mul(2).saturating_sub(active).min(JOBS_MAX.saturating_sub(self.jobs.len()));
        for _ in 0..LOOKED_AT_MAX {
            if room == 0 {
                break;
            }
            // Each in turn: the next number after the last one, so that none waits for ever behind lower ones.
            let after = self.ready.range((Bound::Excluded(self.turn), Bound::Unbounded)).next();
            let Some(to) = after.or_else(|| self.ready.first()).copied() else { break };
            self.ready.remove(&to);
            self.turn = to;
            // A number in hand comes again when that text is done.
            if !self.jobs.contains_key(&to) && self.take_up(to) {
                room -= 1;
                self.ask(to);
            }
        }
    }

    /// Takes a number's oldest text in hand; false when there is none.
    fn take_up(&mut self, to: Msisdn) -> bool {
        loop {
            if let Some(from) = self.lines.behind(to) {
                let lines = &mut self.lines;
                self.context.replica.read(|state| {
                    lines.catch_up(
                        to,
                        state.effects_from(from).map(|row| match row.effect {
                            Effect::Sms { to, .. } => (row.id, Some(to)),
                            _ => (row.id, None),
                        }),
                    );
                });
            }
            let Some(id) = self.lines.hand_out(to, 1).pop() else {
                if self.lines.behind(to).is_none() {
                    self.lines.forget(to);
                    return false;
                }
                continue;
            };
            let found = self.context.replica.read(|state| state.effect(id).cloned());
            let pieces = found.and_then(|row| Pieces::of(&row, self.manner, self.alphabet, self.context.province));
            let Some(pieces) = pieces else {
                self.lines.done(to, [id]);
                continue;
            };
            self.jobs.insert(to, Job { text: id, part: 0, pieces, phase: Phase::Held });
            return true;
        }
    }

    /// Jobs that were held go on.
    pub(super) fn resume(&mut self, myself: &ActorRef<DeskMessage>) {
        let held = self.jobs.iter().filter(|(_, job)| matches!(job.phase, Phase::Held)).map(|(to, _)| *to);
        for to in held.collect::<Vec<_>>() {
            self.ask(to);
        }
        let asked = self.jobs.iter().filter(|(_, job)| matches!(job.phase, Phase::Asking)).map(|(to, _)| *to);
        for to in asked.collect::<Vec<_>>() {
            self.submit_if_asked(to, myself);
        }
    }

    /// Has the next part of a job marked as asked, or finds that one is in doubt already.
    fn ask(&mut self, to: Msisdn) {
        let now = self.now();
        let Some(job) = self.jobs.get_mut(&to) else { return };
        match self.context.replica.read(|state| see(state, job.text)) {
            Seen::Over => self.finish(to),
            // A leader of before has asked; whether it was sent is not known.
            Seen::Asked(part) => {
                job.part = part;
                job.phase = Phase::Doubtful(Doubt::new(now));
            }
            Seen::Next(part) => {
                job.part = part;
                job.phase = Phase::Asking;
                let parts = job.pieces.count();
                self.news.push(TextNews { text: job.text, part, news: PartNews::Asks { parts } });
            }
        }
    }

    /// Looks at a job after something was recorded.
    pub(super) fn look(&mut self, to: Msisdn) {
        let Some(job) = self.jobs.get_mut(&to) else { return };
        // What is still to be recorded comes first.
        if self.news.iter().any(|news| news.text == job.text) {
            return;
        }
        let seen = self.context.replica.read(|state| see(state, job.text));
        match (&job.phase, seen) {
            (Phase::Held, _) => {}
            (_, Seen::Over) => self.finish(to),
            // Until its receipt has come, before its answer or instead of it.
            (
                Phase::Asking | Phase::Submitting { .. } | Phase::Doubtful(_) | Phase::Cancelling(..),
                Seen::Asked(part),
            ) if part == job.part => {}
            _ => job.phase = Phase::Held,
        }
    }

    /// A part that is marked goes to the centre.
    fn submit_if_asked(&mut self, to: Msisdn, myself: &ActorRef<DeskMessage>) {
        let Some(job) = self.jobs.get(&to) else { return };
        if !self.is_in_record(job.text) {
            self.submit(to, false, myself);
        }
    }

    /// Hands a part that is marked over, `again` when its answer was lost before.
    pub(super) fn submit(&mut self, to: Msisdn, again: bool, myself: &ActorRef<DeskMessage>) {
        let Some(job) = self.jobs.get(&to) else { return };
        let (text, part) = (job.text, job.part);
        let (asked, tries) =
            self.context.replica.read(|state| (state.asked_part(to), state.text(text).map_or(0, |text| text.tries)));
        if asked != Some((text, part)) || !self.tenure.holds() {
            return;
        }
        let handed = match &job.pieces {
            Pieces::Whole(whole) => Handed::Text(whole.clone()),
            Pieces::Cut(cut) => Handed::Message(ShortMessage {
                source: self.source_of(text, part),
                to,
                coding: cut.coding,
                bytes: cut.messages.get(usize::from(part)).cloned().unwrap_or_default(),
                is_part: cut.is_in_parts(),
                reference: reference_of(text, part, tries),
            }),
        };
        let report = Report::new(myself.clone(), DeskMessage::Submitted(to, text, part, Err(Lost::Unknown)));
        let centre = self.centre.clone();
        let work = async move {
            let result = centre.submit(handed).await;
            report.say(DeskMessage::Submitted(to, text, part, result));
        };
        let task = Task::start(&self.context.seams, "text handed over", Box::pin(work));
        if let Some(job) = self.jobs.get_mut(&to) {
            job.phase = Phase::Submitting { task, again };
        }
    }

    /// Is something of this text being recorded, so that it is not known how it stands?
    fn is_in_record(&self, text: EffectId) -> bool {
        self.recording.is_some() && self.in_record.0.iter().any(|news| news.text == text)
    }

    /// The centre has said something of a message, or nothing.
    pub(super) fn submitted(&mut self, to: Msisdn, (text, part): (EffectId, u8), result: Result<Submitted, Lost>) {
        let now = self.now();
        let named = match &result {
            Ok(Submitted::Taken(_)) => "accepted",
            Ok(Submitted::Busy) => "busy",
            Ok(Submitted::Refused(_)) => "refused",
            Err(Lost::NotSent) => "not_sent",
            Err(Lost::Unknown) => "no_answer",
        };
        metrics::counter!("mpss_sms_total", "result" => named).increment(1);
        let Some(job) = self.jobs.get_mut(&to).filter(|job| (job.text, job.part) == (text, part)) else { return };
        let Phase::Submitting { again, .. } = job.phase else { return };
        // That it is not taken now says nothing of the time before.
        let is_open = again && !matches!(result, Ok(Submitted::Taken(_)));
        if is_open || matches!(result, Err(Lost::Unknown)) {
            tracing::info!(?to, again, result = named, "what became of a text is not known");
            job.phase = Phase::Doubtful(Doubt::new(now));
            self.look(to);
            return;
        }
        job.phase = Phase::Settling;
        let news = match result {
            Ok(Submitted::Taken(message)) => {
                self.busy = 0;
                PartNews::Taken { message }
            }
            Ok(Submitted::Refused(why)) => PartNews::Refused { why },
            Ok(Submitted::Busy) | Err(_) => {
                // Many at once are one reason to pause.
                if now >= self.paused_until {
                    self.busy = self.busy.saturating_add(1);
                    self.paused_until = now + self.backoff.pause(self.busy, &*self.context.seams.random);
                }
                PartNews::NotTaken
            }
        };
        self.news.push(TextNews { text, part, news });
    }

    /// A text needs nothing any more; the number's next one may go.
    pub(super) fn finish(&mut self, to: Msisdn) {
        if let Some(job) = self.jobs.remove(&to) {
            self.lines.done(to, [job.text]);
            self.ready.insert(to);
        }
    }
}
