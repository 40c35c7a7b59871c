//! What is done about a message whose answer was lost. It is sent again only when it is certain that the centre has it
//! not; the rule and its reasons are in `docs/decisions/0403-sms.md`.
//!
//! ```text
//!  no answer ─wait─▶ cancel_sm ──"gone"─────────────────▶ it had it, and has it no more: again
//!      │                ├──────"none"──wait────────────▶ delivered ones have their receipt by then: again
//!      │                └──────no answer, not offered──▶ wait, and ask again
//!      ├─ asked again by the same name, where that is the same text to the centre ──▶ taken
//!      ├─ a receipt ──▶ it was taken
//!      └─ the bound ──▶ unknown
//! ```

use std::time::Duration;

use mpss_domain::texts::{PartNews, PartStatus, TextNews};
use mpss_domain::{EffectId, LogTime, Msisdn, State};
use ractor::ActorRef;

use super::job::{Doubt, Phase};
use super::{Desk, DeskMessage};
use crate::gateway::message_centre::{Cancelled, Manner};
use crate::gateway::rail::Lost;
use crate::supervision::tasks::{Report, Task};

impl Desk {
    /// Asks about what has been in doubt for long enough.
    pub(super) fn ask_about_doubts(&mut self, myself: &ActorRef<DeskMessage>) {
        let smpp = &self.context.settings.smpp;
        let wait = Duration::from_millis(smpp.receipt_wait_ms);
        let (now, open_since) = (self.now(), self.open_since.unwrap_or_default());
        let mut next: Option<Duration> = None;
        let mut over = Vec::new();
        for (to, job) in &self.jobs {
            let Phase::Doubtful(doubt) = &job.phase else { continue };
            // Without a line no receipt can come, so that time does not count.
            let due = doubt.since.max(open_since) + wait;
            if due <= now {
                over.push((*to, job.text, job.part, *doubt));
            } else if next.is_none_or(|next| due < next) {
                next = Some(due);
            }
        }
        for (to, text, part, doubt) in over {
            self.ask_about(to, (text, part), doubt, myself);
        }
        if let Some(next) = next {
            self.alarm.set(&self.context.seams, next, myself, DeskMessage::Alarm);
        }
    }

    fn ask_about(&mut self, to: Msisdn, (text, part): (EffectId, u8), doubt: Doubt, myself: &ActorRef<DeskMessage>) {
        if doubt.is_nowhere {
            self.say(to, (text, part), PartNews::NotTaken);
            return;
        }
        let source = self.source_of(text, part);
        let (asked, alone) = self.context.replica.read(|state| {
            let asked = match state.text(text).and_then(|text| text.parts.get(usize::from(part))) {
                Some(part) => match part.status {
                    PartStatus::Asked(at) => Some(at),
                    _ => None,
                },
                None => None,
            };
            (asked, self.is_alone(state, to, &source))
        });
        let again = Doubt { since: self.now(), ..doubt };
        let Some(asked) = asked else {
            // Its receipt has come by another door; the number's next text may go.
            self.set_doubt(to, again);
            let _ = myself.send_message(DeskMessage::Alarm);
            return;
        };
        let wall = LogTime(self.context.seams.clock.wall_ms());
        if wall.ms_since(asked) >= self.context.settings.smpp.give_up_ms {
            tracing::warn!(?to, "what became of a text will not be known");
            self.say(to, (text, part), PartNews::Unknown);
            return;
        }
        if self.manner == (Manner::Texts { known_again: true }) {
            self.set_doubt(to, again);
            self.submit(to, true, myself);
            self.ask_about_doubts_later(myself);
            return;
        }
        if !alone || doubt.unsupported || self.manner != Manner::Messages {
            // Another message from the same number of ours would be taken back with it, or none can be.
            self.set_doubt(to, again);
            self.ask_about_doubts_later(myself);
            return;
        }
        let report = Report::new(myself.clone(), DeskMessage::Cancelled(to, text, part, Err(Lost::Unknown)));
        let centre = self.centre.clone();
        let work = async move {
            let result = centre.cancel(source, to).await;
            report.say(DeskMessage::Cancelled(to, text, part, result));
        };
        let task = Task::start(&self.context.seams, "cancel_sm", Box::pin(work));
        if let Some(job) = self.jobs.get_mut(&to) {
            job.phase = Phase::Cancelling(task, again);
        }
    }

    /// Is there nothing else on its way from one number of ours to the other?
    fn is_alone(&self, state: &State, to: Msisdn, source: &str) -> bool {
        state.texts_of(to).all(|text| {
            (0_u8..)
                .zip(&text.parts)
                .all(|(at, part)| !matches!(part.status, PartStatus::Taken(_)) || self.source_of(text.id, at) != source)
        })
    }

    /// What the centre said when a message was to be taken back.
    pub(super) fn cancelled(&mut self, to: Msisdn, (text, part): (EffectId, u8), result: Result<Cancelled, Lost>) {
        let now = self.now();
        let Some(job) = self.jobs.get(&to).filter(|job| (job.text, job.part) == (text, part)) else { return };
        let Phase::Cancelling(_, doubt) = &job.phase else { return };
        let doubt = Doubt { since: now, ..*doubt };
        match result {
            Ok(Cancelled::Gone) => self.say(to, (text, part), PartNews::NotTaken),
            Ok(Cancelled::Nothing) => self.set_doubt(to, Doubt { is_nowhere: true, ..doubt }),
            Ok(Cancelled::Unsupported) => self.set_doubt(to, Doubt { unsupported: true, ..doubt }),
            Err(_) => self.set_doubt(to, doubt),
        }
    }

    fn say(&mut self, to: Msisdn, (text, part): (EffectId, u8), news: PartNews) {
        if let Some(job) = self.jobs.get_mut(&to) {
            job.phase = Phase::Settling;
            self.news.push(TextNews { text, part, news });
        }
    }

    fn set_doubt(&mut self, to: Msisdn, doubt: Doubt) {
        if let Some(job) = self.jobs.get_mut(&to) {
            job.phase = Phase::Doubtful(doubt);
        }
        // A receipt may have come meanwhile.
        self.look(to);
    }

    fn ask_about_doubts_later(&mut self, myself: &ActorRef<DeskMessage>) {
        let wait = Duration::from_millis(self.context.settings.smpp.receipt_wait_ms);
        let at = self.now() + wait;
        self.alarm.set(&self.context.seams, at, myself, DeskMessage::Alarm);
    }
}
